"""The ledger ("QMD", quick Markdown): bytes to values.

The agents write it, people edit it too, and a reader can meet half of it. So it is read as Markdown is: what stands
in a comment, in a code block or in another section is no entry. Nothing in it raises: what cannot be read is a
`Problem` with its line, and the rest is read. The time is linear in the length, whatever the text.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status, status_of
from supervisor.domain.ledger import Entry, Ledger, Total
from supervisor.formats.amount import parse_amount, parse_number
from supervisor.formats.markdown import COMMENT_ENDS, Heading, Outline, bullet

PROBLEMS_KEPT = 1000
"""So many problems are told one by one, and of more only how many they are."""

_QUOTED = 80  # characters of the file that a problem shows
_SUMMARY = "summary"
_PLACES: dict[str, Status | str | None] = {
    "collections ledger": None,
    "unpaid": Status.UNPAID,
    "paid": Status.PAID,
    "escalated": Status.ESCALATED,
    _SUMMARY: _SUMMARY,
}
_TOTALS = {
    "unpaid total": Status.UNPAID,
    "paid total": Status.PAID,
    "escalated total": Status.ESCALATED,
    "grand total": None,
}
_DATE, _METHOD, _STATUS = "date", "method", "status"
_FIELDS = {"due": _DATE, "paid": _DATE, "escalated": _DATE, "method": _METHOD, "status": _STATUS}

_NBSP = "\u00a0"
_EDGES = string.whitespace + _NBSP + "*_`"  # blanks, and the marks of bold, italic and code
_AS_WRITTEN = re.compile(  # by an agent, with nothing that needs a second look
    r"- `([^`|\\\s]+)` \| \$((?:0|[1-9][0-9]{0,2}(?:,[0-9]{3})*)\.[0-9]{2}) \| ([^|:\\]* \| )?"
    r"(?:Due|Paid|Escalated): ([0-9-]*) \| (?:Method: [^|]* \| )?Status: ([a-z_]+)\s*\Z"
)
_NUMBER = re.compile(r"`([^`]+)`(?:[^`|]*\||\s*\Z)")  # as code, and perhaps a remark before the next field
_PIPE = re.compile(r"(?<!\\)\|")
_WHOLE_FIGURE = re.compile(r"[.,][0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Figure:
    """The amount of a Summary line, and where it stands.

    Args:
        section: None for the grand total.
        amount: None where what stands there is no amount.
        line: from 1.
        start, end: its columns, in characters from 0.
    """

    section: Status | None
    amount: Decimal | None
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A ledger, and what must be known to mend it.

    Args:
        figures: what can be replaced in the Summary without touching anything else.
        whole: everything but the Summary could be read.
    """

    ledger: Ledger
    figures: tuple[Figure, ...]
    whole: bool


def parse(data: bytes) -> Ledger:
    """Read a ledger, or as much as there is of one."""
    return read(data).ledger


def read(data: bytes) -> Reading:
    """Read a ledger as `parse` does, and note what must be known to mend it."""
    reader = _Reader()
    for raw in BytesIO(data):
        reader.take(raw)
    return reader.reading()


class _Reader:
    """Takes the lines of a ledger, in order."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._totals: list[Total] = []
        self._figures: list[Figure] = []
        self._problems: list[Problem] = []
        self._untold = 0
        self._torn: Problem | None = None
        self._whole = True
        self._outline = Outline()
        self._place: Status | str | None = None
        self._level = 0  # of the heading of this place
        self._line = 0
        self._ended = True  # this line has its newline
        self._known: dict[str, str] = {}  # one copy of each client, date and word, which come again and again

    def take(self, raw: bytes) -> None:
        """Take the next line, with its newline."""
        self._line += 1
        self._ended = raw.endswith(b"\n")
        try:
            text = raw.decode()
            why = "NUL bytes" if "\0" in text else ""
        except UnicodeDecodeError:
            text, why = raw.decode(errors="replace"), "bytes that are not UTF-8"
        if self._line == 1:
            text = text.replace("\ufeff", " ", 1)
        said = self._outline.see(text)
        if why:
            found = raw[:_QUOTED].decode(errors="backslashreplace").replace("\0", "\\x00")
            self._refuse(f"the line holds {why}", found=found.strip())
        elif isinstance(said, Heading):
            self._heading(said)
        elif isinstance(self._place, Status):
            if not self._entry(self._place, said):
                self._odd_entry(self._place, said)
        elif said and self._place == _SUMMARY:
            self._total(said)

    def reading(self) -> Reading:
        """Return what was taken."""
        if hidden := self._outline.hidden:
            what = "comment" if hidden.end == COMMENT_ENDS else "code block"
            self._refuse(f"the {what} has no end", line=hidden.line, expected=hidden.end)
        if self._untold:
            self._problems.append(Problem(CheckName.PARSE, f"{self._untold} more lines cannot be read"))
        ledger = Ledger(tuple(self._entries), tuple(self._totals), tuple(self._problems), self._torn)
        return Reading(ledger, tuple(self._figures), self._whole)

    def _heading(self, heading: Heading) -> None:
        level, title, sure = heading
        if title in _PLACES:
            self._place, self._level = _PLACES[title], level
        elif not self._ended and any(place.startswith(title) for place in _PLACES):
            self._refuse("the heading is unfinished")
        elif sure and level <= self._level:  # a lower heading divides the section that it stands in
            self._place = None

    def _entry(self, section: Status, text: str) -> bool:
        """Take an entry as the agents write it; return whether it is one."""
        written = _AS_WRITTEN.match(text)
        if written is None:
            return False
        number, figure, client, date, word = written.groups("")
        amount, status = parse_number(figure.replace(",", "")), status_of(word)
        if amount is None or status is None:
            return False
        self._add(number, section, amount, status, word, client[:-2].strip(), date)
        return True

    def _odd_entry(self, section: Status, text: str) -> None:
        """Take what may be an entry that has passed through a person's hands."""
        body = bullet(text)
        if body is None:
            return
        quoted = _NUMBER.match(body)
        fields = _fields(body if quoted is None else body[quoted.end() :])
        if quoted is not None:
            number = quoted[1].strip()
        elif len(fields) > 1 or body[:1] == "`" or not (body or self._ended):
            number = fields.pop(0).strip(_EDGES)
        else:
            return  # a note
        figure = fields[0].strip(_EDGES) if fields else ""
        amount = parse_amount(figure.replace(_NBSP, " "))
        if not (number and fields) or (amount is None and body[0] != "`" and not _is_number(number)):
            self._refuse("the entry cannot be read", expected="`NUMBER` | $AMOUNT | ...", found=body)
            return
        number = number.replace("\\|", "|")
        client, date, word = _rest(fields)
        status = status_of(word.lower())
        if amount is None or not (status or self._ended):
            expected = "an amount such as $1,500.00"
            self._refuse("the amount cannot be read", expected=expected, found=figure, invoice=number)
            if not self._ended:
                return
        self._add(number, section, amount, status, word, client, date)

    def _add(
        self,
        number: str,
        section: Status,
        amount: Decimal | None,
        status: Status | None,
        word: str,
        client: str,
        date: str,
    ) -> None:
        known = self._known.setdefault
        client = "" if section is Status.ESCALATED else known(client, client)  # there it is the reason
        word, date = known(word, word), known(date, date)
        self._entries.append(Entry(number, section, amount, status, word, client, date, self._line))

    def _total(self, text: str) -> None:
        head, colon, tail = text.partition(":")
        name = " ".join(head.strip(_EDGES + "-+").lower().split())
        if not colon or name not in _TOTALS:
            if not self._ended and any(total.startswith(name) for total in _TOTALS):
                self._refuse("the total is unfinished")
            return
        section = _TOTALS[name]
        figure = tail.strip(_EDGES)
        amount = parse_amount(figure.replace(_NBSP, " "))
        if not self._ended and (amount is None or not _WHOLE_FIGURE.search(figure)):
            self._refuse("the total is unfinished")
            return
        start = len(text) - len(tail.lstrip(_EDGES)) if figure else len(text.rstrip("\r\n"))
        if amount is not None or len(figure.lstrip("-$").split()) <= 1:  # more words are a person's, and no figure
            self._figures.append(Figure(section, amount, self._line, start, start + len(figure)))
        if amount is not None:
            self._totals.append(Total(section, amount, self._line))
        else:
            expected = "an amount such as $1500.00"
            self._tell(Problem(CheckName.SCHEMA, f"the {name} is no amount", self._line, expected, figure[:_QUOTED]))

    def _refuse(
        self, why: str, *, line: int | None = None, expected: str = "", found: str = "", invoice: str = ""
    ) -> None:
        """Note what cannot be read. Of an end that is not yet written, only that it is missing."""
        self._whole = False
        if self._ended:
            self._tell(Problem(CheckName.PARSE, why, line or self._line, expected, found[:_QUOTED], invoice))
        else:
            self._torn = Problem(CheckName.PARSE, "the last line is unfinished", self._line)

    def _tell(self, problem: Problem) -> None:
        if len(self._problems) < PROBLEMS_KEPT:
            self._problems.append(problem)
        else:
            self._untold += 1


def _fields(text: str) -> list[str]:
    return _PIPE.split(text) if "\\" in text else text.split("|")


def _is_number(text: str) -> bool:
    return len(text.split()) == 1 and any(map(str.isdigit, text))


def _rest(fields: list[str]) -> tuple[str, str, str]:
    """Return the client (or the reason), the date and the word of the status; the first of `fields` is the amount.

    The client may hold what looks like a field: the last of each kind is the field, and a method follows its date.
    """
    found: dict[str, str] = {}
    first = len(fields)
    for at in range(len(fields) - 1, 0, -1):
        key, colon, value = fields[at].partition(":")
        kind = _FIELDS.get(key.strip(_EDGES).lower()) if colon else None
        if kind is None or kind in found or (kind == _METHOD and _DATE in found):
            continue
        found[kind] = value.strip(_EDGES)
        first = at
    client = "|".join(fields[1:first]).strip().replace("\\|", "|")
    return client, found.get(_DATE, ""), found.get(_STATUS, "")
