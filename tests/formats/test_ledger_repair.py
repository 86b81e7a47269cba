from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.formats.amount import parse_amount
from supervisor.formats.ledger import parse
from supervisor.formats.ledger_repair import sums, with_totals
from tests.formats.test_ledger_properties import adversaries, edited, ledgers
from tests.support.ledgers import SECTIONS, Line, encoded, entry_line, ledger_lines

ALL = [*SECTIONS, None]
exact = st.integers(0, 30).flatmap(
    lambda places: st.decimals(min_value=-(10**14), max_value=10**14, places=places, allow_nan=False)
)
figures = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.sampled_from(["$", "$ ", ""]),
    st.sampled_from(["1", "12", "123", "1234", "0"]),
    st.sampled_from(["", ",000", ".000", ",000,000", ".000.000"]),
    st.sampled_from(["", ".00", ",00", ".5", ",5", ".1234"]),
    st.sampled_from(["", "**", " <!-- 1.500,00 -->", "\r", " \u00a0"]),
) | st.sampled_from(["$nan", "", "?", "TBD"])


def summary(figure: str) -> bytes:
    return f"## Summary\n- **Grand Total:** {figure}\n".encode()


def mended(figure: str, total: str) -> str:
    data = with_totals(summary(figure), {None: Decimal(total)})
    return data.decode().removeprefix("## Summary\n- **Grand Total:** ").removesuffix("\n")


# --- style -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "total", "new"),
    [
        ("$1500.00", "681398.27", "$681398.27"),
        ("$1,500.00", "681398.27", "$681,398.27"),
        ("$1.500,00", "681398.27", "$681.398,27"),
        ("$1500,00", "681398.27", "$681398,27"),
        ("$1,500,000", "1398.2", "$1,398.20"),
        ("$1.500.000", "1398", "$1.398,00"),
        ("1500.00", "2", "2.00"),
        ("$ 1500.00", "2", "$ 2.00"),
        ("$\u00a01500.00", "2", "$\u00a02.00"),
        ("$1500", "1e3", "$1000.00"),
        ("$1500.00", "-80", "$-80.00"),
        ("-$1500.00", "-80", "-$80.00"),
        ("-$1500.00", "80", "$80.00"),
        ("$-1500.00", "80", "$80.00"),
        ("-1500.00", "-80", "-80.00"),
        ("$1500.00", "1.234", "$1.2340"),
        ("$1500.00", "1234.56789", "$1234.56789"),
        ("$1500.00", "1500", "$1500.00"),
        ("$1500", "1500.00", "$1500"),
        ("$nan", "1500", "$1500.00"),
        ("$1,500", "1500", "$1500.00"),
        ("", "1500", "$1500.00"),
        ("**$1500.00**  \r", "2", "**$2.00**  \r"),
        ("<!-- 1.500,00 --> $1500.00<!-- or so -->", "2", "<!-- 1.500,00 --> $2.00<!-- or so -->"),
    ],
)
def test_a_figure_is_mended_in_its_own_style(figure: str, total: str, new: str) -> None:
    assert mended(figure, total) == new


@pytest.mark.parametrize("line", [b"- **Grand Total:**", b"Grand Total:\r", b"- Grand Total: <!-- none -->"])
def test_a_figure_that_is_missing_is_written(line: bytes) -> None:
    data = with_totals(b"## Summary\n" + line + b"\n", {None: Decimal(5)})
    assert [total.amount for total in parse(data).totals] == [Decimal(5)]
    assert b": $5.00" in data or b":** $5.00" in data or b"--> $5.00" in data


@pytest.mark.parametrize("figure", ["about $1,500.00 or so", "$1500.00 and more", "$15 <!-- --> 00"])
def test_a_sentence_is_no_figure(figure: str) -> None:
    assert mended(figure, "5") == figure


@given(figures, exact)
def test_what_is_written_is_read_again_exactly(figure: str, total: Decimal) -> None:
    data = with_totals(summary(figure), {None: total})
    assert [found.amount for found in parse(data).totals] == [total]


@pytest.mark.parametrize("total", ["NaN", "Infinity", "1e15", "-1e15", "1e999999", "1e-31"])
def test_a_total_that_nobody_could_read_is_refused(total: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a ledger"):
        with_totals(summary("$1.00"), {None: Decimal(total)})


# --- nothing else is touched -------------------------------------------------------------------------


@given(ledgers.flatmap(edited) | ledgers, st.dictionaries(st.sampled_from(ALL), exact), st.sampled_from(["\n", "\r\n"]))
def test_only_the_figures_of_the_summary_change(lines: list[Line], new: dict[Status | None, Decimal], end: str) -> None:
    data = encoded(lines, end)
    before, after = parse(data), parse(changed := with_totals(data, new))
    assert [(total.section, total.line) for total in after.totals] == [
        (total.section, total.line) for total in before.totals
    ]
    for old, total in zip(before.totals, after.totals, strict=True):
        assert total.amount == new.get(old.section, old.amount)
    assert (after.entries, after.problems, after.torn) == (before.entries, before.problems, before.torn)
    mended_lines = {old.line for old in before.totals if new.get(old.section, old.amount) != old.amount}
    pairs = zip(data.split(b"\n"), changed.split(b"\n"), strict=True)
    assert {number for number, (old, now) in enumerate(pairs, 1) if old != now} == mended_lines
    assert with_totals(changed, new) == changed


@given(adversaries, exact)
def test_of_any_file_nothing_else_changes(data: bytes, amount: Decimal) -> None:
    new = dict.fromkeys(ALL, amount)
    changed = with_totals(data, new)
    before, after = parse(data), parse(changed)
    assert {total.amount for total in after.totals} <= {amount}
    assert {total.line for total in before.totals} <= {total.line for total in after.totals}
    assert (after.entries, after.torn) == (before.entries, before.torn)
    figures = {total.line for total in after.totals}
    pairs = zip(data.split(b"\n"), changed.split(b"\n"), strict=True)
    assert {number for number, (old, now) in enumerate(pairs, 1) if old != now} <= figures


def test_lines_that_are_missing_are_not_invented() -> None:
    data = b"\xef\xbb\xbf## Unpaid\r\n- `INV-1` | $5.00 | A | Status: unpaid\r\n## Summary\r\n- Paid Total: $1.00\r\n"
    new = dict.fromkeys(ALL, Decimal(7))
    assert with_totals(data, new) == data.replace(b"$1.00", b"$7.00")
    assert with_totals(data.partition(b"## Summary")[0], new) == data.partition(b"## Summary")[0]


def test_a_total_that_is_not_given_stays() -> None:
    data = b"## Summary\n- Paid Total: $1.00\n- Grand Total: $2.00\n"
    assert with_totals(data, {None: Decimal(7)}) == data.replace(b"$2.00", b"$7.00")
    assert with_totals(data, {}) == data


def test_an_end_that_is_torn_stays() -> None:
    data = b"## Summary\n- Grand Total: $2."
    assert with_totals(data, {None: Decimal(7)}) == data


# --- sums --------------------------------------------------------------------------------------------


def test_the_sums_are_those_of_the_entries_as_they_stand() -> None:
    lines = ledger_lines(
        [
            entry_line("INV-1", Status.UNPAID, Decimal("1500.00"), who="A"),
            entry_line("INV-1", Status.UNPAID, Decimal("1500.00"), who="A"),
            entry_line("INV-2", Status.PAID, Decimal("-0.01")),
        ],
        {},
    )
    assert sums(encoded(lines)) == {
        Status.UNPAID: Decimal("3000.00"),
        Status.PAID: Decimal("-0.01"),
        Status.ESCALATED: 0,
        None: Decimal("2999.99"),
    }


def test_a_sum_is_exact() -> None:
    tiny, huge = "0." + "0" * 29 + "1", "999999999999999"
    data = "".join(f"- `{n}` | ${amount} | A | Status: unpaid\n" for n, amount in enumerate([huge, tiny, huge]))
    assert parse_amount(tiny) is not None
    assert sums(f"## Unpaid\n{data}".encode())[None] == Decimal(f"1999999999999998.{'0' * 29}1")


@given(ledgers.flatmap(edited))
def test_a_ledger_that_is_mended_by_its_sums_agrees_with_itself(lines: list[Line]) -> None:
    data = encoded(lines)
    due = sums(data)
    ledger = parse(with_totals(data, due))
    assert all(total.amount == due[total.section] for total in ledger.totals)
    assert due[None] == sum(due[section] for section in SECTIONS)


@pytest.mark.parametrize(
    "line",
    [
        b"- `INV-2` | $nan | A | Due: x | Status: unpaid\n",
        b"- `INV-2\n",
        b"\xff\n",
        b"<!-- never closed\n",
        b"- `INV-2` | $1.0",
    ],
)
def test_no_total_is_drawn_under_a_page_that_cannot_be_read_whole(line: bytes) -> None:
    page = b"## Unpaid\n- `INV-1` | $5.00 | A | Due: x | Status: unpaid\n"
    assert sums(page)[None] == 5
    assert sums(page + line) == {}


def test_a_figure_of_the_summary_that_cannot_be_read_does_not_matter() -> None:
    assert sums(summary("$nan"))[None] == 0
