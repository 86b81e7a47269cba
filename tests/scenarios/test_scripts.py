"""Schedules, runs, files, loops and signs of work as scripts: who does what and when, and what comes of it.

A script is lines of "MINUTE what": `ok`, `start`, `fail` and `stop` are heartbeats, `ok x` one that tells of the work
x, `wrote` a file of the agent, `again` a new life of the supervisor, `slept` an hour of the machine's sleep. What comes
of it is told in the same way: `miss`, `restart`, `kept back REASON`, and what people heard. It begins at 20:26:40.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.policy import Expectation
from supervisor.domain.records import HeartbeatMissed, RestartRefused, RestartStarted
from supervisor.formats.cron import schedule
from tests.support.world import VIRTUAL, VirtualTown, agent, town

pytestmark = VIRTUAL

FILE = Path("/out/report.csv")
HOURLY: dict[str, Any] = {"schedule": schedule("0 * * * *", "UTC", 900.0)}
"""The first run is due in minute 33, and the deadline is 48; then 93 and 108."""


@dataclass(frozen=True)
class Script:
    """One story, and the minute in which it ends."""

    says: str
    promises: dict[str, Any]
    story: str
    end: int
    expected: str


SCRIPTS = (
    Script("it runs at its times", HOURLY, "34 start, 40 ok, 94 start, 100 ok", 150, ""),
    Script("it stops after each run", HOURLY, "34 start, 40 stop, 94 start, 100 stop", 150, ""),
    Script("it never ran", HOURLY, "", 50, "48 miss, 48 restart"),
    Script("a run is left out", HOURLY, "34 ok", 110, "108 miss, 108 restart"),
    Script(
        "two are left out, and it comes back",
        HOURLY,
        "34 ok, 160 start",
        165,
        "108 miss, 108 restart, 123 miss, 123 restart, 123 triggered heartbeat, 138 miss, 138 restart, 153 miss, "
        "153 kept back exhausted, 160 resolved heartbeat",
    ),
    Script("a run fails", HOURLY, "34 start, 36 fail, 38 ok", 45, "36 miss, 36 restart"),
    Script(
        "each run fails",
        {**HOURLY, "kind": None, "check_interval": 7200.0},
        "34 start, 35 fail, 94 start, 95 fail, 154 start, 155 ok",
        160,
        "35 miss, 35 kept back no_restarter, 95 miss, 95 triggered heartbeat, 155 resolved heartbeat",
    ),
    Script("a run does not end", {**HOURLY, "max_runtime": 600.0}, "34 start", 50, "44 miss, 44 restart"),
    Script("it may take longer than a timeout", {"max_runtime": 7200.0}, "1 start, 110 ok", 160, ""),
    Script(
        "it dies in each run, and cron starts it again",
        {"max_runtime": 1500.0},
        "1 start, 11 start, 21 start, 31 start, 32 ok",
        60,
        "26 miss, 26 restart",
    ),
    Script("each run ends", {"max_runtime": 600.0}, "1 start, 9 ok, 10 start, 19 ok", 60, ""),
    Script("the supervisor dies meanwhile", HOURLY, "34 ok, 60 again", 110, "108 miss, 108 restart"),
    Script("the machine sleeps through a run", HOURLY, "1 ok, 10 slept, 34 ok", 100, ""),
    Script(
        "its file does not appear",
        {"expects": (Expectation(str(FILE), 1800.0),)},
        "1 ok, 20 ok, 40 ok, 44 wrote, 50 ok",
        60,
        "30 triggered postcondition, 45 resolved postcondition",
    ),
    Script(
        "its file does not appear for long",
        {"expects": (Expectation(str(FILE), 1800.0),)},
        "1 ok, 20 ok, 40 ok, 50 ok, 55 wrote, 56 ok",
        60,
        "30 triggered postcondition, 45 miss, 45 restart, 56 resolved postcondition",
    ),
    Script(
        "it does the same again and again",
        {"loop_after": 4},
        "1 ok a, 2 ok b, 3 ok a, 4 ok b, 10 ok a, 21 ok c",
        30,
        "4 triggered loop, 19 miss, 19 restart, 21 resolved loop",
    ),
    Script("it does something else now and then", {"loop_after": 4}, "1 ok a, 2 ok a, 3 ok a, 4 ok b, 5 ok a", 30, ""),
    Script(
        "it writes and does not beat",
        {"activity": (str(FILE),)},
        "0 ok, 58 wrote, 62 wrote",
        70,
        "60 miss, 60 kept back activity, 63 kept back activity, 67 restart",
    ),
    Script(
        "it writes, and beats in the end",
        {"activity": (str(FILE),)},
        "0 ok, 58 wrote, 62 ok",
        70,
        "60 miss, 60 kept back activity",
    ),
    Script("it has written nothing", {"activity": (str(FILE),)}, "0 ok", 61, "60 miss, 60 restart"),
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.says)
async def test_what_comes_of_it(script: Script) -> None:
    async with town(a=agent(**script.promises)) as t:
        for line in filter(None, script.story.split(", ")):
            minute, _, what = line.partition(" ")
            await t.until(f"{minute}m")
            await act(t, what)
        await t.until(f"{script.end}m")
        assert outcome(t) == list(filter(None, script.expected.split(", ")))


async def act(t: VirtualTown, what: str) -> None:
    """Do what a line of a story says."""
    match what.split():
        case ["wrote"]:
            t.write(FILE, b"1")
        case ["again"]:
            await t.again()
        case ["slept"]:
            t.suspend("1h")
        case [kind, *work]:
            t.beat("a", kind=kind, **({"message": work[0]} if work else {}))


def outcome(t: VirtualTown) -> list[str]:
    """Return what came of it, minute by minute: what the supervisor did, then what people heard."""
    found = []
    for one in t.records:
        match one.record:
            case HeartbeatMissed():
                found.append((one.t, "miss"))
            case RestartStarted():
                found.append((one.t, "restart"))
            case RestartRefused(reason=reason):
                found.append((one.t, f"kept back {reason}"))
    found += [(at, f"{kind} {key.partition(':')[2]}") for at, kind, key in t.heard()]
    minutes = sorted(((int(at // 60), what) for at, what in found), key=lambda one: one[0])
    return [f"{minute} {what}" for minute, what in minutes]
