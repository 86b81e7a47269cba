from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from supervisor.ports import Changed, Relisted
from supervisor.sources._place import Pace
from supervisor.sources._watch import Root, Watch

NEVER = Pace(walk_every=3600.0)


@contextmanager
def watching(roots: Sequence[Root]) -> Iterator[Watch]:
    watch = Watch(roots, NEVER, needs_polling=lambda _: None, tell=lambda _: None, wake=lambda: None)
    try:
        yield watch
    finally:
        watch.close()


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_what_changes_between_the_listing_and_the_listening_is_found(
    tmp_path: Path, nested: bool, recursive: bool
) -> None:
    inner = tmp_path / "cache" / "heartbeats"
    inner.mkdir(parents=True)
    outer = [Root(tmp_path, recursive=recursive), Root(inner.parent, recursive=recursive)] if nested else []
    file = inner / "worker.json"
    file.write_text("1")
    with watching([Root(inner, recursive=False), *outer]) as watch:
        watch.first()
        file.write_text("22")
        hinted = [event.paths for event in watch.turn(None) if isinstance(event, Changed)]
    assert any(file in paths for paths in hinted)


def test_the_root_of_all_is_looked_at_again_as_well(tmp_path: Path) -> None:
    file = tmp_path / "worker.json"
    with watching([Root(Path("/"), recursive=False), Root(tmp_path)]) as watch:
        watch.first()
        file.write_text("1")
        hinted = [event.paths for event in watch.turn(None) if isinstance(event, Changed)]
    assert any(file in paths for paths in hinted)


def test_a_change_that_no_event_told_brings_one_full_listing_and_a_new_ear(tmp_path: Path) -> None:
    file = tmp_path / "worker.json"
    file.write_text("1")
    with watching([Root(tmp_path)]) as watch:
        watch.first()
        watch.turn(None)
        watch._places[0].tree.suspects.add(str(file))
        listings = []
        for _ in range(3):
            watch._judge_at = 0.0  # the ear has had its time
            listings += [event.reason for event in watch.turn(None) if isinstance(event, Relisted)]
    assert listings == ["changes came without an event"]
