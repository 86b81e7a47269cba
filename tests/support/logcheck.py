"""A pytest plugin: every log record that any test emits is held against the shipped schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import supervisor.faces
from supervisor.domain.records import Record
from supervisor.faces.lines import LINE_LIMIT, TIMES, line_fields
from supervisor.faces.logs import LogSink

_SHIPPED = Path(supervisor.faces.__path__[0]) / "log-records.schema.json"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z")
_PRIORITY = re.compile(rb"<\d>")
_known: set[tuple[object, ...]] = set()


def check_document(line: dict[str, Any]) -> None:
    """Raise AssertionError where `line` breaks the schema.

    All that the schema asks beyond types is the level, the name and the form of times: a shape that was
    found right once is right again, and only its times are looked at.
    """
    for name in line.keys() & (TIMES | {"timestamp"}):
        assert isinstance(line[name], str), f"{name} is no time in {line}"
        assert _MOMENT.fullmatch(line[name]), f"{name} is no time in {line}"
    shape = (line.get("event"), line.get("level"), *((name, _kind(value)) for name, value in line.items()))
    if shape in _known:
        return
    event = line.get("event")
    assert event in _schema()["$defs"], f"no record is called {event!r}: {line}"
    errors = [error.message for error in _validator(str(event)).iter_errors(line)]
    assert not errors, f"{errors} in {line}"
    _known.add(shape)


def check_lines(output: bytes) -> list[dict[str, Any]]:
    """Return the records in captured standard output; every line of it must be one."""
    found = []
    for line in output.splitlines():
        assert len(line) < LINE_LIMIT, f"a line of {len(line)} bytes: {line[:200]!r}"
        try:
            document = json.loads(_PRIORITY.sub(b"", line, count=1) if line[:1] == b"<" else line)
        except ValueError as error:
            raise AssertionError(f"not a log record: {line!r}") from error
        check_document(document)
        found.append(document)
    return found


@pytest.fixture(autouse=True)
def _every_record_true(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    faults: list[AssertionError] = []
    emit = LogSink.emit

    def checked(sink: LogSink, record: Record, at: float | None = None) -> None:
        try:
            check_document(line_fields(record, 0.0))
        except AssertionError as fault:
            faults.append(fault)
        emit(sink, record, at)

    monkeypatch.setattr(LogSink, "emit", checked)
    yield
    if faults:
        raise faults[0]


def _kind(value: object) -> object:
    return (list, frozenset(map(type, value))) if isinstance(value, list) else type(value)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(_SHIPPED.read_text(encoding="utf-8"))
    return schema


@cache
def _validator(event: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(_schema()["$defs"][event])
