"""A town whose incidents are opened by hand, and whose channel is one for people."""

from __future__ import annotations

from supervisor.domain.actions import Severity
from supervisor.domain.gate import GatePolicy
from supervisor.runtime.change import Change
from tests.support.actors import ScriptedReader
from tests.support.world import VirtualTown, agent, town


def people(**rest: object) -> VirtualTown:
    """Return a town whose channel Caine is one for people; `clerk` is a file, say."""
    made = town(x=agent(None), gate=GatePolicy(share=2.0), chain=(("caine", "0s"), ("clerk", "0s")), **rest)
    made.channels["caine"] = ScriptedReader()
    return made


def arises(t: VirtualTown, *keys: str, severity: Severity = Severity.CRITICAL) -> None:
    change = Change()
    for key in keys:
        t.daemon.desk.open(change, key, severity, f"{key} is wrong", {})
    t.daemon.journal.post(change)


def passes(t: VirtualTown, *keys: str) -> None:
    change = Change()
    for key in keys:
        t.daemon.desk.resolve(change, key, "it is over")
    t.daemon.journal.post(change)


def came(t: VirtualTown, begun: float) -> list[tuple[float, str, int]]:
    """Return after how long, of which kind and of how many incidents each message that Caine got is."""
    return [
        (
            round(said.at - t.born - begun, 1),
            said.kind.value,
            said.delivery.message.get("counts", {"total": 1})["total"],
        )
        for said in t.channel().heard
    ]
