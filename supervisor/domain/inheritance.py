"""What two lives of the supervisor know of one agent, where the later one began without the journal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from supervisor.domain import pausing, restarts
from supervisor.domain.vitals import Health, HealthState


def inherited(known: Health, earlier: Health) -> Health:
    """Return what both lives know; an agent that either has paused is."""
    both, pause = _inherited(known, earlier), known.pause or earlier.pause
    if pause is None:
        return both
    return pausing.calmed(replace(both, since=earlier.since if known.pause is None else known.since), pause)


def _inherited(known: Health, earlier: Health) -> Health:
    """Return what this life knows, with what an earlier one knew that this one knows nothing newer of.

    A life that has only listened has judged nothing: the earlier judgement stands, and the newest heartbeat is to be
    told to it again. One that has counted a miss or begun a restart goes on with its own, and where no heartbeat
    came in between, the silence is the one that the earlier life had counted.
    """
    errors = earlier.errors + known.errors
    holder = earlier if known.held_until is None else known
    held: dict[str, Any] = {key: getattr(holder, key) for key in ("held_until", "held_by", "held_reason")}
    if not known.misses and known.attempt is None:
        # What this life has read tells of the run under way, and of those that ended in between.
        run_at = earlier.run_at if known.beat is None else known.run_at
        return replace(earlier, errors=errors, run_at=run_at, **held)
    after = replace(
        known,
        errors=errors,
        **held,
        history=restarts.joined(earlier.history, known.history),
        retired=tuple(dict.fromkeys((*earlier.retired, *known.retired))),
    )
    if known.attempt is None:
        after = replace(after, attempt=earlier.attempt, born=earlier.born)
        if after.restarting:
            after = replace(after, due=None, restart_at=None)
    if not known.misses or not _same_silence(known, earlier):
        return after
    escalated = HealthState.ESCALATED in {known.state, earlier.state}
    return replace(
        after,
        state=HealthState.ESCALATED if escalated else known.state,
        misses=max(known.misses, earlier.misses),
        exhausted=known.exhausted or earlier.exhausted,
        incident=known.incident or earlier.incident,
    )


def _same_silence(known: Health, earlier: Health) -> bool:
    """Whether this life has heard nothing that the earlier one had not."""
    return known.beat is None or (earlier.beat is not None and known.beat.at <= earlier.beat.at)
