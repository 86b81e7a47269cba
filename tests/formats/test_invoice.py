from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Invoice, Status
from supervisor.formats.invoice import LIMIT, Place, parse, shelf

NOON = datetime(2026, 2, 11, 12, 0, tzinfo=UTC).timestamp()

PAID: dict[str, Any] = {
    "client": "acme-corporation",
    "client_name": "Acme Corporation",
    "invoice_number": "INV-7",
    "number": "INV-7",
    "email": "pagos@ñandú.example",
    "amount": 3200.5,
    "currency": "COP",
    "due_date": "2026-03-15",
    "status": "paid",
    "confidence": 0.94,
    "scanned_at": "2026-02-01T08:00:00",
    "paid_at": "2026-02-11T12:00:00",
    "payment": {"method": "transfer", "amount": 3200.5, "source_file": "p.pdf", "detected_at": "2026-02-11T11:00:00Z"},
    "_updated_at": "2026-02-11T12:00:00.196109",
    "_version": "1.0",
}


def checksum(document: dict[str, Any]) -> str:
    """Return what the agents compute."""
    bare = {key: value for key, value in document.items() if not key.startswith("_")}
    return hashlib.sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def written(document: Any, **keys: Any) -> bytes:
    """Return what the agents write."""
    return json.dumps(document | keys if keys else document, indent=2).encode()


def read(data: bytes, *, stem: str = "INV-1", folder: str = "acme") -> tuple[Invoice, tuple[Problem, ...]]:
    parsed = parse(data, stem=stem, folder=folder, currency="USD")
    assert parsed.invoice is not None
    return parsed.invoice, parsed.problems


def sound(data: bytes) -> Invoice:
    invoice, problems = read(data)
    assert problems == ()
    return invoice


def only_problem(data: bytes) -> tuple[Invoice, Problem]:
    invoice, (problem,) = read(data)
    return invoice, problem


def line(data: bytes, text: str) -> int:
    """Return the line on which `text` stands for the last time."""
    return data.decode()[: data.decode().rindex(text)].count("\n") + 1


# --- what is sound -----------------------------------------------------------------------------------


def test_everything_that_an_agent_says_of_a_paid_invoice() -> None:
    invoice = sound(written(PAID, _checksum=checksum(PAID)))
    assert invoice == Invoice(
        number="INV-7",
        client="acme-corporation",
        amount=Decimal("3200.5"),
        currency="COP",
        status=Status.PAID,
        word="paid",
        paid_at=NOON,
        detected_at=NOON - 3600,
        paid_amount=Decimal("3200.5"),
    )


def test_what_is_not_said_comes_from_the_files_place_and_the_configuration() -> None:
    assert sound(b'{"amount": 80, "status": "pending"}') == Invoice(
        "INV-1", "acme", Decimal(80), "USD", Status.UNPAID, "pending"
    )


@pytest.mark.parametrize("empty", [None, ""])
def test_what_is_empty_is_not_said(empty: str | None) -> None:
    optional = dict.fromkeys(("invoice_number", "number", "id", "client", "client_name", "currency", "email"), empty)
    invoice = sound(written({"amount": 80, "status": "unpaid", **optional, "payment": None, "paid_at": None}))
    assert (invoice.number, invoice.client, invoice.currency) == ("INV-1", "acme", "USD")


@pytest.mark.parametrize(
    ("keys", "number", "client"),
    [
        ({"invoice_number": "a", "number": "b", "id": "c", "client": "d", "client_name": "e"}, "a", "d"),
        ({"number": "b", "id": "c", "client_name": "e"}, "b", "e"),
        ({"id": "c"}, "c", "acme"),
    ],
)
def test_the_first_key_that_names_it_counts(keys: dict[str, str], number: str, client: str) -> None:
    invoice = sound(written({"amount": 1, "status": "unpaid"}, **keys))
    assert (invoice.number, invoice.client) == (number, client)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("unpaid", Status.UNPAID),
        ("pending", Status.UNPAID),
        ("paid", Status.PAID),
        ("escalated", Status.ESCALATED),
        ("review", Status.REVIEW),
        ("in_review", Status.REVIEW),
    ],
)
def test_the_words_of_a_status(word: str, status: Status) -> None:
    invoice = sound(written({"amount": 1, "status": word}))
    assert (invoice.status, invoice.word) == (status, word)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (b"3000", "3000"),
        (b"1500.005", "1500.005"),
        (b"1e3", "1000"),
        (b"0", "0"),
        (b"0.1", "0.1"),
        (b"0.30000000000000004", "0.30000000000000004"),
        (b'"1,500.00"', "1500"),
        (b'"$1,500.00"', "1500"),
        (b'"1.500,00"', "1500"),
        (b'"\\u0024 80"', "80"),
    ],
)
def test_an_amount_is_exact(text: bytes, amount: str) -> None:
    data = b'{"status": "paid", "amount": %s, "payment": {"amount": %s}}' % (text, text)
    invoice = sound(data)
    assert (invoice.amount, invoice.paid_amount) == (Decimal(amount), Decimal(amount))


def test_a_currency_may_be_written_small() -> None:
    assert sound(b'{"amount": 1, "status": "paid", "currency": "eur"}').currency == "EUR"


def test_many_invoices_share_their_words() -> None:
    one, other = (
        sound(b'{"amount": 1, "status": "unpaid", "client": "acme corp", "currency": "EUR"}') for _ in range(2)
    )
    assert one.client is other.client
    assert one.currency is other.currency
    assert one.word is other.word


# --- what is wrong in a document ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("true", "true"),
        ("null", "null"),
        ('{"a": 1}', "an object"),
        ("[[1], 2]", "a list"),
        ("1e999999", "1e999999"),
        ("1e-999999", "1e-999999"),
        ("1000000000000000", "1000000000000000"),
        ('"1.500"', '"1.500"'),
        ('"1,500"', '"1,500"'),
        ('"NaN"', '"NaN"'),
        ('"80 USD"', '"80 USD"'),
        ('"\\ud800"', '"\\ud800"'),
        ('""', '""'),
        ("9" * 100_000, "9" * 80),
        ('"' + "x" * 5000 + '"', '"' + "x" * 79),
    ],
)
def test_what_is_no_amount_is_said_and_not_guessed(text: str, found: str) -> None:
    invoice, problem = only_problem(f'{{\n"status": "paid",\n"amount": {text}\n}}'.encode())
    assert (invoice.amount, invoice.status) == (None, Status.PAID)
    assert problem == Problem(
        CheckName.SCHEMA,
        "amount is not an amount of at most 15 digits, such as 1500.00",
        3,
        "an amount of at most 15 digits, such as 1500.00",
        found,
        "INV-1",
    )


def test_a_negative_amount_is_kept_and_told() -> None:
    invoice, problem = only_problem(b'{"amount": -80.50, "status": "unpaid", "number": "N-1"}')
    assert invoice.amount == Decimal("-80.50")
    assert (problem.message, problem.found) == ("amount is not zero or more", "-80.50")
    assert problem.invoice == "N-1"


def test_what_must_be_there_and_is_not() -> None:
    invoice, problems = read(b"{}")
    assert (invoice.amount, invoice.status, invoice.word) == (None, None, "")
    assert [(problem.check, problem.message, problem.line, problem.found) for problem in problems] == [
        (CheckName.SCHEMA, "amount is missing", None, "nothing"),
        (CheckName.SCHEMA, "status is missing", None, "nothing"),
    ]


def test_an_unknown_status_names_the_known_ones() -> None:
    invoice, problem = only_problem(b'{"amount": 1,\n "status": "Paid"}')
    assert (invoice.status, invoice.word) == (None, "Paid")
    assert (problem.line, problem.found) == (2, '"Paid"')
    assert problem.expected == "one of unpaid, pending, paid, escalated, review, in_review"


def test_a_currency_that_is_none_stays_apart_from_the_others() -> None:
    invoice, problem = only_problem(b'{"amount": 1, "status": "paid", "currency": "pesos"}')
    assert invoice.currency == "pesos"
    assert (problem.expected, problem.found) == ("an ISO 4217 code, such as USD", '"pesos"')


@pytest.mark.parametrize("value", ["yesterday", "2026-02-30T00:00:00", "2026-02-11", 12, -1.5, math.nan, 1e300])
def test_a_time_that_is_none_is_told_and_left_out(value: Any) -> None:
    data = written(PAID | {"paid_at": value, "payment": {"amount": 1, "detected_at": value}})
    invoice, problems = read(data)
    assert (invoice.paid_at, invoice.detected_at) == (None, None)
    assert [(one.line, one.expected, one.found) for one in problems] == [
        (line(data, '"paid_at"'), "an RFC 3339 time", json.dumps(value)),
        (line(data, '"detected_at"'), "an RFC 3339 time", json.dumps(value)),
    ]


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        *[
            ((key,), value)
            for key in ("invoice_number", "number", "id", "client", "client_name", "currency", "due_date", "email")
            for value in (17, True, ["a"], {"a": "b"}, "x" * 257, "half \ud800")
        ],
        *[(("status",), value) for value in (17, False, ["a"], "x" * 257)],
        *[(("confidence",), value) for value in ("0.9", True, [0.9])],
        *[(("scanned_at",), value) for value in (True, [1], {})],
        *[(("_updated_at",), value) for value in (True, [1], {})],
        *[(("_version",), value) for value in (True, [1], {})],
        *[(("paid_at",), value) for value in (True, [1], {})],
        *[(("_checksum",), value) for value in (17, True, [1], {})],
        *[(("payment",), value) for value in (17, True, "transfer", ["transfer"])],
        *[(("payment", "method"), value) for value in (17, True, ["a"])],
        *[(("payment", "source_file"), value) for value in (17, True, ["a"])],
        *[(("payment", "detected_at"), value) for value in (True, ["a"])],
        *[(("payment", "amount"), value) for value in ("much", True, ["a"], math.nan, -1)],
    ],
)
def test_a_value_of_a_wrong_kind_spoils_nothing_else(keys: tuple[str, ...], value: Any) -> None:
    document = json.loads(json.dumps(PAID))
    holder = document
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    data = written(document)
    invoice, problem = only_problem(data)
    assert problem.check is CheckName.SCHEMA
    assert problem.line == line(data, f'"{keys[-1]}"')
    assert problem.message.startswith(f"{'.'.join(keys)} is not ")
    assert problem.expected
    assert problem.found in {json.dumps(value)[:80], "a list", "an object"}
    assert invoice.amount == Decimal("3200.5")
    if keys != ("status",):
        assert invoice.status is Status.PAID


def test_everything_wrong_is_told_at_once() -> None:
    _, problems = read(b'{"client": 1, "amount": "?", "status": 5, "payment": {"amount": null, "method": 1}}')
    assert {problem.message.partition(" ")[0] for problem in problems} == {
        "client",
        "amount",
        "status",
        "payment.method",
    }


def test_of_a_key_that_is_there_twice_the_last_counts_and_is_pointed_at() -> None:
    data = (
        b'{"amount": "?",\n"amount": 5, "status": "paid",\n"status": "gone", "payment": {"amount": 2},\n"payment": 7}'
    )
    invoice, problems = read(data)
    assert (invoice.amount, invoice.paid_amount) == (Decimal(5), None)
    assert [(problem.line, problem.found) for problem in problems] == [(4, "7"), (3, '"gone"')]


def test_a_key_is_found_where_it_is_one() -> None:
    data = rb"""{"note": "\"amount\": 1, {[", "list": [{"amount": {"amount": 2}}],
"x": {"deep": {"amount": 3}}, "payment.amount": 4,
"am\u006funt" :
"?", "status": "paid"}"""
    _, problem = only_problem(data)
    assert (problem.line, problem.found) == (3, '"?"')


# --- what is no document -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "the file is not JSON: Expecting value"),
        (b" \n", 2, "the file is not JSON: Expecting value"),
        (b"\0" * 400, 1, "the file is not JSON: Expecting value"),
        (b'{"amount": 1,\n"status": "pa\0id"}', 2, "the file is not JSON: Invalid control character at"),
        (b'{"amount": 1}\0', 1, "the file is not JSON: Extra data"),
        (b'{"amount": 1}\n{"amount": 2}', 2, "the file is not JSON: Extra data"),
        (b"- `INV-1` | $1,500.00", 1, "the file is not JSON: Expecting value"),
        (b'{"status": "paid",\n "client": "\xff"}', 2, "the file is not UTF-8"),
        (b'{"amount": 1, "status": "paid",\n "unknown": "\xff"}', 2, "the file is not UTF-8"),
        (
            b'\xef\xbb\xbf{"amount": 1, "status": "paid"}',
            1,
            "the file is not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig)",
        ),
        (b"[1, 2]", None, "the file cannot be taken: it holds no JSON object"),
        (b"null", None, "the file cannot be taken: it holds no JSON object"),
        (b'"paid"', None, "the file cannot be taken: it holds no JSON object"),
        (b"[" * 100_000, None, "the file is nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, None, "the file is nested too deeply"),
        (b'{"amount": 1, "status": "pai', 1, "the file is not JSON: Unterminated string starting at"),
        (b'{"a": "%s"}' % (b"x" * 10_000_000), None, f"the file is longer than {LIMIT} bytes"),
    ],
)
def test_what_holds_no_document(data: bytes, line: int | None, message: str) -> None:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert parsed.problems == (Problem(CheckName.PARSE, message, line),)


def test_a_whole_number_that_no_agent_could_read_spoils_the_document() -> None:
    data = b'{"amount": 1, "status": "paid", "n": %s, "_checksum": "0"}' % (b"9" * 5000)
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert parsed.problems[0].message.startswith("the file cannot be taken: Exceeds the limit")


@given(st.integers(min_value=0, max_value=len(written(PAID)) - 1))
def test_half_a_file_is_no_document(length: int) -> None:
    data = written(PAID, _checksum=checksum(PAID))
    parsed = parse(data[:length], stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is None
    assert [problem.check for problem in parsed.problems] == [CheckName.PARSE]


# --- checksums ---------------------------------------------------------------------------------------

words = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
numbers = st.integers(-(10**30), 10**30) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from([*PAID, "note", "Ñ"]) | words, values, max_size=8)


def checksum_problems(data: bytes) -> list[Problem]:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is not None
    return [problem for problem in parsed.problems if problem.check is CheckName.CHECKSUM]


@given(documents, st.booleans())
@example({"a": 1e16, "b": 1e-7, "c": 5e-324, "d": -0.0, "e": 10**30, "f": math.nan}, True)
@example({"a": '\x7f \u2028 \ud83d \U0001f4a9 / \\ " \b'}, True)
@example({"a": '\x7f \u2028 \U0001f4a9 / \\ " \b'}, False)
@example({"Ñ": 1, "\U0001f4a9": 2, "\uffff": 3, "": 4, "_x": 5}, False)
def test_whatever_an_agent_writes_and_sums_verifies(document: dict[str, Any], ascii_only: bool) -> None:
    text = json.dumps(document | {"_checksum": checksum(document)}, indent=2, ensure_ascii=ascii_only)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only escapes can write
        reject()
    assert checksum_problems(data) == []


@given(documents, st.data())
def test_no_value_changes_unseen(document: dict[str, Any], data: st.DataObject) -> None:
    sums = [key for key in document if not key.startswith("_")]
    assume(sums)
    key = data.draw(st.sampled_from(sums))
    value = data.draw(values)
    changed = document | {key: value}
    assume(checksum(changed) != checksum(document))
    found = checksum_problems(written(changed, _checksum=checksum(document)))
    assert [(problem.expected, problem.found) for problem in found] == [(checksum(changed), checksum(document))]


def test_a_wrong_checksum_says_what_it_should_be() -> None:
    data = written(PAID | {"amount": 3200.51}, _checksum=checksum(PAID))
    invoice, problem = only_problem(data)
    assert invoice.amount == Decimal("3200.51")
    assert problem == Problem(
        CheckName.CHECKSUM,
        "the document is not the one that its checksum was made of",
        line(data, '"_checksum"'),
        checksum(PAID | {"amount": 3200.51}),
        checksum(PAID),
        "INV-7",
    )


def test_keys_with_an_underline_are_not_summed() -> None:
    sound(written(PAID | {"_updated_at": "later", "_by": [1]}, _checksum=checksum(PAID)))


@pytest.mark.parametrize("absent", [{}, {"_checksum": None}])
def test_a_document_without_a_checksum_is_taken_at_its_word(absent: dict[str, None]) -> None:
    sound(written(PAID | absent))


# --- where invoices lie ------------------------------------------------------------------------------


def placed(path: str) -> Place | None:
    """Return what the file is that lies at `path`, from the state folder on."""
    *folders, name = path.split("/")
    found = shelf(tuple(folders))
    return None if found is None else found.place(name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("acme/INV-1.json", Place("acme", "INV-1", archived=False, leftover=False)),
        ("INV-1.json", Place("", "INV-1", archived=False, leftover=False)),
        ("archive/acme/INV-1.json", Place("acme", "INV-1", archived=True, leftover=False)),
        ("archive/INV-1.json", Place("", "INV-1", archived=True, leftover=False)),
        ("archive/archive/INV-1.json", Place("archive", "INV-1", archived=True, leftover=False)),
        ("archive.json", Place("", "archive", archived=False, leftover=False)),
        ("ñandú-&-hijos/INV.2.json", Place("ñandú-&-hijos", "INV.2", archived=False, leftover=False)),
        ("acme/INV-1.tmp", Place("acme", "INV-1", archived=False, leftover=True)),
        ("acme/INV-1.json.tmp", Place("acme", "INV-1.json", archived=False, leftover=True)),
        ("acme/.INV-1.json.x7.tmp", Place("acme", ".INV-1.json.x7", archived=False, leftover=True)),
        ("archive/acme/INV-1.tmp", Place("acme", "INV-1", archived=True, leftover=True)),
        ("collections_ledger.md.tmp", Place("", "collections_ledger.md", archived=False, leftover=True)),
    ],
)
def test_a_file_is_what_its_place_says(path: str, expected: Place) -> None:
    assert placed(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "acme/INV-1.json.bak",
        "acme/INV-1.bak",
        "acme/.INV-1.json",
        "acme/.json",
        ".git/INV-1.json",
        ".git/INV-1.tmp",
        "archive/.old/INV-1.json",
        "acme/old/INV-1.json",
        "acme/old/INV-1.tmp",
        "archive/acme/old/INV-1.json",
        "collections_ledger.md",
        "events.log",
        "acme",
        "archive",
        "acme/INV-1.JSON",
        "acme/INV-1.json~",
        "../INV-1.json",
    ],
)
def test_all_else_is_none(path: str) -> None:
    assert placed(path) is None


# --- whatever comes ----------------------------------------------------------------------------------


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | documents.map(written))
def test_nothing_raises(data: bytes) -> None:
    parsed = parse(data, stem="INV-1", folder="acme", currency="USD")
    assert parsed.invoice is not None or parsed.problems
    for problem in parsed.problems:
        assert len(problem.found) <= 80
        assert problem.line is None or 1 <= problem.line <= data.count(b"\n") + 1


@given(documents)
def test_the_fast_way_reads_what_python_reads(document: dict[str, Any]) -> None:
    """What the fast way takes must be a document to the agents too, and say the same."""
    data = written(document)
    odd = written(document | {"zz": math.nan})  # which only Python's reader takes
    one, other = (parse(text, stem="INV-1", folder="acme", currency="USD") for text in (data, odd))
    assert one.invoice == other.invoice
    assert [(p.message, p.found) for p in one.problems] == [(p.message, p.found) for p in other.problems]
