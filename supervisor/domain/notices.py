"""Why we speak of an incident now, or stay silent: a named reason, never a bool."""

from __future__ import annotations

from enum import StrEnum

from supervisor.domain.delivery import NoticeKind


class Quiet(StrEnum):
    """Why nothing is sent."""

    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    NOT_DUE = "not_due"
    NO_CHAIN = "no_chain"


def weigh(  # noqa: PLR0911 - a reason each
    *,
    resolved: bool,
    acked_until: float | None,
    has_chain: bool,
    was_silenced: bool,
    silenced_until: float | None,
    round_number: int,
    next_at: float | None,
    now: float,
) -> NoticeKind | Quiet:
    """Return what kind of notice is to be sent at `now`, or the reason for none.

    `next_at` None: the chain has not begun. `silenced_until` None: nothing silences it now.
    """
    if resolved:
        return Quiet.RESOLVED
    if acked_until is not None and now < acked_until:
        return Quiet.ACKNOWLEDGED
    if not has_chain:
        return Quiet.NO_CHAIN
    if was_silenced and silenced_until is None:
        return NoticeKind.SILENCE_ENDED
    if next_at is not None and now < next_at:
        return Quiet.NOT_DUE
    if silenced_until is not None:
        return Quiet.SILENCED
    if acked_until is not None:
        return NoticeKind.ACK_EXPIRED
    return NoticeKind.REPEATED if round_number else NoticeKind.TRIGGERED
