"""Channels against real files, real processes and a real HTTP server."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

import supervisor
from supervisor.domain.delivery import Delivered, Failed, Outcome
from supervisor.notifiers import command, file, webhook
from supervisor.notifiers.webhook import signature
from tests.support.deliveries import delivery
from tests.support.needs import missing
from tests.support.receiver import Receiver, receiving


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    return outcome


# --- file --------------------------------------------------------------------------------------------


async def to_file(path: Path, *ids: str) -> Outcome:
    notifier = file.Notifier(file.Config(path=path), name="ops")
    try:
        for id_ in ids:
            outcome = await notifier.send(delivery(id_))
    finally:
        await notifier.close()
    return outcome


def ids(path: Path) -> list[str]:
    return [json.loads(line)["delivery"] for line in path.read_bytes().splitlines()]


async def test_the_file_and_its_folder_are_made_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "escalations.jsonl"
    assert await to_file(path, "1") == Delivered()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_id_is_written_once_by_any_life_of_the_supervisor(tmp_path: Path) -> None:
    path = tmp_path / "escalations.jsonl"
    await to_file(path, "1", "2", "1")
    assert await to_file(path, "2", "1", "3") == Delivered()
    assert ids(path) == ["1", "2", "3"]


async def test_an_id_that_stands_in_a_message_or_in_half_a_line_was_not_delivered(tmp_path: Path) -> None:
    path = tmp_path / "escalations.jsonl"
    quoting = json.dumps({"type": "x", "evidence": {"delivery": "1"}, "text": '\n{"delivery": "1"}'})
    path.write_text(f'{quoting}\n{{"delivery": "1", "type": "AGEN')
    assert await to_file(path, "1", "1") == Delivered()
    lines = path.read_text().splitlines()
    assert lines[:2] == [quoting, '{"delivery": "1", "type": "AGEN']
    assert len(lines) == 3
    assert json.loads(lines[2])["delivery"] == "1"


async def test_only_the_end_of_a_long_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "escalations.jsonl"
    await to_file(path, "old")
    with path.open("ab") as stream:
        stream.write(b"{}\n")
        stream.truncate(1 << 32)  # 4 GiB, of which the disk holds a few KiB
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n")
    began = time.monotonic()
    assert await to_file(path, "new", "new") == Delivered()
    assert time.monotonic() - began < 10
    with path.open("rb") as stream:
        stream.seek((1 << 32) + 1)
        assert [json.loads(line)["delivery"] for line in stream] == ["new"]


@pytest.mark.parametrize("kind", ["folder", "fifo", "link", "device", "file as a folder"])
async def test_what_is_no_file_is_refused_for_good_and_hangs_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "escalations.jsonl"
    victim = tmp_path / "victim"
    victim.write_text("precious")
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(victim)
    elif kind == "device":
        path = Path("/dev/null")
    else:
        path = victim / "escalations.jsonl"
    outcome = failed(await asyncio.wait_for(to_file(path, "1"), 10))
    assert outcome.permanent
    assert str(path) in outcome.error
    assert victim.read_text() == "precious"


READ_ONLY = Path("/sys/kernel/uevent_seqnum")


async def test_a_file_we_may_not_write_is_refused_for_good() -> None:
    if not READ_ONLY.exists():
        missing(str(READ_ONLY), "a file that not even root may write")
    outcome = failed(await to_file(READ_ONLY, "1"))
    assert outcome.permanent
    assert outcome.error.startswith(str(READ_ONLY))


async def test_a_lock_is_waited_for_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "escalations.jsonl"
    with path.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = asyncio.create_task(to_file(path, "1"), name="waits for the lock")
        await asyncio.sleep(0.2)
        assert not waiting.done()
        fcntl.flock(other, fcntl.LOCK_UN)
        assert await waiting == Delivered()
        monkeypatch.setattr(file, "LOCK_PATIENCE", 0.1)
        fcntl.flock(other, fcntl.LOCK_EX)
        outcome = failed(await to_file(path, "2"))
    assert not outcome.permanent
    assert "locked" in outcome.error
    assert ids(path) == ["1"]


FULL = """
import asyncio, pathlib, resource, sys
from supervisor.notifiers.file import Config, Notifier
from tests.support.deliveries import delivery

async def main():
    path = pathlib.Path(sys.argv[1])
    notifier = Notifier(Config(path=path), name="ops")
    print(await notifier.send(delivery("1")))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in (100, 0):                    # half a line fits; nothing fits
        size = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        print(await notifier.send(delivery("2")), path.stat().st_size - size)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(await notifier.send(delivery("2")))
    await notifier.close()

asyncio.run(main())
"""


async def test_a_full_disk_passes_and_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "escalations.jsonl"
    root = Path(supervisor.__file__).parents[1]
    run = [sys.executable, "-W", "error", "-c", FULL, str(path)]
    done = await asyncio.to_thread(
        subprocess.run, run, cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    first, half, nothing, last = done.stdout.splitlines()
    assert first == last == "Delivered()"
    assert "permanent=False" in half
    assert half.endswith(" 0")
    assert "permanent=False" in nothing
    assert nothing.endswith(" 0")
    assert ids(path) == ["1", "2"]


async def test_two_supervisors_may_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "escalations.jsonl"
    await asyncio.gather(*(to_file(path, *(f"{writer}.{number}" for number in range(20))) for writer in range(3)))
    assert sorted(ids(path)) == sorted(f"{writer}.{number}" for writer in range(3) for number in range(20))


# --- command -----------------------------------------------------------------------------------------


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


# --- webhook -----------------------------------------------------------------------------------------


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def post(url: str, **keys: Any) -> Outcome:
    notifier = webhook.Notifier(webhook.Config.model_validate({"url": url, "timeout": "5s", **keys}), name="ops")
    try:
        return await notifier.send(delivery())
    finally:
        await notifier.close()


async def test_a_request_says_what_it_is(receiver: Receiver) -> None:
    assert await post(receiver.url, headers={"X-Team": "collections"}) == Delivered()
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", "/hook")
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["Idempotency-Key"] == delivery().id
    assert got.headers["X-Team"] == "collections"
    assert "Authorization" not in got.headers
    assert webhook.SIGNATURE not in got.headers
    assert json.loads(got.body) == delivery().message


async def test_a_signed_request_can_be_verified_and_its_secret_changed(receiver: Receiver, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    config = webhook.Config(url=receiver.url, secret_file=secret)
    notifier = webhook.Notifier(config, name="ops")
    for key in ("first", "second"):
        secret.write_text(f"{key}\n")
        assert await notifier.send(delivery()) == Delivered()
        header = receiver.got[-1].headers[webhook.SIGNATURE]
        match = re.fullmatch(r"t=([0-9]+),v1=[0-9a-f]{64}", header)
        assert match is not None
        assert abs(int(match[1]) - time.time()) < 60
        assert header == signature(receiver.got[-1].body, key, int(match[1]))
    await notifier.close()


async def test_a_token_is_sent_and_never_shown(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "hunter2")
    receiver.says(401, "the token hunter2 is wrong")
    config = webhook.Config(url=receiver.url, token_env="HOOK_TOKEN")
    notifier = webhook.Notifier(config, name="ops")
    outcome = failed(await notifier.send(delivery()))
    await notifier.close()
    assert receiver.got[0].headers["Authorization"] == "Bearer hunter2"
    assert outcome == Failed("HTTP 401: the token [redacted] is wrong", permanent=True)
    assert "hunter2" not in repr(config) + repr(vars(notifier))


async def test_a_secret_that_is_not_there_sends_nothing(receiver: Receiver, tmp_path: Path) -> None:
    outcome = failed(await post(receiver.url, secret_file=tmp_path / "none"))
    assert outcome.permanent
    assert str(tmp_path / "none") in outcome.error
    assert receiver.got == []


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, None) for status in (200, 201, 202, 204)),
        *((status, True) for status in (301, 302, 307, 400, 401, 403, 404, 410, 422)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
async def test_a_status_says_whether_to_try_again(receiver: Receiver, status: int, permanent: bool | None) -> None:
    receiver.says(status, Location=receiver.url)
    outcome = await post(receiver.url)
    if permanent is None:
        assert outcome == Delivered()
    else:
        assert failed(outcome).permanent is permanent
        assert failed(outcome).error == f"HTTP {status}"
    assert len(receiver.got) == 1


async def test_a_server_may_name_its_wait(receiver: Receiver) -> None:
    receiver.says(429, "slow down", Retry_After="120")
    assert await post(receiver.url) == Failed("HTTP 429: slow down", retry_after=120.0)
    receiver.says(503, Retry_After=formatdate(time.time() + 90, usegmt=True))
    wait = failed(await post(receiver.url)).retry_after
    assert wait is not None
    assert 60 < wait <= 90
    receiver.says(503, Retry_After="a while")
    assert failed(await post(receiver.url)).retry_after is None
    receiver.says(404, Retry_After="120")
    assert failed(await post(receiver.url)) == Failed("HTTP 404", permanent=True)


async def test_a_long_answer_is_quoted_in_part_and_as_data(receiver: Receiver) -> None:
    receiver.says(500, "\x1b[2J\n" + "x" * 1_000_000)
    error = failed(await post(receiver.url)).error
    assert len(error) < 600
    assert error.isprintable()


async def test_a_server_that_hangs_is_left(receiver: Receiver) -> None:
    receiver.hangs()
    began = time.monotonic()
    assert await post(receiver.url, timeout="500ms") == Failed("no answer within 0.5 s")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Delivered()), (503, Failed("HTTP 503")), (404, Failed("HTTP 404", permanent=True))],
)
async def test_a_body_that_does_not_come_is_not_waited_for(receiver: Receiver, status: int, outcome: Outcome) -> None:
    receiver.dribbles(status)
    began = time.monotonic()
    assert await post(receiver.url, timeout="30s") == outcome
    assert time.monotonic() - began < 10


async def test_a_connection_that_breaks_or_is_not_taken_is_a_passing_fault(receiver: Receiver) -> None:
    receiver.resets()
    outcome = failed(await post(receiver.url))
    assert (outcome.permanent, len(receiver.got)) == (False, 1)
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))  # taken, but nobody listens
        outcome = failed(await post(f"http://127.0.0.1:{bound.getsockname()[1]}/"))
    assert not outcome.permanent
    assert "127.0.0.1" in outcome.error


async def test_what_answers_no_http_is_a_passing_fault() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        assert not failed(await post(f"http://{host}:{port}/")).permanent


async def test_one_session_serves_many_tries_and_is_closed(receiver: Receiver) -> None:
    notifier = webhook.Notifier(webhook.Config(url=receiver.url), name="ops")
    outcomes = await asyncio.gather(*(notifier.send(delivery(f"INC-{number}")) for number in range(20)))
    assert outcomes == [Delivered()] * 20
    assert sorted(got.headers["Idempotency-Key"] for got in receiver.got) == sorted(f"INC-{n}" for n in range(20))
    await notifier.close()
    assert await notifier.send(delivery()) == Delivered()
    await notifier.close()


async def test_a_server_that_is_gone_for_a_while_is_reached_again(receiver: Receiver) -> None:
    notifier = webhook.Notifier(webhook.Config(url=receiver.url), name="ops")
    assert await notifier.send(delivery()) == Delivered()
    receiver.resets()
    assert isinstance(await notifier.send(delivery()), Failed)
    receiver.says(200)
    assert await notifier.send(delivery()) == Delivered()
    await notifier.close()
