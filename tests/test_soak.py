"""The soak's judge: it finds a leak, and takes no noise for one."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable

import pytest

from tests.soak.__main__ import table, warm_up
from tests.soak.gauges import LIMITS
from tests.soak.judge import FEWEST, Limit, Verdict, judge, judged, slope

LIMIT = Limit(0.05, 2.0, "MB", "noise")
CHANCE = random.Random(20_260)


def series(value: Callable[[int], float], count: int = 210) -> list[tuple[float, float]]:
    return [(2.0 * number, value(number)) for number in range(count)]


LEAKS = {
    "each second": lambda n: 100 + 0.05 * n,
    "a little over the limit": lambda n: 100 + 6.3 * n / 210,
    "each minute": lambda n: 100 + 1.5 * (n // 30),
    "under noise": lambda n: 100 + 0.05 * n + CHANCE.gauss(0, 2),
    "under a sawtooth": lambda n: 100 + 0.06 * n + n % 10,
    "ever faster": lambda n: 100 + 0.0005 * n * n,
    "of files, one a reload": lambda n: 100 + n // 8,
}
FLAT = {
    "a constant": lambda _: 100.0,
    "noise": lambda _: 100 + CHANCE.gauss(0, 3),
    "a sawtooth": lambda n: 100 + n % 12,
    "waves": lambda n: 100 + 5 * math.sin(n / 9),
    "outliers": lambda n: 100 + (80 if n % 11 == 0 else 0),
    "a cache that was filled before the middle": lambda n: 100 + min(n, 60) * 0.2,
    "it sinks": lambda n: 100 - 0.05 * n,
    "growth within the limit": lambda n: 100 + 0.01 * n,
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found(name: str) -> None:
    assert judge("x", series(LEAKS[name]), LIMIT).grows


@pytest.mark.parametrize("name", FLAT)
def test_what_is_flat_is_none(name: str) -> None:
    assert not judge("x", series(FLAT[name]), LIMIT).grows


def test_the_slope_is_that_of_most_pairs_however_many_there_are() -> None:
    assert slope(series(lambda n: 3.0 * n, count=2_000)) == pytest.approx(1.5)


def test_the_growth_is_told_over_the_whole_time() -> None:
    verdict = judge("x", series(lambda n: 100 + n, count=31), LIMIT)
    assert (verdict.growth, verdict.step) == (pytest.approx(30), pytest.approx(10.5))
    assert verdict.limit == pytest.approx(0.05 * 115)


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match=f"x: 3 samples after the warm-up, {FEWEST} are needed"):
        judge("x", series(lambda n: n, count=3), LIMIT)


def test_what_came_before_the_warm_up_was_over_does_not_count() -> None:
    samples = [{"t": float(n), "x": float(min(n, 140))} for n in range(200)]
    (verdict,) = judged(samples, {"x": LIMIT}, warm_up=140.0)
    assert not verdict.grows
    (verdict,) = judged(samples, {"x": LIMIT}, warm_up=0.0)
    assert verdict.grows


def test_what_no_sample_tells_is_no_measure_that_is_flat() -> None:
    samples = [{"t": float(n), "x": 1.0} for n in range(20)]
    limits = {"x": LIMIT, "y": LIMIT}
    assert [verdict.measure for verdict in judged(samples, limits, warm_up=0.0, absent={"y"})] == ["x"]
    with pytest.raises(ValueError, match="y: 0 samples"):
        judged(samples, limits, warm_up=0.0)


def test_at_least_two_retentions_are_warm_up_where_there_is_time() -> None:
    assert [warm_up(seconds) for seconds in (30.0, 600.0, 3600.0)] == [15.0, 180.0, 1080.0]


def test_every_limit_has_its_reason() -> None:
    assert all(limit.why and limit.least > 0 for limit in LIMITS.values())


def test_the_table_is_well_formed_and_names_what_grows() -> None:
    text = table([judge("fds", series(lambda n: 20.0 + n), LIMITS["fds"]), judge("rss", series(lambda _: 1.0), LIMIT)])
    assert len({line.count("|") for line in text.splitlines()}) == 1
    grows, flat = text.splitlines()[2:]
    assert "| fds (files) |" in grows
    assert "**GROWS**" in grows
    assert flat.endswith("| flat |")


def test_a_verdict_is_ready_for_json() -> None:
    verdict: Verdict = judge("x", series(lambda _: 1.0), LIMIT)
    assert json.loads(json.dumps(verdict.document()))["measure"] == "x"
