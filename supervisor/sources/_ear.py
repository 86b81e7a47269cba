"""One inotify watcher, through watchfiles, and the thread that listens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

Sounds = set[tuple[int, str]]
"""(kind of change, path), unordered and deduplicated, as watchfiles tells them."""

DELETED = 3

_REASONS = {
    "watch limit": "inotify watch limit reached (fs.inotify.max_user_watches)",
    "os error 24": "inotify instance limit reached (fs.inotify.max_user_instances)",
}
_NOT_THERE = ("os error 2)", "os error 13)", "os error 20)")


class EarError(Exception):
    """The folders can not be listened to; the text says why."""


class VanishedError(EarError):
    """One of the folders is not there any more, or closed to us by now."""


class Ear:
    """Listens to folders, not below them, from its making until `close`.

    Below is our own business: watchfiles follows symbolic links there, and is silent when it runs out of watches.

    Args:
        folders: absolute paths, encodable as UTF-8.
        step: s; a change that comes after a quiet time is told one to two steps later.
        debounce: s; so long after each telling it sleeps, and tells the changes of that time as one. A steady stream
            costs a waking each `debounce` + 2 steps, and no change waits longer than that.
        heard: called in the ear's thread with what changed.
        failed: called in the ear's thread when it can hear no more.

    Raises VanishedError, EarError.
    """

    def __init__(
        self,
        folders: Sequence[str],
        *,
        step: float,
        debounce: float,
        heard: Callable[[Sounds], None],
        failed: Callable[[str], None],
    ) -> None:
        try:
            self._notify = RustNotify(list(folders), False, False, 0, False, False)
        except (OSError, WatchfilesRustInternalError) as error:
            text = str(error)  # there is no errno
            if any(mark in text for mark in _NOT_THERE):
                raise VanishedError(text) from error
            raise EarError(next((why for mark, why in _REASONS.items() if mark in text), text)) from error
        self._step, self._debounce = round(step * 1000), debounce
        self._heard, self._failed = heard, failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="watch-ear", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Blocks for a step at the most."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        try:
            # No timeout: watchfiles can lose a change that comes in the moment when one runs out. And no debounce of
            # its own: that one collects only what comes in every single step.
            while isinstance(sounds := self._notify.watch(0, self._step, 0, self._stop), set):
                self._heard(sounds)
                self._stop.wait(self._debounce)
        except Exception as error:  # noqa: BLE001 - whatever it is, a silent thread would be worse
            self._failed(str(error))
        finally:
            self._notify.close()
