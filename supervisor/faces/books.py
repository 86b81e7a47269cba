"""The books as the dashboard shows them: what is owed, what does not agree, what waits. Pure; all of it is text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.docket import Kept
from supervisor.domain.findings import PHRASES
from supervisor.domain.invoices import Status
from supervisor.domain.metrics import DAY, Latency, Metrics
from supervisor.domain.totals import Tally
from supervisor.domain.trend import Trend
from supervisor.domain.words import LINE_LIMIT
from supervisor.faces.chart import Chart, charts
from supervisor.faces.figures import about_a_day
from supervisor.faces.languages.language import Language

SHOWN = 50
"""So many findings a page shows, and so many queues."""


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


def section(account: Account, trend: Trend, figures: Metrics | None, now: float, speech: Language) -> Section | None:
    """Return what the page says of the books at `now` (s since the epoch), None where there are none."""
    if not account.exists:
        return None
    view = _View(speech, now)
    findings = account.gravest_first
    icon, verdict = view.verdict(account, findings)
    drawn, charts_hidden = charts(trend.days, now, speech)
    return Section(
        icon=icon,
        verdict=verdict,
        sums=tuple(view.sums(account, trend)),
        items=tuple(view.item(kept) for kept in findings[:SHOWN]),
        hidden=max(len(findings) - SHOWN, 0),
        queues=tuple((queue.name[:LINE_LIMIT], view.waiting(queue)) for queue in account.queues[:SHOWN]),
        queues_hidden=max(len(account.queues) - SHOWN, 0),
        charts=tuple(drawn),
        charts_hidden=charts_hidden,
        figures=tuple(view.figures(figures or Metrics(now, DAY))),
    )


class _View:
    """Puts the books into words, in the language of `speech`, as seen at `now`."""

    def __init__(self, speech: Language, now: float) -> None:
        self._say = speech.say
        self._speech = speech
        self._now = now

    def _count(self, number: int, one: str, many: str) -> str:
        """Return `one` as it is for 1, else `many` with the number in its gap."""
        return self._say(one) if number == 1 else self._say(many, n=self._speech.number(number))

    def _invoices(self, number: int) -> str:
        return self._count(number, "1 invoice", "{n} invoices")

    def _findings(self, number: int) -> str:
        return self._count(number, "1 finding", "{n} findings")

    def verdict(self, account: Account, findings: tuple[Kept, ...]) -> tuple[str, str]:
        """Return how the books stand, as an icon and in words."""
        if account.consistent is None:
            if account.at is None:
                return "unknown", self._say("Not known: the books have not been compared yet")
            return "unknown", self._say("Not known: the books can not be seen")
        if not findings:
            return "healthy", self._say("The books agree")
        hard = len(account.hard)
        if not hard:
            return "unknown", self._say("{findings}, perhaps agents at work", findings=self._findings(len(findings)))
        if len(findings) == hard:
            return _icon(findings[0]), self._findings(hard)
        soft = self._speech.number(len(findings) - hard)
        words = self._say("{findings}, and {soft} that may be agents at work", findings=self._findings(hard), soft=soft)
        return _icon(findings[0]), words

    def sums(self, account: Account, trend: Trend) -> Iterator[Sum]:
        """Yield what each status comes to."""
        for status, tallies in account.totals.items():
            money = [(self._speech.money(one.total, unit), self._invoices(one.count)) for unit, one in tallies.items()]
            name = self._say("in review") if status == "review" else self._say(status.value)
            yield Sum(name, tuple(money), tuple(self._change(trend, status)))

    def _change(self, trend: Trend, status: Status) -> Iterator[str]:
        """Yield how the invoices of one status changed, and since when."""
        if trend.change is None or trend.change_since is None:
            yield self._say("change in 24 h: no data")
            return
        if about_a_day(self._now - trend.change_since):
            since = self._say("in 24 h")
        else:
            since = self._say("since {clock}", clock=self._speech.moment(trend.change_since, self._now).clock)
        changed = [(unit, tally) for unit, tally in trend.change[status].items() if tally.count or tally.total]
        for currency, tally in changed:
            yield f"{self._difference(tally, currency)} {since}"
        if not changed:
            yield self._say("no change {since}", since=since)

    def _difference(self, tally: Tally, currency: str) -> str:
        invoices = f"{'-' if tally.count < 0 else '+'}{self._invoices(abs(tally.count))}"
        return f"{invoices}, {'' if tally.total < 0 else '+'}{self._speech.money(tally.total, currency)}"

    def figures(self, metrics: Metrics) -> Iterator[Figure]:
        """Yield what came about."""
        for name, number in (
            (self._say("E-mails sent"), metrics.emails_sent),
            (self._say("Payments detected"), metrics.payments_detected),
            (self._say("Errors"), metrics.errors),
        ):
            yield Figure(name, () if number is None else (self._speech.number(number),))
        yield self._latency(metrics.latency)
        collected, name = metrics.collected, self._say("Collected")
        if collected is None:
            yield Figure(name, ())
        else:
            money = tuple(self._speech.money(tally.total, currency) for currency, tally in collected.items())
            number = sum(tally.count for tally in collected.values())
            yield Figure(name, money or (self._say("nothing"),), self._invoices(number) if number else "")

    def _latency(self, latency: Latency | None) -> Figure:
        name, span = self._say("Payment latency"), self._speech.span
        if latency is None:
            return Figure(name, ())
        of = self._count(latency.count, "on average of 1 payment", "on average of {n} payments")
        shares = self._say(
            "half within {p50}, 90 % within {p90}, 99 % within {p99}",
            p50=span(latency.p50),
            p90=span(latency.p90),
            p99=span(latency.p99),
        )
        return Figure(name, (span(latency.average),), f"{of}; {shares}")

    def item(self, kept: Kept) -> Item:
        """Return one finding."""
        finding, tell = kept.finding, self._speech.tell
        standing = self._say("for {span}", span=self._speech.span(self._now - kept.since))
        if kept.after_restart:
            standing += self._say(", left by {agent}", agent=kept.after_restart)
        if not kept.hard:
            standing += self._say(", perhaps agents at work")
        return Item(
            icon=_icon(kept),
            severity=finding.severity.value,
            message=tell(finding.message[:LINE_LIMIT]),
            phrase=tell(PHRASES[finding.check]),
            standing=standing,
            expected=tell(finding.expected[:LINE_LIMIT]),
            found=tell(finding.found[:LINE_LIMIT]),
            place=finding.file[-LINE_LIMIT:] + ("" if finding.line is None else f":{finding.line}"),
        )

    def waiting(self, queue: QueueView) -> str:
        """Return what waits in a queue."""
        depth = self._say("{n} waiting", n=self._speech.number(queue.depth))
        if queue.oldest is None:
            return depth
        return depth + self._say(", the oldest for {span}", span=self._speech.span(self._now - queue.oldest))


def _icon(kept: Kept) -> str:
    if not kept.hard:
        return "unknown"
    return "escalated" if kept.finding.severity is Severity.CRITICAL else "unhealthy"
