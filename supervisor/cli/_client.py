"""Asks the daemon over its control socket, with the standard library alone."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from supervisor.cli._errors import NoDaemonError, ProblemError
from supervisor.paths import control_socket

PATIENCE = 30.0
"""How long (s) an answer may take; twice the pause after which an open stream of events says something."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the stream."""

    id: str
    document: dict[str, Any]


class Daemon:
    """The daemon behind `socket`. Every call raises NoDaemonError where none answers, ProblemError where it refuses."""

    def __init__(self, socket: Path, patience: float = PATIENCE) -> None:
        self.socket = socket
        self._patience = patience

    def ask(self, method: str, *path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Return the answer's JSON, or its bytes where it is something else; `path` are its parts."""
        return self._whole(method, _target(path, query), body)

    def ready(self) -> None:
        """Return where every agent is watched; raise ProblemError 503 where not yet."""
        self._whole("GET", "/readyz", None)

    def _whole(self, method: str, target: str, body: Any) -> Any:
        connection = _Connection(self.socket, self._patience)
        try:
            answer = self._answer(connection, method, target, {}, body)
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from None
        finally:
            connection.close()
        return json.loads(data) if data and answer.headers.get_content_type() == "application/json" else data

    def events(self, last: str, **query: Any) -> Iterator[Event]:
        """Yield records after the id `last` ("" for none), until the daemon ends the stream."""
        connection = _Connection(self.socket, self._patience)
        headers = {"Last-Event-ID": last} if last else {}
        try:
            answer = self._answer(connection, "GET", _target(("events",), query), headers, None)
            number = ""
            while line := answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    number = value
                elif name == "data":
                    yield Event(number, json.loads(value))
        except (OSError, http.client.HTTPException) as error:
            raise self._silent(error) from None
        finally:
            connection.close()

    def _answer(
        self, connection: _Connection, method: str, target: str, headers: dict[str, str], body: Any
    ) -> http.client.HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers = {**headers, "Content-Type": "application/json"}
        connection.request(method, target, data, headers)
        answer = connection.getresponse()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ProblemError(answer.status, _detail(answer.read()))
        return answer

    def _silent(self, error: Exception) -> NoDaemonError:
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            return NoDaemonError(f"no daemon is running (nothing listens at {self.socket})")
        if isinstance(error, PermissionError):
            return NoDaemonError(f"the daemon belongs to another user: {self.socket} may not be opened")
        if isinstance(error, TimeoutError):
            return NoDaemonError(f"the daemon does not answer within {self._patience:g} s ({self.socket})")
        return NoDaemonError(f"the daemon does not answer: {error or type(error).__name__} ({self.socket})")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, patience: float) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path

    def connect(self) -> None:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.settimeout(self.timeout)
        try:
            connected.connect(os.fsencode(self._path))
        except BaseException:
            connected.close()
            raise
        self.sock = connected


def daemon(args: argparse.Namespace, **how: float) -> Daemon:
    """Return the daemon that runs with the configuration that the flags name; `how` are arguments of `Daemon`."""
    return Daemon(control_socket(args.config, os.environ), **how)


def _target(path: tuple[str, ...], query: dict[str, Any] | None) -> str:
    target = "/" + "/".join(quote(part, safe="") for part in ("api", "v1", *path))
    known = {key: value for key, value in (query or {}).items() if value is not None}
    return f"{target}?{urlencode(known)}" if known else target


def _detail(data: bytes) -> str:
    try:
        return str(json.loads(data)["detail"])
    except (ValueError, KeyError, TypeError):
        return "the daemon answered with an error that it did not explain"
