"""Drills against a daemon that is at work: nothing of its user's is touched, and nobody is told."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from supervisor.cli._client import Daemon
from supervisor.cli.drills._drill import Drill, Visit, every
from supervisor.cli.drills._guest import Guest
from supervisor.cli.drills._rehearsal import Rehearsed
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step
from supervisor.cli.drills._visit import visit

TRIES = 3
PEOPLE = """
[gate]
settle = "0s"
[watch]
discover = true
[dashboard]
min_interval = "1s"
[agents.silent]
heartbeat_timeout = "1h"
[agents.steady]
heartbeat_timeout = "1h"
[channels.people]
kind = "file"
path = "people.jsonl"
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cs-") as name:  # a socket's path must be short
        yield Path(name) / "site"


@pytest_asyncio.fixture
async def site(folder: Path) -> AsyncIterator[Site]:
    """A real installation at work, with agents, books and an open incident."""
    site = Site(folder)
    site.configure(PEOPLE)
    site.heart("steady").start()
    site.heart("adopted").start()
    (site.state / "Acme").mkdir(parents=True)
    (site.state / "Acme" / "INV-1.json").write_text('{"invoice_number": "INV-1", "amount": 5, "status": "unpaid"}')
    try:
        await site.start()
        site.heart("silent").fail("really")
        await site.logged("heartbeat_missed", agent="silent")
        yield site
    finally:
        assert await site.close() == []


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of the user's by name, with what it holds: all but what the daemon itself writes anew."""
    roots = [folder / "cache", folder / "state", folder / "config.toml"]
    found = [path for root in roots for path in (root, *root.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in found if path.name != "dashboard.html"}


async def journal(site: Site) -> list[dict[str, Any]]:
    """Return the journal's rows, but for the drills' own."""
    return [row for row in await site.kept() if not str(row.get("agent")).startswith("drill-")]


def drill(site: Site, *words: str) -> list[str]:
    return [sys.executable, "-m", "supervisor", "drill", "--live", "--config", str(site.config), *words]


async def known(site: Site) -> dict[str, Any]:
    """Return what people are shown, but for the time."""
    fleet = await site.fleet()
    return {
        key: fleet[key] for key in ("status", "agents", "books", "incidents", "unregistered", "observed", "silences")
    }


async def test_nothing_of_the_user_s_is_touched_and_nobody_is_told(site: Site) -> None:
    before = files(site.folder), await journal(site), site.told(), await known(site)
    wanted: list[str] = []
    for _ in range(TRIES):  # a busy machine may be late once
        done = await asyncio.create_subprocess_exec(
            *drill(site, "--json", *wanted), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        pictures = []
        reading = asyncio.ensure_future(done.communicate())
        while not reading.done():
            pictures.append(await known(site))
            await asyncio.sleep(0.5)
        out, err = await reading
        document = json.loads(out)
        assert err == b""
        assert (files(site.folder), await journal(site), site.told(), await known(site)) == before
        assert all(picture == before[-1] for picture in pictures), "not while it runs either"
        differing = [fault for fault in document["faults"] if not fault["agrees"]]
        assert done.returncode == bool(differing)
        assert (document["daemon"], document["folder"]) == (str(site.folder / "control.sock"), None)
        if not differing:
            break
        wanted = [fault["name"] for fault in differing]
    else:
        pytest.fail(json.dumps(differing, indent=2))
    drills = site.log("drill_started")
    assert len(drills) >= len([one for one in every().values() if one.visit])
    assert [one["agent"] for one in site.log("agent_forgotten")] == [one["agent"] for one in drills]
    assert not site.log("incident_opened", agent=drills[0]["agent"])
    assert not site.log("unregistered_agent", agent=drills[0]["agent"])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)])
async def test_a_signal_ends_it_and_leaves_nothing(site: Site, number: int, code: int) -> None:
    before = files(site.folder)
    process = await asyncio.create_subprocess_exec(*drill(site, "torn"), stdout=asyncio.subprocess.DEVNULL)
    await site.logged("health_changed", new="healthy", agent=(await site.logged("drill_started"))["agent"])
    assert files(site.folder) != before
    process.send_signal(number)
    assert await asyncio.wait_for(process.wait(), 30) == code
    assert files(site.folder) == before
    await site.logged("agent_forgotten")


async def test_a_daemon_of_another_user_can_read_what_it_writes(site: Site) -> None:
    process = await asyncio.create_subprocess_exec(*drill(site, "torn"), stdout=asyncio.subprocess.DEVNULL, umask=0o077)
    agent = (await site.logged("health_changed", new="healthy", agent=(await site.logged("drill_started"))["agent"]))[
        "agent"
    ]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in site.beats.glob(f"{agent}*")}
    process.terminate()
    await process.wait()
    assert set(modes.values()) == {0o644}, modes


async def test_who_kills_it_leaves_the_rest_to_the_daemon(site: Site) -> None:
    before = files(site.folder)
    daemon = Daemon(site.folder / "control.sock")
    agent = (await asyncio.to_thread(daemon.ask, "POST", "drills", body={"seconds": 1.0}))["agent"]
    heart = site.heart(agent)
    heart.ok()
    heart.log("what only it has written")
    await site.logged("agent_forgotten", agent=agent)
    assert files(site.folder) == before


async def test_what_is_left_when_the_daemon_is_killed_too_is_gone_once_it_runs_again(site: Site) -> None:
    before = files(site.folder)
    daemon = Daemon(site.folder / "control.sock")
    agent = (await asyncio.to_thread(daemon.ask, "POST", "drills", body={"seconds": 120.0}))["agent"]
    site.heart(agent).ok()
    await site.logged("health_changed", new="healthy", agent=agent)
    await site.stop(signal.SIGKILL)
    assert files(site.folder) != before
    await site.start()
    await site.logged("agent_forgotten", agent=agent)
    assert files(site.folder) == before
    assert not site.log("unregistered_agent", agent=agent)


# --- visits that go wrong ----------------------------------------------------------------------------


async def one(site: Site, fault: Visit) -> Rehearsed:
    async def never(_: Site) -> AsyncGenerator[Step, None]:
        pytest.fail("a visit begins no installation")
        yield

    before = files(site.folder)
    ended: list[Rehearsed] = []
    daemon = Daemon(site.folder / "control.sock", 5.0)
    drills = [Drill("fault", "a fault", never, fault), Drill("kill", "not for a daemon at work", never)]
    (done,) = await visit(drills, daemon, site.beats, ended.append)
    assert ended == [done]
    assert files(site.folder) == before
    return done


async def test_a_difference_is_told_and_nothing_is_left(site: Site) -> None:
    async def fault(guest: Guest) -> AsyncGenerator[Step, None]:
        guest.heart.ok()
        healthy = await guest.logged("health_changed")
        yield Step("unhealthy", healthy["new"], healthy["new"] == "unhealthy")

    done = await one(site, fault)
    assert [step.agrees for step in done.steps] == [False, True]
    assert not done.agrees


async def test_a_visit_that_fails_is_a_difference_of_its_own(site: Site) -> None:
    async def fault(guest: Guest) -> AsyncGenerator[Step, None]:
        guest.lines.write_bytes(b"{}\n")
        yield Step("one", "one", agrees=True)
        raise KeyError("fault")

    done = await one(site, fault)
    assert done.steps[-1].got == "KeyError: 'fault'"
    assert not done.agrees


async def test_a_daemon_that_ends_meanwhile_is_told(site: Site) -> None:
    async def fault(guest: Guest) -> AsyncGenerator[Step, None]:
        guest.heart.ok()
        await guest.logged("health_changed")
        await site.stop()
        await guest.seen()
        yield Step("never", "reached", agrees=True)

    done = await one(site, fault)
    assert done.steps[-1].expected == "the daemon answers"
    assert not done.agrees
    await site.start()
    await asyncio.sleep(0.5)
    assert not site.log("unregistered_agent", agent=site.log("drill_started")[0]["agent"])


async def test_who_is_told_to_stop_while_it_asks_leaves_nothing(site: Site) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Daemon):
        def ask(self, method: str, *path: str, **how: Any) -> Any:
            answer = super().ask(method, *path, **how)
            if method == "POST":
                loop.call_soon_threadsafe(asked.set)
                time.sleep(0.3)
            return answer

    drills = [every()["fail"]]
    task = asyncio.create_task(visit(drills, Slow(site.folder / "control.sock"), site.beats, lambda _: None))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await site.logged("agent_forgotten")
