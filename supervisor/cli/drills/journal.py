"""The journal is overwritten with garbage while the daemon is down.

What it knew is lost; the daemon says so, keeps the remains, and goes on supervising.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within
from supervisor.domain.words import count

_TIMEOUT = 2.0


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Stop the daemon, damage its journal, start it again."""
    site.configure(f"""
[gate]
settle = "0s"
[agents.worker]
heartbeat_timeout = "{_TIMEOUT}s"
check_interval = "1m"
""")
    await site.start()
    await site.stop()
    data = site.folder / "data"
    journal = data / "journal.db"
    garbage = os.urandom(max(8192, journal.stat().st_size))
    journal.write_bytes(garbage)
    await site.start()
    restored = await site.logged("journal_restored")
    kept = [path for path in data.glob("journal.db.corrupt-*") if path.read_bytes() == garbage]
    yield Step("the remains are set aside", count(len(kept), "file"), len(kept) == 1)
    said = restored["note"].replace(f"{data}/", "")
    yield Step("the log says so", said, "journal.db.corrupt-" in said)
    at = time.time()
    site.heart("worker").ok()
    healthy = await site.logged("health_changed", new="healthy", after=at)
    yield within("a heartbeat counts", moment(healthy["timestamp"]) - at)
    missed = await site.logged("heartbeat_missed", after=at)
    yield within("a silence counts", moment(missed["timestamp"]) - at - _TIMEOUT)
    fresh = journal.read_bytes()[:6]
    yield Step("there is a new journal", fresh.decode("latin-1"), fresh == b"SQLite")
