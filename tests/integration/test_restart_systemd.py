from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.ports import RestartOutcome
from supervisor.restarters.systemd import Config, Restarter
from tests.support.lab import Lab, lab

AGENT = """
[Service]
ExecStart=/bin/sh -c 'echo start >>/run/lives; exec sleep 1000'
[Unit]
StartLimitIntervalSec=0
"""


def restarter(data: Path, systemctl: str, **keys: Any) -> Restarter:
    """Return one that finds a `systemctl` with these lines."""
    program = data.parent / "bin" / "systemctl"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{systemctl}\n")
    program.chmod(0o700)
    config = Config.model_validate({"environment": {"PATH": f"{program.parent}:/usr/bin:/bin"}, **keys})
    return Restarter(config, agent="test-agent", data=data)


# --- the real systemd ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("machine")) as inside:
        inside.unit("agent@.service", AGENT)
        yield inside


def inside(machine: Lab, data: Path, **keys: Any) -> Restarter:
    """Return one whose `systemctl` is the real one inside `machine`."""
    return restarter(data, f'exec {shlex.join(machine.enter("systemctl"))} "$@"', **keys)


def lives(machine: Lab) -> int:
    path = machine.root / "run/lives"
    return len(path.read_text().splitlines()) if path.exists() else 0


async def test_the_agents_unit_is_restarted(machine: Lab, tmp_path: Path) -> None:
    before = lives(machine)
    good = RestartOutcome(ok=True, detail="agent@test-agent.service is active (running), result success", exit_code=0)
    for attempt in (1, 2):
        assert await inside(machine, tmp_path / "data").restart(attempt) == good
        assert await inside(machine, tmp_path / "data").restart(attempt) == good
    await asyncio.sleep(0.2)
    assert lives(machine) == before + 2
    group = machine.run("systemctl", "show", "-P", "ControlGroup", "agent@test-agent.service").strip()
    assert len(machine.run("cat", f"/sys/fs/cgroup{group}/cgroup.procs").split()) == 1


async def test_a_unit_that_does_not_start_says_why(machine: Lab, tmp_path: Path) -> None:
    machine.unit("broken.service", "[Service]\nType=notify\nExecStart=/bin/false\n")
    outcome = await inside(machine, tmp_path / "data", unit="broken.service").restart(1)
    assert (outcome.ok, outcome.exit_code) == (False, 1)
    assert outcome.detail.startswith("exit code 1; Job for broken.service failed")
    assert outcome.detail.endswith("; broken.service is failed (failed), result exit-code")


async def test_a_unit_that_fails_right_after_its_start_is_no_success(machine: Lab, tmp_path: Path) -> None:
    machine.unit("brief.service", "[Service]\nExecStart=/no/such/program\n")
    outcome = await inside(machine, tmp_path / "data", unit="brief.service").restart(1)
    assert not outcome.ok
    assert outcome.detail.endswith("brief.service is failed (failed), result exit-code")


async def test_a_unit_that_does_not_exist_is_named(machine: Lab, tmp_path: Path) -> None:
    outcome = await inside(machine, tmp_path / "data", unit="nothing.service").restart(1)
    why = "Failed to restart nothing.service: Unit nothing.service not found."
    assert (outcome.ok, outcome.exit_code, outcome.detail) == (False, 5, f"exit code 5; {why}")


async def test_a_unit_that_never_comes_up_is_not_waited_for(machine: Lab, tmp_path: Path) -> None:
    machine.unit("slow.service", "[Service]\nType=notify\nExecStart=/bin/sleep 1000\n")
    outcome = await inside(machine, tmp_path / "data", unit="slow.service", timeout="1s").restart(1)
    assert not outcome.ok
    assert outcome.detail == "timed out after 1 s; slow.service is activating (start), result success"
    machine.run("systemctl", "stop", "slow.service")


async def test_a_user_without_the_right_is_refused_at_once(machine: Lab, tmp_path: Path) -> None:
    before = lives(machine)
    as_nobody = shlex.join(machine.enter("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "systemctl"))
    outcome = await restarter(tmp_path / "data", f'exec {as_nobody} "$@"').restart(1)
    assert not outcome.ok
    assert outcome.exit_code
    assert "Failed to restart agent@test-agent.service: " in outcome.detail
    assert lives(machine) == before


# --- what systemctl is told ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "--no-ask-password restart -- agent@test-agent.service"),
        ({"unit": "caine.service", "user": True}, "--user --no-ask-password restart -- caine.service"),
    ],
)
async def test_what_systemctl_is_told(tmp_path: Path, keys: dict[str, Any], told: str) -> None:
    outcome = await restarter(tmp_path / "data", f'echo "$*" >>{tmp_path}/told', **keys).restart(1)
    assert outcome.ok
    first, second = (tmp_path / "told").read_text().splitlines()
    assert first == told
    assert second == told.replace("restart", "show --property=LoadState,ActiveState,SubState,Result")


async def test_no_systemctl_is_an_outcome(tmp_path: Path) -> None:
    config = Config.model_validate({"environment": {"PATH": str(tmp_path)}})
    outcome = await Restarter(config, agent="test-agent", data=tmp_path / "data").restart(1)
    detail = "systemctl: No such file or directory (looked for on PATH)"
    assert outcome == RestartOutcome(ok=False, detail=detail)


@pytest.mark.parametrize("unit", ["agent", "../x.service", "-H.service", "a b.service", "", "x.service\n", "é.service"])
def test_a_name_that_is_no_units_is_refused(unit: str) -> None:
    with pytest.raises(ValidationError, match="unit"):
        Config.model_validate({"unit": unit})


@pytest.mark.parametrize("unit", ["agent@collections-emailer.service", "a\\x2db.timer", "caine.target"])
def test_the_name_of_a_unit(unit: str) -> None:
    assert Config.model_validate({"unit": unit}).unit == unit
