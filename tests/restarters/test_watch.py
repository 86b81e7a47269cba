from __future__ import annotations

import asyncio
import os
import signal
import subprocess

import pytest

from supervisor.restarters._processes import Process, look
from supervisor.restarters._watch import Watch
from tests.support.agents import children, descriptors, eventually, living


def started(*command: str) -> tuple[subprocess.Popen[bytes], Process]:
    child = subprocess.Popen(command)
    process = look(child.pid)
    return child, process or Process(child.pid, 0)


@pytest.mark.parametrize(("command", "code"), [(("sh", "-c", "exit 3"), 3), (("sh", "-c", "kill -9 $$"), -9)])
async def test_a_child_is_reaped_and_its_code_told(command: tuple[str, ...], code: int) -> None:
    before = descriptors()
    child, process = started(*command)
    assert await asyncio.wait_for(Watch(process, child=True).ended, 10) == code
    assert descriptors() == before
    assert child.pid not in children()
    child.returncode = code  # so that Popen does not look for it


async def test_a_child_that_is_dead_already() -> None:
    child, _ = started("true")
    await eventually(lambda: not living(child.pid), "it ends")
    assert await asyncio.wait_for(Watch(Process(child.pid, 0), child=True).ended, 10) == 0
    child.returncode = 0


async def test_somebody_else_reaps_it_first() -> None:
    child, process = started("sleep", "60")
    watch = Watch(process, child=True)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert await asyncio.wait_for(watch.ended, 10) is None


async def test_one_that_is_no_child_is_seen_and_not_reaped() -> None:
    child, process = started("sleep", "60")
    watch = Watch(process, child=False)
    os.kill(child.pid, signal.SIGTERM)
    assert await asyncio.wait_for(watch.ended, 10) is None
    assert child.wait() == -signal.SIGTERM
    assert await asyncio.wait_for(Watch(process, child=False).ended, 10) is None, "gone already"


async def test_another_of_the_same_pid_is_not_it() -> None:
    child, process = started("sleep", "60")
    assert await asyncio.wait_for(Watch(process._replace(start=1), child=False).ended, 10) is None
    child.kill()
    child.wait()


async def test_who_asked_may_be_gone() -> None:
    child, process = started("sleep", "60")
    watch = Watch(process, child=True)
    watch.ended.cancel()
    child.kill()
    await eventually(lambda: child.pid not in children(), "it is reaped all the same")
    child.returncode = -signal.SIGKILL
