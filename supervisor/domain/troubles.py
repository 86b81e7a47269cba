"""The incidents of an agent beside that of its heartbeats: they follow from what is known of it before and after."""

from __future__ import annotations

from supervisor.domain import burn
from supervisor.domain.actions import Cause, HealthAction, OpenIncident, ResolveIncident, Severity
from supervisor.domain.policy import Policy
from supervisor.domain.vitals import Health

_MOVES = {
    Cause.STALLED: "its work moves again, or waits no more",
    Cause.POSTCONDITION: "what it is to make is there, or awaited no more",
    Cause.LOOP: "it does something new",
}


def changed(before: Health, after: Health, policy: Policy) -> tuple[HealthAction, ...]:
    """Return the incidents that open and end between the two. A standstill's is opened where it is judged."""
    actions: tuple[HealthAction, ...] = ()
    if after.burn.over and not before.burn.over:
        actions += (OpenIncident(Cause.BURN, Severity.CRITICAL, burn.over_limit(after.burn, policy)),)
    if before.burn.over and not after.burn.over:
        actions += (ResolveIncident(Cause.BURN, "it uses no more than it may"),)
    for (cause, was), (_, still) in zip(before.standstills, after.standstills, strict=True):
        if was.nudged and not still.nudged:
            actions += (ResolveIncident(cause, _MOVES[cause]),)
    if after.flapping.on and not before.flapping.on:
        actions += (OpenIncident(Cause.FLAPPING, Severity.CRITICAL, after.flapping.words),)
    if before.flapping.on and not after.flapping.on:
        actions += (ResolveIncident(Cause.FLAPPING, "it is well and ill by turns no more"),)
    return actions


def proof(before: Health) -> str:
    """Return what shows that the agent is well: what it did not get on with moves, else its heartbeat."""
    return next((_MOVES[cause] for cause, was in before.standstills if was.stuck), "heartbeat in time")
