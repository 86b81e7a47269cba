import re

from supervisor.domain.records import HeartbeatMissed, RestartFinished, SupervisorStopping
from supervisor.faces.console import Console


def plain(record: object, at: float = 0.0) -> str:
    return Console(colours=False)(record, at).decode()  # type: ignore[arg-type]


def test_time_level_event_agent_and_then_the_rest() -> None:
    line = plain(HeartbeatMissed("payment-watcher", 2, 3600.0, "no heartbeat for 1 h"))
    pattern = (
        r"\d\d:\d\d:\d\d warning heartbeat_missed     payment-watcher "
        r"consecutive_misses=2 due=\d\d:\d\d:\d\d reason='no heartbeat for 1 h'"
    )
    assert re.fullmatch(pattern, line)


def test_what_is_empty_is_left_out_and_numbers_are_short() -> None:
    line = plain(RestartFinished("a", 1, ok=True, seconds=2.123456))
    assert line.endswith(" a attempt=1 ok=True seconds=2.12")


def test_hostile_text_can_not_drive_the_terminal_or_pose_as_a_field() -> None:
    line = plain(HeartbeatMissed("\x1b[2J\x9b31m\u202e\ud800", 1, 0.0, "x\nlevel=error"))
    assert line.isprintable()
    assert "agent" not in line
    assert r"reason='x\nlevel=error'" in line
    assert r"'\x1b[2J\x9b31m\u202e\\ud800'" in line


def test_long_text_is_cut() -> None:
    assert plain(SupervisorStopping("x" * 5_000)).endswith("… (4000 characters cut)'")


def test_a_moment_beyond_the_calendar_is_shown_as_it_is() -> None:
    assert plain(SupervisorStopping("x"), 1e300).startswith("1e+300 ")


def test_colours_wrap_the_words() -> None:
    line = Console(colours=True)(SupervisorStopping("x"), 0.0).decode()
    assert "\x1b[32minfo   \x1b[0m" in line
    assert line.endswith("\x1b[2mreason=\x1b[0mx")
