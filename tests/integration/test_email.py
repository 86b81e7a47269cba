"""Channel `email` against a real mail server over TLS, with an authority of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from supervisor.domain.delivery import Delivered, Failed, NoticeKind, Outcome
from supervisor.notifiers import email
from tests.support.deliveries import delivery
from tests.support.mailserver import PASSWORD, USER, MailServer, serving, trust
from tests.support.town import Town

ANN, BOB = "ann@example.org", "bob@example.org"


def notifier(server: MailServer, folder: Path, **keys: Any) -> email.Notifier:
    given = {"host": "127.0.0.1", "port": server.port, "ca_file": trust(folder), "from": "sup@example.org", "to": [ANN]}
    return email.Notifier(email.Config.model_validate({**given, "timeout": "5s", **keys}), name="mail")


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed)
    assert outcome.error.isprintable()
    return outcome


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_mail_arrives_encrypted(tmp_path: Path, security: str) -> None:
    async with serving(security) as server:
        assert await notifier(server, tmp_path, security=security, to=[ANN, BOB]).send(delivery()) == Delivered()
    (mail,) = server.mails
    assert server.recipients == [[ANN, BOB]]
    assert security == "tls" or server.encrypted == [True]
    assert mail["Subject"] == "[CRITICAL] payment-watcher: no heartbeat for 75 min"
    assert mail["From"] == "collections-supervisor <sup@example.org>"
    assert mail["To"] == f"{ANN}, {BOB}"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Collections-Incident"] == "INC-1"
    assert mail["Date"] == "Thu, 01 Jan 1970 00:00:00 +0000"
    assert mail.get_content_type() == "text/plain"
    assert "To do: look: `collections-supervisor why payment-watcher`" in mail.get_content()


async def test_a_mail_to_this_machine_may_be_plain(tmp_path: Path) -> None:
    async with serving("none") as server:
        assert await notifier(server, tmp_path, security="none").send(delivery()) == Delivered()
    assert len(server.mails) == 1


async def test_the_mails_of_an_incident_are_a_thread_and_a_copy_has_the_same_id(tmp_path: Path) -> None:
    async with serving() as server:
        for sent in (delivery("INC-1.1"), delivery("INC-1.1"), delivery("INC-1.2", kind=NoticeKind.RESOLVED)):
            assert await notifier(server, tmp_path).send(sent) == Delivered()
    first, copy, last = server.mails
    assert first["Message-ID"] == copy["Message-ID"] == "<collections.INC-1.1@example.org>"
    assert first["In-Reply-To"] is None
    assert last["Message-ID"] == "<collections.INC-1.2@example.org>"
    assert last["In-Reply-To"] == last["References"] == first["Message-ID"]
    assert last["Subject"].startswith("[RESOLVED] payment-watcher:")


HOSTILE = "x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}" + "y" * 60_000


async def test_what_an_agent_wrote_is_quoted_as_data(tmp_path: Path) -> None:
    evidence = {"agent_said": {"message": HOSTILE}, "last_restart": {"attempt": 1, "stderr": [HOSTILE]}}
    sent = delivery(f"1\r\nX-Evil: 1.{HOSTILE[:40]}", agent=HOSTILE, summary=HOSTILE, evidence=evidence)
    async with serving() as server:
        assert await notifier(server, tmp_path).send(sent) == Delivered()
    (mail,) = server.mails
    assert server.recipients == [[ANN]]
    headers = {"Subject", "From", "To", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"}
    assert set(mail) - {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"} == headers | {
        "X-Collections-Incident"
    }
    assert len(mail["Subject"]) <= 150
    text = mail.get_content().replace("\r\n", "\n")
    assert mail.get_content_type() == "text/plain"
    assert text.replace("\n", "").isprintable()
    assert len(text) < 5_000
    assert "The agent wrote:\n> x Bcc: evil@example.org <script>alert(1)</script>" in text


async def test_letters_of_every_script_arrive(tmp_path: Path) -> None:
    async with serving() as server:
        assert await notifier(server, tmp_path).send(delivery(summary="ñ 日本 \N{PILE OF POO}")) == Delivered()
    assert server.mails[0]["Subject"].endswith("ñ 日本 \N{PILE OF POO}")
    assert "ñ 日本 \N{PILE OF POO}" in server.mails[0].get_content()


@pytest.mark.parametrize(("reply", "permanent"), [("550 5.1.1 no such user", True), ("450 4.2.0 greylisted", False)])
async def test_a_refused_recipient_is_named(tmp_path: Path, reply: str, permanent: bool) -> None:
    async with serving() as server:
        server.replies[f"RCPT {ANN}"] = reply
        outcome = failed(await notifier(server, tmp_path).send(delivery()))
    assert outcome == Failed(f"{ANN} is refused: {reply}", permanent=permanent)
    assert server.mails == []


async def test_who_has_taken_a_mail_is_not_sent_it_again(tmp_path: Path) -> None:
    async with serving() as server:
        channel = notifier(server, tmp_path, to=[ANN, BOB])
        server.replies[f"RCPT {BOB}"] = "450 4.2.0 greylisted"
        for _ in range(2):
            assert failed(await channel.send(delivery())).error == f"{BOB} is refused: 450 4.2.0 greylisted"
            server.replies[f"RCPT {ANN}"] = "550 asked twice"
        del server.replies[f"RCPT {BOB}"]
        for _ in range(2):
            assert await channel.send(delivery()) == Delivered()
        assert server.recipients == [[ANN], [BOB]]
        del server.replies[f"RCPT {ANN}"]
        assert await channel.send(delivery("INC-1.2")) == Delivered()
        assert server.recipients[-1] == [ANN, BOB]


async def test_a_mail_that_is_greylisted_is_taken_later(tmp_path: Path) -> None:
    async with serving() as server:
        channel = notifier(server, tmp_path)
        server.replies["DATA"] = "451 4.7.1 come again"
        assert failed(await channel.send(delivery())).permanent is False
        del server.replies["DATA"]
        assert await channel.send(delivery()) == Delivered()
        server.replies["DATA"] = "554 5.7.1 spam"
        outcome = failed(await channel.send(delivery("INC-1.2")))
    assert outcome.permanent
    assert outcome.error.endswith(": 554 5.7.1 spam")


async def test_a_login_is_made_and_its_refusal_names_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "password"
    async with serving(login=True) as server:
        channel = notifier(server, tmp_path, username=USER, password_file=secret)
        missing = failed(await channel.send(delivery()))
        assert missing.permanent
        assert str(secret) in missing.error
        secret.write_text(f"{PASSWORD}\n")
        assert await channel.send(delivery()) == Delivered()
        secret.write_text("swordfish")
        refused = failed(await channel.send(delivery("INC-2.1")))
        assert refused.permanent
        assert "refuses username or password_file: 535" in refused.error
        server.replies["AUTH"] = "535 5.7.8 swordfish is wrong"
        assert failed(await channel.send(delivery("INC-2.1"))).error.endswith("535 5.7.8 [redacted] is wrong")
        server.replies["AUTH"] = "454 4.7.0 not now"
        assert not failed(await channel.send(delivery("INC-2.1"))).permanent
        monkeypatch.setenv("MAIL_PASSWORD", "wrong")
        del server.replies["AUTH"]
        channel = notifier(server, tmp_path, username=USER, password_env="MAIL_PASSWORD")
        assert "password_env: 535" in failed(await channel.send(delivery())).error
    assert len(server.mails) == 1


async def test_a_server_that_can_not_encrypt_or_log_in_gets_no_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    async with serving("none") as server:
        plain = failed(await notifier(server, tmp_path).send(delivery()))
        assert plain.permanent
        assert "STARTTLS" in plain.error
        login = {"security": "none", "username": USER, "password_env": "MAIL_PASSWORD"}
        assert failed(await notifier(server, tmp_path, **login).send(delivery())).permanent
    assert server.mails == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_does_not_hold_is_a_refusal(tmp_path: Path, security: str) -> None:
    async with serving(security) as server:
        stranger = failed(await notifier(server, tmp_path, security=security, ca_file=None).send(delivery()))
        assert stranger.permanent
        assert "certificate does not hold: " in stranger.error
    async with serving(security, name="mail.example.org") as server:
        other = failed(await notifier(server, tmp_path, security=security).send(delivery()))
        assert other.permanent
        assert "127.0.0.1" in other.error
    assert server.mails == []


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_an_authority_that_can_not_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "mine.pem"
    if text is not None:
        path.write_text(text)
    outcome = failed(await notifier(MailServer(port=1), tmp_path, ca_file=path).send(delivery()))
    assert outcome.permanent
    assert f"ca_file {path}: " in outcome.error


async def test_a_dead_server_is_a_passing_fault(tmp_path: Path) -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))  # taken, but nobody listens
        server = MailServer(port=bound.getsockname()[1])
        outcome = failed(await notifier(server, tmp_path).send(delivery()))
    assert not outcome.permanent
    assert f"127.0.0.1:{server.port}" in outcome.error


async def test_a_server_that_hangs_or_hangs_up_is_left(tmp_path: Path) -> None:
    async with serving() as server:
        server.hangs = True
        began = time.monotonic()
        outcome = failed(await notifier(server, tmp_path, timeout="1s").send(delivery()))
        assert outcome == Failed(f"127.0.0.1:{server.port}: no answer within 1 s")
        assert time.monotonic() - began < 5

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        assert not failed(await notifier(MailServer(port=port), tmp_path).send(delivery())).permanent


# --- a daemon ------------------------------------------------------------------------------------------

DAEMON = """
[agents.worker]
heartbeat_timeout = "2s"
check_interval = "1s"
[agents.worker.restart]
kind = "command"
command = ["/bin/sh", "-c", "echo out of memory >&2; exit 3"]
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {port}
ca_file = "ca.pem"
from = "sup@example.org"
to = ["ann@example.org"]
[channels.record]
kind = "file"
path = "record.jsonl"
[escalation]
chain = [{{ channel = "mail" }}, {{ channel = "record" }}]
"""


async def test_a_daemon_mails_the_beginning_and_the_end(town: Town) -> None:
    async with serving() as server:
        trust(town.folder)
        town.configure(DAEMON.format(port=server.port))
        await town.start()
        beat = town.beats / "worker"
        beat.write_text("")
        await town.wait(lambda: len(server.mails) == 1, "mail")
        beat.touch()
        await town.wait(lambda: len(server.mails) == 2, "second mail")
        await town.stop()
    first, last = server.mails
    assert first["Subject"].startswith("[CRITICAL] worker: ")
    assert last["Subject"].startswith("[RESOLVED] worker: ")
    assert last["In-Reply-To"] == first["Message-ID"]
    text = first.get_content().replace("\r\n", "\n")
    assert "\nTried: restart 1 at " in text
    assert ": exit code 3\n" in text
    assert "The end of the restart's standard error:\n> out of memory\n" in text
    assert f"take it on: `collections-supervisor ack {first['X-Collections-Incident']}`" in text


async def test_a_dead_mail_server_costs_health_nothing(town: Town) -> None:
    def at(record: dict[str, Any]) -> float:
        return datetime.fromisoformat(record["timestamp"]).timestamp()

    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        trust(town.folder)
        town.configure(DAEMON.format(port=bound.getsockname()[1]))
        await town.start()
        beat = town.beats / "worker"
        beat.touch()
        opened = await town.logged("incident_opened", key="worker:heartbeat")
        assert at(await town.logged("notification_sent", channel="record")) - at(opened) < 2
        await town.logged("notification_failed", channel="mail")
        beat.touch()
        over = await town.logged("incident_resolved", key="worker:heartbeat")
        assert at(over) - beat.stat().st_mtime < 2
        await town.logged("notification_sent", channel="record", kind="resolved")
    said = [json.loads(line)["kind"] for line in (town.folder / "record.jsonl").read_text().splitlines()]
    assert said == ["triggered", "resolved"]
