import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.domain.fleet import AgentView
from supervisor.domain.health import HealthState
from supervisor.faces.languages.language import ENGLISH
from supervisor.faces.strips import CELLS, WINDOW, Strip, Strips, unobserved
from supervisor.ports import Row
from tests.faces.fleets import HOUR, NOW, agent, changed

START = NOW - WINDOW


def row(hours_ago: float, event: str, **fields: object) -> Row:
    return Row(NOW - hours_ago * HOUR, event, None, None, fields)


def cells(strip: Strip) -> list[str]:
    """Return the state of each cell, read from the picture."""
    found = [""] * CELLS
    for state, shape in re.findall(r'<path class="(\w+)" d="([^"]+)"/>', strip.svg):
        for at, length in re.findall(r"M(\d+) \d+h(\d+)v", shape):
            for cell in range(int(at), int(at) + int(length)):
                assert not found[cell]
                found[cell] = state
    return found


def words(strip: Strip) -> str:
    (title,) = re.findall(r"<title>Last 24 h: (.*)</title>", strip.svg)
    return str(title)


def draw(one: AgentView, *history: Row) -> Strip:
    return Strips(history, NOW, ENGLISH).of(one)


def test_a_quiet_day() -> None:
    strip = draw(agent("a"))
    assert cells(strip) == ["healthy"] * CELLS
    assert words(strip) == "healthy 1 d"
    assert strip.in_time == "100 % in time"


def test_a_short_outage_is_still_seen() -> None:
    strip = draw(
        agent("a", since=NOW - HOUR),
        changed(1.01, "a", "healthy", "escalated", ""),
        changed(1, "a", "escalated", "healthy", ""),
    )
    assert cells(strip) == ["healthy"] * 45 + ["escalated"] + ["healthy"] * 2
    assert words(strip) == "escalated 36 s, healthy 23 h 59 min"
    assert strip.in_time == "99.9 % in time"


def test_only_a_faultless_day_is_a_hundred_percent() -> None:
    second = 1 / HOUR
    strip = draw(
        agent("a", since=NOW - HOUR),
        changed(1 + second, "a", "healthy", "unhealthy", ""),
        changed(1, "a", "unhealthy", "healthy", ""),
    )
    assert strip.in_time == "99.9 % in time"


def test_the_worst_state_of_a_cell_is_shown_whatever_its_order() -> None:
    strip = draw(
        agent("a", since=NOW - 60),
        changed(0.4, "a", "healthy", "restarting", ""),
        changed(0.3, "a", "restarting", "escalated", ""),
        changed(0.2, "a", "escalated", "unhealthy", ""),
        changed(1 / 60, "a", "unhealthy", "healthy", ""),
    )
    assert cells(strip)[-1] == "escalated"


def test_before_the_journal_began_nobody_looked() -> None:
    beginning = (row(2, "gate_closed", reason="just_started"), row(2, "supervisor_started"))
    strip = draw(agent("a", since=NOW - HOUR), *beginning, changed(1, "a", "unknown", "healthy", ""))
    assert words(strip) == "unknown 1 h, healthy 1 h, not observed 22 h"
    late = draw(agent("a", since=NOW - HOUR), row(3, "gate_opened", seconds=1.0), *beginning)
    assert "not observed 22 h" not in words(late)


def test_before_an_agent_was_known_nobody_looked() -> None:
    strip = draw(agent("a", since=NOW - 6 * HOUR))
    assert cells(strip) == ["unobserved"] * 36 + ["healthy"] * 12
    assert words(strip) == "healthy 6 h, not observed 18 h"
    assert strip.in_time == "100 % in time"


def test_changes_that_were_not_kept_do_not_hide_the_state_of_now() -> None:
    strip = draw(agent("a", HealthState.ESCALATED, since=NOW - HOUR), changed(12, "a", "unknown", "healthy", ""))
    assert cells(strip) == ["unknown"] * 24 + ["healthy"] * 22 + ["escalated"] * 2


def test_the_supervisors_absence_is_grey_and_nobodys_fault() -> None:
    strip = draw(agent("a"), row(10, "supervisor_started", absent=5 * HOUR))
    assert cells(strip) == ["healthy"] * 18 + ["unobserved"] * 10 + ["healthy"] * 20
    assert strip.in_time == "100 % in time"


def test_trouble_wins_over_grey() -> None:
    strip = draw(
        agent("a", HealthState.ESCALATED, since=NOW - 60),
        row(0.4, "gate_closed"),
        row(0.05, "gate_opened", seconds=0.35 * HOUR),
        changed(1 / 60, "a", "healthy", "escalated", ""),
    )
    assert cells(strip)[-1] == "escalated"


def test_with_nothing_observed_there_is_no_figure() -> None:
    strip = draw(agent("a", HealthState.UNKNOWN, since=NOW), row(0, "supervisor_started"))
    assert cells(strip) == ["unobserved"] * CELLS
    assert strip.in_time == "no data"
    assert words(strip) == "not observed 1 d"


def test_a_state_of_another_version_is_unknown() -> None:
    strip = draw(agent("a", since=NOW), changed(12, "a", "<b>", "sleepy", ""))
    assert set(cells(strip)) == {"unknown"}


def test_quiet_agents_share_one_picture() -> None:
    strips = Strips((), NOW, ENGLISH)
    assert strips.of(agent("a")) is strips.of(agent("b", since=NOW - 200 * HOUR))


@pytest.mark.parametrize(
    ("rows", "gaps"),
    [
        ([], []),
        ([row(1, "supervisor_started")], [(24, 1)]),
        ([row(2, "health_changed"), row(1, "supervisor_started")], []),
        ([row(3, "supervisor_stopping"), row(1, "supervisor_started")], [(3, 1)]),
        ([row(3, "supervisor_stopping"), row(1, "supervisor_started", absent=2.5 * HOUR)], [(3.5, 1)]),
        ([row(1, "supervisor_started", absent=90 * HOUR)], [(24, 1)]),
        ([row(3, "gate_closed"), row(2, "gate_opened", seconds=HOUR)], [(3, 2)]),
        ([row(3, "gate_closed")], [(3, 0)]),
        ([row(2, "gate_opened", seconds=HOUR)], [(3, 2)]),
        ([row(2, "gate_opened", seconds=90 * HOUR)], [(24, 2)]),
        ([row(2, "gate_opened")], []),
        ([row(5, "gate_closed"), row(2, "supervisor_started", absent=HOUR)], [(5, 2)]),
        ([row(5, "supervisor_started", absent=HOUR), row(4, "supervisor_started", absent=3 * HOUR)], [(6, 5), (5, 4)]),
    ],
)
def test_when_nobody_was_watching(rows: list[Row], gaps: list[tuple[float, float]]) -> None:
    expected = [(NOW - begin * HOUR, NOW - end * HOUR) for begin, end in gaps]
    assert unobserved(rows, START, NOW) == expected


_HOURS = st.floats(0, 30)
_ROWS = st.one_of(
    st.builds(row, _HOURS, st.just("supervisor_started"), absent=st.none() | st.floats(0, 1e6)),
    st.builds(row, _HOURS, st.sampled_from(["supervisor_stopping", "gate_closed", "resync"])),
    st.builds(row, _HOURS, st.just("gate_opened"), seconds=st.floats(0, 1e6)),
    st.builds(
        changed, _HOURS, st.just("a"), st.sampled_from(HealthState), st.sampled_from(HealthState), st.just("why")
    ),
)


@given(st.lists(_ROWS, max_size=60), st.sampled_from(HealthState), _HOURS)
@settings(deadline=None)
def test_any_day_fills_the_strip_and_adds_up(rows: list[Row], status: HealthState, since: float) -> None:
    rows.sort(key=lambda one: one.at)
    one = agent("a", status, since=NOW - since * HOUR)
    strip = draw(one, *rows)
    assert all(cells(strip))
    assert len(strip.svg) < 2_000
    gaps = unobserved([kept for kept in rows if kept.at >= START], START, NOW)
    assert all(START <= begin < end <= NOW for begin, end in gaps)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(gaps))
