"""Restarts an agent with a command of the user's: argv, never a shell.

What the command leaves in the background, such as the agent itself, lives on. Before the next attempt whatever
still lives of the command's session is ended by TERM, `stop_timeout`, KILL, and proved gone. A process that
makes a session of its own is out of reach: let `managed` or `systemd` run such an agent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from supervisor.ports import RestartOutcome
from supervisor.restarters._config import Argv, Launched
from supervisor.restarters._runner import Job, Runner


class Config(Launched):
    """The keys of `kind = "command"`."""

    kind: Literal["command"] = "command"
    command: Argv = Field(description="The program that restarts the agent, and its arguments.")


class Restarter:
    """Implements `ports.Restarter`: the restart is good when the command ends with 0 within `timeout`."""

    def __init__(self, config: Config, *, agent: str, data: Path) -> None:  # noqa: ARG002 - the same for every kind
        self._runner = Runner(data)
        self._job = Job.of(config, config.command)

    async def restart(self, attempt: int) -> RestartOutcome:
        """Run the hooks and the command, once for each `attempt`."""
        return (await self._runner.run(attempt, self._job)).outcome

    async def close(self) -> None:
        """Leave everything as it is: a command that still runs goes on, and the supervisor's next life joins it."""
