"""Whether an agent that does not beat works all the same: files that it writes at its work put off a restart.

They put off nothing else: misses and incidents come as they do. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from supervisor.domain.events import Beat
from supervisor.domain.policy import Policy
from supervisor.domain.times import moved
from supervisor.domain.words import span


@dataclass(frozen=True, slots=True)
class Activity:
    """What is known of the files that an agent writes at its work.

    Args:
        path, at: the one that was written last, and when; None where none is there.
        since: when a restart was first put off in this silence.
    """

    path: str = ""
    at: float | None = None
    since: float | None = None

    def words(self, now: float) -> str:
        """Say what was written, in plain words; "" where nothing was."""
        return "" if self.at is None else f"{self.path} was last written {span(now - self.at)} ago"


NONE_SEEN = Activity()
"""Nothing is known; one value for all agents of which that is true."""


def looked(known: Activity, newest: Mapping[str, float | None], now: float, policy: Policy) -> Activity:
    """Return what is known once files were looked at; one from the future is one of now."""
    seen = {path: at for path in policy.activity if (at := newest.get(path)) is not None}
    if not seen:
        return known
    path, at = max(seen.items(), key=lambda one: one[1])
    return replace(known, path=path, at=min(at, now))


def promised(known: Activity, policy: Policy) -> Activity:
    """Return it after the agent's promises were changed."""
    return known if policy.activity else NONE_SEEN


def until(known: Activity, beat: Beat | None, now: float, policy: Policy) -> float | None:
    """Return until when a restart waits; None where it waits no more."""
    if not policy.activity or known.at is None or (beat is not None and known.at <= beat.at):
        return None
    first = now if known.since is None else known.since
    end = min(known.at + policy.activity_timeout, first + policy.activity_limit)
    return end if end > now else None


def put_off(known: Activity, now: float) -> Activity:
    """Return it once a restart was put off at `now`."""
    return known if known.since is not None else replace(known, since=now)


def ended(known: Activity) -> Activity:
    """Return it once the silence is over."""
    return known if known.since is None else replace(known, since=None)


def shifted(known: Activity, seconds: float) -> Activity:
    """Return it after the clock was set by `seconds`. The files keep the times that they have."""
    return known if known.since is None else replace(known, since=moved(known.since, seconds))
