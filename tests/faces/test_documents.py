import json
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.activity import Activity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat, Phase
from supervisor.domain.fleet import Modifier, Status
from supervisor.domain.health import HealthState
from supervisor.domain.maintenance import Planned, Window
from supervisor.domain.metrics import Metrics
from supervisor.domain.records import HeartbeatMissed
from supervisor.domain.silences import NO_SILENCES, Silence, Silences, coverage
from supervisor.domain.vitals import Pause
from supervisor.faces.documents import (
    account_document,
    agent_document,
    fleet_document,
    incident_document,
    metrics_document,
    rfc3339,
    row_document,
    silence_document,
    silences_document,
)
from supervisor.faces.lines import row_fields
from supervisor.faces.schema import schema
from supervisor.ports import Row
from tests.faces.fleets import NOW, agent, fleet
from tests.support import plain
from tests.support.accounts import LEDGER, QUEUE, STATE, account
from tests.support.control import WATCHES
from tests.support.measured import metrics

INCIDENT = Incident(
    "5f21c0aa",
    "payment-watcher:heartbeat",
    Severity.CRITICAL,
    "silent",
    NOW,
    state=IncidentState.ACKNOWLEDGED,
    acked_by="ada",
    acked_until=NOW + 60,
    told=("caine",),
    evidence={"misses": 2},
)


def test_the_document_of_the_figures_over_a_window() -> None:
    nothing: dict[str, dict[str, object]] = {"escalated": {"USD": {"count": 0, "total": "0.00"}}, "review": {}}
    assert metrics_document(metrics(NOW)) == {
        "timestamp": "2026-02-17T14:03:11.000000Z",
        "window_seconds": 86400.0,
        "emails_sent": 12,
        "payments_detected": 3,
        "errors": 0,
        "payment_latency": {
            "count": 3,
            "average_seconds": 7500.0,
            "p50_seconds": 3600.0,
            "p90_seconds": 15000.123,
            "p99_seconds": 15000.123,
        },
        "collected": {"EUR": {"count": 1, "total": "99.50"}, "USD": {"count": 2, "total": "1500.01"}},
        "change": {
            "unpaid": {"USD": {"count": -2, "total": "-1500.01"}},
            "paid": {"EUR": {"count": 1, "total": "99.50"}, "USD": {"count": 2, "total": "1500.01"}},
            **nothing,
        },
        "change_since": "2026-02-16T13:58:11.000000Z",
    }


def test_where_there_is_no_data_is_null_under_the_same_keys() -> None:
    document = metrics_document(Metrics(NOW, 3600.0))
    assert document.keys() == metrics_document(metrics(NOW)).keys()
    assert {key for key, value in document.items() if value is not None} == {"timestamp", "window_seconds"}


def test_the_document_of_everything() -> None:
    one = agent(
        "payment-watcher",
        HealthState.ESCALATED,
        consecutive_misses=2,
        modifiers=(Modifier.HELD,),
        beat=Beat(NOW, phase=Phase.WORKING, pending=3, message="busy"),
        reason="no heartbeat for 1 h",
        last_heartbeat=None,
    )
    assert fleet_document(
        fleet((one,), (INCIDENT,), doubts=("watch_lost",), observed=False, unregistered=("x",)), WATCHES
    ) == {
        "status": "critical",
        "timestamp": "2026-02-17T14:03:11.000000Z",
        "agents": [
            {
                "name": "payment-watcher",
                "status": "escalated",
                "last_heartbeat": None,
                "consecutive_misses": 2,
                "restarts": 0,
                "errors": 0,
                "reason": "no heartbeat for 1 h",
                "modifiers": ["held"],
                "since": "2026-02-13T20:03:11.000000Z",
                "due": "2026-02-17T14:59:51.000000Z",
                "heartbeat_timeout": 3600.0,
                "schedule": None,
                "restart_at": None,
                "held_until": None,
                "activity": None,
                "held_by": None,
                "held_reason": None,
                "paused_by": None,
                "paused_reason": None,
                "paused_until": None,
                "silenced_until": None,
                "incarnation": None,
                "restarter": "command",
                "phase": "working",
                "pending": 3,
                "message": "busy",
            }
        ],
        "books": {
            "consistent": None,
            "compared_at": None,
            "files": 0,
            "totals": {"unpaid": {}, "paid": {}, "escalated": {}, "review": {}},
            "findings": [],
            "change": None,
            "change_since": None,
        },
        "queues": {"healthy": None, "queues": {}},
        "incidents": [
            {
                "id": "5f21c0aa",
                "key": "payment-watcher:heartbeat",
                "state": "acknowledged",
                "severity": "critical",
                "opened_at": "2026-02-17T14:03:11.000000Z",
                "summary": "silent",
                "acked_by": "ada",
                "acked_until": "2026-02-17T14:04:11.000000Z",
                "told": ["caine"],
                "silenced": False,
                "silenced_until": None,
                "next_at": None,
                "resolved_at": None,
                "resolution": "",
                "evidence": {"misses": 2},
            }
        ],
        "observed": False,
        "doubts": ["watch_lost"],
        "unregistered": ["x"],
        "dashboard_error": None,
        "silences": [],
        "maintenance": [],
        "watches": WATCHES,
    }


def test_the_document_of_the_books() -> None:
    document = account_document(account(NOW), NOW + 60.0004)
    findings = document["books"].pop("findings")
    assert document == {
        "books": {
            "consistent": False,
            "compared_at": "2026-02-17T14:03:11.000000Z",
            "files": 41,
            "totals": {
                "unpaid": {"EUR": {"count": 2, "total": "1200.50"}, "USD": {"count": 27, "total": "681398.27"}},
                "paid": {"USD": {"count": 11, "total": "153484.23"}},
                "escalated": {"USD": {"count": 1, "total": "8600.00"}},
                "review": {},
            },
        },
        "queues": {"healthy": False, "queues": {"collections-emailer": {"depth": 11, "oldest_seconds": 7560.0}}},
    }
    assert [(one["file"], one["line"], one["state"]) for one in findings] == [
        (LEDGER, 7, "hard"),
        (LEDGER, 52, "hard"),
        (QUEUE, 1, "hard"),
        (f"{STATE}/acme/INV-4.json", None, "soft"),
    ]
    assert findings[0] == {
        "id": account(NOW).gravest_first[0].id,
        "check": "amount_mismatch",
        "severity": "critical",
        "state": "hard",
        "file": LEDGER,
        "line": 7,
        "invoice": "INV-7",
        "expected": "1500.00",
        "found": "1400.00",
        "message": "invoice INV-7 is 1,500.00 USD in its file, but 1,400.00 USD in the ledger",
        "since": "2026-02-17T14:01:41.000000Z",
        "after_restart": None,
    }
    assert findings[3]["expected"] is None


@pytest.mark.parametrize(
    ("changes", "consistent", "healthy"),
    [
        ({"findings": ()}, True, True),
        ({"findings": account(NOW).findings[:1]}, True, True),  # it may be agents at work
        ({"findings": account(NOW).findings[1:2]}, True, False),
        ({"findings": account(NOW).findings[2:]}, False, True),
        ({"observed": False}, None, None),
        ({"at": None}, None, None),
    ],
)
def test_what_is_known_of_the_books(changes: dict[str, object], consistent: bool | None, healthy: bool | None) -> None:
    document = account_document(account(NOW, **changes), NOW)
    assert (document["books"]["consistent"], document["queues"]["healthy"]) == (consistent, healthy)


def test_keys_never_come_and_go() -> None:
    bare, full = agent("a", HealthState.UNKNOWN), agent("a", beat=Beat(NOW, message="x", phase=Phase.IDLE, pending=1))
    assert agent_document(bare).keys() == agent_document(full).keys()
    resolved = Incident("1", "a:b", Severity.WARNING, "", NOW, resolved_at=NOW, resolution="over")
    assert incident_document(resolved, NO_SILENCES).keys() == incident_document(INCIDENT, NO_SILENCES).keys()


def test_an_empty_fleet_is_unknown() -> None:
    document = fleet_document(fleet(()), WATCHES)
    assert document["status"] == Status.UNKNOWN.value
    assert document["agents"] == []


def test_odd_text_survives_any_json_reader() -> None:
    document = agent_document(agent("a\ud800", reason="caf\u00e9 \udcff"))
    assert json.loads(json.dumps(document, ensure_ascii=False).encode()) == document
    assert (document["name"], document["reason"]) == ("a\\ud800", "caf\u00e9 \\udcff")


def test_a_silence_and_the_incident_under_it() -> None:
    silence = Silence("s1", "pay*", "ada", "moving house", NOW - 60, NOW + 60)
    assert silence_document(coverage(silence, ["payment-watcher"], (INCIDENT,), NOW)) == {
        "id": "s1",
        "matcher": "pay*",
        "author": "ada",
        "comment": "moving house",
        "starts_at": "2026-02-17T14:02:11.000000Z",
        "ends_at": "2026-02-17T14:04:11.000000Z",
        "state": "active",
        "window": None,
        "matches": {"agents": 1, "incidents": 1, "scopes": []},
    }
    silences = Silences(NOW, (silence,))
    assert incident_document(INCIDENT, silences)["silenced_until"] == "2026-02-17T14:04:11.000000Z"
    over = replace(INCIDENT, state=IncidentState.RESOLVED)
    assert incident_document(over, silences)["silenced_until"] is None


def test_windows_of_maintenance() -> None:
    window = Window("nightly", "pay*", "backup", 1800.0, "0 14 * * *", "UTC", lambda _: iter(()))
    open_ = coverage(Silence("w1", "pay*", "config", "backup", NOW, NOW + 60, "nightly"), [], (), NOW)
    shut = Planned(replace(window, name="yearly"), None)
    whole = fleet((), covered=(open_,), planned=(Planned(window, NOW + 86400), shut))
    document = silences_document(whole)
    assert document["silences"][0]["window"] == "nightly"
    assert document["maintenance"] == [
        {
            "name": "nightly",
            "matcher": "pay*",
            "comment": "backup",
            "schedule": "0 14 * * *",
            "time_zone": "UTC",
            "duration": 1800.0,
            "open": True,
            "next_at": "2026-02-18T14:03:11.000000Z",
        },
        {**document["maintenance"][0], "name": "yearly", "open": False, "next_at": None},
    ]


def test_an_agent_that_is_paused_and_held() -> None:
    busy = agent_document(agent("a", activity=Activity("/w/a.log", NOW - 5, NOW - 60)))
    assert busy["activity"] == {
        "path": "/w/a.log",
        "last_written": "2026-02-17T14:03:06.000000Z",
        "deferred_since": "2026-02-17T14:02:11.000000Z",
    }
    pause = Pause("ann", NOW + 60, "it moves")
    asleep = agent_document(agent("a", pause=pause, held_by="bob", held_until=NOW, held_reason="it is odd"))
    assert (asleep["paused_by"], asleep["paused_until"]) == ("ann", "2026-02-17T14:04:11.000000Z")
    assert (asleep["held_by"], asleep["held_reason"], asleep["paused_reason"]) == ("bob", "it is odd", "it moves")
    assert agent_document(agent("a", pause=Pause("ann")))["paused_until"] is None


def test_a_kept_record_reads_as_it_was_logged_with_its_number_in_front() -> None:
    record = HeartbeatMissed("a", 1, NOW, "silent")
    document = row_document(Row(NOW, record.event(), "a", None, row_fields(record), id=7))
    assert next(iter(document)) == "id"
    assert document.pop("id") == 7
    jsonschema.Draft202012Validator(schema()).validate(document)


def test_a_kept_record_of_another_version_is_shown_all_the_same() -> None:
    document = row_document(Row(NOW, "from_the_future", None, "5f21c0aa", {"x": 1}))
    assert document["level"] == "info"
    assert document["incident"] == "5f21c0aa"
    assert document["x"] == 1


@pytest.mark.parametrize(("at", "text"), [(0.0, "1970-01-01T00:00:00.000000Z"), (1.5, "1970-01-01T00:00:01.500000Z")])
def test_times(at: float, text: str) -> None:
    assert rfc3339(at) == text


def test_the_commands_pay_for_nothing_heavy() -> None:
    code = "import sys, supervisor.faces.documents; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=plain.environ()
    )
    assert not {"aiohttp", "asyncio", "jinja2", "pydantic", "structlog", "sqlite3"} & set(run.stdout.split())
