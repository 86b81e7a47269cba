"""A change that is being put together: everything in it is written in one transaction, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervisor.domain.delivery import Delivery
from supervisor.domain.docket import Kept
from supervisor.domain.escalation import Incident
from supervisor.domain.health import Health
from supervisor.domain.records import Record
from supervisor.domain.silences import Silence
from supervisor.ports import Entry


@dataclass(slots=True)
class Change:
    """New values by name or id, and the log records that tell of them."""

    records: list[Record] = field(default_factory=list)
    agents: dict[str, Health] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    findings: dict[str, Kept | None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def update(self, later: Change) -> None:
        """Take in what came later: of two values of the same name or id the later one stays."""
        for name in later.forgotten:
            self.agents.pop(name, None)
        self.agents |= later.agents
        forgotten = dict.fromkeys([*self.forgotten, *later.forgotten])
        self.forgotten = [name for name in forgotten if name not in self.agents]
        self.incidents |= later.incidents
        self.deliveries |= later.deliveries
        self.silences |= later.silences
        self.findings |= later.findings
        self.facts |= later.facts

    def entry(self) -> Entry:
        """Return the change for the store, without its records (the journal makes rows of those)."""
        return Entry(
            agents=tuple(self.agents.items()),
            forgotten=tuple(self.forgotten),
            incidents=tuple(self.incidents.values()),
            deliveries=tuple(self.deliveries.values()),
            silences=tuple(self.silences.values()),
            findings=tuple(self.findings.items()),
            facts=tuple(self.facts.items()),
        )
