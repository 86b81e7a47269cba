"""What a message of many incidents says: how many, of what kind, the worst of them, and the command to type next.

For people it is no longer for 10,000 incidents than for a dozen; programs get the ids, a thousand at the most.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections import Counter
from collections.abc import Iterable
from typing import Any

from supervisor.domain.actions import Severity
from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.messages import utc
from supervisor.domain.words import LINE_LIMIT, count

GROUP = "INCIDENT_GROUP"
"""The type of the message."""

SHOWN = 10
"""So many incidents are told one by one: what is new first, the worst before the others."""

IDS = 1000
"""So many ids of incidents stand in a message, of those that are open and of those that are over."""

_LINE = ("incident", "key", "kind", "severity", "summary", "opened_at")


def group_id(members: Iterable[str]) -> str:
    """Return the dedup id of the message that tells these deliveries."""
    return f"group.{hashlib.sha256(' '.join(members).encode()).hexdigest()[:12]}"


class Group:
    """The deliveries that go in one message, counted one by one: many of them must not hold up the loop."""

    def __init__(self, id_: str, channel: str) -> None:
        self.id = id_
        self._channel = channel
        self._total = self._over = 0
        self._kinds: set[NoticeKind] = set()
        self._open_ids: dict[str, None] = {}
        self._over_ids: dict[str, None] = {}
        self._made_at = 0.0
        self._severities: Counter[str] = Counter()
        self._open_severities: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._since = ""
        self._worst: list[dict[str, Any]] = []
        self._attempts = 0

    def add(self, delivery: Delivery) -> None:
        """Count one more in."""
        message = delivery.message
        severity = str(message["severity"])
        self._total += 1
        self._kinds.add(delivery.kind)
        self._made_at = max(self._made_at, delivery.created_at)
        ids = self._over_ids if delivery.kind is NoticeKind.RESOLVED else self._open_ids
        if len(ids) < IDS:
            ids[delivery.incident] = None
        self._severities[severity] += 1
        if delivery.kind is NoticeKind.RESOLVED:
            self._over += 1
        else:
            self._open_severities[severity] += 1
        self._causes[_cause(str(message["key"]))] += 1
        since = str(message["opened_at"])
        self._since = min(self._since or since, since)
        self._attempts = max(self._attempts, delivery.attempts)
        line = {name: str(message[name])[:LINE_LIMIT] for name in _LINE}
        insort(self._worst, line, key=_rank)
        del self._worst[SHOWN:]

    def delivery(self) -> Delivery:
        """Return the message as a channel sends it: the same at every try, while its members are."""
        kind, at = min(self._kinds, key=_NEWS_FIRST.index), self._made_at
        return Delivery(self.id, self.id, self._channel, kind, self._message(kind, at), at, at, self._attempts)

    def _message(self, kind: NoticeKind, at: float) -> dict[str, Any]:
        worst = self._open_severities or self._severities
        return {
            "type": GROUP,
            "kind": kind.value,
            "severity": next(each for each in _WORST_FIRST if worst[each]),
            "summary": self._summary(),
            "opened_at": self._since,
            "timestamp": utc(at),
            "action_required": self._action(),
            "counts": {
                "total": self._total,
                "triggered": self._total - self._over,
                "resolved": self._over,
                "severity": dict(self._severities),
                "cause": dict(self._causes.most_common()),
            },
            "incidents": list(self._worst),
            "more": self._total - len(self._worst),
            "incident_ids": list(self._open_ids),
            "resolved_ids": list(self._over_ids),
            "delivery": self.id,
        }

    def _summary(self) -> str:
        still = self._total - self._over
        if not still:
            return f"{count(self._over, 'incident')} over"
        kinds = (f"{self._open_severities[each]} {each}" for each in _WORST_FIRST if self._open_severities[each])
        over = f"; {self._over} over" if self._over else ""
        return f"{count(still, 'incident')}: {', '.join(kinds)}{over}"

    def _action(self) -> str:
        if self._over == self._total:
            return "none: they are over"
        named = [str(line["incident"]) for line in self._worst if line["kind"] != NoticeKind.RESOLVED]
        whom = " ".join(dict.fromkeys(named)) if self._total <= SHOWN else "--all"
        return f"look: `collections-supervisor incidents`; take them on: `collections-supervisor ack {whom}`"


_WORST_FIRST = (Severity.CRITICAL.value, Severity.WARNING.value)

_NEWS_FIRST = (
    NoticeKind.TRIGGERED,
    NoticeKind.SILENCE_ENDED,
    NoticeKind.ACK_EXPIRED,
    NoticeKind.REPEATED,
    NoticeKind.RESOLVED,
)
"""A message of several kinds is of the first of these."""


def _rank(line: dict[str, Any]) -> tuple[bool, bool, bool, int, str]:
    """Return what sorts the lines: what is open, what was not told before, what is critical, what lasts longest."""
    kind = NoticeKind(line["kind"])
    over, again = kind is NoticeKind.RESOLVED, kind is NoticeKind.REPEATED
    mild = line["severity"] != Severity.CRITICAL
    return over, again, mild, _NEWS_FIRST.index(kind), str(line["opened_at"])


def _cause(key: str) -> str:
    return key.partition(":")[2].partition(".")[0][:LINE_LIMIT]
