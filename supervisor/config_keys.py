"""What the tables of the configuration file are made of: names, places, spans of time, counts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema

from supervisor.config_errors import Origin
from supervisor.config_types import Duration
from supervisor.domain.messages import SCOPES
from supervisor.paths import expand

_LONGEST = 10 * 366 * 24 * 3600.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def name_problem(name: str) -> str | None:
    """Return why no agent or channel can have this name; None for a good one."""
    if not _NAME.fullmatch(name):
        return "a name has 1 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or a digit"
    return f"{name!r} is the supervisor's own word: choose another name" if name in SCOPES else None


def _named(name: str) -> str:
    if problem := name_problem(name):
        raise ValueError(problem)
    return name


def _expanded(value: Any, info: ValidationInfo) -> Path:
    if not isinstance(value, str):
        raise ValueError("expected a path")  # noqa: TRY004  (pydantic's way)
    origin = cast("Origin", info.context)
    return expand(value, origin.folder, origin.environ)


Name = Annotated[str, AfterValidator(_named), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Place = Annotated[Path, BeforeValidator(_expanded), WithJsonSchema({"type": "string", "minLength": 1})]
Span = Annotated[Duration, Field(gt=0, le=_LONGEST)]
SpanOrNone = Annotated[Duration, Field(ge=0, le=_LONGEST)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
