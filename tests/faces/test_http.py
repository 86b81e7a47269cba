from __future__ import annotations

import asyncio
import getpass
import http.client
import json
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from supervisor.domain.health import HealthState
from supervisor.domain.silences import Silence
from supervisor.faces import requests, streams, tail
from supervisor.faces.documents import rfc3339
from supervisor.faces.http import HttpFace
from supervisor.faces.listening import listen
from supervisor.ports import Control, RefusedError, StoreError
from tests.support.accounts import account, trend
from tests.support.control import JOURNAL_BROKEN, NOW, WATCHES, MemoryControl, agent
from tests.support.described import as_described
from tests.support.measured import metrics

ME = getpass.getuser()


@pytest.fixture
def control() -> MemoryControl:
    return MemoryControl(agent("mailer", restarter="command"), agent("watcher", HealthState.UNHEALTHY))


@pytest.fixture
async def face(control: Control, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "run" / "control.sock"
    served = HttpFace(control, path, "1.2.3", WATCHES)
    await served.start()
    yield path
    await served.close()


@pytest.fixture
async def client(face: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(str(face))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        yield session


async def ask(client: aiohttp.ClientSession, method: str, path: str, **how: Any) -> tuple[int, Any]:
    async with client.request(method, path, **how) as answer:
        text = await answer.text()
        as_described(method, path, answer.status, answer.content_type, text)
        return answer.status, json.loads(text) if "json" in answer.content_type else text


async def refused(client: aiohttp.ClientSession, method: str, path: str, **how: Any) -> tuple[int, str | None, str]:
    """Return the status, key and detail of a problem document, whose shape is checked."""
    async with client.request(method, path, **how) as answer:
        assert answer.content_type == "application/problem+json"
        document = await answer.json(content_type=None)
        as_described(method, path, answer.status, answer.content_type, await answer.text())
        assert document["type"] == "about:blank"
        assert document["title"]
        assert document["status"] == answer.status
        return answer.status, document.get("key"), document["detail"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_disks_that_hang_keep_nobody_from_an_answer(client: aiohttp.ClientSession) -> None:
    free = threading.Event()
    stuck = [asyncio.create_task(asyncio.to_thread(free.wait)) for _ in range(100)]
    try:
        async with asyncio.timeout(5):
            assert (await ask(client, "GET", "/api/v1/fleet"))[0] == 200
            assert (await ask(client, "POST", "/api/v1/agents/mailer/hold", json={"seconds": 60}))[0] == 200
    finally:
        free.set()
        await asyncio.gather(*stuck)


# --- what it knows -----------------------------------------------------------------------------------


async def test_health_and_readiness(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    assert await ask(client, "GET", "/healthz") == (200, {"status": "ok", "version": "1.2.3", "watches": WATCHES})
    assert await ask(client, "GET", "/readyz") == (200, {"status": "ready"})
    control.missing = "2 of 5 agents are not read yet"
    assert await refused(client, "GET", "/readyz") == (503, None, "2 of 5 agents are not read yet")


async def test_fleet_and_agents(client: aiohttp.ClientSession) -> None:
    status, fleet = await ask(client, "GET", "/api/v1/fleet")
    assert status == 200
    assert fleet["status"] == "warning"
    assert [one["name"] for one in fleet["agents"]] == ["mailer", "watcher"]
    assert fleet["watches"] == WATCHES
    _, fleet = await ask(client, "GET", "/api/v1/fleet?agents=mailer,")
    assert (fleet["status"], [one["name"] for one in fleet["agents"]]) == ("ok", ["mailer"])
    unknown = (404, "agents", "no agent is named 'nobody'")
    assert await refused(client, "GET", "/api/v1/fleet?agents=mailer,nobody") == unknown
    status, one = await ask(client, "GET", "/api/v1/agents/watcher")
    assert (status, one["status"]) == (200, "unhealthy")
    assert await refused(client, "GET", "/api/v1/agents/nobody") == (404, None, "no agent is named 'nobody'")


async def test_incidents(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    first = control.open("mailer:heartbeat", opened_at=NOW - 7200)
    second = control.open("watcher:heartbeat")
    _, found = await ask(client, "GET", "/api/v1/incidents")
    assert [one["id"] for one in found["incidents"]] == [second.id, first.id]
    for since in (str(NOW - 60), "2026-05-28T20:25:40Z", "2026-05-28T20:25:40"):
        _, found = await ask(client, "GET", "/api/v1/incidents", params={"since": since})
        assert [one["id"] for one in found["incidents"]] == [second.id]
    _, found = await ask(client, "GET", "/api/v1/incidents", params={"limit": "1"})
    assert len(found["incidents"]) == 1


async def test_incidents_come_in_pages_that_hold_when_more_open(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    for number in range(7):
        control.open(f"agent{number}:heartbeat", opened_at=NOW - 60 * (number // 2))
    whole = [one["id"] for one in (await ask(client, "GET", "/api/v1/incidents"))[1]["incidents"]]
    seen: list[str] = []
    query = {"limit": "3"}
    while True:
        _, found = await ask(client, "GET", "/api/v1/incidents", params=query)
        seen += [one["id"] for one in found["incidents"]]
        control.open("later:heartbeat", opened_at=NOW + len(seen))
        if found["next"] is None:
            break
        query["cursor"] = found["next"]
    assert seen == whole


async def test_agents_come_in_pages_by_name(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    for name in ("zeta", "alpha"):
        control.agents[name] = agent(name)
    _, first = await ask(client, "GET", "/api/v1/agents", params={"limit": "2"})
    assert [one["name"] for one in first["agents"]] == ["alpha", "mailer"]
    del control.agents["mailer"]
    control.agents["beta"] = agent("beta")
    _, second = await ask(client, "GET", "/api/v1/agents", params={"cursor": first["next"]})
    assert ([one["name"] for one in second["agents"]], second["next"]) == (["watcher", "zeta"], None)


async def test_findings_come_in_pages_the_gravest_first(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.account = account(NOW)
    _, whole = await ask(client, "GET", "/api/v1/findings")
    gravity = [(one["state"] != "hard", one["severity"] != "critical") for one in whole["findings"]]
    assert gravity == sorted(gravity)
    seen: list[Any] = []
    following: str | None = ""
    while following is not None:
        query = {"limit": "1", **({"cursor": following} if following else {})}
        _, found = await ask(client, "GET", "/api/v1/findings", params=query)
        seen += found["findings"]
        following = found["next"]
    assert seen == whole["findings"]
    assert len(seen) > 2


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzFd", "eyJhIjoxfQ", "W05hTiwiYSJd", "WzEsMl0", "é", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ"]
)
async def test_a_cursor_that_is_none_of_ours_is_refused(client: aiohttp.ClientSession, cursor: str) -> None:
    for path in ("agents", "incidents", "findings", "events"):
        if (path, cursor) != ("events", "WzFd"):  # [1]: before the first record
            assert (await refused(client, "GET", f"/api/v1/{path}", params={"cursor": cursor}))[:2] == (404, "cursor")


async def test_older_events_are_behind_the_link(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    for number in range(5):
        control.record("old", "mailer" if number % 2 else "watcher", number=number)
    path, seen = "/api/v1/events?limit=2&agent=watcher", []
    while path:
        async with client.get(path) as answer:
            link = answer.links.get("next")
            seen += [number for number, _, _ in await events(answer, 1 if link is None else 2)]
            path = "" if link is None else str(link["url"])
    assert seen == [3, 5, 1]


async def test_the_script_of_the_page_is_served(client: aiohttp.ClientSession) -> None:
    async with client.get("/live.js") as answer:
        assert (answer.content_type, answer.charset) == ("text/javascript", "utf-8")
        assert b"EventSource" in await answer.read()


async def test_the_page_is_served(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    async with client.get("/") as answer:
        assert (answer.content_type, await answer.read()) == ("text/html", control.page)
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


async def test_every_answer_tells_browsers_to_be_careful(client: aiohttp.ClientSession) -> None:
    for path in ("/healthz", "/api/v1/nothing", "/api/v1/events", "/"):
        async with client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_question_asked_twice_is_refused(client: aiohttp.ClientSession) -> None:
    assert (await refused(client, "GET", "/api/v1/incidents?limit=1&limit=2"))[:2] == (422, "limit")
    assert (await refused(client, "GET", "/healthz?verbose=1"))[:2] == (422, "verbose")
    assert (await refused(client, "POST", "/api/v1/check?agents=mailer"))[:2] == (422, "agents")


async def test_metrics_are_those_of_the_window(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.measured = metrics(NOW)
    for window, seconds in (
        ("", 86400),
        ("?window=1h", 3600),
        ("?window=1h30m", 5400),
        ("?window=90", 90),
        ("?window=8d", 8 * 86400),
    ):
        status, found = await ask(client, "GET", f"/api/v1/metrics{window}")
        assert (status, found["window_seconds"], found["emails_sent"]) == (200, seconds, 12)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("window=soon", 'expected a duration such as "24h", or seconds'),
        ("window=", 'expected a duration such as "24h", or seconds'),
        ("window=59s", "greater than or equal to 60"),
        ("window=-3600", "greater than or equal to 60"),
        ("window=192h1s", "less than or equal to 691200"),
        ("window=inf", "finite"),
        ("window=nan", "finite"),
        ("for=1h", "not a known key"),
    ],
)
async def test_a_window_that_makes_no_sense_is_refused(client: aiohttp.ClientSession, query: str, detail: str) -> None:
    status, key, found = await refused(client, "GET", f"/api/v1/metrics?{query}")
    assert (status, key) == (422, query.partition("=")[0])
    assert detail in found


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("since=yesterday", "since"),
        ("since=nan", "since"),
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=x", "limit"),
        ("who=me", "who"),
    ],
)
async def test_a_wrong_query_is_refused_by_its_key(client: aiohttp.ClientSession, query: str, key: str) -> None:
    assert (await refused(client, "GET", f"/api/v1/incidents?{query}"))[:2] == (422, key)


async def test_findings_gravest_first(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.account = account(NOW)
    _, found = await ask(client, "GET", "/api/v1/findings")
    told = [(one["state"], one["severity"], one["check"]) for one in found["findings"]]
    assert told == [
        ("hard", "critical", "amount_mismatch"),
        ("hard", "critical", "section_total"),
        ("hard", "warning", "queue_age"),
        ("soft", "critical", "orphan_state"),
    ]
    for query, checks in (
        ("state=soft", ["orphan_state"]),
        ("severity=warning", ["queue_age"]),
        ("check=section_total", ["section_total"]),
        ("state=hard&severity=critical&limit=1", ["amount_mismatch"]),
        ("check=parse", []),
    ):
        _, found = await ask(client, "GET", f"/api/v1/findings?{query}")
        assert [one["check"] for one in found["findings"]] == checks, query


@pytest.mark.parametrize("query", ["state=certain", "check=sums", "severity=ok", "limit=0", "invoice=INV-7"])
async def test_a_wrong_filter_is_refused_by_its_key(client: aiohttp.ClientSession, query: str) -> None:
    assert (await refused(client, "GET", f"/api/v1/findings?{query}"))[:2] == (422, query.partition("=")[0])


# --- what it may be asked ----------------------------------------------------------------------------


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


# --- events ------------------------------------------------------------------------------------------


async def events(answer: aiohttp.ClientResponse, count: int) -> list[tuple[int, str, dict[str, Any]]]:
    """Read `count` server-sent events."""
    found: list[tuple[int, str, dict[str, Any]]] = []
    fields: dict[str, str] = {}
    while len(found) < count:
        line = (await asyncio.wait_for(answer.content.readline(), 10)).decode().rstrip("\n")
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
        if not line:
            fields = {}
    return found


async def test_history_ends_where_nobody_follows(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    control.record("heartbeat_missed", "mailer", consecutive_misses=1)
    control.record("gate_closed", reason="a\nb")
    async with client.get("/api/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        found = await events(answer, 2)
        assert await answer.content.read() == b""
    assert [(number, event) for number, event, _ in found] == [(1, "heartbeat_missed"), (2, "gate_closed")]
    assert found[1][2]["reason"] == "a\nb"
    async with client.get("/api/v1/events", params={"agent": "mailer", "limit": "5"}) as answer:
        assert [event for _, event, _ in await events(answer, 1)] == ["heartbeat_missed"]


async def test_a_follower_gets_history_then_what_happens(client: aiohttp.ClientSession, control: MemoryControl) -> None:
    for number in range(250):
        control.record("old", "mailer", number=number)
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        assert [number for number, _, _ in await events(answer, 250)] == list(range(1, 251))
        for _ in range(3):
            control.record("new", "watcher")
        assert [number for number, _, _ in await events(answer, 3)] == [251, 252, 253]
        control.record("later", "watcher")
        assert [event for _, event, _ in await events(answer, 1)] == ["later"]
    headers = {"Last-Event-ID": "252"}
    async with client.get("/api/v1/events", params={"follow": "1", "agent": "watcher"}, headers=headers) as answer:
        control.record("other", "mailer")
        control.record("own", "watcher")
        assert [number for number, _, _ in await events(answer, 3)] == [253, 254, 256]


@pytest.mark.parametrize("follow", ["1", "0"])
async def test_a_client_that_returns_has_missed_nothing_however_much_came(
    client: aiohttp.ClientSession, control: MemoryControl, follow: str
) -> None:
    for number in range(2500):
        control.record("old", "mailer", number=number)
    how: Any = {"params": {"follow": follow, "limit": "1"}, "headers": {"Last-Event-ID": "3"}}
    async with client.get("/api/v1/events", **how) as answer:
        assert [number for number, _, _ in await events(answer, 2497)] == list(range(4, 2501))


async def test_a_record_that_reaches_the_disk_late_is_sent(
    client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "LOOKS", (0.0, 0.2, 0.2))
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        control.broken = JOURNAL_BROKEN
        control.record("late", "mailer")
        await asyncio.sleep(0.1)
        control.broken = None
        assert [event for _, event, _ in await events(answer, 1)] == ["late"]


async def test_silence_is_filled_with_comments(client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    async with client.get("/api/v1/events", params={"follow": "1"}) as answer:
        for said in (b"retry: 2000\n", b": nothing new\n", b": nothing new\n"):
            assert await asyncio.wait_for(answer.content.readline(), 10) == said
            await answer.content.readline()


@pytest.mark.parametrize("last", ["x", "-1", "", "9" * 30])
async def test_a_wrong_last_event_id_is_refused(client: aiohttp.ClientSession, last: str) -> None:
    how = {"headers": {"Last-Event-ID": last}}
    assert (await refused(client, "GET", "/api/v1/events", **how))[:2] == (400, "Last-Event-ID")


async def test_an_unreadable_journal_is_said_before_the_stream(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    control.broken = JOURNAL_BROKEN
    assert (await refused(client, "GET", "/api/v1/events?follow=1"))[0] == 503
    assert control.followers == set()


async def test_only_so_many_streams_are_open(
    client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 1)
    monkeypatch.setattr(streams, "HEARTBEAT", 0.1)
    async with client.get("/api/v1/events", params={"follow": "1"}):
        assert (await refused(client, "GET", "/api/v1/events"))[0] == 503
    await until(lambda: not control.followers)
    assert (await ask(client, "GET", "/api/v1/events"))[0] == 200


async def test_a_client_that_reads_nothing_is_cut_off_and_hurts_nobody(
    face: Path, client: aiohttp.ClientSession, control: MemoryControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WRITE_TIMEOUT", 0.3)
    for _ in range(300):
        control.record("noise", "mailer", text="x" * 10_000)
    _, writer = await asyncio.open_unix_connection(str(face), limit=1024)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"GET /api/v1/events?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: bool(control.followers))
    assert (await ask(client, "GET", "/healthz"))[0] == 200
    await until(lambda: not control.followers)
    writer.close()


async def test_closing_ends_streams_and_takes_the_name_away(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    async with (
        aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("/api/v1/events", params={"follow": "1"}) as answer,
    ):
        async with asyncio.timeout(4):
            await served.close()
        assert not path.exists()
        assert await answer.content.read() == b"retry: 2000\n\n"
    assert control.followers == set()


# --- the socket --------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o777])
async def test_only_the_owner_may_open_it_whatever_the_umask(
    control: MemoryControl, tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "run" / "control.sock"
    path.parent.mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        served = HttpFace(control, path, "1", WATCHES)
        await served.start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["control.sock"]
    connection = UnixConnection(path)
    answer = await asyncio.to_thread(connection.answer, "/healthz")
    assert answer["status"] == "ok"
    await served.close()


async def test_its_folder_is_made_for_the_owner_alone(face: Path) -> None:
    assert stat.S_IMODE(face.parent.stat().st_mode) == 0o700


async def test_a_dead_socket_is_replaced_and_a_live_one_is_not(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    dead = listen(path)
    dead.socket.close()
    assert path.is_socket()
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    with pytest.raises(OSError, match="another process listens there"):
        await HttpFace(control, path, "2", WATCHES).start()
    assert (await asyncio.to_thread(UnixConnection(path).answer, "/healthz"))["version"] == "1"
    await served.close()


async def test_a_successors_socket_is_left_alone(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    served = HttpFace(control, path, "1", WATCHES)
    await served.start()
    path.unlink()
    successor = HttpFace(control, path, "2", WATCHES)
    await successor.start()
    await served.close()
    assert (await asyncio.to_thread(UnixConnection(path).answer, "/healthz"))["version"] == "2"
    await successor.close()


async def test_what_is_no_socket_is_left_alone(control: MemoryControl, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("precious")
    served = HttpFace(control, path, "1", WATCHES)
    with pytest.raises(OSError, match="something that is no socket"):
        await served.start()
    await served.close()
    assert path.read_text() == "precious"


async def test_a_path_that_no_socket_can_have_is_said(control: MemoryControl, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="107 bytes at most"):
        await HttpFace(control, tmp_path / ("x" * 120) / "control.sock", "1", WATCHES).start()


class UnixConnection(http.client.HTTPConnection):
    """The standard library's client over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))

    def answer(self, path: str) -> Any:
        try:
            self.request("GET", path)
            return json.load(self.getresponse())
        finally:
            self.close()


async def test_prometheus_scrapes_it_in_the_format_that_it_asks_for(
    client: aiohttp.ClientSession, control: MemoryControl
) -> None:
    async with client.get("/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'collections_agent_up{agent="mailer"} 1.0' in (await answer.text()).splitlines()
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as answer:
        assert answer.content_type == "application/openmetrics-text"
        assert (await answer.text()).endswith("# EOF\n")
    control.broken = StoreError("the disk is gone")
    assert (await refused(client, "GET", "/metrics"))[0] == 503
