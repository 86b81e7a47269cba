from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from supervisor.restarters.openclaw import Config, Restarter
from tests.support.gateway import TOKEN, Gateway, gateway, nothing_listens

Make = Callable[..., Restarter]


@pytest.fixture
async def claw(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("GATEWAY_TOKEN", TOKEN)
    async with gateway() as made:
        yield made


@pytest.fixture
async def make(claw: Gateway, tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Restarter] = []

    def restarter(**keys: object) -> Restarter:
        config = Config.model_validate({"url": claw.url, "token_env": "GATEWAY_TOKEN", "timeout": "5s", **keys})
        made.append(Restarter(config, agent="worker", data=tmp_path))
        return made[-1]

    yield restarter
    for one in made:
        await one.close()


def program(folder: Path, text: str) -> str:
    """Write a program in the place of `openclaw`; return its path."""
    path = folder / "openclaw"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


async def test_a_hung_agent_is_reset_and_takes_up_its_work(claw: Gateway, make: Make) -> None:
    claw.busy.add("worker")
    outcome = await make(resume="Collect the invoices.").restart(3)
    assert outcome.ok
    assert claw.resets == ["agent:worker:main"]
    assert claw.texts("worker") == ["[supervisor-restart worker 3] Collect the invoices."]


async def test_an_attempt_happens_once_whoever_asks_again(claw: Gateway, make: Make) -> None:
    one = make()
    outcomes = await asyncio.gather(*(one.restart(1) for _ in range(3)))
    assert all(outcome.ok for outcome in outcomes)
    assert (await make().restart(1)).ok
    assert len(claw.resets) == claw.turns == 1
    assert (await make().restart(2)).ok
    assert len(claw.resets) == claw.turns == 2


async def test_an_unknown_agent_is_not_reset_into_being(claw: Gateway, make: Make) -> None:
    outcome = await make(id="ghost").restart(1)
    assert (outcome.ok, outcome.detail) == (False, 'Unknown agent id "ghost"')
    assert claw.resets == []


async def test_a_gateway_that_can_not_reset_is_an_outcome(claw: Gateway, make: Make) -> None:
    claw.allowed.remove("sessions")
    outcome = await make().restart(1)
    assert not outcome.ok
    assert "add it to gateway.tools.allow" in outcome.detail
    outcome = await make(url=await nothing_listens()).restart(1)
    assert "no gateway at 127.0.0.1" in outcome.detail
    claw.says(200, {"ok": True, "result": {"details": {"ok": False, "error": "locked"}}})
    assert (await make().restart(1)).detail == "locked"


async def test_gently_only_the_turn_is_aborted(claw: Gateway, make: Make, tmp_path: Path) -> None:
    claw.read["agent:worker:main"] = ["what it knows"]
    openclaw = program(tmp_path, f'echo "$@" >{tmp_path}/told; env | grep OPENCLAW >>{tmp_path}/told')
    outcome = await make(gentle=True, program=openclaw).restart(1)
    assert outcome.ok
    arguments, *environment = (tmp_path / "told").read_text().splitlines()
    assert arguments == 'gateway call sessions.abort --json --params {"key": "agent:worker:main"}'
    assert sorted(environment) == [
        f"OPENCLAW_GATEWAY_PORT={claw.url.rpartition(':')[2]}",
        f"OPENCLAW_GATEWAY_TOKEN={TOKEN}",
    ]
    assert claw.texts("worker")[0] == "what it knows"
    assert claw.resets == []


@pytest.mark.parametrize(
    ("work", "keys", "detail"),
    [
        ("echo it is locked; exit 1", {}, "ended with 1: it is locked"),
        ("sleep 30", {"timeout": "200ms"}, "has not ended within 0.2 s"),
        ("", {"program": "/nowhere/openclaw"}, "/nowhere/openclaw: No such file or directory"),
    ],
)
async def test_gently_what_does_not_work_is_an_outcome(
    claw: Gateway, make: Make, tmp_path: Path, work: str, keys: dict[str, str], detail: str
) -> None:
    outcome = await make(**{"gentle": True, "program": program(tmp_path, work), **keys}).restart(1)
    assert not outcome.ok
    assert detail in outcome.detail
    assert claw.texts("worker") == []


async def test_gently_needs_a_token_that_is_there(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gentle = make(gentle=True, program=program(tmp_path, ""))
    monkeypatch.delenv("GATEWAY_TOKEN")
    assert "GATEWAY_TOKEN is empty" in (await gentle.restart(1)).detail


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(ValidationError, match="set token_file, token_env or token_credential"):
        Config()
    with pytest.raises(ValidationError, match="gentle needs a gateway on this machine"):
        Config.model_validate({"gentle": True, "url": "https://gateway.example", "token_env": "A"})
