"""What every channel promises, whatever it sends through."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.delivery import Delivered, Delivery, Failed
from supervisor.notifiers import alertmanager, apprise, command, email, file, webhook
from supervisor.notifiers._text import text
from supervisor.ports import Notifier
from tests.support.deliveries import delivery
from tests.support.mailserver import serving, trust
from tests.support.receiver import receiving


class Rig:
    """A channel, the other end of it, and faults that can be put in between.

    `arrived`: the ids of what came, and what it said; `said`: what a delivery is to say there.
    """

    def __init__(
        self,
        notifier: Notifier,
        arrived: Callable[[], list[tuple[str, Any]]],
        *,
        said: Callable[[Delivery], Any] = lambda sent: sent.message,
        fail: Callable[[], None],
        refuse: Callable[[], None],
        mend: Callable[[], None],
    ) -> None:
        self.notifier = notifier
        self.arrived = arrived
        self.said = said
        self.fail = fail
        self.refuse = refuse
        self.mend = mend


@asynccontextmanager
async def file_rig(folder: Path) -> AsyncIterator[Rig]:
    path = folder / "channel" / "escalations.jsonl"
    holder: list[int] = []

    def arrived() -> list[tuple[str, dict[str, Any]]]:
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        return [(line.pop("delivery"), line) for line in lines]

    def fail() -> None:
        import fcntl  # noqa: PLC0415

        path.parent.mkdir(exist_ok=True)
        holder.append(os.open(path, os.O_RDWR | os.O_CREAT))
        fcntl.flock(holder[0], fcntl.LOCK_EX)

    def refuse() -> None:
        path.mkdir(parents=True)

    def mend() -> None:
        while holder:
            os.close(holder.pop())
        if path.is_dir():
            path.rmdir()

    try:
        yield Rig(file.Notifier(file.Config(path=path), name="ops"), arrived, fail=fail, refuse=refuse, mend=mend)
    finally:
        mend()


PROGRAM = """
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[1])
if (folder / "code").exists():
    sys.exit(int((folder / "code").read_text()))
with open(folder / "arrived", "a") as file:
    file.write(json.dumps([os.environ["SUPERVISOR_DELIVERY"], json.load(sys.stdin)]) + chr(10))
"""


@asynccontextmanager
async def command_rig(folder: Path) -> AsyncIterator[Rig]:
    def arrived() -> list[tuple[str, dict[str, Any]]]:
        return [tuple(json.loads(line)) for line in (folder / "arrived").read_text().splitlines()]

    config = command.Config.model_validate({"command": [sys.executable, "-c", PROGRAM, str(folder)], "timeout": "30s"})
    yield Rig(
        command.Notifier(config, name="ops"),
        arrived,
        fail=lambda: void((folder / "code").write_text("75")),
        refuse=lambda: void((folder / "code").write_text("64")),
        mend=(folder / "code").unlink,
    )


@asynccontextmanager
async def webhook_rig(_folder: Path) -> AsyncIterator[Rig]:
    async with receiving() as receiver:

        def arrived() -> list[tuple[str, dict[str, Any]]]:
            return [(got.headers["Idempotency-Key"], json.loads(got.body)) for got in receiver.got]

        def mend() -> None:
            receiver.got.clear()
            receiver.says(200)

        yield Rig(
            webhook.Notifier(webhook.Config(url=receiver.url), name="ops"),
            arrived,
            fail=lambda: receiver.says(503),
            refuse=lambda: receiver.says(404),
            mend=mend,
        )


def noticed(words: str) -> tuple[str, str]:
    """Return the id that a text for people ends with, and the text."""
    words = words.replace("\r\n", "\n").strip()
    return words.rpartition("Notice ")[2], words


@asynccontextmanager
async def email_rig(folder: Path) -> AsyncIterator[Rig]:
    async with serving() as server:
        keys = {"host": "127.0.0.1", "port": server.port, "from": "sup@example.org", "to": ["ann@example.org"]}
        config = email.Config.model_validate({**keys, "ca_file": trust(folder), "timeout": "30s"})

        def mend() -> None:
            server.replies.clear()
            server.mails.clear()

        yield Rig(
            email.Notifier(config, name="ops"),
            lambda: [noticed(mail.get_content()) for mail in server.mails],
            said=lambda sent: text(sent).strip(),
            fail=lambda: server.replies.update({"DATA": "451 4.7.1 later"}),
            refuse=lambda: server.replies.update({"DATA": "554 5.7.1 never"}),
            mend=mend,
        )


@asynccontextmanager
async def alertmanager_rig(_folder: Path) -> AsyncIterator[Rig]:
    async with receiving() as receiver:
        config = alertmanager.Config(urls=(receiver.url,))

        def arrived() -> list[tuple[str, dict[str, Any]]]:
            told = [alert["annotations"] for got in receiver.got for alert in json.loads(got.body)]
            return [(annotations["delivery"], annotations) for annotations in told]

        def mend() -> None:
            receiver.got.clear()
            receiver.says(200)

        yield Rig(
            alertmanager.Notifier(config, name="ops"),
            arrived,
            said=lambda sent: alertmanager.alert(config, sent, 0.0)["annotations"],
            fail=lambda: receiver.says(503),
            refuse=lambda: receiver.says(400),
            mend=mend,
        )


@asynccontextmanager
async def apprise_rig(folder: Path) -> AsyncIterator[Rig]:
    async with receiving() as receiver:
        urls = folder / "urls"
        address = receiver.url.replace("http", "json", 1)
        urls.write_text(address)

        def mend() -> None:
            urls.write_text(address)
            receiver.got.clear()
            receiver.says(200)

        yield Rig(
            apprise.Notifier(apprise.Config.model_validate({"urls_file": urls, "timeout": "30s"}), name="ops"),
            lambda: [noticed(json.loads(got.body)["message"]) for got in receiver.got],
            said=lambda sent: text(sent).strip(),
            fail=lambda: receiver.says(503),
            refuse=lambda: void(urls.write_text("pigeon://loft")),
            mend=mend,
        )


def void(_: object) -> None:
    return None


RIGS = {
    "file": file_rig,
    "command": command_rig,
    "webhook": webhook_rig,
    "email": email_rig,
    "alertmanager": alertmanager_rig,
    "apprise": apprise_rig,
}


@pytest.fixture(params=RIGS.values(), ids=list(RIGS))
async def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(file, "LOCK_PATIENCE", 0.1)
    async with request.param(tmp_path) as rig:
        yield rig
        await rig.notifier.close()


async def test_a_message_arrives_whole_and_under_its_id(rig: Rig) -> None:
    sent = delivery()
    assert await rig.notifier.send(sent) == Delivered()
    assert rig.arrived() == [(sent.id, rig.said(sent))]


@pytest.mark.parametrize(
    "text",
    [
        '"}\n{"delivery": "INC-2"}',
        "$(reboot) `reboot` ; reboot",
        "ñ 日本 \N{PILE OF POO}",
        "\x00\x1b[2J\r\n",
        "x" * 60_000,
    ],
    ids=["json", "shell", "unicode", "control", "long"],
)
async def test_what_an_agent_wrote_stays_data(rig: Rig, text: str) -> None:
    sent = delivery("INC-1.hostile", summary=text, agent=text, evidence={"message": text})
    assert await rig.notifier.send(sent) == Delivered()
    assert rig.arrived() == [(sent.id, rig.said(sent))]


async def test_a_delivery_sent_twice_bears_the_same_id(rig: Rig) -> None:
    sent = delivery()
    assert await rig.notifier.send(sent) == Delivered()
    assert await rig.notifier.send(sent) == Delivered()
    assert {id_ for id_, _ in rig.arrived()} == {sent.id}


async def test_many_at_once_all_arrive(rig: Rig) -> None:
    sent = [delivery(f"INC-{number}.1.ops", number=number) for number in range(10)]
    outcomes = await asyncio.gather(*(rig.notifier.send(one) for one in sent))
    assert outcomes == [Delivered()] * 10
    assert sorted(rig.arrived(), key=str) == sorted(((one.id, rig.said(one)) for one in sent), key=str)


async def test_a_passing_fault_is_told_and_does_not_last(rig: Rig) -> None:
    rig.fail()
    outcome = await rig.notifier.send(delivery())
    assert isinstance(outcome, Failed)
    assert outcome.error
    assert not outcome.permanent
    rig.mend()
    assert await rig.notifier.send(delivery()) == Delivered()
    assert len(rig.arrived()) == 1


async def test_a_refusal_is_for_good(rig: Rig) -> None:
    rig.refuse()
    outcome = await rig.notifier.send(delivery())
    assert isinstance(outcome, Failed)
    assert outcome.permanent
    assert 0 < len(outcome.error) < 1000
    rig.mend()
    assert await rig.notifier.send(delivery()) == Delivered()


async def test_sending_leaves_the_event_loop_free(rig: Rig) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before)

    watcher = asyncio.create_task(watch(), name="watch the loop")
    for number in range(5):
        await rig.notifier.send(delivery(f"INC-{number}"))
    watcher.cancel()
    assert longest < 0.5


async def test_a_cancelled_try_is_cancelled_and_can_be_made_again(rig: Rig) -> None:
    task = asyncio.create_task(rig.notifier.send(delivery()), name="a try")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rig.notifier.send(delivery()) == Delivered()
    assert {id_ for id_, _ in rig.arrived()} == {delivery().id}


async def test_it_closes_unused_and_twice(rig: Rig) -> None:
    await rig.notifier.close()
    await rig.notifier.close()
