"""Login for people: a form that changes the token for a session cookie, and the way out."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import web

from supervisor.faces import requests
from supervisor.faces.api import form
from supervisor.faces.api.door import LOGIN, LOGOUT, Door
from supervisor.faces.api.route import HTML
from supervisor.faces.api.sessions import LIFETIME
from supervisor.faces.languages.language import Language
from supervisor.faces.problems import ProblemError

_FORM = "application/x-www-form-urlencoded"
_LONGEST_NAME = 200


class Login:
    """The pages of a door."""

    def __init__(self, door: Door, speech: Language) -> None:
        self._door = door
        self._speech = speech

    def register(self, app: web.Application) -> None:
        """Let the application serve them."""
        app.router.add_get(LOGIN, self._show)
        app.router.add_post(LOGIN, self._enter)
        app.router.add_post(LOGOUT, self._leave)

    async def _show(self, _: web.Request) -> web.Response:
        return self._page("", "")

    async def _enter(self, request: web.Request) -> web.Response:
        name = ""
        try:
            token, name = await _form(request)
            secret = await self._door.login(request, token, name or f"http {request.remote}")
        except ProblemError as error:
            # A person sees the form again, a program the problem.
            if HTML not in request.headers.get("Accept", ""):
                raise
            return self._page(error.detail, name, error.status, dict(error.headers or {}))
        answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        answer.set_cookie(
            self._door.cookie,
            secret,
            max_age=int(LIFETIME),
            httponly=True,
            samesite="Strict",
            # Behind a proxy with TLS the browser says so; on loopback there is none.
            secure=request.headers.get("Origin", "").startswith("https://"),
        )
        return answer

    async def _leave(self, request: web.Request) -> web.Response:
        self._door.logout(request)
        answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": LOGIN})
        answer.del_cookie(self._door.cookie, httponly=True, samesite="Strict")
        return answer

    def _page(
        self, message: str, name: str, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
    ) -> web.Response:
        speech = self._speech
        text = form.page("login.html").render(
            style=form.STYLE, message=self._speech.tell(message), name=name, speech=speech, t=speech.say
        )
        more = {"Content-Security-Policy": form.CSP, **(headers or {})}
        return web.Response(text=text, status=status, content_type=HTML, headers=more)


async def _form(request: web.Request) -> tuple[str, str]:
    """Return the token and the name. Raises ProblemError."""
    if request.content_type != _FORM:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {_FORM}", "Content-Type")
    try:
        async with asyncio.timeout(requests.BODY_TIMEOUT):
            filled = await request.post()
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"no body within {requests.BODY_TIMEOUT:g} s") from None
    except (ValueError, LookupError):  # no UTF-8, or no such character set
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is no form") from None
    name = " ".join(str(filled.get("name", "")).split())
    return str(filled.get("token", "")).strip(), name[:_LONGEST_NAME]
