"""Where a secret is: in a file, an environment variable or $CREDENTIALS_DIRECTORY, never in the configuration.

A secret is read each time it is used, so that a new one counts at once, and it stands in no value that is kept,
shown or logged. A channel takes the keys into its Config by inheriting `TokenKeys`, `SecretKeys`,
`PasswordKeys` or `UrlsKeys`.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

_LIMIT = 16 * 1024


class CredentialError(Exception):
    """The secret cannot be had; the text says from where and why, and shows nothing of it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The place of one secret: a path, a variable's name, or the name of a systemd credential."""

    kind: Literal["file", "env", "credential"]
    name: str

    def read(self) -> str:
        """Return the secret, without white space around it. It blocks. Raises CredentialError."""
        lines = self.lines()
        if len(lines) > 1 or not lines[0].isprintable():
            raise CredentialError(f"{self._place()} holds more than one line of printable text")
        return lines[0]

    def lines(self) -> list[str]:
        """Return the secrets where it is one a line, at least one. It blocks. Raises CredentialError."""
        text = os.environ.get(self.name, "") if self.kind == "env" else _text(self._path())
        lines = [line.strip() for line in text.strip().split("\n")]
        if lines == [""]:
            raise CredentialError(f"{self._place()} is empty")
        return lines

    def _place(self) -> str:
        return f"the environment variable {self.name}" if self.kind == "env" else str(self._path())

    def _path(self) -> Path:
        if self.kind == "file":
            return Path(self.name)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise CredentialError(f"credential {self.name}: systemd has given no $CREDENTIALS_DIRECTORY")
        return Path(folder, self.name)


def _text(path: Path) -> str:
    try:
        # O_NONBLOCK: a FIFO in its place must not hold us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CredentialError(f"{path} is no regular file")
            data = os.read(descriptor, _LIMIT + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CredentialError(f"{path}: {error.strerror}") from None
    if len(data) > _LIMIT:
        raise CredentialError(f"{path} is larger than {_LIMIT} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CredentialError(f"{path} is not UTF-8") from None


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
CredentialName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$", max_length=255)]


def credential_of(key: str, file: Path | None, env: str | None, credential: str | None) -> Credential | None:
    """Return the place that is given by `<key>_file` and the like; None where none is. Raises ValueError for more."""
    given = []
    if file is not None:
        given.append(Credential("file", str(file)))
    if env is not None:
        given.append(Credential("env", env))
    if credential is not None:
        given.append(Credential("credential", credential))
    if len(given) > 1:
        raise ValueError(f"expected one of {key}_file, {key}_env and {key}_credential, not {len(given)} of them")
    return given[0] if given else None


class TokenKeys(BaseModel):
    """Keys for a token, at most one of them."""

    token_file: Path | None = Field(default=None, description="The file that holds the token.")
    token_env: Variable | None = Field(default=None, description="The environment variable that holds the token.")
    token_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the token."
    )

    @property
    def token(self) -> Credential | None:
        """Where the token is; None where none is configured."""
        return credential_of("token", self.token_file, self.token_env, self.token_credential)

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        _ = self.token
        return self


class HookTokenKeys(BaseModel):
    """Keys for a token of a second way in, at most one of them."""

    hook_token_file: Path | None = Field(default=None, description="The file that holds the hooks' token.")
    hook_token_env: Variable | None = Field(
        default=None, description="The environment variable that holds the hooks' token."
    )
    hook_token_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the hooks' token."
    )

    @property
    def hook_token(self) -> Credential | None:
        """Where the hooks' token is; None where none is configured."""
        return credential_of("hook_token", self.hook_token_file, self.hook_token_env, self.hook_token_credential)

    @model_validator(mode="after")
    def _one_hook_token(self) -> Self:
        _ = self.hook_token
        return self


class SecretKeys(BaseModel):
    """Keys for a secret that signs, at most one of them."""

    secret_file: Path | None = Field(default=None, description="The file that holds the secret.")
    secret_env: Variable | None = Field(default=None, description="The environment variable that holds the secret.")
    secret_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the secret."
    )

    @property
    def secret(self) -> Credential | None:
        """Where the secret is; None where none is configured."""
        return credential_of("secret", self.secret_file, self.secret_env, self.secret_credential)

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        _ = self.secret
        return self


class PasswordKeys(BaseModel):
    """Keys for a password, at most one of them."""

    password_file: Path | None = Field(default=None, description="The file that holds the password.")
    password_env: Variable | None = Field(default=None, description="The environment variable that holds the password.")
    password_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the password."
    )

    @property
    def password(self) -> Credential | None:
        """Where the password is; None where none is configured."""
        return credential_of("password", self.password_file, self.password_env, self.password_credential)

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        _ = self.password
        return self


class UrlsKeys(BaseModel):
    """Keys for addresses that hold passwords, at most one of them."""

    urls_file: Path | None = Field(default=None, description="The file that holds the addresses, one a line.")
    urls_env: Variable | None = Field(default=None, description="The environment variable that holds the addresses.")
    urls_credential: CredentialName | None = Field(
        default=None, description="The systemd credential that holds the addresses."
    )

    @property
    def urls(self) -> Credential | None:
        """Where the addresses are; None where none are configured."""
        return credential_of("urls", self.urls_file, self.urls_env, self.urls_credential)
