"""The daemon, as its faces see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Protocol

from supervisor.domain.account import Account
from supervisor.domain.delivery import Outcome
from supervisor.domain.drills import Drill
from supervisor.domain.escalation import Incident
from supervisor.domain.fleet import Fleet
from supervisor.domain.metrics import Metrics
from supervisor.domain.readings import Readings
from supervisor.domain.silences import Coverage, Silences
from supervisor.domain.vitals import Pause
from supervisor.ports.store import History, Row


class UnknownNameError(LookupError):
    """No agent, incident, silence or channel of that name; the text says which."""


class RefusedError(Exception):
    """The daemon understood and will not; the text says why."""


class Control(History, Protocol):
    """What people and programs may ask of the daemon. `by` is who asks. Times: s since the epoch; lengths: s."""

    def readiness(self) -> str | None:
        """Return None when every agent is watched, else what is still missing."""

    async def fleet(self, agents: Collection[str] = ()) -> Fleet:
        """Return the picture of everything, now; with `agents` only of those of them that there are."""

    def silences(self) -> Silences:
        """Return the silences that run or are to come, and the windows of maintenance."""

    async def check(self, agents: Sequence[str] = ()) -> Fleet:
        """Read every file again, judge (all, or only `agents`), return the picture."""

    async def reconcile(self) -> Account:
        """Read and compare all books again; return what came of it."""

    async def metrics(self, window: float) -> Metrics:
        """Return the figures of the last `window` seconds."""

    async def readings(self) -> Readings:
        """Return what monitoring reads off the supervisor, now."""

    async def restart(self, agent: str, by: str) -> int:
        """Start a restart now; return its number. Raises UnknownNameError, RefusedError."""

    async def hold(self, agent: str, seconds: float, by: str, reason: str = "") -> float:
        """Hold restarts of `agent`; return until when. Raises UnknownNameError."""

    async def release(self, agent: str, by: str) -> None:
        """Lift the hold. Raises UnknownNameError."""

    async def pause(self, agent: str, by: str, seconds: float | None = None, reason: str = "") -> Pause:
        """Expect nothing of `agent` for `seconds` (None: until it is resumed), in the place of a pause that runs.

        Raises UnknownNameError.
        """

    async def resume(self, agent: str, by: str) -> None:
        """End the pause of `agent`, if it has one. Raises UnknownNameError."""

    async def acknowledge(self, incident: str, by: str, seconds: float | None = None) -> Incident:
        """Acknowledge an open incident for `seconds` (the configured time where None). Raises UnknownNameError."""

    def open_incidents(self) -> Sequence[Incident]:
        """Return the incidents that are open now, in the order in which they came."""

    async def acknowledge_many(
        self, incidents: Collection[str], by: str, seconds: float | None = None
    ) -> Sequence[Incident]:
        """Acknowledge all of these as `acknowledge` does, or none where one is unknown. Raises UnknownNameError."""

    async def silence(
        self, matcher: str, seconds: float, author: str, comment: str, *, starts_at: float | None = None
    ) -> Coverage:
        """Add a silence of this length that begins at `starts_at`, or now; return it with what falls under it.

        Raises RefusedError for one that is over already.
        """

    async def unsilence(self, silence: str, by: str) -> None:
        """End a silence now. Raises UnknownNameError; RefusedError for a window of maintenance."""

    async def begin_drill(self, seconds: float, by: str) -> Drill:
        """Watch one agent more, which counts for nothing and of which nobody is told, for `seconds` at the most.

        Raises RefusedError where a drill is under way.
        """

    async def end_drill(self, agent: str) -> None:
        """Forget the agent of a drill, and remove its files. Raises UnknownNameError."""

    async def heartbeat(self, agent: str, document: dict[str, Any]) -> None:
        """Write a heartbeat for `agent` as it would itself. Raises RefusedError for one that breaks the format."""

    async def dashboard(self) -> bytes:
        """Render the page, write it to its file, return it."""

    async def live_page(self, *, acting: bool) -> bytes:
        """Return the page as a browser keeps it up to date; `acting`: with what may be done. Nothing is written."""

    def follow(self) -> AsyncIterator[Row]:
        """Yield each kept log record as it is made; a reader that is too slow loses the oldest."""

    async def reload(self) -> dict[str, list[str]]:
        """Read the configuration again; return the names added, changed, removed. Raises RefusedError."""

    async def test_notify(self, channel: str | None, by: str) -> dict[str, Outcome]:
        """Send a test message through `channel`, or through each; return what each said."""
