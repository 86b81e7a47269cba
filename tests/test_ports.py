"""The values that the ports carry and that are more than fields."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path

from supervisor.listing import Listing
from supervisor.ports import Relisted

STATE = Path("/state")
LISTING = Listing(
    {STATE: frozenset({"1.json", "2.json"}), STATE / "client": frozenset({"1.json"}), Path("/"): frozenset()}
)


def test_a_listing_is_the_set_of_its_paths() -> None:
    paths: AbstractSet[Path] = frozenset({STATE / "1.json", STATE / "2.json", STATE / "client" / "1.json"})
    assert set(LISTING) == paths
    assert paths == LISTING
    assert len(LISTING) == 3
    assert paths - LISTING == LISTING - paths == frozenset()
    assert LISTING & {STATE / "1.json", STATE / "3.json"} == {STATE / "1.json"}
    assert Relisted("start", LISTING) == Relisted("start", paths)


def test_a_listing_knows_what_is_in_it() -> None:
    assert STATE / "client" / "1.json" in LISTING
    assert STATE / "client" / "2.json" not in LISTING
    assert Path("/other/1.json") not in LISTING


def test_a_listing_gives_the_names_of_one_folder() -> None:
    assert LISTING.names(STATE) == {"1.json", "2.json"}
    assert LISTING.names(Path("/other")) == frozenset()
    assert repr(LISTING) == "Listing(3 files in 3 folders)"
