"""The golden pages, each always the same. `python -m tests.faces.pages` writes the pages anew."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from supervisor.domain.account import Account, QueueView
from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat, BeatKind
from supervisor.domain.findings import PHRASES, CheckName
from supervisor.domain.fleet import Modifier
from supervisor.domain.health import HealthState
from supervisor.domain.maintenance import Planned, Window
from supervisor.domain.metrics import DAY, Latency, Metrics
from supervisor.domain.silences import Silence, Silences, coverage
from supervisor.domain.totals import Tally
from supervisor.domain.vitals import Pause
from supervisor.faces.dashboard import render
from supervisor.faces.languages.language import ENGLISH, Language, language
from supervisor.ports import Row
from tests.faces.fleets import HOUR, NOW, agent, changed, fleet, page
from tests.support.accounts import account, found, trend


def empty() -> bytes:
    return page(fleet(()))


def healthy() -> bytes:
    agents = (
        agent("collections-emailer", last_heartbeat=NOW - 640),
        agent("payment-watcher", restarts=1, errors=1, since=NOW - 3.1 * HOUR, last_heartbeat=NOW - 12),
        agent("ledger-keeper", HealthState.STOPPED, due=None, reason="stopped as planned", since=NOW - 5 * HOUR),
    )
    history = (
        Row(NOW - 20 * HOUR, "supervisor_started", None, None, {"version": "0.1.0", "pid": 7, "absent": 2.5 * HOUR}),
        Row(NOW - 19.99 * HOUR, "gate_opened", None, None, {"seconds": 30.0}),
        changed(5, "ledger-keeper", "healthy", "stopped", "stopped as planned"),
        changed(4.2, "payment-watcher", "healthy", "restarting", "no heartbeat for 1 h"),
        Row(
            NOW - 4.2 * HOUR,
            "restart_started",
            "payment-watcher",
            None,
            {"attempt": 1, "kind": "command", "reason": "no heartbeat for 1 h"},
        ),
        Row(
            NOW - 4.19 * HOUR,
            "restart_finished",
            "payment-watcher",
            None,
            {"attempt": 1, "ok": True, "seconds": 36.0, "detail": ""},
        ),
        changed(3.1, "payment-watcher", "restarting", "healthy", "heartbeat in time"),
    )
    return page(fleet(agents), history)


def all_bad(speech: Language = ENGLISH, told: Account = Account()) -> bytes:
    agents = (
        agent(
            "payment-watcher",
            HealthState.ESCALATED,
            last_heartbeat=NOW - 1.8 * HOUR,
            consecutive_misses=3,
            restarts=2,
            errors=1,
            reason="no heartbeat in 15 min since restart 2",
            since=NOW - 0.6 * HOUR,
            due=NOW + 300,
            restart_at=NOW + 140,
            modifiers=(Modifier.EXHAUSTED,),
        ),
        agent(
            "collections-emailer",
            HealthState.UNHEALTHY,
            last_heartbeat=NOW - 1.1 * HOUR,
            consecutive_misses=1,
            reason="the agent reported a failure: SMTP refused the login",
            since=NOW - 400,
            due=NOW + 500,
            modifiers=(Modifier.HELD, Modifier.SILENCED),
            held_until=NOW + 1500,
            held_by="bob",
            beat=Beat(NOW - 1.1 * HOUR, BeatKind.FAIL, message="SMTP refused the login"),
            restarter=None,
        ),
        agent(
            "invoice-scanner",
            HealthState.RESTARTING,
            last_heartbeat=NOW - 1.02 * HOUR,
            consecutive_misses=1,
            restarts=1,
            reason="no heartbeat for 1 h 1 min",
            since=NOW - 8,
            due=None,
        ),
        agent(
            "report-writer",
            HealthState.UNKNOWN,
            last_heartbeat=None,
            reason="no heartbeat seen yet",
            since=NOW - 0.3 * HOUR,
            modifiers=(Modifier.UNOBSERVED,),
        ),
    )
    incidents = (
        Incident(
            "5f21c0aa",
            "payment-watcher:heartbeat",
            Severity.CRITICAL,
            "no heartbeat in 15 min since restart 2; 3 misses in a row; restart 2 was done",
            NOW - 0.6 * HOUR,
            told=("caine", "on-call"),
        ),
        Incident(
            "09bd11e7",
            "supervisor:channel_failed",
            Severity.WARNING,
            "channel on-call does not deliver: connection refused",
            NOW - 0.2 * HOUR,
            state=IncidentState.ACKNOWLEDGED,
            acked_by="ada",
            acked_until=NOW + 900,
        ),
        Incident(
            "77777777", "old:heartbeat", Severity.CRITICAL, "long over", NOW - 9 * HOUR, state=IncidentState.RESOLVED
        ),
    )
    history = (
        Row(NOW - 11 * HOUR, "supervisor_started", None, None, {"version": "0.1.0", "pid": 7}),
        changed(9, "payment-watcher", "unknown", "healthy", "heartbeat in time"),
        changed(9, "collections-emailer", "unknown", "healthy", "heartbeat in time"),
        changed(9, "invoice-scanner", "unknown", "healthy", "heartbeat in time"),
        Row(NOW - 4 * HOUR, "gate_closed", None, None, {"reason": "machine_slept"}),
        Row(NOW - 3 * HOUR, "gate_opened", None, None, {"seconds": HOUR}),
        changed(0.85, "payment-watcher", "healthy", "restarting", "no heartbeat for 1 h"),
        Row(
            NOW - 0.6 * HOUR,
            "incident_opened",
            "payment-watcher",
            "5f21c0aa",
            {"severity": "critical", "summary": "no heartbeat in 15 min since restart 1"},
        ),
        changed(0.6, "payment-watcher", "restarting", "escalated", "no heartbeat in 15 min since restart 1"),
        Row(
            NOW - 500,
            "notification_failed",
            None,
            "5f21c0aa",
            {"channel": "on-call", "kind": "triggered", "error": "connection refused"},
        ),
        changed(400 / HOUR, "collections-emailer", "healthy", "unhealthy", "the agent reported a failure"),
        changed(8 / HOUR, "invoice-scanner", "healthy", "restarting", "no heartbeat for 1 h 1 min"),
    )
    return page(
        fleet(agents, incidents, observed=False, doubts=("watch_lost",), unregistered=("stray-agent",), books=told),
        history,
        speech=speech,
    )


HOSTILE = (
    "<script>alert(1)</script>",
    "\u202egnp.exe\u202c",
    "אבג-عربي",
    "x" * 300,
    "💥🧨",
    "a'; rm -rf / #",
    "\ud800\x00\x1b[2J",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
)


def hostile() -> bytes:
    agents = tuple(
        agent(
            name,
            HealthState.ESCALATED if number % 2 else HealthState.HEALTHY,
            consecutive_misses=number % 2 * 2,
            reason=f"said {name}",
            beat=Beat(NOW, message=name),
            since=NOW - number * HOUR,
        )
        for number, name in enumerate(HOSTILE)
    )
    incidents = tuple(
        Incident(f"bad{number}", f"{name}:{name}", Severity.CRITICAL, name, NOW - 60, acked_by=name, told=(name,))
        for number, name in enumerate(HOSTILE)
    )
    history = tuple(changed(1, name, name, name, name) for name in HOSTILE)
    findings = tuple(
        found(CheckName.SCHEMA, name, NOW - 60, file=name, invoice=name, expected=name, found=name) for name in HOSTILE
    )
    queues = tuple(QueueView(name, name, 1, NOW - 60) for name in HOSTILE)
    told = account(NOW, findings=findings, queues=queues)
    return page(fleet(agents, incidents, doubts=HOSTILE[:1], observed=False, unregistered=HOSTILE, books=told), history)


FIGURES = Metrics(
    NOW,
    DAY,
    emails_sent=1204,
    payments_detected=9,
    errors=0,
    latency=Latency(8, 5400.0, 3600.0, 9000.0, 14_400.0),
    collected={"EUR": Tally(1, Decimal("99.5")), "USD": Tally(8, Decimal("21050.4"))},
)


def new_books() -> bytes:
    """Books whose journal has just begun."""
    return page(fleet((agent("collections-emailer"),), books=account(NOW, findings=(), queues=())))


def books() -> bytes:
    agents = (agent("collections-emailer", last_heartbeat=NOW - 640), agent("payment-watcher", last_heartbeat=NOW - 12))
    incidents = tuple(
        Incident(id_, f"books:{check}", Severity.CRITICAL, f"1 finding: {PHRASES[check]}", NOW - 60, told=("caine",))
        for id_, check in (("5f21c0aa", CheckName.AMOUNT_MISMATCH), ("09bd11e7", CheckName.SECTION_TOTAL))
    )
    history = tuple(
        Row(NOW - 60, "incident_opened", None, one.id, {"severity": "critical", "summary": one.summary})
        for one in incidents
    )
    return page(fleet(agents, incidents, books=account(NOW), trend=trend(NOW)), history, FIGURES)


def spanish() -> bytes:
    """All bad, the books too, as it is read in Bogotá."""
    return all_bad(language("es", "America/Bogota"), account(NOW))


def quiet(*, live: bool = False, speech: Language = ENGLISH) -> bytes:
    """Silences that run and are to come, windows open and shut, agents that are paused and held."""
    pause = Pause("ann", NOW + 2 * HOUR, "moves to another machine")
    agents = (
        agent(
            "payment-watcher",
            HealthState.ESCALATED,
            last_heartbeat=NOW - 1.8 * HOUR,
            consecutive_misses=3,
            reason="no heartbeat for 1 h 48 min",
            modifiers=(Modifier.SILENCED,),
            due=NOW + 300,
            silenced_until=NOW + HOUR,
        ),
        agent(
            "collections-emailer",
            HealthState.STOPPED,
            due=None,
            reason=pause.words,
            modifiers=(Modifier.PAUSED,),
            pause=pause,
        ),
        agent(
            "invoice-scanner",
            modifiers=(Modifier.HELD,),
            held_until=NOW + 1500,
            held_by="bob",
            held_reason="its mailbox moves",
        ),
        agent("ledger-keeper", restarter=None),
    )
    incident = Incident(
        "5f21c0aa",
        "payment-watcher:heartbeat",
        Severity.CRITICAL,
        "no heartbeat for 1 h 18 min; 2 misses in a row",
        NOW - 0.6 * HOUR,
        silenced=True,
    )
    kept = (
        Silence("3f2a9c01", "payment-*", "ann", "the bank is down", NOW - HOUR, NOW + HOUR),
        Silence("77aa0b1c", "malier", "bob", "new mail server", NOW - 60, NOW + 7 * HOUR),
        Silence("c01dbeef", "books:*", "ann", "year's end", NOW + 5 * HOUR, NOW + 29 * HOUR),
        Silence("0badcafe", "ledger-keeper", "config", "backup of the ledger", NOW - 60, NOW + 1740, "nightly"),
    )
    windows = (
        Window("nightly", "ledger-keeper", "backup of the ledger", 1800.0, "2 14 * * *", "UTC", lambda _: iter(())),
        Window("sunday", "* books:*", "updates", 7200.0, "0 2 * * sun", "America/Bogota", lambda _: iter(())),
    )
    names = [one.name for one in agents]
    whole = fleet(
        agents,
        (incident,),
        silences=Silences(NOW, kept, windows),
        covered=tuple(coverage(one, names, (incident,), NOW) for one in kept),
        planned=(Planned(windows[0], NOW + 86400.0), Planned(windows[1], NOW + 4.7 * 86400.0)),
    )
    due, stale = NOW + HOUR, 2 * HOUR
    return render(whole, (), None, now=NOW, next_due=due, stale_after=stale, live=live, acting=live, speech=speech)


def quiet_spanish() -> bytes:
    """The same in Bogotá."""
    return quiet(speech=language("es", "America/Bogota"))


def quiet_live() -> bytes:
    """The same for a browser."""
    return quiet(live=True)


def live(*, acting: bool = True) -> bytes:
    """What a browser keeps up to date: one agent is silent, the others are well."""
    agents = (
        agent(
            "payment-watcher",
            HealthState.ESCALATED,
            last_heartbeat=NOW - 1.8 * HOUR,
            consecutive_misses=3,
            restarts=2,
            reason="no heartbeat in 15 min since restart 2",
            since=NOW - 0.6 * HOUR,
            due=NOW + 300,
            restart_at=NOW + 140,
        ),
        agent("collections-emailer", last_heartbeat=NOW - 640),
        agent(
            "invoice-scanner", last_heartbeat=NOW - 12, modifiers=(Modifier.HELD,), held_until=NOW + 1500, held_by="bob"
        ),
        agent("ledger-keeper", HealthState.STOPPED, due=None, reason="stopped as planned", restarter=None),
    )
    incident = Incident(
        "5f21c0aa",
        "payment-watcher:heartbeat",
        Severity.CRITICAL,
        "no heartbeat in 15 min since restart 1; 2 misses in a row; restart 1 was done",
        NOW - 0.6 * HOUR,
        told=("caine", "on-call"),
    )
    history = (
        Row(NOW - 20 * HOUR, "supervisor_started", None, None, {"version": "0.1.0", "pid": 7, "absent": 2.5 * HOUR}),
        Row(NOW - 19.99 * HOUR, "gate_opened", None, None, {"seconds": 30.0}),
        changed(0.85, "payment-watcher", "healthy", "restarting", "no heartbeat for 1 h"),
        changed(0.6, "payment-watcher", "restarting", "escalated", "no heartbeat in 15 min since restart 1"),
        Row(
            NOW - 0.6 * HOUR,
            "incident_opened",
            "payment-watcher",
            "5f21c0aa",
            {"severity": "critical", "summary": incident.summary},
        ),
    )
    told = account(NOW, findings=account(NOW).findings[-2:])
    return render(
        fleet(agents, (incident,), books=told, trend=trend(NOW)),
        history,
        FIGURES,
        now=NOW,
        next_due=NOW + HOUR,
        stale_after=2 * HOUR,
        live=True,
        acting=acting,
    )


PAGES = {
    "empty": empty,
    "healthy": healthy,
    "all_bad": all_bad,
    "hostile": hostile,
    "books": books,
    "new_books": new_books,
    "spanish": spanish,
    "quiet": quiet,
    "quiet_spanish": quiet_spanish,
}
LIVE = {"live": live, "quiet_live": quiet_live}
GOLDEN = Path(__file__).parent / "golden"

if __name__ == "__main__":
    for name, make in {**PAGES, **LIVE}.items():
        (GOLDEN / f"{name}.html").write_bytes(make())
