"""The ping of a dead man's switch: one GET to an address that only its owner should know, such as Healthchecks'.

The address is never shown: an error names the host alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from yarl import URL

from supervisor.credentials import Credential, CredentialError

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_SUCCESS = 2  # hundred


@dataclass(frozen=True, slots=True)
class HttpPing:
    """Implements `ports.Ping`. `address`: the URL, or where it is kept; read anew each time."""

    address: str | Credential

    async def send(self) -> str | None:
        """See `ports.Ping`."""
        try:
            url = URL(self.address if isinstance(self.address, str) else await asyncio.to_thread(self.address.read))
        except CredentialError as error:
            return str(error)
        except ValueError:
            url = URL()
        if url.scheme not in {"http", "https"} or not url.host:
            return "what is configured is no http or https address"
        try:
            # No session is kept: a minute is longer than most servers hold a connection.
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(url, headers={"User-Agent": "collections-supervisor"}) as answer,
            ):
                return None if answer.status // 100 == _SUCCESS else f"{url.host} answered HTTP {answer.status}"
        except TimeoutError:
            return f"{url.host} did not answer within {_TIMEOUT.total:g} s"
        except aiohttp.ClientConnectorError as error:
            return f"no connection to {url.host}:{url.port}: {error.os_error.strerror or type(error.os_error).__name__}"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{url.host}: {type(error).__name__}"  # the text may hold the address
