"""What the configuration's tables come to: each agent's policy and restarter, each channel, and whether they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from supervisor.config_agents import AgentTable, RestartTable
from supervisor.config_errors import REQUIRED, Key, Origin, Problem, explain, unknown
from supervisor.config_tables import Document
from supervisor.domain.policy import Expectation, OnExhausted, Policy, RestartPolicy
from supervisor.formats import cron
from supervisor.formats.duration import format_duration
from supervisor.paths import expand
from supervisor.plugins import NOTIFIERS, RESTARTERS, Family, Plugin, PluginError, UnknownKindError

DEFAULT_AGENTS = ("collections-emailer", "payment-watcher")
_MINUTE = 60.0
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A plugin and what its own keys say."""

    plugin: Plugin
    config: BaseModel


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent as configured; `restart_plugin` is None where nothing restarts it."""

    policy: Policy
    restart_plugin: Chosen | None = None


class Reading:
    """Makes agents and channels of a document, and gathers everything that does not hold together."""

    def __init__(self, document: Document, origin: Origin) -> None:
        self.document = document
        self.origin = origin
        self.problems: list[Problem] = []
        self._alike: dict[Policy, Agent] = {}  # thousands of agents may promise the same: one value for all of them

    def channels(self) -> dict[str, Chosen]:
        """Return the channels that hold together."""
        channels = {name: self._channel(name) for name in self.document.channels}
        return {name: chosen for name, chosen in channels.items() if chosen is not None}

    def check(self) -> None:
        """Gather what is wrong with what no agent or channel says by itself."""
        found = self._restart(None)
        if found is not None and self.document.watch.discover and self.document.defaults.schedule is not None:
            self._check_runs(found[1], ("defaults",))
        self._check_schedules()
        self._check_chain()
        self._check_kin()

    def agents(self, names: Iterable[str]) -> dict[str, Agent]:
        """Return the agents. Raises ConfigError for all that was wrong until now."""
        agents = {name: self._agent(name) for name in names}
        if self.problems:
            raise self.origin.error(self.problems)
        return agents

    def _agent(self, name: str) -> Agent:
        own = given(self.document.agents.get(name))
        table = self.document.defaults.model_copy(update=own)
        if "heartbeat_timeout" in own and "schedule" not in own:
            table = table.model_copy(update={"schedule": None})  # the nearer word counts
        policy = Policy(
            heartbeat_timeout=table.heartbeat_timeout,
            check_interval=table.check_interval,
            start_period=table.start_period or table.check_interval,
            restart_after=table.restart_after,
            escalate_after=table.escalate_after,
            busy_limit=table.busy_limit,
            critical_limit=table.critical_limit,
            progress_timeout=table.progress_timeout,
            depends_on=table.depends_on,
            flap_high=table.flap_high,
            flap_low=table.flap_low,
            max_cost_per_hour=table.max_cost_per_hour,
            max_tokens_per_hour=table.max_tokens_per_hour,
            schedule=None if table.schedule is None else cron.schedule(table.schedule, table.time_zone, table.grace),
            max_runtime=table.max_runtime,
            activity=tuple(map(str, table.activity)),
            activity_timeout=table.activity_timeout,
            activity_limit=table.activity_limit,
            loop_after=table.loop_after,
            expects=tuple(Expectation(str(one.path), one.newer_than) for one in table.expects),
        )
        if table.flap_low > table.flap_high:
            key = ("agents", name) if own.keys() & {"flap_low", "flap_high"} else ("defaults",)
            self._wrong((*key, "flap_low"), f"expected at most flap_high ({table.flap_high:g}), got {table.flap_low:g}")
        found = self._restart(name)
        if found is None:
            return self._alike.setdefault(policy, Agent(policy))
        law, chosen = found
        if policy.schedule is not None:
            self._check_runs(chosen, ("agents", name) if "schedule" in own else ("defaults",))
        return Agent(replace(policy, restart=_law(law, policy)), chosen)

    def _restart(self, name: str | None) -> tuple[RestartTable, Chosen] | None:
        """Return how `name` is restarted: its own keys over those of [defaults]; those alone for None."""
        shared = self.document.defaults.restart
        own = self.document.agents[name].restart if name in self.document.agents else None
        if own is None and shared is None:
            return None
        common: Key = ("defaults", "restart")
        at = common if own is None else ("agents", str(name), "restart")
        table = (shared or RestartTable()).model_copy(update=given(own))
        keys = dict(table.model_extra or {})
        if own is not None and shared is not None and own.kind not in {None, shared.kind}:
            keys = {key: keys[key] for key in own.model_extra or {}}  # what another kind needs is not inherited

        def place(key: Key) -> Key:
            inherited = key and key[0] not in given(own) and key[0] in given(shared)
            return (*(common if inherited else at), *key)

        if table.backoff > table.backoff_max:
            limit = f"backoff_max ({format_duration(table.backoff_max)})"
            self._wrong(place(("backoff",)), f"expected at most {limit}, got {format_duration(table.backoff)}")
        if table.kind is None:
            if own is None:
                for key in keys:
                    self._wrong(place((key,)), unknown("key", key, RestartTable.model_fields))
            else:
                self._wrong((*at, "kind"), f"is required: one of {', '.join(RESTARTERS.kinds())}")
            return None
        partial = name is None and not self.document.watch.discover
        chosen = self._choose(RESTARTERS, table.kind, keys, place, RestartTable.model_fields, partial=partial)
        return None if chosen is None else (table, chosen)

    def _channel(self, name: str) -> Chosen | None:
        table = self.document.channels[name]
        keys = dict(table.model_extra or {})
        return self._choose(NOTIFIERS, table.kind, keys, lambda key: ("channels", name, *key), ("kind",))

    def _choose(
        self,
        family: Family,
        kind: str,
        keys: dict[str, Any],
        place: Callable[[Key], Key],
        beside: Iterable[str],
        *,
        partial: bool = False,
    ) -> Chosen | None:
        """Return the plugin of `kind` with its `keys` read; None, and the problems, where they are wrong.

        `place` tells where one of the keys stands in the file, `beside` which others stand there; `partial`: a
        missing key is no problem.
        """
        try:
            plugin = family.load(kind)
        except UnknownKindError as error:
            self._wrong(place(("kind",)), unknown("kind", kind, error.kinds))
            return None
        except PluginError as error:
            self._wrong(place(("kind",)), str(error))
            return None
        own = plugin.config.model_fields
        if "kind" in own:
            keys["kind"] = kind
        for key in keys.keys() & own.keys():
            if isinstance(keys[key], str) and _is_path(own[key].annotation):
                try:
                    keys[key] = str(expand(keys[key], self.origin.folder, self.origin.environ))
                except ValueError as error:
                    self._wrong(place((key,)), str(error))
                    return None
        try:
            return Chosen(plugin, plugin.config.model_validate(keys))
        except ValidationError as error:
            problems = explain(error, plugin.config, self.origin, place, beside)
            self.problems += [problem for problem in problems if not (partial and problem.text == REQUIRED)]
        return None

    def _check_schedules(self) -> None:
        """An agent has a schedule or a timeout: neither says which of the two counts."""
        for name, table in self.document.agents.items():
            if {"schedule", "heartbeat_timeout"} <= given(table).keys():
                self._wrong(("agents", name, "schedule"), "expected either schedule or heartbeat_timeout, got both")

    def _check_runs(self, chosen: Chosen, table: Key) -> None:
        """An agent that we run has no schedule: each end of it is a death, and it is started again at once."""
        if hasattr(chosen.plugin.make, "exits"):
            words = "let cron or a systemd timer start it, and a command restart it"
            text = f'kind = "{chosen.plugin.kind}" is for agents that run all the time: {words}'
            problem = Problem((*table, "schedule"), text)
            self.problems += [] if problem in self.problems else [problem]

    def _check_chain(self) -> None:
        steps = self.document.escalation.chain or ()
        for place, step in enumerate(steps):
            if step.channel not in self.document.channels:
                key = ("escalation", "chain", place, "channel")
                self._wrong(key, unknown("channel", step.channel, self.document.channels))
        for place, (before, step) in enumerate(pairwise(steps), 1):
            if step.delay < before.delay:
                least = f"at least {format_duration(before.delay)}, the delay of the step before"
                key = ("escalation", "chain", place, "delay")
                self._wrong(key, f"expected {least}, got {format_duration(step.delay)}")

    def _check_kin(self) -> None:
        """Parents are agents of this file, and none depends on itself, by however many others."""
        document = self.document
        names = document.agents or dict.fromkeys(DEFAULT_AGENTS, AgentTable())
        kin = {name: given(table).get("depends_on", document.defaults.depends_on) for name, table in names.items()}
        for name, parents in kin.items():
            for parent in parents:
                if parent not in kin:
                    self._wrong(("agents", name, "depends_on"), unknown("agent", parent, kin))
        try:
            TopologicalSorter(kin).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            self._wrong(("agents", circle[0], "depends_on"), f"it depends on itself: {' → '.join(circle)}")

    def _wrong(self, key: Key, text: str) -> None:
        self.problems.append(Problem(key, text))


def given(table: BaseModel | None) -> dict[str, Any]:
    """Return the keys that the file gives, and only those."""
    return {} if table is None else {key: getattr(table, key) for key in table.model_fields_set}


def _is_path(annotation: Any) -> bool:
    return annotation is Path or any(_is_path(inner) for inner in getattr(annotation, "__args__", ()))


def _law(table: RestartTable, policy: Policy) -> RestartPolicy:
    # Each run that fails is to have restarts of its own, however seldom it comes.
    timeout = policy.heartbeat_timeout if policy.schedule is None else _HOUR
    return RestartPolicy(
        max_restarts=table.max_restarts,
        window=table.window or max(15 * _MINUTE, 6 * timeout),
        backoff=table.backoff,
        backoff_max=table.backoff_max,
        jitter=table.jitter,
        reset_after=table.reset_after or max(10 * _MINUTE, 2 * timeout),
        on_exhausted=OnExhausted(table.on_exhausted),
        slow_interval=table.slow_interval,
    )
