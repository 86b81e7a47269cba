"""Records are counted as they pass, each once, and nothing is kept of an agent that is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain import records
from supervisor.domain.counters import Counters, Counts, Notified, Restarted
from supervisor.domain.records import Record


def missed(agent: str) -> Record:
    return records.HeartbeatMissed(agent, 1, 0.0, "silent")


def restarted(agent: str, *, ok: bool = True) -> Record:
    return records.RestartFinished(agent, 1, ok, 1.0)


def told(channel: str) -> Record:
    return records.NotificationSent("i", channel, "trigger", "d", 1)


def not_told(channel: str, retry_at: float | None) -> Record:
    return records.NotificationFailed("i", channel, "trigger", "d", 1, "refused", retry_at)


def counted(*seen: Record) -> Counts:
    counters = Counters()
    for record in seen:
        counters.see(record)
    return counters.now()


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((missed("a"), missed("b"), missed("a")), Counts(misses={"a": 2, "b": 1})),
        (
            (restarted("a"), restarted("a", ok=False), restarted("a")),
            Counts(restarts={("a", Restarted.DONE): 2, ("a", Restarted.FAILED): 1}),
        ),
        (
            (not_told("x", 5.0), told("x"), not_told("y", None)),
            Counts(
                notifications={("x", Notified.RETRY): 1, ("x", Notified.SENT): 1, ("y", Notified.FAILED): 1},
            ),
        ),
        ((records.Resync("the start", 3), records.Resync("overflow", 3)), Counts(resyncs=2)),
        ((records.HeartbeatReceived("a", 0.0, "ok"), records.RestartStarted("a", 1, "command", "silent")), Counts()),
    ],
)
def test_each_record_counts_once_where_it_belongs(seen: tuple[Record, ...], expected: Counts) -> None:
    assert counted(*seen) == expected


@pytest.mark.parametrize(
    "gone", [records.AgentForgotten("a", "silent"), records.ConfigReloaded("c", added=[], changed=["b"], removed=["a"])]
)
def test_nothing_is_kept_of_an_agent_that_is_gone(gone: Record) -> None:
    seen = (missed("a"), restarted("a"), restarted("a", ok=False), missed("b"), restarted("b"))
    assert counted(*seen, gone) == Counts({"b": 1}, {("b", Restarted.DONE): 1})


def test_what_was_read_stays_as_it_was() -> None:
    counters = Counters()
    counters.see(missed("a"))
    before = counters.now()
    counters.see(missed("a"))
    assert before == Counts({"a": 1})


STEPS: list[Callable[[str], Record]] = [missed, restarted, told, lambda name: not_told(name, None)]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("ab"))))
def test_counters_only_grow(steps: list[tuple[Callable[[str], Record], str]]) -> None:
    counters = Counters()
    before = counters.now()
    for make, name in steps:
        counters.see(make(name))
        now = counters.now()
        for old, new in ((before.misses, now.misses), (before.restarts, now.restarts)):
            assert all(new[key] >= value for key, value in old.items())  # type: ignore[index]
        before = now
    assert sum(before.misses.values()) == sum(make is missed for make, _ in steps)
