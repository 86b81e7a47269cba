"""One try of a channel: it ends in time, and with an outcome, whatever the channel does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from supervisor.domain.delivery import Failed, Outcome
from supervisor.ports import Notifier, Patient

_GRACE = 2.0
"""So much longer (s) than its own time a channel has, to end a try by itself and to say why."""


async def bounded(notifier: Notifier, timeout: float, send: Callable[[], Awaitable[Outcome]]) -> Outcome:  # noqa: ASYNC109
    """Return what came of `send`, within `timeout` (s) or the channel's own time, where that is longer."""
    limit = max(timeout, notifier.timeout + _GRACE) if isinstance(notifier, Patient) else timeout
    try:
        async with asyncio.timeout(limit):
            return await send()
    except TimeoutError:
        return Failed(f"no answer within {limit:g} s")
    except Exception as error:  # noqa: BLE001 - a channel from outside may raise anything; it must stay its own fault
        return Failed(f"{type(error).__name__}: {error}")
