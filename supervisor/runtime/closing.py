"""Letting go of what others have written."""

from __future__ import annotations

import asyncio

from supervisor.ports import Notifier, Restarter


async def closed(*plugins: Restarter | Notifier) -> None:
    """Close all of these at once; what one of them raises is its own affair, and keeps nobody from going on."""
    await asyncio.gather(*(plugin.close() for plugin in plugins), return_exceptions=True)
