"""Invoice files: the agents' JSON documents to invoices, and where such files lie.

Nothing in them raises: what cannot be taken as it stands is a `Problem` that says why. Every document is read
the fast way first. One with anything odd in it is read again just as an agent would read it, with Python's own
`json`, and that reading alone decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from sys import intern
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, convert, field
from msgspec.structs import fields

from supervisor.domain.findings import CheckName, Problem
from supervisor.domain.invoices import WORDS, Invoice, status_of
from supervisor.formats._spots import Spot, locate
from supervisor.formats.amount import DIGITS, parse_amount, parse_number
from supervisor.formats.heartbeat import instant

LIMIT = 1 << 20
"""The longest file (bytes) that is read."""

_TEXT_LIMIT = 256  # characters: the texts of 100,000 files are kept in memory
_QUOTED = 80  # characters of a value that a problem quotes
_DIGITS = 16  # hex digits of a checksum

_Fitted = TypeVar("_Fitted", bound=Struct)


class Parsed(Struct, frozen=True, gc=False):
    """What a file says. `invoice` None: it is no JSON object."""

    invoice: Invoice | None
    problems: tuple[Problem, ...] = ()


class Place(NamedTuple):
    """What a file is, by where it lies.

    Args:
        folder: the client's folder; "" where it lies in none.
        stem: its name without the suffix.
        archived: it lies in the archive.
        leftover: it is a temporary file, and no invoice.
    """

    folder: str
    stem: str
    archived: bool
    leftover: bool


class Shelf(NamedTuple):
    """A folder that invoices lie in.

    Args:
        folder: the client's folder; "" where it is none.
        archived: it is in the archive.
    """

    folder: str
    archived: bool

    def place(self, name: str) -> Place | None:
        """Return what the file `name` of this folder is; None for what is none of ours."""
        stem, _, suffix = name.rpartition(".")
        leftover = suffix == "tmp"
        if not leftover and (suffix != "json" or name[0] == "."):
            return None
        return Place(self.folder, stem, self.archived, leftover)


def shelf(parts: tuple[str, ...]) -> Shelf | None:
    """Return what the folder is whose path, from the state folder on, has these parts; None for one of no invoices.

    What lies deeper than a client's folder is none: no agent writes there, and a folder of copies that somebody
    keeps beside the invoices must not turn each of them into two.
    """
    archived = parts[:1] == ("archive",)
    folders = parts[1:] if archived else parts
    if len(folders) > 1 or any(folder.startswith(".") for folder in folders):
        return None
    return Shelf("".join(folders), archived)


# --- what a document may hold ------------------------------------------------------------------------

_Text = Annotated[str, Meta(max_length=_TEXT_LIMIT)]


class _Payment(Struct, gc=False):
    method: _Text | None = None
    amount: Raw = Raw()
    source_file: _Text | None = None
    detected_at: _Text | float | None = None


class _Document(Struct, gc=False):
    amount: Raw = Raw()
    status: _Text | None = None
    invoice_number: _Text | None = None
    number: _Text | None = None
    id: _Text | None = None
    client: _Text | None = None
    client_name: _Text | None = None
    currency: _Text | None = None
    due_date: _Text | None = None
    email: _Text | None = None
    confidence: float | None = None
    scanned_at: _Text | float | None = None
    paid_at: _Text | float | None = None
    payment: _Payment | None = None
    checksum: _Text | None = field(name="_checksum", default=None)
    updated_at: _Text | float | None = field(name="_updated_at", default=None)
    version: _Text | float | None = field(name="_version", default=None)


_A_TEXT = f"a text of at most {_TEXT_LIMIT} characters"
_EXPECTED: Mapping[object, str] = {
    _Text | None: _A_TEXT,
    _Text | float | None: f"{_A_TEXT}, or a number",
    float | None: "a number",
    _Payment | None: "an object",
}
_AN_AMOUNT = f"an amount of at most {DIGITS} digits, such as 1500.00"
_NOT_NEGATIVE = "zero or more"
_A_TIME = "an RFC 3339 time"
_A_STATUS = f"one of {', '.join(WORDS)}"
_A_CURRENCY = "an ISO 4217 code, such as USD"
_CURRENCY = re.compile(r"[A-Z]{3}")


class _Wrong(NamedTuple):
    """A value that does not do. `found` "": what stands where the keys lead to."""

    keys: tuple[str, ...]
    expected: str
    check: CheckName = CheckName.SCHEMA
    found: str = ""


def parse(data: bytes, *, stem: str, folder: str, currency: str) -> Parsed:
    """Read one invoice's file, whole.

    Args:
        data: the file's bytes.
        stem: the file's name without the suffix: the invoice's number where the document has none.
        folder: the client where the document names none.
        currency: the amount's where the document names none (ISO 4217).
    """
    if len(data) > LIMIT:
        return Parsed(None, (Problem(CheckName.PARSE, f"the file is longer than {LIMIT} bytes"),))
    wrong: list[_Wrong] = []
    try:
        document = _read(data)
    except _UNREADABLE:
        try:
            document, wrong = _read_exactly(data)
        except _UNREADABLE as error:
            return Parsed(None, (_unreadable(data, error),))
    invoice = _invoice(document, wrong, stem, folder, currency)
    if not wrong:
        return Parsed(invoice)
    spots = locate(data.decode())
    last = {one.keys: one for one in wrong}  # a status that is no text is no word either: once is enough
    return Parsed(invoice, tuple(_problem(one, spots, invoice.number) for one in last.values()))


# --- from a document to an invoice --------------------------------------------------------------------


def _invoice(document: _Document, wrong: list[_Wrong], stem: str, folder: str, currency: str) -> Invoice:
    """Return what a document says. What cannot be meant goes to `wrong`."""
    amount = _amount(str(document.amount, "utf-8"), ("amount",), wrong)
    word = document.status or ""
    status = status_of(word)
    if status is None:
        wrong.append(_Wrong(("status",), _A_STATUS))
    if document.currency:
        currency = document.currency.upper()
        if _CURRENCY.fullmatch(currency) is None:
            currency = document.currency
            wrong.append(_Wrong(("currency",), _A_CURRENCY))
    paid_at = detected_at = paid_amount = None
    if document.paid_at is not None:
        paid_at = _time(document.paid_at, ("paid_at",), wrong)
    payment = document.payment
    if payment is not None:
        if payment.detected_at is not None:
            detected_at = _time(payment.detected_at, ("payment", "detected_at"), wrong)
        text = str(payment.amount, "utf-8")
        if text not in ("", "null"):
            paid_amount = _amount(text, ("payment", "amount"), wrong)
    return Invoice(
        document.invoice_number or document.number or document.id or stem,
        intern(document.client or document.client_name or folder),
        amount,
        intern(currency),
        status,
        intern(word),
        paid_at,
        detected_at,
        paid_amount,
    )


def _amount(text: str, keys: tuple[str, ...], wrong: list[_Wrong]) -> Decimal | None:
    """Return the amount that `text`, a JSON value, is; None where it is none."""
    amount = parse_amount(json.loads(text)) if text.startswith('"') else parse_number(text)
    if amount is None:
        wrong.append(_Wrong(keys, _AN_AMOUNT))
    elif amount < 0:
        wrong.append(_Wrong(keys, _NOT_NEGATIVE))
    return amount


def _time(value: str | float, keys: tuple[str, ...], wrong: list[_Wrong]) -> float | None:
    try:
        return instant(value)
    except ValueError:
        wrong.append(_Wrong(keys, _A_TIME))
        return None


# --- from bytes to a document ------------------------------------------------------------------------

_UNREADABLE = (ValueError, RecursionError)  # every error of msgspec is a ValueError
_decode = msgspec.json.Decoder(_Document).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode
_encode_exactly = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode  # as the agents do


def _read(data: bytes) -> _Document:
    """Read a document that has nothing odd in it. Raises one of `_UNREADABLE` for every other."""
    if not data.isascii():
        str(data, "utf-8")  # msgspec does not look into the texts that it passes over
    document = _decode(data)
    if document.checksum is not None and document.checksum != _checksum(_canonical(data)):
        raise ValueError("the checksum is wrong, or is of a text that only Python writes like this")
    return document


def _canonical(data: bytes) -> bytes:
    """Return what the checksum is of, in most cases: rare floats and characters are not written as by an agent."""
    bare = _bare(_decode_any(data))
    text = _encode(bare)
    return text if text.isascii() else _encode_exactly(bare).encode()


def _bare(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without the keys that are about the file itself."""
    return {key: value for key, value in values.items() if key[:1] != "_"}


def _checksum(canonical: bytes) -> str:
    return sha256(canonical).hexdigest()[:_DIGITS]


def _read_exactly(data: bytes) -> tuple[_Document, list[_Wrong]]:
    """Read any document as Python does. What does not fit is left out, and told. Raises one of `_UNREADABLE`."""
    text = str(data, "utf-8")
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("it holds no JSON object")  # noqa: TRY004 - as all that cannot be read
    wrong: list[_Wrong] = []
    document = _fit(_Document, values, (), locate(text), wrong)
    written = document.checksum
    if written is not None:
        computed = _checksum(_encode_exactly(_bare(values)).encode())
        if written != computed:
            wrong.append(_Wrong(("_checksum",), computed, CheckName.CHECKSUM, written[:_QUOTED]))
    return document, wrong


def _fit(
    kind: type[_Fitted],
    values: Mapping[str, Any],
    keys: tuple[str, ...],
    spots: Mapping[tuple[str, ...], Spot],
    wrong: list[_Wrong],
) -> _Fitted:
    """Make a `kind` of those `values` that fit; `keys` lead to them."""
    fitting: dict[str, Any] = {}
    for one in fields(kind):
        here = (*keys, one.encode_name)
        value = values.get(one.encode_name)
        if value is None:
            continue
        if one.type is Raw:
            fitting[one.name] = Raw(spots[here].value.encode())
        elif one.type == _Payment | None and isinstance(value, dict):
            fitting[one.name] = _fit(_Payment, value, here, spots, wrong)
        else:
            try:
                if isinstance(value, str):
                    value.encode()  # half a surrogate pair could be written nowhere
                fitting[one.name] = convert(value, one.type)
            except ValueError:
                wrong.append(_Wrong(here, _EXPECTED[one.type]))
    return kind(**fitting)


# --- problems, and where they stand ------------------------------------------------------------------


def _unreadable(data: bytes, error: Exception) -> Problem:
    match error:
        case UnicodeDecodeError():
            return Problem(CheckName.PARSE, "the file is not UTF-8", data.count(b"\n", 0, error.start) + 1)
        case json.JSONDecodeError():
            return Problem(CheckName.PARSE, f"the file is not JSON: {error.msg}", error.lineno)
        case RecursionError():
            return Problem(CheckName.PARSE, "the file is nested too deeply")
        case _:
            return Problem(CheckName.PARSE, f"the file cannot be taken: {error}")


def _problem(wrong: _Wrong, spots: Mapping[tuple[str, ...], Spot], number: str) -> Problem:
    spot = spots.get(wrong.keys)
    key = ".".join(wrong.keys)
    if spot is None:
        message = f"{key} is missing"
    elif wrong.check is CheckName.CHECKSUM:
        message = "the document is not the one that its checksum was made of"
    else:
        message = f"{key} is not {wrong.expected}"
    found = wrong.found or (spot.value[:_QUOTED] if spot else "nothing")
    return Problem(wrong.check, message, spot and spot.line, wrong.expected, found, number)
