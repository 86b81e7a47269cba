"""What the service manager is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.vitals import HealthState
from supervisor.ports import RefusedError
from supervisor.runtime.readiness import Readiness, standing
from tests.support.townsfolk import Watchdog
from tests.support.world import VIRTUAL, agent, town


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog()


@pytest.fixture
def readiness(watchdog: Watchdog) -> Readiness:
    return Readiness(watchdog)


H = HealthState


@pytest.mark.parametrize(
    ("states", "incidents", "reading", "line"),
    [
        ([], 0, None, "0 agents; no incident"),
        ([H.HEALTHY], 0, None, "1 agent: 1 healthy; no incident"),
        ([H.ESCALATED, *[H.HEALTHY] * 11], 1, None, "12 agents: 11 healthy, 1 escalated; 1 incident"),
        ([H.UNKNOWN] * 2, 3, (10, 40), "2 agents: 2 unknown; 3 incidents; reading the books: 10 of 40 files"),
    ],
)
def test_how_it_stands(states: list[H], incidents: int, reading: tuple[int, int] | None, line: str) -> None:
    assert standing(states, incidents, reading) == line


@given(st.lists(st.sampled_from(HealthState)))
def test_every_agent_is_counted_once(states: list[HealthState]) -> None:
    head, _, shares = standing(states, 0, None).partition(";")[0].partition(": ")
    assert sum(int(share.split()[0]) for share in shares.split(", ") if share) == len(states) == int(head.split()[0])


def test_a_start_that_goes_on_is_given_more_time_until_it_is_ready(readiness: Readiness, watchdog: Watchdog) -> None:
    readiness.turned([], "starting")
    readiness.turned(["watcher"], "starting")
    readiness.began("2 agents")
    readiness.turned([], "2 agents")
    readiness.turned([], "3 agents")
    assert watchdog.told == [
        {"WATCHDOG": 1, "EXTEND_TIMEOUT_USEC": 60_000_000, "STATUS": "starting"},
        {"STATUS": "hung: watcher"},
        {"READY": 1, "STATUS": "2 agents"},
        {"WATCHDOG": 1},
        {"WATCHDOG": 1, "STATUS": "3 agents"},
    ]


def test_nothing_is_said_behind_the_end(readiness: Readiness, watchdog: Watchdog) -> None:
    readiness.began("2 agents")
    readiness.stopping("signal SIGTERM")
    readiness.turned([], "2 agents")
    readiness.turned(["watcher"], "2 agents")
    assert watchdog.told[1:] == [{"STOPPING": 1, "STATUS": "stopping: signal SIGTERM"}]


async def test_a_reload_that_the_end_overtakes_is_not_called_ready(readiness: Readiness, watchdog: Watchdog) -> None:
    readiness.began("2 agents")
    with readiness.reloading():
        readiness.stopping("signal SIGTERM")
    with readiness.reloading():
        pass
    assert [next(iter(fields)) for fields in watchdog.told] == ["READY", "RELOADING", "STOPPING"]


async def test_how_it_stands_is_told_of_a_reload_only_when_it_has_failed(
    readiness: Readiness, watchdog: Watchdog
) -> None:
    readiness.began("2 agents")
    with readiness.reloading():
        readiness.turned([], "2 agents")
    assert all("refused" not in str(fields.get("STATUS", "")) for fields in watchdog.told)
    with pytest.raises(RefusedError), readiness.reloading():
        raise RefusedError("[gate] is wrong")
    with readiness.reloading():
        readiness.turned([], "2 agents")
    assert watchdog.told[-2]["STATUS"] == "2 agents; the configuration on disk is refused"


async def test_a_reload_before_ready_does_not_make_it_ready(readiness: Readiness, watchdog: Watchdog) -> None:
    with readiness.reloading():
        pass
    assert (watchdog.told, readiness.ready) == ([], False)


# --- the whole daemon ------------------------------------------------------------------------------------


def told(t: Any, key: str) -> list[Any]:
    return [fields[key] for fields in t.watchdog.told if key in fields]


@VIRTUAL
async def test_the_line_follows_the_agents() -> None:
    async with town(a=agent(), b=agent(), pulse=1.0) as t:
        t.beat("a")
        t.beat("b")
        await t.until("20m")
        assert told(t, "STATUS")[-1] == "2 agents: 2 healthy; no incident"
        t.beat("b")
        await t.until("76m")
        assert told(t, "STATUS")[-1] == "2 agents: 1 healthy, 1 escalated; 1 incident"
        spoken = [fields for fields in t.watchdog.told if "STATUS" in fields]
        assert len(spoken) < 10  # only what is new


@VIRTUAL
async def test_a_reload_is_told_with_its_end_and_a_refused_one_stays_seen() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        await t.sleep("10s")
        begin = len(t.watchdog.told)
        await t.control.reload()
        around = [fields for fields in t.watchdog.told[begin:] if "WATCHDOG" not in fields]
        assert [list(fields) for fields in around] == [["RELOADING", "MONOTONIC_USEC"], ["READY"]]
        t.config_error = "[gate] is wrong"
        with pytest.raises(RefusedError):
            await t.control.reload()
        await t.sleep("2s")
        assert told(t, "STATUS")[-1].endswith("; the configuration on disk is refused")
        t.config_error = None
        await t.control.reload()
        await t.sleep("2s")
        assert told(t, "STATUS")[-1] == "1 agent: 1 unknown; no incident"
