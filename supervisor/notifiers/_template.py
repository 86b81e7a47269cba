"""A channel's own words: a Jinja2 template in the place of the built-in text.

It knows `title` and `text`, the built-in ones, and `message`, all of what is told. It is the operator's; what it
puts in is not: texts are quoted as in the built-in text, the sandbox keeps from the rest, and an unknown name is
an error. A channel takes the key into its Config by inheriting `TemplateKeys`.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.words import LINE_LIMIT
from supervisor.notifiers import _text

_LIMIT = 64 * 1024

_EXAMPLE = Delivery(
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
"""What a template is tried with before it is taken."""


class TemplateError(Exception):
    """The template can not be used; the text says file, line and why."""


def render(path: Path, delivery: Delivery) -> str:
    """Return what the template makes of `delivery`. It blocks. Raises TemplateError."""
    import jinja2  # noqa: PLC0415 - slow, and needed by few channels
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    try:
        with path.open(encoding="utf-8") as file:
            source = file.read(_LIMIT)
        environment = ImmutableSandboxedEnvironment(
            autoescape=False,  # plain text
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        words = {"title": _text.title(delivery), "text": _text.text(delivery)}
        return environment.from_string(source).render(words, message=_text.printable(delivery.message))[:_LIMIT]
    except OSError as error:
        raise TemplateError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TemplateError(f"{path}: is not UTF-8") from None
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{path}:{error.lineno}: {error.message}") from None
    except Exception as error:  # noqa: BLE001 - a template may divide by zero as well
        raise TemplateError(f"{path}:{_line(error)}: {_text.one_line(error, LINE_LIMIT)}") from None


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
        return f"{_text.text(delivery)}The template could not be used: {error}\n"


def _usable(path: Path) -> Path:
    try:
        render(path, _EXAMPLE)
    except TemplateError as error:
        raise ValueError(str(error)) from None
    return path


class TemplateKeys(BaseModel):
    """Key for the text of a channel."""

    template: Annotated[Path, AfterValidator(_usable)] | None = Field(
        default=None, description="The Jinja2 file that makes the text, of `title`, `text` and `message`."
    )
