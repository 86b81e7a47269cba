"""Re-arming an agent's deadline: a heartbeat is put into the mailbox, its reader takes it and waits until later."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator

from supervisor.clocks import SystemClock
from supervisor.runtime.mailbox import Mailbox
from tests.benchmarks.lab import Lab, frozen
from tests.benchmarks.table import Row

_GOAL = 5 / 12
_FLAT = 1.5
_HOUR = 3600.0

Each = Callable[[int], None]


class Fleet:
    """Coroutines that wait, one for each agent.

    Args:
        wait: how agent number n waits, for ever.
        beat: wakes agent number n.
        move: moves the deadline of agent number n, alone.
    """

    def __init__(
        self, count: int, wait: Callable[[Fleet, int], Awaitable[None]], beat: Each, move: Each | None = None
    ) -> None:
        self.turned = 0
        self._beat, self._move = beat, move
        self._order = random.sample(range(count), count)
        self._tasks = [asyncio.ensure_future(wait(self, number)) for number in range(count)]

    async def beats(self) -> float:
        """Let every agent beat once; return the seconds that each took."""
        before = self.turned
        begin = time.perf_counter()
        for number in self._order:
            self._beat(number)
        while self.turned - before < len(self._order):
            await asyncio.sleep(0)
        return (time.perf_counter() - begin) / len(self._order)

    async def moves(self) -> float:
        """Move every deadline once; return the seconds that each took."""
        assert self._move is not None
        begin = time.perf_counter()
        for number in self._order:
            self._move(number)
        await asyncio.sleep(0)
        return (time.perf_counter() - begin) / len(self._order)

    async def close(self) -> None:
        """End the coroutines."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def mailboxes(count: int) -> Fleet:
    """Return agents that wait as the daemon's do."""
    clock = SystemClock()
    boxes: list[Mailbox[int]] = [Mailbox(clock) for _ in range(count)]

    async def wait(fleet: Fleet, number: int) -> None:
        try:
            while True:
                await boxes[number].next(clock.now() + _HOUR)
                fleet.turned += 1
        finally:
            boxes[number].close()

    def move(number: int) -> None:
        boxes[number]._until = clock.now() + _HOUR
        boxes[number]._arm()

    return Fleet(count, wait, lambda number: boxes[number].put(1), move)


def timeouts(count: int) -> Fleet:
    """Return agents that wait within `asyncio.timeout`, anew for each heartbeat."""
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(count)]

    async def wait(fleet: Fleet, number: int) -> None:
        while True:
            async with asyncio.timeout(_HOUR):
                await queues[number].get()
            fleet.turned += 1

    return Fleet(count, wait, lambda number: queues[number].put_nowait(1))


def reschedules(count: int) -> Fleet:
    """Return agents that wait within one `asyncio.timeout`, which is moved."""
    loop = asyncio.get_running_loop()
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(count)]
    timers: dict[int, asyncio.Timeout] = {}

    async def wait(fleet: Fleet, number: int) -> None:
        async with asyncio.timeout(_HOUR) as timers[number]:
            while True:
                await queues[number].get()
                timers[number].reschedule(loop.time() + _HOUR)
                fleet.turned += 1

    def move(number: int) -> None:
        timers[number].reschedule(loop.time() + _HOUR)

    return Fleet(count, wait, lambda number: queues[number].put_nowait(1), move)


async def compared(count: int, turns: int) -> dict[str, float]:
    """Return the microseconds that each takes (medians), in turns."""
    fleets = {"ours": mailboxes(count), "timeout": timeouts(count), "reschedule": reschedules(count)}
    taken: dict[str, list[float]] = {}
    for fleet in fleets.values():
        await fleet.beats()
    with frozen():
        for _ in range(turns):
            for name, fleet in fleets.items():
                taken.setdefault(name, []).append(await fleet.beats())
            for name in ("ours", "reschedule"):
                taken.setdefault(f"{name}, moved", []).append(await fleets[name].moves())
    for fleet in fleets.values():
        await fleet.close()
    return {name: 1e6 * statistics.median(seconds) for name, seconds in taken.items()}


def measure(lab: Lab) -> Iterator[Row]:
    """Compare, at two sizes."""
    counts = (lab.pick(10_000, 1_000), lab.pick(100_000, 10_000))
    small, large = (asyncio.run(compared(count, turns)) for count, turns in zip(counts, (15, 5), strict=True))
    yield Row(
        f"a heartbeat wakes its agent and moves the deadline, {counts[0]:,} agents",
        f"{small['ours']:.1f} us",
        f"a coroutine with asyncio.timeout {small['timeout']:.1f} us (with reschedule {small['reschedule']:.1f} us)",
        small["ours"] / small["timeout"],
        f"at most {_GOAL:.2f} x",
        small["ours"] <= _GOAL * small["timeout"],
    )
    moved = [taken["ours, moved"] for taken in (small, large)]
    yield Row(
        f"moving the deadline alone, {counts[1]:,} agents",
        f"{moved[1]:.1f} us",
        f"with {counts[0]:,} agents {moved[0]:.1f} us (Timeout.reschedule {large['reschedule, moved']:.1f} us)",
        moved[1] / moved[0],
        f"at most {_FLAT} x",
        moved[1] <= _FLAT * moved[0],
    )
