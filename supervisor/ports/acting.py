"""Who restarts agents, and who tells people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from supervisor.domain.delivery import Delivery, Outcome


@dataclass(frozen=True, slots=True)
class RestartOutcome:
    """How a restart ended. `ok` says only that the action worked: a fresh heartbeat proves the agent."""

    ok: bool
    detail: str = ""
    exit_code: int | None = None
    stderr: tuple[str, ...] = ()


class Restarter(Protocol):
    """Ends the old copy of one agent, proves it gone, starts a new one. Made once per agent.

    `attempt` names the effect: the same attempt asked twice, even by another life of the supervisor,
    happens once, and the second call waits for the first one's end.
    """

    async def restart(self, attempt: int) -> RestartOutcome:
        """Restart the agent. Never raises but on cancellation; bounded by its own timeouts."""

    async def close(self) -> None:
        """Let go of what the supervisor's planned end should not leave behind."""


@dataclass(frozen=True, slots=True)
class Exit:
    """A process the supervisor runs has ended; `code` None where the kernel did not tell."""

    code: int | None
    detail: str = ""


class Keeper(Restarter, Protocol):
    """A restarter that runs the agent itself (`managed`)."""

    async def adopt(self) -> bool:
        """Take over the copy that an earlier life of the supervisor started; False where none runs."""

    def exits(self) -> AsyncIterator[Exit]:
        """Yield each end of the agent's process that was not asked for, at once."""


# --- notifiers ---------------------------------------------------------------------------------------


class Notifier(Protocol):
    """Sends one message through one channel."""

    async def send(self, delivery: Delivery) -> Outcome:
        """Send `delivery`. Every failure is an outcome, never an exception."""

    async def close(self) -> None:
        """Close connections."""


@runtime_checkable
class Grouping(Notifier, Protocol):
    """A notifier whose reader is a person or a model: it takes many incidents in one message (`domain.groups`).

    Every other one gets each incident on its own.
    """

    takes_groups: bool


@runtime_checkable
class Patient(Notifier, Protocol):
    """A notifier that bounds a try by itself, which may take longer than tries of others."""

    timeout: float
    """Longest time (s) of a try."""


class Links(Protocol):
    """Makes links by which whoever is told may acknowledge."""

    async def url(self, channel: str, incidents: Sequence[str], made_at: float) -> str:
        """Return the link of a message made at `made_at` that tells `channel` of `incidents`: always the same one.

        Raises OSError where none can be made.
        """


@runtime_checkable
class Refresher(Notifier, Protocol):
    """A notifier that keeps something alight elsewhere, which goes out where it is not told again."""

    refresh_every: float
    """How often (s) what is open, and was sent before, is to be told again. Nobody is notified anew by that."""

    async def refresh(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Tell all of these again, as they are now. Every failure is an outcome, never an exception."""
