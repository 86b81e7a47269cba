"""Restart -> port."""

from __future__ import annotations

import asyncio

from supervisor.domain.events import RestartFinished
from supervisor.ports import RestartOutcome
from supervisor.runtime.executor import Executor
from tests.support.actors import ScriptedRestarter
from tests.support.world import VIRTUAL

pytestmark = VIRTUAL


async def test_the_outcome_is_told() -> None:
    executor, told = Executor(), list[RestartFinished]()
    program = ScriptedRestarter(outcome=RestartOutcome(ok=False, detail="no", exit_code=3, stderr=("a", "b")))
    executor.start("a", program, 7, 70, told.append)
    assert executor.running("a")
    assert not executor.idle
    await asyncio.sleep(6)
    assert [effect.attempt for effect in program.effects] == [70]
    assert told == [RestartFinished(7, ok=False, detail="no", exit_code=3, stderr=("a", "b"))]
    assert executor.idle
    await program.end()


async def test_what_is_left_goes_on_and_can_be_joined() -> None:
    executor, told = Executor(), list[RestartFinished]()
    program = ScriptedRestarter()
    executor.start("a", program, 1, 1, told.append)
    await asyncio.sleep(1)
    await executor.leave("a")
    await executor.leave("a")
    assert executor.idle
    executor.start("a", program, 1, 1, told.append)
    await asyncio.sleep(5)
    assert len(program.effects) == len(told) == 1
    await executor.close()
    await program.end()


async def test_not_too_many_at_once() -> None:
    executor, told = Executor(), list[RestartFinished]()
    programs = [ScriptedRestarter(takes=10.0) for _ in range(100)]
    for number, program in enumerate(programs):
        executor.start(str(number), program, 1, 1, told.append)
    await asyncio.sleep(5)
    assert sum(bool(program.effects) for program in programs) == 32
    await asyncio.sleep(40)
    assert len(told) == 100
    for program in programs:
        await program.end()


async def test_whatever_a_restarter_raises_is_an_outcome() -> None:
    executor, told = Executor(), list[RestartFinished]()
    program = ScriptedRestarter(outcome=KeyError("x"))
    executor.start("a", program, 1, 1, told.append)
    await asyncio.sleep(6)
    assert told == [RestartFinished(1, ok=False, detail="KeyError: 'x'")]
    await program.end()
