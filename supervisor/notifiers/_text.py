"""What others answered, made fit for a log line."""

from __future__ import annotations

SHOWN = 500
"""Bytes of a program's or a server's words that an error quotes."""


def shown(data: bytes) -> str:
    """Return the end of `data` on one line, without characters that a terminal would obey."""
    text = " ".join(data[-SHOWN:].decode("utf-8", "replace").split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
