"""Every answer of the API is as its description says, to the key: a key that is not described is a mistake, too."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, cast

import jsonschema
from yarl import URL

from supervisor.faces.api.openapi import openapi
from supervisor.faces.api.routes import table
from supervisor.faces.streams import Streams
from supervisor.faces.tail import Tail
from tests.support.control import WATCHES, MemoryControl

Json = dict[str, Any]


@cache
def description() -> Json:
    """Return the OpenAPI document, with every object closed."""
    control = MemoryControl()
    return cast("Json", _closed(openapi(table(control, "1.2.3", WATCHES, Streams(control, Tail(control))), "1.2.3")))


def as_described(method: str, target: str, status: int, media: str, text: str) -> None:
    """Assert that an answer is described; paths that are not described may only be refused."""
    if status in {404, 405} and _operation(method, target) is None:
        return
    operation = _operation(method, target)
    assert operation is not None, (method, target)
    answer = operation["responses"].get(str(status))
    assert answer is not None, (method, target, status)
    if "$ref" in answer:
        answer = description()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    if status == 204:
        assert (text, "content" in answer) == ("", False)
        return
    schema = answer["content"][media]["schema"]
    if "json" in media:
        jsonschema.Draft202012Validator({**schema, "components": description()["components"]}).validate(
            json.loads(text)
        )


def _operation(method: str, target: str) -> Json | None:
    path = URL(target).path
    for template, operations in description()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in operations:
            return cast("Json", operations[method.lower()])
    return None


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if "properties" in node and node.get("type") == "object" and "data" not in node["properties"]:
        closed.setdefault("additionalProperties", False)
    return closed
