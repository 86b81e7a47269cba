"""Whatever lies in the folders: it is named in the log, it loses nothing, and the others go on."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.needs import missing
from tests.support.town import Town


def line(**keys: object) -> bytes:
    return json.dumps({"timestamp": datetime.now(UTC).isoformat(), **keys}).encode() + b"\n"


AGENTS = ("folder", "fifo", "link", "long", "nul", "latin", "huge", "far", "deep", "torn", "good")


async def test_no_file_can_stop_the_daemon_or_its_neighbours(town: Town) -> None:
    town.configure("".join(f'[agents.{name}]\nheartbeat_timeout = "1h"\n' for name in AGENTS))
    beats = town.beats
    (beats / "folder.log").mkdir()
    os.mkfifo(beats / "fifo.log")
    (beats / "link.log").symlink_to("/etc/shadow")
    (beats / "long.log").write_bytes(line() + b'{"message": "' + b"x" * 10_000_000 + b'"}\n' + line(seq=2))
    (beats / "nul.log").write_bytes(b"\0\0\0\n" + line())
    (beats / "latin.log").write_bytes(b'{"timestamp": "caf\xe9"}\n' + line())
    (beats / "huge.log").write_bytes(line() + b'{"timestamp": 1e999}\n')
    (beats / "far.log").write_bytes(b'{"timestamp": "9999-12-31T23:59:59Z"}\n')
    (beats / "deep.log").write_bytes(b"[" * 60_000 + b"\n" + line())
    (beats / "torn.log").write_bytes(line() + b'{"timestamp": "2026-0')
    (beats / "good").touch()
    # Names that are no agent's, and one that is not even text.
    (beats / "...log").touch()
    (beats / "-rf.log").touch()
    Path(os.fsdecode(os.fsencode(beats) + b"/\xff\xfe.log")).touch()
    (beats / "stranger.log").write_bytes(line())
    await town.start()
    for name in ("long", "nul", "latin", "huge", "far", "deep", "torn", "good"):
        await town.logged("health_changed", agent=name, new="healthy")
    for name in ("folder", "fifo", "link", "nul", "latin", "huge"):
        record = await town.logged("heartbeat_invalid", agent=name)
        assert record["file"] == str(beats / f"{name}.log")
        assert record["error"]
    assert "root:" not in (town.folder / "log").read_text()
    assert (await town.logged("clock_skew", agent="far"))["ahead"] > 1e9
    assert (await town.logged("unregistered_agent"))["agent"] == "stranger"
    assert {town.state(name)["status"] for name in ("folder", "fifo", "link")} == {"unknown"}
    # And it still listens.
    (beats / "link.log").unlink()
    (beats / "link.log").write_bytes(line())
    await town.logged("health_changed", agent="link", new="healthy")


async def test_two_files_of_one_agent_that_disagree_the_newest_beat_counts(town: Town) -> None:
    town.configure('[agents.a]\nheartbeat_timeout = "1h"\n')
    (town.beats / "a.log").write_bytes(b'{"timestamp": "2020-01-01T00:00:00Z", "kind": "fail"}\n')
    (town.beats / "a.json").write_bytes(line(seq=7))
    await town.start()
    await town.logged("health_changed", agent="a", new="healthy")
    assert town.state("a")["errors"] == 0


async def test_a_file_without_permission_is_named(town: Town) -> None:
    if os.geteuid() != 0:
        missing("root", "to become a user who may not read")
    town.configure('[agents.a]\nheartbeat_timeout = "1h"\n[agents.b]\nheartbeat_timeout = "1h"\n')
    (town.beats / "a.log").write_bytes(line())
    (town.beats / "a.log").chmod(0)
    (town.beats / "b").touch()
    town.folder.chmod(0o777)
    for folder in town.folder.parents[:-2]:
        folder.chmod(0o755)
    town.pid = town.nursery.daemon(town.config, town.folder / "log", uid=65534)
    await town.logged("health_changed", agent="b", new="healthy")
    record = await town.logged("heartbeat_invalid", agent="a")
    assert record["error"] == "Permission denied"
    assert record["file"] == str(town.beats / "a.log")


RESTARTS = """
[defaults]
heartbeat_timeout = "300ms"
check_interval = "5m"
[agents.nowhere.restart]
kind = "command"
command = ["/no/such/program"]
[agents.endless.restart]
kind = "command"
command = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]
timeout = "1s"
stop_timeout = "500ms"
[agents.noisy.restart]
kind = "command"
command = ["/bin/sh", "-c", "yes this is an error | head -c 50000000 >&2; echo the end >&2; exit 3"]
[agents.good]
heartbeat_timeout = "1h"
[agents.good2]
heartbeat_timeout = "1h"
[agents.good3]
heartbeat_timeout = "1h"
[agents.good4]
heartbeat_timeout = "1h"
[agents.good5]
heartbeat_timeout = "1h"
"""  # were half of them silent, nothing would be restarted


async def test_restart_commands_that_are_missing_endless_or_noisy(town: Town) -> None:
    town.configure(RESTARTS)
    for name in ("nowhere", "endless", "noisy", "good", "good2", "good3", "good4", "good5"):
        (town.beats / name).touch()
    await town.start()
    nowhere = await town.logged("restart_finished", agent="nowhere")
    assert not nowhere["ok"]
    assert "/no/such/program" in nowhere["detail"]
    noisy = await town.logged("restart_finished", agent="noisy")
    assert (noisy["ok"], noisy["exit_code"]) == (False, 3)
    assert len(noisy["stderr"]) == 20
    assert noisy["stderr"][-1].endswith("the end")
    endless = await town.logged("restart_finished", agent="endless")
    assert not endless["ok"]
    assert "1 s" in endless["detail"]
    assert town.state("good")["status"] == "healthy"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[agents.a]\nheartbeat_timeot = "1h"\n', ["agents.a.heartbeat_timeot", "heartbeat_timeout"]),
        ('[agents."../etc"]\n', ["../etc"]),
        ("[agents.a]\nheartbeat_timeout = 60\n", ["agents.a.heartbeat_timeout"]),
        ("[agents.a\n", ["config.toml"]),
        ('[agents.a.restart]\nkind = "telepathy"\n', ["telepathy", "command"]),
        ('[escalation]\nchain = [{channel = "nobody"}]\n', ["nobody"]),
    ],
)
async def test_a_wrong_configuration_is_one_clear_line(town: Town, text: str, words: list[str]) -> None:
    town.beats.mkdir(parents=True)
    town.config.write_text(text)
    for command in ("run", "check", "check-config"):
        done = await town.ask(command)
        assert done.returncode == 64
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr
        for word in words:
            assert word in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> AsyncIterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        missing("a mount of our own", done.stderr.strip())
    yield folder  # type: ignore[misc]
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


async def test_a_full_disk_stops_neither_decisions_nor_messages(town: Town, small_disk: Path) -> None:
    town.configure(
        f"""
        [agents.worker]
        heartbeat_timeout = "1s"
        check_interval = "1s"
        [agents.worker.restart]
        kind = "command"
        command = ["/bin/sh", "-c", "echo restarted >> {town.folder}/effects"]
        [channels.people]
        kind = "file"
        path = "people.jsonl"
        [dashboard]
        min_interval = "100ms"
        """
    )
    text = town.config.read_text()
    text = text.replace('cache = "cache"', f'cache = "cache"\ndashboard = "{small_disk}/page.html"')
    town.config.write_text(text.replace('data = "data"', f'data = "{small_disk}/data"'))
    (small_disk / "page.html").write_text("the old page")
    beat = town.beats / "worker"
    beat.touch()
    os.utime(beat, (time.time() + 3, time.time() + 3))
    town.pid = town.nursery.daemon(town.config, town.folder / "log")
    await town.logged("supervisor_ready")
    ballast = small_disk / "ballast"
    fill(ballast)
    await town.logged("journal_failed", limit=30)
    await town.wait((town.folder / "effects").exists, "the restart")
    await town.wait((town.folder / "people.jsonl").exists, "the message")
    await town.logged("dashboard_failed")
    assert (small_disk / "page.html").read_text().strip()
    ballast.unlink()
    await town.logged("journal_restored", limit=30)
    beat.touch()
    await town.logged("incident_resolved")
    await town.stop()
    # What was decided while the disk was full is in the journal all the same.
    (town.folder / "log").rename(town.folder / "log.1")
    await town.start()
    assert town.state("worker")["restarts"] == 1
