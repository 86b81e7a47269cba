"""Silences and windows of maintenance in words, from their documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import ago, clock
from supervisor.domain.words import count, span


def covers(silence: dict[str, Any]) -> str:
    """Return what falls under a silence now."""
    found = silence["matches"]
    parts = [count(found[noun + "s"], noun) for noun in ("agent", "incident") if found[noun + "s"]]
    return ", ".join([*parts, *found["scopes"]]) or "it matches nothing that is watched now"


def when(silence: dict[str, Any], now: Any) -> str:
    """Return when a silence ends, or begins, as seen at `now`."""
    if silence["state"] == "pending":
        return f"begins {ago(silence['starts_at'], now)}"
    return f"ends {ago(silence['ends_at'], now)}"


def lines(fleet: dict[str, Any], now: Any) -> Iterator[list[_output.Piece]]:
    """Yield a line for each silence of the picture of everything."""
    for silence in fleet.get("silences", ()):  # a daemon of an older release does not tell
        what = f"maintenance {silence['window']}" if silence["window"] else f"silence {silence['id']}"
        by = "" if silence["window"] else f" by {silence['author']}"
        said = f"  {silence['matcher']}  {when(silence, now)}{by}: {silence['comment']}"
        yield [(what, "bold"), said, (f"  ({covers(silence)})", "dim")]


def windows(maintenance: Sequence[dict[str, Any]], now: Any) -> Iterator[list[_output.Piece]]:
    """Yield a line for each window of maintenance: when it opens next."""
    for window in maintenance:
        at = window["next_at"]
        opens = "never again" if at is None else f"next {clock(at)} ({ago(at, now)})"
        said = f"  {window['matcher']}  {opens} for {span(window['duration'])}: {window['comment']}"
        yield [(f"maintenance {window['name']}", "bold"), said]
