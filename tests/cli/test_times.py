from __future__ import annotations

import argparse
import time

import pytest

from supervisor.cli import _times


def test_moments_are_read_with_and_without_a_zone() -> None:
    expected = 1_780_000_000.0
    for value in ("2026-05-28T20:26:40Z", "2026-05-28T20:26:40", "2026-05-28T22:26:40+02:00", 1_780_000_000):
        assert _times.moment(value) == expected


def test_the_clock_shows_the_date_of_other_days(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    assert _times.clock(now) == time.strftime("%H:%M:%S", time.localtime(now))
    assert _times.clock(now - 3 * 86400) == time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now - 3 * 86400))
    assert _times.clock("no time") == "?"
    assert _times.clock(1e300) == "?"
    assert _times.clock(None) == "?"


@pytest.mark.parametrize(
    ("value", "text"), [(100, "now"), (40, "1 min ago"), (90, "10 s ago"), (160, "in 1 min"), (100.5, "now")]
)
def test_ago(value: float, text: str) -> None:
    assert _times.ago(value, 100) == text


def test_since_takes_lengths_and_moments() -> None:
    assert _times.since("2026-05-28T20:26:40Z") == 1_780_000_000.0
    assert abs(_times.since("1h") - (time.time() - 3600)) < 5
    with pytest.raises(argparse.ArgumentTypeError):
        _times.since("later")
