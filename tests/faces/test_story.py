import pytest

from supervisor.domain import records
from supervisor.faces.lines import row_fields
from supervisor.faces.story import tell
from supervisor.ports import Row
from tests.faces.pages import NOW, changed


def told(record: records.Record) -> str:
    agent, incident = getattr(record, "agent", None), getattr(record, "incident", None)
    (line,) = tell([Row(NOW, record.event(), agent, incident, row_fields(record))], 1)
    return f"{line.tone}|{line.who}|{line.text}"


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (
            records.HealthChanged("a", "healthy", "unhealthy", "no heartbeat"),
            "unhealthy|a|healthy → unhealthy: no heartbeat",
        ),
        (records.RestartStarted("a", 2, "command", "silent"), "restarting|a|restart 2 started: silent"),
        (
            records.RestartFinished("a", 2, ok=True, seconds=1.0),
            "restarting|a|restart 2 done, first heartbeat awaited",
        ),
        (
            records.RestartFinished("a", 2, ok=False, seconds=1.0, detail="exit code 3"),
            "restarting|a|restart 2 failed: exit code 3",
        ),
        (records.AgentExited("a", 9), "unhealthy|a|the process ended with exit code 9"),
        (records.AgentExited("a", None), "unhealthy|a|the process ended"),
        (records.IncidentOpened("i1", "a:b", "critical", "silent", "a"), "escalated|a|incident i1 opened: silent"),
        (
            records.IncidentResolved("i1", "a:b", "over", 90.0, "a"),
            "healthy|a|incident i1 resolved after 1 min 30 s: over",
        ),
        (
            records.SupervisorStarted("1", 2, 3, "j", absent=7200.0),
            "unknown||the supervisor started after 2 h away",
        ),
        (records.SupervisorStarted("1", 2, 3, "j"), "unknown||the supervisor started"),
        (records.GateOpened(30.0), "healthy||decisions are taken again, after 30 s"),
    ],
)
def test_sentences(record: records.Record, text: str) -> None:
    assert told(record) == text


def test_every_sentence_speaks_of_fields_that_exist() -> None:
    for cls in records.every():
        names = dict.fromkeys(cls.__dataclass_fields__, "x")
        for line in tell([Row(NOW, cls.event(), "a", "i", names)], 1):
            assert "?" not in line.text.replace("after ?", "")


def test_newest_first_and_no_more_than_asked_for() -> None:
    history = [changed(hours, "a", "healthy", "unhealthy", str(hours)) for hours in range(9, 0, -1)]
    assert [line.text[-1] for line in tell(history, 3)] == ["1", "2", "3"]


def test_what_people_need_not_know_is_passed_over() -> None:
    assert tell([Row(NOW, "notification_sent", None, "i1", {}), Row(NOW, "from_the_future", None, None, {})], 5) == []


def test_a_record_of_another_version_is_told_with_its_gaps() -> None:
    (line,) = tell([Row(NOW, "health_changed", "a", None, {"new": "sleepy"})], 1)
    assert (line.tone, line.text) == ("unknown", "? → sleepy: ?")


def test_long_text_is_cut() -> None:
    (line,) = tell([changed(1, "a", "healthy", "unhealthy", "x" * 10_000)], 1)
    assert len(line.text) == 240
