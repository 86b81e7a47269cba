"""The ledger's reader against what agents write, what people make of it, and what nobody should."""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from types import FrameType
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.domain.ledger import Entry, Ledger
from supervisor.formats.ledger import PROBLEMS_KEPT, parse
from supervisor.formats.ledger_repair import with_totals
from tests.support.ledgers import SECTIONS, Line, encoded, entry_line, expected, ledger_lines, total_line

INV_9 = "- `INV-9` | $9.00 | Nobody | Due: 2026-03-15 | Status: unpaid"

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\n")
pieces = [
    "|",
    " | ",
    "`",
    "`INV-9` | $9.00",
    "<!--",
    "-->",
    "Due: 2026",
    "Status: paid",
    "Method:",
    "\\",
    "**",
    "- ",
    "\u202e",
    "$",
]
names = st.one_of(
    st.text(characters, max_size=20), st.lists(st.sampled_from(pieces) | st.text(characters, max_size=3)).map("".join)
).filter(lambda text: "\\|" not in text)
numbers = st.one_of(
    st.integers(0, 9999).map("INV-2026-{:05}".format),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n`"), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: text and "\\|" not in text),
)
money = st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False)


def has_comment(text: str) -> bool:
    return "-->" in text.partition("<!--")[2]


entries = st.builds(
    lambda number, section, amount, who: entry_line(number, section, amount, who=who),
    numbers,
    st.sampled_from(SECTIONS),
    money,
    names,
).filter(lambda line: not has_comment(line.text))
totals = st.dictionaries(st.sampled_from([*SECTIONS, None]), money)
ledgers = st.builds(ledger_lines, st.lists(entries, max_size=8), totals)


# --- round trips -------------------------------------------------------------------------------------


@given(ledgers)
def test_what_the_agents_write_is_read_back(lines: list[Line]) -> None:
    assert parse(encoded(lines)) == expected(lines)


SAYS_NOTHING = [
    [""],
    [" \t\u00a0"],
    ["Reviewed by Ana: 1.500,00"],
    ["<!-- 1.500,00 | a comment -->"],
    ["<!--", INV_9, "## Paid", "- **Grand Total:** $9.00", "-->"],
    ["```", INV_9, "# Paid", "```"],
    ["###### Café Bogotá"],
    ["- see the contract"],
    ["    - called on Monday"],
    ["> " + INV_9],
    ["***"],
    ["| a | b |", "|---|---|"],
    ["#urgent"],
]
OTHER_SECTION = [["# Notes", INV_9, "- **Grand Total:** $9.00"], ["Notes", "===", INV_9, ""], ["# Ideas", "- `x"]]


@st.composite
def edited(draw: st.DrawFn, lines: list[Line]) -> list[Line]:
    """What people have made of the ledger, without changing what it says."""
    made: list[Line] = []
    for line in lines:
        blocks = draw(st.lists(st.sampled_from(SAYS_NOTHING), max_size=2))
        if line.text.startswith("## ") and draw(st.booleans()):
            blocks.append(draw(st.sampled_from(OTHER_SECTION)))
        made += [Line(text) for block in blocks for text in block]
        made.append(Line(draw(restyled(line)), line.means))
    return made


def restyled(line: Line) -> st.SearchStrategy[str]:
    text, means = line.text, line.means
    if isinstance(means, Entry):
        bullets = st.sampled_from(["- ", "* ", "+ ", "  -  ", "-", "- [ ] "])
        ends = st.sampled_from(["", " ", " |", " | seen by Ana", " <!-- 1.500,00 -->"])
        if has_comment(text + "-->"):
            ends = st.just("")
        body = text.removeprefix("- ")
        bodies = [body]
        if means.number.startswith("INV-"):
            bodies.append(body.replace("`", "", 2))
            bullets = bullets.filter(lambda bullet: bullet != "-")
        return st.tuples(bullets, st.sampled_from(bodies), ends).map("".join)
    if means is not None:
        other = total_line(means.section, means.amount, commas=True).text
        return st.sampled_from([text, other, text.replace("*", ""), text.upper(), f"{text} <!-- 1,00 -->", text[2:]])
    if text.startswith("## "):
        title = text.removeprefix("## ")
        return st.sampled_from(
            [text, f"# {title}", f"##{title.upper()} ##", f"### **{title}**:", f"{title}\u00a0\n---"]
        )
    return st.just(text)


@given(ledgers.flatmap(edited), st.sampled_from(["\n", "\r\n"]), st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_what_people_made_of_it_says_the_same(lines: list[Line], end: str, mark: bytes) -> None:
    lines = [  # a heading that became two lines
        Line(part, line.means) for line in lines for part in line.text.split("\n")
    ]
    assert parse(mark + encoded(lines, end)) == expected(lines)


# --- half a file -------------------------------------------------------------------------------------


@given(ledgers, st.data())
def test_a_ledger_that_is_cut_off_says_less_and_nothing_else(lines: list[Line], data: st.DataObject) -> None:
    assume(not any(":" in line.means.client for line in lines if isinstance(line.means, Entry)))  # a field in a name
    assume(not any("overdue:" in line.text for line in lines))
    text, whole = encoded(lines), expected(lines)
    part = parse(text[: data.draw(st.integers(0, len(text)))])
    assert part.problems == ()
    assert part.entries == whole.entries[: len(part.entries)]
    assert part.totals == whole.totals[: len(part.totals)]


# --- whatever there is -------------------------------------------------------------------------------

TOKENS = [
    *(
        "# ",
        "## ",
        "#",
        "Unpaid",
        "Paid",
        "Summary",
        "\n",
        "\r\n",
        "\n- ",
        "- `",
        "`",
        "|",
        " | ",
        "\\",
        "\\|",
        "<!--",
        "-->",
    ),
    *(
        "```",
        "~~~",
        "---",
        "===",
        "**",
        "Unpaid Total:",
        "Grand Total:",
        "Due:",
        "Status: ",
        "unpaid",
        "$1,500.00",
        "$",
    ),
    *(
        "\ufeff",
        "\u00a0",
        "\u2028",
        "İ",
        "\0",
        "1.500",
        ",",
        "[ ] ",
        "INV-1",
        "\n- `INV-1` | $1.00 | A | Due: 1 | Status: paid",
    ),
]
adversaries = st.one_of(
    st.binary(),
    st.lists(st.sampled_from(TOKENS)).map(lambda tokens: ("## Unpaid\n" + "".join(tokens)).encode()),
    st.lists(st.sampled_from([token.encode() for token in TOKENS]) | st.binary(max_size=3)).map(b"".join),
    st.lists(st.sampled_from(TOKENS)).map(lambda tokens: ("## Summary\n" + "".join(tokens)).encode()),
)


def keeps_its_word(ledger: Ledger, data: bytes) -> None:
    lines = [entry.line for entry in ledger.entries]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= data.count(b"\n") + 1 for line in lines)
    told = {problem.line for problem in ledger.problems}
    assert {entry.line for entry in ledger.entries if entry.amount is None} <= told
    assert all(entry.number == entry.number.strip() != "" for entry in ledger.entries)
    assert all(len(problem.found) <= 80 for problem in ledger.problems)
    assert ledger.torn is None or not data.endswith(b"\n")


@given(adversaries)
@example(b"- `\xc3")
@example("\ufeff".encode())
def test_nothing_raises(data: bytes) -> None:
    keeps_its_word(parse(data), data)
    with_totals(data, dict.fromkeys([*SECTIONS, None], Decimal("1.00")))


# --- work and room -----------------------------------------------------------------------------------


def many(section: str, line: str, count: int) -> bytes:
    return f"## {section}\n{line * count}".encode()


FLOODS: dict[str, Callable[[int], bytes]] = {
    "entries": lambda n: many("Unpaid", f"{INV_9}\n", n),
    "odd entries": lambda n: many("Unpaid", "* INV-9 | 9,00 | A\\|B | Due: x\n", n),
    "problems": lambda n: many("Unpaid", "- `x\n", n),
    "totals": lambda n: many("Summary", "- **Paid Total:** $1.00\n", n),
    "comments": lambda n: many("Unpaid", "<!--\n-->\n", n),
    "headings": lambda n: many("Unpaid", "# a\nb\n===\n", n),
    "fences": lambda n: many("Unpaid", "```\n", n),
    "no text": lambda n: b"\xff\0\n" * n,
}


def steps(work: Callable[[], object]) -> int:
    """Return how many lines of Python `work` runs through; the instructions themselves 3.12 counts wrongly at times."""
    count = 0

    def trace(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_twice_the_lines_are_twice_the_work(flood: Callable[[int], bytes]) -> None:
    n = PROBLEMS_KEPT + 100  # beyond what changes the road
    one, two, four = (steps(lambda size=size: parse(flood(n * size))) for size in (1, 2, 4))
    assert four - two == pytest.approx(2 * (two - one), rel=0.02)


LONG_LINES = [
    *(
        "<!--",
        "-->",
        "<!-- -->",
        "<!-->",
        "`",
        "``",
        "` ",
        "` | ",
        "|",
        " |",
        "\\",
        "\\|",
        " ",
        "\t",
        "-",
        "- ",
        "* ",
        "*",
        "=",
    ),
    *(
        "~",
        "#",
        "# ",
        "a",
        "a ",
        "1",
        "1 ",
        "1,",
        ".",
        "$",
        ":",
        "Status:",
        "|Status:",
        "|Due: x",
        "_",
        "\u00a0",
        "é",
        "İ",
    ),
]
STARTS = [
    "",
    "- ",
    "- `",
    "- `a` | ",
    "- `a` | $1.00 | ",
    "- a|",
    "#",
    "## ",
    "```",
    "~~~",
    "Grand Total:",
    "- **Grand Total:** $",
]


def seconds(data: bytes) -> float:
    """Return the time of the processor that the reader takes."""
    taken = []
    for _ in range(3):
        begin = time.thread_time()
        parse(data)
        taken.append(time.thread_time() - begin)
    return min(taken)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("section", ["Unpaid", "Summary"])
def test_a_line_eight_times_as_long_is_not_sixty_four_times_the_work(start: str, section: str) -> None:
    """What runs in C takes no instructions of Python: only its time can show that no expression goes astray."""
    for piece in LONG_LINES:
        short, long = (f"## {section}\n{start}{piece * (size // len(piece))}x".encode() for size in (10_000, 80_000))
        assert seconds(long) < 24 * max(seconds(short), 0.0001), piece


def room(work: Callable[[], object]) -> int:
    """Return how many bytes `work` needs at once."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_memory_is_bounded_by_the_size_of_the_file(flood: Callable[[int], bytes]) -> None:
    data = flood(8_000)
    assert room(lambda: parse(data)) < 16 * len(data) + 1_000_000


def floor(data: bytes) -> list[Entry]:
    """The least that any reader does: split the lines, and make the values."""
    return [
        Entry(number, Status.UNPAID, Decimal(amount.strip(" $").replace(",", "")), Status.UNPAID, word, client, date, 1)
        for number, amount, client, date, word in (
            line.split("|") for line in data.decode().split("\n") if line[:1] == "-"
        )
    ]


def test_a_hundred_thousand_entries_take_a_few_times_the_least_that_a_reader_does() -> None:
    numbers = range(100_000)
    text = "".join(
        f"- `INV-{n}` | ${n:,}.{n % 100:02} | Client {n % 999} | Due: 2026-03-15 | Status: unpaid\n" for n in numbers
    )
    data = f"## Unpaid\n{text}".encode()
    ratios = []
    for _ in range(2):
        begin = time.thread_time()
        floor(data)
        middle = time.thread_time()
        found = parse(data).entries
        ratios.append((time.thread_time() - middle) / (middle - begin))
    assert [entry.line for entry in found] == [n + 2 for n in numbers]
    assert sum(entry.amount or 0 for entry in found) == sum(numbers) + Decimal(sum(n % 100 for n in numbers)) / 100
    assert min(ratios) < 4, ratios
