"""What clients may send: bodies and queries, checked before the daemon sees them. Lengths of time are seconds."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Self, TypeVar

from aiohttp import web
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import from_json

from supervisor.domain.actions import Severity
from supervisor.domain.docket import FindingState
from supervisor.domain.drills import LONGEST as LONGEST_DRILL
from supervisor.domain.findings import CheckName
from supervisor.domain.metrics import DAY, LONGEST, SHORTEST
from supervisor.faces.problems import ProblemError
from supervisor.formats.duration import parse_duration

MAX_BODY = 64 * 1024
"""Bytes."""

BODY_TIMEOUT = 10.0
"""A client that has not sent its body after this many seconds is not waited for."""

MAX_ROWS = 10_000
_LONGEST = 366 * 86400.0
_SOMETHING = r"\S"

_NO_TEXT = "expected some text, and there is none"
_PLAIN = {
    "extra_forbidden": "not a known key",
    "missing": "it is missing",
    "string_too_short": _NO_TEXT,
    "string_pattern_mismatch": _NO_TEXT,
}
"""What pydantic says of its own in words for people, by its types of errors."""


def _instant(value: str) -> float:
    """Return seconds since the epoch from a number or an RFC 3339 time; without a zone it is UTC."""
    try:
        at = float(value)
    except ValueError:
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("expected an RFC 3339 time, such as 2026-12-01T02:00:00Z, or seconds since 1970") from None
        at = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(at):
        raise ValueError("expected a finite number")
    return at


def _moment(value: object) -> float:
    """Return seconds since the epoch from the JSON text of an RFC 3339 time; without a zone it is UTC."""
    if not isinstance(value, str):
        raise ValueError("expected an RFC 3339 time, such as 2026-12-01T02:00:00Z")  # noqa: TRY004 - pydantic's way to refuse a value
    return _instant(value)


def _yes(value: bool) -> bool:
    if not value:
        raise ValueError("expected true")
    return value


def _length(value: str) -> float:
    """Return the seconds that a duration such as "24h", or a number, means."""
    for read in (parse_duration, float):
        try:
            return read(value)
        except ValueError:
            continue
    raise ValueError('expected a duration such as "24h", or seconds')


def _listed(value: str) -> tuple[str, ...]:
    return tuple(name for name in value.split(",") if name)


# What stands in a query is text: its schema says which.
Instant = Annotated[
    float,
    BeforeValidator(_instant),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "format": "date-time"}]}),
]
Moment = Annotated[float, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Length = Annotated[float, Field(gt=0, le=_LONGEST)]
Window = Annotated[
    float,
    BeforeValidator(_length),
    Field(ge=SHORTEST, le=LONGEST),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^([1-8]d|[1-9][0-9]?h|[1-9][0-9]{0,2}m)$"},
                {"type": "number", "minimum": SHORTEST, "maximum": LONGEST},
            ],
            "examples": ["24h", "7d", "90m"],
            "default": "24h",
        }
    ),
]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed), WithJsonSchema({"type": "string", "examples": ["a,b"]})]
Limit = Annotated[int, Field(ge=1, le=MAX_ROWS)]
Cursor = Annotated[str, Field(max_length=1000, description="`next` of the page before")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_SOMETHING, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=_SOMETHING, min_length=1, max_length=2000)]


class Body(BaseModel):
    """A JSON object; keys that are not named here are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Query(BaseModel):
    """What stands behind the question mark: text, so numbers are read from it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Nothing(Query):
    """No question at all."""


class Asked(Body):
    """An act without values. `by`: who asks, else the socket's peer."""

    by: Name | None = None


class Check(Body):
    """Which agents are judged; none named: all."""

    agents: list[Name] = []


class TestNotify(Asked):
    """Which channel is tested; none named: each."""

    channel: Name | None = None


class Hold(Asked):
    """How long, and why."""

    seconds: Length = 1800.0
    reason: Text | None = None


class Acknowledge(Asked):
    """How long; the configured time where it is not said."""

    seconds: Length | None = None


class Pause(Asked):
    """How long, and why; until it is resumed where it is not said."""

    seconds: Length | None = None
    reason: Text | None = None


class AcknowledgeMany(Acknowledge):
    """Which incidents: these, or all that were open at `opened_before` (now, where it is not said)."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["ids"]}, {"required": ["all"]}],
            "dependentRequired": {"opened_before": ["all"]},
        }
    )

    ids: Annotated[list[Name], Field(min_length=1)] = []
    all: Annotated[bool, AfterValidator(_yes), WithJsonSchema({"const": True})] = False
    opened_before: Moment | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if len({"ids", "all"} & self.model_fields_set) != 1:
            raise ValueError("expected either ids, or all")
        if "opened_before" in self.model_fields_set and not self.all:
            raise ValueError("opened_before belongs to all")
        return self


class NewDrill(Asked):
    """How long it may run at the most, and who drills."""

    seconds: Annotated[float, Field(gt=0, le=LONGEST_DRILL)] = 60.0


class NewSilence(Body):
    """What is silenced, how long, why, by whom; from `starts_at` on, or from now."""

    matcher: Name
    seconds: Length
    starts_at: Moment | None = None
    comment: Text
    author: Name | None = None


class Heartbeat(RootModel[dict[str, Any]]):
    """A heartbeat document as agents write it; the daemon knows its keys."""


class FleetQuery(Query):
    """Which agents are shown, with commas between them; none named: all."""

    agents: Names = ()


class PageQuery(Query):
    """How many at most, and after which; `cursor` is the `next` of the page before."""

    limit: Limit = 1000
    cursor: Cursor | None = None


class IncidentsQuery(PageQuery):
    """Which incidents: opened at or after `since`, the newest `limit`."""

    since: Instant = 0.0


class FindingsQuery(PageQuery):
    """Which findings: the gravest `limit` of those that are all of this."""

    state: FindingState | None = None
    check: CheckName | None = None
    severity: Severity | None = None


class MetricsQuery(Query):
    """Over which window: a length of time such as 24h, or seconds."""

    window: Window = DAY


class EventsQuery(IncidentsQuery):
    """Which records; `follow`: and those to come."""

    agent: Name | None = None
    follow: bool = False


_Model = TypeVar("_Model", bound=BaseModel)


async def body(request: web.Request, model: type[_Model]) -> _Model:
    """Read the request's JSON object; no body at all counts as `{}`. Raises ProblemError."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            raw = await request.read()
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"no body within {BODY_TIMEOUT:g} s") from None
    if raw and request.content_type != "application/json":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected application/json, not {request.content_type}", "Content-Type"
        )
    try:
        document = from_json(raw, allow_inf_nan=False) if raw else {}
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None
    return _checked(model, document)


def query(request: web.Request, model: type[_Model]) -> _Model:
    """Read what stands behind the question mark. Raises ProblemError."""
    found = dict(request.query)
    for key in found:
        if len(request.query.getall(key)) > 1:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{key}: given more than once", key)
    return _checked(model, found)


def _checked(model: type[_Model], document: Any) -> _Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or None
        text = _PLAIN.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{key}: {text}" if key else text, key) from None
