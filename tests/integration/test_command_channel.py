"""The `command` channel with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.delivery import Delivered, Failed, Outcome
from supervisor.notifiers import command
from tests.support.deliveries import delivery, failed


async def run_python(code: str, *arguments: object, within: str = "30s", **message: Any) -> Outcome:
    config = command.Config.model_validate(
        {"command": [sys.executable, "-c", code, *map(str, arguments)], "timeout": within}
    )
    notifier = command.Notifier(config, name="ops")
    try:
        return await notifier.send(delivery("INC-1.1.ops", **message))
    finally:
        await notifier.close()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def gone(pid: int) -> bool:
    for _ in range(500):
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


def line_of(path: Path) -> str:
    text = path.read_text() if path.exists() else ""
    return text.strip() if text.endswith("\n") else ""


async def written(path: Path) -> str:
    for _ in range(3000):
        if line := line_of(path):
            return line
        await asyncio.sleep(0.01)
    raise AssertionError(f"{path} was not written")


async def test_a_program_is_told_in_its_environment_and_on_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("HANDED_ON", "yes")
    code = "import json, os, sys; json.dump([dict(os.environ), json.load(sys.stdin)], open(sys.argv[1], 'w'))"
    assert await run_python(code, tmp_path / "out", summary="late\0 \ud800" + "x" * 5000) == Delivered()
    environment, message = json.loads((tmp_path / "out").read_text())
    assert environment["SUPERVISOR_DELIVERY"] == "INC-1.1.ops"
    assert environment["SUPERVISOR_INCIDENT"] == "INC-1"
    assert environment["SUPERVISOR_AGENT"] == "payment-watcher"
    assert environment["SUPERVISOR_KIND"] == "triggered"
    assert environment["SUPERVISOR_SUMMARY"].startswith("late  ?xxx")
    assert len(environment["SUPERVISOR_SUMMARY"]) == 1000
    assert environment["HANDED_ON"] == "yes"
    assert "NOTIFY_SOCKET" not in environment
    assert message["missed_heartbeats"] == 2


@pytest.mark.parametrize(
    ("open_ids", "over_ids", "value"),
    [
        (["0a1b2c3d", "1a1b2c3d"], ["2a1b2c3d"], "0a1b2c3d 1a1b2c3d"),
        ([], ["2a1b2c3d", "3a1b2c3d"], "2a1b2c3d 3a1b2c3d"),
        ([f"{number:08x}" for number in range(101)], [], ""),
    ],
)
async def test_a_program_is_told_what_it_can_acknowledge_a_group_with(
    tmp_path: Path, open_ids: list[str], over_ids: list[str], value: str
) -> None:
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['SUPERVISOR_INCIDENT'])"
    assert await run_python(code, tmp_path / "out", incident_ids=open_ids, resolved_ids=over_ids) == Delivered()
    assert (tmp_path / "out").read_text() == value


async def test_a_message_without_an_agent_has_an_empty_one(tmp_path: Path) -> None:
    code = "import os, sys; open(sys.argv[1], 'w').write(repr(os.environ['SUPERVISOR_AGENT']))"
    await run_python(code, tmp_path / "out", agent="")
    assert (tmp_path / "out").read_text() == "''"


@pytest.mark.parametrize(
    ("code", "permanent"), [(1, False), (63, False), (64, True), (75, False), (78, True), (79, False), (127, True)]
)
async def test_an_exit_code_says_whether_to_try_again(code: int, permanent: bool) -> None:
    outcome = failed(await run_python(f"import sys; sys.stderr.write('no\\n  server\\x1b[2J'); sys.exit({code})"))
    assert outcome == Failed(f"exit code {code}: no server\N{REPLACEMENT CHARACTER}[2J", permanent=permanent)


async def test_a_signal_is_a_passing_fault() -> None:
    outcome = failed(await run_python("import os; os.kill(os.getpid(), 9)"))
    assert outcome == Failed("ended by signal 9")


@pytest.mark.parametrize("kind", ["missing", "not executable", "folder"])
async def test_a_program_that_cannot_run_is_refused_for_good(tmp_path: Path, kind: str) -> None:
    program = tmp_path / "program"
    if kind == "not executable":
        program.write_text("#!/bin/sh\n")
    elif kind == "folder":
        program.mkdir()
    notifier = command.Notifier(command.Config(command=(str(program),)), name="ops")
    outcome = failed(await notifier.send(delivery()))
    assert outcome.permanent
    assert str(program) in outcome.error


async def test_a_flood_on_both_outputs_neither_blocks_the_program_nor_fills_our_memory() -> None:
    code = "import sys\nfor _ in range(300): sys.stdout.write('x' * 65536); sys.stderr.write('y' * 65536)\nsys.exit(1)"
    outcome = failed(await run_python(code, within="60s"))
    assert outcome.error == "exit code 1: " + "y" * 500


async def test_a_program_that_reads_nothing_is_no_matter() -> None:
    assert await run_python("", summary="x" * 1_000_000) == Delivered()


FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])      # it inherits that TERM is ignored
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""


async def test_a_program_over_its_time_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TERM_PATIENCE", 0.2)
    outcome = failed(await run_python(FAMILY, tmp_path / "pids", within="3s"))
    assert outcome == Failed("no end within 3 s")
    for pid in (await written(tmp_path / "pids")).split():
        assert await gone(int(pid))


async def test_a_program_that_obeys_term_is_not_killed(tmp_path: Path) -> None:
    code = """
import signal, sys, time
def obey(*_):
    open(sys.argv[1], "w").write("tidy\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, obey)
time.sleep(600)
"""
    assert failed(await run_python(code, tmp_path / "out", within="2s")).error == "no end within 2 s"
    assert await written(tmp_path / "out") == "tidy"


async def test_a_cancelled_try_leaves_no_process(tmp_path: Path) -> None:
    task = asyncio.create_task(run_python(FAMILY, tmp_path / "pids"), name="a try")
    pids = (await written(tmp_path / "pids")).split()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for pid in pids:
        assert await gone(int(pid))


async def test_what_a_program_leaves_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    code = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
print(child.pid, file=open(sys.argv[1], "w"))
"""
    began = time.monotonic()
    assert await run_python(code, tmp_path / "pid") == Delivered()
    assert time.monotonic() - began < 20
    child = int(await written(tmp_path / "pid"))
    assert alive(child)
    os.kill(child, 9)
