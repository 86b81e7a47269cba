"""`top`: a live view of everything, worst first, until q is typed; one frame where there is no terminal."""

from __future__ import annotations

import argparse
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import UNKNOWN, NoDaemonError, ProblemError
from supervisor.cli._which import daemon

if TYPE_CHECKING:
    from supervisor.cli._screen import View

_EVENTS = 100
_SEARCHED = 500
"""So many of the newest records are searched for those that are shown."""
_EVERY = 1.0
"""The picture is asked for after so many seconds without an event, ..."""
_LEAST = 0.25
"""... not more often than this, ..."""
_SHARE = 10
"""... and so many times less than the answer takes: a view must not keep a large installation busy."""

_EPILOG = """\
keys: q quits; arrows, page up, page down, home and end (or j, k, g, G) scroll

examples:
  collections-supervisor top
  collections-supervisor top --agents mailer,payment-watcher
  collections-supervisor top | head    (one frame, without colours)
"""

_KEYS = {
    "q": "quit",
    "Q": "quit",
    "\x04": "quit",
    "j": "down",
    "k": "up",
    "g": "home",
    "G": "end",
    " ": "page down",
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1b[1~": "home",
    "\x1b[4~": "end",
    "\x1bOH": "home",
    "\x1bOF": "end",
}
"""What is meant by what a terminal sends."""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("top", help="watch everything live, worst first", epilog=_EPILOG)
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Show the view until it is quit, and return 0."""
    supervisor = daemon(args)
    names: tuple[str, ...] = args.agents or ()
    if args.json:
        _output.document(_fleet(supervisor, names))
    elif _interactive():
        feed = _Feed(supervisor, names)
        feed.ask()
        _watch(feed)
    else:
        _frame(supervisor, names)
    return 0


def _interactive() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _fleet(supervisor: Daemon, names: Sequence[str]) -> Any:
    return supervisor.ask("GET", "fleet", query={"agents": ",".join(names) or None})


class _Choice:
    """Which events are shown: those of the agents that are named; where none is, those of all but drills."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._drills: set[str] = set()

    def takes(self, event: dict[str, Any]) -> bool:
        """Whether to show this event, which comes after all that were asked about before."""
        agent = event.get("agent")
        if event["event"] == "drill_started":
            self._drills.add(event["agent"])
        return agent in self._names if self._names else agent not in self._drills


def _frame(supervisor: Daemon, names: Sequence[str]) -> None:
    from rich.console import Console  # noqa: PLC0415 - most commands need none of it

    from supervisor.cli._screen import View, screen  # noqa: PLC0415

    fleet, choice = _fleet(supervisor, names), _Choice(names)
    events = [event for event in supervisor.history(_SEARCHED) if choice.takes(event)][-10:]
    console = Console(file=sys.stdout, highlight=False)
    console.print(screen(View(fleet, events), console.width, None))


# --- what the daemon says ----------------------------------------------------------------------------


class _Feed:
    """Asks the daemon, in threads of its own: for the picture, and for each event as it happens.

    `woken` can be read from where there is something new to draw.
    """

    def __init__(self, supervisor: Daemon, names: Sequence[str]) -> None:
        self.woken, self._wake = os.pipe()
        self._supervisor = supervisor
        self._names = names
        self._choice = _Choice(names)
        self._lock = threading.Lock()
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self._fleet: dict[str, Any] | None = None
        self._asked_at = time.monotonic()
        self._lost: str | None = None
        self._changed = threading.Event()

    def start(self) -> None:
        """Begin; the threads end with the process."""
        for work in (self._follow, self._look):
            threading.Thread(target=work, daemon=True, name=f"top {work.__name__}").start()

    def view(self, first: int) -> View:
        """Return what is known."""
        from supervisor.cli._screen import View  # noqa: PLC0415 - brings rich

        with self._lock:
            late = time.monotonic() - self._asked_at
            return View(self._fleet, tuple(self._events), self._lost, late, first)

    def ask(self) -> None:
        """Ask for the picture once. Raises NoDaemonError, ProblemError."""
        fleet = _fleet(self._supervisor, self._names)
        with self._lock:
            self._fleet, self._asked_at, self._lost = fleet, time.monotonic(), None

    def wake(self) -> None:
        """Have the view drawn anew."""
        os.write(self._wake, b"!")

    def _look(self) -> None:
        while True:
            begun = time.monotonic()
            try:
                self.ask()
            except (NoDaemonError, ProblemError) as error:
                with self._lock:
                    self._lost = str(error)
            self.wake()
            took = time.monotonic() - begun
            self._changed.wait(_EVERY)
            self._changed.clear()
            time.sleep(max(_LEAST, _SHARE * took))

    def _follow(self) -> None:
        last = ""
        while True:
            try:
                for event in self._supervisor.events(last, limit=_SEARCHED):
                    last = event.id
                    if not self._choice.takes(event.document):
                        continue
                    with self._lock:
                        self._events.append(event.document)
                    self._changed.set()
            except (NoDaemonError, ProblemError):
                pass  # the picture's thread says so
            time.sleep(_EVERY)


# --- the terminal ------------------------------------------------------------------------------------


def _watch(feed: _Feed) -> None:
    import signal  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415

    from supervisor.cli._screen import agent_rows, screen  # noqa: PLC0415

    console = Console(highlight=False)
    signal.signal(signal.SIGWINCH, lambda *_: feed.wake())
    first = 0
    with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        feed.start()
        while True:
            view, (width, height) = feed.view(first), console.size
            rows = agent_rows(view, height)
            agents = len(view.fleet["agents"]) if view.fleet else 0
            first = max(0, min(first, agents - rows))
            live.update(screen(replace(view, first=first), width, height), refresh=True)
            ready, _, _ = select.select([sys.stdin, feed.woken], [], [], _EVERY)
            if feed.woken in ready:
                os.read(feed.woken, 4096)
            for key in _typed() if sys.stdin in ready else ():
                if key == "quit":
                    return
                first = _scrolled(key, first, rows, agents)


def _typed() -> list[str]:
    """Return what was meant; nothing by keys that mean nothing, and `quit` where the terminal is gone."""
    text = os.read(sys.stdin.fileno(), 1024).decode(errors="replace")
    if not text:
        return ["quit"]
    meant = []
    while text:
        size = next((len(keys) for keys in sorted(_KEYS, key=len, reverse=True) if text.startswith(keys)), 0)
        if size:
            meant.append(_KEYS[text[:size]])
        text = text[size or 1 :]
    return meant


def _scrolled(key: str, first: int, rows: int, agents: int) -> int:
    steps = {"up": -1, "down": 1, "page up": -rows, "page down": rows, "home": -agents, "end": agents}
    return max(0, min(first + steps[key], agents - rows))


@contextmanager
def _keys() -> Iterator[None]:
    """Have each key told at once, and not shown."""
    import termios  # noqa: PLC0415
    import tty  # noqa: PLC0415

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
