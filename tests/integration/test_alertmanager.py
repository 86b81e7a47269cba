"""Channel `alertmanager` against a real Alertmanager, and a daemon that keeps an alert alight there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.delivery import Delivered, Delivery, NoticeKind, Outcome
from supervisor.domain.messages import utc
from supervisor.notifiers import alertmanager as channel
from tests.support.alertmanager import Alertmanager, alertmanager
from tests.support.deliveries import delivery, failed
from tests.support.receiver import receiving
from tests.support.town import Town

DEAD = "http://127.0.0.1:9"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Alertmanager]:
    async with alertmanager(tmp_path) as server:
        yield server


async def send(sent: Delivery, *urls: str, **keys: Any) -> Outcome:
    notifier = channel.Notifier(channel.Config.model_validate({"urls": urls, **keys}), name="am")
    try:
        return await notifier.send(sent)
    finally:
        await notifier.close()


async def until(what: Callable[[], Awaitable[object]], limit: float = 20.0) -> None:
    async with asyncio.timeout(limit):
        while not await what():
            await asyncio.sleep(0.05)


def ends(alert: dict[str, Any]) -> float:
    return datetime.fromisoformat(alert["endsAt"]).timestamp()


async def test_an_alert_fires_and_resolves(server: Alertmanager) -> None:
    opened = utc(time.time() - 60)
    assert await send(delivery("INC-1.1", opened_at=opened), server.url, labels={"instance": "lab"}) == Delivered()
    await until(server.alerts)
    (alert,) = await server.alerts()
    assert alert["labels"] == {
        "alertname": "heartbeat",
        "agent": "payment-watcher",
        "severity": "critical",
        "key": "payment-watcher:heartbeat",
        "instance": "lab",
    }
    assert alert["annotations"]["summary"] == "no heartbeat for 75 min"
    assert alert["annotations"]["action"] == "look: `collections-supervisor why payment-watcher`"
    assert "To do: look:" in alert["annotations"]["description"]
    assert datetime.fromisoformat(alert["startsAt"]).timestamp() == pytest.approx(time.time() - 60, abs=30)
    assert ends(alert) == pytest.approx(time.time() + 240, abs=30)
    end = delivery("INC-1.2", NoticeKind.RESOLVED, opened_at=opened, summary="a heartbeat")
    assert await send(end, server.url, labels={"instance": "lab"}) == Delivered()
    await until(lambda: none(server))


async def none(server: Alertmanager) -> bool:
    return await server.alerts() == []


async def test_an_incident_that_is_over_at_once_and_a_clock_that_is_ahead_are_taken(server: Alertmanager) -> None:
    for opened in (utc(time.time()), utc(time.time() + 3600)):
        assert await send(delivery("INC-1.1", opened_at=opened), server.url) == Delivered()
        end = delivery("INC-1.2", NoticeKind.RESOLVED, opened_at=opened)
        assert await send(end, server.url) == Delivered()
        await until(lambda: none(server))


async def test_one_alert_inhibits_another(server: Alertmanager) -> None:
    assert await send(delivery("INC-1.1"), server.url) == Delivered()
    fleet = {"key": "fleet:silent", "severity": "critical", "summary": "all are silent", "opened_at": utc(time.time())}
    whole = Delivery("INC-2.1", "INC-2", "am", NoticeKind.TRIGGERED, fleet, 0.0, 0.0)
    assert await send(whole, server.url) == Delivered()

    async def inhibited() -> bool:
        alerts = await server.alerts(alertname="heartbeat")
        return bool(alerts and alerts[0]["status"]["inhibitedBy"])

    await until(inhibited)
    (source,) = await server.alerts(alertname="silent")
    assert source["status"]["state"] == "active"
    assert "agent" not in source["labels"]


async def test_what_an_agent_wrote_is_data(server: Alertmanager) -> None:
    hostile = '"}]\r\n{{ template "x" }}<script>\x1b[2J' + "y" * 60_000
    evidence = {"agent_said": {"message": hostile}}
    sent = delivery("INC-1.1", agent=hostile, key=f"{hostile}:heartbeat", summary=hostile, evidence=evidence)
    assert await send(sent, server.url) == Delivered()
    await until(server.alerts)
    (alert,) = await server.alerts(alertname="heartbeat")
    words = [*alert["labels"].values(), *alert["annotations"].values()]
    assert all(len(each) < 5_000 and each.replace("\n", "").isprintable() for each in words)


async def test_a_test_is_an_alert_that_says_so(server: Alertmanager) -> None:
    told = {"type": "SUPERVISOR_TEST", "summary": "a test of channel am", "action_required": "none: this is a test"}
    assert await send(Delivery("t", "test", "am", NoticeKind.TEST, told, 0.0, 0.0), server.url) == Delivered()
    await until(server.alerts)
    (alert,) = await server.alerts(alertname="test", severity="none")
    assert alert["annotations"]["summary"] == "a test of channel am"


DAEMON = """
[agents.worker]
heartbeat_timeout = "2s"
check_interval = "1s"
[channels.am]
kind = "alertmanager"
urls = ["{url}"]
refresh = "1s"
timeout = "2s"
[channels.record]
kind = "file"
path = "record.jsonl"
[escalation]
chain = [{{ channel = "am" }}, {{ channel = "record" }}]
"""


async def test_a_daemon_keeps_the_alert_alight_until_the_incident_is_over(server: Alertmanager, town: Town) -> None:
    town.configure(DAEMON.format(url=server.url))
    await town.start()
    beat = town.beats / "worker"
    beat.touch()
    await until(lambda: server.alerts(agent="worker"))
    (first,) = await server.alerts(agent="worker")
    lifetime = channel.LIFETIME * 1.0
    over = time.monotonic() + 2 * lifetime
    while time.monotonic() < over:
        assert len(await server.alerts(agent="worker")) == 1
        await asyncio.sleep(0.2)
    (later,) = await server.alerts(agent="worker")
    assert later["fingerprint"] == first["fingerprint"]
    assert ends(later) > ends(first) + lifetime
    assert len(town.log("notification_sent", channel="am")) == 1
    beat.touch()
    await until(lambda: none(server))
    await town.logged("notification_sent", channel="am", kind="resolved")
    await town.stop()
    said = [json.loads(line)["kind"] for line in (town.folder / "record.jsonl").read_text().splitlines()]
    assert said == ["triggered", "resolved"]


async def test_a_dead_alertmanager_costs_health_nothing(town: Town) -> None:
    town.configure(DAEMON.format(url=DEAD))
    await town.start()
    (town.beats / "worker").touch()
    opened = await town.logged("incident_opened", key="worker:heartbeat")
    told = await town.logged("notification_sent", channel="record")
    assert at(told) - at(opened) < 2
    await town.logged("notification_failed", channel="am")
    (town.beats / "worker").touch()
    resolved = await town.logged("incident_resolved", key="worker:heartbeat")
    assert at(resolved) - (town.beats / "worker").stat().st_mtime < 2


def at(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(record["timestamp"]).timestamp()


# --- several, and those that refuse --------------------------------------------------------------------


async def test_each_of_several_is_told_and_one_that_takes_it_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    async with receiving() as one, receiving() as other:
        config = channel.Config(urls=(f"{one.url}/", other.url, DEAD))
        notifier = channel.Notifier(config, name="am")
        assert await notifier.send(delivery()) == Delivered()
        assert await notifier.send(delivery()) == Delivered()
        assert [got.path for got in (*one.got, *other.got)] == ["/hook/api/v2/alerts"] * 4
        assert one.got[0].body == other.got[0].body
        (warning,) = caplog.records  # once for as long as the same are dead
        assert f"channel am: not every Alertmanager takes alerts: {DEAD}: no connection" in warning.getMessage()
        other.says(500)
        assert await notifier.send(delivery()) == Delivered()
        assert len(caplog.records) == 2
        one.says(503, Retry_After="30")
        outcome = failed(await notifier.send(delivery()))
        assert (outcome.permanent, outcome.retry_after) == (False, 30.0)
        assert all(url in outcome.error for url in config.urls)
        await notifier.close()


@pytest.mark.parametrize(("statuses", "permanent"), [((400, 400), True), ((400, 503), False)])
async def test_it_is_refused_for_good_where_all_refuse_it(statuses: tuple[int, int], permanent: bool) -> None:
    async with receiving() as one, receiving() as other:
        one.says(statuses[0])
        other.says(statuses[1])
        assert failed(await send(delivery(), one.url, other.url)).permanent is permanent


async def test_who_logs_in_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    async with receiving() as receiver:
        missing = failed(await send(delivery(), receiver.url, token_file=secret))
        assert missing.permanent
        assert str(secret) in missing.error
        secret.write_text("hunter2")
        receiver.says(401, "hunter2 or YW5uOmh1bnRlcjI= is wrong")
        token = failed(await send(delivery(), receiver.url, token_file=secret))
        pair = failed(await send(delivery(), receiver.url, username="ann", password_file=secret))
        assert [got.headers["Authorization"] for got in receiver.got] == ["Bearer hunter2", "Basic YW5uOmh1bnRlcjI="]
        assert token.permanent
        assert "hunter2" not in token.error + pair.error
        assert "YW5u" not in pair.error


async def test_many_open_incidents_are_one_request() -> None:
    async with receiving() as receiver:
        notifier = channel.Notifier(channel.Config(urls=(receiver.url,)), name="am")
        many = [delivery(f"INC-{number}.1", key=f"agent-{number}:heartbeat") for number in range(500)]
        assert await notifier.refresh(many) == Delivered()
        await notifier.close()
        (got,) = receiver.got
        assert len({alert["labels"]["key"] for alert in json.loads(got.body)}) == 500
