"""Channel `apprise`: through Apprise to a real HTTP server, by its service `json://`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.domain.delivery import Delivered, Delivery, Failed, NoticeKind, Outcome
from supervisor.notifiers import apprise
from tests.support.deliveries import delivery
from tests.support.receiver import Receiver, receiving


def address(receiver: Receiver, rest: str = "") -> str:
    return receiver.url.replace("http", "json", 1) + rest


def notifier(folder: Path, *lines: str, **keys: Any) -> apprise.Notifier:
    (folder / "urls").write_text("\n".join(lines))
    return apprise.Notifier(apprise.Config.model_validate({"urls_file": folder / "urls", **keys}), name="chat")


async def send(folder: Path, *lines: str, sent: Delivery | None = None, **keys: Any) -> Outcome:
    channel = notifier(folder, *lines, **keys)
    try:
        return await channel.send(sent or delivery())
    finally:
        await channel.close()


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    assert outcome.error.isprintable()
    return outcome


@pytest.mark.parametrize(
    ("kind", "severity", "expected"),
    [
        (NoticeKind.TRIGGERED, "critical", "failure"),
        (NoticeKind.TRIGGERED, "warning", "warning"),
        (NoticeKind.RESOLVED, "critical", "success"),
        (NoticeKind.TEST, "critical", "info"),
    ],
)
async def test_a_service_is_told(
    receiver: Receiver, tmp_path: Path, kind: NoticeKind, severity: str, expected: str
) -> None:
    sent = delivery("INC-1.1", kind, severity=severity)
    assert await send(tmp_path, "# the chat", "", address(receiver), sent=sent) == Delivered()
    (got,) = receiver.got
    told = json.loads(got.body)
    assert told["type"] == expected
    assert told["title"].endswith("payment-watcher: no heartbeat for 75 min")
    assert "To do: look:" in told["message"]


async def test_a_template_makes_the_text(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "chat.j2").write_text("{{ message.summary }}!")
    assert await send(tmp_path, address(receiver), template=tmp_path / "chat.j2") == Delivered()
    assert json.loads(receiver.got[0].body)["message"] == "no heartbeat for 75 min!"


async def test_who_has_taken_it_is_not_told_again_and_no_address_is_shown(tmp_path: Path) -> None:
    async with receiving() as one, receiving() as other:
        other.says(500)
        channel = notifier(tmp_path, address(one, "/hunter2"), "", address(other, "/hunter2"))
        outcome = failed(await channel.send(delivery()))
        assert not outcome.permanent
        assert outcome.error.startswith("JSON (line 3): ")
        assert "500" in outcome.error
        assert "hunter2" not in outcome.error
        other.says(200)
        assert await channel.send(delivery()) == Delivered()
        assert (len(one.got), len(other.got)) == (1, 2)
        assert await channel.send(delivery("INC-1.2")) == Delivered()
        assert (len(one.got), len(other.got)) == (2, 3)
        await channel.close()


async def test_what_apprise_logs_stands_in_the_outcome_alone(receiver: Receiver, tmp_path: Path) -> None:
    heard: list[logging.LogRecord] = []
    listener = logging.Handler()
    listener.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(listener)
    try:
        receiver.says(403)
        assert "403" in failed(await send(tmp_path, address(receiver))).error
    finally:
        logging.getLogger().removeHandler(listener)
    assert [record for record in heard if record.name.startswith("apprise")] == []
    assert len([one for one in logging.getLogger("apprise").handlers if type(one) is apprise._Listener]) == 1


async def test_a_service_that_hangs_is_left(receiver: Receiver, tmp_path: Path) -> None:
    receiver.hangs()
    began = time.monotonic()
    assert await send(tmp_path, address(receiver), timeout="500ms") == Failed("no answer within 0.5 s")
    assert time.monotonic() - began < 5


async def test_what_was_taken_after_all_is_not_sent_again(receiver: Receiver, tmp_path: Path) -> None:
    receiver.hangs()
    channel = notifier(tmp_path, address(receiver), timeout="1s")
    assert await channel.send(delivery()) == Failed("no answer within 1 s")
    receiver.release.set()  # the answer is late
    await until(lambda: bool(channel._recipients._taken))
    assert await channel.send(delivery()) == Delivered()
    assert len(receiver.got) == 1
    await channel.close()


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.02)


async def test_addresses_may_change_and_what_is_none_is_refused_for_good(receiver: Receiver, tmp_path: Path) -> None:
    channel = notifier(tmp_path, address(receiver))
    urls = tmp_path / "urls"
    for text, why in [
        ("# nothing", "there is no address"),
        (f"{address(receiver)}\npigeon://hunter2", "line 2 of the addresses is none that Apprise understands"),
        ("", f"{urls} is empty"),
    ]:
        urls.write_text(text)
        assert failed(await channel.send(delivery())) == Failed(why, permanent=True)
    urls.unlink()
    assert str(urls) in failed(await channel.send(delivery())).error
    urls.write_text(address(receiver))
    assert await channel.send(delivery()) == Delivered()
    assert len(receiver.got) == 1
    await channel.close()


def test_the_configuration_is_checked_as_far_as_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert apprise.Config(urls_credential="chat").urls is not None  # systemd gives it to the daemon alone
    monkeypatch.setenv("CHAT", "pigeon://hunter2")
    with pytest.raises(ValidationError, match="line 1 of the addresses is none that Apprise understands") as caught:
        apprise.Config(urls_env="CHAT")
    assert "hunter2" not in caught.value.errors()[0]["msg"]
    with pytest.raises(ValidationError, match="expected one of urls_file, urls_env and urls_credential"):
        apprise.Config()
    with pytest.raises(ValidationError, match="not 2 of them"):
        apprise.Config(urls_env="CHAT", urls_file=tmp_path / "urls")


def test_the_missing_extra_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ValidationError, match="Apprise is not installed: pip install 'collections-supervisor"):
        apprise.Config(urls_env="CHAT")
