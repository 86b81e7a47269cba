"""Errors as RFC 9457 problem documents, the same shape for every one of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from supervisor.faces.answers import Problem
from supervisor.ports import RefusedError, StoreError, UnknownNameError

log = logging.getLogger(__name__)

_STATUS: dict[type[Exception], HTTPStatus] = {
    UnknownNameError: HTTPStatus.NOT_FOUND,
    RefusedError: HTTPStatus.CONFLICT,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    OSError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Errors whose text is meant for the client."""

MEDIA_TYPE = "application/problem+json"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProblemError(Exception):
    """The request can not be served; `key` names the one value that is wrong, where it is one."""

    def __init__(
        self, status: HTTPStatus, detail: str, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.key = key
        self.headers = headers


def problem(
    status: HTTPStatus, detail: str, key: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the problem document. Its type is `about:blank`: the status says what kind of problem it is."""
    return web.Response(
        status=status.value, body=problem_bytes(status, detail, key), content_type=MEDIA_TYPE, headers=headers
    )


def problem_bytes(status: HTTPStatus, detail: str, key: str | None = None) -> bytes:
    """Return the problem document as it is sent."""
    document: Problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    if key is not None:
        document["key"] = key
    return json.dumps(document).encode()


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except ConnectionError:
        raise  # the client went away: there is nobody to tell
    except Exception as error:  # noqa: BLE001 - one request's fault is that request's answer, whatever it is
        return _explained(request, error)


def _explained(request: web.Request, error: Exception) -> web.Response:
    if isinstance(error, ProblemError):
        return problem(error.status, error.detail, error.key, error.headers)
    if isinstance(error, web.HTTPException):
        allow = {name: value for name, value in error.headers.items() if name == "Allow"}
        return problem(HTTPStatus(error.status), f"{request.method} {request.path}: {error.reason}", headers=allow)
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return problem(status, str(error))
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}; the log tells more")
