"""What Prometheus is told: the promised names, true figures, bounded labels, text that its own tools take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.counters import Counts, Notified, Restarted
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.fleet import Fleet, Status
from supervisor.domain.health import HealthState
from supervisor.domain.invoices import Status as Collection
from supervisor.domain.readings import Readings
from supervisor.domain.totals import Tally
from supervisor.faces import metrics
from supervisor.faces.metrics import exposition
from tests.support.accounts import account
from tests.support.control import NOW, agent
from tests.support.prometheus import lint

PROMISED = {
    "collections_agent_up": "gauge",
    "collections_agent_state": "gauge",
    "collections_heartbeat_age_seconds": "gauge",
    "collections_heartbeat_misses_total": "counter",
    "collections_restarts_total": "counter",
    "collections_incidents_open": "gauge",
    "collections_notifications_total": "counter",
    "collections_findings_open": "gauge",
    "collections_invoices": "gauge",
    "collections_invoice_amount": "gauge",
    "collections_queue_depth": "gauge",
    "collections_queue_oldest_seconds": "gauge",
    "collections_emails_sent_total": "counter",
    "collections_payments_detected_total": "counter",
    "collections_loop_lag_seconds": "gauge",
    "collections_watch_resyncs_total": "counter",
    "collections_build_info": "gauge",
}


def readings(*agents: Any, **changes: Any) -> Readings:
    fleet = Fleet(NOW, Status.OK, agents, changes.pop("incidents", ()), books=changes.pop("books", Account()))
    return replace(Readings(fleet, Counts(), (), (), 0, 0, 0.0), **changes)


def samples(families: Iterable[Metric]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    found = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


class Scraped:
    """What a Prometheus would keep of it."""

    def __init__(self, read: Readings) -> None:
        self.text = exposition(read, "1.2.3")[0].decode()
        self._samples = samples(text_string_to_metric_families(self.text))

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._samples.get((f"collections_{name}", frozenset(labels.items())))

    def labels(self, name: str, label: str) -> list[str]:
        return sorted(dict(labels)[label] for one, labels in self._samples if one == f"collections_{name}")


FULL = readings(
    agent("mailer", HealthState.ESCALATED, last_heartbeat=NOW - 90),
    agent("watcher"),
    agent("new", HealthState.UNKNOWN, last_heartbeat=None),
    incidents=(
        Incident("i1", "mailer:heartbeat", Severity.CRITICAL, "silent", NOW - 60),
        Incident("i2", "books:archive", Severity.WARNING, "x", NOW - 60, state=IncidentState.ACKNOWLEDGED),
        Incident("i3", "books:parse", Severity.WARNING, "x", NOW - 60, state=IncidentState.RESOLVED),
    ),
    books=account(NOW),
    counts=Counts(
        {"mailer": 3},
        {("mailer", Restarted.FAILED): 2},
        {("caine", Notified.SENT): 4, ("gone", Notified.SENT): 9},
        resyncs=5,
    ),
    channels=("caine", "person"),
    emails_sent=12,
    payments_detected=7,
    loop_lag=0.25,
)


def test_every_promised_name_is_there_with_its_type_and_a_word_about_it() -> None:
    lines = exposition(FULL, "1.2.3")[0].decode().splitlines()
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE "))
    assert types == PROMISED
    assert {line.split()[2] for line in lines if line.startswith("# HELP ") and len(line.split()) > 3} == set(PROMISED)


def test_agents() -> None:
    told = Scraped(FULL)
    assert [told("agent_up", agent=name) for name in ("mailer", "watcher", "new")] == [0, 1, 0]
    assert told("agent_state", agent="mailer", state="escalated") == 1
    assert sum(told("agent_state", agent="mailer", state=state.value) or 0 for state in HealthState) == 1
    assert told("heartbeat_age_seconds", agent="mailer") == 90
    assert told("heartbeat_age_seconds", agent="new") is None
    assert [told("heartbeat_misses_total", agent=name) for name in ("mailer", "watcher")] == [3, 0]
    assert [told("restarts_total", agent="mailer", result=result.value) for result in Restarted] == [0, 2]


def test_a_heartbeat_that_came_while_the_picture_was_taken_is_not_of_the_future() -> None:
    assert Scraped(readings(agent("a", last_heartbeat=NOW + 1)))("heartbeat_age_seconds", agent="a") == 0


def test_incidents_notifications_and_the_supervisor_itself() -> None:
    told = Scraped(FULL)
    assert [told("incidents_open", severity=severity.value) for severity in Severity] == [1, 1]
    assert told("notifications_total", channel="caine", result="sent") == 4
    assert told.labels("notifications_total", "channel") == ["caine"] * 3 + ["person"] * 3
    assert [told(name) for name in ("emails_sent_total", "payments_detected_total", "watch_resyncs_total")] == [
        12,
        7,
        5,
    ]
    assert told("loop_lag_seconds") == 0.25
    assert told.labels("build_info", "version") == ["1.2.3"]


def test_the_books_are_told_where_they_are_known() -> None:
    told, books = Scraped(FULL), account(NOW)
    for status in Collection:
        tallies: Mapping[str, Tally] = books.totals[status]
        assert told("invoices", status=status.value) == sum(tally.count for tally in tallies.values())
        for currency, tally in tallies.items():
            assert told("invoice_amount", status=status.value, currency=currency) == float(tally.total)
    assert sum(told("findings_open", check=check) or 0 for check in told.labels("findings_open", "check")) == len(
        books.hard
    )
    for queue in books.queues:
        assert told("queue_depth", queue=queue.name) == queue.depth
        waited = None if queue.oldest is None else NOW - queue.oldest
        assert told("queue_oldest_seconds", queue=queue.name) == waited


@pytest.mark.parametrize("books", [Account(), replace(account(NOW), observed=False)], ids=["not yet", "not seen"])
def test_what_is_not_known_of_the_books_is_absent_and_not_0(books: Account) -> None:
    told = Scraped(readings(books=books))
    assert "collections_invoices" not in told.text
    assert "collections_findings_open" not in told.text
    assert "collections_queue_depth" not in told.text


def test_any_sum_can_be_written() -> None:
    totals = {**Account().totals, Collection.UNPAID: {"USD": Tally(1, Decimal("9" * 60 + ".99"))}}
    told = Scraped(readings(books=Account(NOW, totals)))
    assert told("invoice_amount", status="unpaid", currency="USD") == pytest.approx(1e60)


def test_openmetrics_where_it_is_asked_for() -> None:
    body, media_type = exposition(
        FULL, "1", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    )
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    text = body.decode()
    assert text.endswith("# EOF\n")
    assert samples(openmetrics.text_string_to_metric_families(text))
    body, media_type = exposition(FULL, "1", "text/html")
    assert media_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in body


# --- strangers ---------------------------------------------------------------------------------------


def test_labels_are_bounded_and_the_configured_agents_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_STRANGERS", 2)
    names = [f"stranger-{number}" for number in range(5)]
    queues = tuple(QueueView(f"q{number}", f"/q/{number}", 1, NOW) for number in range(5))
    configured = ("z1", "z2", "z3")
    books = Account(NOW, queues=queues)
    told = Scraped(readings(*map(agent, (*names, *configured)), adopted=frozenset(names), books=books))
    assert told.labels("agent_up", "agent") == ["stranger-0", "stranger-1", *configured]
    assert told.labels("queue_depth", "queue") == ["q0", "q1"]


def test_a_word_that_is_no_currency_is_no_label() -> None:
    totals = {**Account().totals, Collection.PAID: {"bitcoin\n": Tally(1, Decimal(5)), "EUR": Tally(2, Decimal(3))}}
    told = Scraped(readings(books=Account(NOW, totals)))
    assert told.labels("invoice_amount", "currency") == ["EUR"]
    assert told("invoices", status="paid") == 3


@given(st.lists(st.text(st.characters(codec=None), max_size=8), max_size=5))  # type: ignore[arg-type]
def test_queues_of_any_name_can_be_told(names: list[str]) -> None:
    books = Account(NOW, queues=tuple(QueueView(name, name, 1, None) for name in names))
    for accept in ("", "application/openmetrics-text;version=1.0.0"):
        body, _ = exposition(readings(books=books), "1", accept)
        parse = openmetrics.text_string_to_metric_families if accept else text_string_to_metric_families
        samples(parse(body.decode()))


def test_promtool_has_nothing_to_say() -> None:
    hostile = (QueueView('a"b\\c\nd', "/q", 1, NOW), QueueView("\udcff\N{PILE OF POO}", "/p", 2, NOW))
    read = replace(FULL, fleet=replace(FULL.fleet, books=replace(account(NOW), queues=hostile)))
    for one in (FULL, read, readings()):
        assert lint(exposition(one, "1")[0]) == (0, b"")
