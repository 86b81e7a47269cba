"""What others answered, without the links that they were sent: a link is a right, and errors are read by many."""

from __future__ import annotations

import re

from supervisor.links import PATH

_TOKEN = re.compile(rf"(?<={PATH})[\w.-]+", re.ASCII)
_HIDDEN = "***"
_PIECE = 8
"""So many characters of a link in a row are no chance."""


def redacted(text: str, url: str) -> str:
    """Return `text` without the tokens in it, whole or in part: errors quote the end of what somebody answered.

    `url`: the link that was sent, empty where none was.
    """
    text = _TOKEN.sub(_HIDDEN, text)
    token = url.rpartition("/")[2]
    pieces = {token[place : place + _PIECE] for place in range(len(token) - _PIECE + 1)}
    kept, hidden_to = list[str](), 0
    for place, letter in enumerate(text):
        if text[place : place + _PIECE] in pieces:
            if place > hidden_to or not hidden_to:
                kept.append(_HIDDEN)
            hidden_to = place + _PIECE
        if place >= hidden_to:
            kept.append(letter)
    return "".join(kept)
