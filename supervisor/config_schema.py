"""The JSON Schema of the configuration file, for editors: `config/supervisor.schema.json` is made of it."""

from __future__ import annotations

from typing import Any

from supervisor.config_tables import Document
from supervisor.formats.duration import DURATION_PATTERN, format_duration
from supervisor.plugins import NOTIFIERS, RESTARTERS, Family

Json = dict[str, Any]


def schema() -> Json:
    """Return the schema, with the keys of every kind that comes with the package."""
    found = Document.model_json_schema()
    tables = found["$defs"]
    _add_kinds(tables, "ChannelTable", NOTIFIERS, complete=True)
    # A table of an agent may take keys from that of [defaults]: nothing is required.
    _add_kinds(tables, "RestartTable", RESTARTERS, complete=False)
    tidy: Json = _tidy(found)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **tidy, "title": "collections-supervisor"}


def _add_kinds(tables: Json, name: str, family: Family, *, complete: bool) -> None:
    table = tables[name]
    branches = []
    for kind in family.shipped():
        prefix = f"{name}_{kind}_"
        own = family.load(kind).config.model_json_schema(ref_template="#/$defs/" + prefix + "{model}")
        tables |= {prefix + inner: model for inner, model in own.pop("$defs", {}).items()}
        shared = dict.fromkeys(table["properties"], True)
        then = {"properties": {**own["properties"], **shared}, "additionalProperties": False}
        if complete:
            then["required"] = own.get("required", [])
        branches.append({"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": then})
    table["properties"]["kind"]["examples"] = list(family.shipped())
    table["allOf"] = branches


def _tidy(node: Any) -> Any:
    """Return the schema without what TOML does not have (null), what repeats the key (titles) or the inner defaults."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    choices = [choice for choice in node.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        node = {**choices[0], **{key: value for key, value in node.items() if key != "anyOf"}}
    if node.get("pattern") == DURATION_PATTERN and isinstance(node.get("default"), float):
        node = {**node, "default": format_duration(node["default"])}
    tidy = {}
    for key, value in node.items():
        if key == "properties":
            tidy[key] = {name: _tidy(inner) for name, inner in value.items()}
        elif key != "title" and not (key == "default" and (value is None or isinstance(value, dict))):
            tidy[key] = _tidy(value)
    return tidy
