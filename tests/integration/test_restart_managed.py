from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.ports import Exit, RestartOutcome
from supervisor.restarters import managed
from supervisor.restarters.managed import Config, Restarter
from tests.support.agents import agent, children, descriptors, eventually, lives, living, pids
from tests.support.zygote import Zygote


def keeper(data: Path, *command: str, **keys: Any) -> Restarter:
    return Restarter(Config.model_validate({"command": command, **keys}), agent="test-agent", data=data)


@asynccontextmanager
async def kept(data: Path, *command: str, **keys: Any) -> AsyncIterator[Restarter]:
    restarter = keeper(data, *command, **keys)
    try:
        yield restarter
    finally:
        await restarter.close()


async def up(folder: Path, count: int = 1) -> int:
    """Wait until `count` copies have started in all; return the pid of the last."""
    await eventually(lambda: len(pids(folder)) >= count, f"copy {count} starts")
    return pids(folder)[-1]


def stdin(pid: int) -> str:
    return str(Path(f"/proc/{pid}/fd/0").readlink())


async def next_exit(restarter: Restarter) -> Exit:
    async with asyncio.timeout(10):
        async for end in restarter.exits():
            return end
    raise AssertionError("exits() never ends by itself")


async def test_the_agent_is_started_and_its_death_is_seen_at_once(tmp_path: Path) -> None:
    async with kept(tmp_path / "data", *agent(tmp_path, "--stderr", "what I meant to say")) as restarter:
        assert not await restarter.adopt()
        assert await restarter.restart(1) == RestartOutcome(ok=True)
        pid = await up(tmp_path)
        assert os.getsid(pid) == pid, "a session of its own"
        assert stdin(pid) == os.devnull
        waiting = asyncio.create_task(next_exit(restarter))
        await asyncio.sleep(0.05)
        killed = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        assert await waiting == Exit(-signal.SIGKILL, "ended by SIGKILL\nwhat I meant to say")
        assert time.monotonic() - killed < 0.5
        assert pid not in children(), "no zombie"


async def test_an_agent_that_ends_by_itself(tmp_path: Path) -> None:
    async with kept(tmp_path / "data", *agent(tmp_path, "--exit", "3", "--stderr", "line\nlast")) as restarter:
        for attempt in (1, 2):
            assert (await restarter.restart(attempt)).ok
            assert await next_exit(restarter) == Exit(3, "exit code 3\nline\nlast"), "the lines of this copy alone"
        assert (tmp_path / "data" / "stderr.log.1").read_text() == "line\nlast\n"


async def test_a_program_that_can_not_be_executed_is_an_outcome(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    async with kept(tmp_path / "data", str(plain)) as restarter:
        assert await restarter.restart(1) == RestartOutcome(ok=False, detail=f"{plain}: Permission denied")
        assert not await restarter.adopt()
    async with kept(tmp_path / "data", "no-such-program", working_directory=str(tmp_path)) as restarter:
        detail = "no-such-program: No such file or directory (looked for on PATH)"
        assert await restarter.restart(2) == RestartOutcome(ok=False, detail=detail)
        assert await keeper(tmp_path / "data", "x").restart(2) == RestartOutcome(ok=False, detail=detail)


async def test_the_old_copy_is_gone_before_the_new_one_starts(tmp_path: Path) -> None:
    options = ("--ignore-term", "--child")
    async with kept(tmp_path / "data", *agent(tmp_path, *options), stop_timeout="200ms") as restarter:
        for attempt in (1, 2, 3):
            assert (await restarter.restart(attempt)).ok
            await up(tmp_path, attempt)
        assert "overlap" not in (tmp_path / "lives").read_text()
        assert [living(pid) for pid in pids(tmp_path)] == [False, False, True]
        assert [living(pid) for pid in pids(tmp_path, "child")] == [False, False, True]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await next_exit(restarter)  # every end was asked for
    assert not living(pids(tmp_path)[-1])


async def test_what_an_agent_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    async with kept(tmp_path / "data", *agent(tmp_path, "--child", "--exit", "1")) as restarter:
        assert (await restarter.restart(1)).ok
        assert (await next_exit(restarter)).code == 1
        (child,) = pids(tmp_path, "child")
        assert living(child)
        assert (await restarter.restart(2)).ok
        assert not living(child)
        await next_exit(restarter)
    assert not any(living(pid) for pid in pids(tmp_path, "child"))


async def test_a_stopped_agent_is_restarted(tmp_path: Path) -> None:
    async with kept(tmp_path / "data", *agent(tmp_path), stop_timeout="30s") as restarter:
        assert (await restarter.restart(1)).ok
        os.kill(await up(tmp_path), signal.SIGSTOP)
        assert (await restarter.restart(2)).ok
        await up(tmp_path, 2)
        assert [line.split()[0] for line in lives(tmp_path)] == ["start", "term", "start"]


async def test_a_failing_hook_leaves_the_agent_alone(tmp_path: Path) -> None:
    gate = tmp_path / "hook-fails"
    hook = ["sh", "-c", f"! test -e {gate}"]
    async with kept(tmp_path / "data", *agent(tmp_path), pre_restart=[hook]) as restarter:
        assert (await restarter.restart(1)).ok
        pid = await up(tmp_path)
        gate.touch()
        outcome = await restarter.restart(2)
        assert (outcome.ok, outcome.detail) == (False, "pre_restart sh: exit code 1")
        assert living(pid)
        assert await keeper(tmp_path / "data", "x").adopt(), "another life finds it behind the failed run"
        os.kill(pid, signal.SIGKILL)
        assert (await next_exit(restarter)).code == -signal.SIGKILL, "it is watched still"


async def test_a_planned_end_leaves_nothing(tmp_path: Path) -> None:
    others = set(children())
    restarter = keeper(tmp_path / "data", *agent(tmp_path, "--ignore-term", "--child"), stop_timeout="200ms")
    assert (await restarter.restart(1)).ok
    pid = await up(tmp_path)
    exits = asyncio.create_task(next_exit(restarter))
    await restarter.close()
    assert not living(pid)
    assert not any(living(child) for child in pids(tmp_path, "child"))
    await eventually(lambda: set(children()) <= others, "no zombie is left")
    await restarter.close()
    assert not exits.done(), "this end was asked for"
    exits.cancel()
    later = keeper(tmp_path / "data", *agent(tmp_path))
    assert not await later.adopt()
    assert (await later.restart(2)).ok
    await up(tmp_path, 2)
    await later.close()


async def test_a_planned_end_before_any_start(tmp_path: Path) -> None:
    await keeper(tmp_path / "data", "true").close()
    assert not (tmp_path / "data").exists()


async def test_a_planned_end_while_a_restart_is_under_way(tmp_path: Path) -> None:
    slow = ["sh", "-c", f"touch {tmp_path}/hooked; sleep 1"]
    restarter = keeper(tmp_path / "data", *agent(tmp_path), pre_restart=[slow], stop_timeout="300ms")
    restart = asyncio.create_task(restarter.restart(1))
    await eventually((tmp_path / "hooked").exists, "the hook runs")
    restart.cancel()
    await restarter.close()
    await asyncio.sleep(1.2)
    assert lives(tmp_path) == []


async def test_nothing_is_left_open(tmp_path: Path) -> None:
    restarter = keeper(tmp_path / "data", *agent(tmp_path))
    others = set(children())
    assert (await restarter.restart(1)).ok
    await up(tmp_path)
    before = descriptors()
    for attempt in range(2, 8):
        assert (await restarter.restart(attempt)).ok
        await up(tmp_path, attempt)
    assert len(set(children()) - others) == 1
    assert descriptors() == before
    await restarter.close()
    await eventually(lambda: set(children()) <= others, "all are reaped")
    assert descriptors() == before - 1


# --- the supervisor dies ---------------------------------------------------------------------------------


async def test_the_next_life_adopts_the_agent(tmp_path: Path) -> None:
    command = agent(tmp_path, "--stderr", "still here")
    with Zygote() as zygote:
        life = zygote.live("managed", {"command": command}, tmp_path / "data", 1)
        pid = await up(tmp_path)
        os.kill(life, signal.SIGKILL)
    async with kept(tmp_path / "data", *command) as restarter:
        assert await restarter.adopt()
        assert living(pid)
        killed = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        assert await next_exit(restarter) == Exit(None, "ended\nstill here")
        assert time.monotonic() - killed < 0.5
        assert not await restarter.adopt()
        assert (await restarter.restart(2)).ok
        await up(tmp_path, 2)
    assert not living(pids(tmp_path)[-1])


async def test_an_agent_that_died_between_two_lives_is_told_when_its_restart_is_asked_again(tmp_path: Path) -> None:
    command = agent(tmp_path, "--exit", "3")
    with Zygote() as zygote:
        life = zygote.live("managed", {"command": command}, tmp_path / "data", 1)
        await up(tmp_path)
        os.kill(life, signal.SIGKILL)
    async with kept(tmp_path / "data", *command) as restarter:
        await eventually(lambda: not living(pids(tmp_path)[0]), "it ends")
        assert not await restarter.adopt()
        assert (await restarter.restart(1)).ok
        assert (await next_exit(restarter)).code is None
        assert (await restarter.restart(1)).ok
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await next_exit(restarter)  # told once
        assert len(pids(tmp_path)) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_a_killed_supervisor_never_starts_two(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    with Zygote() as zygote:
        for turn in range(10):
            folder = tmp_path / str(turn)
            folder.mkdir()
            keys = {"command": agent(folder), "pre_restart": [["sh", "-c", f"echo run >>{folder}/hook"]]}
            life = zygote.live("managed", keys, folder / "data", 1)
            await asyncio.sleep(moment.uniform(0, 0.12))
            os.kill(life, signal.SIGKILL)
            async with kept(folder / "data", **keys) as restarter:
                if turn % 2:
                    await restarter.adopt()
                assert await restarter.restart(1) == RestartOutcome(ok=True)
                pid = await up(folder)
                assert lives(folder) == [f"start {pid}"], turn
                assert (folder / "hook").read_text() == "run\n", turn
                os.kill(pid, signal.SIGKILL)
                assert (await next_exit(restarter)).code in {None, -signal.SIGKILL}


async def test_a_folder_that_can_not_be_read_holds_no_agent(tmp_path: Path) -> None:
    (tmp_path / "run-1.claim").mkdir()
    assert not await keeper(tmp_path, "true").adopt()


async def test_without_pidfds_a_death_is_still_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _flags: int = 0) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    async with kept(tmp_path / "data", *agent(tmp_path)) as restarter:
        assert (await restarter.restart(1)).ok
        os.kill(await up(tmp_path), signal.SIGKILL)
        assert (await next_exit(restarter)).code == -signal.SIGKILL


# --- its output ------------------------------------------------------------------------------------------


async def test_output_is_kept_in_files_that_do_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed, "_LOOK_EVERY", 0.05)
    flood = "i=0; while [ $i -lt 400 ]; do echo line-$i-$(printf %01000d 0); i=$((i+1)); sleep 0.002; done; sleep 60"
    data = tmp_path / "data"
    async with kept(data, "sh", "-c", flood, output_limit=65536) as restarter:
        assert (await restarter.restart(1)).ok
        looking = asyncio.create_task(next_exit(restarter))
        await eventually(ends_with(data / "output.log", "line-399"), "all is written")
        await asyncio.sleep(0.2)
        looking.cancel()
        assert (data / "output.log").stat().st_size <= 65536
        assert 0 < (data / "output.log.1").stat().st_size <= 65536 + 8192, "with what came while it was copied"
        assert (data / "output.log").stat().st_mode & 0o777 == 0o600
        assert not (data / "stderr.log").read_bytes()
    # What was written last is whole: the writer goes on at the new end, no hole before it.
    assert (data / "output.log").read_bytes().startswith(b"line-")


def ends_with(path: Path, word: str) -> Callable[[], bool]:
    return lambda: path.exists() and word in path.read_text()
