"""Virtual time for scripts of the pure machines, and what a machine wanted done when.

Time counts from the beginning of the play. As the runtime does, a stage wakes its machine at the machine's own
deadline.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

from supervisor.domain.events import ClockStepped, DeadlineReached
from supervisor.formats.duration import format_duration, parse_duration

START = 1_780_000_000.0
"""When every play begins (s since the epoch)."""

Line = tuple[float, str]


def seconds(text: str) -> float:
    """Return "75m" as 4500; a leading "-" goes back."""
    return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)


def with_seconds(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the same with each duration in seconds."""
    return {key: seconds(value) if type(value) is str else value for key, value in changes.items()}


class Stage(ABC):
    """Virtual time, and what was wanted since it was last asked."""

    def __init__(self) -> None:
        self.origin = START
        self.now = START
        self.wanted: list[Line] = []

    def at(self, when: str, *events: Any) -> Self:
        """Go on to `when`, and tell `events` there."""
        until = self.time(when)
        assert until >= self.now, f"{when} is over"
        while (rings := self._rings()) is not None and rings < until:
            self._ring(rings)
        self.now = until
        for event in events:
            self._tell(event)
        return self._ring_due()

    def time(self, when: str) -> float:
        """Return `when` in seconds since the epoch, by the clock as it is set now."""
        return self.origin + seconds(when)

    def expect(self, *lines: str) -> Self:
        """Fail unless exactly this was wanted since the last call: "60m miss 1", in order."""
        expected = [(round(seconds(when), 3), what) for when, _, what in (line.partition(" ") for line in lines)]
        wanted, self.wanted = self.wanted, []
        assert wanted == expected, f"wanted {_script(wanted)}, not {_script(expected)}"
        return self

    def step_clock(self, length: str) -> Self:
        """Set the wall clock; the play's own time does not notice."""
        self.origin += seconds(length)
        self.now += seconds(length)
        self._tell(ClockStepped(seconds(length)))
        return self._ring_due()

    def _ring_due(self) -> Self:
        while (rings := self._rings()) is not None and rings <= self.now:
            self._ring(rings)
        return self

    def _ring(self, rings: float) -> None:
        self.now = max(self.now, rings)
        wanted = len(self.wanted)
        self._tell(DeadlineReached())
        assert self._rings() != rings or len(self.wanted) > wanted, "the machine spins"

    def _note(self, what: str) -> None:
        self.wanted.append((round(self.now - self.origin, 3), what))

    @abstractmethod
    def _rings(self) -> float | None:
        """Return when the machine wants to be woken."""

    @abstractmethod
    def _tell(self, event: Any) -> None:
        """Tell the machine a fact."""


TIMES = frozenset({"since", "due", "restart_at", "held_until", "opened_at", "next_at", "acked_until", "resolved_at"})
"""What of a machine's values is a time."""


def moment(origin: float, when: str | None) -> float | None:
    """Return `when`, counted from `origin`, in seconds since the epoch."""
    return None if when is None else origin + seconds(when)


def _script(lines: Iterable[Line]) -> list[str]:
    return [f"{format_duration(when)} {what}" for when, what in lines]
