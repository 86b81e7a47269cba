"""Commands that set up: init, check-config, schema; and those that work without a daemon."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from supervisor.faces.schema import schema
from supervisor.settings import load
from tests.cli.conftest import Command, Place, process


def test_init_names_the_agents_that_have_beaten(command: Command, place: Place) -> None:
    place.heartbeats.mkdir(parents=True)
    for name in ("mailer.log", "watcher.json", "watcher.log", "odd.name.beat", "half.tmp", ".hidden"):
        (place.heartbeats / name).touch()
    said = command("init")
    assert said.code == 0
    path = place.home / ".config" / "collections-supervisor" / "config.toml"
    assert f"{path} written: 3 agents found in {place.heartbeats}" in said.out
    settings = load(None, os.environ)
    assert settings.source == path
    assert sorted(settings.agents) == ["mailer", "odd.name", "watcher"]
    assert settings.paths.heartbeats == place.heartbeats
    assert list(settings.channels) == ["escalations"]
    assert command("check-config").code == 0


def test_what_init_only_shows_is_right_too(command: Command, place: Place, tmp_path: Path) -> None:
    said = command("init", "--print")
    text = said.out
    for line in text.splitlines():
        # The examples, with their "#" away, must be right as well.
        if line.startswith(("# [agents.", "# kind", "# unit", "# [channels", "# url", "# token")):
            text = text.replace(line, line[2:])
    path = tmp_path / "shown.toml"
    path.write_text(text)
    settings = load(path, {**os.environ, "ON_CALL_TOKEN": "secret"})
    assert sorted(settings.agents) == ["collections-emailer", "payment-watcher"]
    assert sorted(settings.channels) == ["escalations", "on-call"]
    assert not (place.home / ".config").exists()
    assert command("init", "--print", "--json").json["text"] == said.out


def test_init_never_overwrites(command: Command, place: Place) -> None:
    path = place.config("# mine\n")
    said = command("init")
    assert (said.code, said.out) == (73, "")
    assert f"{path} exists already" in said.err
    assert path.read_text() == "# mine\n"


def test_init_takes_agents_and_a_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "new" / "mine.toml"
    said = command("init", "--config", str(path), "--agents", "a,b", "--json")
    assert said.json["file"] == str(path)
    assert sorted(load(path, os.environ).agents) == ["a", "b"]


def test_init_writes_the_file_that_the_environment_names(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLECTIONS_SUPERVISOR_CONFIG", str(tmp_path / "named.toml"))
    assert command("init").code == 0
    assert load(None, os.environ).source == tmp_path / "named.toml"


def test_for_the_system_it_names_the_places_of_the_service(command: Command, place: Place) -> None:
    text = command("init", "--config", str(place.etc), "--print").out
    assert 'cache = "/var/cache/novotechno-collections"' in text
    assert 'state = "/var/lib/novotechno-collections/state"' in text
    assert 'path = "/var/lib/collections-supervisor/escalations.jsonl"' in text


def test_init_where_it_may_not_write(command: Command, place: Place) -> None:
    (place.home / ".config").write_text("a file")
    said = command("init")
    assert said.code == 73
    assert "can not be written" in said.err


# --- check-config ------------------------------------------------------------------------------------

GOOD = """\
[agents.mailer]
heartbeat_timeout = "20m"
restart = { kind = "command", command = ["true"] }

[agents.watcher]

[channels.caine]
kind = "file"
path = "caine.jsonl"
"""


def test_check_config_says_what_it_means(command: Command, place: Place) -> None:
    path = place.config(GOOD)
    said = command("check-config")
    assert said.code == 0
    for part in (
        f"valid: {path}",
        "2 agents",
        "mailer   a heartbeat within 20 min, misses 15 min apart; restarted by its command",
        "watcher  a heartbeat within 1 h, misses 15 min apart; not restarted",
        "after 0 s  caine (file)",
        str(place.socket),
    ):
        assert part in said.out, part
    document = command("check-config", "--json").json
    assert document["valid"] is True
    assert document["agents"]["mailer"] == {
        "heartbeat_timeout": 1200.0,
        "schedule": None,
        "max_runtime": None,
        "check_interval": 900.0,
        "depends_on": [],
        "progress_timeout": None,
        "loop_after": None,
        "expects": [],
        "activity": [],
        "activity_timeout": None,
        "activity_limit": None,
        "max_cost_per_hour": None,
        "max_tokens_per_hour": None,
        "restarter": "command",
    }
    assert document["chain"] == [{"channel": "caine", "delay": 0.0}]


def test_check_config_tells_the_next_times_of_a_schedule(command: Command, place: Place) -> None:
    place.config('[agents.nightly]\nschedule = "0 3 * * *"\ntime_zone = "America/Bogota"\n')
    out = " ".join(command("check-config").out.split())
    assert re.search(
        r"nightly runs at 0 3 \* \* \* \(America/Bogota\), grace 15 min: (\w{3} [\d-]{10} 03:00 -05(, )?){3}misses", out
    )
    found = command("check-config", "--json").json["agents"]["nightly"]
    assert (found["heartbeat_timeout"], found["schedule"]["grace"]) == (None, 900.0)
    runs = [datetime.fromisoformat(run) for run in found["schedule"]["next_runs"]]
    assert [(run.hour, run.minute) for run in runs] == [(8, 0)] * 3
    assert [later - sooner for sooner, later in pairwise(runs)] == [timedelta(days=1)] * 2


JUDGED = """\
[agents.parent]
[agents.worker]
max_runtime = "2h"
depends_on = ["parent"]
progress_timeout = "30m"
loop_after = 10
expects = [{ path = "/o/*.csv", newer_than = "26h" }]
activity = ["/w/a.log"]
max_cost_per_hour = 2.50
max_tokens_per_hour = 9000
"""


def test_check_config_tells_by_what_an_agent_is_judged(command: Command, place: Place) -> None:
    place.config(JUDGED)
    out = command("check-config").out
    for line in (
        "a run ends within 2 h",
        "depends on parent: while one is down nothing follows from its misses",
        "stalled where work waits for 30 min without progress",
        "in a loop where 10 heartbeats in a row tell of the same work",
        "makes /o/*.csv, no older than 1 d 2 h",
        "a restart waits while it has written /w/a.log in the last 5 min, for 15 min at most",
        "costs no more than 2.5 in an hour",
        "uses no more than 9000 tokens in an hour",
    ):
        assert f"  {line}\n" in out, line
    found = command("check-config", "--json").json["agents"]["worker"]
    told = {
        "max_runtime": 7200.0,
        "depends_on": ["parent"],
        "progress_timeout": 1800.0,
        "loop_after": 10,
        "expects": [{"path": "/o/*.csv", "newer_than": 93600.0}],
        "activity": ["/w/a.log"],
        "activity_timeout": 300.0,
        "activity_limit": 900.0,
        "max_cost_per_hour": "2.5",
        "max_tokens_per_hour": 9000,
    }
    assert {key: found[key] for key in told} == told


def test_check_config_tells_when_windows_open(command: Command, place: Place) -> None:
    window = '[maintenance.{}]\nmatcher = "{}"\nschedule = "0 2 * * sun"\nduration = "2h"\ncomment = "updates"\n'
    zone = 'time_zone = "America/Bogota"\n'
    place.config(GOOD + window.format("sunday", "mail*") + zone + window.format("typo", "malier"))
    said = command("check-config")
    assert "maintenance sunday: updates" in said.out
    assert "2 h from each of '0 2 * * sun' in America/Bogota" in said.out
    assert len(re.findall(r"opens +Sun \d{4}-\d\d-\d\d 02:00 -05", said.out)) == 3
    assert "warning: maintenance.typo.matcher: it matches no agent that is configured" in said.out
    assert "maintenance.sunday.matcher" not in said.out
    openings = command("check-config", "--json").json["maintenance"]["sunday"]["openings"]
    assert [at[10:] for at in openings] == ["T07:00:00.000000Z"] * 3


def test_flags_change_the_configuration(command: Command, place: Place, tmp_path: Path) -> None:
    place.config(GOOD)
    typo = command("--agents", "mailer,wacher", "check-config")
    assert (typo.code, "no agent is named 'wacher'" in typo.err) == (64, True)
    flags = ("--interval", "60", "--agents", "mailer", "--cache-dir", str(tmp_path / "c"))
    document = command(*flags, "--state-dir", str(tmp_path / "s"), "check-config", "--json").json
    assert list(document["agents"]) == ["mailer"]
    assert {agent["check_interval"] for agent in document["agents"].values()} == {60.0}
    assert document["paths"]["heartbeats"] == str(tmp_path / "c" / "heartbeats")
    assert document["paths"]["ledger"] == str(tmp_path / "s" / "collections_ledger.md")


def test_a_wrong_configuration_is_a_line_for_each_problem(command: Command, place: Place) -> None:
    path = place.config('[agents.mailer]\nheartbeat_timeout = 5\ncolour = "red"\n')
    said = command("check-config")
    assert (said.code, said.out) == (64, "")
    assert len(said.err.splitlines()) == 2
    assert all(line.startswith(f"collections-supervisor: {path}:") for line in said.err.splitlines())
    document = command("check-config", "--json").json
    assert document["valid"] is False
    assert len(document["errors"]) == 2


@pytest.mark.parametrize("words", [("run",), ("check",), ("dashboard",), ("test-notify",)])
def test_nothing_runs_on_a_wrong_configuration(command: Command, place: Place, words: tuple[str, ...]) -> None:
    path = place.config("colour = 1\n")
    said = command(*words)
    assert (said.code, said.out) == (64, "")
    assert f"{path}:1: colour: unknown key" in said.err


@pytest.mark.parametrize("words", [("check", "--agents", "../x"), ("check", "--config", "/nonexistent.toml")])
def test_wrong_flags_are_said_like_a_wrong_configuration(command: Command, words: tuple[str, ...]) -> None:
    said = command(*words)
    assert said.code == 64
    assert said.err.count("\n") == 1


def test_schema(command: Command) -> None:
    assert json.loads(command("schema").out) == schema()


# --- without a daemon --------------------------------------------------------------------------------


def test_check_looks_for_itself(place: Place) -> None:
    said = process("--health-check", "--agents", "test-agent")
    assert said.code == 2, said
    assert said.out.splitlines()[0] == "CRITICAL: 1 agent: 1 escalated; 1 incident"
    assert said.out.splitlines()[1].startswith("✖ escalated  test-agent  ")
    assert said.out.splitlines()[3:] == [
        "This check opened 1 incident and told nobody: no channel is configured.",
        "No heartbeat ever came from test-agent: a check escalates that without waiting.",
        "Next: let it beat (collections-supervisor beat NAME), or take it out of the configuration.",
        "No daemon runs: what is due later waits for the next check.",
    ]
    assert "This check" not in process("check", "--agents", "test-agent").out
    document = process("check", "--agents", "test-agent", "--json").json
    assert document["status"] == "critical"
    assert [incident["key"] for incident in document["incidents"]] == ["test-agent:heartbeat"]
    assert document["watches"]["heartbeats"] == str(place.heartbeats)


def test_a_check_of_a_fleet_of_which_half_is_silent(place: Place) -> None:
    """One pass can not wait to see whether it is the fleet that is silent: each agent is judged for itself."""
    restart = f'restart = {{ kind = "command", command = ["touch", "{place.home}/restarted-NAME"] }}\n'
    names = ("a", "b", "c", "d")
    place.config("".join(f"[agents.{name}]\n{restart.replace('NAME', name)}" for name in names))
    place.heartbeats.mkdir(parents=True)
    for name, age in zip(names, (3700, 3700, 60, 60), strict=True):
        (place.heartbeats / name).touch()
        os.utime(place.heartbeats / name, times=2 * (time.time() - age,))
    said = process("check", "--json")
    assert said.code == 1, said
    assert (said.json["observed"], said.json["doubts"], said.json["incidents"]) == (True, [], [])
    states = {one["name"]: (one["status"], one["restarts"]) for one in said.json["agents"]}
    assert states == dict.fromkeys("ab", ("restarting", 1)) | dict.fromkeys("cd", ("healthy", 0))
    assert sorted(path.name for path in place.home.glob("restarted-*")) == ["restarted-a", "restarted-b"]


def test_check_sees_a_fresh_heartbeat(place: Place) -> None:
    assert process("beat", "test-agent").code == 0
    said = process("--health-check", "--agents", "test-agent")
    assert said.code == 0, said
    assert said.out.splitlines()[1].startswith("✔ healthy  test-agent  ")


_HOLDER = """\
import asyncio, pathlib, sys
from supervisor.stores.sqlite import SqliteStore

async def hold():
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    await store.open()
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await store.close()

asyncio.run(hold())
"""


@pytest.mark.parametrize("words", [("check",), ("dashboard",), ("metrics",), ("reconcile",)])
def test_a_journal_that_another_process_holds_is_said(place: Place, words: tuple[str, ...]) -> None:
    journal = place.home / ".local" / "state" / "collections-supervisor" / "journal.db"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(journal)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said = process(*words)
        holder.communicate()
    assert (said.code, said.out) == (3, "")
    assert f"pid {holder.pid}" in said.err


def test_the_dashboard_without_a_daemon(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    assert process("--dashboard", "--output", str(path)).code == 0
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_test_notify_without_a_daemon(place: Place) -> None:
    place.config(GOOD)
    said = process("test-notify")
    assert (said.code, said.out.split()) == (0, ["✔", "sent", "caine"])
    line = (place.home / ".config" / "collections-supervisor" / "caine.jsonl").read_text().splitlines()[-1]
    assert json.loads(line)["type"] == "SUPERVISOR_TEST"
    assert process("test-notify", "pigeon").code == 64


def test_what_can_not_work_on_this_machine_is_a_warning(command: Command, place: Place) -> None:
    place.config(
        """
        [agents.mailer.restart]
        kind = "command"
        command = ["/no/such/program"]
        [channels.ops]
        kind = "webhook"
        url = "http://127.0.0.1:9/"
        secret_file = "/no/such/key"
        [ping]
        url_file = "/no/such/url"
        """
    )
    said = command("check-config")
    assert said.code == 0
    assert "warning: agents.mailer.restart: /no/such/program is no program on this machine" in said.out
    assert "warning: channels.ops.secret_file: there is no file /no/such/key" in said.out
    assert "warning: ping.url_file: there is no file /no/such/url" in said.out
    assert len(command("check-config", "--json").json["warnings"]) == 3


def test_links_that_no_port_would_answer_are_a_warning(command: Command, place: Place) -> None:
    place.config('[http]\npublic_url = "https://supervisor.example.org/"\n')
    said = command("check-config")
    assert "warning: http.public_url: no message carries a link, because http.listen is not set" in said.out
