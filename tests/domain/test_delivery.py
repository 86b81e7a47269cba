from __future__ import annotations

from dataclasses import replace

import pytest

from supervisor.domain import delivery
from supervisor.domain.delivery import RETRY_DELAYS, Accepted, Delivered, Delivery, DeliveryState, Failed, NoticeKind

FRESH = Delivery("i1.1", "i1", "caine", NoticeKind.TRIGGERED, {"type": "AGENT_ESCALATION"}, 100.0, 100.0)


def tried(attempts: int) -> Delivery:
    return replace(FRESH, attempts=attempts)


def test_a_try_is_counted_when_it_begins_so_that_a_crash_can_not_lose_it() -> None:
    begun = delivery.begun(FRESH, 101.0)
    assert (begun.attempts, begun.next_at, begun.state) == (1, 106.0, DeliveryState.PENDING)


def test_the_channel_took_it() -> None:
    sent = delivery.settle(replace(tried(3), error="refused"), Delivered(), 200.0)
    assert (sent.state, sent.error, sent.attempts) == (DeliveryState.SENT, "", 3)


@pytest.mark.parametrize(
    ("attempts", "wait"), [(0, 5), (1, 5), (2, 15), (3, 45), (4, 120), (5, 300), (6, 300), (99, 300)]
)
def test_it_is_tried_again_later_and_later(attempts: int, wait: float) -> None:
    after = delivery.settle(tried(attempts), Failed("no route"), 200.0)
    assert (after.state, after.next_at, after.error) == (DeliveryState.PENDING, 200.0 + wait, "no route")


@pytest.mark.parametrize(("asked", "wait"), [(1.0, 5.0), (60.0, 60.0)])
def test_a_channel_may_ask_for_more_time_and_not_for_less(asked: float, wait: float) -> None:
    assert delivery.settle(tried(1), Failed("busy", retry_after=asked), 200.0).next_at == 200.0 + wait


def test_what_is_accepted_is_looked_after_and_that_is_no_try() -> None:
    first = delivery.settle(delivery.begun(FRESH, 101.0), Accepted(5.0), 102.0)
    assert (first.state, first.attempts, first.next_at) == (DeliveryState.PENDING, 1, 107.0)
    for _ in range(99):
        first = delivery.settle(delivery.begun(first, 107.0), Accepted(5.0), 108.0)
    assert first.attempts == 1
    assert not delivery.exhausted(first)


def test_a_permanent_refusal_is_the_end() -> None:
    refused = delivery.settle(tried(1), Failed("no such user", permanent=True), 200.0)
    assert (refused.state, refused.error) == (DeliveryState.REFUSED, "no such user")


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.CANCELLED])
@pytest.mark.parametrize("outcome", [Delivered(), Failed("late")])
def test_what_is_settled_stays_so(state: DeliveryState, outcome: Delivered | Failed) -> None:
    settled = replace(tried(1), state=state)
    assert delivery.settle(settled, outcome, 200.0) is settled


def test_the_channel_has_failed_when_every_planned_try_has() -> None:
    assert not delivery.exhausted(tried(len(RETRY_DELAYS)))
    assert delivery.exhausted(tried(len(RETRY_DELAYS) + 1))
    assert not delivery.exhausted(replace(tried(99), state=DeliveryState.SENT))


def test_what_nobody_needs_to_hear_is_withdrawn() -> None:
    assert delivery.cancelled(FRESH).state is DeliveryState.CANCELLED


def test_the_end_of_an_incident_is_no_news_after_a_day() -> None:
    over = replace(tried(90), kind=NoticeKind.RESOLVED)
    assert delivery.settle(over, Failed("no route"), 100.0 + 86400.0).state is DeliveryState.PENDING
    assert delivery.settle(over, Failed("no route"), 100.1 + 86400.0).state is DeliveryState.REFUSED
    assert delivery.settle(tried(90), Failed("no route"), 100.1 + 86400.0).state is DeliveryState.PENDING
