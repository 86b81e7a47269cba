"""The configuration: a TOML file and the environment in, plain values of the domain out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from supervisor.config_errors import ConfigError, Key, Origin, explain
from supervisor.config_keys import name_problem
from supervisor.config_reading import DEFAULT_AGENTS, Agent, Chosen, Reading, given
from supervisor.config_tables import (
    BooksTable,
    DashboardTable,
    Document,
    EscalationTable,
    GateTable,
    HttpTable,
    JournalTable,
    LogTable,
    MaintenanceTable,
    MetricsTable,
    OutboxTable,
    PingTable,
    WatchTable,
)
from supervisor.config_toml import read
from supervisor.domain.gate import GatePolicy
from supervisor.domain.maintenance import Window
from supervisor.domain.policy import Chain, Policy, Step
from supervisor.formats.cron import times
from supervisor.paths import Places, config_file, places

__all__ = ["DEFAULT_AGENTS", "Agent", "Chosen", "ConfigError", "Settings", "load", "load_telling"]

_TELLING = frozenset({"channels", "escalation", "outbox", "paths"})
"""The tables of the file that say who is told, and how."""

_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration that holds together. Equal settings mean the same, wherever they were written."""

    paths: Places
    agents: Mapping[str, Agent]
    channels: Mapping[str, Chosen]
    escalation: EscalationTable
    gate: GateTable
    watch: WatchTable
    books: BooksTable
    outbox: OutboxTable
    journal: JournalTable
    log: LogTable
    dashboard: DashboardTable
    http: HttpTable
    metrics: MetricsTable
    ping: PingTable
    maintenance: Mapping[str, MaintenanceTable]
    document: Document = field(compare=False, repr=False)
    origin: Origin = field(compare=False, repr=False)

    @property
    def source(self) -> Path | None:
        """The file it was read from; None where there was none."""
        return self.origin.path

    def agent(self, name: str) -> Agent:
        """Return the agent; [defaults] for one that is not configured. Raises ConfigError for an impossible name."""
        return self.agents.get(name) or self.with_agents((name,)).agents[name]

    def policy(self, agent: str) -> Policy:
        """Return what `agent` has promised."""
        return self.agent(agent).policy

    def chain(self) -> Chain:
        """Return who is told, and when; no steps where there is no channel."""
        table = self.escalation
        if table.chain is None:
            steps = tuple(Step(name, _default_delay(place)) for place, name in enumerate(self.channels))
        else:
            steps = tuple(Step(step.channel, step.delay) for step in table.chain)
        return Chain(steps, table.max_rounds, table.repeat_interval, table.ack_timeout)

    def gate_policy(self) -> GatePolicy:
        """Return when the supervisor doubts itself."""
        return GatePolicy(**self.gate.model_dump())

    def windows(self) -> tuple[Window, ...]:
        """Return the windows of maintenance."""
        return tuple(
            Window(
                name,
                " ".join(table.matcher),
                table.comment,
                table.duration,
                table.schedule,
                table.time_zone,
                times(table.schedule, table.time_zone),
            )
            for name, table in self.maintenance.items()
        )

    def with_agents(self, names: Iterable[str]) -> Settings:
        """Return settings that watch `names` and no others: configured ones as they are, new ones with [defaults]."""
        wanted = dict.fromkeys(names)
        if wrong := [f"agent {name!r}: {problem}" for name in wanted if (problem := name_problem(name))]:
            raise ConfigError(wrong)
        if not wanted:
            raise ConfigError(["agents: name at least one"])
        return replace(self, agents=Reading(self.document, self.origin).agents(wanted))

    def with_paths(self, *, cache: Path | None = None, state: Path | None = None) -> Settings:
        """Return settings with another cache or state folder, and what lies in it by default."""
        chosen = {"cache": cache, "state": state}
        update = {key: path.absolute() for key, path in chosen.items() if path is not None}
        document = self.document.model_copy(update={"paths": self.document.paths.model_copy(update=update)})
        return replace(self, paths=_places(document, self.origin), document=document)

    def with_check_interval(self, seconds: float) -> Settings:
        """Return settings with `seconds` between one miss and the next, for every agent."""
        update = {"check_interval": seconds}
        agents = {name: table.model_copy(update=update) for name, table in self.document.agents.items()}
        defaults = self.document.defaults.model_copy(update=update)
        document = self.document.model_copy(update={"defaults": defaults, "agents": agents})
        return replace(self, agents=Reading(document, self.origin).agents(self.agents), document=document)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the configuration in `path`, or in the file that is found without one, or the defaults. It blocks.

    Raises ConfigError.
    """
    return _settings(_origin(path, environ))


def load_telling(path: Path | None, environ: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """Return who is told and how, as far as that holds, and what does not; all else has its defaults. It blocks.

    A channel that is wrong is left out. A wrong [escalation] is left out as a whole, also where it names such a
    channel: then every channel that is left is told, rather more than fewer. Raises ConfigError for a file that can
    not be read at all.
    """
    origin = _origin(path, environ)
    origin = replace(origin, data={name: table for name, table in origin.data.items() if name in _TELLING})
    problems: list[str] = []
    while True:
        try:
            return _settings(origin), tuple(problems)
        except ConfigError as error:
            found = zip(error.problems, error.keys, strict=True)
            # That a chain names a channel which has been left out is no fault of its own.
            problems += [text for text, key in found if not problems or key[0] != "escalation"]
            left = _without(origin.data, error.keys)
            if left == origin.data:
                raise  # it is none of these tables that is wrong
            origin = replace(origin, data=left)


def _without(data: Mapping[str, Any], wrong: Iterable[Key]) -> dict[str, Any]:
    """Return `data` without what is wrong: of the channels each by itself, of other tables the whole."""
    left = dict(data)
    for table, *inner in wrong:
        if table == "channels" and inner:
            left["channels"] = {name: one for name, one in left["channels"].items() if name != inner[0]}
        else:
            left.pop(str(table), None)
    return left


def _origin(path: Path | None, environ: Mapping[str, str]) -> Origin:
    found = config_file(path, environ)
    return Origin(environ=environ) if found is None else read(found, environ)


def _settings(origin: Origin) -> Settings:
    try:
        document = Document.model_validate(origin.data, context=origin)
    except ValidationError as error:
        raise origin.error(explain(error, Document, origin)) from None
    reading = Reading(document, origin)
    reading.check()
    channels = reading.channels()
    return Settings(
        agents=reading.agents(document.agents or DEFAULT_AGENTS),
        paths=_places(document, origin),
        channels=channels,
        escalation=document.escalation,
        gate=document.gate,
        watch=document.watch,
        books=document.books,
        outbox=document.outbox,
        journal=document.journal,
        log=document.log,
        dashboard=document.dashboard,
        http=document.http,
        metrics=document.metrics,
        ping=document.ping,
        maintenance=document.maintenance,
        document=document,
        origin=origin,
    )


def _default_delay(place: int) -> float:
    """Return 0 s, 5 min, 15 min, and 15 min more for each further channel."""
    return 5 * _MINUTE if place == 1 else max(0, place - 1) * 15 * _MINUTE


def _places(document: Document, origin: Origin) -> Places:
    return places(origin.environ, {key: path for key, path in given(document.paths).items() if path is not None})
