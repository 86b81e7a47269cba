"""One root: whether it is there, whether it has events, and what was said of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from supervisor.ports import SourceEvent, WatchLost, WatchRestored
from supervisor.sources._listing import Root, Tree

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to listen and how often to look, all in seconds.

    Args:
        step: of the ear: a change is told 1 to 2 steps later; the smaller the step, the dearer is idling.
        debounce: of the ear: how long the changes that follow on one are collected; each telling has its price.
        walk_every: between full stat walks, the guarantee against events lost without a word.
        poll_every: between listings of a root without events, at least.
        check_every: between looks at where the roots' paths lead.
    """

    step: float = 0.03
    debounce: float = 0.2
    walk_every: float = 60.0
    poll_every: float = 2.0
    check_every: float = 1.0


class Place:
    """What is known of one root, beside its files.

    Attributes:
        identity: (device, inode) of the folder that the root's path leads to, None where there is none.
        limit: why the ear has no room for it, "" where it has.
        unheard: why its events do not come at the moment; whoever listens to it anew sets it back.
        next_poll: when to list it next, where it is polled (monotonic s).
    """

    def __init__(self, root: Root, needs_polling: Callable[[Path], str | None], halt: threading.Event) -> None:
        self.tree = Tree(root, halt)
        self.path = Path(self.tree.top or "/")
        self.identity: Identity | None = None
        self.limit = ""
        self.unheard = ""
        self.next_poll = 0.0
        self._needs_polling = needs_polling
        self._deaf = ""
        self._missing = ""
        self._existed = False
        self._told_polled = ""
        self._told_lost: dict[str, str] = {}

    @property
    def polled(self) -> str:
        """Why this root is polled; "" where its events can be relied on."""
        return self._deaf or ("a file name that is not UTF-8 stops events" if self.tree.odd else "") or self.limit

    @property
    def listens(self) -> bool:
        """Whether this root belongs to the ear."""
        return self.identity is not None and not self.polled

    @property
    def needs_look(self) -> bool:
        """Whether only a stat walk tells how this root does."""
        return self.identity is not None and bool(self.polled or self.tree.troubles)

    def check(self, *, deleted: bool) -> bool:
        """Look where the root's path leads now; return whether that is another folder than before.

        `deleted`: the old one is known to be gone, so that the same inode number is a new folder none the less.
        """
        identity, missing = None, ""
        try:
            info = os.stat(self.path)  # noqa: PTH116 - a tuple of what follows, once a second
            identity = (info.st_dev, info.st_ino)
        except FileNotFoundError:
            missing = "deleted" if self._existed else ""
        except OSError as error:
            missing = error.strerror or str(error)
        if (identity, missing) == (self.identity, self._missing) and not (deleted and identity):
            return False
        if identity is not None:
            if self._missing or self.identity is not None:
                self.unheard = self._missing or "replaced by another folder"
            self._existed = True
            self._deaf = self._needs_polling(self.path) or ""
        self.identity, self._missing = identity, missing
        return True

    def news(self, *, settled: bool) -> list[SourceEvent]:
        """Return what is to be said that was not said before. `settled`: the ear has all that it wants."""
        news: list[SourceEvent] = []
        means = "polling" if self.polled else "events"
        if self.identity is not None and self.polled and not self._told_polled:
            news += [WatchLost(self.path, self.polled, observed=True), WatchRestored(self.path, "polling")]
            self._told_polled = self.polled
        elif self._told_polled and self.listens and settled:
            news.append(WatchRestored(self.path, "events"))
            self._told_polled = ""
        lost = dict(self.tree.troubles)
        if reason := self._missing or self.unheard:
            lost[self.tree.top] = reason
        news += [WatchLost(Path(path or "/"), why) for path, why in lost.items() if path not in self._told_lost]
        news += [WatchRestored(Path(path or "/"), means) for path in self._told_lost if path not in lost]
        self._told_lost = lost
        return news
