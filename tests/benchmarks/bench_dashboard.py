"""The dashboard of a large fleet, against a plain table of as many rows by the same template engine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from jinja2 import Environment

from supervisor.domain.fleet import AgentView, Fleet, overall, view
from supervisor.domain.health import Health, HealthState
from supervisor.domain.policy import Policy
from supervisor.faces.dashboard import render
from supervisor.ports import Row as Kept
from tests.benchmarks.lab import Lab, agents, frozen
from tests.benchmarks.table import Row

_GOAL = 2.0
_AGENTS = (10, 1000, 10_000)
_LARGEST = 2_000_000
_NOW = 1.7e9
_LATE = 50
_PLAIN = """<!doctype html><title>agents</title><table>{% for agent in agents %}
<tr><td>{{ agent.name }}</td><td>{{ agent.status.value }}</td><td>{{ agent.last_heartbeat }}</td>
<td>{{ agent.consecutive_misses }}</td><td>{{ agent.restarts }}</td><td>{{ agent.reason }}</td></tr>
{% endfor %}</table>"""


def measure(lab: Lab) -> Iterator[Row]:
    """Take turns, in one process."""
    for count in _AGENTS:
        yield _compare(lab, count)


def _compare(lab: Lab, count: int) -> Row:
    views = tuple(_view(number, name) for number, name in enumerate(agents(count)))
    history = [
        Kept(_NOW - 60 * number, "health_changed", views[number].name, None, {"old": "healthy", "new": "unhealthy"}, 1)
        for number in range(min(_LATE, count))
    ][::-1]
    fleet = Fleet(_NOW, overall(views, (), observed=True), views, ())
    template = Environment(autoescape=True).from_string(_PLAIN)

    def ours() -> bytes:
        return render(fleet, history, None, now=_NOW, next_due=_NOW + 3600, stale_after=7200)

    def plain() -> bytes:
        return template.render(agents=views).encode()

    with frozen():
        turns = [(_seconds(ours), _seconds(plain)) for _ in range(lab.pick(30, 5))][1:]
    page, table = (1000 * statistics.median(side) for side in zip(*turns, strict=True))
    size = len(ours())
    if count < _LATE:  # there the frame is more than the table
        goal, holds = "at most 10 ms", page <= 10
    else:
        goal, holds = f"at most {_GOAL:g} x and 2 MB", page <= _GOAL * table and size <= _LARGEST
    return Row(
        f"the dashboard of {count:,} agents",
        f"{page:.1f} ms, {size / 1000:,.0f} KB",
        f"a plain table by jinja2 {table:.1f} ms, {len(plain()) / 1000:,.0f} KB",
        page / table,
        goal,
        holds,
    )


def _view(number: int, name: str) -> AgentView:
    late = number < _LATE
    health = Health(
        HealthState.UNHEALTHY if late else HealthState.HEALTHY,
        since=_NOW - 86400,
        misses=int(late),
        due=_NOW + 600,
        reason="no heartbeat for 60 min" if late else "heartbeat in time",
    )
    return view(name, health, now=_NOW, policy=Policy(), restarter=None, silenced_until=None, observed=True)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
