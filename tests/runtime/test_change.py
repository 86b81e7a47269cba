"""Changes that are written together say what they would have said one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.silences import Silence
from supervisor.domain.vitals import Health
from supervisor.ports import Saved
from supervisor.runtime.change import Change
from supervisor.stores.memory import MemoryStore

NAMES = st.sampled_from("abc")


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """A change; an agent is not forgotten and kept in one and the same."""
    kept = draw(st.dictionaries(NAMES, st.integers(0, 9).map(lambda misses: Health(misses=misses))))
    gone = [name for name in draw(st.lists(NAMES, unique=True)) if name not in kept]
    facts = draw(st.dictionaries(NAMES, st.text(max_size=2)))
    ids = draw(st.lists(NAMES, unique=True))
    ends = draw(st.integers(0, 9))
    return Change(
        agents=kept, forgotten=gone, facts=facts, silences={i: Silence(i, "*", "me", "x", 0.0, ends) for i in ids}
    )


async def written(told: Sequence[Change]) -> Saved:
    store = MemoryStore()
    await store.open()
    for change in told:
        await store.commit(change.entry())
    return await store.open()


@given(st.lists(changes(), max_size=6))
def test_merged_changes_say_the_same(told: list[Change]) -> None:
    merged = Change()
    for change in told:
        merged.update(change)
    assert asyncio.run(written([merged])) == asyncio.run(written(told))


def test_forgotten_and_added_again_and_forgotten() -> None:
    merged = Change(agents={"a": Health()})
    merged.update(Change(forgotten=["a"]))
    assert (merged.agents, merged.forgotten) == ({}, ["a"])
    merged.update(Change(agents={"a": Health(misses=1)}))
    assert (merged.agents, merged.forgotten) == ({"a": Health(misses=1)}, [])
    merged.update(Change(forgotten=["a", "b"]))
    assert (merged.agents, merged.forgotten) == ({}, ["a", "b"])
