"""An alarm without a daemon: everyone in the chain is told at once; a channel that fails is tried again for a while."""

from __future__ import annotations

import asyncio
from typing import Any

from supervisor.domain.delivery import RETRY_DELAYS, Delivery, Failed, NoticeKind, Outcome
from supervisor.ports import Notifier
from supervisor.runtime.bounding import bounded
from supervisor.runtime.closing import closed
from supervisor.runtime.plan import Plan

_RETRIES = RETRY_DELAYS[:3]
"""Waits (s) before each further try: about a minute in all, for a network that is just coming up."""


_LONGEST_WAIT = 30.0
"""A server that asks for more (s) is tried all the same: systemd ends the alert after five minutes."""


async def alarm(plan: Plan, message: dict[str, Any], name: str, now: float) -> dict[str, Outcome]:
    """Send `message` through every channel of the chain; return what came of it, by channel.

    The dedup ids begin with `name`: a channel that looks tells the same alarm once. `now`: s since the epoch.
    """
    deliveries = {
        channel: Delivery(f"{name}.{channel}", message["incident"], channel, NoticeKind.TRIGGERED, message, now, now)
        for channel in dict.fromkeys(step.channel for step in plan.chain.steps)
    }
    outcomes = await asyncio.gather(*(_told(plan, delivery) for delivery in deliveries.values()))
    return dict(zip(deliveries, outcomes, strict=True))


async def _told(plan: Plan, delivery: Delivery) -> Outcome:
    try:
        notifier = plan.channels[delivery.channel].make()
    except Exception as error:  # noqa: BLE001 - whatever a channel from outside raises, the others are told
        return Failed(f"{type(error).__name__}: {error}", permanent=True)
    try:
        return await _insist(notifier, plan.outbox_timeout, delivery)
    finally:
        await closed(notifier)


async def _insist(notifier: Notifier, limit: float, delivery: Delivery) -> Outcome:
    outcome = await bounded(notifier, limit, lambda: notifier.send(delivery))
    for wait in _RETRIES:
        if not isinstance(outcome, Failed) or outcome.permanent:
            break
        await asyncio.sleep(max(wait, min(outcome.retry_after or 0.0, _LONGEST_WAIT)))
        outcome = await bounded(notifier, limit, lambda: notifier.send(delivery))
    return outcome
