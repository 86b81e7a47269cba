"""Who has logged in, and who has tried: pure, told the time (s, of a clock that never goes back)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from dataclasses import dataclass

LIFETIME = 12 * 3600.0
"""A session ends so long (s) after its login, used or not."""

MAX_SESSIONS = 100
WINDOW = 60.0
PER_PEER, IN_ALL = 5, 20
"""So many wrong tokens within the window, from one address and from all, are looked at; further ones are not."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login: by whom, with which token (its digest), until when."""

    name: str
    token: bytes
    until: float


class Sessions:
    """The sessions of one life of the daemon: a restart ends them all, and so does another token."""

    def __init__(self) -> None:
        self._open: dict[bytes, Session] = {}

    def begin(self, name: str, token: str, now: float) -> str:
        """Open a session; return its secret. Where there are too many the oldest ends."""
        self._open = {key: session for key, session in self._open.items() if now < session.until}
        if len(self._open) >= MAX_SESSIONS:
            del self._open[next(iter(self._open))]
        secret = secrets.token_urlsafe(32)
        self._open[digest(secret)] = Session(name, digest(token), now + LIFETIME)
        return secret

    def find(self, secret: str, token: str, now: float) -> Session | None:
        """Return the session of this secret, if it still stands while `token` is the right one."""
        # A digest is looked up: how long that takes says nothing of the secret.
        session = self._open.get(digest(secret))
        if session is None or now >= session.until or not hmac.compare_digest(session.token, digest(token)):
            return None
        return session

    def end(self, secret: str) -> None:
        """Close a session."""
        self._open.pop(digest(secret), None)


class Throttle:
    """Counts wrong tokens. Nobody can guess faster than this, and the memory it takes is bounded by `IN_ALL`."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque()

    def wait(self, peer: str, now: float) -> float:
        """Return for how long (s) no token from this address is looked at; 0 where one is."""
        while self._wrong and self._wrong[0][0] + WINDOW <= now:
            self._wrong.popleft()
        mine = [at for at, who in self._wrong if who == peer]
        waits = [0.0]
        if len(mine) >= PER_PEER:
            waits.append(mine[-PER_PEER] + WINDOW - now)
        if len(self._wrong) >= IN_ALL:
            waits.append(self._wrong[-IN_ALL][0] + WINDOW - now)
        return max(waits)

    def wrong(self, peer: str, now: float) -> None:
        """Count a wrong token."""
        self._wrong.append((now, peer))


def same(given: str, right: str) -> bool:
    """Return whether the two are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(digest(given), digest(right))


def digest(text: str) -> bytes:
    """Return the SHA-256 of a text of any characters."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
