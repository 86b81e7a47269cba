"""Domain values as the journal keeps them: a few columns to search by, and the whole value as JSON text.

Reading is lenient across versions: keys that this version does not know are passed over, missing ones take
their defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from supervisor.domain.delivery import Delivery
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.health import Health
from supervisor.domain.silences import Silence
from supervisor.ports import Entry, Row, StoreError

Columns = tuple[str | float | None, ...]
RowColumns = tuple[int | None, float, str, str | None, str | None, bytes | str]
"""id (None: the next one), at, event, agent, incident, fields."""

T = TypeVar("T")

HEALTH = msgspec.json.Decoder(Health)
INCIDENT = msgspec.json.Decoder(Incident)
DELIVERY = msgspec.json.Decoder(Delivery)
SILENCE = msgspec.json.Decoder(Silence)
FINDING = msgspec.json.Decoder(Kept)
_FIELDS = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Sheet:
    """What one transaction writes; a later value takes the place of an earlier one of the same name or id.

    Args:
        agents: name -> state, None where the agent is forgotten.
        incidents: id -> id, key, open, opened_at, resolved_at, data.
        deliveries: id -> id, incident, channel, state, created_at, data.
        silences: id -> id, ends_at, data.
        findings: id -> data, None where it stands no more.
        rows: in the order they were written.
        facts: key -> value.
    """

    agents: dict[str, str | None] = field(default_factory=dict)
    incidents: dict[str, Columns] = field(default_factory=dict)
    deliveries: dict[str, Columns] = field(default_factory=dict)
    silences: dict[str, Columns] = field(default_factory=dict)
    findings: dict[str, str | None] = field(default_factory=dict)
    rows: list[RowColumns] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


def sheet(entries: Iterable[Entry]) -> Sheet:
    """Return what `entries` write, one after the other. Raises StoreError where a value is no JSON."""
    made = Sheet()
    try:
        for entry in entries:
            _add(made, entry)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise StoreError(f"a value can not be kept as JSON: {error}") from error
    return made


def _add(made: Sheet, entry: Entry) -> None:
    for name, health in entry.agents:
        made.agents[name] = _text(health)
    for name in entry.forgotten:
        made.agents[name] = None
    for i in entry.incidents:
        is_open = i.state is not IncidentState.RESOLVED
        made.incidents[i.id] = (i.id, i.key, is_open, i.opened_at, i.resolved_at, _text(i))
    for d in entry.deliveries:
        made.deliveries[d.id] = (d.id, d.incident, d.channel, d.state.value, d.created_at, _text(d))
    for s in entry.silences:
        made.silences[s.id] = (s.id, s.ends_at, _text(s))
    for id_, kept in entry.findings:
        made.findings[id_] = None if kept is None else _text(kept)
    for row in entry.rows:
        made.rows.append((row.id or None, row.at, row.event, row.agent, row.incident, _text(row.fields)))
    made.facts.update(entry.facts)


def _text(value: object) -> str:
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        # A file's name that is not UTF-8, say: what can not be written becomes "?", the rest is kept.
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False).encode("utf-8", "replace").decode()


def row(columns: RowColumns) -> Row:
    """Return a log record from its columns; fields that can not be read are kept as they are, under `unreadable`."""
    number, at, event, agent, incident, fields = columns
    try:
        return Row(at, event, agent, incident, _FIELDS.decode(fields), number or 0)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        text = fields if isinstance(fields, str) else fields.decode("utf-8", "replace")
        return Row(at, event, agent, incident, {"unreadable": text}, number or 0)


def values(
    decoder: msgspec.json.Decoder[T], found: Iterable[tuple[str, bytes | str]]
) -> tuple[dict[str, T], dict[str, str]]:
    """Return the values by their key, and by key why the others can not be read."""
    good: dict[str, T] = {}
    bad: dict[str, str] = {}
    for key, data in found:
        try:
            good[key] = decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            bad[key] = str(error)
    return good, bad
