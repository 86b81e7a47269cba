"""A real mail server on the loopback, over TLS, that takes mails and refuses them as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD = "collections", "hunter2"
HOST = "127.0.0.1"


@dataclass(slots=True)
class MailServer:
    """`mails` is what came. `replies` answers a command ("RCPT ann@example.org", "DATA") otherwise than with 250."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    encrypted: list[bool] = field(default_factory=list)
    hangs: bool = False

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802
        reply = self.replies.get(f"RCPT {address}", "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.hangs:
            await asyncio.sleep(3600)
        reply = self.replies.get("DATA", "250 OK")
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients.append(list(envelope.rcpt_tos))
            self.encrypted.append(session.ssl is not None)
        return reply

    def log_in(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        reply = self.replies.get("AUTH", "" if right else "535 5.7.8 wrong")
        return AuthResult(success=not reply, handled=False, message=reply or None)


@lru_cache
def authority() -> trustme.CA:
    """Return a certificate authority that nobody else knows."""
    return trustme.CA()


def trust(folder: Path) -> Path:
    """Return the file that makes one trust the authority."""
    path = folder / "ca.pem"
    authority().cert_pem.write_to_path(path)
    return path


@asynccontextmanager
async def serving(security: str = "starttls", *, name: str = HOST, login: bool = False) -> AsyncIterator[MailServer]:
    """Run a server. `security` as in the configuration; `name`: whom its certificate names; `login`: who must."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert(name).configure_cert(context)
    server = MailServer()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(
            server,
            hostname="mail.example.org",
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            auth_required=login,
            auth_require_tls=security == "starttls",
            authenticator=server.log_in if login else None,
            loop=loop,
        )

    listener = await loop.create_server(protocol, HOST, 0, ssl=context if security == "tls" else None)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()
