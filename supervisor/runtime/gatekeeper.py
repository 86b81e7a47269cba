"""The gate at work: who is overdue, what is doubted, and who waits for the gate to open."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

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
        release: called when the gate opens, to wake the agents that wait.
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
        self._clock = clock
        self._journal = journal
        self._desk = desk
        self._reread = reread
        self._release = release
        self._pulsed: float | None = None
        self._overdue: dict[str, float] = {}
        self._recent: deque[float] = deque()
        self._mailbox: Mailbox[bool] = Mailbox(clock)

    @property
    def trusted(self) -> bool:
        """Whether decisions about agents may be taken."""
        late = 0.0 if self._pulsed is None else self._clock.now() - self._pulsed
        if late > self.policy.stall and not self.gate.closed:
            # After a stall deadlines may ring before the pulse has noticed it.
            self.doubt(Doubt.STALLED)
        return not self.gate.closed

    def pulsed(self, now: float, interval: float) -> None:
        """The event loop turned at `now`, and is to turn again `interval` (s) later."""
        self._pulsed = now + interval

    def restore(self, *, incident: bool) -> None:
        """Take over an incident of the fleet that an earlier life opened."""
        self.gate = replace(self.gate, incident=incident, tried=incident)

    def tell(self, event: GateEvent) -> None:
        """Tell the gate a fact."""
        before = self.gate
        self.gate, actions = gates.handle(before, event, self._clock.now(), self.policy)
        change = Change()
        for action in actions:
            match action:
                case gates.Closed(doubt):
                    change.records.append(GateClosed(doubt.value))
                case gates.Opened(seconds):
                    change.records.append(GateOpened(seconds))
                case gates.Reread(doubt):
                    self._reread(doubt.value)
                case gates.OpenFleet(summary):
                    evidence = {"overdue": self.gate.overdue, "fleet": self.gate.fleet, "doubts": list(self.gate.why)}
                    self._desk.open(change, FLEET_KEY, Severity.CRITICAL, summary, evidence)
                case gates.ResolveFleet(summary):
                    self._desk.resolve(change, FLEET_KEY, summary)
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
        self._overdue[agent] = now = self._clock.now()
        self._recent.append(now)
        self._count()

    def beating(self, agent: str) -> None:
        """`agent` beats, or is awaited no more."""
        if self._overdue.pop(agent, None) is not None:
            self._count()

    async def run(self) -> None:
        """Wake the gate when it asks for it, for ever."""
        while True:
            if await self._mailbox.next(self.gate.deadline(self.policy)) is None:
                self.tell(Woken())

    def step_clock(self, seconds: float) -> None:
        """The wall clock was set by `seconds`."""
        self._overdue = {agent: since + seconds for agent, since in self._overdue.items()}
        self._recent = deque(at + seconds for at in self._recent)
        self.tell(gates.Stepped(seconds))

    def _count(self) -> None:
        floor = self._clock.now() - self.policy.window
        while self._recent and self._recent[0] <= floor:
            self._recent.popleft()
        recent = min(len(self._recent), len(self._overdue))
        self.tell(Counted(len(self._overdue), recent, self.fleet))
