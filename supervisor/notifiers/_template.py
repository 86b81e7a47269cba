"""A channel's own words: a Jinja2 template in the place of the built-in text.

It knows `title` and `text`, the built-in ones, and `message`, all of what is told. It is the operator's; what it
puts in is not: texts are quoted as in the built-in text, the sandbox keeps from the rest, and an unknown name is
an error. What a message lacks can be asked for, as in `{% if message.agent %}`, and not be put in. A channel takes the
key into its Config by inheriting `TemplateKeys`.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, Field, field_validator

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.groups import Group
from supervisor.domain.words import LINE_LIMIT
from supervisor.notifiers import _text

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_LIMIT = 64 * 1024

_log = logging.getLogger(__name__)

_AN_AGENT = Delivery(
    "0a1b2c3d.1",
    "0a1b2c3d",
    "example",
    NoticeKind.TRIGGERED,
    {
        "type": "AGENT_ESCALATION",
        "incident": "0a1b2c3d",
        "key": "an-agent:heartbeat",
        "kind": "triggered",
        "severity": "critical",
        "summary": "no heartbeat for 1 h",
        "opened_at": "2026-05-28T20:26:40.000000Z",
        "timestamp": "2026-05-28T20:26:40.000000Z",
        "action_required": "look: `collections-supervisor why an-agent`",
        "evidence": {},
        "agent": "an-agent",
        "missed_heartbeats": 2,
        "delivery": "0a1b2c3d.1",
    },
    0.0,
    0.0,
)
"""A message as an agent's incident brings it."""

_NO_AGENT = replace(
    _AN_AGENT,
    message={
        **{name: value for name, value in _AN_AGENT.message.items() if name not in {"agent", "missed_heartbeats"}},
        "type": "BOOKS_ESCALATION",
        "key": "books:unreadable",
    },
)
"""One as an incident of the books, the fleet or the supervisor brings it."""

_IF_MANY = "{% if message.counts %}...{% else %}...{% endif %}"
_IF_AGENT = "{% if message.agent %}...{% endif %}"


class TemplateError(Exception):
    """The template can not be used; the text says file, line and why."""


def render(path: Path, delivery: Delivery) -> str:
    """Return what the template makes of `delivery`. It blocks. Raises TemplateError."""
    import jinja2  # noqa: PLC0415 - slow, and needed by few channels

    try:
        with path.open(encoding="utf-8") as file:
            source = file.read(_LIMIT)
        words = {"title": _text.title(delivery), "text": _text.text(delivery)}
        return _environment().from_string(source).render(words, message=_message(delivery))[:_LIMIT]
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: is not UTF-8") from None
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}:{error.lineno}: {error.message}") from None
    except Exception as error:  # noqa: BLE001 - a template may divide by zero as well
        raise TemplateError(f"{path}:{_line(error)}: {_text.one_line(error, LINE_LIMIT)}") from None


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    import jinja2  # noqa: PLC0415 - as above
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Absent(jinja2.StrictUndefined):
        """What is not there: that of a message may be asked for, nothing else may be done with it."""

        __slots__ = ()

        def __bool__(self) -> bool:  # type: ignore[override]  # it is one for the base
            if self._undefined_obj is jinja2.utils.missing:
                self._fail_with_undefined_error()
            return False

    return ImmutableSandboxedEnvironment(
        autoescape=False,  # plain text
        undefined=Absent,
        keep_trailing_newline=True,
    )


def _message(delivery: Delivery) -> Any:
    """Return what a template knows as `message`. A test is like an incident, to show what one will look like."""
    example = _AN_AGENT.message if delivery.kind is NoticeKind.TEST else {}
    return _text.printable({"ack_url": "", **example, **delivery.message})


def _line(error: Exception) -> int:
    """Return the line of the template in which `error` came up: jinja rewrites the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == "<template>"), 0)


def words(template: Path | None, delivery: Delivery) -> str:
    """Return what is told: by the template, else by ourselves, and then it says why. It reads the template's file."""
    if template is None:
        return _text.text(delivery)
    try:
        return render(template, delivery)
    except TemplateError as error:
        _warn(str(error))
        return f"{_text.text(delivery)}The template could not be used: {error}\n"


@lru_cache(maxsize=64)
def _warn(error: str) -> None:
    """Log it, once: an alert is told again every minute."""
    _log.warning("the built-in text is told, for a template could not be used: %s", error)


def _usable(path: Path, *, groups: bool) -> Path:
    """Return `path` if it can be used for every sort of message. Raises ValueError that says how to write it."""
    many = Group("group.0a1b2c3d", "example")
    many.add(_AN_AGENT)
    group = many.delivery()
    sorts = [
        (_AN_AGENT, "a message of one incident", _IF_MANY),
        (_NO_AGENT, "a message that is about no agent", _IF_AGENT),
        *([(group, "a message of many incidents", _IF_MANY)] if groups else []),
    ]
    known = {*_AN_AGENT.message, *group.message}
    for example, what, how in sorts:
        fault = _fault(path, example)
        if any(fault.endswith(f"no attribute {name!r}") for name in known):  # another sort of message has it
            raise ValueError(f"{fault} in {what}: write {how}")
        if fault:
            raise ValueError(fault)
    return path


def _fault(path: Path, delivery: Delivery) -> str:
    try:
        render(path, delivery)
    except TemplateError as error:
        return str(error)
    return ""


class TemplateKeys(BaseModel):
    """Key for the text of a channel."""

    GROUPS: ClassVar[bool] = True
    """Whether the channel tells many incidents in one message."""

    template: Path | None = Field(
        default=None, description="The Jinja2 file that makes the text, of `title`, `text` and `message`."
    )

    @field_validator("template")
    @classmethod
    def _template(cls, path: Path | None) -> Path | None:
        return None if path is None else _usable(path, groups=cls.GROUPS)
