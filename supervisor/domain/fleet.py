"""A frozen picture of everything, which every face reads and none computes. Times: seconds since the epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from supervisor.domain.account import Account
from supervisor.domain.actions import Severity
from supervisor.domain.activity import Activity
from supervisor.domain.beats import next_run
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat
from supervisor.domain.health import Health, HealthState
from supervisor.domain.maintenance import Planned
from supervisor.domain.policy import Policy
from supervisor.domain.silences import NO_SILENCES, Coverage, Silences
from supervisor.domain.trend import Trend
from supervisor.domain.vitals import Pause


class Status(StrEnum):
    """The whole in one word, with the exit code that monitoring plugins give it."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0 ok, 1 warning, 2 critical, 3 unknown."""
        return {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}[self]


class Modifier(StrEnum):
    """What is true of an agent beside its state."""

    HELD = "held"
    SILENCED = "silenced"
    UNOBSERVED = "unobserved"
    EXHAUSTED = "exhausted"
    CLOCK_SKEW = "clock_skew"
    STALLED = "stalled"
    UNMET = "unmet"
    LOOPING = "looping"
    FLAPPING = "flapping"
    PAUSED = "paused"


_NOTABLE = frozenset(Modifier) - {Modifier.SILENCED, Modifier.UNOBSERVED, Modifier.CLOCK_SKEW}
"""What is worth a look in an agent that is well."""


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """When an agent runs: `next_run` is awaited for `grace` seconds."""

    expression: str
    time_zone: str
    grace: float
    next_run: float


@dataclass(frozen=True, slots=True)
class AgentView:
    """One agent as people and programs see it.

    Args:
        due: when the next miss falls, None where no heartbeat is awaited.
        restarts, errors: since it was registered.
        held_by, held_reason: who holds its restarts, and why; None where nobody does.
        activity: the work that puts a restart off; None where none does.
        pause: while it runs nothing is expected of it.
        silenced_until: until when nobody is told that it is silent.
        heartbeat_timeout: None where it has a schedule.
    """

    name: str
    status: HealthState
    last_heartbeat: float | None
    consecutive_misses: int
    restarts: int
    errors: int
    reason: str
    modifiers: tuple[Modifier, ...]
    since: float
    due: float | None
    heartbeat_timeout: float | None
    restart_at: float | None
    held_until: float | None
    incarnation: str | None
    beat: Beat | None
    restarter: str | None
    held_by: str | None = None
    held_reason: str | None = None
    activity: Activity | None = None
    pause: Pause | None = None
    silenced_until: float | None = None
    schedule: ScheduleView | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything at one moment.

    Args:
        observed: False while the gate is closed.
        doubts: why it is closed.
        unregistered: names seen in the heartbeats folder that nobody configured.
        books: the books beside the agents.
        trend: how the books' totals went.
        page_error: why the dashboard's file could not be written the last time; empty where it was.
        silences: what is silenced.
        covered: each of the silences, with what falls under it in the whole fleet.
        planned: the windows of maintenance.
    """

    at: float
    status: Status
    agents: tuple[AgentView, ...]
    incidents: tuple[Incident, ...]
    observed: bool = True
    doubts: tuple[str, ...] = ()
    unregistered: tuple[str, ...] = ()
    books: Account = Account()
    trend: Trend = Trend()
    page_error: str = ""
    silences: Silences = NO_SILENCES
    covered: tuple[Coverage, ...] = ()
    planned: tuple[Planned, ...] = ()


def view(
    name: str,
    health: Health,
    *,
    now: float,
    policy: Policy,
    restarter: str | None,
    silenced_until: float | None,
    observed: bool,
) -> AgentView:
    """Return the picture of one agent."""
    held = health.held_until is not None and now < health.held_until
    at_work = health.activity.since is not None and health.restart_at is not None
    true = {
        Modifier.PAUSED: health.pause is not None,
        Modifier.HELD: held,
        Modifier.SILENCED: silenced_until is not None,
        Modifier.UNOBSERVED: not observed,
        Modifier.EXHAUSTED: health.exhausted,
        Modifier.CLOCK_SKEW: health.beat is not None and health.beat.skew > 0,
        Modifier.STALLED: health.progress.nudged,
        Modifier.UNMET: health.postcondition.nudged,
        Modifier.LOOPING: health.loop.nudged,
        Modifier.FLAPPING: health.flapping.on,
    }
    return AgentView(
        name=name,
        status=health.state,
        last_heartbeat=None if health.beat is None else health.beat.at,
        consecutive_misses=health.misses,
        restarts=health.restarts,
        errors=health.errors,
        reason=health.reason,
        modifiers=tuple(modifier for modifier, yes in true.items() if yes),
        since=health.since,
        due=health.due,
        heartbeat_timeout=policy.heartbeat_timeout if policy.schedule is None else None,
        restart_at=health.restart_at,
        held_until=health.held_until,
        incarnation=None if health.beat is None else health.beat.incarnation,
        beat=health.beat,
        restarter=restarter,
        held_by=health.held_by if held else None,
        held_reason=health.held_reason or None if held else None,
        activity=health.activity if at_work else None,
        pause=health.pause,
        silenced_until=silenced_until,
        schedule=_schedule(health, policy, now),
    )


def _schedule(health: Health, policy: Policy, now: float) -> ScheduleView | None:
    plan = policy.schedule
    if plan is None:
        return None
    return ScheduleView(plan.expression, plan.time_zone, plan.grace, next_run(health, plan, policy, now))


def narrowed(fleet: Fleet, subjects: Collection[str]) -> Fleet:
    """Return the picture of only these agents (or `books`, `fleet`, `supervisor`), and of what is wrong with them."""
    agents = tuple(agent for agent in fleet.agents if agent.name in subjects)
    incidents = tuple(incident for incident in fleet.incidents if incident.subject in subjects)
    status = overall(agents, incidents, observed=fleet.observed)
    return replace(fleet, agents=agents, incidents=incidents, status=status)


_RANK = {
    HealthState.ESCALATED: 0,
    HealthState.UNHEALTHY: 1,
    HealthState.RESTARTING: 2,
    HealthState.UNKNOWN: 4,
    HealthState.HEALTHY: 5,
    HealthState.STOPPED: 6,
}
_RANK_NOTABLE = 3
"""After what is ill: an agent that is not, and of which there is something to know."""


def notable(agent: AgentView, troubled: Collection[str]) -> bool:
    """Whether there is more to know of an agent than its state. `troubled`: the subjects of the open incidents."""
    return agent.name in troubled or not _NOTABLE.isdisjoint(agent.modifiers)


def troubled(incidents: Iterable[Incident]) -> frozenset[str]:
    """Return what the open ones of these incidents are about."""
    return frozenset(one.subject for one in incidents if one.state is not IncidentState.RESOLVED)


def worst_first(agents: Iterable[AgentView], incidents: Iterable[Incident] = ()) -> tuple[AgentView, ...]:
    """Return the agents in the order in which people want to see them: by need, then by name."""
    subjects = troubled(incidents)

    def rank(agent: AgentView) -> tuple[int, str]:
        own = _RANK[agent.status]
        return (min(own, _RANK_NOTABLE) if notable(agent, subjects) else own), agent.name

    return tuple(sorted(agents, key=rank))


def overall(agents: Iterable[AgentView], incidents: Iterable[Incident], *, observed: bool) -> Status:
    """Return the state of the whole: the worst thing that is known, unknown only where nothing is worse."""
    states = {agent.status for agent in agents}
    open_ = [incident for incident in incidents if incident.state is not IncidentState.RESOLVED]
    critical = any(incident.severity is Severity.CRITICAL for incident in open_)
    if HealthState.ESCALATED in states or critical:
        return Status.CRITICAL
    if states & {HealthState.UNHEALTHY, HealthState.RESTARTING} or open_:
        return Status.WARNING
    if HealthState.UNKNOWN in states or not observed or not states:
        return Status.UNKNOWN
    return Status.OK
