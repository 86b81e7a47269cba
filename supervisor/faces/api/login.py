"""Login for people: a form that changes the token for a session cookie, and the way out."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from http import HTTPStatus
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from supervisor.faces import requests
from supervisor.faces.api.door import LOGIN, LOGOUT, Door
from supervisor.faces.api.route import HTML
from supervisor.faces.api.sessions import LIFETIME
from supervisor.faces.languages.language import Language
from supervisor.faces.problems import ProblemError

_FORM = "application/x-www-form-urlencoded"
_LONGEST_NAME = 200
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;display:grid;min-height:90vh;place-items:center}"
    "main{width:min(22rem,90vw)}h1{font-size:1.25rem}label,input,button{display:block;width:100%;box-sizing:border-box}"
    "label{margin:1rem 0}input,button{font:inherit;padding:.6rem}[role=alert]{font-weight:700}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PAGE = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True, undefined=StrictUndefined
).get_template("login.html")


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
        text = _PAGE.render(style=_STYLE, message=self._speech.tell(message), name=name, speech=speech, t=speech.say)
        more = {"Content-Security-Policy": _CSP, **(headers or {})}
        return web.Response(text=text, status=status, content_type=HTML, headers=more)


async def _form(request: web.Request) -> tuple[str, str]:
    """Return the token and the name. Raises ProblemError."""
    if request.content_type != _FORM:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {_FORM}", "Content-Type")
    try:
        async with asyncio.timeout(requests.BODY_TIMEOUT):
            form = await request.post()
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, f"no body within {requests.BODY_TIMEOUT:g} s") from None
    except (ValueError, LookupError):  # no UTF-8, or no such character set
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is no form") from None
    name = " ".join(str(form.get("name", "")).split())
    return str(form.get("token", "")).strip(), name[:_LONGEST_NAME]
