"""Whether what a process uses grows: a law over samples, without a clock and without a process.

A measure grows where both of these are over its limit:

- the Theil-Sen slope (the median of the slopes of all pairs of samples), as growth over the time that is judged: a few
  outliers do not move it, a steady leak does, however small its steps;
- the median of the last third less that of the middle third, at half the limit: a leak goes on, while a cache that is
  filled, or an allocator that has found its size, has done so before the middle.

What came before the warm-up was over is not judged: imports, caches, the first configuration, windows that fill.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import median
from typing import Any

FEWEST = 12
"""Samples after the warm-up, without which nothing can be said."""

_MOST = 300
"""Samples that are compared in pairs; more are thinned out evenly."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a measure may grow over the judged time: a share of its median, and `least` at any rate, for its noise."""

    share: float
    least: float
    unit: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one measure. `growth`: by the slope; `step`: last third less middle third; both in `unit`."""

    measure: str
    unit: str
    middle: float
    last: float
    growth: float
    step: float
    limit: float
    grows: bool

    def document(self) -> dict[str, Any]:
        """Return it, JSON-ready."""
        return asdict(self)


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """Return the Theil-Sen slope of (time, value)."""
    thinned = samples[:: -(-len(samples) // _MOST)]
    return median((late - early) / (b - a) for (a, early), (b, late) in combinations(thinned, 2) if b > a)


def judge(measure: str, samples: Sequence[tuple[float, float]], limit: Limit) -> Verdict:
    """Judge samples of one measure, (s, value), in order. Raises ValueError where they are too few."""
    if len(samples) < FEWEST:
        raise ValueError(f"{measure}: {len(samples)} samples after the warm-up, {FEWEST} are needed")
    third = len(samples) // 3
    middle = median(value for _, value in samples[third:-third])
    last = median(value for _, value in samples[-third:])
    growth = slope(samples) * (samples[-1][0] - samples[0][0])
    allowed = max(limit.least, limit.share * middle)
    step = last - middle
    return Verdict(
        measure, limit.unit, middle, last, growth, step, allowed, grows=growth > allowed and step > allowed / 4
    )


def judged(
    samples: Iterable[Mapping[str, float]], limits: Mapping[str, Limit], *, warm_up: float, absent: Container[str] = ()
) -> list[Verdict]:
    """Judge every measure that has a limit; samples before `warm_up` (s, by their "t") are passed over.

    What no sample tells, as the allocator of another C library, is not judged, where it may be `absent`. Raises
    ValueError for any other.
    """
    counted = [sample for sample in samples if sample["t"] >= warm_up]
    series = {name: [(sample["t"], sample[name]) for sample in counted if name in sample] for name in limits}
    return [judge(name, series[name], limit) for name, limit in limits.items() if series[name] or name not in absent]
