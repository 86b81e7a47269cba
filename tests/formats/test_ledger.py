"""The ledger as agents write it and as people leave it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Entry, Ledger, Total
from supervisor.formats.ledger import parse
from tests.support.ledgers import ENTRY, INV_1, encoded, entry_line, expected, ledger_lines, under, unpaid


def one(text: str, heading: str = "## Unpaid") -> Entry:
    ledger = under(heading, text)
    assert ledger.problems == ()
    (entry,) = ledger.entries
    return entry


# --- what the agents write ---------------------------------------------------------------------------


def test_a_ledger_as_the_agents_write_it() -> None:
    lines = ledger_lines(
        [
            entry_line("INV-3", Status.ESCALATED, Decimal("80.00"), who="14 days overdue"),
            entry_line("INV-2", Status.PAID, Decimal("900.00")),
            entry_line("INV-1", Status.UNPAID, Decimal("1500.00"), who="Ñandú & Hijos"),
        ],
        {Status.UNPAID: Decimal("1500.00"), Status.PAID: Decimal("900.00"), None: Decimal("2480.00")},
    )
    ledger = parse(encoded(lines))
    assert ledger == expected(lines)
    assert [entry.line for entry in ledger.entries] == [5, 8, 11]
    assert [total.line for total in ledger.totals] == [13, 14, 15]


def test_an_empty_file_is_an_empty_ledger() -> None:
    assert parse(b"") == Ledger()


def test_a_paid_entry_without_a_method() -> None:
    entry = one("- `INV-1` | $1,800.00 | Paid: 2026-02-11 | Status: paid", "## Paid")
    assert (entry.client, entry.date, entry.status) == ("", "2026-02-11", Status.PAID)


def test_a_reason_is_no_client() -> None:
    entry = one("- `INV-1` | $1.00 | a | b | Escalated: 2026-02-11 | Status: escalated", "## Escalated")
    assert (entry.client, entry.date) == ("", "2026-02-11")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("$0.00", "0"), ("$-80.00", "-80"), ("$1500.005", "1500.005"), ("$999,999,999,999,999.99", "999999999999999.99")],
)
def test_an_amount_is_exact(text: str, amount: str) -> None:
    assert one(INV_1.replace("$1,500.00", text)).amount == Decimal(amount)


# --- what people make of it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        INV_1,
        INV_1.replace("- `", "* `"),
        INV_1.replace("- `", "+ `"),
        INV_1.replace("- `", "-`"),
        INV_1.replace("- `", "-\t`"),
        INV_1.replace("- `", "  -   `"),
        INV_1.replace("- `", "- [ ] `"),
        INV_1.replace("- `", "- [x] `"),
        INV_1.replace("`", ""),
        INV_1.replace("1` ", "1 "),
        INV_1.replace("`", "**"),
        INV_1.replace("` ", "` (see the contract) "),
        INV_1.replace("`INV-1`", "` INV-1 `"),
        INV_1.replace(" | ", "|"),
        INV_1.replace(" | ", "  |\t"),
        INV_1.replace(" ", "\u00a0"),
        INV_1 + " |",
        INV_1 + " \t",
        INV_1 + "\r",
        INV_1 + " | called on Monday",
        INV_1 + " <!-- called | 1.500,00 -->",
        INV_1.replace("Due", "<!-- Due: 2025-01-01 | --> Due"),
        INV_1.replace("$1,500.00", "**$1,500.00**"),
        INV_1.replace("$1,500.00", "$\u00a01,500.00"),
        INV_1.replace("$1,500.00", "1500.00"),
        INV_1.replace("$1,500.00", "$1.500,00"),
        INV_1.replace("Due: ", "due : "),
        INV_1.replace("Due:", "**DUE:**"),
        INV_1.replace("| Due: 2026-03-15 | Status: unpaid", "| Status: unpaid | Due: 2026-03-15"),
        INV_1.replace("| Status", "| seen by Ana: yes | Status"),
    ],
)
def test_an_entry_that_people_touched_says_the_same(text: str) -> None:
    entry = one(text)
    assert entry.client.replace("\u00a0", " ") == ENTRY.client
    assert entry == Entry(**{name: getattr(ENTRY, name) for name in ENTRY.__slots__} | {"client": entry.client})


def test_a_status_of_another_case_counts_and_is_kept_as_written() -> None:
    entry = one(INV_1.replace("Status: unpaid", "status: Pending"))
    assert (entry.status, entry.word) == (Status.UNPAID, "Pending")


@pytest.mark.parametrize(("word", "status"), [("paid", Status.PAID), ("settled", None), ("", None)])
def test_a_status_that_does_not_belong_there_is_kept(word: str, status: Status | None) -> None:
    entry = one(INV_1.replace("Status: unpaid", f"Status: {word}"))
    assert (entry.section, entry.status, entry.word) == (Status.UNPAID, status, word)


def test_an_entry_without_fields_at_its_end() -> None:
    assert one("- `INV-1` | $1,500.00") == Entry(
        "INV-1", Status.UNPAID, Decimal(1500), status=None, word="", client="", date="", line=2
    )


@pytest.mark.parametrize(
    "client",
    [
        "A | B",
        "A|B",
        "|",
        "",
        "Due: never",
        "Method: A | B",
        "Status: paid",
        "Acme | Paid: 1 | Status: x",
        "`INV-9` | $1.00",
        "back\\slash",
        "ends in \\",
        "<!-- never closed",
        "a: b",
        "-",
        "مقهى بوغوتا",
        "🧾",
        "a\u2028b",
        "## Paid",
    ],
)
def test_a_client_may_have_any_name(client: str) -> None:
    assert one(INV_1.replace("Café Bogotá S.A.S.", client)).client == client


def test_a_pipe_may_be_escaped() -> None:
    assert one(INV_1.replace("Bogotá", "\\| Bogotá")).client == "Café | Bogotá S.A.S."
    assert one(INV_1.replace("INV-1", "INV\\|1")).number == "INV|1"
    assert one("- INV\\|1 | $1.00 | A | Status: unpaid").number == "INV|1"


@pytest.mark.parametrize("number", ["INV|1", "A`B", "FV 12/26", "Ñ-1", "*", "2026"])
def test_a_number_in_backticks_may_be_anything(number: str) -> None:
    assert one(INV_1.replace("INV-1", number)).number == number


def test_a_number_of_two_words_needs_no_backticks_where_its_amount_can_be_read() -> None:
    assert one("- FV 12 | $1.00 | A | Status: unpaid").number == "FV 12"


@pytest.mark.parametrize(
    "heading",
    [
        "## Unpaid",
        "# Unpaid",
        "###### unpaid",
        "##Unpaid",
        "  ##   UNPAID  ##",
        "## **Unpaid**:",
        "##\u00a0Unpaid",
        "## Unpaid <!-- 27 -->",
        "\ufeff## Unpaid",
        "## Unpaid\r",
        "Unpaid\n======",
        "**Unpaid**\n---",
        "## ✅ Unpaid",
    ],
)
def test_a_section_is_known_by_its_heading(heading: str) -> None:
    assert [entry.number for entry in under(heading, INV_1).entries] == ["INV-1"]


@pytest.mark.parametrize(
    "heading",
    [
        "## Notes",
        "# Notes",
        "## Unpaid invoices",
        "##",
        "## ***",
        "Notes\n---",
        "Notes\n==",
        "####### Unpaid",
        "#Unpaidx",
    ],
)
def test_the_bullets_of_another_section_are_no_entries(heading: str) -> None:
    assert under(heading, INV_1, "- `x", "- **Grand Total:** $x") == Ledger()


@pytest.mark.parametrize(
    ("heading", "count"),
    [
        ("### Notes", 1),
        ("## Notes", 0),
        ("# Notes", 0),
        ("Notes\n---", 0),
        ("\n---", 1),
        ("- Notes\n---", 1),
        ("#7", 1),
    ],
)
def test_a_lower_heading_divides_its_section_and_another_ends_it(heading: str, count: int) -> None:
    assert len(under("## Unpaid", heading, INV_1).entries) == count


def test_a_section_that_comes_twice_is_one() -> None:
    ledger = parse(f"## Unpaid\n{INV_1}\n## Paid\n## Unpaid\n{INV_1}\n".encode())
    assert [(entry.section, entry.line) for entry in ledger.entries] == [(Status.UNPAID, 2), (Status.UNPAID, 5)]


@pytest.mark.parametrize(
    "text",
    [
        f"<!-- {INV_1} -->",
        f"<!--\n{INV_1}\n-->",
        f"<!-- a\n{INV_1}\nb --> {INV_1}",
        f"  <!--\n\n## Paid\n{INV_1}\n\n  -->",
        f"```\n{INV_1}\n```",
        f"~~~ text\n{INV_1}\n```\n{INV_1}\n~~~~",
        f"````\n{INV_1}\n```\n{INV_1}\n<!--\n````",
        f"<!--\n```\n-->\n<!--> {INV_1}",
        f"> {INV_1}",
        INV_1.removeprefix("- "),
        "- see the contract",
        "- [x] see the contract",
        "-",
        "***",
        "---",
        "| a | b |\n|---|---|",
        "``` `` no code",
    ],
)
def test_what_is_no_entry_says_nothing_and_ends_nothing(text: str) -> None:
    ledger = unpaid(text, INV_1)
    assert [entry.line for entry in ledger.entries] == [3 + text.count("\n")]
    assert (ledger.problems, ledger.torn) == ((), None)


# --- the Summary -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "- **Unpaid Total:** $1500.00",
        "- **Unpaid Total:** $1,500.00",
        "- **Unpaid Total**: $1500.00",
        "- **Unpaid Total: $1500.00**",
        "- Unpaid Total: $1500.00",
        "* unpaid total : **1500.00**",
        "+   UNPAID\u00a0TOTAL:$1500.00 \r",
        "**Unpaid Total:** $1.500,00",
        "__Unpaid  Total:__ $\u00a01500.00",
        "- **Unpaid Total:** $1500.00 <!-- 1.400,00 -->",
    ],
)
def test_a_total_is_known_by_its_name(text: str) -> None:
    assert under("## Summary", text) == Ledger(totals=(Total(Status.UNPAID, Decimal(1500), 2),))


def test_every_total_has_its_section() -> None:
    names = ["Unpaid", "Paid", "Escalated", "Grand"]
    ledger = under("## Summary", "", *(f"- **{name} Total:** $1.00" for name in names))
    assert [(total.section, total.line) for total in ledger.totals] == [
        (Status.UNPAID, 3),
        (Status.PAID, 4),
        (Status.ESCALATED, 5),
        (None, 6),
    ]


def test_what_is_no_total_says_nothing() -> None:
    ledger = under("## Summary", INV_1, "- Review Total: $1.00", "Grand Total $1.00", "- total: 5", "Unpaid", "-", "")
    assert ledger == Ledger()


@pytest.mark.parametrize("figure", ["$nan", "", "$1,500", "about $1,500.00 or so", "1,500,00"])
def test_a_total_that_is_no_amount_is_a_problem(figure: str) -> None:
    ledger = under("## Summary", f"- **Grand Total:** {figure}")
    assert ledger.totals == ()
    assert ledger.problems == (
        Problem(CheckName.SCHEMA, "the grand total is no amount", 2, "an amount such as $1500.00", figure),
    )


def test_a_total_that_comes_twice_is_kept_twice() -> None:
    ledger = under("## Summary", *["- **Paid Total:** $1.00"] * 2)
    assert [total.line for total in ledger.totals] == [2, 3]
