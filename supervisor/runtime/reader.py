"""Heartbeat files -> beats: what is dirty is read in batches, off the event loop, each file from where it was left."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

from supervisor.domain.events import Beat
from supervisor.domain.gate import Blinded, Doubt, Sighted
from supervisor.domain.records import AgentLog, HeartbeatInvalid, Record, UnregisteredAgent
from supervisor.formats import heartbeat
from supervisor.formats.heartbeat import Form, Parsed
from supervisor.ports import Clock, Files, FileTail, Offload
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.roster import Roster

TAIL = 64 * 1024
"""Most bytes that are read of a heartbeat file at a time."""

TORN_PATIENCE = 5.0
"""How long (s) a last line may stay unfinished before it is called torn."""

_BATCH = 250  # agents whose files are read in one go: what they bring is told in one turn of the loop
_HANG = 5.0
_HANG_PLACE = "reading heartbeats hangs"
_STRANGERS_KEPT = 1000
_GONE_KEPT = 100


@dataclass(slots=True)
class _Seen:
    """Where a file was left, and what its newest beat was.

    Args:
        lines: how many lines lie before that place, None where the reading began in the middle of the file.
        torn_since, told: since when its last line is unfinished, and whether that was said.
        broken: it was said that the file can not be read.
    """

    tail: FileTail
    lines: int | None = 0
    fingerprint: str = ""
    torn_since: float | None = None
    told: bool = False
    broken: bool = False


@dataclass(slots=True)
class Found:
    """What one read of an agent's files brought: beats that were not seen before, oldest first, and what to log.

    `torn`: the files whose last line is unfinished since this read. `present`: the agent has a file that can be read.
    """

    beats: list[Beat] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    present: bool = True


class Reader:
    """Reads heartbeat files.

    Args:
        offload: one at a time, in the order of the calls.
        look_at_clock: called before anything is read: what was written after a step of the clock must not be
            judged by the time before it.
    """

    def __init__(
        self,
        folder: Path,
        files: Files,
        clock: Clock,
        journal: Journal,
        *,
        skew_limit: float,
        offload: Offload,
        look_at_clock: Callable[[], None],
    ) -> None:
        self._folder = str(folder)  # text: a Path of each file costs as much as the reading of it
        self._files = files
        self._clock = clock
        self._journal = journal
        self._offload = offload
        self._look_at_clock = look_at_clock
        self._hung: set[object] = set()
        self.skew_limit = skew_limit
        self._seen: dict[str, _Seen] = {}
        self._dirty: dict[str, set[str] | None] = {}  # None: every file that the agent may have
        self._fileless: set[str] = set()
        self._unheard_since: float | None = None  # s since the epoch; not None while their files are gone
        self._unheard: set[str] = set()  # who had no file then
        self._vanished = ""
        self._wake = asyncio.Event()
        self._roster: Roster
        self._gate: Gatekeeper
        self._adopt: Callable[[str], bool]
        self._gone: deque[str] = deque(maxlen=_GONE_KEPT)
        self.strangers: dict[str, str] = {}

    def bind(self, roster: Roster, gate: Gatekeeper, adopt: Callable[[str], bool]) -> None:
        """Introduce those who are told of what is read; `adopt` returns whether a stranger is watched from now on."""
        self._roster = roster
        self._gate = gate
        self._adopt = adopt

    def mark(self, names: Iterable[str]) -> None:
        """Remember that the files of these names may have changed."""
        for name in names:
            self._mark(name)
        self._wake.set()

    def mark_everything(self) -> None:
        """Remember that every file an agent may have must be looked at: what is no regular file is in no listing."""
        self._dirty.update((agent.name, None) for agent in self._roster)
        self._wake.set()

    async def read(self, agent: str) -> list[Beat]:
        """Read every file of `agent` now; return the beats that were not seen before, oldest first."""
        self._dirty.pop(agent, None)
        found = (await self._read({agent: None}))[agent]
        self._journal.note(*found.records)
        return found.beats

    async def read_dirty(self) -> None:
        """Read what is dirty, and tell the agents."""
        dirty, self._dirty = iter(self._dirty.items()), {}
        while batch := dict(islice(dirty, _BATCH)):
            for name, found in (await self._read(batch)).items():
                if found.records:
                    self._journal.note(*found.records)
                if name in self._roster:
                    self._roster.get(name).take(found.beats)

    async def run(self) -> None:
        """Read what becomes dirty, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.read_dirty()

    def has_file(self, agent: str) -> bool:
        """Whether there was a heartbeat file of `agent` when its files were last read."""
        return any(f"{agent}{suffix}" in self._seen for suffix in heartbeat.SUFFIXES)

    def forget(self, agent: str) -> None:
        """Read the files of `agent` from their tails again when it comes back."""
        for suffix in heartbeat.SUFFIXES:
            self._seen.pop(f"{agent}{suffix}", None)
        self._fileless.discard(agent)

    def part(self, agent: str) -> None:
        """Forget an agent that does not come back: what it writes too late makes it no stranger."""
        self.forget(agent)
        self.strangers.pop(agent, None)
        self._gone.append(agent)

    # --- inside ---

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _mark(self, name: str) -> None:
        owned = heartbeat.owner(name)
        if owned is None:
            return
        agent = owned[0]
        if agent not in self._roster and not self._meet(agent, name):
            return
        self._add(agent, name)

    def _add(self, agent: str, name: str) -> None:
        names = self._dirty.setdefault(agent, set())
        if names is not None:
            names.add(name)

    def _meet(self, agent: str, name: str) -> bool:
        """Report an agent that nobody configured, once; return whether it is watched now."""
        if agent in self._gone or agent in self.strangers or len(self.strangers) >= _STRANGERS_KEPT:
            return False
        adopted = self._adopt(agent)
        if not adopted:
            self.strangers[agent] = name
        self._journal.note(UnregisteredAgent(agent, self._path(name), adopted))
        return adopted

    async def _read(self, wanted: dict[str, set[str] | None]) -> dict[str, Found]:
        self._look_at_clock()
        reading = object()
        timer = asyncio.get_running_loop().call_later(_HANG, self._hangs, reading)
        try:
            brought = await self._offload(partial(self._read_files, wanted))
        finally:
            timer.cancel()
            self._ends(reading)
        fileless = {agent for agent, found in brought.items() if not found.present}
        if fileless or not self._fileless.isdisjoint(brought):
            self._fileless = self._fileless.difference(brought) | fileless
            self._gate.unseen = self._fileless
            self._look_for_vanished()
        for agent, found in brought.items():
            for name in found.torn:
                # The file may never change again.
                asyncio.get_running_loop().call_later(TORN_PATIENCE, self._look_again, agent, name)
        return brought

    def _look_for_vanished(self) -> None:
        """Doubt what is seen where so many that have beaten have no file any more, or none that can be read.

        Who unmounts a disk, or forbids the folder, takes them all. The fleet's silence does not tell it: their
        deadlines pass one after another.
        """
        agents = (self._roster.get(name) for name in self._fileless if name in self._roster)
        heard = [agent.health.beat.at for agent in agents if agent.awaited and agent.health.beat is not None]
        vanished = len(heard) >= max(2.0, self._gate.policy.share * self._gate.fleet)
        if vanished and self._unheard_since is None:
            self._unheard_since = max(heard)
            forbidden = any(self.has_file(name) for name in self._fileless)
            self._vanished = (
                f"the heartbeat files {'can not be read in' if forbidden else 'are gone from'} {self._folder}"
            )
            self._gate.tell(Blinded(self._vanished, Doubt.VANISHED))
        if vanished:
            self._unheard |= self._fileless
        elif self._unheard_since is not None:
            # Those who have not beaten since had nowhere to.
            self._roster.lose_time(self._clock.now() - self._unheard_since, self._unheard)
            self._unheard_since, self._unheard = None, set()
            self._gate.tell(Sighted(self._vanished))

    def _look_again(self, agent: str, name: str) -> None:
        if agent in self._roster:
            self._add(agent, name)
            self._wake.set()

    def _hangs(self, reading: object) -> None:
        """The gate is closed for as long as any reading hangs."""
        self._hung.add(reading)
        self._gate.tell(Blinded(_HANG_PLACE))

    def _ends(self, reading: object) -> None:
        if reading in self._hung:
            self._hung.remove(reading)
            if not self._hung:
                self._gate.tell(Sighted(_HANG_PLACE))

    def _read_files(self, wanted: dict[str, set[str] | None]) -> dict[str, Found]:
        """Read the files of each agent; runs away from the event loop."""
        found: dict[str, Found] = {}
        for agent, names in wanted.items():
            brought = found[agent] = Found()
            for name in names or map(agent.__add__, heartbeat.SUFFIXES):
                try:
                    self._read_file(agent, name, self._clock.now(), brought)
                except OSError as error:
                    self._unreadable(agent, name, error.strerror or str(error), brought)
                except Exception as error:  # noqa: BLE001 - whatever is wrong with a file is wrong with that file alone
                    self._unreadable(agent, name, f"{type(error).__name__}: {error}", brought)
                else:
                    if name in self._seen:
                        self._seen[name].broken = False
            brought.beats.sort(key=lambda beat: beat.at)
            own = (self._seen.get(f"{agent}{suffix}") for suffix in heartbeat.SUFFIXES)
            brought.present = any(seen is not None and not seen.broken for seen in own)
        return found

    def _read_file(self, agent: str, name: str, now: float, found: Found) -> None:
        owned = heartbeat.owner(name)
        if owned is None or owned[0] != agent:
            return  # an agent's name may end as another one's file does
        form = owned[1]
        seen = self._seen.get(name)
        tail = self._files.tail(self._path(name), 0 if form is Form.TOUCH else TAIL, _since(form, seen))
        if tail is None:
            self._seen.pop(name, None)
        elif form is Form.TOUCH:
            beat = heartbeat.touched(tail.mtime, received=min(tail.mtime, now), skew_limit=self.skew_limit)
            self._seen[name] = _Seen(tail, 0, beat.fingerprint)
            _add_new(found, (beat,), seen)
        elif form is Form.DOCUMENT:
            self._read_document(agent, name, tail, seen, now, found)
        else:
            self._read_lines(agent, name, tail, seen, now, found)

    def _unreadable(self, agent: str, name: str, why: str, found: Found) -> None:
        """Say once that a file can not be read; where it was left is remembered."""
        seen = self._seen.setdefault(name, _Seen(_NOTHING))
        if not seen.broken:
            found.records.append(HeartbeatInvalid(agent, self._path(name), None, why))
        seen.broken = True

    def _read_document(
        self, agent: str, name: str, tail: FileTail, seen: _Seen | None, now: float, found: Found
    ) -> None:
        kept = replace(tail, data=b"")
        if seen is not None and seen.tail == kept:
            return
        parsed = heartbeat.parse_document(
            tail.data, received=min(tail.mtime, now), first_is_torn=tail.offset > 0, skew_limit=self.skew_limit
        )
        self._seen[name] = _Seen(kept, 0, _fingerprint(parsed, seen))
        self._note(agent, name, parsed, 0, found)
        _add_new(found, parsed.beats, seen)

    def _read_lines(self, agent: str, name: str, tail: FileTail, seen: _Seen | None, now: float, found: Found) -> None:
        if not tail.data:
            return
        goes_on = seen is not None and tail.offset == seen.tail.offset
        parsed = heartbeat.parse_lines(
            tail.data,
            received=min(tail.mtime, now),
            first_is_torn=tail.offset > 0 and not goes_on,
            skew_limit=self.skew_limit,
        )
        before = 0 if tail.offset == 0 else seen.lines if seen is not None and goes_on else None
        # An unfinished line is read again, from its beginning, when the file has grown.
        left = replace(tail, data=b"", offset=tail.offset + len(tail.data) - len(parsed.torn))
        lines = None if before is None else before + tail.data.count(b"\n", 0, left.offset - tail.offset)
        after = self._seen[name] = _Seen(left, lines, _fingerprint(parsed, seen))
        if parsed.torn:
            same = seen is not None and seen.torn_since is not None and seen.tail.offset == left.offset
            if not same:
                found.torn.append(name)
            after.torn_since = seen.torn_since if seen is not None and same else now
            after.told = seen is not None and same and seen.told
            if not after.told and now - (after.torn_since or now) >= TORN_PATIENCE:
                after.told = True
                found.records.append(HeartbeatInvalid(agent, self._path(name), None, "the last line stays unfinished"))
        self._note(agent, name, parsed, before, found)
        _add_new(found, parsed.beats, seen)

    def _note(self, agent: str, name: str, parsed: Parsed, before: int | None, found: Found) -> None:
        """Note what is to be logged; `before` is how many lines of the file were passed over, where that is known."""
        found.records.extend(AgentLog(agent, log.at, log.message or "") for log in parsed.logs)
        if parsed.bad:
            first, more = parsed.bad[0], len(parsed.bad) - 1
            number = None if before is None else before + first.number
            found.records.append(HeartbeatInvalid(agent, self._path(name), number, first.why, more))


_NOTHING = FileTail(b"", 0, 0, 0.0, 0)


def _since(form: Form, seen: _Seen | None) -> FileTail | None:
    """Only a log is read on from where it was left; a document is one piece."""
    return seen.tail if seen is not None and form is Form.LINES else None


def _fingerprint(parsed: Parsed, seen: _Seen | None) -> str:
    if parsed.newest is not None:
        return parsed.newest.fingerprint
    return "" if seen is None else seen.fingerprint


def _add_new(found: Found, beats: Iterable[Beat], seen: _Seen | None) -> None:
    found.beats.extend(beat for beat in beats if seen is None or beat.fingerprint != seen.fingerprint)
