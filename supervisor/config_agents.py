"""What the configuration file says of an agent, key by key: names, types, bounds, defaults and a sentence each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from supervisor.config_keys import Count, Name, Place, Share, Span, SpanOrNone, Table
from supervisor.config_types import Cost, Cron, TimeZone


class RestartTable(Table):
    """How an agent is restarted, and how often. The keys of the kind stand beside these."""

    model_config = ConfigDict(extra="allow")

    kind: str | None = Field(default=None, description="How the agent is restarted.")
    max_restarts: Count = Field(default=3, description="Restarts allowed in any window.")
    window: Span | None = Field(
        default=None,
        description="The window; 6 heartbeat timeouts, 15 min at least, where not set; 6 h with a schedule.",
    )
    backoff: SpanOrNone = Field(default=10.0, description="Least wait after a restart, doubled each time.")
    backoff_max: SpanOrNone = Field(default=300.0, description="The wait grows no further than this.")
    jitter: Share = Field(default=0.2, description="Share by which a wait is moved.")
    reset_after: Span | None = Field(
        default=None,
        description="Healthy time that ends the backoff; 2 heartbeat timeouts, 10 min at least, where not set; "
        "2 h with a schedule.",
    )
    on_exhausted: Literal["slow", "hold"] = Field(
        default="slow", description="What follows when the restarts are spent."
    )
    slow_interval: Span = Field(default=1800.0, description="Wait between tries once the restarts are spent.")


class ExpectTable(Table):
    """A file that an agent's work is to bring about."""

    path: Place = Field(description="The file, or a glob: the newest that matches counts.")
    newer_than: Span = Field(description="The age that it stays below.")


class AgentTable(Table):
    """What an agent has promised."""

    heartbeat_timeout: Span = Field(default=3600.0, description="Longest silence that is still in time.")
    schedule: Cron | None = Field(
        default=None,
        description="When it runs, as cron has it, instead of heartbeat_timeout; it beats all the time, where not set.",
    )
    time_zone: TimeZone = Field(default="UTC", description="The time zone of the schedule.")
    grace: SpanOrNone = Field(default=900.0, description="How late a scheduled run may be.")
    max_runtime: Span | None = Field(
        default=None,
        description="Longest time from a heartbeat of the kind start to one that ends it; not judged, where not set.",
    )
    check_interval: Span = Field(default=900.0, description="Further silence between one miss and the next.")
    start_period: Span | None = Field(
        default=None, description="Time a restarted agent has for its first heartbeat; check_interval where not set."
    )
    restart_after: Count = Field(default=1, description="Misses in a row that bring a restart.")
    escalate_after: Count = Field(default=2, description="Misses in a row that bring an incident.")
    busy_limit: SpanOrNone = Field(
        default=1800.0, description="How far a heartbeat's busy_until may move the deadline."
    )
    critical_limit: SpanOrNone = Field(default=300.0, description="How long a critical phase may defer a restart.")
    activity: tuple[Place, ...] = Field(
        default=(), description="Files, or globs, that it writes at its work: while they are written a restart waits."
    )
    activity_timeout: Span = Field(default=300.0, description="How long after one was written it is taken to work.")
    activity_limit: SpanOrNone = Field(default=900.0, description="How long that may defer a restart.")
    progress_timeout: Span | None = Field(
        default=None, description="How long pending work may wait without progress; for ever, where not set."
    )
    loop_after: Annotated[int, Field(strict=True, ge=4, le=1000)] | None = Field(
        default=None,
        description="Heartbeats in a row that tell of the same work, or the same 2 to 4 by turns, and are a loop; not "
        "judged, where not set.",
    )
    expects: tuple[ExpectTable, ...] = Field(
        default=(), description="Files that its work is to bring about: one that is missing or too old is an incident."
    )
    depends_on: tuple[Name, ...] = Field(
        default=(),
        description="Agents without which it can not work: while one is down, nothing follows from its misses.",
    )
    flap_high: Share = Field(
        default=0.30, description="Share of changes among its last 20 judgements over which an agent flaps; 1 is never."
    )
    flap_low: Share = Field(default=0.25, description="Share of changes at which it flaps no more.")
    max_cost_per_hour: Cost | None = Field(
        default=None, description="Most that it may cost in any hour; no limit, where not set."
    )
    max_tokens_per_hour: Annotated[int, Field(strict=True, ge=1, le=10**12)] | None = Field(
        default=None, description="Most tokens that it may use in any hour; no limit, where not set."
    )
    restart: RestartTable | None = Field(default=None, description="How the agent is restarted; never, where not set.")


def shared(tables: dict[str, AgentTable]) -> dict[str, AgentTable]:
    """Let tables that say the same be one: thousands of agents may be configured alike."""
    alike: dict[str, AgentTable] = {}
    return {name: alike.setdefault(table.model_dump_json(exclude_unset=True), table) for name, table in tables.items()}
