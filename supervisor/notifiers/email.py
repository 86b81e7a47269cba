"""Channel `email`: each notification is a mail in plain text, over TLS.

The mails of one incident are a thread: each refers to its first notice; that of a group stands alone. A second copy
has the same Message-ID.

A reply of 4xx (a greylisting server says so) and a connection that fails are tried again. 5xx, a refused
password and a certificate that does not hold are refusals for good. A recipient that has taken a notice is not
sent it again because another has not.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from supervisor.config_types import Duration
from supervisor.credentials import CredentialError, PasswordKeys
from supervisor.domain.delivery import Delivered, Delivery, Failed, NoticeKind, Outcome
from supervisor.domain.groups import GROUP
from supervisor.domain.words import LINE_LIMIT
from supervisor.notifiers import _template, _text
from supervisor.notifiers._recipients import Recipients

_FOR_GOOD = 500
_GOODBYE = 1.0
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_NO_ID = re.compile(r"[^A-Za-z0-9-]+")


def _mailbox(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or ".." in text:
        raise ValueError("expected a mail address, such as ann@example.org")
    return text


def _host(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError("expected the name or the address of a mail server")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]


class Config(PasswordKeys, _template.TemplateKeys):
    """Keys of an `email` channel."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["email"] = "email"
    host: Annotated[str, AfterValidator(_host)] = Field(description="The mail server.")
    port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = Field(
        default=None, description="Its port; 587, 465 or 25 where not set, as `security` is."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description='How the connection is encrypted; "none" on this machine only.'
    )
    ca_file: Path | None = Field(
        default=None, description="The certificates that are trusted; the system's if not set."
    )
    username: str | None = Field(default=None, min_length=1, description="Who logs in, with a password.")
    sender: Mailbox = Field(alias="from", description="Whose mail it is.")
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1)] = Field(description="Who gets it.")
    timeout: Annotated[Duration, Field(gt=0)] = Field(default=8.0, description="Longest time a try may take.")

    @field_validator("security")
    @classmethod
    def _private(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and "host" in info.data and not _is_loopback(info.data["host"]):
            raise ValueError('expected "starttls" or "tls": unencrypted mail must not leave this machine')
        return security

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.username is None) is not (self.password is None):
            raise ValueError("username and one of password_file, password_env, password_credential belong together")
        return self


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Notifier:
    """Hands each notification to one mail server, over a connection of its own."""

    takes_groups = True

    def __init__(self, config: Config, *, name: str) -> None:  # noqa: ARG002 - every channel is made alike
        self.timeout = config.timeout
        self._config = config
        self._recipients: Recipients[str] = Recipients()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send `delivery` to everybody who has not taken it yet. Every failure is an outcome."""
        config = self._config
        missing = self._recipients.missing(delivery.id, config.to)
        if not missing:
            return Delivered()
        try:
            password = None if config.password is None else await asyncio.to_thread(config.password.read)
            context = None if config.security == "none" else await asyncio.to_thread(_trust, config.ca_file)
        except CredentialError as error:
            return Failed(str(error), permanent=True)
        except OSError as error:  # ssl.SSLError is one
            return Failed(f"ca_file {config.ca_file}: {error.strerror or error}", permanent=True)
        mail = await asyncio.to_thread(letter, config, delivery)
        smtp = SMTP(
            hostname=config.host,
            port=config.port or _PORTS[config.security],
            timeout=config.timeout,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=context,
        )
        try:
            async with asyncio.timeout(config.timeout):
                await smtp.connect()
                if config.username is not None and password is not None:
                    await smtp.login(config.username, password)
                outcome = await self._hand_over(smtp, delivery.id, missing, mail)
            await _say_goodbye(smtp)
        except (SMTPException, OSError) as error:
            return _failed(error, config, password)
        finally:
            smtp.close()
        return outcome

    async def close(self) -> None:
        """Nothing is kept between two mails."""

    async def _hand_over(self, smtp: SMTP, id_: str, missing: list[str], mail: EmailMessage) -> Outcome:
        try:
            replies, _ = await smtp.sendmail(self._config.sender, missing, mail.as_bytes())
            refused = {address: (reply.code, reply.message) for address, reply in replies.items()}
        except SMTPRecipientsRefused as error:
            refused = {each.recipient: (each.code, each.message) for each in error.recipients}
        self._recipients.took(id_, [address for address in missing if address not in refused])
        if not refused:
            return Delivered()
        said = (f"{address} is refused: {_reply(*reply)}" for address, reply in refused.items())
        return Failed(_text.one_line("; ".join(said), 2 * _text.SHOWN), permanent=_for_good(refused.values()))


def letter(config: Config, delivery: Delivery) -> EmailMessage:
    """Return the mail. It may read the template's file."""
    mail = EmailMessage(policy=WIRE)
    mail["Subject"] = _text.title(delivery)
    mail["From"] = Address("collections-supervisor", addr_spec=config.sender)
    mail["To"] = tuple(Address(addr_spec=address) for address in config.to)
    mail["Date"] = format_datetime(datetime.fromtimestamp(delivery.created_at, UTC))
    mail["Message-ID"] = own = _message_id(delivery.id, config.sender)
    mail["Auto-Submitted"] = "auto-generated"
    if delivery.message.get("type") != GROUP:
        first = _message_id(f"{delivery.incident}.1", config.sender)
        if delivery.kind is not NoticeKind.TEST and own != first:
            mail["In-Reply-To"] = mail["References"] = first
        mail["X-Collections-Incident"] = _plain(delivery.incident)
    mail.set_content(_template.words(config.template, delivery), cte="quoted-printable")
    return mail


def _message_id(id_: str, sender: str) -> str:
    return f"<{_plain(f'collections.{id_}')}@{sender.rpartition('@')[2]}>"


def _plain(id_: str) -> str:
    return _NO_ID.sub(".", id_).strip(".")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return whom to trust. It reads files."""
    return ssl.create_default_context(cafile=ca_file)


def _failed(error: SMTPException | OSError, config: Config, password: str | None) -> Failed:
    server = f"{config.host}:{config.port or _PORTS[config.security]}"
    certificate = _certificate_fault(error)
    if certificate is not None:
        return Failed(f"{server}: the certificate does not hold: {certificate.verify_message}", permanent=True)
    if isinstance(error, SMTPAuthenticationError):
        key = f"password_{config.password.kind}" if config.password is not None else "password"
        said = _reply(error.code, error.message.replace(password or "\0", "[redacted]"))
        return Failed(f"{server} refuses username or {key}: {said}", permanent=error.code >= _FOR_GOOD)
    if isinstance(error, SMTPResponseException):
        return Failed(f"{server}: {_reply(error.code, error.message)}", permanent=error.code >= _FOR_GOOD)
    if isinstance(error, TimeoutError):
        return Failed(f"{server}: no answer within {config.timeout:g} s")
    # What is no fault of the connection: the server lacks what `security` or `username` asks for.
    return Failed(f"{server}: {_text.one_line(error, _text.SHOWN)}", permanent=not isinstance(error, OSError))


def _certificate_fault(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _reply(code: int, message: str) -> str:
    return _text.one_line(f"{code} {message}", LINE_LIMIT)


def _for_good(replies: Iterable[tuple[int, str]]) -> bool:
    return all(code >= _FOR_GOOD for code, _ in replies)


async def _say_goodbye(smtp: SMTP) -> None:
    """Leave as is polite, where that is a matter of a moment: what was sent is sent."""
    with suppress(SMTPException, OSError):
        async with asyncio.timeout(_GOODBYE):
            await smtp.quit()
