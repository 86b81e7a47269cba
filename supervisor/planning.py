"""From the configuration to what the runtime is to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from supervisor.config_tables import address, public_host
from supervisor.domain.index import Limits
from supervisor.domain.policy import Policy
from supervisor.faces.api.door import Rules
from supervisor.faces.ping import HttpPing
from supervisor.links import AckLinks
from supervisor.runtime.plan import AgentPlan, BooksPlan, ChannelPlan, PagePlan, PingPlan, Plan, TextfilePlan
from supervisor.settings import Agent, Chosen, Settings

AGENTS = "agents"
"""The folder, beside the journal, of what the agents' restarters keep: one each."""


def plan_of(settings: Settings) -> Plan:
    """Return what the runtime is to do."""
    books, address = settings.books, settings.ping.address
    return Plan(
        agents={name: _agent_plan(settings, name, agent) for name, agent in settings.agents.items()},
        chain=settings.chain(),
        gate=settings.gate_policy(),
        default=_default_plan(settings),
        channels={n: ChannelPlan(chosen.config, _notifier(n, chosen)) for n, chosen in settings.channels.items()},
        skew_limit=settings.watch.skew_limit,
        books=BooksPlan(
            currency=books.currency,
            quiet=books.quiet,
            quiet_max=books.quiet_max,
            settle=books.settle,
            resync_every=books.resync_every,
            limits=Limits(books.queue_depth, books.queue_age),
        ),
        outbox_timeout=settings.outbox.timeout,
        group_wait=settings.escalation.group_wait,
        retention=settings.journal.retention,
        page=PagePlan(**settings.dashboard.model_dump()),
        http=_rules(settings),
        links=_links(settings),
        textfile=TextfilePlan(settings.metrics.textfile, settings.metrics.interval),
        maintenance=settings.windows(),
        ping=PingPlan(None if address is None else HttpPing(address), settings.ping.interval),
    )


def _rules(settings: Settings) -> Rules | None:
    table = settings.http
    if table.listen is None:
        return None
    host, port = address(table.listen)
    hosts = {*table.allowed_hosts, *([] if table.public_url is None else [public_host(table.public_url)])}
    language = settings.dashboard.language
    return Rules(host, port, table.token, table.public_read, frozenset(hosts), language, _links(settings))


def _links(settings: Settings) -> AckLinks | None:
    table = settings.http
    if table.listen is None or table.public_url is None:
        return None
    return AckLinks(table.public_url, settings.paths.data / "ack.key")


def _agent_plan(settings: Settings, name: str, agent: Agent) -> AgentPlan:
    chosen = agent.restart_plugin
    if chosen is None:
        return _watched_only(agent.policy)
    data = settings.paths.data / AGENTS / name
    return AgentPlan(
        agent.policy,
        kind=chosen.plugin.kind,
        managed=hasattr(chosen.plugin.make, "exits"),
        config=chosen.config,
        make=lambda: chosen.plugin.make(chosen.config, agent=name, data=data),
    )


@lru_cache
def _watched_only(policy: Policy) -> AgentPlan:
    """Return the plan of an agent that nothing restarts: one value for all that have promised the same."""
    return AgentPlan(policy)


def _default_plan(settings: Settings) -> Callable[[str], AgentPlan] | None:
    if not settings.watch.discover:
        return None
    return lambda name: _agent_plan(settings, name, settings.agent(name))


def _notifier(name: str, chosen: Chosen) -> Callable[[], Any]:
    return lambda: chosen.plugin.make(chosen.config, name=name)
