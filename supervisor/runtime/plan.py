"""What the runtime is to do, in plain values: the roof makes it from the settings, anew at each reload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from supervisor.domain.gate import GatePolicy
from supervisor.domain.index import Limits
from supervisor.domain.maintenance import Window
from supervisor.domain.policy import Chain, Policy
from supervisor.ports import Links, Notifier, Ping, Restarter


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """One agent. Two plans are equal where nothing about the agent has changed.

    Args:
        kind: the restarter's kind, None where nothing can restart the agent.
        managed: the supervisor runs the agent itself.
        config: what the restarter is made from; compared, and handed to `make`.
        make: makes the restarter.
        drill: it plays an agent for a drill: it is judged as any other, and counts for nothing (see `runtime.drills`).
    """

    policy: Policy
    kind: str | None = None
    managed: bool = False
    config: object = None
    make: Callable[[], Restarter] | None = field(default=None, compare=False)
    drill: bool = False


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """One channel: what its notifier is made from (compared), and how."""

    config: object
    make: Callable[[], Notifier] = field(compare=False)


@dataclass(frozen=True, slots=True)
class BooksPlan:
    """How the books are compared. All times in seconds.

    Args:
        currency: of the ledger, and of amounts that name none (ISO 4217).
        quiet, quiet_max: how long nothing more must have changed, and how long that is waited for.
        settle: what does not agree for so long is a finding.
        resync_every: time between full comparisons.
    """

    currency: str = "USD"
    quiet: float = 0.2
    quiet_max: float = 2.0
    settle: float = 30.0
    resync_every: float = 600.0
    limits: Limits = Limits()


class PageKind(StrEnum):
    """What a page is for: a file that stays as it is, or a browser that keeps it up to date and may act."""

    SNAPSHOT = "snapshot"
    WATCHING = "watching"
    ACTING = "acting"


@dataclass(frozen=True, slots=True)
class PagePlan:
    """The page: longest and shortest time (s) between two, its language ("en", "es"), its readers' zone (IANA)."""

    interval: float = 3600.0
    min_interval: float = 10.0
    language: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class TextfilePlan:
    """Where the metrics are written for node_exporter, None for nowhere, and how often (s)."""

    file: Path | None = None
    interval: float = 15.0


@dataclass(frozen=True, slots=True)
class PingPlan:
    """Who is told that we live, None for nobody, and how often (s)."""

    ping: Ping | None = None
    interval: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a reload can change. Two plans are equal where nothing has, but for `default`.

    Args:
        default: makes the plan of an agent that is adopted, None where unregistered agents are only reported.
        skew_limit: how far ahead (s) a heartbeat may be dated.
        outbox_timeout: bound (s) of one try to send.
        group_wait: how long (s) a notice that is not critical waits for others.
        http: how the API is served on a port; None: not at all.
        maintenance: the windows in which nobody is told of what matches.
        links: makes the links by which whoever is told may acknowledge; None: messages carry none.
    """

    agents: Mapping[str, AgentPlan]
    chain: Chain = Chain()
    gate: GatePolicy = GatePolicy()
    default: Callable[[str], AgentPlan] | None = field(default=None, compare=False)
    channels: Mapping[str, ChannelPlan] = field(default_factory=dict)
    skew_limit: float = 60.0
    books: BooksPlan = BooksPlan()
    outbox_timeout: float = 10.0
    group_wait: float = 30.0
    retention: float = 30 * 86400.0
    page: PagePlan = PagePlan()
    http: object = None
    links: Links | None = None
    textfile: TextfilePlan = TextfilePlan()
    ping: PingPlan = PingPlan()
    maintenance: tuple[Window, ...] = ()
