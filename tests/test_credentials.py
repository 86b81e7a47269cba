from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.credentials import Credential, CredentialError, SecretKeys, TokenKeys


def test_each_place_is_read_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_TOKEN", " from the environment ")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "hook").write_text("from systemd\n")
    (tmp_path / "token").write_text("first\n")
    in_file = TokenKeys(token_file=tmp_path / "token").token
    assert in_file is not None
    assert in_file.read() == "first"
    (tmp_path / "token").write_text("second")
    assert in_file.read() == "second"
    assert TokenKeys(token_env="HOOK_TOKEN").token == Credential("env", "HOOK_TOKEN")
    assert Credential("env", "HOOK_TOKEN").read() == "from the environment"
    in_systemd = SecretKeys(secret_credential="hook").secret
    assert in_systemd is not None
    assert in_systemd.read() == "from systemd"


def test_none_is_none() -> None:
    assert TokenKeys().token is None
    assert SecretKeys().secret is None


@pytest.mark.parametrize("keys", [{"token_file": "/a", "token_env": "A"}, {"token_env": "A", "token_credential": "a"}])
def test_one_place_is_enough(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="expected one of token_file, token_env and token_credential, not 2"):
        TokenKeys.model_validate(keys)
    with pytest.raises(ValidationError, match="expected one of secret_file"):
        SecretKeys.model_validate({key.replace("token", "secret"): value for key, value in keys.items()})


@pytest.mark.parametrize("name", ["", "../shadow", "a/b", ".", "..", "-a"])
def test_a_credential_lies_in_its_folder(name: str) -> None:
    with pytest.raises(ValidationError):
        TokenKeys.model_validate({"token_credential": name})


@pytest.mark.parametrize("name", ["", "A=B", "1A", "A B", "A\0"])
def test_a_variable_has_a_name(name: str) -> None:
    with pytest.raises(ValidationError):
        TokenKeys.model_validate({"token_env": name})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hunter2\nX-Evil: 1", "more than one line"),
        (b"hunter2\x00", "more than one line"),
        (b"hunter2\xff", "is not UTF-8"),
        (b"hunter2" * 10_000, "is larger than 16384 bytes"),
    ],
)
def test_what_is_no_secret_is_told_and_not_shown(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(CredentialError, match=why) as error:
        Credential("file", str(tmp_path / "token")).read()
    assert str(tmp_path / "token") in str(error.value)
    assert "hunter2" not in str(error.value)


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("NOWHERE", raising=False)
    for credential, why in [
        (Credential("file", str(tmp_path / "none")), "No such file"),
        (Credential("file", str(tmp_path)), "no regular file"),
        (Credential("file", str(tmp_path / "fifo")), "no regular file"),
        (Credential("env", "NOWHERE"), "NOWHERE is empty"),
        (Credential("credential", "hook"), "no \\$CREDENTIALS_DIRECTORY"),
    ]:
        with pytest.raises(CredentialError, match=why):
            credential.read()
