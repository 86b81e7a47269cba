"""Requests of the API, each answer checked against its description."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.support.described import as_described


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
