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

Beat = Callable[[int], None]


class Fleet:
    """Coroutines that wait, one for each agent, and how to wake one of them."""

    def __init__(self, wait: Callable[[Fleet, int], Awaitable[None]], beat: Beat, count: int) -> None:
        self.turned = 0
        self._beat = beat
        self._order = random.sample(range(count), count)
        self._tasks = [asyncio.ensure_future(wait(self, number)) for number in range(count)]

    async def turn(self) -> float:
        """Let every agent beat once; return the seconds that each took."""
        before = self.turned
        begin = time.perf_counter()
        for number in self._order:
            self._beat(number)
        while self.turned - before < len(self._order):
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

    return Fleet(wait, lambda number: boxes[number].put(1), count)


def timeouts(count: int) -> Fleet:
    """Return agents that wait within `asyncio.timeout`."""
    queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(count)]

    async def wait(fleet: Fleet, number: int) -> None:
        while True:
            async with asyncio.timeout(_HOUR):
                await queues[number].get()
            fleet.turned += 1

    return Fleet(wait, lambda number: queues[number].put_nowait(1), count)


async def reschedules(count: int) -> float:
    """Return the seconds that `Timeout.reschedule` takes, among so many."""
    loop = asyncio.get_running_loop()
    armed: list[asyncio.Timeout] = []

    async def wait() -> None:
        async with asyncio.timeout(_HOUR) as timeout:
            armed.append(timeout)
            await asyncio.Event().wait()

    tasks = [asyncio.ensure_future(wait()) for _ in range(count)]
    await asyncio.sleep(0.1)
    begin = time.perf_counter()
    for timeout in armed:
        timeout.reschedule(loop.time() + _HOUR)
    await asyncio.sleep(0)
    taken = time.perf_counter() - begin
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return taken / count


async def compared(count: int, turns: int) -> dict[str, float]:
    """Return the seconds that a heartbeat takes (medians), in turns."""
    fleets = {"ours": mailboxes(count), "timeout": timeouts(count)}
    taken: dict[str, list[float]] = {name: [] for name in (*fleets, "reschedule")}
    with frozen():
        for turn in range(turns + 1):  # the first one warms up
            for name, fleet in fleets.items():
                seconds = await fleet.turn()
                if turn:
                    taken[name].append(seconds)
        taken["reschedule"].append(await reschedules(count))
    for fleet in fleets.values():
        await fleet.close()
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def measure(lab: Lab) -> Iterator[Row]:
    """Compare, at two sizes."""
    counts = (lab.pick(10_000, 1_000), lab.pick(100_000, 10_000))
    small, large = (asyncio.run(compared(count, lab.pick(9, 5))) for count in counts)
    ours, peer, bare = (1e6 * small[name] for name in ("ours", "timeout", "reschedule"))
    yield Row(
        f"re-arming a deadline at a heartbeat, {counts[0]:,} agents",
        f"{ours:.1f} us",
        f"a coroutine with asyncio.timeout {peer:.1f} us (Timeout.reschedule alone {bare:.1f} us)",
        ours / peer,
        f"at most {_GOAL:.2f} x",
        ours <= _GOAL * peer,
    )
    yield Row(
        f"the same, {counts[1]:,} agents",
        f"{1e6 * large['ours']:.1f} us",
        f"ours with {counts[0]:,} agents {ours:.1f} us (asyncio.timeout {1e6 * large['timeout']:.1f} us)",
        large["ours"] / small["ours"],
        f"at most {_FLAT} x",
        large["ours"] <= _FLAT * small["ours"],
    )
