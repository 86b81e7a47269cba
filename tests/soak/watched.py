"""A daemon that tells what only it can know: `python -m tests.soak.watched CONFIG [--leak]`.

Each second it writes "inside" beside the configuration: how many tasks its loop has, how many blocks of memory Python's
allocator has handed out, and how much (MB) the C library's. `--leak`: it leaks, to prove that this is seen.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import sys
from pathlib import Path

from supervisor import app, settings

_EVERY = 1.0
_LEAKED = 1 << 18


class _Mallinfo2(ctypes.Structure):
    """`struct mallinfo2` of glibc."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def _malloced() -> dict[str, float]:
    """Return what the C library has handed out, Python's own arenas besides; nothing where it does not tell."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:  # no glibc, or an old one
        return {}
    mallinfo2.restype = _Mallinfo2
    told = mallinfo2()
    return {"malloc": (told.uordblks + told.hblkhd) / 1e6}


async def _tell(file: Path) -> None:
    temporary = file.with_suffix(".tmp")
    while True:
        inside = {"tasks": len(asyncio.all_tasks()), "blocks": sys.getallocatedblocks(), **_malloced()}
        temporary.write_text(json.dumps(inside), encoding="ascii")
        temporary.replace(file)
        await asyncio.sleep(_EVERY)


async def _leak() -> None:
    held: list[object] = []
    while True:
        held += [os.open("/dev/null", os.O_RDONLY), os.urandom(_LEAKED), [object() for _ in range(5_000)]]
        held.append(asyncio.create_task(asyncio.sleep(1e6), name="leaked"))
        await asyncio.sleep(_EVERY / 4)


async def _live(config: Path, *, leaky: bool) -> None:
    def load() -> settings.Settings:
        return settings.load(config, os.environ)

    extras = {asyncio.create_task(_tell(config.with_name("inside")), name="tell")}
    if leaky:
        extras.add(asyncio.create_task(_leak(), name="leak"))
    await app._run(load(), load, "json")
    for extra in extras:
        extra.cancel()
    await asyncio.wait(extras)


if __name__ == "__main__":
    asyncio.run(_live(Path(sys.argv[1]).absolute(), leaky="--leak" in sys.argv))
