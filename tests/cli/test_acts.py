"""Commands that act through the daemon: ack, hold, release, restart, silence, reload, test-notify."""

from __future__ import annotations

import getpass
import threading
import time
from dataclasses import replace

from supervisor.domain.maintenance import Window
from supervisor.domain.silences import Silence
from supervisor.ports import RefusedError
from tests.cli.conftest import Command
from tests.support.control import NOW, MemoryControl
from tests.support.served import Served

ME = getpass.getuser()


def test_ack(command: Command, served: Served) -> None:
    incident = served.control.open("watcher:heartbeat")
    said = command("ack", incident.id)
    assert said.code == 0
    assert said.out.startswith(f"{incident.id} (watcher:heartbeat) acknowledged by {ME} until ")
    assert command("ack", incident.id, "--for", "45m", "--json").json["state"] == "acknowledged"
    assert served.control.asked == [("ack", incident.id, ME, None), ("ack", incident.id, ME, 2700.0)]
    said = command("ack", "none")
    assert (said.code, said.err) == (64, "collections-supervisor: no open incident has the id 'none'\n")


def test_ack_of_many(command: Command, served: Served) -> None:
    first, second, third = (served.control.open(f"{name}:heartbeat") for name in ("watcher", "mailer", "clerk"))
    said = command("ack", first.id, second.id, "--for", "45m")
    assert [line.split()[0] for line in said.out.splitlines()] == [first.id, second.id]
    assert [one["id"] for one in command("ack", "--all", "--json").json["incidents"]] == [third.id]
    assert command("ack", "--all").out == "there is no open incident that nobody looks after\n"
    assert served.control.asked == [
        ("ack", first.id, ME, 2700.0),
        ("ack", second.id, ME, 2700.0),
        ("ack", third.id, ME, None),
    ]


def test_ack_wants_to_know_of_what(command: Command, served: Served) -> None:
    incident = served.control.open("watcher:heartbeat")
    for words in ((), (incident.id, "--all")):
        said = command("ack", *words)
        assert (said.code, said.err) == (
            64,
            "collections-supervisor: expected ids of incidents, or --all, and not both; nothing was done\n",
        )
    said = command("ack", incident.id, "none")
    assert (said.code, said.err) == (
        64,
        "collections-supervisor: no open incident has the id 'none'; nothing was done\n",
    )
    assert served.control.asked == []


def test_hold_and_release(command: Command, served: Served) -> None:
    assert command("release", "mailer").out == "mailer is not held\n"
    told = command("hold", "mailer").out.splitlines()
    assert [line.rpartition(" ")[0] for line in told] == ["mailer is not restarted until"]
    said = command("hold", "mailer", "--for", "2h30m", "--reason", "it is odd", "--json")
    assert said.json["held_reason"] == "it is odd"
    assert command("release", "mailer").out == "mailer may be restarted again\n"
    assert command("release", "mailer", "--json").json == {
        "agent": "mailer",
        "held_by": None,
        "held_until": None,
        "held_reason": None,
    }
    assert served.control.asked[1:4] == [
        ("hold", "mailer", 1800.0, ME, ""),
        ("hold", "mailer", 9000.0, ME, "it is odd"),
        ("release", "mailer", ME),
    ]
    assert command("hold", "nobody").code == 64


def test_restart(command: Command, served: Served) -> None:
    assert command("restart", "mailer").out == "restart 1 of mailer has begun\n"
    assert command("restart", "mailer", "--json").json == {"agent": "mailer", "attempt": 2}
    said = command("restart", "watcher")
    assert (said.code, said.err) == (1, "collections-supervisor: watcher has no restarter\n")


def test_silences(command: Command, served: Served) -> None:
    assert command("silence", "list").out == "no silences\n"
    said = command("silence", "add", "wat*", "--for", "2h", "--comment", "the bank is down", "--author", "ann")
    assert said.code == 0
    assert said.out.startswith("s1: wat* is silenced until ")
    made = command("silence", "--json", "add", "x", "--for", "1d", "--comment", "year's end").json
    assert (made["author"], made["matcher"]) == (ME, "x")
    heads, first, other = command("silence", "list").out.splitlines()
    assert heads.split() == ["ID", "MATCHER", "WHEN", "AUTHOR", "COVERS", "COMMENT"]
    assert first.split()[:2] == ["s1", "wat*"]
    assert "the bank is down" in first
    assert "1 agent" in first
    assert "it matches nothing that is watched now" in other
    assert len(command("silence", "list", "--json").json["silences"]) == 2
    assert command("silence", "end", "s1").out == "s1 has ended\n"
    assert command("silence", "end", "s1").code == 64
    assert command("silence", "end", made["id"], "--json").json == {"id": made["id"], "ended": True}


def test_silences_that_are_to_come_and_windows(command: Command, served: Served, control: MemoryControl) -> None:
    said = command(
        "silence", "add", "malier", "--from", "2099-12-01T02:00:00+00:00", "--for", "2h", "--comment", "disk"
    )
    assert "malier is silenced from 2099-12-01" in said.out
    assert said.out.endswith("it matches nothing that is watched now\n")
    control.quiet["w1"] = Silence("w1", "*", "config", "backup", NOW, 5e9, "nightly")
    ends = (4e9, 4e9 + 86400)
    control.windows = (
        Window(
            "nightly", "*", "backup", 1800.0, "0 2 * * *", "UTC", lambda after: iter(at for at in ends if at > after)
        ),
        Window("past", "*", "move", 60.0, "0 2 * * *", "UTC", lambda _: iter(())),
    )
    told = command("silence", "list").out
    assert "begins in " in told
    assert "maintenance.nightly" in told
    assert "1 agent" not in told
    assert "2 agents, books, fleet, supervisor" in told
    assert "maintenance nightly  *  next 2096-10-0" in told
    assert "maintenance past  *  never again for 1 min: move" in told
    assert "maintenance nightly" in command("status").out
    assert command("silence", "add", "x", "--for", "1h", "--from", "soon", "--comment", "y").code == 64


def test_a_silence_that_can_not_be_is_refused_in_plain_words(command: Command, served: Served) -> None:
    said = command("silence", "add", "x", "--for", "1h", "--comment", " ")
    assert (said.code, said.err) == (
        64,
        "collections-supervisor: comment: expected some text, and there is none\n",
    )
    said = command("silence", "add", "x", "--for", "1h", "--from", "2020-01-01", "--comment", "y")
    assert (said.code, said.err) == (1, "collections-supervisor: it would be over already\n")


def test_pause_and_resume(command: Command, served: Served) -> None:
    said = command("pause", "mailer", "--for", "2h", "--reason", "it moves")
    assert said.out.startswith("mailer is paused until ")
    assert "it moves" in command("status").out
    assert command("pause", "mailer").out.startswith("mailer is paused until it is resumed")
    assert command("pause", "mailer", "--json").json["paused_until"] is None
    assert command("resume", "mailer").out == "mailer is watched again\n"
    assert command("resume", "mailer").out == "mailer is not paused\n"
    assert command("resume", "mailer", "--json").json["paused_by"] is None


def test_who_holds_an_agent_is_told(command: Command, served: Served) -> None:
    served.control.agents["mailer"] = replace(served.control.agents["mailer"], restarter=None)
    said = command("hold", "mailer", "--for", "1h", "--reason", "it is odd")
    assert said.code == 0
    assert said.out.endswith("\nnothing restarts it anyway: no restarter is configured\n")
    assert f"held by {ME} until" in command("status").out
    assert ": it is odd [held]" in command("status").out
    told = command("why", "mailer").out
    assert f"Restarts are held by {ME} until" in told
    assert ": it is odd." in told


def test_reload(command: Command, served: Served) -> None:
    assert command("reload").out == "added new\n"
    assert command("reload", "--json").json == {"added": ["new"], "changed": [], "removed": []}
    served.control.reloaded = {"added": [], "changed": [], "removed": []}
    assert command("reload").out == "read again, and in force; no agent was added, changed or removed\n"
    served.control.broken = RefusedError("config.toml:3: agents: expected a table")
    said = command("reload")
    assert (said.code, said.err) == (1, "collections-supervisor: config.toml:3: agents: expected a table\n")


def test_reload_waits_until_every_agent_is_watched(command: Command, served: Served) -> None:
    served.control.missing = "1 agent is not read yet"
    ready = threading.Timer(0.5, lambda: setattr(served.control, "missing", None))
    ready.start()
    began = time.monotonic()
    assert command("reload", "--wait").code == 0
    assert time.monotonic() - began >= 0.4
    ready.join()


def test_test_notify(command: Command, served: Served) -> None:
    said = command("test-notify")
    assert said.code == 1
    assert said.out.splitlines() == ["✔ sent    caine   ", "✖ failed  person  connection refused"]
    assert command("test-notify", "caine", "--json").json == {
        "channels": {"caine": {"ok": True, "error": None, "permanent": False}}
    }
    assert command("test-notify", "caine").code == 0
    assert command("test-notify", "pigeon").code == 64
    served.control.outcomes.clear()
    said = command("test-notify")
    assert said.code == 1
    assert "no channel is configured" in said.err
