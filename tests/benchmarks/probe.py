"""An event loop with a probe in it: `python -m tests.benchmarks.probe [CONFIG]`, with a daemon in it or nothing.

The probe wakes every `_EVERY` seconds and notes how late it was: in "lags" beside the configuration, or on standard
output.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from supervisor import app, settings

_EVERY = 0.005


async def _probe(out: Path) -> None:
    loop = asyncio.get_running_loop()
    with out.open("w", encoding="ascii", buffering=1) as file:
        while True:
            due = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            file.write(f"{time.time():.6f} {loop.time() - due:.6f}\n")


async def _with_daemon(config: Path) -> None:
    loaded = settings.load(config, os.environ)
    probe = asyncio.create_task(_probe(config.with_name("lags")), name="probe")
    await app._run(loaded, lambda: loaded, "json")
    probe.cancel()
    await asyncio.wait({probe})


if __name__ == "__main__":
    asyncio.run(_with_daemon(Path(sys.argv[1])) if sys.argv[1:] else _probe(Path("/dev/stdout")))
