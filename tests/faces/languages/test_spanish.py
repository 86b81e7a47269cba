"""Nothing that the page says is without its Spanish, and nothing has Spanish that the page does not say."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from supervisor.domain import records
from supervisor.domain.findings import CheckName
from supervisor.faces.languages import spanish, spanish_told
from supervisor.faces.languages.language import language
from supervisor.faces.lines import TIMES
from supervisor.faces.story import EVENTS, tell
from supervisor.ports import Row
from tests.faces.fleets import NOW
from tests.faces.languages.catalogue import fragments, page_texts
from tests.faces.pages import PAGES
from tests.faces.test_dashboard import Reader

SPANISH = language("es", "America/Bogota")
GAP = re.compile(r"\{(\w+)\}")
NESTED = {
    "old": ("healthy", "sano"),
    "new": ("stopped", "detenido"),
    "state": ("paid", "pagado"),
    "kind": ("test", "prueba"),
}
FILLED = {
    **NESTED,
    **dict.fromkeys(("reason", "detail", "what"), ("heartbeat in time", "latido a tiempo")),
    "span": ("1.5 s", "1,5 s"),
    "money": ("-1,500.00 USD", "-US$1.500,00"),
    "other_money": ("2,000.50 COP", "$2.000,50"),
    "check": ("amount_mismatch", "montos distintos"),
}

FORMATS = "_lines", "_spots", "activity", "eventlog", "invoice", "ledger", "queue"
MADE_HERE = [
    *(f"domain/{name}" for name in ("attempts", "findings", "gate", "health", "index", "mending", "pausing", "vitals")),
    *(f"checks/{check.value}" for check in CheckName),
    *("checks/_problems", "checks/_words", "checks/_totals", "checks/_invoices"),
    *(f"formats/{name}" for name in FORMATS),
    *(f"runtime/{name}" for name in ("bookreader", "eventreader", "outbox", "verdict")),
]
"""Where the sentences are made that the page passes on."""

NOT_SHOWN = {
    # lines of the ledger itself; complaints that are caught; what tells one finding from another
    *("collections ledger", "unpaid total", "paid total", "escalated total", "grand total"),
    "double payment",
    "the checksum is wrong, or is of a text that only Python writes like this",
    "no time",
    "tells no amount",
    "no channel",
}


def test_every_text_of_the_page_has_its_spanish_and_there_is_no_other() -> None:
    said_by_the_page = page_texts()
    assert said_by_the_page - spanish.TEXTS.keys() == set()
    assert spanish.TEXTS.keys() - said_by_the_page == set()


@pytest.mark.parametrize("texts", [spanish.TEXTS, spanish_told.PHRASES], ids=["page", "told"])
def test_a_translation_has_the_gaps_and_the_elements_of_the_text(texts: dict[str, str]) -> None:
    for english, other in texts.items():
        assert sorted(GAP.findall(english)) == sorted(GAP.findall(other)), english
        assert re.findall("</?[a-z]+>", english) == re.findall("</?[a-z]+>", other), english


@pytest.mark.parametrize("module", MADE_HERE)
def test_every_sentence_that_is_passed_on_has_its_spanish(module: str) -> None:
    known = [*spanish_told.PHRASES, *spanish.TEXTS]
    missing = [
        said for said in fragments(f"{module}.py") if said not in NOT_SHOWN and not any(said in one for one in known)
    ]
    assert missing == []


@pytest.mark.parametrize("english", spanish_told.PHRASES)
def test_every_phrase_finds_its_own_translation(english: str) -> None:
    words = {gap: FILLED.get(gap, (f"X{gap}", f"X{gap}")) for gap in GAP.findall(english)}
    said = english.format(**{gap: one for gap, (one, _) in words.items()})
    told = spanish_told.PHRASES[english].format(**{gap: other for gap, (_, other) in words.items()})
    assert SPANISH.tell(said) == told


ENGLISH = re.compile(
    r"\b(the|an|of|is|are|was|were|not|has|have|had|been|with|from|that|which|this|it|its|and|or|but|for|since|until|"
    r"after|ago|every|agents?|heartbeats?|restart(?:ed)?|incidents?|miss(?:es)?|waits?|healthy|unhealthy|unpaid|paid|"
    r"opened|failed|started|told|file|invoices?|ledger|queues?|money|days?)\b",
    re.IGNORECASE,
)


def test_no_english_word_is_left_on_a_spanish_page() -> None:
    text = re.sub(r"/\S+|supervisor \w+", "", Reader(PAGES["spanish"]()).text)  # less files and commands
    for data in DATA:
        text = text.replace(data, "")
    assert sorted(set(ENGLISH.findall(text))) == []


DATA = (
    # what people and agents wrote, names, commands to type
    "connection refused",
    "SMTP refused the login",
    "collections-emailer",
    "payment-watcher",
    "stray-agent",
    "invoice-scanner",
    "Unpaid",  # a heading of the ledger
)
KINDS = [cls for cls in records.every() if cls.event() in EVENTS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event())
@pytest.mark.parametrize("full", [True, False], ids=["full", "bare"])
def test_everything_that_happened_is_told_in_spanish(kind: type[records.Record], full: bool) -> None:
    """Of each kind of record with all its fields, and with those only that it must have."""
    (line,) = tell([Row(NOW, kind.event(), "x", "i1", _fields(kind, full=full))], 1, SPANISH)
    (english,) = tell([Row(NOW, kind.event(), "x", "i1", _fields(kind, full=full))], 1, language("en", "UTC"))
    assert ENGLISH.findall(line.text) == []
    assert line.text != english.text or kind in {records.HealthChanged, records.FindingOpened}


def _fields(kind: type[records.Record], *, full: bool) -> dict[str, Any]:
    samples = {"str": "x1", "int": 3, "float": 90.5, "bool": True}
    known: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if full or needed:
            bare = str(field.type).split(" | ")[0]
            known[field.name] = "2026-02-17T14:03:11Z" if field.name in TIMES else samples.get(bare, [])
    return known
