"""A real Prometheus scrapes a real daemon: the rules fire and resolve, and every panel's query can be asked."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.prometheus import Prometheus, bridge, lint, prometheus, promtool
from tests.support.receiver import receiving
from tests.support.town import Town

CONFIG = Path(__file__).parents[2] / "config"
RULES = CONFIG / "prometheus" / "alerts.yml"
DASHBOARD = CONFIG / "grafana" / "collections-supervisor.json"

AGENT = """
[agents.mailer]
heartbeat_timeout = "2s"
check_interval = "1s"
escalate_after = 2
"""


async def until(condition: Callable[[], Awaitable[bool]], what: str, limit: float = 30.0) -> None:
    try:
        async with asyncio.timeout(limit):
            while not await condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"not within {limit:g} s: {what}")


def hurried(rules: str) -> str:
    """Return the rules with minutes in seconds."""
    return re.sub(r"for: \d+m", "for: 1s", rules)


async def test_an_alert_fires_and_resolves_and_its_own_end_is_noticed(town: Town, tmp_path: Path) -> None:
    town.configure(AGENT)
    beat = town.beats / "mailer"
    beat.touch()
    await town.start()
    async with (
        bridge(tmp_path / "control.sock") as port,
        prometheus(tmp_path / "prometheus", port, hurried(RULES.read_text())) as monitor,
    ):
        await until(lambda: fires(monitor, "CollectionsAgentEscalated"), "the silence of an agent is an alert")
        assert await monitor.value('collections_agent_up{agent="mailer"}') == 0
        assert await monitor.value('collections_heartbeat_misses_total{agent="mailer"} >= 2')
        assert await monitor.value('collections_incidents_open{severity="critical"}') == 1
        beating = asyncio.create_task(beats(beat))
        await until(lambda: quiet(monitor, "CollectionsAgentEscalated"), "it resolves")
        assert not {"CollectionsSupervisorGone", "CollectionsSupervisorDown"} & await monitor.firing()
        for query in queries():
            await monitor.get("query", query=query)
        await town.stop(signal.SIGKILL)
        await until(lambda: fires(monitor, "CollectionsSupervisorGone"), "the supervisor's end is an alert")
        assert "CollectionsSupervisorDown" in await monitor.firing()
        await town.start()
        await until(lambda: quiet(monitor, "CollectionsSupervisorGone"), "its return resolves it")
        assert await monitor.value('collections_agent_up{agent="mailer"}') == 1
        beating.cancel()


async def test_the_textfile_is_one_that_node_exporter_takes(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "node" / "collections-supervisor.prom"
    town.configure(f'{AGENT}\n[metrics]\ntextfile = "{file}"\ninterval = "100ms"\n')
    await town.start()
    await town.wait(lambda: file.exists() and b'misses_total{agent="mailer"} 1.0' in file.read_bytes(), "the textfile")
    assert file.stat().st_mode & 0o044 == 0o044
    assert lint(file.read_bytes()) == (0, b"")


async def test_a_service_outside_hears_of_it_while_it_lives(town: Town) -> None:
    async with receiving() as outside:
        (town.folder / "ping.url").write_text(f"{outside.url}/a-secret\n")
        town.configure('[ping]\nurl_file = "ping.url"\ninterval = "200ms"\n')
        await town.start()
        await town.wait(lambda: len(outside.got) > 2, "pings")
        assert {(got.method, got.path) for got in outside.got} == {("GET", "/hook/a-secret")}
        outside.says(503)
        await town.logged("ping_failed", error="127.0.0.1 answered HTTP 503")
        outside.says(200)
        await town.logged("ping_restored")
        await town.stop()
        heard = len(outside.got)
        await asyncio.sleep(0.5)
        assert len(outside.got) == heard
        assert "a-secret" not in (town.folder / "log").read_text()


# --- what is shipped for Prometheus and Grafana ------------------------------------------------------


@pytest.mark.parametrize("command", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")])
def test_promtool_is_content_with_the_rules(command: tuple[str, ...]) -> None:
    done = subprocess.run([promtool(), *command], cwd=RULES.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_is_tested_and_each_panel_has_its_place() -> None:
    rules = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    assert rules == set(re.findall(r"alertname: (\w+)", (RULES.parent / "alerts.test.yml").read_text()))
    dashboard = json.loads(DASHBOARD.read_text())
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    taken = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def queries() -> Iterator[str]:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert found
    yield from (expr.replace("$agent", ".*") for expr in found)


def test_what_is_shipped_asks_for_no_metric_that_there_is_not() -> None:
    from tests.faces.test_metrics import PROMISED  # noqa: PLC0415

    for text in (RULES.read_text(), DASHBOARD.read_text()):
        asked = set(re.findall(r"\bcollections_\w+", text))
        assert asked <= set(PROMISED)
    assert set(re.findall(r"\bcollections_\w+", DASHBOARD.read_text())) == set(PROMISED)


async def fires(monitor: Prometheus, alert: str) -> bool:
    return alert in await monitor.firing()


async def quiet(monitor: Prometheus, alert: str) -> bool:
    return alert not in await monitor.firing()


async def beats(file: Path) -> None:
    while True:
        file.touch()
        await asyncio.sleep(0.3)
