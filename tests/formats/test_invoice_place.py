"""Where invoices lie."""

from __future__ import annotations

import pytest

from supervisor.formats.invoice import Place, shelf


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
