"""One thing that may be asked over HTTP, and how a table of them is served: what is asked is checked first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from supervisor.faces import requests

JSON = "application/json"
HTML = "text/html"
JAVASCRIPT = "text/javascript"
EVENT_STREAM = "text/event-stream"
PROMETHEUS = "text/plain"

Handler = Callable[[web.Request, Any], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Args:
        handle: is given the request and what it asks, as `asked` has read it.
        asked: what may stand behind the question mark, or in the body where the method has one.
        answer: the type of the JSON document; None where `media` is something else, or there is no content.
        refusals: how it may be refused beside what every request may be.
        headers: request headers that it reads, with what they mean.
        links: the answer names the next page in a `Link` header.
        link: the path itself gives the right, no login does; what a body says counts for nothing.
    """

    method: str
    path: str
    summary: str
    handle: Handler
    asked: type[BaseModel] = requests.Nothing
    answer: Any = None
    status: HTTPStatus = HTTPStatus.OK
    media: str = JSON
    refusals: tuple[HTTPStatus, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    links: bool = False
    link: bool = False

    @property
    def has_body(self) -> bool:
        """Whether `asked` stands in the body."""
        return self.method == "POST" and not self.link

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request. Raises ProblemError."""
        if self.has_body:
            requests.query(request, requests.Nothing)
            asked = await requests.body(request, self.asked)
        else:
            asked = requests.query(request, self.asked)
        return await self.handle(request, asked)


def register(app: web.Application, routes: Iterable[Route]) -> None:
    """Let the application serve the routes; what may be got may also be asked for by HEAD, but no stream."""
    for route in routes:
        if route.method == "GET" and route.media != EVENT_STREAM:
            app.router.add_get(route.path, route.serve)
        else:
            app.router.add_route(route.method, route.path, route.serve)
