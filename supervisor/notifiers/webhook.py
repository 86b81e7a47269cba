"""Channel `webhook`: each notification is an HTTP POST of its message as JSON.

`Idempotency-Key` is the delivery's id, the same at every try. With a secret,
`X-Collections-Signature: t=<unix time>,v1=<hex>` signs it: HMAC-SHA256 over the time's digits, a dot and the body.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError, SecretKeys, TokenKeys
from supervisor.domain.delivery import Delivery, Failed, Outcome
from supervisor.notifiers._http import Poster, address

SIGNATURE = "X-Collections-Signature"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESERVED = frozenset({"authorization", "content-length", "content-type", "host", "idempotency-key", SIGNATURE.lower()})


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
    url: Annotated[str, AfterValidator(address)] = Field(description="The address that is posted to.")
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(
        default_factory=dict, description="Further headers; not for secrets."
    )
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a request may take.")


class Notifier:
    """Posts to one address."""

    takes_groups = True

    def __init__(self, config: Config, *, name: str) -> None:  # noqa: ARG002 - every channel is made alike
        self.timeout = config.timeout
        self._config = config
        self._poster = Poster(config.timeout)

    async def send(self, delivery: Delivery) -> Outcome:
        """Post `delivery`. Every failure is an outcome."""
        body = json.dumps(delivery.message).encode()
        try:
            token, secret = await _secrets(self._config)
        except CredentialError as error:
            return Failed(str(error), permanent=True)
        headers = self._headers(delivery.id, body, token, secret)
        return await self._poster.post(self._config.url, body, headers, (token, secret))

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _headers(self, id_: str, body: bytes, token: str | None, secret: str | None) -> dict[str, str]:
        headers = {**self._config.headers, "Idempotency-Key": id_}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if secret is not None:
            headers[SIGNATURE] = signature(body, secret, int(time.time()))  # the receiver's clock, not ours, judges it
        return headers


def signature(body: bytes, secret: str, at: int) -> str:
    """Return what signs `body` at `at` (s since the epoch)."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def _secrets(config: Config) -> tuple[str | None, str | None]:
    token, secret = config.token, config.secret
    return (
        None if token is None else await asyncio.to_thread(token.read),
        None if secret is None else await asyncio.to_thread(secret.read),
    )
