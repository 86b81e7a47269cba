"""Restarts an agent that lives in OpenClaw: its turn is aborted, its session begun anew, its work taken up again.

Nothing of that proves that it works: only its next heartbeat does.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from yarl import URL

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError
from supervisor.openclaw import AgentId, Gateway, GatewayError, GatewayKeys, Trace, session_of
from supervisor.ports import RestartOutcome

_SHOWN = 20  # lines of the program's words


class Config(GatewayKeys):
    """The keys of `kind = "openclaw"`. `token_*` is the gateway's token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["openclaw"] = "openclaw"
    id: AgentId | None = Field(default=None, description="The agent's id in OpenClaw; its name if unset.")
    resume: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)] = Field(
        default="You were restarted because you fell silent. Go on with your work, and send your heartbeats.",
        description="What the agent is told so that it takes up its work.",
    )
    gentle: bool = Field(
        default=False,
        description="Only abort the turn under way, and keep what the agent knows. It needs the `openclaw` program "
        "and a gateway on this machine.",
    )
    program: Path = Field(default=Path("openclaw"), description="The `openclaw` program that `gentle` needs.")
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=60.0, description="How long each step may take.")

    @model_validator(mode="after")
    def _gently_from_here(self) -> Self:
        if self.gentle and URL(self.url).host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("gentle needs a gateway on this machine: url must be one of its loopback")
        return self


class Restarter:
    """Implements `ports.Restarter`: the restart is good when the agent was told to take up its work."""

    def __init__(self, config: Config, *, agent: str, data: Path) -> None:  # noqa: ARG002 - the same for every kind
        self._config = config
        self._agent = config.id or agent
        self._session = session_of(self._agent)
        self._mark = f"[supervisor-restart {agent} "
        self._gateway = Gateway(config, config.timeout)
        self._one_at_a_time = asyncio.Lock()

    async def restart(self, attempt: int) -> RestartOutcome:
        """Reset (or abort) and resume, once for each `attempt`: the gateway's history tells which was done."""
        async with self._one_at_a_time:
            return await self._restart(attempt)

    async def close(self) -> None:
        """Close the connections; the agent is OpenClaw's."""
        await self._gateway.close()

    async def _restart(self, attempt: int) -> RestartOutcome:
        mark = f"{self._mark}{attempt}]"
        try:
            if await self._gateway.find(self._session, mark) is not Trace.ABSENT:
                return RestartOutcome(ok=True, detail=f"{self._agent} was told already")
            if self._config.gentle:
                await self._abort()
            else:
                await self._gateway.reset(self._session)
            await self._gateway.send(self._session, f"{mark} {self._config.resume}")
        except GatewayError as error:
            return RestartOutcome(ok=False, detail=str(error))
        how = "aborted its turn" if self._config.gentle else "began its session anew"
        return RestartOutcome(ok=True, detail=f"{how}, and told {self._agent} to go on")

    async def _abort(self) -> None:
        """Abort the turn under way; HTTP has no tool for it, the gateway's own program can. Raises GatewayError."""
        argv = (str(self._config.program), "gateway", "call", "sessions.abort", "--json")
        try:
            # In the environment, where only this user can read it; never in the arguments.
            secret = {
                "OPENCLAW_GATEWAY_TOKEN": await asyncio.to_thread(self._config.key.read),
                "OPENCLAW_GATEWAY_PORT": str(URL(self._config.url).port),
            }
            process = await asyncio.create_subprocess_exec(
                *argv,
                "--params",
                json.dumps({"key": self._session}),
                env={**os.environ, **secret},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except CredentialError as error:
            raise GatewayError(str(error), permanent=True) from None
        except OSError as error:
            raise GatewayError(f"{self._config.program}: {error.strerror}", permanent=True) from None
        try:
            async with asyncio.timeout(self._config.timeout):
                said, _ = await process.communicate()
        except TimeoutError:
            raise GatewayError(f"{self._config.program} has not ended within {self._config.timeout:g} s") from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            words = " ".join(said.decode("utf-8", "replace").split()[-_SHOWN:])
            raise GatewayError(f"{self._config.program} ended with {process.returncode}: {words}")
