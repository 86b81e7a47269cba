"""Keep the supervisor's own coroutines alive, under the same intensity law as agents.

A service that fails is started again; when its intensity is spent the failure climbs: the process ends
non-zero, and the service manager decides. One that the supervision can do without is tried on, slowly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from supervisor.domain import restarts
from supervisor.domain.policy import OnExhausted, RestartPolicy
from supervisor.domain.records import ServiceFailed
from supervisor.domain.restarts import History
from supervisor.runtime.journal import Journal

LAW = RestartPolicy(
    max_restarts=5, window=60.0, backoff=0.1, backoff_max=5.0, jitter=0.0, on_exhausted=OnExhausted.HOLD
)
"""Five restarts a minute; more is no accident."""

LAW_OF_EXTRAS = replace(LAW, backoff_max=60.0, on_exhausted=OnExhausted.SLOW, slow_interval=60.0)
"""The law of what the supervision can do without: a page that can not be drawn must not end it."""


class ServiceExhaustedError(Exception):
    """A service failed again and again; the text names it and its last error."""


async def keep(name: str, service: Callable[[], Awaitable[None]], journal: Journal, law: RestartPolicy = LAW) -> None:
    """Run `service` for ever; one that returns has failed too.

    Cancelled, it ends, though the service fails on its way. Raises ServiceExhaustedError when that fails more often
    than `law` allows.
    """
    now = asyncio.get_running_loop().time  # no step of the wall clock may lengthen a wait
    task = asyncio.current_task()
    history = History()
    while True:
        failure: Exception | None = None
        try:
            await service()
        except Exception as error:  # noqa: BLE001 - whatever it was, the service is needed
            failure = error
        text = "it has ended" if failure is None else _text(failure)
        verdict = restarts.judge(history, now(), law, name)
        if isinstance(verdict, restarts.Exhausted) and verdict.at is None:
            raise ServiceExhaustedError(f"service {name} keeps failing: {text}") from failure
        journal.note(ServiceFailed(name, text, history.total + 1))
        if task is not None and task.cancelling():
            return
        if not isinstance(verdict, restarts.Now) and verdict.at is not None:
            await asyncio.sleep(verdict.at - now())
        history = restarts.ended(restarts.started(history, now(), law), now())


def _text(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
