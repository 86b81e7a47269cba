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


def weigh(
    *,
    resolved: bool,
    acked_until: float | None,
    was_silenced: bool,
    silenced_until: float | None,
    round_number: int,
    next_at: float | None,
    now: float,
) -> NoticeKind | Quiet:
    """Return what kind of notice is to be sent at `now`, or the reason for none."""
    if resolved:
        return Quiet.RESOLVED
    if acked_until is not None and now < acked_until:
        return Quiet.ACKNOWLEDGED
    if next_at is None:
        return Quiet.NO_CHAIN
    if silenced_until is not None:
        return Quiet.SILENCED
    if was_silenced:
        return NoticeKind.SILENCE_ENDED
    if acked_until is not None:
        return NoticeKind.ACK_EXPIRED
    if now < next_at:
        return Quiet.NOT_DUE
    return NoticeKind.REPEATED if round_number else NoticeKind.TRIGGERED
