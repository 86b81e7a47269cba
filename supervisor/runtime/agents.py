"""One coroutine per agent: wait for an event or the deadline, ask the machine, hand on the actions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from supervisor.domain import actions, health, inheritance, records
from supervisor.domain.actions import Cause, HealthAction, Severity
from supervisor.domain.events import (
    Beat,
    BeatKind,
    CheckAsked,
    DeadlineReached,
    FilesSeen,
    HealthEvent,
    HeartbeatSeen,
    ProcessExited,
    Registered,
    RestartFinished,
    StartAsked,
)
from supervisor.domain.health import Health
from supervisor.ports import Clock, Keeper, RefusedError, Restarter, UnknownNameError
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.evidence import evidence, tried
from supervisor.runtime.executor import Executor
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.lookout import calls_for_files
from supervisor.runtime.mailbox import Mailbox
from supervisor.runtime.plan import AgentPlan
from supervisor.runtime.telling import key, lasting, told

_MOST_TOGETHER = 100
"""Of more beats that are read together the oldest are not heard."""

_AFTER_FAILURE = 1.0
_AFTER_MANY = 30.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What every agent's coroutine works with.

    Args:
        read: reads the heartbeat files of one agent now; returns its new heartbeats, oldest first.
        newest: returns when the newest file that matches each of these patterns was written, None where there is none;
            nothing of what can not be looked at.
        on_restarted: called with an agent's name when a restart of it has ended.
    """

    clock: Clock
    journal: Journal
    desk: Desk
    executor: Executor
    gate: Gatekeeper
    read: Callable[[str], Awaitable[list[Beat]]]
    newest: Callable[[Sequence[str]], Awaitable[Mapping[str, float | None]]]
    on_restarted: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kin:
    """How an agent learns of those that it depends on, and tells those that depend on it.

    Args:
        down: returns which of these agents is down, "" where none is.
        well: called with an agent's name when it was down and is so no more.
    """

    down: Callable[[Iterable[str]], str]
    well: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Question:
    """An event whose sender wants to know what came of it."""

    event: HealthEvent
    answer: asyncio.Future[tuple[HealthAction, ...]]

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Agent:
    """One agent: its plan, its health, and the coroutine that keeps the two."""

    __slots__ = (
        "_kin",
        "_mailbox",
        "_over",
        "_parked",
        "_refused",
        "_tools",
        "health",
        "name",
        "plan",
        "restarter",
        "saved",
    )

    def __init__(self, name: str, plan: AgentPlan, known: Health, tools: Tools, kin: Kin) -> None:
        self.name = name
        self.plan = plan
        self.health = known
        self.saved = known
        self.restarter: Restarter | None = None if plan.make is None else plan.make()
        self._tools = tools
        self._kin = kin
        self._mailbox: Mailbox[HealthEvent | _Question] = Mailbox(tools.clock)
        self._over = False
        self._parked = False
        self._refused: actions.RestartRefused | None = None

    @property
    def awaited(self) -> bool:
        """Whether it has beaten, and is to beat again; nobody counts on a drill's."""
        return self.health.beat is not None and self.health.due is not None and not self.plan.drill

    @property
    def overdue(self) -> bool:
        """Whether its deadline has passed, judged or not."""
        return _overdue(self.health, self._tools.clock.now())

    def tell(self, event: HealthEvent) -> None:
        """Tell the agent's machine a fact, soon."""
        self._mailbox.put(event)

    def gate_opened(self) -> None:
        """Decide now, if that waited for the gate."""
        if self._parked:
            self.tell(DeadlineReached())

    def take(self, beats: Sequence[Beat]) -> None:
        """Tell the machine of the beats that were read together: the newest counts."""
        for seen in self._seen(beats):
            self.tell(seen)

    async def ask(self, event: HealthEvent) -> tuple[HealthAction, ...]:
        """Tell a fact, and return what the machine made of it. Raises UnknownNameError once it is watched no more."""
        if self._over:
            raise self._unwatched()
        answer: asyncio.Future[tuple[HealthAction, ...]] = asyncio.get_running_loop().create_future()
        self._mailbox.put(_Question(event, answer))
        return await answer

    def move_time(self, event: HealthEvent) -> None:
        """Move the kept times at once: no deadline may ring between the clock's step and this."""
        self.health, _ = self._judge(event)

    def inherit(self, earlier: Health) -> None:
        """Take over what an earlier life of the supervisor knew, where this one knows nothing newer."""
        beat = self.health.beat
        self.health = inheritance.inherited(self.health, earlier)
        self.move_time(Registered())
        self.resume()
        if beat is not None:
            self.tell(HeartbeatSeen(beat))

    def resume(self) -> None:
        """Carry out the restart that is under way, if one is, or join it where an earlier life began it."""
        attempt = self.health.attempt
        if self.restarter is None or attempt is None or not self.health.restarting:
            return
        if not self._tools.executor.running(self.name):
            effect = self.health.effect(attempt)
            self._tools.executor.start(self.name, self.restarter, attempt.number, effect, self.tell)

    async def run(self) -> None:
        """Live, for ever. A fault in a turn stays this agent's own."""
        failures = 0
        while True:
            try:
                # Most of its life an agent waits here: in this one coroutine, for each takes 250 bytes and more.
                until = None if self._parked else self.health.deadline
                while not self._mailbox.ready(until):
                    await self._mailbox.parked(until)
                await self._turn(self._mailbox.pop())
                failures = 0
            except Exception as error:  # noqa: BLE001 - one agent's fault must not end the others
                failures += 1
                await self._recover(error, failures)

    async def mind(self) -> None:
        """Where the supervisor runs this agent: start or adopt it, and tell of each of its ends, for ever."""
        failures = 0
        while True:
            try:
                await self._keep()
                failures = 0
            except Exception as error:  # noqa: BLE001 - as above
                failures += 1
                await self._recover(error, failures)

    async def look(self) -> None:
        """Read the heartbeat files now, and take what is new."""
        for seen in self._seen(await self._tools.read(self.name)):
            await self._hear(seen)

    def resolve(self, change: Change, causes: Iterable[Cause], summary: str) -> None:
        """Resolve its incidents of these causes, those that are open."""
        for cause in causes:
            self._tools.desk.resolve(change, key(self.name, cause), summary)

    def close(self) -> None:
        """Stop the timer; whoever still waits for an answer gets none."""
        self._over = True
        for item in self._mailbox.close():
            if isinstance(item, _Question):
                item.fail(self._unwatched())

    # --- inside ---

    def _unwatched(self) -> UnknownNameError:
        return UnknownNameError(f"{self.name} is watched no more")

    def _seen(self, beats: Sequence[Beat]) -> list[HeartbeatSeen]:
        """Return the newest beat of a life that is not over, of those read together, oldest first, with the others.

        Where it begins a run, the end of the run before counts, too.
        """
        retired = self.health.retired
        living = [beat for beat in beats if beat.kind is not BeatKind.LOG and beat.incarnation not in retired]
        ends = [number for number, beat in enumerate(living, 1) if beat.kind is not BeatKind.START]
        cut = ends[-1] if ends else 0
        return [_together(part) for part in (living[:cut], living[cut:]) if part]

    async def _recover(self, error: Exception, failures: int) -> None:
        text = f"{type(error).__name__}: {error}"
        self._tools.journal.note(records.ServiceFailed(f"agent:{self.name}", text, failures))
        self.resume()  # a restart that was decided is carried out all the same
        await asyncio.sleep(min(_AFTER_FAILURE * 2.0 ** min(failures - 1, 30), _AFTER_MANY))

    async def _keep(self) -> None:
        keeper: Keeper = self.restarter  # type: ignore[assignment]  # only called where the plan says managed
        adopted = await keeper.adopt()
        if adopted:
            self._tools.journal.note(records.AgentAdopted(self.name))
        if self.health.restarting:
            self.resume()
        elif not adopted:
            # Whether it said `stop` or not: it does so when we end it, too, with the supervisor.
            self.tell(StartAsked())
        async for end in keeper.exits():
            self._tools.journal.note(records.AgentExited(self.name, end.code, end.detail))
            self.tell(ProcessExited(end.code, end.detail))

    async def _turn(self, item: HealthEvent | _Question | None) -> None:
        self._parked = False
        match item:
            case None:
                await self._deadline()
            case DeadlineReached():
                pass  # the gate has opened, or times have moved: the next turn finds what has passed meanwhile
            case _Question(event):
                try:
                    done = await self._hear(event)
                except BaseException as error:
                    item.fail(error if isinstance(error, Exception) else RefusedError(f"{self.name} is being let go"))
                    raise
                if not item.answer.done():
                    item.answer.set_result(done)
            case _:
                await self._hear(item)

    async def _hear(self, event: HealthEvent) -> tuple[HealthAction, ...]:
        if isinstance(event, ProcessExited | CheckAsked):
            await self.look()
            for beat in self._mailbox.take(HeartbeatSeen):
                await self._hear(beat)
        await self._look_at_files(event)
        return await self._apply(event)

    async def _look_at_files(self, event: HealthEvent) -> None:
        """Look at the files that it makes, or works on, where that can change what becomes of `event`."""
        if calls_for_files(self.health, event, self._tools.clock.now(), self.plan.policy):
            paths = [*self.plan.policy.activity, *(one.path for one in self.health.postcondition.outcomes)]
            await self._apply(FilesSeen(await self._tools.newest(paths)))

    async def _deadline(self) -> None:
        """The deadline has passed: what is on disk is read first, then the gate is asked, then it counts."""
        if _overdue(self.health, self._tools.clock.now()) and not self.plan.drill:
            # Before anything is awaited: those who fall silent together are counted before the first is judged.
            self._tools.gate.overdue(self.name)
        await self._look_at_files(DeadlineReached())
        await self.look()  # the last thing that is waited for: no heartbeat comes too late by that
        if self._mailbox:
            return  # a heartbeat that was being read when the deadline rang is heard first
        if self._tools.gate.trusts(self.name):
            await self._apply(DeadlineReached())
        else:
            self._parked = True

    def _judge(self, event: HealthEvent) -> tuple[Health, tuple[HealthAction, ...]]:
        now, policy, trusted = self._tools.clock.now(), self.plan.policy, self._tools.gate.trusts(self.name)
        parent = self._kin.down(policy.depends_on)
        return health.handle(self.health, event, now, policy, name=self.name, trusted=trusted, parent=parent)

    async def _apply(self, event: HealthEvent) -> tuple[HealthAction, ...]:
        before, now = self.health, self._tools.clock.now()
        if isinstance(event, HeartbeatSeen) and event.beat.at > now:
            # The clock was set back since it was read.
            *earlier, beat = (replace(one, at=min(one.at, now)) for one in (*event.earlier, event.beat))
            event = replace(event, beat=beat, earlier=tuple(earlier))
        after, wanted = self._judge(event)
        if after is before and not wanted:
            return ()
        self.health = after
        tools = self._tools
        change = Change()
        change.records.extend(told(self.name, event, before, after, now))
        for action in wanted:
            self._note_action(change, action, before, after)
        if after.state is not before.state:
            change.records.append(records.HealthChanged(self.name, before.state.value, after.state.value, after.reason))
        if (isinstance(event, HeartbeatSeen) or not after.misses) and not _overdue(after, now):
            tools.gate.beating(self.name)
        if wanted or lasting(before, after):
            change.agents[self.name] = self.saved = after
            await tools.journal.commit(change)
        else:
            tools.journal.note(*change.records)
        if isinstance(event, RestartFinished):
            tools.on_restarted(self.name)
        self._follow_up(before, after, wanted)
        return wanted

    def _follow_up(self, before: Health, after: Health, wanted: Iterable[HealthAction]) -> None:
        """Do what the transition calls for, now that it is written."""
        if any(isinstance(action, actions.Restart) for action in wanted):
            self.resume()
        if (before.down or _overdue(before, self._tools.clock.now())) and not after.down:
            self._kin.well(self.name)

    def _note_action(self, change: Change, action: HealthAction, before: Health, after: Health) -> None:
        match action:
            case actions.Missed(count, due, reason):
                change.records.append(records.HeartbeatMissed(self.name, count, due, reason))
                if before.incident and self._tools.desk.find(key(self.name, Cause.HEARTBEAT)) is not None:
                    # Whoever looks at it sees how it stands; nobody is told anew.
                    grown = actions.OpenIncident(Cause.HEARTBEAT, Severity.CRITICAL, health.told(after))
                    self._note_action(change, grown, before, after)
            case actions.Restart(first=True):
                pass
            case actions.Restart(_, reason):
                self._refused = None
                kind = self.plan.kind or ""
                change.records.append(records.RestartStarted(self.name, after.restarts, kind, reason))
            case actions.RestartRefused(reason, until, detail):
                # Each further miss is refused for the same reason: it is said once.
                if action != self._refused or not after.misses:
                    change.records.append(records.RestartRefused(self.name, reason.value, until, detail))
                self._refused = action
            case actions.OpenIncident() if self.plan.drill:
                pass  # only of incidents people are told
            case actions.OpenIncident(cause, severity, summary):
                # What warns of an agent that beats has a reason of its own.
                reason = after.reason if cause is Cause.HEARTBEAT else summary
                found = evidence(after, reason, tried(before, after))
                self._tools.desk.open(change, key(self.name, cause), severity, summary, found)
            case actions.ResolveIncident(cause, summary):
                found = evidence(after, summary, tried(before, after))
                self._tools.desk.resolve(change, key(self.name, cause), summary, found)
            case _:
                assert_never(action)


def _together(beats: Sequence[Beat]) -> HeartbeatSeen:
    *earlier, newest = beats[-_MOST_TOGETHER:]
    return HeartbeatSeen(newest, tuple(earlier))


def _overdue(known: Health, now: float) -> bool:
    return known.due is not None and known.due <= now
