"""CPU of watching: agents that beat once a minute each, and agents that are silent, against peers on the same files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.benchmarks.beats import plant
from tests.benchmarks.lab import (
    Lab,
    agents,
    beats_of,
    configure,
    cpu_within,
    daemon,
    monit,
    monit_check,
    process,
    python,
)
from tests.benchmarks.table import Row

_SETTLE = 5.0
_IDLE = 1.43
_EARS = 3.0


def measure(lab: Lab) -> Iterator[Row]:
    """Watch the same files with all of them at the same time."""
    # A minute holds one of everything that the daemon does at times: a walk, a checkpoint.
    seconds = lab.pick(60.0, 10.0)
    shares = _shares(lab, 100, 0.0, seconds, "awatch")
    yield Row(
        "CPU with nothing happening, 100 agents",
        _percent(shares["ours"]),
        f"awatch as it is {_percent(shares['awatch'])}",
        shares["ours"] / shares["awatch"],
        f"at most {_IDLE} x",
        shares["ours"] <= _IDLE * shares["awatch"],
        "the ear looks every 30 ms, awatch every 50 ms: half of the CPU, for a decision that much sooner",
    )
    for count in (1000, lab.pick(10_000, 2_000)):
        shares = _shares(lab, count, count / 60, seconds, "awatch-paced")
        yield _against_monit(count, shares)
        yield Row(
            f"CPU, {count:,} agents, a beat a minute each, against listening alone",
            _percent(shares["ours"]),
            f"awatch at the same pace {_percent(shares['awatch-paced'])}",
            shares["ours"] / shares["awatch-paced"],
            f"at most {_EARS:g} x",
            shares["ours"] <= _EARS * shares["awatch-paced"],
        )


def _against_monit(count: int, shares: dict[str, float]) -> Row:
    what, goal = f"CPU, {count:,} agents, a beat a minute each", "at most 1 x, seen 10 times sooner"
    if "monit" not in shares:
        return Row(what, _percent(shares["ours"]), "monit: not installed", None, goal, None)
    ratio = shares["ours"] / shares["monit"]
    return Row(
        what,
        _percent(shares["ours"]),
        f"monit, 1 s cycle {_percent(shares['monit'])}",
        ratio,
        goal,
        ratio <= 1,
        f"listening alone takes {_percent(shares['awatch-paced'])}; and a beat here is read, not only seen",
    )


def _shares(lab: Lab, count: int, rate: float, seconds: float, ear: str) -> dict[str, float]:
    """Return the share of a core that each takes."""
    folder = lab.room("cpu")
    names = agents(count)
    configure(folder, names)
    beats = beats_of(folder)
    plant(beats, count)
    checks = [monit_check(name, beats / f"{name}.log", "60 minutes") for name in names]
    with ExitStack() as stack:
        pids = {"ours": stack.enter_context(daemon(folder)).pid}
        pids[ear] = stack.enter_context(process(*python("tests.benchmarks.ears", ear, str(beats)))).pid
        other = stack.enter_context(monit(folder, checks))
        if other is not None:
            pids["monit"] = other.pid
        time.sleep(_SETTLE)
        if rate:
            words = (str(beats), str(count), str(rate), str(seconds + 2))
            stack.enter_context(process(*python("tests.benchmarks.beats", *words)))
            time.sleep(1)
        return cpu_within(seconds, pids)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
