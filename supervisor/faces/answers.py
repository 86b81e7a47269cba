"""What the API answers, key by key: the types of `documents`, and the schemas of the OpenAPI document.

Times are RFC 3339 in UTC, money is decimal text. Cheap to import, for the commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict  # pydantic reads the standard library's only from Python 3.12 on

from supervisor.domain.actions import Severity
from supervisor.domain.docket import FindingState
from supervisor.domain.escalation import IncidentState
from supervisor.domain.events import Phase
from supervisor.domain.findings import CheckName
from supervisor.domain.fleet import Modifier, Status
from supervisor.domain.health import HealthState


class Schedule(TypedDict):
    """When an agent runs: as cron has it, in a time zone. `next_run` is awaited for `grace` seconds."""

    expression: str
    time_zone: str
    grace: float
    next_run: str


class Activity(TypedDict):
    """The file that an agent without a heartbeat wrote last, and since when a restart is put off for it."""

    path: str
    last_written: str | None
    deferred_since: str | None


class Agent(TypedDict):
    """One agent. `heartbeat_timeout` is null where it has a schedule."""

    name: str
    status: HealthState
    last_heartbeat: str | None
    consecutive_misses: int
    restarts: int
    errors: int
    reason: str
    modifiers: Sequence[Modifier]
    since: str
    due: str | None
    heartbeat_timeout: float | None
    schedule: Schedule | None
    restart_at: str | None
    activity: Activity | None
    held_until: str | None
    held_by: str | None
    held_reason: str | None
    paused_by: str | None
    paused_until: str | None
    paused_reason: str | None
    silenced_until: str | None
    incarnation: str | None
    restarter: str | None
    phase: Phase | None
    pending: int | None
    message: str | None


class Incident(TypedDict):
    """One incident."""

    id: str
    key: str
    state: IncidentState
    severity: Severity
    opened_at: str
    summary: str
    acked_by: str | None
    acked_until: str | None
    told: Sequence[str]
    silenced: bool
    silenced_until: str | None
    next_at: str | None
    resolved_at: str | None
    resolution: str
    evidence: Mapping[str, Any]


class Finding(TypedDict):
    """One finding of the books."""

    id: str
    check: CheckName
    severity: Severity
    state: FindingState
    file: str
    line: int | None
    invoice: str | None
    expected: str | None
    found: str | None
    message: str
    since: str
    after_restart: str | None


class Sum(TypedDict):
    """So many invoices, and what they come to."""

    count: int
    total: str


Sums = Mapping[str, Sum]
"""By currency."""

StatusSums = Mapping[str, Sums]
"""By status of the invoices."""


class Books(TypedDict):
    """The books. `consistent` is null where that is not known."""

    consistent: bool | None
    compared_at: str | None
    files: int
    totals: StatusSums
    findings: Sequence[Finding]


class Queue(TypedDict):
    """One queue."""

    depth: int
    oldest_seconds: float | None


class Queues(TypedDict):
    """The queues by name. `healthy` is null where that is not known."""

    healthy: bool | None
    queues: Mapping[str, Queue]


class Account(TypedDict):
    """The books and the queues."""

    books: Books
    queues: Queues


class Change(TypedDict):
    """By how much the sums have changed since then; null where that is not known."""

    change: StatusSums | None
    change_since: str | None


class ChangingBooks(Books, Change):
    """The books, and how they have changed of late."""


class Matches(TypedDict):
    """What falls under a silence now: agents, open incidents, and which of the supervisor's own subjects."""

    agents: int
    incidents: int
    scopes: Sequence[str]


class Silence(TypedDict):
    """One silence. `state`: it runs, or is yet to begin. `window`: the window of maintenance that it is."""

    id: str
    matcher: str
    author: str
    comment: str
    starts_at: str
    ends_at: str
    state: Literal["active", "pending"]
    window: str | None
    matches: Matches


class Window(TypedDict):
    """A window of maintenance. `next_at`: when it opens next, null where its schedule has come to an end."""

    name: str
    matcher: str
    comment: str
    schedule: str
    time_zone: str
    duration: float
    open: bool
    next_at: str | None


class Silences(TypedDict):
    """The silences that run or are to come, and the windows of maintenance."""

    silences: Sequence[Silence]
    maintenance: Sequence[Window]


class Fleet(TypedDict):
    """Everything at one moment."""

    status: Status
    timestamp: str
    agents: Sequence[Agent]
    books: ChangingBooks
    queues: Queues
    incidents: Sequence[Incident]
    observed: bool
    doubts: Sequence[str]
    unregistered: Sequence[str]
    dashboard_error: str | None
    silences: Sequence[Silence]
    maintenance: Sequence[Window]
    watches: Mapping[str, str | None]


class Latency(TypedDict):
    """How long payments took from their detection to the books."""

    count: int
    average_seconds: float
    p50_seconds: float
    p90_seconds: float
    p99_seconds: float


class Metrics(Change):
    """Figures over a window; null where there is no data."""

    timestamp: str
    window_seconds: float
    emails_sent: int | None
    payments_detected: int | None
    errors: int | None
    payment_latency: Latency | None
    collected: Sums | None


class ChannelOutcome(TypedDict):
    """What a channel said to a test message."""

    ok: bool
    error: str | None
    permanent: bool


# --- what only the API says -----------------------------------------------------------------------------------


class Alive(TypedDict):
    """The daemon answers."""

    status: str
    version: str
    watches: Mapping[str, str | None]


class Ready(TypedDict):
    """Every agent is watched."""

    status: str


class AgentPage(TypedDict):
    """Agents by name. `next`: the cursor of the page that follows, null on the last one."""

    agents: Sequence[Agent]
    next: str | None


class IncidentPage(TypedDict):
    """Incidents, newest first. `next`: the cursor of the page that follows, null on the last one."""

    incidents: Sequence[Incident]
    next: str | None


class FindingPage(TypedDict):
    """Findings, gravest first. `next`: the cursor of the page that follows, null on the last one."""

    findings: Sequence[Finding]
    next: str | None


class Acknowledged(TypedDict):
    """The incidents that were taken on."""

    incidents: Sequence[Incident]


class Taken(TypedDict):
    """The ids of the incidents that a link was good for; somebody looks after each of them now."""

    incidents: Sequence[str]


class Restarting(TypedDict):
    """A restart has begun; `attempt` is its number."""

    agent: str
    attempt: int


class Holding(TypedDict):
    """Who holds restarts, until when and why; null where nobody does."""

    agent: str
    held_by: str | None
    held_until: str | None
    held_reason: str | None


class Pausing(TypedDict):
    """Who has paused an agent, until when, and why: null where it is not, has to be resumed, or nobody said."""

    agent: str
    paused_by: str | None
    paused_until: str | None
    paused_reason: str | None


class Drill(TypedDict):
    """A drill that runs: its agent, what that promises (s), and until when it may run."""

    agent: str
    heartbeat_timeout: float
    check_interval: float
    until: str


class Reloaded(TypedDict):
    """The agents whose configuration differs."""

    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]


class Tested(TypedDict):
    """What each channel said to a test message."""

    channels: Mapping[str, ChannelOutcome]


class _ProblemKeys(TypedDict):
    type: str
    title: str
    status: int
    detail: str


class Problem(_ProblemKeys, total=False):
    """Why a request is not served (RFC 9457). `key` names the one value that is wrong, where it is one."""

    key: str
