"""Keys that the restarters which start processes share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from supervisor.config_types import Duration


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL byte can not be part of a command or its environment")
    return text


def _name(text: str) -> str:
    if not text or "=" in text:
        raise ValueError('an environment variable has a name, and no "=" in it')
    return _without_nul(text)


def _with_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0]:
        raise ValueError('write the program and its arguments one by one, such as ["systemctl", "status"]')
    return argv


Text = Annotated[str, AfterValidator(_without_nul)]
Argv = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_with_program)]
"""A program and its arguments: there is no shell that could split, expand or be injected into."""


class Launched(BaseModel):
    """What every restart by a process of ours can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pre_restart: tuple[Argv, ...] = Field(
        default=(),
        description="Commands run one after another before anything is touched; one that fails ends the restart.",
    )
    environment: dict[Annotated[str, AfterValidator(_name)], Text] = Field(
        default_factory=dict, description="Added to the supervisor's own environment."
    )
    working_directory: Path | None = Field(
        default=None, description="Where the commands run; the supervisor's own if unset."
    )
    timeout: Duration = Field(default=60.0, description="How long each command may take.")
    stop_timeout: Duration = Field(
        default=10.0, description="How long what is told to end by TERM may take before KILL."
    )
