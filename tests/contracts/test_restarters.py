"""What every kind of restarter promises."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from supervisor.ports import Restarter, RestartOutcome
from supervisor.restarters import command, managed, systemd
from tests.support.agents import eventually


@dataclass
class Bench:
    """One kind of restarter whose effect is a line in a file."""

    effect: Path
    make: Callable[..., Restarter]

    def effects(self) -> int:
        return len(self.effect.read_text().splitlines()) if self.effect.exists() else 0


def commanded(tmp_path: Path, work: str, **keys: object) -> Restarter:
    config = command.Config.model_validate({"command": ["sh", "-c", work], **keys})
    return command.Restarter(config, agent="test-agent", data=tmp_path / "data" / "test-agent")


def kept(tmp_path: Path, work: str, **keys: object) -> Restarter:
    config = managed.Config.model_validate({"command": ["sh", "-c", f"{work}; sleep 60"], **keys})
    return managed.Restarter(config, agent="test-agent", data=tmp_path / "data" / "test-agent")


def unit(tmp_path: Path, work: str, **keys: object) -> Restarter:
    """A `systemctl` of our own does the work: what is told to the real one is tested with the real one."""
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir(exist_ok=True)
    systemctl.write_text(f'#!/bin/sh\ncase "$*" in *restart*) {work};; *show*) echo ActiveState=active;; esac\n')
    systemctl.chmod(0o700)
    path = {"PATH": f"{systemctl.parent}:/usr/bin:/bin"}
    config = systemd.Config.model_validate({"environment": path, **keys})
    return systemd.Restarter(config, agent="test-agent", data=tmp_path / "data" / "test-agent")


@pytest.fixture(params=[commanded, kept, unit], ids=["command", "managed", "systemd"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    made: list[Restarter] = []

    def make(work: str = "", **keys: object) -> Restarter:
        work = f"echo run >>{tmp_path}/effect" + (f"; {work}" if work else "")
        made.append(request.param(tmp_path, work, **keys))
        return made[-1]

    yield Bench(tmp_path / "effect", make)
    for restarter in made:
        await restarter.close()


async def test_an_attempt_has_its_effect(bench: Bench) -> None:
    outcome = await bench.make().restart(1)
    assert outcome.ok
    assert outcome.stderr == ()
    await eventually(lambda: bench.effects() == 1, "the effect is there")


async def test_the_same_attempt_twice_at_once_happens_once(bench: Bench) -> None:
    restarter = bench.make("sleep 0.2")
    outcomes = await asyncio.gather(*(restarter.restart(1) for _ in range(4)))
    assert outcomes[0].ok
    assert set(outcomes) == {outcomes[0]}
    await eventually(lambda: bench.effects() == 1, "the effect is there")
    await asyncio.sleep(0.1)
    assert bench.effects() == 1


async def test_the_same_attempt_asked_by_two_lives_happens_once(bench: Bench) -> None:
    outcomes = await asyncio.gather(*(bench.make("sleep 0.2").restart(1) for _ in range(3)))
    assert set(outcomes) == {outcomes[0]}
    assert await bench.make().restart(1) == outcomes[0]
    await eventually(lambda: bench.effects() == 1, "the effect is there")
    await asyncio.sleep(0.1)
    assert bench.effects() == 1


async def test_each_new_attempt_happens_anew(bench: Bench) -> None:
    restarter = bench.make()
    for attempt in (1, 2, 3):
        assert (await restarter.restart(attempt)).ok
        await eventually(lambda: bench.effects() == attempt, "the effect is there")  # noqa: B023 - awaited at once


async def test_a_cancelled_attempt_is_joined(bench: Bench) -> None:
    restarter = bench.make(pre_restart=[["sleep", "0.3"]])
    first = asyncio.create_task(restarter.restart(1))
    await asyncio.sleep(0.15)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await restarter.restart(1)).ok
    await eventually(lambda: bench.effects() == 1, "the effect is there")


async def test_a_failing_hook_is_an_outcome_and_nothing_is_done(bench: Bench) -> None:
    hook = [sys.executable, "-c", "import sys; sys.exit('not now')"]
    outcome = await bench.make(pre_restart=[hook]).restart(1)
    assert not outcome.ok
    assert outcome.detail.startswith(f"pre_restart {sys.executable}: exit code 1")
    assert (outcome.exit_code, outcome.stderr) == (1, ("not now",))
    assert bench.effects() == 0


async def test_a_folder_that_can_not_be_made_is_an_outcome(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    outcome = await bench.make().restart(1)
    assert isinstance(outcome, RestartOutcome)
    assert not outcome.ok
    assert str(tmp_path / "data") in outcome.detail
    (tmp_path / "data").unlink()


async def test_its_folder_is_its_own(bench: Bench, tmp_path: Path) -> None:
    assert (await bench.make().restart(1)).ok
    folder = tmp_path / "data" / "test-agent"
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_closing_twice_or_before_any_restart(bench: Bench) -> None:
    restarter = bench.make()
    await restarter.close()
    await restarter.close()
    assert bench.effects() == 0
