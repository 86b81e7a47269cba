"""How long the event loop is held at the worst, while a large fleet beats and dashboards are written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.beats import append, line, plant
from tests.benchmarks.lab import Lab, agents, beats_of, configure, daemon, percentile, process, python
from tests.benchmarks.table import Row

_GOAL, _WORST = 0.02, 0.05
_PAGES = '[dashboard]\nmin_interval = "1s"\n'


def measure(lab: Lab) -> Iterator[Row]:
    """Look how late a timer in the same loop is; one agent fails and recovers, so that pages are written."""
    count, seconds = lab.pick(10_000, 1_000), lab.pick(60, 5)
    folder = lab.room("loop")
    configure(folder, [*agents(count), "restless"], _PAGES)
    beats = beats_of(folder)
    plant(beats, count)
    probe = python("tests.benchmarks.probe")
    with ExitStack() as stack:
        stack.enter_context(process(*probe, out=folder / "idle"))
        stack.enter_context(daemon(folder, *probe))
        time.sleep(2)
        words = python("tests.benchmarks.beats", str(beats), str(count), str(count / 60), str(seconds))
        stack.enter_context(process(*words))
        begin = time.time()
        pages = set()
        for number in range(seconds):
            append(f"{beats}/restless.log", line(number).replace(b'"ok"', b'"fail"' if number % 2 else b'"ok"'))
            time.sleep(1)
            pages.add((folder / "cache" / "dashboard.html").stat().st_mtime_ns)
    lags, idle = _lags(folder / "lags", begin), _lags(folder / "idle", begin)
    worst, usual = max(lags), percentile(lags, 0.999)
    yield Row(
        f"the event loop held, {count:,} agents beat, {len(pages)} dashboards",
        f"{1000 * worst:.0f} ms at the worst (p99.9 {1000 * usual:.1f} ms)",
        f"a loop with nothing to do {1000 * max(idle):.0f} ms (p99.9 {1000 * percentile(idle, 0.999):.1f} ms)",
        worst / max(idle),
        f"under {1000 * _GOAL:.0f} ms, {1000 * _WORST:.0f} at the worst",
        usual < _GOAL and worst < _WORST,
        "a loop with nothing to do shows what the machine itself holds up",
    )


def _lags(file: Path, begin: float) -> list[float]:
    """Return how late (s) the probe was, each time since `begin`."""
    points = (line.split() for line in file.read_text(encoding="ascii").splitlines()[:-1])
    return [float(late) for at, late in points if float(at) > begin]
