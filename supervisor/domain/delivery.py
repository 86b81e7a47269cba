"""One notification on its way through one channel: sent at least once, or given up for a named reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

RETRY_DELAYS = (5.0, 15.0, 45.0, 120.0, 300.0)
"""Waits (s) before the next try; the last one repeats for as long as the incident lasts."""


LAST_WORD_TRIES = 86400.0
"""How long (s) the end of an incident is tried to be told: after a day it is no news."""


class NoticeKind(StrEnum):
    """What a notification tells."""

    TRIGGERED = "triggered"
    REPEATED = "repeated"
    ACK_EXPIRED = "ack_expired"
    SILENCE_ENDED = "silence_ended"
    RESOLVED = "resolved"
    TEST = "test"


class DeliveryState(StrEnum):
    """Where a notification is."""

    PENDING = "pending"
    SENT = "sent"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification, its channel and its tries.

    Args:
        id: the dedup id, the same at every try.
        incident: the id of the incident it speaks of.
        message: what the channel sends, JSON-ready.
        attempts: tries begun so far.
        next_at: when it is tried (again), s since the epoch.
        group: the dedup id of the message it goes along with, the same at every try; empty where none is chosen yet.
    """

    id: str
    incident: str
    channel: str
    kind: NoticeKind
    message: dict[str, Any]
    created_at: float
    next_at: float
    attempts: int = 0
    state: DeliveryState = DeliveryState.PENDING
    error: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel took it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The channel took it, and nobody has read it yet: it is asked again after `look_after` s."""

    look_after: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The channel did not take it. `permanent`: no use to try again; `retry_after`: its own wish (s)."""

    error: str
    permanent: bool = False
    retry_after: float | None = None


Outcome = Delivered | Accepted | Failed


def begun(delivery: Delivery, now: float) -> Delivery:
    """Return the delivery with one more try begun: after a crash it is due again `RETRY_DELAYS[0]` later."""
    return replace(delivery, attempts=delivery.attempts + 1, next_at=now + RETRY_DELAYS[0])


def settle(delivery: Delivery, outcome: Outcome, now: float) -> Delivery:
    """Return the delivery after a try that ended with `outcome` at `now`."""
    if delivery.state is not DeliveryState.PENDING:
        return delivery
    if isinstance(outcome, Delivered):
        return replace(delivery, state=DeliveryState.SENT, error="")
    if isinstance(outcome, Accepted):  # only looking is no further try; but one was made: it may be read any moment
        return replace(delivery, attempts=max(1, delivery.attempts - 1), next_at=now + outcome.look_after, error="")
    if outcome.permanent or (delivery.kind is NoticeKind.RESOLVED and now - delivery.created_at > LAST_WORD_TRIES):
        return replace(delivery, state=DeliveryState.REFUSED, error=outcome.error)
    wait = RETRY_DELAYS[min(max(delivery.attempts, 1), len(RETRY_DELAYS)) - 1]
    if outcome.retry_after is not None:
        wait = max(wait, outcome.retry_after)
    return replace(delivery, next_at=now + wait, error=outcome.error)


def exhausted(delivery: Delivery) -> bool:
    """Whether every planned try has failed: the channel counts as failed from here on."""
    return delivery.state is DeliveryState.PENDING and delivery.attempts > len(RETRY_DELAYS)


def cancelled(delivery: Delivery) -> Delivery:
    """Return the delivery withdrawn: nobody needs to hear it any more."""
    return replace(delivery, state=DeliveryState.CANCELLED)
