"""The journal's file and its double in memory tell the same story."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor.domain.delivery import DeliveryState
from supervisor.domain.escalation import IncidentState
from supervisor.domain.events import Beat
from supervisor.domain.health import Health, HealthState
from supervisor.ports import Entry
from tests.support.stores import ADAPTERS, delivery, incident, reopened, row, silence

_NAMES = st.sampled_from("abc")
_TIMES = st.floats(0, 100, allow_nan=False)
_HEALTHS = st.builds(
    Health,
    state=st.sampled_from(HealthState),
    since=_TIMES,
    misses=st.integers(0, 2**80),
    beat=st.none() | st.builds(Beat, at=_TIMES, message=st.none() | st.text(), incarnation=st.none() | st.text()),
    due=st.none() | _TIMES,
    retired=st.lists(st.text(), max_size=2).map(tuple),
)
_INCIDENTS = st.builds(
    incident, st.integers(1, 3), state=st.sampled_from(IncidentState), opened_at=_TIMES, resolved_at=_TIMES
)
_DELIVERIES = st.builds(
    delivery,
    st.integers(1, 4),
    st.sampled_from(["i1", "i2", "i3"]),
    state=st.sampled_from(DeliveryState),
    created_at=_TIMES,
    message=st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=5) | st.integers() | st.booleans()),
)
_ROWS = st.builds(row, st.integers(1, 60), _TIMES, st.none() | _NAMES, st.sampled_from(["x", "y"]))
_SILENCES = st.builds(silence, st.integers(1, 3), _TIMES)


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=25).map(tuple)


_ENTRIES = st.builds(
    Entry,
    agents=_some(st.tuples(_NAMES, _HEALTHS)),
    forgotten=_some(_NAMES),
    incidents=_some(_INCIDENTS),
    deliveries=_some(_DELIVERIES),
    silences=_some(_SILENCES),
    rows=_some(_ROWS),
    facts=_some(st.tuples(_NAMES, st.text())),
)
_QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "since": _TIMES,
        "after": st.integers(0, 60),
        "before": st.integers(0, 60),
        "agent": _NAMES,
        "events": st.sets(st.sampled_from(["x", "y"])),
        "limit": st.integers(1, 30),
    },
)
_STEPS = st.lists(_ENTRIES | st.tuples(st.just("prune"), _TIMES) | st.tuples(st.just("rows"), _QUERIES), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_STEPS)
def test_the_file_and_the_memory_agree(steps: list[Any]) -> None:
    async def story() -> None:
        file, double = stores
        await asyncio.gather(file.open(), double.open())
        try:
            for step in steps:
                match step:
                    case ("prune", before):
                        assert await file.prune(before) == await double.prune(before)
                    case ("rows", query):
                        assert list(await file.rows(**query)) == list(await double.rows(**query))
                    case entry:
                        await asyncio.gather(file.commit(entry), double.commit(entry))
            assert list(await file.incidents()) == list(await double.incidents())
            assert await reopened(file) == await reopened(double)
        finally:
            await file.close()

    with tempfile.TemporaryDirectory() as folder:
        stores = [made(Path(folder)) for made in (ADAPTERS["sqlite"], ADAPTERS["memory"])]
        asyncio.run(story())
