from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from supervisor.notifiers._http import RETRY_AFTER_LIMIT, retry_after
from supervisor.notifiers.webhook import Config, signature

NOON = 1770811200.0  # 2026-02-11T12:00:00Z


@pytest.mark.parametrize(
    "url", ["http://example.org", "https://example.org:8443/a?b=c", "http://[::1]:80/x", "http://bücher.example/"]
)
def test_an_address_is_taken(url: str) -> None:
    assert Config(url=url).url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "http or https"),
        ("example.org", "http or https"),
        ("ftp://example.org", "http or https"),
        ("file:///etc/shadow", "http or https"),
        ("http://", "http or https"),
        ("http://example.org:0", "http or https"),
        ("http://example.org:99999", "http or https"),
        ("http://exam ple.org", "http or https"),
        ("http://example.org/\r\nX-Evil: 1", "http or https"),
        ("http://example..org", "http or https"),
        ("http://" + "a" * 64 + ".org", "http or https"),
        ("http://me@example.org", "user or a password"),
        ("http://me:hunter2@example.org", "user or a password"),
        ("http://:hunter2@example.org", "user or a password"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Config(url=url)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer hunter2"},
        {"content-type": "text/plain"},
        {"Idempotency-Key": "1"},
        {"x-collections-signature": "1"},
        {"X Evil": "1"},
        {"": "1"},
        {"X": "1\r\nY: 2"},
        {"X\n": "1"},
    ],
)
def test_a_header_that_is_ours_or_none_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="header"):
        Config(url="http://example.org", headers=headers)


@pytest.mark.parametrize("keys", [{"surl": "x"}, {"kind": "email"}, {"timeout": "0s"}, {"timeout": 5}])
def test_other_keys_and_values_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"url": "http://example.org", **keys})


def test_the_signature_is_what_a_receiver_computes_from_its_own_secret() -> None:
    digest = hmac.digest(b"key", b'1770811200.{"a": 1}', hashlib.sha256).hex()
    assert signature(b'{"a": 1}', "key", 1770811200) == f"t=1770811200,v1={digest}"


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("999999999", RETRY_AFTER_LIMIT),
        ("Wed, 11 Feb 2026 12:01:00 GMT", 60.0),
        ("Wed, 11 Feb 2026 12:01:00 -0000", 60.0),
        ("Wed, 11 Feb 2026 11:00:00 GMT", 0.0),
        ("Wed, 11 Feb 2099 12:00:00 GMT", RETRY_AFTER_LIMIT),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 30, None),
        ("Wed, 99 Feb 2026 12:00:00 GMT", None),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_as_a_date(text: str, wait: float | None) -> None:
    assert retry_after(text, NOON) == wait


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} \d{1,9} \d\d:\d\d:\d\d( [+-]\d{4,9})?"))
def test_no_header_does_worse_than_no_wait(text: str) -> None:
    wait = retry_after(text, NOON)
    assert wait is None or 0 <= wait <= RETRY_AFTER_LIMIT
