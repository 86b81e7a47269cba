"""Invoices as the agents write them, and what is read of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from hypothesis import strategies as st

from supervisor.domain.findings import Problem
from supervisor.domain.invoices import Invoice
from supervisor.formats.invoice import parse

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


words = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
numbers = st.integers(-(10**30), 10**30) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from([*PAID, "note", "Ñ"]) | words, values, max_size=8)
