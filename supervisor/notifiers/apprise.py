"""Channel `apprise`: every service that Apprise knows, from chats to pagers. It is an extra of the package.

The addresses of the services hold their passwords, and so they are secrets: one a line, in a file, a variable or a
systemd credential; empty lines and those that begin with "#" count for nothing. Each is told whatever the others do,
and one that fails is told again.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError, UrlsKeys
from supervisor.domain.delivery import Delivered, Delivery, Failed, NoticeKind, Outcome
from supervisor.notifiers import _template, _text
from supervisor.notifiers._recipients import Recipients

if TYPE_CHECKING:
    from apprise import Apprise

EXTRA = "pip install 'collections-supervisor[apprise]'"

_heard: ContextVar[list[str]] = ContextVar("_heard")


class Config(UrlsKeys, _template.TemplateKeys):
    """Keys of an `apprise` channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["apprise"] = "apprise"
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a try may take.")

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if importlib.util.find_spec("apprise") is None:
            raise ValueError(f"Apprise is not installed: {EXTRA}")
        if self.urls is None:
            raise ValueError("expected one of urls_file, urls_env and urls_credential")
        with suppress(CredentialError):  # what is not there now may be there for the daemon
            _services(self.urls.lines())
        return self


class Notifier:
    """Tells each service in turn, in a thread of its own: one that hangs holds up this channel only.

    The thread goes on when a try is given up. What is taken then is remembered, and not sent by the next try.
    """

    takes_groups = True

    def __init__(self, config: Config, *, name: str) -> None:
        self.timeout = config.timeout
        self._config = config
        self._recipients: Recipients[int] = Recipients()  # the hashes of addresses: these are secrets
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"channel-{name}")

    async def send(self, delivery: Delivery) -> Outcome:
        """Tell every service that has not taken `delivery` yet. Every failure is an outcome."""
        try:
            async with asyncio.timeout(self._config.timeout):
                return await asyncio.get_running_loop().run_in_executor(self._worker, self._send, delivery)
        except TimeoutError:
            return Failed(f"no answer within {self._config.timeout:g} s")

    async def close(self) -> None:
        """Let the thread end."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _send(self, delivery: Delivery) -> Outcome:
        try:
            services = {} if self._config.urls is None else _services(self._config.urls.lines())
        except (CredentialError, ValueError) as error:
            return Failed(str(error), permanent=True)
        words = _template.words(self._config.template, delivery)
        failed: list[str] = []
        for known in self._recipients.missing(delivery.id, list(services)):
            service, what = services[known]
            why = _tell(service, delivery, words)
            if why is None:
                self._recipients.took(delivery.id, [known])
            else:
                failed.append(f"{what}: {why}")
        return Failed(_text.one_line("; ".join(failed), 2 * _text.SHOWN)) if failed else Delivered()


class _Listener(logging.Handler):
    """Hears what Apprise logs, in the thread and the context in which something is being sent."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line for whoever sends."""
        with suppress(LookupError):
            _heard.get().append(record.getMessage())


def _services(lines: Iterable[str]) -> dict[int, tuple[Apprise, str]]:
    """Return each service, with words that name it, by its address's hash. Raises ValueError, and tells no address."""
    import apprise  # noqa: PLC0415 - slow, large, and an extra

    log = logging.getLogger("apprise")
    if not any(isinstance(handler, _Listener) for handler in log.handlers):
        log.addHandler(_Listener(logging.WARNING))
        log.propagate = False  # what it says stands in the outcome
    services = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        # Sent one by one in this thread: ours is the only one that waits.
        service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        if not service.add(line):
            raise ValueError(f"line {number} of the addresses is none that Apprise understands")
        services[hash(line)] = service, f"{service[0].service_name} (line {number})"
    if not services:
        raise ValueError("there is no address")
    return services


def _tell(service: Apprise, delivery: Delivery, words: str) -> str | None:
    """Return why the service did not take it, in Apprise's own words; None where it did."""
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

    is_warning = delivery.message.get("severity") == "warning"
    kinds = {NoticeKind.RESOLVED: NotifyType.SUCCESS, NoticeKind.TEST: NotifyType.INFO}
    kind = kinds.get(delivery.kind, NotifyType.WARNING if is_warning else NotifyType.FAILURE)
    heard: list[str] = []
    token = _heard.set(heard)
    try:
        title = _text.title(delivery)
        if service.notify(body=words, title=title, notify_type=kind, body_format=NotifyFormat.TEXT):
            return None
    finally:
        _heard.reset(token)
    return _text.one_line(" ".join(heard) or "it was not taken", _text.SHOWN)
