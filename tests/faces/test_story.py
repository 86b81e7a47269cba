import pytest

from supervisor.domain import records
from supervisor.faces.languages.language import ENGLISH
from supervisor.faces.lines import row_fields
from supervisor.faces.story import EVENTS, tell
from supervisor.ports import Row
from tests.faces.fleets import NOW, changed


def told(record: records.Record) -> list[str]:
    agent, incident = getattr(record, "agent", None), getattr(record, "incident", None)
    lines = tell([Row(NOW, record.event(), agent, incident, row_fields(record))], 1, ENGLISH)
    return [f"{line.tone}|{line.who}|{line.text}" for line in lines]


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (records.HealthChanged("a", "healthy", "unhealthy", "silent"), "unhealthy|a|healthy → unhealthy: silent"),
        (records.RestartStarted("a", 2, "command", "silent"), "restarting|a|restart started (command): silent"),
        (records.AgentExited("a", 9), "unhealthy|a|its process ended: exit code 9"),
        (records.AgentHeld("a", "ada", NOW), "stopped|a|restarts held by ada until 14:03:11 UTC"),
        (
            records.IncidentResolved("i1", "a:b", "over", 90.0, "a"),
            "healthy|a|incident i1 resolved after 1 min 30 s: over",
        ),
        (
            records.SupervisorStarted("1", 2, 3, "j", absent=7200.0),
            "unknown||the supervisor started after 2 h away",
        ),
        (records.SilenceAdded("s1", "z*", "ada", "move", NOW), "stopped||z* silenced by ada until 14:03:11 UTC: move"),
        (records.GateOpened(30.0), "healthy||decisions are taken again, after 30 s"),
    ],
)
def test_what_is_worth_telling_is_told(record: records.Record, text: str) -> None:
    assert told(record) == [text]


def test_the_page_asks_for_all_that_is_told() -> None:
    for event in EVENTS:
        (line,) = tell([Row(NOW, event, "a", None, {})], 1, ENGLISH)
        assert line.text != event.replace("_", " "), "a sentence of its own"


def test_what_people_need_not_know_is_passed_over() -> None:
    assert told(records.NotificationSent("i1", "caine", "triggered", "d1", 1)) == []
    assert tell([Row(NOW, "from_the_future", None, None, {})], 5, ENGLISH) == []


def test_newest_first_and_no_more_than_asked_for() -> None:
    history = [changed(hours, "a", "healthy", "unhealthy", str(hours)) for hours in range(9, 0, -1)]
    assert [line.text[-1] for line in tell(history, 3, ENGLISH)] == ["1", "2", "3"]


def test_a_record_of_another_version_is_told_with_its_gaps() -> None:
    (line,) = tell([Row(NOW, "health_changed", "a", None, {"new": "sleepy"})], 1, ENGLISH)
    assert (line.tone, line.text) == ("unknown", "? → sleepy: ?")
    (line,) = tell([Row(NOW, "agent_held", "a", None, {"by": "ada", "until": 5})], 1, ENGLISH)
    assert line.text == "restarts held by ada until ?"


def test_long_text_is_cut() -> None:
    (line,) = tell([changed(1, "a", "healthy", "unhealthy", "x" * 10_000)], 1, ENGLISH)
    assert len(line.text) == 240
