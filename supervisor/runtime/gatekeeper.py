"""The gate at work: who is overdue, what is doubted, and who waits for the gate to open."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import assert_never

from supervisor.domain import gate as gates
from supervisor.domain.actions import Severity
from supervisor.domain.gate import Counted, Doubt, Gate, GateEvent, GatePolicy, Woken
from supervisor.domain.records import GateClosed, GateOpened
from supervisor.ports import Clock
from supervisor.runtime.change import Change
from supervisor.runtime.desk import Desk
from supervisor.runtime.journal import Journal
from supervisor.runtime.mailbox import Mailbox

FLEET_KEY = "fleet:silent"


class Gatekeeper:
    """Holds the gate.

    Args:
        reread: called when every file must be read again before anything is decided.
        release: called when the gate opens or eases, to wake the agents that wait.
    """

    def __init__(
        self,
        policy: GatePolicy,
        clock: Clock,
        journal: Journal,
        desk: Desk,
        *,
        reread: Callable[[str], None],
        release: Callable[[], None],
    ) -> None:
        self.policy = policy
        self.fleet = 0
        self.gate = Gate()
        self.unseen: Collection[str] = ()
        """Agents whose files are gone, or can not be read."""
        self._clock = clock
        self._journal = journal
        self._desk = desk
        self._reread = reread
        self._release = release
        self._overdue: set[str] = set()
        self._recent: OrderedDict[str, float] = OrderedDict()
        self._mailbox: Mailbox[bool] = Mailbox(clock)

    @property
    def trusted(self) -> bool:
        """Whether decisions about every agent may be taken."""
        return not self.gate.closed

    def trusts(self, agent: str) -> bool:
        """Whether decisions about this agent may be taken: it can be observed, though others may not."""
        return not self.gate.closed or (self.gate.eased and agent not in self.unseen)

    def restore(self, silent: Iterable[str], *, incident: bool) -> None:
        """Take over what an earlier life knew: who is silent, and whether the incident of the fleet is open."""
        self._overdue.update(silent)
        tried = incident or self.gate.tried
        self.gate = replace(self.gate, overdue=len(self._overdue), fleet=self.fleet, incident=incident, tried=tried)

    def tell(self, event: GateEvent) -> None:
        """Tell the gate a fact."""
        before = self.gate
        self.gate, actions = gates.handle(before, event, self._clock.now(), self.policy)
        change = Change()
        for action in actions:
            match action:
                case gates.Closed(doubt):
                    change.records.append(GateClosed(doubt.value))
                case gates.Eased():
                    self._release()
                case gates.Opened(seconds):
                    change.records.append(GateOpened(seconds))
                case gates.Reread(doubt):
                    self._reread(doubt.value)
                case gates.OpenFleet(summary):
                    evidence = {"overdue": self.gate.overdue, "fleet": self.gate.fleet, "doubts": list(self.gate.why)}
                    self._desk.open(change, FLEET_KEY, Severity.CRITICAL, summary, evidence)
                case gates.ResolveFleet(summary):
                    self._desk.resolve(change, FLEET_KEY, summary)
                case _:
                    assert_never(action)
        if change.records:
            self._journal.post(change)
        if before.closed and not self.gate.closed:
            self._release()
        self._mailbox.put(True)

    def doubt(self, doubt: Doubt) -> None:
        """Something passing has shaken the trust in what is seen."""
        self.tell(gates.Doubted(doubt))

    def overdue(self, agent: str) -> None:
        """`agent` is silent beyond its deadline."""
        if agent in self._overdue:
            return
        self._overdue.add(agent)
        self._recent[agent] = self._clock.now()
        self.count()

    def beating(self, agent: str) -> None:
        """`agent` beats, or is awaited no more."""
        if agent in self._overdue:
            self._overdue.remove(agent)
            self._recent.pop(agent, None)
            self.count()

    async def run(self) -> None:
        """Wake the gate when it asks for it, for ever."""
        while True:
            if await self._mailbox.next(self.gate.deadline(self.policy)) is None:
                self.tell(Woken())

    def step_clock(self, seconds: float) -> None:
        """The wall clock was set by `seconds`."""
        self._recent = OrderedDict((agent, at + seconds) for agent, at in self._recent.items())
        self.tell(gates.Stepped(seconds))

    def count(self) -> None:
        """Tell the gate how the fleet stands."""
        floor = self._clock.now() - self.policy.window
        while self._recent and next(iter(self._recent.values())) <= floor:
            self._recent.popitem(last=False)
        self.tell(Counted(len(self._overdue), len(self._recent), self.fleet))
