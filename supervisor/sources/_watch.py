"""What to do next about the roots: list, listen, poll. Plain blocking code, for one worker thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from supervisor.listing import Listing
from supervisor.ports import Changed, Relisted, SourceEvent, WatchRestored
from supervisor.sources._links import Links
from supervisor.sources._listener import Listener
from supervisor.sources._listing import Root
from supervisor.sources._place import Pace, Place

_LATE = 5.0  # a turn so late (s) means that the process was stopped: the kernel's queue may have run over
_ECHO = 1.0  # s: by then, whatever came in the place of what had gone is known, or has gone too
_POLL_SHARE = 50  # listing a polled root may take a 50th of the time


class Watch:
    """Listens to all roots, and trusts only what a stat walk finds.

    `first`, then `turn` again and again, then `close` are called by one thread; `halt` cuts them short.

    Args:
        tell: called in another thread with files to look at.
        wake: called in another thread: a `turn` is due now.
    """

    def __init__(
        self,
        roots: Sequence[Root],
        pace: Pace,
        *,
        needs_polling: Callable[[Path], str | None],
        tell: Callable[[frozenset[Path]], None],
        wake: Callable[[], None],
    ) -> None:
        self.halt = threading.Event()
        self._pace = pace
        self._places = [Place(root, needs_polling, self.halt) for root in roots]
        self._listener = Listener(self._places, pace, tell=tell, wake=wake)
        self._links = Links(roots)
        self._next_walk = self._judge_at = self._last_turn = 0.0
        self._echoes: deque[tuple[float, set[str]]] = deque()

    def first(self) -> Relisted:
        """List all roots. They are listened to from the first `turn` on, which looks for what came in between."""
        self._links.look()
        for place in self._places:
            place.check(deleted=False)
            self._list(place)
        self._last_turn = time.monotonic()
        self._next_walk = self._last_turn + self._pace.walk_every
        return Relisted("start", self._everything())

    def turn(self, asked: str | None) -> list[SourceEvent]:
        """Do what is due; `asked`: list everything afresh, for this reason. Return what there is to say."""
        now = time.monotonic()
        self._listener.tidy(now)
        reason = asked
        error = self._listener.take_failure()
        if error:
            reason = f"watcher error: {error}"
        elif now >= self._judge_at and set().union(*(place.tree.take_suspects() for place in self._places)):
            reason = "changes came without an event"
            self._listener.retire()
        changed = self._look(now, walk=reason is not None or now > self._last_turn + self._pace.check_every + _LATE)
        if error and not any(place.tree.odd for place in self._places):
            for place in self._places:
                place.unheard = error if place.listens else ""
        news = self._news()
        changed |= self._listener.arm() | self._links.look()
        news += self._news()
        if reason is None and any(isinstance(event, WatchRestored) for event in news):
            reason = "watch restored"
        self._last_turn = time.monotonic()
        return news + self._hints(changed | self._echo(now), reason)

    def pause(self) -> float:
        """Return how long (s) no `turn` is due, unless `wake` is called."""
        now = time.monotonic()
        due = [
            self._next_walk,
            *(at for at, _ in self._echoes),
            *(place.next_poll for place in self._places if place.needs_look),
        ]
        return max(0.0, min(self._pace.check_every, self._listener.pause(now), min(due) - now))

    def close(self) -> None:
        """End all threads that listen."""
        self._listener.close()

    def _look(self, now: float, *, walk: bool) -> set[str]:
        """List what is due; return the files that changed, came or went."""
        changed: set[str] = set()
        stirred = self._listener.take_stirred()
        if now >= self._next_walk:
            walk = True
            for place in self._places:
                place.limit = ""  # there may be room again
        for place in self._places:
            moved = place.check(deleted=stirred.get(place.tree.top, False))
            if moved:
                self._listener.forget(place.tree.folders())
            if walk or moved or (place.needs_look and now >= place.next_poll):
                changed |= self._list(place, walk=walk)
            else:
                changed.update(*(place.tree.scan(folder) for folder in stirred if place.tree.covers(folder)))
        if walk:
            done = time.monotonic()
            self._next_walk = done + self._pace.walk_every
            self._judge_at = done + max(1.0, 4 * self._pace.step + self._pace.debounce)
        return changed

    def _list(self, place: Place, *, walk: bool = False) -> set[str]:
        began = time.monotonic()
        changed = place.tree.scan(told=self._listener.armed if walk else ())
        done = time.monotonic()
        place.next_poll = done + max(self._pace.poll_every, _POLL_SHARE * (done - began))
        self._listener.stale = True
        return changed

    def _echo(self, now: float) -> set[str]:
        """Return the files that went a while ago, to be looked at once more.

        Whoever looked at the first hint may have met a file that came and went before it was listed.
        """
        if gone := {path for place in self._places for path in place.tree.take_gone()}:
            self._echoes.append((now + _ECHO, gone))
        echo: set[str] = set()
        while self._echoes and self._echoes[0][0] <= now:
            echo |= self._echoes.popleft()[1]
        return echo

    def _everything(self) -> Listing:
        folders: dict[Path, frozenset[str]] = {}
        for place in self._places:
            for folder, names in place.tree.names().items():
                path = Path(folder or "/")
                folders[path] = folders.get(path, frozenset()) | names
        return Listing(folders)

    def _news(self) -> list[SourceEvent]:
        return [event for place in self._places for event in place.news(settled=not self._listener.stale)]

    def _hints(self, changed: set[str], reason: str | None) -> list[SourceEvent]:
        hints: list[SourceEvent] = []
        if reason is not None:
            everything = self._everything()
            hints.append(Relisted(reason, everything))
            changed = {path for path in changed if Path(path) not in everything}
        if changed:
            hints.append(Changed(frozenset(map(Path, changed))))
        return hints
