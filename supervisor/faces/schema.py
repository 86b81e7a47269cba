"""The JSON Schema of every log record, made from the record classes. `python -m supervisor.faces.schema` prints it."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from supervisor.domain.records import Record, every
from supervisor.faces.lines import TIMES

_MOMENT = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
}
_TYPES = {str: {"type": "string"}, bool: {"type": "boolean"}, int: {"type": "integer"}, float: {"type": "number"}}


def schema() -> dict[str, Any]:
    """Return the schema: one of the records, told apart by `event`."""
    classes = {cls.event(): cls for cls in every()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Log records of collections-supervisor",
        "description": "One JSON object a line. Fields that do not apply are left out.",
        "oneOf": [{"$ref": f"#/$defs/{event}"} for event in classes],
        "$defs": {event: _record(cls) for event, cls in classes.items()},
    }


def schema_text() -> str:
    """Return the schema as it is shipped."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _record(cls: type[Record]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    properties: dict[str, Any] = {"timestamp": _MOMENT, "level": {"const": cls.LEVEL}, "event": {"const": cls.event()}}
    required = list(properties)
    for field in fields(cls):
        kinds = get_args(hints[field.name]) if isinstance(hints[field.name], UnionType) else (hints[field.name],)
        (kind,) = (kind for kind in kinds if kind is not NoneType)
        properties[field.name] = _MOMENT if field.name in TIMES else _value(kind)
        if NoneType not in kinds:
            required.append(field.name)
    return {
        "type": "object",
        "description": " ".join((cls.__doc__ or "").split()),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _value(kind: Any) -> dict[str, Any]:
    if get_origin(kind) is list:
        return {"type": "array", "items": _TYPES[get_args(kind)[0]]}
    return _TYPES[kind]


if __name__ == "__main__":
    sys.stdout.write(schema_text())
