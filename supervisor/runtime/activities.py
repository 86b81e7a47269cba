"""What the agents' activity logs tell of, counted. It blocks: for one worker thread."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from pathlib import Path

from supervisor.domain.metrics import LONGEST
from supervisor.formats import activity
from supervisor.formats.activity import Activity
from supervisor.ports import Files
from supervisor.runtime.logtail import LogTail


class Activities:
    """Counts what the logs in `folder` tell of, as far back as the longest window reaches; and all since `begun`."""

    def __init__(self, folder: Path, files: Files, begun: float) -> None:
        self._counters = {kind: _Counter(kind, LogTail(folder / kind, files), begun) for kind in Activity}

    @property
    def totals(self) -> dict[Activity, int]:
        """How often each thing has come about since `begun`, as far as the logs have been read."""
        return {kind: counter.total for kind, counter in self._counters.items()}

    def counts(self, window: float, now: float) -> dict[Activity, int | None]:
        """Read what was added; return how often each thing came about in the last `window` seconds.

        None where the log was never there, or can not be read.
        """
        return {kind: counter.count(window, now) for kind, counter in self._counters.items()}


class _Counter:
    """Keeps when each thing was that one log tells of, in order: eight bytes for each. `total` only grows."""

    def __init__(self, kind: Activity, log: LogTail, begun: float) -> None:
        self.total = 0
        self._kind = kind
        self._log = log
        self._begun: float | None = begun  # None once what was there before us has been read
        self._times = array("d")

    def count(self, window: float, now: float) -> int | None:
        oldest = now - LONGEST
        new: list[float] = []

        def take(data: bytes) -> bytes:
            parsed = activity.parse(self._kind, data)
            # What is dated ahead counts from now on: no clock makes an activity last longer.
            new.extend(min(at, now) for at in parsed.times if at >= oldest)
            return parsed.rest

        try:
            goes_on = self._log.read(take, oldest)
        except OSError:
            return None
        before = len(self._times)
        if new and not goes_on:
            # An edited copy of the log says once more what it said before; one that is begun anew has later times.
            del self._times[bisect_left(self._times, min(new)) :]
        if new:
            self._times = array("d", sorted((*self._times, *new)))
        if self._begun is not None:
            before, self._begun = bisect_left(self._times, self._begun), None
        self.total += max(0, len(self._times) - before)
        del self._times[: bisect_left(self._times, oldest)]
        return len(self._times) - bisect_left(self._times, now - window) if self._log.exists else None
