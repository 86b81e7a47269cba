"""A real gateway: `pytest -m openclaw tests/integration/test_openclaw.py`. It installs OpenClaw (700 MB, a minute)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from supervisor.domain.delivery import Accepted, Delivered, Failed, Outcome
from supervisor.notifiers import openclaw as channel
from supervisor.openclaw import Gateway as Client
from supervisor.openclaw import GatewayError, Trace
from supervisor.restarters import openclaw as restarter
from tests.support.deliveries import delivery
from tests.support.gateway import HOOK_TOKEN, TOKEN
from tests.support.openclaw import Gateway, openclaw

pytestmark = [pytest.mark.openclaw, pytest.mark.timeout(600)]

PATIENCE = 90.0  # s


@pytest.fixture(autouse=True)
def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TOKEN", TOKEN)
    monkeypatch.setenv("GATEWAY_HOOKS", HOOK_TOKEN)


_made: list[channel.Notifier | restarter.Restarter | Client] = []


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    while _made:
        await _made.pop().close()


def caine(claw: Gateway, **keys: object) -> channel.Notifier:
    keys = {"url": claw.url, "token_env": "GATEWAY_TOKEN", "timeout": "30s", **keys}
    made = channel.Notifier(channel.Config.model_validate(keys), name="caine")
    _made.append(made)
    return made


def worker(claw: Gateway, **keys: object) -> restarter.Restarter:
    keys = {"url": claw.url, "token_env": "GATEWAY_TOKEN", "resume": "Go on.", **keys}
    made = restarter.Restarter(restarter.Config.model_validate(keys), agent="worker", data=Path("/nowhere"))
    _made.append(made)
    return made


def client(claw: Gateway) -> Client:
    made = Client(restarter.Config.model_validate({"url": claw.url, "token_env": "GATEWAY_TOKEN"}), 30.0)
    _made.append(made)
    return made


async def eventually(what: str, probe: Callable[[], Awaitable[bool]]) -> None:
    until = time.monotonic() + PATIENCE
    while not await probe():
        assert time.monotonic() < until, what
        await asyncio.sleep(0.3)


async def outcome(notifier: channel.Notifier, id_: str = "INC-1.1.ops") -> Outcome:
    """Return what becomes of a delivery that is tried as the outbox does: until it is read, or refused."""
    until = time.monotonic() + PATIENCE
    while True:
        came = await notifier.send(delivery(id_))
        if isinstance(came, Delivered) or (isinstance(came, Failed) and came.permanent):
            return came
        assert time.monotonic() < until, came
        await asyncio.sleep(0.5)


async def hang(claw: Gateway, gateway: Client) -> None:
    """Let worker finish a turn, and make its model hang in the next."""
    await gateway.send("agent:worker:main", "[work 0] read the ledger")

    async def knows() -> bool:
        return await gateway.find("agent:worker:main", "[work 0]") is Trace.STARTED

    await eventually("the agent works", knows)
    claw.model.hangs_on = "[work 1]"
    await gateway.send("agent:worker:main", "[work 1] collect the invoices")

    async def hangs() -> bool:
        return not claw.model.hangs_on

    await eventually("the agent hangs", hangs)


async def test_an_escalation_arrives_once_at_one_turn_and_again_after_a_kill(tmp_path: Path) -> None:
    async with openclaw(tmp_path) as claw:
        notifier, gateway = caine(claw), client(claw)
        assert await outcome(notifier) == Delivered()
        assert await outcome(notifier) == Delivered()
        assert claw.model.asked("[supervisor-event INC-1.1.ops]") == len(claw.model.turns) == 1
        assert isinstance(await caine(claw, agent="ghost").send(delivery()), Failed)

        # Between accepted and run: the agent is in another turn while its gateway is killed.
        other = caine(claw, agent="worker")
        await hang(claw, gateway)
        assert isinstance(await other.send(delivery("INC-2.1.ops")), Accepted)
        assert isinstance(await other.send(delivery("INC-2.1.ops")), Accepted)
        claw.kill()
        for one in (notifier, other):
            down = await one.send(delivery("INC-3.1.ops"))
            assert isinstance(down, Failed)
            assert not down.permanent
        claw.model.release.set()
        await claw.start()
        assert await outcome(other, "INC-2.1.ops") == Delivered()
        assert claw.model.asked("[supervisor-event INC-2.1.ops]") == 1


async def test_a_hung_agent_is_reset_or_its_turn_aborted_and_goes_on(tmp_path: Path) -> None:
    async with openclaw(tmp_path) as claw:
        gateway = client(claw)
        for attempt, keys in ((1, {}), (2, {"gentle": True, "program": claw.program})):
            await hang(claw, gateway)
            claw.model.turns.clear()
            monkey = pytest.MonkeyPatch()
            for key, value in claw.environment.items():
                monkey.setenv(key, value)
            one = worker(claw, **keys)
            done = await one.restart(attempt)
            assert done.ok, done.detail
            mark = f"[supervisor-restart worker {attempt}]"

            async def resumed(mark: str = mark) -> bool:
                return claw.model.asked(f"{mark} Go on.") == 1

            await eventually("it goes on", resumed)
            assert (await one.restart(attempt)).detail == "worker was told already"
            knows = await gateway.find("agent:worker:main", "[work 0]") is Trace.STARTED
            assert knows is bool(keys), "a reset forgets, an abort does not"
            monkey.undo()
        ghost = await worker(claw, id="ghost").restart(1)
        assert (ghost.ok, ghost.detail) == (False, 'Unknown agent id "ghost"')


async def test_where_the_tool_is_denied_the_setting_is_named_and_the_hooks_take_it(tmp_path: Path) -> None:
    async with openclaw(tmp_path, allow=()) as claw:
        notifier, hooked = caine(claw), caine(claw, hook_token_env="GATEWAY_HOOKS")
        refused = await outcome(notifier)
        assert isinstance(refused, Failed)
        assert "add it to gateway.tools.allow" in refused.error
        assert await outcome(hooked) == Delivered()
        assert await outcome(hooked) == Delivered()

        async def read() -> bool:  # the hook answers before the turn begins
            return claw.model.asked("[supervisor-event INC-1.1.ops]") > 0

        await eventually("the model reads it", read)
        await asyncio.sleep(3.0)
        assert claw.model.asked("[supervisor-event INC-1.1.ops]") == 1
        with pytest.raises(GatewayError, match=r"add it to gateway\.tools\.allow"):
            await client(claw).send("agent:caine:main", "hello")
