"""When a channel sends what is fresh: at once where it is critical, and together with what comes at the same time.

After three messages in a row a channel sends the next no sooner than `group_wait` after the last one; a pause of two
`group_wait`s ends the row. So a storm is one message, and one that trickles is one message every `group_wait`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

QUIET = 0.2
"""What is due is gathered until nothing more has come for so long (s)."""

QUIET_MAX = 2.0
"""Longest wait (s) for that."""

IN_A_ROW = 3
"""So many messages may follow one another at once."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a channel has been telling: `row` messages one after another, the last of them at `last_at`."""

    row: int = 0
    last_at: float = -inf

    def told(self, now: float, group_wait: float) -> Pace:
        """Return the pace after one more message."""
        return Pace(self.row + 1 if self._goes_on(now, group_wait) else 1, now)

    def earliest(self, now: float, group_wait: float) -> float:
        """Return when the next message may go."""
        tired = self.row >= IN_A_ROW and self._goes_on(now, group_wait)
        return self.last_at + group_wait if tired else -inf

    def _goes_on(self, now: float, group_wait: float) -> bool:
        return 0 <= now - self.last_at < 2 * group_wait  # the clock may have been set back


def send_at(due: float, came_at: float, pace: Pace, now: float, group_wait: float) -> float:
    """Return when what is fresh goes. `due`: when the first of it is due; `came_at`: when the last of it came."""
    gathered = min(max(due, came_at + QUIET), due + QUIET_MAX)
    return max(gathered, pace.earliest(now, group_wait))
