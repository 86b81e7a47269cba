"""From a change on disk to the decision about it: one heartbeat at a time, at random phases."""

from __future__ import annotations

import os
import random
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from supervisor.sources.files import Pace
from tests.benchmarks.lab import Lab, agents, beats_of, configure, daemon, percentile, process, python, wait, when
from tests.benchmarks.table import Row

_P50, _P99 = 1.2, 1.3
_SETTLE = 1.0
_GAP = (0.06, 0.14)


def measure(lab: Lab) -> Iterator[Row]:
    """Touch a file of the daemon's, one of awatch's and one of inotify's in turn."""
    rounds = lab.pick(200, 20)
    folder = lab.room("latency")
    (name,) = agents(1)
    configure(folder, [name], '[log]\nlevel = "debug"')
    ears = ("awatch-paced", "inotify")
    out = lab.room("heard")
    files = {"ours": beats_of(folder) / name, **{kind: folder / kind / "beat" for kind in ears}}
    for file in files.values():
        file.parent.mkdir(exist_ok=True)
        file.touch()
    with ExitStack() as stack:
        for kind in ears:
            heard = python("tests.benchmarks.ears", kind, str(folder / kind))
            stack.enter_context(process(*heard, out=out / f"{kind}.txt"))
            wait(partial(_hears, files[kind], out / f"{kind}.txt"), kind)
        running = stack.enter_context(daemon(folder))
        touched = _touch(files, rounds)
        seen = {kind: [float(at) for at in (out / f"{kind}.txt").read_text().split()] for kind in ears}
        seen["ours"] = [when(record["timestamp"]) for record in running.log("heartbeat_received")]
    late = {kind: _delays(touched[kind], seen[kind]) for kind in files}
    floor = 1000 * percentile(late["inotify"], 0.5)
    for share, limit in ((0.5, _P50), (0.99, _P99)):
        ours, peer = (1000 * percentile(late[kind], share) for kind in ("ours", "awatch-paced"))
        yield Row(
            f"change to decision, p{share * 100:.0f}",
            f"{ours:.0f} ms",
            f"awatch at the same pace {peer:.0f} ms (inotify in asyncio {floor:.1f} ms)",
            ours / peer,
            f"at most {limit} x",
            ours <= limit * peer,
        )
    yield _under_load(lab, rounds)


def _under_load(lab: Lab, rounds: int) -> Row:
    """Touch one file while all others are written to, each once a second."""
    count = lab.pick(1_000, 200)
    folder = lab.room("latency-load")
    touched = beats_of(folder) / "touched"
    configure(folder, [*agents(count), touched.name], '[log]\nlevel = "debug"')
    touched.parent.mkdir(parents=True, exist_ok=True)
    touched.touch()
    with ExitStack() as stack:
        running = stack.enter_context(daemon(folder))
        seconds = str(int(rounds * _GAP[1]) + 2 * _SETTLE)
        load = python("tests.benchmarks.beats", str(beats_of(folder)), str(count), str(count), seconds)
        stack.enter_context(process(*load, out=lab.room("load") / "late"))
        time.sleep(_SETTLE)
        times = _touch({"ours": touched}, rounds)["ours"]
        heard = [when(one["timestamp"]) for one in running.log("heartbeat_received") if one["agent"] == touched.name]
    late = percentile(_delays(times, heard), 0.99)
    pace = Pace()
    limit = pace.debounce + 2 * pace.step
    return Row(
        f"change to decision while {count:,} others beat every second, p99",
        f"{1000 * late:.0f} ms",
        f"debounce and two steps {1000 * limit:.0f} ms",
        late / limit,
        "at most 1 x",
        late <= limit,
    )


def _hears(file: Path, out: Path) -> bool:
    file.touch()
    time.sleep(0.2)
    return out.stat().st_size > 0


def _touch(files: dict[str, Path], rounds: int) -> dict[str, list[float]]:
    touched: dict[str, list[float]] = {kind: [] for kind in files}
    time.sleep(0.5)
    for _ in range(rounds):
        for kind, file in files.items():
            touched[kind].append(time.time())
            os.utime(file)
            time.sleep(random.uniform(*_GAP))
    time.sleep(0.5)
    return touched


def _delays(touched: Sequence[float], seen: Sequence[float]) -> list[float]:
    """Return how long each touch took to be seen; raise where one never was."""
    delays = []
    for at in touched:
        place = bisect_right(seen, at)
        if place == len(seen):
            raise RuntimeError("a touch was never seen")
        delays.append(seen[place] - at)
    return delays
