"""Links by which whoever was told may acknowledge, without a login: the link itself is the right to do that, no more.

A link names the incidents that its message tells of, the channel that it was sent through, and when the message was
made: it is the same at each try. It is signed by a key that never leaves this machine, and good for seven days. A key
that is lost makes old links invalid, and no more.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from supervisor.domain.escalation import Incident

PATH = "/ack/"
"""Where links lead, below the public address; the token follows."""

GOOD_FOR = 7 * 86400
"""How long (s) a link is good."""

_KEY_BYTES = 32
_SALT = "collections-supervisor.ack"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link is good for: `incidents`, that `channel` was told of by a message made at `made_at`."""

    channel: str
    incidents: tuple[str, ...]
    made_at: float

    def is_good_for(self, incident: Incident, now: float) -> bool:
        """Whether it acknowledges this one at `now`.

        The link is no older than its incident, whose times move with a clock that is set: no step ends a fresh one.
        """
        return now - max(self.made_at, incident.opened_at) <= GOOD_FOR


class LinkError(Exception):
    """This is no link of ours."""

    def __init__(self) -> None:
        super().__init__("this is no link of ours")


@dataclass(frozen=True, slots=True)
class AckLinks:
    """Makes and reads links. `public_url`: where we are reached; `key_file` is made at the first need, mode 0600."""

    public_url: str
    key_file: Path

    async def url(self, channel: str, incidents: Sequence[str], made_at: float) -> str:
        """Return the link of a message. Raises OSError where there is no key, and none can be made."""
        token = (await self._serializer()).dumps([channel, " ".join(incidents), made_at])
        return f"{self.public_url}{PATH}{token}"

    async def read(self, token: str) -> Claim:
        """Return what a link's token is good for. Raises LinkError, and OSError where there is no key."""
        serializer = await self._serializer()
        try:
            channel, incidents, made_at = serializer.loads(token)
            signature = token.rpartition(".")[2].encode()
            if base64_encode(base64_decode(signature)) != signature:  # another spelling of the same bytes
                raise LinkError
        except BadData:
            raise LinkError from None
        return Claim(channel, tuple(incidents.split()), made_at)

    async def _serializer(self) -> URLSafeSerializer:
        key = await asyncio.to_thread(_key, self.key_file)
        return URLSafeSerializer(key, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})


def _key(path: Path) -> bytes:
    """Return the key. It is read each time: a new one counts at once. It blocks. Raises OSError."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        _make(path)
        key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise OSError(errno.EINVAL, "it holds no key; a new one is made where it is removed", str(path))
    return key


def _make(path: Path) -> None:
    """Make a key, whole or not at all; one that another has made meanwhile stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_KEY_BYTES))
        os.fsync(descriptor)
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
    finally:
        os.close(descriptor)
        fresh.unlink()
