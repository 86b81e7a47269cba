"""What is silenced: what people have added, and the windows of maintenance that the calendar opens and closes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace

from supervisor.domain import maintenance, silences
from supervisor.domain.maintenance import Window
from supervisor.domain.records import MaintenanceEnded, MaintenanceStarted, SilenceAdded, SilenceEnded
from supervisor.domain.silences import CONFIGURED, Silence, Silences
from supervisor.ports import Clock, RefusedError, UnknownNameError
from supervisor.runtime.change import Change


class Silencer:
    """Keeps the silences. What ends by itself is gone after `turn`, which must be called before it is asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Silence] = {}
        self._windows: tuple[Window, ...] = ()
        self._turns_at = -math.inf
        self._changed = False

    @property
    def kept(self) -> tuple[Silence, ...]:
        """Those that run or are to come."""
        return tuple(self._kept.values())

    def silences(self) -> Silences:
        """Return what there is now, as a value."""
        return Silences(self._clock.now(), self.kept, self._windows)

    def until(self, key: str) -> float | None:
        """Return until when the incident `key` is silenced, None where nothing silences it."""
        if not self._kept:
            return None
        over = Silences(self._clock.now(), self.kept).over(key)
        return None if over is None else over.ends_at

    def next_turn(self) -> float:
        """Return when something begins or ends next (s since the epoch)."""
        return self._turns_at

    def restore(self, kept: Iterable[Silence]) -> None:
        """Take over what an earlier life left."""
        self._kept |= {silence.id: silence for silence in kept}
        self._turns_at, self._changed = -math.inf, True

    def use(self, windows: tuple[Window, ...]) -> None:
        """Follow these windows from now on."""
        self._windows = windows
        self._turns_at = -math.inf

    def add(
        self, change: Change, matcher: str, author: str, comment: str, *, starts_at: float, ends_at: float
    ) -> Silence:
        """Add a silence."""
        now = self._clock.now()
        id_ = _id(f"{matcher}@{now!r}")
        silence = self._keep(change, Silence(id_, matcher, author, comment, starts_at, ends_at))
        begins = starts_at if starts_at > now else None
        change.records.append(SilenceAdded(id_, matcher, author, comment, ends_at, begins))
        return silence

    def end(self, change: Change, silence: str, by: str) -> None:
        """End a silence now. Raises UnknownNameError; RefusedError for a window, which the configuration ends."""
        known = self._kept.get(silence)
        if known is None:
            raise UnknownNameError(f"no silence {silence}")
        if known.window:
            raise RefusedError(f"{silence} is the window maintenance.{known.window}: the configuration ends it")
        self._drop(change, known)
        change.records.append(SilenceEnded(silence, known.matcher, by))

    def turn(self, change: Change) -> bool:
        """Begin and end what the time has come for; return whether anything is silenced otherwise than at the last."""
        now = self._clock.now()
        if now >= self._turns_at:
            named = {window.name for window in self._windows}
            for silence in self.kept:
                if silence.window and silence.window not in named:
                    self._shut(change, silence)
                elif not silence.window and silence.ends_at <= now:
                    self._drop(change, silence)
                    change.records.append(SilenceEnded(silence.id, silence.matcher))
            turns = [self._follow(change, window, now) for window in self._windows]
            turns += [at for one in self.kept for at in (one.starts_at, one.ends_at) if at > now]
            self._turns_at = min(turns, default=math.inf)
        changed, self._changed = self._changed, False
        return changed

    def step_clock(self, change: Change, seconds: float) -> None:
        """The wall clock was set by `seconds`: what people have added, and has begun, moves with it."""
        now = self._clock.now()
        for silence in self.kept:
            self._keep(change, silences.shifted(silence, seconds, now))
        self._turns_at = -math.inf

    # --- inside ---

    def _follow(self, change: Change, window: Window, now: float) -> float:
        """Open or shut a window as the calendar says; return when it is to be opened next."""
        id_ = _id(f"maintenance.{window.name}")
        known, opening = self._kept.get(id_), maintenance.opening_at(window, now)
        if known is not None and (opening is None or known.ends_at < opening.starts_at):
            self._shut(change, known)
            known = None
        if opening is not None:
            begun = opening.starts_at if known is None else min(known.starts_at, opening.starts_at)
            wanted = Silence(id_, window.matcher, CONFIGURED, window.comment, begun, opening.ends_at, window.name)
            if known != wanted:
                self._keep(change, wanted)
            if known is None:
                change.records.append(MaintenanceStarted(window.name, window.matcher, window.comment, opening.ends_at))
        at = maintenance.next_opening(window, now)
        return math.inf if at is None else at

    def _shut(self, change: Change, silence: Silence) -> None:
        self._drop(change, silence)
        change.records.append(MaintenanceEnded(silence.window, silence.matcher))

    def _keep(self, change: Change, silence: Silence) -> Silence:
        self._kept[silence.id] = change.silences[silence.id] = silence
        self._changed = True
        self._turns_at = min(self._turns_at, silence.starts_at, silence.ends_at)
        return silence

    def _drop(self, change: Change, silence: Silence) -> None:
        """Forget it; what was kept of it says that it is over."""
        del self._kept[silence.id]
        self._changed = True
        change.silences[silence.id] = replace(silence, ends_at=min(silence.ends_at, self._clock.now()))


def _id(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:8]
