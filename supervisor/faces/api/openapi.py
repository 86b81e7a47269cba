"""The OpenAPI 3.1 document, made of the table of routes that the server is made of: it can not say anything else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from supervisor.faces import answers
from supervisor.faces.api.route import EVENT_STREAM, JSON, PROMETHEUS, Route
from supervisor.faces.problems import MEDIA_TYPE

Json = dict[str, Any]
_Key = tuple[str, str]
_Input = tuple[_Key, JsonSchemaMode, TypeAdapter[Any]]

_EVERY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_WITH_BODY = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_TEXT = {"type": "string"}
# Of a stream each event is described.
_EVENT = {
    "type": "object",
    "description": "One log record: its number, its name, and the record as JSON.",
    "properties": {"id": _TEXT, "event": _TEXT, "data": {"type": "string", "contentMediaType": JSON}},
}
_ABOUT = """\
Errors are problem documents (RFC 9457). Times are RFC 3339 in UTC, lengths of time are seconds, money is decimal text.
A list that may be long comes in pages: `next` is the `cursor` of the page that follows."""


def openapi(routes: Iterable[Route], version: str) -> Json:
    """Return the document."""
    routes = tuple(routes)
    problem = TypeAdapter(answers.Problem)
    inputs: list[_Input] = [(("Problem", "answer"), "serialization", problem)]
    for route in routes:
        if route.has_body:
            inputs.append(((_id(route), "asked"), "validation", TypeAdapter(route.asked)))
        if route.answer is not None:
            inputs.append(((_id(route), "answer"), "serialization", TypeAdapter(route.answer)))
    schemas, definitions = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    paths: Json = {}
    for route in routes:
        asked = schemas.get(((_id(route), "asked"), "validation"))
        answer = schemas.get(((_id(route), "answer"), "serialization"))
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, asked, answer)
    refusal = {"description": "Refused.", "content": {MEDIA_TYPE: {"schema": schemas[inputs[0][0], "serialization"]}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "collections-supervisor", "version": version, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "responses": {"Problem": refusal},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _id(route: Route) -> str:
    """Return the operation's name: the method, the words of the path, and whom its own format is for."""
    words = re.findall(r"[a-z]+", route.path.removeprefix("/api/v1"))
    if route.media == PROMETHEUS:
        words.append("prometheus")
    return "_".join([route.method.lower(), *words])


def _operation(route: Route, asked: Json | None, answer: Json | None) -> Json:
    operation: Json = {"operationId": _id(route), "summary": route.summary, "responses": _responses(route, answer)}
    parameters = _parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if asked is not None:
        needed = "required" in route.asked.model_json_schema()
        operation["requestBody"] = {"required": needed, "content": {JSON: {"schema": asked}}}
    if route.method != "GET" and not route.link:
        operation["security"] = [{"token": []}]
    return operation


def _parameters(route: Route) -> list[Json]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    read = [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"}}
        for name, text in route.headers.items()
    ]
    return [*named, *read, *([] if route.has_body else _query(route.asked))]


def _query(model: type[BaseModel]) -> list[Json]:
    schema = model.model_json_schema()
    shared = schema.get("$defs", {})
    found = []
    for name, field in schema.get("properties", {}).items():
        known = {key: value for key, value in field.items() if key != "title"}
        # What is not said is left out: no text means null.
        choices = [choice for choice in known.pop("anyOf", []) if choice != {"type": "null"}]
        if known.get("default", "") is None:
            del known["default"]
        if len(choices) == 1:
            known |= choices[0]
        elif choices:
            known["anyOf"] = choices
        if "$ref" in known:
            known = dict(shared[known["$ref"].rpartition("/")[2]])
        found.append({"name": name, "in": "query", "required": False, "schema": known})
    return found


def _responses(route: Route, answer: Json | None) -> Json:
    good: Json = {"description": "Done." if route.method != "GET" else "What was asked for."}
    if answer is not None:
        good["content"] = {JSON: {"schema": answer}}
    elif route.status is not HTTPStatus.NO_CONTENT:
        good["content"] = {route.media: {"schema": _EVENT if route.media == EVENT_STREAM else _TEXT}}
    if route.links:
        about = "the page before this one, as `next`"
        good["headers"] = {"Link": {"description": about, "schema": {"type": "string"}}}
    # An answer 404 needs something that is named.
    names = "{" in route.path or route.asked.model_fields.keys() & {"agents", "cursor"}
    unknown = [HTTPStatus.NOT_FOUND] if names else []
    refusals = {*_EVERY, *(_WITH_BODY if route.has_body else ()), *unknown, *route.refusals}
    problem = {"$ref": "#/components/responses/Problem"}
    return {str(route.status.value): good, **{str(status.value): problem for status in sorted(refusals)}}
