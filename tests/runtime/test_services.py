"""The supervisor's own coroutines are kept alive, as far as the law allows."""

from __future__ import annotations

import asyncio

import pytest

from supervisor.runtime.services import LAW, LAW_OF_EXTRAS, ServiceExhaustedError, keep
from tests.support.world import VIRTUAL, agent, town

pytestmark = VIRTUAL


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_service_that_keeps_failing_climbs() -> None:
    async with town(a=agent()) as t:
        begun: list[float] = []

        async def service() -> None:
            begun.append(now())
            raise ExceptionGroup("group", [ValueError("inner")])

        with pytest.raises(ServiceExhaustedError, match="service x keeps failing: ValueError: inner"):
            await keep("x", service, t.daemon.journal)
        assert len(begun) == LAW.max_restarts + 1
        assert [record.error for record in t.logged("service_failed")] == ["ValueError: inner"] * LAW.max_restarts


async def test_a_service_that_ends_has_failed() -> None:
    async with town(a=agent()) as t:

        async def service() -> None:
            await asyncio.sleep(20)

        keeping = asyncio.create_task(keep("x", service, t.daemon.journal))
        await t.sleep("50s")
        assert [record.error for record in t.logged("service_failed")] == ["it has ended"] * 2
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_rare_failures_never_climb() -> None:
    async with town(a=agent()) as t:

        async def service() -> None:
            await asyncio.sleep(30)
            raise ValueError("now and then")

        keeping = asyncio.create_task(keep("x", service, t.daemon.journal))
        await t.sleep("2h")
        assert not keeping.done()
        assert len(t.logged("service_failed")) > 150
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_what_can_be_done_without_is_tried_on_slowly() -> None:
    async with town(a=agent()) as t:
        begun: list[float] = []

        async def service() -> None:
            begun.append(now())
            raise ValueError("bug")

        keeping = asyncio.create_task(keep("x", service, t.daemon.journal, LAW_OF_EXTRAS))
        await t.sleep("1h")
        assert not keeping.done()
        assert 55 < len(begun) < 75
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_a_clock_that_is_set_back_lengthens_no_wait() -> None:
    async with town(a=agent(), pulse=1.0) as t:
        failing = True

        async def service() -> None:
            if failing:
                raise ValueError("bug")
            await asyncio.sleep(1e6)

        keeping = asyncio.create_task(keep("x", service, t.daemon.journal))
        await t.sleep("150ms")
        t.step_clock(-7200.0)
        t.daemon._world.clock.resync()
        failing = False
        await t.sleep("5s")
        failed = len(t.logged("service_failed", service="x"))
        assert failed
        assert not keeping.done()
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_a_service_that_fails_while_it_is_ended_is_not_begun_again() -> None:
    async with town(a=agent()) as t:
        begun: list[float] = []

        async def service() -> None:
            begun.append(now())
            try:
                await asyncio.sleep(1e6)
            finally:
                raise ValueError("while it was let go")

        keeping = asyncio.create_task(keep("x", service, t.daemon.journal))
        await t.sleep("1m")
        keeping.cancel()
        await asyncio.wait({keeping}, timeout=60)
        assert keeping.done()
        assert len(begun) == 1
        assert [record.error for record in t.logged("service_failed")] == ["ValueError: while it was let go"]
