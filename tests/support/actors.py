"""Those whom the supervisor acts upon, as scripts: programs that are restarted, and channels that are told.

They live on while lives of the supervisor come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from supervisor.domain.delivery import Delivered, Delivery, NoticeKind, Outcome
from supervisor.ports import Exit, RestartOutcome


@dataclass
class Effect:
    """One restart as the agent felt it; times are s of the event loop."""

    attempt: int
    begun: float
    ended: float | None = None


@dataclass
class ScriptedRestarter:
    """Implements `ports.Keeper`: each attempt happens once, and goes on though its caller dies.

    Args:
        takes: seconds an attempt needs.
        outcome: how it ends; an exception is raised.
        after: called when it has ended.
    """

    takes: float = 5.0
    outcome: RestartOutcome | Exception = RestartOutcome(ok=True)  # noqa: RUF009 - a frozen value
    after: Callable[[], None] = lambda: None
    effects: list[Effect] = field(default_factory=list)
    running: bool = False
    closed: int = 0
    close_error: Exception | None = None
    adopt_errors: list[Exception] = field(default_factory=list)
    _attempts: dict[int, asyncio.Task[RestartOutcome]] = field(default_factory=dict)
    _exits: asyncio.Queue[Exit] = field(default_factory=asyncio.Queue)

    async def restart(self, attempt: int) -> RestartOutcome:
        if attempt not in self._attempts:
            self._attempts[attempt] = asyncio.get_running_loop().create_task(self._restart(attempt))
        return await asyncio.shield(self._attempts[attempt])

    async def _restart(self, attempt: int) -> RestartOutcome:
        loop = asyncio.get_running_loop()
        assert all(effect.ended is not None for effect in self.effects), "two restarts at once"
        effect = Effect(attempt, loop.time())
        self.effects.append(effect)
        self.running = False
        await asyncio.sleep(self.takes)
        effect.ended = loop.time()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        self.running = self.outcome.ok
        self.after()
        return self.outcome

    async def adopt(self) -> bool:
        if self.adopt_errors:
            raise self.adopt_errors.pop()
        return self.running

    async def exits(self) -> AsyncIterator[Exit]:
        while True:
            yield await self._exits.get()

    def die(self, code: int = 1) -> None:
        """Let the agent's process end by itself."""
        self.running = False
        self._exits.put_nowait(Exit(code))

    async def close(self) -> None:
        self.closed += 1
        self.running = False
        if self.close_error is not None:
            raise self.close_error

    async def end(self) -> None:
        """Let nothing outlive the test."""
        for task in self._attempts.values():
            task.cancel()
        await asyncio.gather(*self._attempts.values(), return_exceptions=True)


@dataclass
class Heard:
    """A message that arrived at a channel at `at` (s of the event loop), whatever the sender learned of it."""

    at: float
    delivery: Delivery

    @property
    def kind(self) -> NoticeKind:
        return self.delivery.kind


@dataclass
class ScriptedChannel:
    """Implements `ports.Notifier`.

    Args:
        answers: outcomes of the next tries, in order; an exception is raised. Afterwards `usually`.
        takes: seconds until it answers; the message has arrived before.
        timeout: its own bound of a try (s).
    """

    answers: list[Outcome | Exception] = field(default_factory=list)
    usually: Outcome | Exception = Delivered()  # noqa: RUF009 - a frozen value
    takes: float = 0.0
    tries: list[Heard] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    closed: int = 0
    close_error: Exception | None = None
    timeout: float = 0.0

    async def send(self, delivery: Delivery) -> Outcome:
        said = Heard(asyncio.get_running_loop().time(), delivery)
        self.tries.append(said)
        answer = self.answers.pop(0) if self.answers else self.usually
        if isinstance(answer, Delivered):
            self.heard.append(said)
        await asyncio.sleep(self.takes)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error

    def kinds(self) -> list[str]:
        """What was heard, a dedup id once, in the words of `NoticeKind`."""
        return [said.kind.value for said in {said.delivery.id: said for said in self.heard}.values()]


class ScriptedReader(ScriptedChannel):
    """Implements `ports.Grouping`."""

    takes_groups = True


@dataclass(slots=True)
class ScriptedBeacon(ScriptedChannel):
    """Implements `ports.Refresher`. `refreshed`: when, and what; `refusals`: outcomes of the next refreshes."""

    refresh_every: float = 60.0
    refreshed: list[tuple[float, list[Delivery]]] = field(default_factory=list)
    refusals: list[Outcome | Exception] = field(default_factory=list)

    async def refresh(self, deliveries: Sequence[Delivery]) -> Outcome:
        self.refreshed.append((asyncio.get_running_loop().time(), list(deliveries)))
        answer = self.refusals.pop(0) if self.refusals else Delivered()
        await asyncio.sleep(self.takes)
        if isinstance(answer, Exception):
            raise answer
        return answer
