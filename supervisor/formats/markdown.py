"""Markdown, as far as a list of lines needs it: which lines say something, and which are headings."""

from __future__ import annotations

import re
from typing import NamedTuple

COMMENT_ENDS = "-->"

_COMMENT_BEGINS = "<!--"
_FENCE = re.compile(r"(`{3,})[^`]*\Z|(~{3,})")
_UNDERLINES = ("==", "--")  # of a heading of the first level, and of the second
_BULLET = re.compile(r"[-*+](?:\s+|(?=`)|\Z)(?:\[[ xX]\]\s+)?")
_TITLE = re.compile(r"[^\W_](?:.*[^\W_])?")
_LEVELS = 6


class Heading(NamedTuple):
    """A heading: its level, from 1 on, and its words in small letters, without what decorates them.

    Not `sure`: no blank parts it from its marks; it may be a mere tag, such as `#urgent`.
    """

    level: int
    title: str
    sure: bool = True


class Hidden(NamedTuple):
    """A comment or a code block: the line (from 1) in which it began, and what will end it."""

    line: int
    end: str


class Outline:
    """Follows a text line by line. `hidden` is what the next line stands in, None where it can be seen."""

    def __init__(self) -> None:
        self.hidden: Hidden | None = None
        self._line = 0
        self._above = ""

    def see(self, text: str) -> str | Heading:
        """Return what the next line is: a heading, or its text as a reader of the page sees it; "" if he sees none.

        A comment inside a line becomes as many spaces, so that the columns stay.
        """
        self._line += 1
        above, self._above = self._above, ""
        text = self._visible(text)
        line = text.strip()
        if not line:
            return ""
        if line[0] == "#":
            title = line.lstrip("#")
            level = len(line) - len(title)
            return Heading(level, _title(title), sure=title[:1].strip() == "") if level <= _LEVELS else text
        if line[:2] in _UNDERLINES and above and not line.strip(line[0]) and bullet(above) is None:
            return Heading(1 + _UNDERLINES.index(line[:2]), _title(above))
        if fence := _FENCE.match(line):
            self.hidden = Hidden(self._line, fence[1] or fence[2])
            return ""
        self._above = line
        return text

    def _visible(self, text: str) -> str:
        if self.hidden is not None:
            if _ends(self.hidden.end, text.strip()):
                self.hidden = None
            return ""
        if _COMMENT_BEGINS not in text:
            return text
        line = text.strip()
        if not line.startswith(_COMMENT_BEGINS):
            return _without_comments(text)
        if COMMENT_ENDS not in line[2:]:  # only one that begins its line may go on in the next
            self.hidden = Hidden(self._line, COMMENT_ENDS)
        return ""


def bullet(text: str) -> str | None:
    """Return what stands behind the bullet of a line, without a box to be ticked; None where it has no bullet."""
    line = text.strip()
    found = _BULLET.match(line)
    return None if found is None else line[found.end() :]


def _ends(end: str, line: str) -> bool:
    if end == COMMENT_ENDS:
        return end in line
    return len(line) >= len(end) and not line.strip(end[0])


def _title(text: str) -> str:
    words = _TITLE.search(text.lower())
    return "" if words is None else " ".join(words[0].split())


def _without_comments(text: str) -> str:
    parts = []
    at = 0
    while (start := text.find(_COMMENT_BEGINS, at)) >= 0 and (end := text.find(COMMENT_ENDS, start + 2)) >= 0:
        end += len(COMMENT_ENDS)
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join((*parts, text[at:]))
