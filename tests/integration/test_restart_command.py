from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from supervisor.ports import RestartOutcome
from supervisor.restarters import _runner, _runs
from supervisor.restarters._processes import look, members
from supervisor.restarters.command import Config, Restarter
from tests.support.agents import agent, children, descriptors, eventually, lives, living, pids
from tests.support.needs import missing
from tests.support.zygote import Zygote


def restarter(data: Path, *command: str, **keys: Any) -> Restarter:
    return Restarter(Config.model_validate({"command": command, **keys}), agent="test-agent", data=data)


async def restart(data: Path, *command: str, attempt: int = 1, **keys: Any) -> RestartOutcome:
    return await restarter(data, *command, **keys).restart(attempt)


def in_background(folder: Path, *options: str) -> list[str]:
    """A command that leaves an agent behind, as scripts do, and ends once the agent is up."""
    start = 'folder=$1; shift; "$@" & while [ ! -e "$folder/lives" ]; do sleep 0.01; done'
    return ["sh", "-c", start, "sh", str(folder), *agent(folder, *options)]


def again(folder: Path, *options: str) -> list[str]:
    """The same, for a folder that has seen lives before."""
    start = 'folder=$1; shift; rm "$folder/lives"; "$@" & while [ ! -e "$folder/lives" ]; do sleep 0.01; done'
    return ["sh", "-c", start, "sh", str(folder), *agent(folder, *options)]


async def test_a_command_that_works(tmp_path: Path) -> None:
    command = ["sh", "-c", 'echo "$0 $WORD $PWD" >effect; cat >>effect; echo done >&2', "no shell $HOME"]
    outcome = await restart(
        tmp_path / "data", *command, working_directory=str(tmp_path), environment={"WORD": "a b; rm -rf"}
    )
    assert outcome == RestartOutcome(ok=True, exit_code=0, stderr=("done",))
    assert (tmp_path / "effect").read_text() == f"no shell $HOME a b; rm -rf {tmp_path}\n"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


async def test_a_command_that_fails_says_how(tmp_path: Path) -> None:
    outcome = await restart(tmp_path, "sh", "-c", "echo one >&2; printf 'two\\r\\n\\377three' >&2; exit 3")
    assert outcome == RestartOutcome(ok=False, detail="exit code 3", exit_code=3, stderr=("one", "two", "\ufffdthree"))
    outcome = await restart(tmp_path, "sh", "-c", "kill -SEGV $$", attempt=2)
    assert (outcome.ok, outcome.detail, outcome.exit_code) == (False, "ended by SIGSEGV", -signal.SIGSEGV)


async def test_a_command_that_can_not_be_started_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for attempt, (path, why) in enumerate(
        [
            ("/no/such/program", "/no/such/program: No such file or directory"),
            ("no-such-program", "no-such-program: No such file or directory (looked for on PATH)"),
            (str(plain), f"{plain}: Permission denied"),
            (str(tmp_path), f"{tmp_path}: Permission denied"),
        ],
        start=1,
    ):
        assert await restart(tmp_path / "data", path, attempt=attempt) == RestartOutcome(ok=False, detail=why)
    outcome = await restart(tmp_path / "data", "true", attempt=9, working_directory="/no/such/folder")
    assert outcome == RestartOutcome(ok=False, detail="working_directory /no/such/folder: No such file or directory")


async def test_a_command_that_never_ends_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    command = [*agent(tmp_path, "--child", "--stderr", "I hang")]
    outcome = await restart(tmp_path / "data", *command, timeout="1s", stop_timeout="5s")
    assert time.monotonic() - begun < 5
    assert (outcome.ok, outcome.detail, outcome.stderr) == (False, "timed out after 1 s", ("I hang",))
    assert len(pids(tmp_path, "child")) == 1
    assert not any(living(pid) for pid in pids(tmp_path) + pids(tmp_path, "child"))


async def test_a_command_that_will_not_hear_is_killed_with_all_its_children(tmp_path: Path) -> None:
    command = agent(tmp_path, "--ignore-term", "--child")
    outcome = await restart(tmp_path / "data", *command, timeout="1s", stop_timeout="300ms")
    assert (outcome.ok, outcome.detail, outcome.exit_code) == (False, "timed out after 1 s", -signal.SIGKILL)
    assert len(pids(tmp_path, "child")) == 1
    assert not any(living(pid) for pid in pids(tmp_path) + pids(tmp_path, "child"))


async def test_a_stopped_command_is_woken_to_hear_term(tmp_path: Path) -> None:
    outcome = await restart(tmp_path, "sh", "-c", "kill -STOP $$", timeout="300ms", stop_timeout="30s")
    assert (outcome.detail, outcome.exit_code) == ("timed out after 0.3 s", -signal.SIGTERM)


async def test_a_flood_of_stderr_is_bounded(tmp_path: Path) -> None:
    flood = """
import sys
line = b"x" * 99 + b"\\n"
for _ in range(50):
    sys.stderr.buffer.write(line * 10_000)
sys.stderr.buffer.write(b"y" * 1_000_000 + b"\\nend")
"""
    outcome = await restart(tmp_path, sys.executable, "-I", "-S", "-c", flood)
    assert outcome.ok
    assert outcome.stderr == (*["x" * 99] * 18, "y" * 2048, "end")
    assert (tmp_path / "run-1.result").stat().st_size < 20_000


async def test_what_a_command_leaves_in_the_background_lives_until_the_next_attempt(tmp_path: Path) -> None:
    assert (await restart(tmp_path / "data", *in_background(tmp_path, "--ignore-term", "--child"))).ok
    (old,) = pids(tmp_path)
    assert living(old)
    outcome = await restart(tmp_path / "data", *again(tmp_path), attempt=2, stop_timeout="200ms")
    assert outcome.ok
    assert not living(old)
    (new,) = pids(tmp_path)
    assert lives(tmp_path) == [f"start {new}"], "the old copy, or its child, still held the lock"
    assert (await restart(tmp_path / "data", "true", attempt=3)).ok
    assert not living(new)


async def test_an_agent_in_the_background_keeps_its_stderr(tmp_path: Path) -> None:
    chatter = f"(trap '' PIPE; while sleep 0.05; do echo chatter >&2 || echo broken >>{tmp_path}/broken; done) &"
    assert (await restart(tmp_path / "data", "sh", "-c", chatter)).ok
    await asyncio.sleep(0.5)
    assert not (tmp_path / "broken").exists()
    assert (await restart(tmp_path / "data", "true", attempt=2)).ok


async def test_hooks_run_first_and_in_order(tmp_path: Path) -> None:
    def say(word: str) -> list[str]:
        return ["sh", "-c", f"echo {word} >>{tmp_path}/effect; echo {word} >&2"]

    outcome = await restart(tmp_path / "data", *say("command"), pre_restart=[say("one"), say("two")])
    assert outcome == RestartOutcome(ok=True, exit_code=0, stderr=("command",))
    assert (tmp_path / "effect").read_text().split() == ["one", "two", "command"]


@pytest.mark.parametrize(
    ("hook", "detail", "code"),
    [
        (["sh", "-c", "echo why >&2; exit 4"], "pre_restart sh: exit code 4", 4),
        (["/no/hook"], "pre_restart /no/hook: /no/hook: No such file or directory", None),
        (["sleep", "60"], "pre_restart sleep: timed out after 1 s", -signal.SIGTERM),
    ],
)
async def test_a_failing_hook_leaves_everything_as_it_is(
    tmp_path: Path, hook: list[str], detail: str, code: int | None
) -> None:
    assert (await restart(tmp_path / "data", *in_background(tmp_path))).ok
    later = restarter(tmp_path / "data", "touch", str(tmp_path / "effect"), pre_restart=[["true"], hook], timeout="1s")
    outcome = await later.restart(2)
    assert (outcome.ok, outcome.detail, outcome.exit_code) == (False, detail, code)
    assert not (tmp_path / "effect").exists()
    assert living(pids(tmp_path)[0])
    assert (await restart(tmp_path / "data", "true", attempt=3)).ok
    assert not living(pids(tmp_path)[0])


async def test_nothing_is_left_of_a_restart(tmp_path: Path) -> None:
    others = set(children())
    assert (await restart(tmp_path, "true")).ok  # what is opened once, such as worker threads, is open now
    await eventually(lambda: set(children()) <= others, "the launcher is reaped")
    before = descriptors()
    for attempt in range(2, 12):
        assert (await restart(tmp_path, "sh", "-c", "sleep 0 & exit 0", attempt=attempt)).ok
    await eventually(lambda: set(children()) <= others, "no zombie is left")
    assert descriptors() == before
    assert _runs.numbers(tmp_path) == [11], "old runs are forgotten"


async def test_a_cancelled_restart_goes_on_and_is_joined(tmp_path: Path) -> None:
    command = ["sh", "-c", f"echo run >>{tmp_path}/effect; sleep 1; echo late >&2; exit 5"]
    first = asyncio.create_task(restart(tmp_path / "data", *command))
    await eventually((tmp_path / "effect").exists, "the command runs")
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    outcome = await restart(tmp_path / "data", *command)
    assert outcome == RestartOutcome(ok=False, detail="exit code 5", exit_code=5, stderr=("late",))
    assert (tmp_path / "effect").read_text() == "run\n"


async def test_a_launcher_that_hangs_is_given_up_and_ended_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_runner, "KILL_PATIENCE", 0.0)
    monkeypatch.setattr(_runner, "_LAUNCH_PATIENCE", 1.0)
    others = set(children())
    hung = restarter(tmp_path, "sleep", "60", timeout="200ms", stop_timeout="100ms")
    asking = asyncio.create_task(hung.restart(1))
    await eventually(lambda: set(children()) - others, "the launcher starts")
    (launcher,) = set(children()) - others
    os.kill(launcher, signal.SIGSTOP)
    assert await asking == RestartOutcome(ok=False, detail="the launcher has not ended after 1.7 s")
    monkeypatch.undo()
    assert (await restart(tmp_path, "true", attempt=2, stop_timeout="100ms")).ok
    os.kill(launcher, signal.SIGCONT)  # where it had not claimed its run yet, it finds it gone
    await eventually(lambda: not living(launcher), "the launcher ends")


async def test_a_new_journal_counts_from_one_again(tmp_path: Path) -> None:
    command = ["sh", "-c", f"echo run >>{tmp_path}/effect"]
    for attempt in (1, 2, 3, 1, 2, 2):
        assert (await restart(tmp_path / "data", *command, attempt=attempt)).ok
    assert (tmp_path / "effect").read_text() == "run\n" * 5


# --- the supervisor dies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
async def test_a_killed_supervisor_never_restarts_twice(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    with Zygote() as zygote:
        for turn in range(10):
            data, effect = tmp_path / f"data{turn}", tmp_path / f"effect{turn}"
            command = ["sh", "-c", f"echo run >>{effect}; sleep 0.03; echo late >&2; exit 6"]
            life = zygote.live("command", {"command": command}, data, 1)
            await asyncio.sleep(moment.uniform(0, 0.12))
            os.kill(life, signal.SIGKILL)
            outcome = await restart(data, *command)
            assert outcome == RestartOutcome(ok=False, detail="exit code 6", exit_code=6, stderr=("late",)), turn
            assert effect.read_text() == "run\n", turn


async def test_a_killed_launcher_never_restarts_twice_either(tmp_path: Path) -> None:
    moment = random.Random(7)
    broken = 0
    with Zygote() as zygote:
        for turn in range(20):
            data, effect = tmp_path / f"data{turn}", tmp_path / f"effect{turn}"
            command = ["sh", "-c", f"echo run >>{effect}; sleep 0.03"]
            life = zygote.live("command", {"command": command}, data, 1)
            if turn % 2:
                await asyncio.sleep(moment.uniform(0.01, 0.08))
            else:
                await eventually(effect.exists, "the command runs")
            for pid in (life, *children(life)):
                os.kill(pid, signal.SIGKILL)
            outcome = await restart(data, *command)
            if not outcome.ok:
                assert outcome.detail == "broken off: its launcher ended without a result"
                broken += 1
            else:
                assert effect.read_text() == "run\n", turn
            await asyncio.sleep(0.05)
            assert not effect.exists() or effect.read_text() == "run\n", turn
    assert broken


async def test_a_claim_of_an_earlier_boot_is_broken_off(tmp_path: Path) -> None:
    me = look(os.getpid())
    assert me
    write(tmp_path, _runs.Claim(1, 1, me.pid, me.start, "another-boot", "gate"))
    outcome = await restart(tmp_path, "true")
    assert outcome == RestartOutcome(ok=False, detail="broken off: the machine was started anew")
    assert (await restart(tmp_path, "true", attempt=2)).ok


async def test_a_recycled_pid_is_never_signalled(tmp_path: Path) -> None:
    stranger = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    try:
        process = look(stranger.pid)
        assert process
        assert members(stranger.pid) == [process]
        write(tmp_path, _runs.Claim(1, 1, process.pid, process.start - 1, _runs.this_boot(), "gate"))
        assert (await restart(tmp_path, "true", attempt=2)).ok
        write(tmp_path, _runs.Claim(5, 5, process.pid, process.start, "another-boot", "gate"))
        assert (await restart(tmp_path, "true", attempt=6)).ok
        assert living(stranger.pid)
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_claim_torn_by_a_power_cut_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "run-4.claim").touch()
    (tmp_path / "run-x.claim").touch()
    assert (await restart(tmp_path, "true", attempt=4)).ok
    assert _runs.numbers(tmp_path) == [5]


async def test_a_folder_that_can_not_be_used_is_an_outcome(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    outcome = await restart(tmp_path / "data", "true")
    assert outcome == RestartOutcome(ok=False, detail=f"{tmp_path / 'data'}: File exists")


async def test_a_gate_that_can_not_be_used_is_an_outcome(tmp_path: Path) -> None:
    write(tmp_path, _runs.Claim(1, 1, 1, 1, _runs.this_boot(), "gate"))
    (tmp_path / "run-1.gate.gate").mkdir()
    outcome = await restart(tmp_path, "true")
    assert outcome == RestartOutcome(ok=False, detail=f"{tmp_path}: Is a directory")


@pytest.mark.parametrize(("inodes", "ran"), [(2, False), (3, True)])
async def test_a_full_disk_is_said_and_stops_no_restart_that_could_be_claimed(
    tmp_path: Path, inodes: int, ran: bool
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size=64k,nr_inodes={inodes}", "none", str(disk)]
    mount = await asyncio.create_subprocess_exec("mount", *options, stderr=asyncio.subprocess.PIPE)
    _, refused = await mount.communicate()
    if mount.returncode:
        missing("the right to mount a small tmpfs", refused.decode())
    try:
        outcome = await restart(disk, "touch", str(tmp_path / "effect"))
    finally:
        umount = await asyncio.create_subprocess_exec("umount", "--lazy", str(disk))
        await umount.wait()
    assert outcome.ok is ran
    assert "No space left on device" in "\n".join([outcome.detail, *outcome.stderr])
    assert "Traceback" not in outcome.detail
    assert (tmp_path / "effect").exists() is ran


def write(folder: Path, claim: _runs.Claim) -> None:
    (folder / f"run-{claim.number}.claim").symlink_to(_runs.words(claim))
