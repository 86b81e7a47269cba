"""The dashboard as a browser keeps it up to date: its script, and what the script is told."""

from __future__ import annotations

from pathlib import Path

from supervisor.domain import records

SCRIPT_PATH = "/live.js"
SCRIPT = (Path(__file__).parent / "templates" / "live.js").read_bytes()

EVENTS = tuple(sorted(cls.event() for cls in records.every() if cls.KEPT))
"""The kinds of events after each of which the page is fetched anew."""
