"""What an agent uses in an hour."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import burn, health
from supervisor.domain.actions import Cause, OpenIncident, Severity
from supervisor.domain.burn import HOUR, UNMETERED, Burn
from supervisor.domain.events import Beat, HeartbeatSeen
from supervisor.domain.policy import Policy
from tests.support.playbook import Play, Said, beat, play, policy
from tests.support.stage import START

TEN = policy(max_cost_per_hour=Decimal(10))
MANY = policy(max_tokens_per_hour=1000.0)


def used(cost: str | None = None, tokens: float | None = None, *, life: str | None = None) -> Said:
    """Return a heartbeat with the totals of a life."""
    return beat(cost=cost, tokens=tokens, life=life)


def metered(promises: Policy = TEN) -> Play:
    """Begin with an agent that has used something already: nobody knows when."""
    return play(promises).at("0s", used("100", 5000.0)).expect()


def test_more_than_the_limit_within_an_hour_is_an_incident_and_no_restart() -> None:
    scene = metered().at("20m", used("105")).at("40m", used("110")).expect()
    scene.at("50m", used("110.01")).expect("50m incident burn").is_("healthy", misses=0)
    scene.at("60m", used("115")).at("79m", used("115")).expect().at("80m").expect("80m resolved burn")


def test_it_is_told_in_numbers() -> None:
    scene = metered(policy(max_cost_per_hour=Decimal("0.30"), max_tokens_per_hour=10.0))
    said = HeartbeatSeen(Beat(START + 60, cost="100.40", tokens=5020.0, fingerprint="x"))
    after, actions = health.handle(scene.health, said, START + 60, scene.policy, name="agent")
    text = "cost of 0.40 in an hour, 0.30 allowed; 20 tokens in an hour, 10 allowed"
    assert actions == (OpenIncident(Cause.BURN, Severity.CRITICAL, text),)
    assert after.burn.hourly_cost == Decimal("0.40")


def test_tokens_have_a_limit_of_their_own() -> None:
    metered(MANY).at("30m", used("999", 6000.0)).expect().at("31m", used(tokens=6001.0)).expect("31m incident burn")


def test_what_was_used_before_the_hour_does_not_count() -> None:
    scene = metered().at("10m", used("108")).at("69m", used("110")).expect()
    scene.at("70m", used("118")).expect().at("71m", used("118.01")).expect("71m incident burn")


@pytest.mark.parametrize("life", ["2", None])
def test_a_new_life_counts_from_nothing(life: str | None) -> None:
    begun = "1" if life else None
    scene = play(TEN).at("0s", used("100", life=begun)).at("10m", used("104", life=begun))
    scene.at("20m", used("6", life=life)).expect().at("21m", used("6.01", life=life)).expect("21m incident burn")


def test_a_new_life_may_tell_of_its_usage_later() -> None:
    scene = play(TEN).at("0s", used("100", life="1")).at("10m", beat("start", life="2"))
    scene.at("20m", used("111", life="2")).expect("20m incident burn")


def test_after_a_long_gap_its_average_counts() -> None:
    metered(policy(max_cost_per_hour=Decimal(10), heartbeat_timeout="9h")).at("5h", used("150")).expect().at(
        "5h1m", used("150.01")
    ).expect("5h1m incident burn")


def test_without_limits_nothing_is_kept() -> None:
    assert metered(policy()).at("10m", used("9999")).expect().health.burn is UNMETERED


def test_who_tells_of_no_usage_uses_nothing() -> None:
    assert play(TEN).at("0s", beat()).at("10m", beat()).expect().health.burn == Burn()


def test_the_end_of_a_life_does_not_end_it() -> None:
    scene = metered().at("10m", used("111")).expect("10m incident burn").at("11m", beat("stop")).is_("stopped")
    scene.at("69m").expect().at("70m").expect("70m resolved burn").is_("stopped", due=None)


def test_behind_a_closed_gate_it_is_judged_all_the_same() -> None:
    scene = metered().at("10m", used("111")).expect("10m incident burn").shut()
    scene.at("69m", beat()).at("71m").open().expect("71m resolved burn")


def test_new_promises() -> None:
    more = replace(TEN, max_cost_per_hour=Decimal(20))
    scene = metered().at("10m", used("111")).expect("10m incident burn").promise(more).expect("10m resolved burn")
    scene.promise(TEN).expect("10m incident burn").promise(policy()).expect("10m resolved burn")
    assert scene.health.burn is UNMETERED


def test_the_clock_is_set() -> None:
    scene = metered().at("10m", used("111")).expect("10m incident burn").step_clock("5h")
    scene.at("69m", beat()).expect().at("70m").expect("70m resolved burn")
    assert burn.shifted(UNMETERED, 9.0) is UNMETERED


@given(st.lists(st.tuples(st.integers(1, 3600), st.integers(0, 500)), max_size=60))
def test_the_hour_is_exact_to_the_minute_and_bounded(steps: list[tuple[int, int]]) -> None:
    now, cents, known = START, 0, UNMETERED
    told: list[tuple[float, int]] = []
    for wait, more in [(1, 0), *steps]:
        now, cents = now + wait, cents + more
        told.append((now, more))
        said = Beat(now, cost=f"{Decimal(cents) / 100:f}")
        known = burn.told(known, said, now, TEN, new_life=False)
        least = sum(more for at, more in told if at > now - HOUR + 60)
        most = sum(more for at, more in told if at > now - HOUR)
        assert Decimal(least) / 100 <= known.hourly_cost <= Decimal(most) / 100
        assert known.over is (known.hourly_cost > 10)
        assert (known.due is not None) is known.over
        assert len(known.spent) <= 61
