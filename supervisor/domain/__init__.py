"""Values and pure machines: the standard library only; no asyncio, files, logging or clock."""
