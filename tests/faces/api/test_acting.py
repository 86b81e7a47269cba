"""What the API may be asked to do, and what it refuses."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from supervisor.domain.silences import Silence
from supervisor.faces import requests
from supervisor.faces.documents import rfc3339
from supervisor.ports import RefusedError
from tests.support.accounts import account, trend
from tests.support.asking import ask, refused
from tests.support.control import JOURNAL_BROKEN, NOW, MemoryControl

ME = getpass.getuser()


async def test_check(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    _, fleet = await ask(client, "POST", "/api/v1/check")
    assert len(fleet["agents"]) == 2
    _, fleet = await ask(client, "POST", "/api/v1/check", json={"agents": ["watcher"]})
    assert [one["name"] for one in fleet["agents"]] == ["watcher"]
    assert fleet["status"] == "warning"
    _, fleet = await ask(client, "POST", "/api/v1/check", json={"agents": ["mailer"]})
    assert fleet["status"] == "ok"
    assert control.asked == [("check",), ("check", "watcher"), ("check", "mailer")]
    assert (await refused(client, "POST", "/api/v1/check", json={"agents": ["x"]}))[:2] == (404, "agents")


async def test_reconcile(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.account, control.trend = account(NOW), trend(NOW)
    status, books = await ask(client, "POST", "/api/v1/reconcile")
    assert status == 200
    _, fleet = await ask(client, "GET", "/api/v1/fleet")
    change = {key: fleet["books"].pop(key) for key in ("change", "change_since")}
    assert books == {"books": fleet["books"], "queues": fleet["queues"]}
    assert change["change"]["paid"] == {"USD": {"count": 1, "total": "1500.01"}}
    assert change["change_since"] == rfc3339(NOW - 86400.0)
    assert books["books"]["totals"]["unpaid"]["USD"] == {"count": 27, "total": "681398.27"}
    assert books["queues"]["queues"] == {"collections-emailer": {"depth": 11, "oldest_seconds": 7500.0}}
    assert control.asked == [("reconcile",)]
    assert (await refused(client, "POST", "/api/v1/reconcile", json={"fix": True}))[:2] == (422, "fix")


async def test_acts_on_an_agent_know_who_asked(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    base = "/api/v1/agents/mailer"
    assert await ask(client, "POST", f"{base}/restart") == (202, {"agent": "mailer", "attempt": 1})
    assert await ask(client, "POST", f"{base}/hold", json={"seconds": 60, "by": "ann", "reason": "it is odd"}) == (
        200,
        {
            "agent": "mailer",
            "held_by": "ann",
            "held_until": "2026-05-28T20:27:40.000000Z",
            "held_reason": "it is odd",
        },
    )
    assert (await ask(client, "POST", f"{base}/release", json={}))[0] == 200
    assert control.asked == [
        ("restart", "mailer", ME),
        ("hold", "mailer", 60.0, "ann", "it is odd"),
        ("release", "mailer", ME),
    ]
    detail = (await refused(client, "POST", "/api/v1/agents/watcher/restart"))[2]
    assert detail == "watcher has no restarter"


async def test_a_heartbeat_is_handed_on_as_it_is(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    beat = {"timestamp": "2026-05-28T20:00:00Z", "own": [1, {"x": None}]}
    assert await ask(client, "POST", "/api/v1/agents/mailer/heartbeat", json=beat) == (204, "")
    assert control.asked == [("heartbeat", "mailer", beat)]
    assert (await refused(client, "POST", "/api/v1/agents/mailer/heartbeat", json={}))[0] == 409
    assert (await refused(client, "POST", "/api/v1/agents/mailer/heartbeat", json=[1]))[0] == 422


async def test_acknowledge(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    incident = control.open("mailer:heartbeat")
    _, document = await ask(client, "POST", f"/api/v1/incidents/{incident.id}/ack", json={"seconds": 600})
    assert (document["state"], document["acked_by"]) == ("acknowledged", ME)
    assert (await refused(client, "POST", "/api/v1/incidents/none/ack"))[0] == 404


async def test_acknowledge_many(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    first, second = control.open("mailer:heartbeat"), control.open("watcher:heartbeat", opened_at=NOW + 60)
    path = "/api/v1/incidents/ack"
    _, document = await ask(client, "POST", path, json={"all": True, "opened_before": rfc3339(NOW + 1), "seconds": 60})
    assert [one["id"] for one in document["incidents"]] == [first.id]
    _, document = await ask(client, "POST", path, json={"all": True})
    assert [one["id"] for one in document["incidents"]] == [second.id]
    _, document = await ask(client, "POST", path, json={"ids": [first.id, second.id], "by": "ann"})
    assert {one["acked_by"] for one in document["incidents"]} == {"ann"}
    assert (await refused(client, "POST", path, json={"ids": ["none"]}))[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": []},
        {"ids": ["a"], "all": True},
        {"all": False},
        {"ids": ["a"], "opened_before": "2026-01-01T00:00:00Z"},
        {"all": True, "opened_before": 5},
        {"all": True, "opened_before": "soon"},
    ],
)
async def test_what_is_to_be_acknowledged_must_be_said_once(
    client: aiohttp.ClientSession, control: MemoryControl, body: dict[str, Any]
) -> None:
    assert (await refused(client, "POST", "/api/v1/incidents/ack", json=body))[0] == 422
    assert control.asked == []


async def test_silences(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    new = {"matcher": "mail*", "seconds": 7200, "comment": "moving house"}
    status, made = await ask(client, "POST", "/api/v1/silences", json=new)
    assert (status, made["author"], made["ends_at"]) == (201, ME, "2026-05-28T22:26:40.000000Z")
    assert made["matches"] == {"agents": 1, "incidents": 0, "scopes": []}
    assert (await ask(client, "GET", "/api/v1/silences"))[1] == {"silences": [made], "maintenance": []}
    assert (await ask(client, "GET", "/api/v1/fleet"))[1]["silences"] == [made]
    assert await ask(client, "DELETE", f"/api/v1/silences/{made['id']}") == (204, "")
    assert control.asked == [("unsilence", made["id"], ME)]
    assert (await refused(client, "DELETE", f"/api/v1/silences/{made['id']}"))[0] == 404


async def test_a_drill(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    status, begun = await ask(client, "POST", "/api/v1/drills", json={"seconds": 90})
    assert (status, begun) == (
        201,
        {"agent": "drill-00000000", "heartbeat_timeout": 2.0, "check_interval": 2.0, "until": rfc3339(NOW + 90)},
    )
    assert control.asked == [("drill", 90.0, ME)]
    assert (await refused(client, "POST", "/api/v1/drills"))[0] == 409
    assert (await refused(client, "DELETE", "/api/v1/drills/payment-watcher"))[0] == 404
    assert await ask(client, "DELETE", f"/api/v1/drills/{begun['agent']}") == (204, "")
    assert control.drill is None


@pytest.mark.parametrize("seconds", [0, -1, 601, "60"])
async def test_a_drill_that_can_not_be(client: aiohttp.ClientSession, control: MemoryControl, seconds: object) -> None:
    assert (await refused(client, "POST", "/api/v1/drills", json={"seconds": seconds}))[0] == 422
    assert control.drill is None


async def test_a_silence_that_is_to_come(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    new = {"matcher": "malier", "comment": "new disk", "starts_at": "2026-05-29T02:00:00Z", "seconds": 7200}
    status, made = await ask(client, "POST", "/api/v1/silences", json=new)
    assert (status, made["state"]) == (201, "pending")
    assert (made["starts_at"], made["ends_at"]) == ("2026-05-29T02:00:00.000000Z", "2026-05-29T04:00:00.000000Z")
    assert made["matches"] == {"agents": 0, "incidents": 0, "scopes": []}


@pytest.mark.parametrize(
    ("wrong", "status", "key"),
    [
        ({}, 422, "seconds"),
        ({"seconds": 0}, 422, "seconds"),
        ({"seconds": 60, "starts_at": "tomorrow"}, 422, "starts_at"),
        ({"starts_at": "2026-05-27T00:00:00Z", "seconds": 60}, 409, None),
    ],
)
async def test_silences_that_can_not_be(
    client: aiohttp.ClientSession, wrong: dict[str, object], status: int, key: str | None
) -> None:
    body = {"matcher": "mailer", "comment": "x", **wrong}
    assert (await refused(client, "POST", "/api/v1/silences", json=body))[:2] == (status, key)


async def test_a_window_of_maintenance_is_not_ended_by_hand(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    control.quiet["w1"] = Silence("w1", "*", "config", "backup", NOW, NOW + 60, "nightly")
    assert (await refused(client, "DELETE", "/api/v1/silences/w1"))[0] == 409


async def test_pause_and_resume(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    pausing = {"seconds": 60, "reason": "it moves"}
    assert await ask(client, "POST", "/api/v1/agents/mailer/pause", json=pausing) == (
        200,
        {
            "agent": "mailer",
            "paused_by": ME,
            "paused_until": "2026-05-28T20:27:40.000000Z",
            "paused_reason": "it moves",
        },
    )
    _, document = await ask(client, "GET", "/api/v1/agents/mailer")
    assert (document["paused_by"], document["modifiers"]) == (ME, ["paused"])
    assert (await ask(client, "POST", "/api/v1/agents/mailer/pause"))[1]["paused_until"] is None
    assert (await ask(client, "POST", "/api/v1/agents/mailer/resume"))[1]["paused_by"] is None
    assert control.asked[-1] == ("resume", "mailer", ME)
    assert (await refused(client, "POST", "/api/v1/agents/x/pause"))[0] == 404


async def test_dashboard_and_reload(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    async with client.post("/api/v1/dashboard") as answer:
        assert (answer.content_type, await answer.read()) == ("text/html", control.page)
    assert (await ask(client, "POST", "/api/v1/reload"))[1] == {"added": ["new"], "changed": [], "removed": []}
    control.broken = RefusedError("config.toml: agents: expected a table")
    assert await refused(client, "POST", "/api/v1/reload") == (409, None, "config.toml: agents: expected a table")
    control.broken = OSError(28, "No space left on device", "dashboard.html")
    status, _, detail = await refused(client, "POST", "/api/v1/dashboard")
    assert (status, detail) == (500, "[Errno 28] No space left on device: 'dashboard.html'")


async def test_test_notify(client: aiohttp.ClientSession) -> None:
    _, both = await ask(client, "POST", "/api/v1/test-notify", json={})
    sent = {"ok": True, "error": None, "permanent": False}
    failed = {"ok": False, "error": "connection refused", "permanent": False}
    assert both == {"channels": {"caine": sent, "person": failed}}
    assert (await ask(client, "POST", "/api/v1/test-notify", json={"channel": "caine"}))[1] == {
        "channels": {"caine": sent}
    }
    assert (await refused(client, "POST", "/api/v1/test-notify", json={"channel": "pigeon"}))[0] == 404


# --- bad input ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "key"),
    [
        (b'{"seconds": "60"}', 422, "seconds"),
        (b'{"seconds": -1}', 422, "seconds"),
        (b'{"seconds": 1e300}', 422, "seconds"),
        (b'{"seconds": 1e999}', 422, "seconds"),
        (b'{"seconds": NaN}', 400, None),
        (b'{"colour": 1}', 422, "colour"),
        (b'{"by": ""}', 422, "by"),
        (b'{"by": "' + b"x" * 300 + b'"}', 422, "by"),
        (b"[]", 422, None),
        (b"null", 422, None),
        (b"{", 400, None),
        (b"\xff", 400, None),
        (b"[" * 60_000, 400, None),
        (b" " * (requests.MAX_BODY + 1), 413, None),
    ],
)
async def test_a_wrong_body_is_refused(
    client: aiohttp.ClientSession, control: MemoryControl, body: bytes, status: int, key: str | None
) -> None:
    how = {"data": body, "headers": {"Content-Type": "application/json"}}
    assert (await refused(client, "POST", "/api/v1/agents/mailer/hold", **how))[:2] == (status, key)
    assert control.asked == []


async def test_other_media_types_methods_and_pages_are_refused(client: aiohttp.ClientSession) -> None:
    how = {"data": b"{}", "headers": {"Content-Type": "text/plain"}}
    assert (await refused(client, "POST", "/api/v1/check", **how))[:2] == (415, "Content-Type")
    assert (await refused(client, "GET", "/api/v1/nothing"))[0] == 404
    async with client.get("/api/v1/check") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_an_unforeseen_fault_is_a_problem_too(
    client: aiohttp.ClientSession, control: MemoryControl, caplog: pytest.LogCaptureFixture
) -> None:
    control.broken = ZeroDivisionError("secret")
    status, _, detail = await refused(client, "GET", "/api/v1/incidents")
    assert (status, detail) == (500, "ZeroDivisionError; the log tells more")
    assert "GET /api/v1/incidents failed" in caplog.text
    control.broken = JOURNAL_BROKEN
    assert (await refused(client, "GET", "/api/v1/incidents"))[0] == 503


async def test_a_body_that_does_not_come_is_not_waited_for(face: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_TIMEOUT", 0.2)
    reader, writer = await asyncio.open_unix_connection(str(face))
    writer.write(
        b"POST /api/v1/check HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
