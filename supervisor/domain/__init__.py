"""Values and pure machines: standard library only, and no asyncio, files, logging or clock. The time is always told."""
