"""The description: of everything that is served, and of nothing else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from supervisor.faces import requests
from supervisor.faces.api.openapi import openapi
from supervisor.faces.api.route import EVENT_STREAM, HTML, JSON, Route, register
from supervisor.faces.http import HttpFace
from tests.support.control import WATCHES, MemoryControl
from tests.support.described import description


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    paths = description()["paths"]
    return {(method.upper(), path): told for path, methods in paths.items() for method, told in methods.items()}


def parameters(path: str) -> dict[str, Any]:
    return {parameter["name"]: parameter["schema"] for parameter in operations()["GET", path].get("parameters", ())}


def test_what_is_served_is_described_and_nothing_else(tmp_path: Path) -> None:
    app = HttpFace(MemoryControl(), tmp_path / "s", "1", WATCHES)._app(None)
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource}
    described = operations().keys() | {("GET", "/api/v1/openapi.json")}
    assert {(method, path) for method, path in served if method != "HEAD"} == described
    assert {path for method, path in served if method == "HEAD"} == {
        path for method, path in described if method == "GET" and path != "/api/v1/events"
    }


def test_each_operation_has_a_name_of_its_own_and_says_what_it_is() -> None:
    names = Counter(told["operationId"] for told in operations().values())
    assert set(names.values()) == {1}
    assert all(told["summary"].endswith(".") for told in operations().values())


def test_what_changes_anything_needs_the_token_and_reads_json() -> None:
    for (method, _), told in operations().items():
        assert ("security" in told) == (method != "GET")
        assert ("requestBody" in told) == (method == "POST")
        assert {"401", "403", "429", "503"} <= told["responses"].keys()
        assert ({"408", "413", "415"} <= told["responses"].keys()) == (method == "POST")
    assert operations()["POST", "/api/v1/silences"]["requestBody"]["required"]
    assert not operations()["POST", "/api/v1/check"]["requestBody"]["required"]


def test_questions_have_their_bounds() -> None:
    assert parameters("/api/v1/incidents")["limit"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": requests.MAX_ROWS,
        "default": 1000,
    }
    findings = parameters("/api/v1/findings")
    assert findings["state"]["enum"] == ["soft", "hard"]
    assert findings["cursor"]["type"] == "string"
    assert "default" not in findings["cursor"]
    assert parameters("/api/v1/events").keys() == {"Last-Event-ID", "limit", "cursor", "since", "agent", "follow"}
    assert parameters("/api/v1/agents/{name}") == {"name": {"type": "string", "minLength": 1}}


@pytest.mark.parametrize(("path", "media"), [("/", HTML), ("/api/v1/events", EVENT_STREAM), ("/api/v1/fleet", JSON)])
def test_media_types_are_said(path: str, media: str) -> None:
    assert operations()["GET", path]["responses"]["200"]["content"].keys() == {media}


def test_a_route_more_is_described_without_a_word_more() -> None:
    async def handle(_: web.Request, __: requests.PageQuery) -> web.Response:
        return web.Response()

    route = Route("GET", "/api/v1/new", "Something new.", handle, requests.PageQuery)
    app = web.Application()
    register(app, [route])
    assert "/api/v1/new" in {resource.canonical for resource in app.router.resources()}
    told = openapi([route], "1")["paths"]["/api/v1/new"]["get"]
    assert told["operationId"] == "get_new"
    assert [parameter["name"] for parameter in told["parameters"]] == ["limit", "cursor"]
