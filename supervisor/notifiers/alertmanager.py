"""Channel `alertmanager`: an incident is an alert of Prometheus Alertmanager (API v2).

An alert fires until its end, some time ahead, and is told again well before (`refresh`) for as long as its incident
is open. The end of the incident is the same alert that ends now. If the supervisor dies, the alert ends by itself.

Every one of `urls` is told, as a cluster of Alertmanagers wants it. One that takes the alert is enough; another
that does not is told at the next refresh, and stands in the log.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import socket
import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError, PasswordKeys, TokenKeys
from supervisor.domain.delivery import Delivered, Delivery, Failed, NoticeKind, Outcome
from supervisor.domain.messages import utc
from supervisor.notifiers import _template
from supervisor.notifiers._http import Poster, address
from supervisor.notifiers._text import SHOWN, one_line

LIFETIME = 4
"""An alert ends so many refreshes ahead: as many but one may be lost."""

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OURS = frozenset({"alertname", "agent", "severity", "key"})
_LONGEST = 200

_log = logging.getLogger(__name__)


def _labels(labels: dict[str, str]) -> dict[str, str]:
    for name, value in labels.items():
        if not _LABEL.fullmatch(name) or not value or not value.isprintable():
            raise ValueError(f"{name!r} is no label of one printable line")
        if name in _OURS:
            raise ValueError(f"{name} is the supervisor's own label")
    return labels


class Config(TokenKeys, PasswordKeys, _template.TemplateKeys):
    """Keys of an `alertmanager` channel: a bearer token, or a name and a password, log in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    GROUPS: ClassVar[bool] = False

    kind: Literal["alertmanager"] = "alertmanager"
    urls: Annotated[tuple[Annotated[str, AfterValidator(address)], ...], Field(min_length=1)] = Field(
        description="The Alertmanagers, without /api/v2; each of them is told."
    )
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = Field(
        default_factory=dict, description="Further labels of every alert; `instance` is this machine's name if not set."
    )
    refresh: Annotated[Duration, Field(ge=1)] = Field(
        default=60.0,
        description="How often an open incident is told again; its alert ends by itself after four times that.",
    )
    username: str | None = Field(default=None, min_length=1, description="Who logs in, with a password.")
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a request may take.")

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if (self.username is None) is not (self.password is None):
            raise ValueError("username and one of password_file, password_env, password_credential belong together")
        if self.username is not None and self.token is not None:
            raise ValueError("expected a token or a username, not both")
        return self


class Notifier:
    """Keeps alerts firing at each of the Alertmanagers. Implements `ports.Refresher`."""

    def __init__(self, config: Config, *, name: str) -> None:
        self.refresh_every = config.refresh
        self.timeout = config.timeout
        self._config = config
        self._name = name
        self._poster = Poster(config.timeout)
        self._dead: frozenset[str] = frozenset()

    async def send(self, delivery: Delivery) -> Outcome:
        """Let the alert of `delivery` fire, or end. Every failure is an outcome."""
        return await self.refresh([delivery])

    async def refresh(self, deliveries: Sequence[Delivery]) -> Outcome:
        """Tell all of these once more, in one request to each Alertmanager."""
        try:
            body = await asyncio.to_thread(self._body, deliveries)
            headers, secrets = await asyncio.to_thread(_login, self._config)
        except CredentialError as error:
            return Failed(str(error), permanent=True)
        urls = self._config.urls
        outcomes = await asyncio.gather(
            *(self._poster.post(f"{url.rstrip('/')}/api/v2/alerts", body, headers, secrets) for url in urls)
        )
        return self._outcome(dict(zip(urls, outcomes, strict=True)))

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()

    def _body(self, deliveries: Sequence[Delivery]) -> bytes:
        now = time.time()  # the Alertmanager's clock, not ours, judges the end
        return json.dumps([alert(self._config, delivery, now) for delivery in deliveries]).encode()

    def _outcome(self, outcomes: dict[str, Outcome]) -> Outcome:
        failed = {url: outcome for url, outcome in outcomes.items() if isinstance(outcome, Failed)}
        words = one_line("; ".join(f"{url}: {outcome.error}" for url, outcome in failed.items()), 2 * SHOWN)
        if len(failed) == len(outcomes):
            waits = [outcome.retry_after for outcome in failed.values() if outcome.retry_after is not None]
            permanent = all(outcome.permanent for outcome in failed.values())
            return Failed(words, permanent=permanent, retry_after=max(waits, default=None))
        if failed.keys() - self._dead:
            _log.warning("channel %s: not every Alertmanager takes alerts: %s", self._name, words)
        self._dead = frozenset(failed)
        return Delivered()


def alert(config: Config, delivery: Delivery, now: float) -> dict[str, Any]:
    """Return the alert as the API takes it. `now`: s since the epoch. It may read the template's file.

    Its labels are the same from the first to the last of an incident, for as long as its severity is.
    """
    message = delivery.message
    key = str(message.get("key", "supervisor:test"))
    labels = {
        "instance": socket.gethostname(),
        **config.labels,
        "alertname": key.partition(":")[2],
        "agent": message.get("agent", ""),
        "severity": message.get("severity", "none"),
        "key": key,
    }
    annotations = {
        "summary": message.get("summary", ""),
        "action": message.get("action_required", ""),
        "incident": delivery.incident,
        "delivery": delivery.id,
    }
    over = delivery.kind is NoticeKind.RESOLVED
    return {
        "labels": {name: line for name, value in labels.items() if (line := one_line(value, _LONGEST))},
        "annotations": {
            **{name: one_line(value, SHOWN) for name, value in annotations.items()},
            "description": _template.words(config.template, delivery),
        },
        "startsAt": min(str(message.get("opened_at", utc(now))), utc(now)),  # never after its end
        "endsAt": utc(now if over else now + LIFETIME * config.refresh),
    }


def _login(config: Config) -> tuple[dict[str, str], tuple[str | None, ...]]:
    """Return the header that logs in, and what of it is secret. It blocks. Raises CredentialError."""
    token = None if config.token is None else config.token.read()
    if token is not None:
        return {"Authorization": f"Bearer {token}"}, (token,)
    if config.password is None:
        return {}, ()
    password = config.password.read()
    pair = base64.b64encode(f"{config.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}, (password, pair)
