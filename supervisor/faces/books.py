"""The books as the dashboard shows them: what is owed, what does not agree, what waits. Pure; all of it is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.docket import Kept
from supervisor.domain.findings import PHRASES
from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY, Metrics
from supervisor.domain.money import spoken
from supervisor.domain.trend import Trend
from supervisor.domain.words import count, span
from supervisor.faces.chart import Chart, charts
from supervisor.faces.figures import NO_DATA, about_a_day, differences, percentiles
from supervisor.faces.moments import moment

SHOWN = 50
"""So many findings a page shows, and so many queues."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Sum:
    """The invoices of one status: (what they come to, how many they are) for each currency, and what has changed."""

    status: str
    money: tuple[tuple[str, str], ...]
    change: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What came about in the last 24 hours: its name, the figures (none for no data), and what more is to be said."""

    name: str
    values: tuple[str, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One finding. `icon` is that of a state of agents: what is not sure yet is not known."""

    icon: str
    severity: str
    message: str
    phrase: str
    standing: str
    expected: str
    found: str
    place: str


@dataclass(frozen=True, slots=True)
class Section:
    """All of it.

    Args:
        icon, verdict: how it stands, as a picture and in words.
        charts: the money of the last weeks, by currency; none where only one day is known.
        charts_hidden: how many more currencies there are.
        figures: what came about in the last 24 hours.
        queues: each one's name, and what is to be said of it.
        hidden, queues_hidden: how many more there are than are shown.
    """

    icon: str
    verdict: str
    sums: tuple[Sum, ...]
    items: tuple[Item, ...]
    hidden: int
    queues: tuple[tuple[str, str], ...]
    queues_hidden: int
    charts: tuple[Chart, ...]
    charts_hidden: int
    figures: tuple[Figure, ...]


def section(account: Account, trend: Trend, figures: Metrics | None, now: float) -> Section | None:
    """Return what the page says of the books at `now` (s since the epoch), None where there are none."""
    if not account.exists:
        return None
    findings = account.gravest_first
    icon, verdict = _verdict(account, findings)
    drawn, charts_hidden = charts(trend.days, now)
    return Section(
        icon=icon,
        verdict=verdict,
        sums=tuple(_sums(account, trend, now)),
        items=tuple(_item(kept, now) for kept in findings[:SHOWN]),
        hidden=max(len(findings) - SHOWN, 0),
        queues=tuple((queue.name[:_LONGEST], _waiting(queue, now)) for queue in account.queues[:SHOWN]),
        queues_hidden=max(len(account.queues) - SHOWN, 0),
        charts=tuple(drawn),
        charts_hidden=charts_hidden,
        figures=tuple(_figures(figures or Metrics(now, DAY))),
    )


def _verdict(account: Account, findings: tuple[Kept, ...]) -> tuple[str, str]:
    if account.consistent is None:
        why = "have not been compared yet" if account.at is None else "can not be seen"
        return "unknown", f"Not known: the books {why}"
    if not findings:
        return "healthy", "The books agree"
    hard = len(account.hard)
    if not hard:
        return "unknown", f"{count(len(findings), 'finding')}, perhaps agents at work"
    more = f", and {len(findings) - hard} that may be agents at work" if len(findings) > hard else ""
    return _icon(findings[0]), f"{count(hard, 'finding')}{more}"


def _sums(account: Account, trend: Trend, now: float) -> Iterator[Sum]:
    for status, tallies in account.totals.items():
        money = ((spoken(tally.total, unit), count(tally.count, "invoice")) for unit, tally in tallies.items())
        yield Sum("in review" if status == "review" else status, tuple(money), _change(trend, status, now))


def _change(trend: Trend, status: Status, now: float) -> tuple[str, ...]:
    """Return how the invoices of one status changed, and since when."""
    if trend.change is None or trend.change_since is None:
        return (f"change in 24 h: {NO_DATA}",)
    since = "in 24 h" if about_a_day(now - trend.change_since) else f"since {moment(trend.change_since, now).clock}"
    changed = differences(trend.change[status])
    return tuple(f"{text} {since}" for text in changed) or (f"no change {since}",)


def _figures(metrics: Metrics) -> Iterator[Figure]:
    for name, number in (
        ("E-mails sent", metrics.emails_sent),
        ("Payments detected", metrics.payments_detected),
        ("Errors", metrics.errors),
    ):
        yield Figure(name, () if number is None else (f"{number:,}",))
    latency, collected = metrics.latency, metrics.collected
    if latency is None:
        yield Figure("Payment latency", ())
    else:
        of = f"on average of {count(latency.count, 'payment')}; {percentiles(latency)}"
        yield Figure("Payment latency", (span(latency.average),), of)
    if collected is None:
        yield Figure("Collected", ())
    else:
        money = tuple(spoken(tally.total, currency) for currency, tally in collected.items())
        number = sum(tally.count for tally in collected.values())
        yield Figure("Collected", money or ("nothing",), count(number, "invoice") if number else "")


def _item(kept: Kept, now: float) -> Item:
    finding = kept.finding
    left = f", left by {kept.after_restart}" if kept.after_restart else ""
    sure = "" if kept.hard else ", perhaps agents at work"
    return Item(
        icon=_icon(kept),
        severity=finding.severity.value,
        message=finding.message[:_LONGEST],
        phrase=PHRASES[finding.check],
        standing=f"for {span(now - kept.since)}{left}{sure}",
        expected=finding.expected[:_LONGEST],
        found=finding.found[:_LONGEST],
        place=finding.file[-_LONGEST:] + ("" if finding.line is None else f":{finding.line}"),
    )


def _icon(kept: Kept) -> str:
    if not kept.hard:
        return "unknown"
    return "escalated" if kept.finding.severity is Severity.CRITICAL else "unhealthy"


def _waiting(queue: QueueView, now: float) -> str:
    oldest = "" if queue.oldest is None else f", the oldest for {span(now - queue.oldest)}"
    return f"{queue.depth} waiting{oldest}"
