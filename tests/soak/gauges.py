"""What a daemon uses, read from outside: from /proc, the journal's files, and what it tells of itself (`watched`)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from types import MappingProxyType

from tests.soak.judge import Limit

_MB = 1e6

LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "rss": Limit(
            0.10, 10.0, "MB", "what the highest load so far has taken and left in pieces; the next two are exact"
        ),
        "own": Limit(0.10, 10.0, "MB", "the same, without what it shares with others, such as libraries"),
        "malloc": Limit(0.04, 1.5, "MB", "in use: pages and answers under way come and go"),
        "blocks": Limit(
            0.04, 20_000.0, "blocks", "in use: the newest log records are kept for streams, and are not full yet"
        ),
        "fds": Limit(0.0, 6.0, "files", "connections and restarts under way"),
        "tasks": Limit(0.0, 15.0, "tasks", "requests, deliveries and restarts under way"),
        "threads": Limit(0.0, 3.0, "threads", "a pool grows to its bound with the work"),
        "children": Limit(0.0, 4.0, "processes", "launchers under way"),
        "journal": Limit(0.10, 0.3, "MB", "the retention's last tenth is not pruned yet"),
        "wal": Limit(0.10, 1.0, "MB", "it is written over from its start at each checkpoint"),
        "files": Limit(0.10, 40.0, "files", "what is written of each restart, of each agent's last ones"),
        "rows": Limit(0.10, 300.0, "rows", "the retention's last tenth is not pruned yet"),
    }
)
"""What each may grow over the time that is judged, and why it moves at all."""


ABSENT = frozenset({"malloc"})
"""What may not be told: only glibc does."""


def sample(pid: int, folder: Path) -> dict[str, float]:
    """Return every measure of the daemon `pid` that lives in `folder`. Raises FileNotFoundError where it has ended."""
    proc = Path(f"/proc/{pid}")
    memory = _kilobytes(proc / "smaps_rollup")
    journal = folder / "data" / "journal.db"
    found = {
        "rss": memory["Rss"] * 1024 / _MB,
        "own": memory["Private_Dirty"] * 1024 / _MB,
        "fds": sum(1 for _ in (proc / "fd").iterdir()),
        "threads": sum(1 for _ in (proc / "task").iterdir()),
        "children": sum(len((task / "children").read_text().split()) for task in (proc / "task").iterdir()),
        "journal": journal.stat().st_size / _MB,
        "wal": _size(journal.with_name("journal.db-wal")) / _MB,
        "rows": _rows(journal),
        "files": sum(1 for _ in journal.parent.rglob("*")),
    }
    with suppress(FileNotFoundError):  # it has only begun
        found |= json.loads((folder / "inside").read_bytes())
    return found


def _kilobytes(file: Path) -> dict[str, int]:
    lines = (line.split() for line in file.read_text(encoding="ascii").splitlines()[1:])
    return {words[0].rstrip(":"): int(words[1]) for words in lines}


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def _rows(journal: Path) -> int:
    with closing(sqlite3.connect(f"{journal.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as conn:
        return int(conn.execute("SELECT count(*) FROM rows").fetchone()[0])
