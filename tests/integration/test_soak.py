"""The soak, in short: a real daemon, and one that leaks on purpose. `python -m tests.soak` is the long form."""

from __future__ import annotations

from pathlib import Path

from tests.soak.run import soak

AGENTS = 60


async def test_what_a_daemon_uses_is_measured_and_all_is_well_after_the_unrest(tmp_path: Path) -> None:
    report = await soak(tmp_path, seconds=24.0, agents=AGENTS, warm_up=12.0, every=0.5)
    # So soon memory and journal have not found their size; what has one from the start must not grow.
    grown = {verdict.measure for verdict in report.verdicts if verdict.grows}
    assert not grown & {"fds", "tasks", "threads", "children"}
    done = {"beats", "rotations", "dies", "configurations", "wrong configurations", "webhooks", "reads", "streams"}
    assert done <= set(report.acts)
    assert report.document()["samples"][-1]["fds"] > 0


async def test_a_daemon_that_leaks_is_found_out(tmp_path: Path) -> None:
    report = await soak(tmp_path, seconds=16.0, agents=AGENTS, warm_up=4.0, every=0.5, leaky=True)
    grown = {verdict.measure for verdict in report.verdicts if verdict.grows}
    assert grown >= {"rss", "own", "blocks", "fds", "tasks"}
    assert not report.flat
