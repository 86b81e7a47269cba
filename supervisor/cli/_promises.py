"""What an agent's configuration means, in words and as a document."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from supervisor.domain.words import count, span
from supervisor.faces.documents import rfc3339

if TYPE_CHECKING:
    from supervisor.domain.policy import Policy
    from supervisor.domain.schedule import Schedule
    from supervisor.settings import Agent

_RUNS = 3
"""So many runs to come are told."""

_RESTARTED = {"managed": "run, and restarted, by the supervisor", "command": "restarted by its command"}


def document(agent: Agent) -> dict[str, Any]:
    """Return what an agent has promised, JSON-ready; null, or an empty list, for what is not judged."""
    policy = agent.policy
    return {
        "heartbeat_timeout": policy.heartbeat_timeout if policy.schedule is None else None,
        "schedule": None if policy.schedule is None else _schedule(policy.schedule),
        "max_runtime": policy.max_runtime,
        "check_interval": policy.check_interval,
        "depends_on": list(policy.depends_on),
        "progress_timeout": policy.progress_timeout,
        "loop_after": policy.loop_after,
        "expects": [{"path": one.path, "newer_than": one.newer_than} for one in policy.expects],
        "activity": list(policy.activity),
        "activity_timeout": policy.activity_timeout if policy.activity else None,
        "activity_limit": policy.activity_limit if policy.activity else None,
        "max_cost_per_hour": None if policy.max_cost_per_hour is None else f"{policy.max_cost_per_hour:f}",
        "max_tokens_per_hour": policy.max_tokens_per_hour,
        "restarter": _kind(agent),
    }


def promise(agent: Agent) -> str:
    """Return when a heartbeat is due, and what follows where none comes."""
    policy, kind = agent.policy, _kind(agent)
    restarted = _RESTARTED.get(kind, f"restarted by {kind}") if kind else "not restarted"
    beats = f"a heartbeat within {span(policy.heartbeat_timeout)}"
    if (plan := policy.schedule) is not None:
        zone = ZoneInfo(plan.time_zone)
        times = ", ".join(f"{datetime.fromtimestamp(at, zone):%a %Y-%m-%d %H:%M %Z}" for at in _runs(plan))
        beats = f"runs at {plan.expression} ({plan.time_zone}), grace {span(plan.grace)}: {times}"
    return f"{beats}, misses {span(policy.check_interval)} apart; {restarted}"


def judged(policy: Policy) -> Iterator[str]:
    """Yield a line for each further thing that the agent is judged by."""
    if policy.max_runtime is not None:
        yield f"a run ends within {span(policy.max_runtime)}"
    if policy.depends_on:
        yield f"depends on {', '.join(policy.depends_on)}: while one is down nothing follows from its misses"
    if policy.progress_timeout is not None:
        yield f"stalled where work waits for {span(policy.progress_timeout)} without progress"
    if policy.loop_after is not None:
        yield f"in a loop where {policy.loop_after} heartbeats in a row tell of the same work"
    for one in policy.expects:
        yield f"makes {one.path}, no older than {span(one.newer_than)}"
    if policy.activity:
        limits = f"{span(policy.activity_timeout)}, for {span(policy.activity_limit)} at most"
        yield f"a restart waits while it has written {', '.join(policy.activity)} in the last {limits}"
    if policy.max_cost_per_hour is not None:
        yield f"costs no more than {policy.max_cost_per_hour:f} in an hour"
    if policy.max_tokens_per_hour is not None:
        yield f"uses no more than {count(int(policy.max_tokens_per_hour), 'token')} in an hour"


def _runs(schedule: Schedule) -> list[float]:
    at, runs = time.time(), []
    for _ in range(_RUNS):
        at = schedule.after(at)
        runs.append(at)
    return runs


def _schedule(schedule: Schedule) -> dict[str, Any]:
    """Return when an agent runs, with the next three times."""
    return {
        "expression": schedule.expression,
        "time_zone": schedule.time_zone,
        "grace": schedule.grace,
        "next_runs": [rfc3339(at) for at in _runs(schedule)],
    }


def _kind(agent: Agent) -> str | None:
    return None if agent.restart_plugin is None else agent.restart_plugin.plugin.kind
