"""Programs that read the log: the README's lines for jq, and what `config/` has for lnav and rsyslog, on a real log."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.faces.schema import schema
from tests.support.needs import missing
from tests.support.nursery import Nursery
from tests.support.recipes import recipes
from tests.support.town import Town

ROOT = Path(__file__).parents[2]
LNAV = ROOT / "config" / "lnav" / "collections-supervisor.json"
RSYSLOG = ROOT / "config" / "rsyslog" / "collections-supervisor.conf"


@pytest.fixture
async def log(tmp_path: Path) -> Path:
    """Return the log of a daemon that has restarted an agent, told somebody of it, and ended."""
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        town.configure("""
[agents.payment-watcher]
heartbeat_timeout = "1s"
check_interval = "500ms"
[agents.payment-watcher.restart]
kind = "command"
command = ["/bin/true"]
[agents.collections-emailer]
[channels.record]
kind = "file"
path = "people.jsonl"
""")
        for agent in ("payment-watcher", "collections-emailer"):
            (town.beats / agent).touch()
        await town.start()
        await town.logged("notification_sent", agent="payment-watcher")
        await town.stop()
    return (tmp_path / "log").rename(tmp_path / "supervisor.log")


def records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def program(name: str) -> str:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/bin") or missing(name, "it reads the log in this test")


# --- jq --------------------------------------------------------------------------------------------


def said(recipe: str, log: Path) -> str:
    program("jq")
    done = subprocess.run(["sh", "-c", recipe], cwd=log.parent, capture_output=True, text=True, check=True)
    assert done.stdout, recipe
    return done.stdout


def test_the_recipes_for_jq_say_what_is_in_the_log(log: Path) -> None:
    warnings, restarts, misses = recipes("jq ")
    told = records(log)
    assert [json.loads(line) for line in said(warnings, log).splitlines()] == [
        record for record in told if record["level"] in {"warning", "error"}
    ]
    assert [line.split("\t")[:3] for line in said(restarts, log).splitlines()] == [
        [record["timestamp"], record["agent"], str(record["ok"]).lower()]
        for record in told
        if record["event"] == "restart_finished"
    ]
    assert json.loads(said(misses, log)) == Counter(
        record["agent"] for record in told if record["event"] == "heartbeat_missed"
    )


# --- lnav ------------------------------------------------------------------------------------------


def test_lnav_knows_the_format_and_its_fields(log: Path, tmp_path: Path) -> None:
    lnav = program("lnav")
    home = tmp_path / "home"
    formats = home / ".lnav" / "formats" / "installed"
    formats.mkdir(parents=True)
    shutil.copy(LNAV, formats)
    query = "SELECT log_level, event, agent, incident FROM collections_supervisor_log WHERE agent IS NOT NULL"
    done = subprocess.run(
        [lnav, "-n", "-c", f";{query}", "-c", ":write-csv-to -", str(log)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["log_level"], row["event"], row["agent"]) for row in rows] == [
        (record["level"], record["event"], record["agent"]) for record in records(log) if "agent" in record
    ]
    assert {row["incident"] for row in rows if row["event"] == "incident_opened"} == {
        record["incident"] for record in records(log) if record["event"] == "incident_opened"
    }


def test_the_format_names_fields_that_there_are() -> None:
    (format_,) = (value for key, value in json.loads(LNAV.read_text()).items() if key != "$schema")
    known = {name for record in schema()["$defs"].values() for name in record["properties"]}
    shown = {part["field"] for part in format_["line-format"] if isinstance(part, dict)}
    assert set(format_["value"]) <= known
    assert shown - {"__timestamp__", "__level__"} <= set(format_["value"])
    assert {format_[key] for key in ("timestamp-field", "level-field", "opid-field")} <= known


# --- rsyslog ---------------------------------------------------------------------------------------


@contextmanager
def rsyslog(folder: Path) -> Iterator[Path]:
    """Run an rsyslog with the file that is shipped; yield the socket that it listens at."""
    socket = folder / "syslog.sock"
    shipped = folder / "shipped.conf"
    shipped.write_text(RSYSLOG.read_text().replace("/var/log/", f"{folder}/"))
    config = folder / "rsyslog.conf"
    config.write_text(f"""
global(maxMessageSize="64k" workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}")
include(file="{shipped}")
action(type="omfile" file="{folder}/others")
""")
    command = [program("rsyslogd"), "-n", "-f", str(config), "-i", str(folder / "pid")]
    checked = subprocess.run([*command, "-N", "1"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stderr, checked.stderr
    running = subprocess.Popen(command)
    try:
        until = time.monotonic() + 10
        while not socket.exists():
            assert time.monotonic() < until, "rsyslogd does not listen"
            time.sleep(0.02)
        yield socket
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(10)


def test_rsyslog_has_every_record_and_leaves_the_lines_of_others(log: Path, tmp_path: Path) -> None:
    logger = program("logger")
    with rsyslog(tmp_path) as socket:
        send = [logger, "--socket", str(socket), "--size", "64KiB", "--tag"]
        with log.open() as lines:
            subprocess.run([*send, "collections-supervisor"], stdin=lines, check=True)
        subprocess.run([*send, "sshd", "not ours"], check=True)
        subprocess.run([*send, "collections-supervisor", "Traceback, which is no JSON"], check=True)
        until = time.monotonic() + 10
        while not (tmp_path / "others").exists() or "Traceback" not in (tmp_path / "others").read_text():
            assert time.monotonic() < until, "rsyslogd writes nothing"
            time.sleep(0.05)
    assert records(tmp_path / "collections-supervisor.jsonl") == records(log)
    others = (tmp_path / "others").read_text()
    assert "not ours" in others
    assert '"event"' not in others
