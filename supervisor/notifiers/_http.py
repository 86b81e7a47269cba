"""HTTP as channels speak it: one request, and what its answer means.

2xx is delivered. 408, 425, 429 and 5xx are tried again, no sooner than their Retry-After says (1 h counts at
most), and so is a connection that fails. Every other answer is a refusal for good; redirects are not followed,
because the message was meant for this address.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from supervisor.domain.delivery import Delivered, Failed, Outcome
from supervisor.notifiers._text import SHOWN, shown

RETRY_AFTER_LIMIT = 3600.0
"""The longest wait (s) that a server is granted."""

_BODY_LIMIT = 4096
_BODY_PATIENCE = 1.0
_SUCCESS, _SERVER_ERROR = 2, 5  # hundreds
_BUSY = frozenset({408, 425, 429})


def address(text: str) -> str:
    """Return `text`, an http or https address without a secret in it. Raises ValueError."""
    try:
        url = URL(text)
        (url.raw_host or "").encode("idna")  # what the resolver will do; it would raise there
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or not url.port or not text.isprintable() or " " in text:
        raise ValueError("expected an http or https address, such as https://example.org/hook")
    if url.user is not None or url.password is not None:
        raise ValueError("the address must not hold a user or a password: use token_file, token_env or the like")
    return text


class Poster:
    """Posts over one session that is made when it is first needed. `timeout` (s) bounds one request."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], secrets: tuple[str | None, ...] = ()
    ) -> Outcome:
        """Post `body`, which is JSON; no secret is quoted of what comes back. Every failure is an outcome."""
        headers = {**headers, "Content-Type": "application/json"}
        try:
            async with self._open().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return await _outcome(answer, secrets)
        except TimeoutError:
            return Failed(f"no answer within {self._timeout:g} s")
        except aiohttp.ClientConnectorError as error:
            return Failed(f"no connection to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}")
        except (aiohttp.ClientError, OSError) as error:
            return Failed(shown(f"{type(error).__name__}: {error}".encode()))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                connector=aiohttp.TCPConnector(limit=4),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # an answer is quoted, never unpacked
            )
        return self._session


def retry_after(text: str, now: float) -> float | None:
    """Return the wait (s, 1 h at most) that a Retry-After header asks for; None where it makes no sense."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return min(float(text), RETRY_AFTER_LIMIT)
    try:
        moment = parsedate_to_datetime(text)
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), RETRY_AFTER_LIMIT)


async def _outcome(answer: aiohttp.ClientResponse, secrets: tuple[str | None, ...]) -> Outcome:
    if answer.status // 100 == _SUCCESS:
        return Delivered()
    what = f"HTTP {answer.status}"
    if said := await _said(answer, secrets):
        what += f": {said}"
    if answer.status not in _BUSY and answer.status // 100 != _SERVER_ERROR:
        return Failed(what, permanent=True)
    return Failed(what, retry_after=retry_after(answer.headers.get("Retry-After", ""), time.time()))


async def _said(answer: aiohttp.ClientResponse, secrets: tuple[str | None, ...]) -> str:
    """Return the beginning of the answer's body; nothing where it is slow to come: the status has said enough."""
    try:
        async with asyncio.timeout(_BODY_PATIENCE):
            data = await answer.content.read(_BODY_LIMIT)
    except (TimeoutError, aiohttp.ClientError, OSError):
        return ""
    for secret in secrets:
        if secret is not None:
            data = data.replace(secret.encode(), b"[redacted]")
    return shown(data[:SHOWN])
