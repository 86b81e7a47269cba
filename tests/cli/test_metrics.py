"""`metrics`: the figures of a window, from a daemon or from a look of our own."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from supervisor.domain.metrics import DAY
from tests.cli.conftest import Command, Place
from tests.support.agency import Agency
from tests.support.control import MemoryControl
from tests.support.measured import metrics

SAMPLE = Path(__file__).parents[1] / "samples" / "novotechno"

NOTHING = {
    "emails_sent": None,
    "payments_detected": None,
    "errors": None,
    "payment_latency": None,
    "collected": None,
    "change": None,
    "change_since": None,
}


@pytest.fixture
def figures(control: MemoryControl) -> None:
    control.measured = metrics(time.time())


@pytest.mark.usefixtures("figures", "served")
def test_metrics_are_a_table(command: Command) -> None:
    said = command("--metrics")
    assert (said.code, said.err) == (0, "")
    since = datetime.fromtimestamp(time.time() - DAY - 300).astimezone().strftime("%Y-%m-%d %H:%M")
    head, *rows = said.out.splitlines()
    assert head == "the last 24 h"
    within = "half within 1 h, 90 % within 4 h 10 min, 99 % within 4 h 10 min"
    change = rows.pop(5)
    assert change.startswith(f"change             since {since}")
    assert rows == [
        "e-mails sent       12",
        "payments detected  3",
        "errors             0",
        f"payment latency    2 h 5 min on average; {within} (of 3 payments)",
        "collected          99.50 EUR (1 invoice) + 1,500.01 USD (2 invoices)",
        "  unpaid           -2 invoices, -1,500.01 USD",
        "  paid             +1 invoice, +99.50 EUR; +2 invoices, +1,500.01 USD",
        "  escalated        none",
        "  review           none",
    ]


@pytest.mark.usefixtures("served")
def test_where_there_is_no_data_it_is_said(command: Command, control: MemoryControl) -> None:
    assert command("metrics", "--window", "7d").out.splitlines() == [
        "the last 7 d",
        "e-mails sent       no data",
        "payments detected  no data",
        "errors             no data",
        "payment latency    no data",
        "collected          no data",
        "change             no data",
    ]
    control.measured = metrics(time.time(), collected={})
    assert "collected          nothing" in command("metrics").out


@pytest.mark.usefixtures("figures", "served")
@pytest.mark.parametrize(("window", "seconds"), [("1h", 3600), ("24h", DAY), ("1d", DAY), ("7d", 7 * DAY), ("1m", 60)])
def test_metrics_as_json(command: Command, window: str, seconds: float) -> None:
    document = command("metrics", "--json", "--window", window).json
    assert document["window_seconds"] == seconds
    assert document["collected"]["USD"] == {"count": 2, "total": "1500.01"}
    assert document.keys() == {"timestamp", "window_seconds", *NOTHING}


@pytest.mark.parametrize("window", ["59s", "9d", "soon", "0s", "3600"])
def test_a_window_that_makes_no_sense_is_one_line_and_64(command: Command, window: str) -> None:
    said = command("metrics", "--window", window)
    assert (said.code, said.out) == (64, "")
    assert said.err.startswith("collections-supervisor: metrics: argument --window: ")
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("figures", "served")
def test_metrics_go_to_a_file(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "metrics.txt"
    printed = command("metrics").out
    said = command("--metrics", "--output", str(path))
    assert (said.code, said.out) == (0, f"{path} written\n")
    assert path.read_text() == printed
    document = command("metrics", "--json", "--output", str(path)).json
    assert json.loads(path.read_text()) == document
    assert document["emails_sent"] == 12


def test_without_a_daemon_nothing_is_made_up(command: Command, place: Place) -> None:
    said = command("metrics", "--json")
    assert said.code == 0
    document = said.json
    assert document.pop("window_seconds") == DAY
    assert datetime.fromisoformat(document.pop("timestamp")).timestamp() == pytest.approx(time.time(), abs=60)
    assert document == NOTHING


def test_without_a_daemon_it_looks_itself(command: Command, tmp_path: Path) -> None:
    cache, state = tmp_path / "cache", tmp_path / "state"
    cache.mkdir()
    agency = Agency(state)
    numbers = [agency.scan("acme", amount) for amount in ("1500.00", "80.10", "7.00")]
    agency.pay("acme", numbers[0])
    agency.pay("acme", numbers[1])
    now = datetime.now(UTC).replace(tzinfo=None)
    lines = [
        {"timestamp": now.isoformat(), "type": "EMAIL_SENT"},
        {"timestamp": f"{now.isoformat()}Z", "type": "EMAIL_SENT"},
    ]
    (cache / "email_activity.log").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (cache / "error.log").touch()
    said = command("--metrics", "--cache-dir", str(cache), "--state-dir", str(state), "--json")
    assert said.code == 0
    document = said.json
    assert (document["emails_sent"], document["payments_detected"], document["errors"]) == (2, None, 0)
    assert document["collected"] == {"USD": {"count": 2, "total": "1580.10"}}
    assert document["payment_latency"]["count"] == 2
    assert document["change"] is None


def test_the_books_of_real_agents(command: Command, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(SAMPLE / "share" / "state", state)
    paid_at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    for path in state.rglob("*.json"):
        path.write_text(path.read_text("utf-8").replace("2026-11-23T11:19:48", paid_at), "utf-8")
    words = ("metrics", "--cache-dir", str(SAMPLE / "cache"), "--state-dir", str(state))
    assert command(*words, "--json").json["collected"] == {"USD": {"count": 11, "total": "153484.23"}}
    assert "collected          153,484.23 USD (11 invoices)" in command(*words).out.splitlines()
