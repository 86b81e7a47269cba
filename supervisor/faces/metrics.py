"""Prometheus: what is read off the supervisor, as families of metrics in the text formats that scrapers understand.

Nothing is global: each exposition is made of the readings that it is given, in any thread. Money is exact until it is
written here, because a sample is a binary float.

Labels are bounded. Agents and channels are those of the configuration. What strangers name, adopted agents and queues,
counts up to `MOST_STRANGERS` each, the first by name, and a currency is one of three letters, so that a folder full of
rubbish is no burden to a Prometheus.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from supervisor.domain.account import Account
from supervisor.domain.actions import Severity
from supervisor.domain.counters import Notified, Restarted
from supervisor.domain.escalation import IncidentState
from supervisor.domain.findings import CheckName
from supervisor.domain.fleet import AgentView
from supervisor.domain.invoices import Status
from supervisor.domain.readings import Readings
from supervisor.domain.vitals import HealthState
from supervisor.faces.documents import text

MOST_STRANGERS = 1000

_PREFIX = "collections_"
_CURRENCY = re.compile("[A-Z]{3}")  # any other word is a finding, and no label


def exposition(readings: Readings, version: str, accept: str = "") -> tuple[bytes, str]:
    """Return the text, and its media type: OpenMetrics where `accept` asks for it, else Prometheus' own."""
    encode, media_type = choose_encoder(accept)
    return encode(_Families(readings, version)), media_type


@dataclass(frozen=True, slots=True)
class _Families:
    """Implements prometheus_client's `Collector` over one set of readings."""

    readings: Readings
    version: str

    def collect(self) -> Iterator[Metric]:
        readings = self.readings
        fleet, counts = readings.fleet, readings.counts
        build = InfoMetricFamily(f"{_PREFIX}build", "The supervisor that runs.")
        build.add_metric((), {"version": self.version, "python": platform.python_version()})
        yield build
        yield from _agents(_shown(fleet.agents, readings.adopted), fleet.at, readings)
        incidents = _gauge("incidents_open", "Incidents that are not resolved, acknowledged ones too.", "severity")
        for severity in Severity:
            open_ = (one for one in fleet.incidents if one.state is not IncidentState.RESOLVED)
            incidents.add_metric((severity.value,), sum(one.severity is severity for one in open_))
        yield incidents
        notifications = _counter("notifications", "Tries to send a notification.", "channel", "result")
        for channel in sorted(readings.channels):
            for result in Notified:
                notifications.add_metric((channel, result.value), counts.notifications.get((channel, result), 0))
        yield notifications
        if fleet.books.at is not None and fleet.books.observed:
            yield from _books(fleet.books, fleet.at)
        yield _single(_counter("emails_sent", "E-mails that the agents' log tells of."), readings.emails_sent)
        yield _single(
            _counter("payments_detected", "Payments that the agents' log tells of."), readings.payments_detected
        )
        yield _single(_counter("watch_resyncs", "Times that every file was read again."), counts.resyncs)
        yield _single(_gauge("loop_lag_seconds", "How late the event loop was just now."), readings.loop_lag)


def _agents(agents: Iterable[AgentView], now: float, readings: Readings) -> Iterator[Metric]:
    up = _gauge("agent_up", "1 where the agent is healthy, 0 in every other state.", "agent")
    state = _gauge("agent_state", "1 for the state that the agent is in, 0 for the others.", "agent", "state")
    age = _gauge("heartbeat_age_seconds", "Time since the last heartbeat; absent where none was seen.", "agent")
    misses = _counter("heartbeat_misses", "Heartbeats that did not come in time.", "agent")
    restarts = _counter("restarts", "Restarts that have ended.", "agent", "result")
    for agent in agents:
        name = agent.name
        up.add_metric((name,), agent.status is HealthState.HEALTHY)
        for each in HealthState:
            state.add_metric((name, each.value), agent.status is each)
        if agent.last_heartbeat is not None:
            age.add_metric((name,), max(0.0, now - agent.last_heartbeat))
        misses.add_metric((name,), readings.counts.misses.get(name, 0))
        for result in Restarted:
            restarts.add_metric((name, result.value), readings.counts.restarts.get((name, result), 0))
    yield from (up, state, age, misses, restarts)


def _books(books: Account, now: float) -> Iterator[Metric]:
    findings = _gauge("findings_open", "What does not agree in the books, and has not for long enough.", "check")
    for check in CheckName:
        findings.add_metric((check.value,), sum(kept.finding.check is check for kept in books.hard))
    invoices = _gauge("invoices", "Invoices.", "status")
    amount = _gauge("invoice_amount", "What the invoices come to, in units of the currency.", "status", "currency")
    for status in Status:
        tallies = books.totals[status]
        invoices.add_metric((status.value,), sum(tally.count for tally in tallies.values()))
        for currency, tally in tallies.items():
            if _CURRENCY.fullmatch(currency):
                amount.add_metric((status.value, currency), float(tally.total))
    depth = _gauge("queue_depth", "Messages that wait in the queue.", "queue")
    oldest = _gauge("queue_oldest_seconds", "How long the oldest message has waited; absent where none does.", "queue")
    queues = {text(queue.name): queue for queue in books.queues}
    for name in sorted(queues)[:MOST_STRANGERS]:
        depth.add_metric((name,), queues[name].depth)
        if (since := queues[name].oldest) is not None:
            oldest.add_metric((name,), max(0.0, now - since))
    yield from (findings, invoices, amount, depth, oldest)


def _shown(agents: Iterable[AgentView], adopted: Iterable[str]) -> list[AgentView]:
    """Return the agents by name: all that are configured, and the first of those that were adopted."""
    strangers = sorted(adopted)
    hidden = set(strangers[MOST_STRANGERS:])
    return sorted((agent for agent in agents if agent.name not in hidden), key=lambda agent: agent.name)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, text, labels=labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, text, labels=labels)


def _single(family: GaugeMetricFamily | CounterMetricFamily, value: float) -> Metric:
    family.add_metric((), value)
    return family
