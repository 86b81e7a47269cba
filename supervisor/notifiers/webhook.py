"""Channel `webhook`: each notification is an HTTP POST of its message as JSON.

`Idempotency-Key` is the delivery's id, the same at every try. With a secret,
`X-Collections-Signature: t=<unix time>,v1=<hex>` signs it: HMAC-SHA256 over the time's digits, a dot and the body.

2xx is delivered. 408, 425, 429 and 5xx are tried again, no sooner than their Retry-After says (1 h counts at
most), and so is a connection that fails. Every other answer is a refusal for good; redirects are not followed,
because the message was meant for this address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Annotated, Literal

import aiohttp
from pydantic import AfterValidator, ConfigDict, Field
from yarl import URL

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError, SecretKeys, TokenKeys
from supervisor.domain.delivery import Delivered, Delivery, Failed, Outcome
from supervisor.notifiers._text import SHOWN, shown

SIGNATURE = "X-Collections-Signature"
RETRY_AFTER_LIMIT = 3600.0
"""The longest wait (s) that a server is granted."""

_BODY_LIMIT = 4096
_BODY_PATIENCE = 1.0
_SUCCESS, _SERVER_ERROR = 2, 5  # hundreds
_BUSY = frozenset({408, 425, 429})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = frozenset({"authorization", "content-length", "content-type", "host", "idempotency-key", SIGNATURE.lower()})


def _url(text: str) -> str:
    try:
        url = URL(text)
        (url.raw_host or "").encode("idna")  # what the resolver will do; it would raise there
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or not url.port or not text.isprintable() or " " in text:
        raise ValueError("expected an http or https address, such as https://example.org/hook")
    if url.user is not None or url.password is not None:
        raise ValueError("the address must not hold a user or a password: use token_file or token_env")
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None or not value.isprintable():
            raise ValueError(f"{name!r} is no header of one printable line")
        if name.lower() in _RESERVED:
            raise ValueError(f"{name} is the supervisor's own header; a token belongs in token_file or token_env")
    return headers


class Config(TokenKeys, SecretKeys):
    """Keys of a `webhook` channel: `token_*` is sent as a bearer token, `secret_*` signs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["webhook"] = "webhook"
    url: Annotated[str, AfterValidator(_url)] = Field(description="The address that is posted to.")
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict, description="Further headers; not for secrets."
    )
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a request may take.")


class Notifier:
    """Posts to one address, over one session that is made when it is first needed."""

    def __init__(self, config: Config, *, name: str) -> None:  # noqa: ARG002 - every channel is made alike
        self._config = config
        self._session: aiohttp.ClientSession | None = None

    async def send(self, delivery: Delivery) -> Outcome:
        """Post `delivery`. Every failure is an outcome."""
        body = json.dumps(delivery.message).encode()
        try:
            token, secret = await _secrets(self._config)
            headers = self._headers(delivery.id, body, token, secret)
            async with self._open().post(self._config.url, data=body, headers=headers, allow_redirects=False) as answer:
                return await _outcome(answer, (token, secret))
        except CredentialError as error:
            return Failed(str(error), permanent=True)
        except TimeoutError:
            return Failed(f"no answer within {self._config.timeout:g} s")
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
                timeout=aiohttp.ClientTimeout(total=self._config.timeout),
                connector=aiohttp.TCPConnector(limit=4),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # an answer is quoted, never unpacked
            )
        return self._session

    def _headers(self, id_: str, body: bytes, token: str | None, secret: str | None) -> dict[str, str]:
        headers = {**self._config.headers, "Content-Type": "application/json", "Idempotency-Key": id_}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if secret is not None:
            headers[SIGNATURE] = signature(body, secret, int(time.time()))  # the receiver's clock, not ours, judges it
        return headers


def signature(body: bytes, secret: str, at: int) -> str:
    """Return what signs `body` at `at` (s since the epoch)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


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


async def _secrets(config: Config) -> tuple[str | None, str | None]:
    token, secret = config.token, config.secret
    return (
        None if token is None else await asyncio.to_thread(token.read),
        None if secret is None else await asyncio.to_thread(secret.read),
    )


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
