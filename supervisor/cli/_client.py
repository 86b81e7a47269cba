"""Asks a daemon over its control socket: HTTP/1.0, so that an answer ends where the connection does.

By hand, because `http.client` brings `email` and `ssl`: more than all the rest of `status` takes.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, urlencode

from supervisor.cli._errors import NoDaemonError, ProblemError

PATIENCE = 30.0
"""How long (s) an answer may take; twice the pause after which an open stream of events says something."""


PAGE = 1000
"""Rows that are asked for at a time."""


class Event(NamedTuple):
    """One record of the stream."""

    id: str
    document: dict[str, Any]


class Daemon:
    """The daemon behind `socket`. Every call raises NoDaemonError where none answers, ProblemError where it refuses."""

    def __init__(self, socket: Path, patience: float = PATIENCE) -> None:
        self.socket = socket
        self._patience = patience

    def knock(self) -> None:
        """Return where somebody listens; raise OSError (absent, refused, forbidden) where nobody does."""
        self._connected().close()

    def ask(self, method: str, *path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
        """Return the answer's JSON, or its bytes where it is something else; `path` are its parts."""
        return self._whole(method, _target(path, query), body)

    def ready(self) -> None:
        """Return where every agent is watched; raise ProblemError 503 where not yet."""
        self._whole("GET", "/readyz", None)

    def watches(self) -> dict[str, str | None]:
        """Return the configuration file that it runs with, and the folders that it watches."""
        watches: dict[str, str | None] = self._whole("GET", "/healthz", None)["watches"]
        return watches

    def rows(self, name: str, limit: int, **query: Any) -> list[dict[str, Any]]:
        """Return the first `limit` rows of a list (`incidents`, say), however many pages that takes."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            asked = {**query, "limit": min(limit - len(found), PAGE), "cursor": cursor}
            page = self.ask("GET", name, query=asked)
            found += page[name]
            cursor = page["next"]
            if cursor is None or len(found) >= limit:
                return found

    def history(self, limit: int, **query: Any) -> list[dict[str, Any]]:
        """Return the newest `limit` log records, oldest first, however many pages that takes."""
        pages: list[list[dict[str, Any]]] = []
        target = _target(("events",), {**query, "limit": min(limit, PAGE)})
        while True:
            with self._answer("GET", target, {}, None) as answer:
                pages.append([event.document for event in _events(answer.body)])
            if answer.older is None or sum(map(len, pages)) >= limit:
                return [document for page in reversed(pages) for document in page][-limit:]
            target = answer.older

    def events(self, last: str, **query: Any) -> Iterator[Event]:
        """Yield records after the id `last` ("" for none) as they are made, until the daemon ends the stream."""
        headers = {"Last-Event-ID": last} if last else {}
        with self._answer("GET", _target(("events",), {**query, "follow": 1}), headers, None) as answer:
            yield from _events(answer.body)

    def _whole(self, method: str, target: str, body: Any) -> Any:
        with self._answer(method, target, {}, body) as answer:
            data = answer.read()
            return json.loads(data) if data and answer.kind.startswith("application/json") else data

    @contextmanager
    def _answer(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> Iterator[_Answer]:
        try:
            with self._connected() as connection, connection.makefile("rb") as file:
                connection.sendall(_request(method, target, headers, body))
                answer = _begun(file)
                if answer.status >= HTTPStatus.BAD_REQUEST:
                    raise ProblemError(answer.status, _detail(answer.read()))
                yield answer
        except TimeoutError:
            raise self._silent(f"does not answer within {self._patience:g} s") from None
        except OSError as error:
            raise self._silent(f"does not answer: {error.strerror or error}") from None
        except ValueError as error:
            raise self._silent(f"does not answer in HTTP and JSON: {error}") from None

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._patience)
            connection.connect(os.fsencode(self.socket))
        except BaseException:
            connection.close()
            raise
        return connection

    def _silent(self, how: str) -> NoDaemonError:
        return NoDaemonError(f"the daemon {how} ({self.socket})")


class _Answer(NamedTuple):
    """An answer whose head has been read."""

    status: int
    kind: str
    length: int
    older: str | None
    body: BinaryIO

    def read(self) -> bytes:
        """Return the whole body. Raises ValueError where there is less than was promised."""
        data = self.body.read(self.length)
        if len(data) < self.length:
            raise ValueError("the answer broke off")
        return data


def _request(method: str, target: str, headers: Mapping[str, str], body: Any) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    about = {} if body is None else {"Content-Type": "application/json", "Content-Length": str(len(data))}
    lines = [f"{method} {target} HTTP/1.0", *(f"{name}: {value}" for name, value in {**headers, **about}.items())]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + data


def _begun(file: BinaryIO) -> _Answer:
    """Read the head of an answer. Raises ValueError where there is none."""
    words = file.readline().split(maxsplit=2)
    if len(words) < 2:  # noqa: PLR2004 - version and status
        raise ValueError("it hung up")
    headers = {}
    while line := file.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    older = headers["link"][1:].partition(">")[0] if "link" in headers else None
    return _Answer(int(words[1]), headers.get("content-type", ""), int(headers.get("content-length", -1)), older, file)


def _events(body: BinaryIO) -> Iterator[Event]:
    number = ""
    while line := body.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "id":
            number = value
        elif name == "data":
            yield Event(number, json.loads(value))


def _target(path: tuple[str, ...], query: Mapping[str, Any] | None) -> str:
    target = "/" + "/".join(quote(part, safe="") for part in ("api", "v1", *path))
    known = {key: value for key, value in (query or {}).items() if value is not None}
    return f"{target}?{urlencode(known)}" if known else target


def _detail(data: bytes) -> str:
    try:
        return str(json.loads(data)["detail"])
    except (ValueError, KeyError, TypeError):
        return "the daemon answered with an error that it did not explain"
