"""The `file` channel on real files."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import supervisor
from supervisor.domain.delivery import Delivered, Outcome
from supervisor.notifiers import file
from tests.support.deliveries import delivery, failed
from tests.support.needs import missing


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
