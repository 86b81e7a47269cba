"""What was expected, and what came."""

from __future__ import annotations

from dataclasses import dataclass, field

AT_ONCE = 0.5
"""The longest time (s) that counts as "at once", on a busy machine too."""

_EARLY = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """One expectation and what became of it, in words.

    Args:
        agrees: whether the two agree; None where it can not be tried on this machine.
        seconds: how long it took since the step before, or the beginning.
    """

    expected: str
    got: str
    agrees: bool | None
    seconds: float = field(default=0.0, compare=False)


def within(what: str, late: float, limit: float = AT_ONCE) -> Step:
    """Expect `what` no earlier than its time, and at most `limit` s later; it came `late` s after it."""
    got = f"after {max(late, 0.0):.2f} s" if late >= -_EARLY else f"{-late:.2f} s too early"
    return Step(f"{what} within {limit:g} s", got, -_EARLY <= late <= limit)


class MissingError(Exception):
    """What a rehearsal waited for did not come; the rest of it makes no sense."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"{expected}: {got}")
        self.step = Step(expected, got, agrees=False)


class ImpossibleError(Exception):
    """This machine does not allow what the rehearsal needs; that is shown, and is no difference."""

    def __init__(self, needed: str, why: str) -> None:
        super().__init__(f"{needed}: {why}")
        self.step = Step(needed, f"not possible here: {why}", agrees=None)
