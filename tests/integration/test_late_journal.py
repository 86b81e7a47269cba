"""The journal's folder is out of reach when the daemon starts, and comes back."""

from __future__ import annotations

import json

from tests.support.town import Town


async def test_what_was_known_is_taken_over_when_it_can_be_read_again(town: Town) -> None:
    town.configure(
        """
        [agents.worker]
        heartbeat_timeout = "500ms"
        check_interval = "500ms"
        [agents.other]
        heartbeat_timeout = "1h"
        [channels.people]
        kind = "file"
        path = "people.jsonl"
        """
    )
    (town.beats / "worker").touch()
    await town.start()
    await town.logged("notification_sent", kind="triggered")
    (opened,) = town.log("incident_opened")
    assert (await town.ask("ack", opened["incident"], "--for", "2h")).returncode == 0
    assert (await town.ask("hold", "other", "--for", "2h")).returncode == 0
    await town.stop()

    data, away = town.folder / "data", town.folder / "away"
    data.rename(away)
    data.write_text("in the way")
    (town.folder / "log").rename(town.folder / "log.1")
    await town.start()
    assert len(town.log("journal_failed")) == 1
    assert "held" not in town.state("other")["modifiers"]
    double = await town.logged("incident_opened")
    data.unlink()
    away.rename(data)
    await town.logged("journal_restored")
    status = json.loads((await town.ask("status", "--json")).stdout)
    assert [(one["id"], one["state"]) for one in status["incidents"]] == [(opened["incident"], "acknowledged")]
    assert "held" in town.state("other")["modifiers"]
    assert (await town.logged("incident_resolved"))["incident"] == double["incident"]
    (town.beats / "worker").touch()
    await town.logged("incident_resolved", incident=opened["incident"])
    await town.stop()
    said = [json.loads(line) for line in (town.folder / "people.jsonl").read_text().splitlines()]
    assert [(one["incident"], one["kind"]) for one in said] == [
        (opened["incident"], "triggered"),
        (double["incident"], "triggered"),
        (double["incident"], "resolved"),
        (opened["incident"], "resolved"),
    ]
