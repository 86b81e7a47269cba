"""Restarts an agent that is a systemd unit, through `systemctl`; systemd ends the old copy and starts the new one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from supervisor.config_types import Duration
from supervisor.ports import RestartOutcome
from supervisor.restarters._config import Launched
from supervisor.restarters._runner import Done, Job, Runner

_SUFFIXES = "service|socket|target|timer|mount|automount|swap|path|slice|scope|device"
Unit = Annotated[str, Field(max_length=255, pattern=rf"^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]*\.({_SUFFIXES})$")]


class Config(Launched):
    """The keys of `kind = "systemd"`."""

    kind: Literal["systemd"] = "systemd"
    unit: Unit | None = Field(default=None, description="The unit; agent@NAME.service if unset.")
    user: bool = Field(default=False, description="Ask the user's own systemd instead of the system's.")
    timeout: Duration = Field(default=120.0, description="How long systemctl, which waits for the unit, may take.")


class Restarter:
    """Implements `ports.Restarter`: the restart is good when systemd says so and the unit has not failed."""

    def __init__(self, config: Config, *, agent: str, data: Path) -> None:
        self._unit = config.unit or f"agent@{agent}.service"
        self._runner = Runner(data)
        # Nobody is there to type a password: polkit is to say yes or no at once.
        ctl = ("systemctl", *(["--user"] if config.user else []), "--no-ask-password")
        self._job = Job.of(
            config,
            (*ctl, "restart", "--", self._unit),
            report=(*ctl, "show", "--property=LoadState,ActiveState,SubState,Result", "--", self._unit),
        )

    async def restart(self, attempt: int) -> RestartOutcome:
        """Have systemd restart the unit, once for each `attempt`; the detail says how the unit is after it."""
        return self._judge(await self._runner.run(attempt, self._job))

    async def close(self) -> None:
        """Leave everything as it is: the unit is systemd's."""

    def _judge(self, done: Done) -> RestartOutcome:
        outcome = done.outcome
        unit = dict(line.split("=", 1) for line in done.report if "=" in line)
        state = ""
        if unit.get("LoadState") == "loaded":
            state = f"{self._unit} is {unit.get('ActiveState')} ({unit.get('SubState')}), result {unit.get('Result')}"
        ok = outcome.ok and unit.get("ActiveState") != "failed"
        said = outcome.stderr[0] if outcome.stderr and not ok else ""
        detail = "; ".join(part for part in (outcome.detail, said, state) if part)
        return RestartOutcome(ok=ok, detail=detail, exit_code=outcome.exit_code, stderr=outcome.stderr)
