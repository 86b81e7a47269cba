"""The mending of any ledger: its totals are right afterwards, and no other byte has changed."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Total
from supervisor.repair import carry_out, plan, remaining
from tests.support.agency import LEDGER
from tests.support.ledgers import SECTIONS, Line, encoded, entry_line, ledger_lines, total_line

amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False)
notes = st.sampled_from(
    [
        "",
        "A note of a person.",
        "<!-- - **Paid Total:** $1.00 -->",
        "### March",
        "- call Ana, 15.000,00 or so",
        "> $1.00",
    ]
)


@st.composite
def books(draw: st.DrawFn) -> tuple[bytes, bytes, bool]:
    """Return (a ledger, the same with the right totals, whether they differ)."""
    entries = [
        entry_line(f"INV-{number}", draw(st.sampled_from(SECTIONS)), draw(amounts), who="Acme")
        for number in range(draw(st.integers(0, 6)))
    ]
    bare = ledger_lines(entries, {})
    sums: dict[Status | None, Decimal] = dict.fromkeys(SECTIONS, Decimal())
    for line in entries:
        assert line.means is not None
        assert not isinstance(line.means, Total)
        sums[line.means.section] += line.means.amount or 0
    sums[None] = sum(sums.values(), Decimal())
    wrong, right = list(bare), list(bare)
    for section in draw(st.permutations([*SECTIONS, None]))[: draw(st.integers(0, 4))]:
        written = draw(st.just(sums[section]) | amounts.map(lambda amount: amount + 1000))
        wrong.append(total_line(section, written, commas=draw(st.booleans())))
        comma = "," in wrong[-1].text
        right.append(wrong[-1] if written == sums[section] else total_line(section, sums[section], commas=comma))
    for _ in range(draw(st.integers(0, 4))):
        place, note = draw(st.integers(0, len(wrong))), Line(draw(notes))
        wrong.insert(place, note)
        right.insert(place, note)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return encoded(wrong, end), encoded(right, end), wrong != right


@given(books())
def test_the_totals_are_right_afterwards_and_no_other_byte_has_changed(books: tuple[bytes, bytes, bool]) -> None:
    wrong, right, differ = books
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / LEDGER
        path.write_bytes(wrong)
        assert bool(remaining(path, "USD")) == differ
        wanted = plan(path, "USD")
        assert bool(wanted.mends) == differ
        backup = carry_out(wanted, (Path(folder),), 0.0)
        assert path.read_bytes() == right
        assert backup.read_bytes() == wrong
        assert remaining(path, "USD") == ()
