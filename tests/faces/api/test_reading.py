"""What the API knows."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import aiohttp
import pytest

from tests.support.accounts import account
from tests.support.asking import ask, events, refused
from tests.support.control import NOW, WATCHES, MemoryControl, agent
from tests.support.measured import metrics


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
