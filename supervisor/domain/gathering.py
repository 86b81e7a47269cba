"""When a channel sends what is fresh: at once where it is critical, and together with what comes at the same time.

What is critical waits for the quiet alone, or, after three messages with critical news in a row, until 5 s after the
last of them at the latest. Anything else waits for `group_wait`, or for the next message; after three messages of any
kind in a row it, and the end of what was critical, waits until `group_wait` after the last. A pause of twice that ends
a row. So a storm is one message, and one that trickles is one message every so often.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, NoticeKind

QUIET = 0.2
"""What is due is gathered until nothing more has come for so long (s)."""

QUIET_MAX = 2.0
"""Longest wait (s) for that."""

IN_A_ROW = 3
"""So many messages may follow one another at once."""

URGENT_WAIT = 5.0
"""Longest wait (s) of a critical notice between two messages, where `group_wait` is no shorter."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a channel has been telling: `row` messages one after another, the last of them at `last_at`.

    `wait`: how long (s) the next one waits where the row is long.
    """

    row: int = 0
    last_at: float = -inf

    def told(self, now: float, wait: float) -> Pace:
        """Return the pace after one more message."""
        return Pace(self.row + 1 if self._goes_on(now, wait) else 1, now)

    def earliest(self, now: float, wait: float) -> float:
        """Return when the next message may go."""
        tired = self.row >= IN_A_ROW and self._goes_on(now, wait)
        return self.last_at + wait if tired else -inf

    def _goes_on(self, now: float, wait: float) -> bool:
        return 0 <= now - self.last_at < 2 * wait  # the clock may have been set back


def is_urgent(delivery: Delivery) -> bool:
    """Whether it waits for no company: it tells that something critical is wrong."""
    return delivery.kind is not NoticeKind.RESOLVED and _is_critical(delivery)


def due_at(delivery: Delivery, group_wait: float) -> float:
    """Return until when a fresh notice waits for company. The end of what was critical waits for none either."""
    return delivery.next_at + (0.0 if _is_critical(delivery) else group_wait)


def urgent_wait(group_wait: float) -> float:
    """Return how long (s) what is urgent waits where many such messages follow one another."""
    return min(URGENT_WAIT, group_wait)


def send_at(due: float, came_at: float, pace: Pace, now: float, wait: float) -> float:
    """Return when what is fresh goes. `due`: when the first of it is due; `came_at`: when the last of it came."""
    gathered = min(max(due, came_at + QUIET), due + QUIET_MAX)
    return max(gathered, pace.earliest(now, wait))


def _is_critical(delivery: Delivery) -> bool:
    return delivery.message.get("severity") == Severity.CRITICAL
