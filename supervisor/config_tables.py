"""The configuration file's tables, key by key: names, types, bounds, defaults and a sentence each."""

from __future__ import annotations

import re
from ipaddress import ip_address
from itertools import islice, pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from yarl import URL

from supervisor.config_agents import AgentTable, shared
from supervisor.config_keys import Count, Flag, Name, Place, Share, Span, SpanOrNone, Table
from supervisor.config_types import Cron, TimeZone
from supervisor.credentials import Credential, CredentialName, TokenKeys, Variable, credential_of
from supervisor.formats import cron

_PORTS = 65536

_OPENINGS = 2000
"""So many openings of a window are looked at for a gap: those of every minute of a day, and more."""


class PathsTable(Table):
    """Where things lie. A relative path begins at this file's folder; "~" is a home folder."""

    cache: Place | None = Field(default=None, description="The agents' cache folder.")
    heartbeats: Place | None = Field(default=None, description="The folder of the heartbeat files.")
    queues: Place | None = Field(default=None, description="The folder of the queues.")
    state: Place | None = Field(default=None, description="The folder of the invoices.")
    ledger: Place | None = Field(default=None, description="The ledger, a file.")
    event_log: Place | None = Field(default=None, description="The agents' event log, a file.")
    dashboard: Place | None = Field(default=None, description="The page that is written, a file.")
    data: Place | None = Field(default=None, description="The folder of the supervisor's journal.")
    socket: Place | None = Field(default=None, description="The control socket.")


class ChannelTable(Table):
    """A way to reach somebody. The keys of the kind stand beside this one."""

    model_config = ConfigDict(extra="allow")

    kind: str = Field(description="How the channel sends.")


class StepTable(Table):
    """One step of the chain."""

    channel: Name = Field(description="The channel that is told.")
    delay: SpanOrNone = Field(default=0.0, description="When, counted from the begin of the round.")


class EscalationTable(Table):
    """Who is told of an incident, and when."""

    chain: tuple[StepTable, ...] | None = Field(
        default=None, description="The steps of a round; every channel in order (0s, 5m, 15m, ...) where not set."
    )
    max_rounds: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        default=5, description="How often the round repeats."
    )
    repeat_interval: Span = Field(default=4 * 3600.0, description="Wait between rounds after that.")
    ack_timeout: Span = Field(default=1800.0, description="How long an acknowledgement lasts.")
    group_wait: SpanOrNone = Field(
        default=30.0, description="How long a notice that is not critical waits for others, to go in one message."
    )


class GateTable(Table):
    """When the supervisor doubts itself, and restarts nothing."""

    settle: SpanOrNone = Field(default=30.0, description="Wait after the last doubt has passed.")
    share: Share = Field(default=0.5, description="Share of the agents, at least 2.")
    window: Span = Field(default=60.0, description="That share silent within this time is a doubt.")
    stall: Span = Field(default=5.0, description="An event loop held longer is a doubt.")
    limit: Span = Field(default=600.0, description="Longest doubt before an incident.")


class WatchTable(Table):
    """How files are observed."""

    step: Annotated[Span, Field(ge=0.001)] = Field(
        default=0.03, description="Changes are told one to two steps after they happen."
    )
    debounce: SpanOrNone = Field(default=0.2, description="How much longer a steady stream of changes is collected.")
    walk_every: Span = Field(default=60.0, description="Time between walks that find what no event told.")
    poll_every: Span = Field(default=2.0, description="Time between looks where there are no events.")
    skew_limit: SpanOrNone = Field(default=60.0, description="A heartbeat further in the future is not believed.")
    discover: Flag = Field(default=False, description="Watch agents that are not configured, with [defaults].")


class BooksTable(Table):
    """How the books (state, ledger, event log, queues) are compared."""

    currency: Annotated[str, Field(strict=True, pattern="^[A-Z]{3}$")] = Field(
        default="USD", description="Currency of the ledger, and of amounts that name none (ISO 4217)."
    )
    quiet: SpanOrNone = Field(default=0.2, description="They are compared once nothing has changed for so long.")
    quiet_max: Span = Field(default=2.0, description="Longest wait for that.")
    settle: SpanOrNone = Field(default=30.0, description="What does not agree for so long is a finding.")
    resync_every: Span = Field(default=600.0, description="Time between full comparisons (+- 10 %).")
    queue_depth: Count = Field(default=100, description="So many messages in a queue are a finding.")
    queue_age: Span = Field(default=3600.0, description="So long in a queue is a finding.")


class OutboxTable(Table):
    """How notifications are sent."""

    timeout: Span = Field(default=10.0, description="Longest time one try of a channel may take.")


class JournalTable(Table):
    """What is remembered."""

    retention: Span = Field(default=30 * 24 * 3600.0, description="How long records and closed incidents are kept.")


class LogTable(Table):
    """What is written on standard output."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is written."
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, else json."
    )


class DashboardTable(Table):
    """When the page is written, and for whom."""

    interval: Span = Field(default=3600.0, description="Time between pages when nothing happens.")
    min_interval: SpanOrNone = Field(default=10.0, description="Least time between two pages.")
    language: Literal["en", "es"] = Field(default="en", description="The page's language: English or Spanish.")
    time_zone: TimeZone = Field(
        default="UTC", description="The readers' time zone (IANA): their time is told beside UTC."
    )


def _loopback(text: str) -> str:
    host, port = address(text)
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local or not 0 < port < _PORTS:
        raise ValueError(
            'expected a loopback address and a port, such as "127.0.0.1:8787"; '
            "to be reached from elsewhere, put a reverse proxy in front and name it in allowed_hosts"
        )
    return text


def address(text: str) -> tuple[str, int]:
    """Return the host and the port of "127.0.0.1:8787", "[::1]:8787" or "localhost:8787"; port 0 where it has none."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return "127.0.0.1" if bare == "localhost" else bare, int(port) if re.fullmatch("[0-9]{1,5}", port) else 0


def _host(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", name):
        raise ValueError("expected a name without a port, such as supervisor.example.org")
    return name.lower()


def _public(text: str) -> str:
    url = URL(text)
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.query_string or url.fragment:
        raise ValueError("expected an http or https address, such as https://supervisor.example.org")
    return text.rstrip("/")


def public_host(url: str) -> str:
    """Return the host of a public address, as it stands in `Host`."""
    host = URL(url).raw_host or ""
    return f"[{host}]" if ":" in host else host


class HttpTable(Table, TokenKeys):
    """The page and the API on a loopback port, besides the control socket."""

    token_file: Place | None = Field(default=None, description="The file that holds the token.")
    listen: Annotated[str, Field(strict=True), AfterValidator(_loopback)] | None = Field(
        default=None, description="The loopback address and port; not at all, where not set."
    )
    public_read: Flag = Field(default=True, description="This machine's own requests may read without the token.")
    allowed_hosts: tuple[Annotated[str, AfterValidator(_host)], ...] = Field(
        default=(), description="Further host names that it is reached by, such as a reverse proxy's."
    )

    public_url: Annotated[str, Field(strict=True, max_length=100), AfterValidator(_public)] | None = Field(
        default=None,
        description="Where people reach it, through a reverse proxy, say: messages then carry a link to acknowledge.",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.listen is not None and not self.public_read and self.token is None:
            raise ValueError("nobody could read or do anything: set token_file, token_env or token_credential")
        return self


class MetricsTable(Table):
    """Metrics for Prometheus, beside those on the control socket."""

    textfile: Place | None = Field(
        default=None,
        description='A ".prom" file in the folder of node_exporter\'s textfile collector.',
    )
    interval: Span = Field(default=15.0, description="Time between two writings of it.")

    @field_validator("textfile")
    @classmethod
    def _collected(cls, file: Path | None) -> Path | None:
        if file is not None and file.suffix != ".prom":
            raise ValueError('expected a name that ends in ".prom": node_exporter reads no other')
        return file


class PingTable(Table):
    """A dead man's switch: a service that tells people when it hears nothing from the supervisor."""

    url: HttpUrl | None = Field(default=None, description="The address that is fetched while the supervisor is well.")
    url_file: Place | None = Field(default=None, description="The file that holds the address, where it is a secret.")
    url_env: Variable | None = Field(default=None, description="The environment variable that holds the address.")
    url_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the address."
    )
    interval: Span = Field(default=60.0, description="Time between two pings.")

    @property
    def address(self) -> str | Credential | None:
        """The address, or where it is kept; None where nobody is to be pinged."""
        kept = credential_of("url", self.url_file, self.url_env, self.url_credential)
        if self.url is None:
            return kept
        if kept is not None:
            raise ValueError("expected one of url, url_file, url_env and url_credential, not 2 of them")
        return str(self.url)

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        _ = self.address
        return self


def _patterns(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class MaintenanceTable(Table):
    """A window that comes again: nobody is notified of what matches while it is open."""

    matcher: Annotated[
        tuple[Annotated[str, Field(strict=True, pattern=r"^\S+$", max_length=200)], ...],
        BeforeValidator(_patterns),
        Field(min_length=1),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = Field(description="The agents, or a pattern of incident keys; one, or a list.")
    schedule: Cron = Field(description="When it opens: a cron expression.")
    duration: Span = Field(description="How long it is open.")
    time_zone: TimeZone = Field(default="UTC", description="The time zone (IANA) of its schedule.")
    comment: Annotated[str, Field(strict=True, pattern=r"\S", max_length=2000)] = Field(description="Why.")

    @model_validator(mode="after")
    def _closes(self) -> Self:
        openings = islice(cron.times(self.schedule, self.time_zone)(0.0), _OPENINGS)
        if all(later - sooner <= self.duration for sooner, later in pairwise(openings)):
            raise ValueError("it would never close: expected a duration shorter than the time to its next opening")
        return self


class Document(Table):
    """The configuration of collections-supervisor."""

    paths: PathsTable = PathsTable()
    defaults: AgentTable = Field(default=AgentTable(), description="Any key of an agent, for all of them.")
    agents: Annotated[dict[Name, AgentTable], AfterValidator(shared)] = Field(
        default={}, description="The agents, by name."
    )
    channels: dict[Name, ChannelTable] = Field(default={}, description="The channels, by name.")
    escalation: EscalationTable = EscalationTable()
    gate: GateTable = GateTable()
    watch: WatchTable = WatchTable()
    books: BooksTable = BooksTable()
    outbox: OutboxTable = OutboxTable()
    journal: JournalTable = JournalTable()
    log: LogTable = LogTable()
    dashboard: DashboardTable = DashboardTable()
    http: HttpTable = HttpTable()
    metrics: MetricsTable = MetricsTable()
    ping: PingTable = PingTable()
    maintenance: dict[Name, MaintenanceTable] = Field(default={}, description="Windows of maintenance, by name.")
