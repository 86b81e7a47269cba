"""What is read of an invoice, and what in it is wrong."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import Invoice, Status
from tests.support.invoices import PAID, checksum, line, only_problem, read, sound, written

NOON = datetime(2026, 2, 11, 12, 0, tzinfo=UTC).timestamp()


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
