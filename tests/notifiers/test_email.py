from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supervisor.domain.delivery import NoticeKind
from supervisor.notifiers import _text
from supervisor.notifiers.email import Config, letter
from tests.support.deliveries import delivery

KEYS: dict[str, Any] = {"host": "mail.example.org", "from": "sup@example.org", "to": ["ann@example.org"]}


def config(**keys: Any) -> Config:
    return Config.model_validate({**KEYS, **keys})


def test_the_least_that_is_needed() -> None:
    assert (config().security, config().port, config().to) == ("starttls", None, ("ann@example.org",))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_mail_that_stays_on_this_machine_may_be_plain(host: str) -> None:
    assert config(host=host, security="none").security == "none"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"security": "none"}, "must not leave this machine"),
        ({"host": "10.0.0.1", "security": "none"}, "must not leave this machine"),
        ({"host": "localhost.example.org", "security": "none"}, "must not leave this machine"),
        ({"host": ""}, "mail server"),
        ({"host": "", "security": "none"}, "mail server"),
        ({"host": "mail\r\n"}, "mail server"),
        ({"host": "mail server"}, "mail server"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"port": 65536}, "less than or equal to 65535"),
        ({"to": []}, "at least 1"),
        ({"to": ["ann"]}, "expected a mail address"),
        ({"to": ["ann@example..org"]}, "expected a mail address"),
        ({"to": ["ann@example.org\r\nBcc: x@example.org"]}, "expected a mail address"),
        ({"to": ["Ann <ann@example.org>"]}, "expected a mail address"),
        ({"from": "ann@example.org, bob@example.org"}, "expected a mail address"),
        ({"username": "ann"}, "belong together"),
        ({"password_env": "PASSWORD"}, "belong together"),
        ({"username": "ann", "password_env": "PASSWORD", "password_file": "/p"}, "expected one of password_file"),
        ({"username": "ann", "password": "hunter2"}, "not permitted"),
    ],
)
def test_what_can_not_be_meant_is_refused(keys: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        config(**keys)


@given(st.text(), st.text(), st.text(), st.sampled_from(NoticeKind))
def test_no_text_makes_a_header(id_: str, agent: str, summary: str, kind: NoticeKind) -> None:
    sent = delivery(id_, kind, agent=agent, summary=summary, evidence={"agent_said": {"message": summary}})
    mail = message_from_bytes(letter(config(), sent).as_bytes(), policy=policy.default)
    named = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Collections-Incident"}
    thread = (
        set()
        if kind is NoticeKind.TEST or mail["Message-ID"] == "<collections.INC-1.1@example.org>"
        else {"In-Reply-To"}
    )
    assert set(mail) - {"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "References"} == named | thread
    assert mail["To"] == "ann@example.org"
    assert mail.get_content().replace("\r\n", "\n") == _text.text(sent)
