"""`top`: what stands on a real terminal of any size, and what a key, a loss and a return do to it."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from supervisor.cli._screen import View, screen
from supervisor.cli._times import clock
from supervisor.domain.actions import Severity
from supervisor.domain.fleet import Modifier
from supervisor.domain.health import HealthState
from supervisor.domain.silences import NO_SILENCES, Silence, coverage
from supervisor.faces.documents import (
    agent_document,
    fleet_document,
    incident_document,
    row_document,
    silence_document,
)
from tests.cli.conftest import PYTHON, Command, Place, process
from tests.support.accounts import account
from tests.support.control import NOW, WATCHES, MemoryControl, agent
from tests.support.served import Served
from tests.support.terminal import Terminal, terminal

KEYS = {"down": "\x1b[B", "up": "\x1b[A", "page down": "\x1b[6~", "home": "g", "end": "G", "quit": "q"}


def press(seen: Terminal, *keys: str) -> None:
    seen.type("".join(KEYS[key] for key in keys))


def top(**how: Any) -> AbstractContextManager[Terminal]:
    return terminal(*PYTHON, "top", **how)


def has(text: str) -> Callable[[list[str]], bool]:
    return lambda lines: any(text in line for line in lines)


def many(control: MemoryControl, number: int) -> None:
    for n in range(number):
        control.agents[f"worker-{n:03}"] = agent(f"worker-{n:03}", last_heartbeat=time.time() - 5)


def test_it_shows_everything_and_quits(served: Served) -> None:
    served.control.open("watcher:heartbeat")
    served.control.account = account(time.time())
    served.control.record("heartbeat_missed", "watcher", consecutive_misses=2, due=0.0, reason="silent")
    with top() as seen:
        seen.until(has("missed 2 heartbeats"))
        lines = seen.until(has("What happened"))
        assert lines[0].startswith(" CRITICAL  2 agents: 1 healthy, 1 escalated; 1 incident")
        assert has("✖ escalated   watcher")(lines)
        assert has("critical ")(lines)
        assert has("watcher:heartbeat is wrong")(lines)
        assert has("books unpaid")(lines)
        assert has("queues collections-emailer")(lines)
        assert lines[-1] == "q quit"
        press(seen, "quit")
        assert seen.until_over() == 0


def test_what_happens_is_seen_at_once(served: Served) -> None:
    with top() as seen:
        seen.until(has("2 agents"))
        time.sleep(1.0)
        control = served.control
        served.call(control.record, "agent_held", "mailer", by="ann", until=time.time() + 60)
        seen.until(has("mailer: restarts held by ann"))


def test_a_drill_and_who_is_not_asked_for_push_nothing_out(served: Served) -> None:
    served.control.record("heartbeat_missed", "watcher", consecutive_misses=1, due=0.0, reason="silent")
    served.control.record("heartbeat_missed", "mailer", consecutive_misses=2, due=0.0, reason="silent")
    served.control.record("drill_started", "drill-0000abcd", seconds=60.0, by="ann")
    for number in range(300):
        served.control.record("heartbeat_missed", "drill-0000abcd", consecutive_misses=number, due=0.0, reason="silent")
    everything = process("top").out
    assert "drill-" not in everything
    assert "watcher: missed 1 heartbeat" in everything
    assert "mailer: missed 2 heartbeats" in everything
    assert "watcher" not in process("top", "--agents", "mailer").out.partition("What happened")[2]


def test_ages_grow_though_nothing_happens(served: Served) -> None:
    with top(columns=120) as seen:
        (first,) = [line for line in seen.until(has("mailer")) if "mailer" in line]
        seen.until(lambda lines: first not in lines)


def test_it_scrolls_and_stays_within_the_agents(served: Served) -> None:
    many(served.control, 40)
    with top() as seen:
        seen.until(has("agents 1 to"))
        press(seen, "down")
        seen.until(has("agents 2 to"))
        press(seen, "up", "up")
        seen.until(has("agents 1 to"))
        press(seen, "end")
        last = seen.until(has("of 42"))
        last = seen.until(has("to 42 of 42"))
        assert has("worker-039")(last)
        press(seen, "page down", "down")
        press(seen, "home")
        seen.until(has("agents 1 to"))


def test_a_window_of_another_size_is_filled_anew(served: Served) -> None:
    many(served.control, 40)
    with top(columns=120, lines=40) as seen:
        seen.until(has("RESTARTS"))
        seen.resize(40, 15)
        lines = seen.until(lambda lines: not has("RESTARTS")(lines) and has("q quit")(lines[-1:]))
        assert all(cell_len(line) <= 40 for line in lines)


def test_a_daemon_that_is_gone_is_said_and_its_return_is_seen(served: Served) -> None:
    with top() as seen:
        seen.until(has("2 agents"))
        served.stop()
        lines = seen.until(has("NO ANSWER"))
        assert has("watcher")(lines)
        served.start()
        seen.until(lambda lines: not has("NO ANSWER")(lines))
        served.call(served.control.record, "agent_held", "mailer", by="ann", until=time.time() + 60)
        seen.until(has("restarts held by ann"))


@pytest.mark.parametrize(("how", "code"), [("end", 0), ("interrupt", 130)])
def test_the_end_of_input_and_ctrl_c_end_it(served: Served, how: str, code: int) -> None:
    with top() as seen:
        seen.until(has("2 agents"))
        if how == "end":
            seen.type("\x04")
        else:
            seen.process.send_signal(signal.SIGINT)
        assert seen.until_over() == code


def test_without_colours_it_lives_all_the_same(served: Served) -> None:
    with top(NO_COLOR="1") as seen:
        seen.until(has("q quit"))
        assert {cell.fg for line in seen.screen.buffer.values() for cell in line.values()} <= {"default"}


def test_without_a_terminal_it_is_one_frame(served: Served) -> None:
    many(served.control, 60)
    said = process("top")
    assert (said.code, said.err) == (0, "")
    assert "worker-059" in said.out
    assert "\x1b" not in said.out
    assert "q quit" not in said.out
    assert "\x1b" not in terminal_output(TERM="dumb")


def terminal_output(**environ: str) -> str:
    with top(**environ) as seen:
        assert seen.until_over() == 0
        return "\n".join(seen.lines)


def test_as_json_it_is_the_picture(command: Command, served: Served) -> None:
    assert [one["name"] for one in command("top", "--json", "--agents", "mailer").json["agents"]] == ["mailer"]


def test_where_no_daemon_runs_it_says_so(command: Command, place: Place) -> None:
    said = command("top")
    assert (said.code, said.err) == (3, f"collections-supervisor: {place.silent}\n")


def test_status_on_a_low_terminal_tells_the_healthy_in_one_line(served: Served) -> None:
    many(served.control, 40)
    served.control.open("worker-005:burn")
    with terminal(*PYTHON, "status", columns=100, lines=30) as seen:
        assert seen.until_over() == 2
        text = "\n".join(seen.lines)
    assert re.search("✔ healthy +40 more +heartbeats in time", text)
    assert "✖ escalated  watcher" in text
    assert re.search("✔ healthy +worker-005", text), "an incident of it is open"
    assert "worker-006" not in text
    assert "worker-039" in process("status").out


# --- any screen --------------------------------------------------------------------------------------


def drawn(view: View, width: int, height: int | None) -> list[str]:
    console = Console(width=width, height=height or 1000, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(screen(view, width, height))
    return captured.get().splitlines()


def fleet(agents: int, incidents: int, *, books: bool = False, doubts: tuple[str, ...] = ()) -> dict[str, Any]:
    control = MemoryControl(*(agent(f"worker-{n}", HealthState.HEALTHY) for n in range(agents)))
    for n in range(incidents):
        control.open(f"worker-{n}:heartbeat", Severity.WARNING if n else Severity.CRITICAL)
    if books:
        control.account = account(control.now())
    control.doubts = doubts
    return fleet_document(control.picture(), WATCHES)


EVENT = row_document(MemoryControl().record("agent_held", "worker-1", by="ann", until=0.0))


@given(
    st.integers(0, 60),
    st.integers(0, 7),
    st.booleans(),
    st.integers(0, 40),
    st.none() | st.just("no answer"),
    st.integers(20, 200),
    st.integers(13, 70),
)
def test_any_screen_is_filled_to_the_last_line_and_no_further(
    agents: int, incidents: int, books: bool, events: int, lost: str | None, width: int, height: int
) -> None:
    view = View(fleet(agents, incidents, books=books), [EVENT] * events, lost, 3.0)
    lines = drawn(view, width, height)
    assert len(lines) == height
    assert all(cell_len(line) <= width for line in lines)
    assert lines[-1].startswith("q quit")


def test_what_an_agent_writes_moves_no_cursor_and_is_cut_off() -> None:
    one = agent("a", reason="\x1b[2J\x1b]0;owned\x07\n漢字" * 40)
    document = {**fleet(0, 0), "agents": [agent_document(one)]}
    lines = drawn(View(document), 80, 24)
    assert len(lines) == 24
    assert "\x1b" not in "".join(lines)
    assert all(cell_len(line) <= 80 for line in lines)


def test_the_gravest_incident_stands_on_top_and_who_looks_after_it() -> None:
    control = MemoryControl()
    mild = control.open("books:parse", Severity.WARNING)
    grave = control.open("mailer:heartbeat", acked_by="ann")
    document = {**fleet(1, 0), "incidents": [incident_document(one, NO_SILENCES) for one in (mild, grave)]}
    lines = [line for line in drawn(View(document), 120, 24) if "is wrong" in line]
    assert lines[0].startswith(f"critical {grave.id} mailer ")
    assert "ann looks after it" in lines[0]
    assert lines[1].startswith(f"warning {mild.id} books ")


def test_silences_stand_below_and_a_fleet_of_them_is_counted() -> None:
    quiet = [coverage(Silence(str(n), "mailer", "ann", "disk", NOW, NOW + 7200), ["mailer"], (), NOW) for n in range(9)]
    document = {**fleet(1, 0), "silences": [silence_document(one) for one in quiet]}
    lines = drawn(View(document), 120, 30)
    assert sum("ends in" in line and "by ann: disk  (1 agent)" in line for line in lines) == 4
    assert any("and 5 more silences: collections-supervisor silence list" in line for line in lines)
    assert not any("silence 0" in line for line in drawn(View(document), 120, 15))


def test_doubts_and_agents_that_never_beat() -> None:
    document = fleet(1, 0, doubts=("loop_stalled",))
    document["agents"][0]["last_heartbeat"] = None
    text = "\n".join(drawn(View(document), 100, 24))
    assert "not observed: loop stalled" in text
    assert "never" in text


def test_until_when_restarts_are_held_is_not_what_is_cut_off() -> None:
    held = agent("a", reason="long " * 40, held_by="ann", held_until=NOW + 60, modifiers=(Modifier.HELD,))
    document = {**fleet(0, 0), "agents": [agent_document(held)]}
    assert f"[held]; held by ann until {clock(NOW + 60)}; long" in "\n".join(drawn(View(document), 120, 24))


def test_before_the_first_answer() -> None:
    assert drawn(View(), 80, 24) == ["waiting for the daemon"]
