"""The door of the TCP listener: what is let in, and as whom.

Whoever can reach the port is not yet trusted: other users of this machine can, and so can every page that a browser
on it shows. So, in this order:

- `Host` must be a name of ours: a foreign name that resolves to this machine (DNS rebinding) is refused.
- What changes anything from a browser must come from our own pages: `Origin`, where there is one, must be ours. With
  the cookie it must be there (browsers always send it), and the body must be JSON, which a foreign page can not send
  without asking first (CORS), and we never agree. The cookie is SameSite=Strict on top of that. These together are the
  defence against CSRF; no token stands in the pages.
- A link in a message brings its own right (`api.links`), and is asked for nothing else.
- What changes anything needs the token or the cookie that it was changed for. Reading does too, but for requests of
  this very machine while `public_read` is on: by a local name, and with no sign of a proxy.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from aiohttp import web

from supervisor.credentials import Credential, CredentialError
from supervisor.faces.api.replies import ASKER, aside
from supervisor.faces.api.route import HTML, JSON
from supervisor.faces.api.sessions import Sessions, Throttle, same
from supervisor.faces.problems import Handler, ProblemError
from supervisor.links import PATH, AckLinks

log = logging.getLogger(__name__)

LOGIN, LOGOUT = "/login", "/logout"
_OPEN = frozenset({LOGIN, LOGOUT, "/healthz", "/readyz"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(:[0-9]+)?")
_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
_UNGUESSABLE = 20
"""A token of so many characters is not guessed, however fast one tries; the guesses at a shorter one are counted."""

_BEARER = {"WWW-Authenticate": 'Bearer realm="collections-supervisor"'}


@dataclass(frozen=True, slots=True)
class Rules:
    """Where the API is served over TCP, and to whom.

    Args:
        host, port: the address, a loopback one.
        token: where the token is; None: nothing can be changed.
        public_read: this machine's own requests may read without it.
        allowed_hosts: further names in `Host`, such as a reverse proxy's.
        language: the page's ("en", "es"), and so that of the login.
        links: the links by which whoever is told may acknowledge; None where messages carry none.
    """

    host: str
    port: int
    token: Credential | None = None
    public_read: bool = True
    allowed_hosts: frozenset[str] = frozenset()
    language: str = "en"
    links: AckLinks | None = None

    @property
    def authority(self) -> str:
        """The address, as it stands in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Door:
    """Lets requests in by `rules`."""

    def __init__(self, rules: Rules, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._clock = clock
        self._sessions = Sessions()
        self._throttle = Throttle()
        self.language = rules.language
        self.links = rules.links
        self._local = _LOCAL | {rules.authority.rpartition(":")[0]}
        # Browsers send cookies to every port of a host: two supervisors must not take each other's.
        self.cookie = f"collections_supervisor_{rules.port}"

    @web.middleware
    async def admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let the request in, or raise ProblemError."""
        host = self._host(request)
        changes = request.method not in _SAFE
        if request.path.startswith(PATH):
            # The token in a link is the whole right, whoever follows it, and no cookie adds to it: there is nothing
            # that a foreign page could borrow (CSRF), so where the request comes from does not matter.
            return await handler(request)
        if changes:
            self._check_origin(request)
        if request.path not in _OPEN:
            asker = await self._asker(request, changes=changes)
            if asker is not None:
                request[ASKER] = asker
            elif changes or not self._readable(request, host):
                return self._unknown(request)
        return await handler(request)

    async def login(self, request: web.Request, token: str, name: str) -> str:
        """Return the secret of a new session. Raises ProblemError for a wrong token."""
        right = await self._right()
        self._judge(request, token, right)
        return self._sessions.begin(name, right, self._clock())

    def logout(self, request: web.Request) -> None:
        """End the request's session."""
        self._sessions.end(request.cookies.get(self.cookie, ""))

    # --- inside ---

    def _host(self, request: web.Request) -> str:
        """Return the name in `Host`. Raises ProblemError for one that is not ours."""
        given = request.headers.getall("Host", [])
        match = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        if match is None or match[1] not in self._local | self._rules.allowed_hosts:
            raise ProblemError(HTTPStatus.FORBIDDEN, "this host is not served here: see http.allowed_hosts", "Host")
        return match[1]

    def _check_origin(self, request: web.Request) -> None:
        origins = request.headers.getall("Origin", [])
        host = request.headers["Host"]
        if any(origin.lower() not in {f"http://{host}".lower(), f"https://{host}".lower()} for origin in origins):
            raise ProblemError(HTTPStatus.FORBIDDEN, "other sites may not change anything here", "Origin")

    def _readable(self, request: web.Request, host: str) -> bool:
        direct = host in self._local and not any(name in request.headers for name in _PROXIED)
        return self._rules.public_read and direct

    async def _asker(self, request: web.Request, *, changes: bool) -> str | None:
        """Return who asks, None where that is nobody we know. Raises ProblemError for a wrong token."""
        given = request.headers.get("Authorization")
        if given is not None:
            kind, _, token = given.partition(" ")
            if kind.lower() != "bearer":
                raise ProblemError(HTTPStatus.UNAUTHORIZED, "expected a bearer token", "Authorization", _BEARER)
            self._judge(request, token.strip(), await self._right())
            return f"http {request.remote}"
        secret = request.cookies.get(self.cookie)
        if secret is None or self._rules.token is None:
            return None
        session = self._sessions.find(secret, await self._right(), self._clock())
        if session is None:
            return None
        if changes and "Origin" not in request.headers:
            raise ProblemError(HTTPStatus.FORBIDDEN, "expected where the request comes from", "Origin")
        if request.method == "POST" and request.content_type != JSON:
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected {JSON}", "Content-Type")
        return session.name

    async def _right(self) -> str:
        """Return the right token. Raises ProblemError where there is none."""
        token = self._rules.token
        if token is None:
            raise ProblemError(HTTPStatus.FORBIDDEN, "no token is configured: see http.token_file")
        try:
            return await aside(token.read)
        except CredentialError as error:
            log.error("http: the token can not be read: %s", error)  # noqa: TRY400 - the text says it all
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "the token can not be read; the log says why") from None

    def _judge(self, request: web.Request, given: str, right: str) -> None:
        """Raise ProblemError unless this is the right token. Nothing is awaited: no two are judged at once."""
        peer, now, good = request.remote or "", self._clock(), same(given, right)
        if good and len(right) >= _UNGUESSABLE:
            return  # whatever others on this machine have tried
        wait = self._throttle.wait(peer, now)
        if wait > 0:
            seconds = str(ceil(wait))
            detail = f"too many wrong tokens: try again in {seconds} s"
            raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": seconds})
        if not good:
            self._throttle.wrong(peer, now)
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "this is not the token", headers=_BEARER)

    def _unknown(self, request: web.Request) -> web.Response:
        if request.method == "GET" and request.path == "/" and HTML in request.headers.get("Accept", ""):
            return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": LOGIN})
        if self._rules.token is None:
            raise ProblemError(HTTPStatus.FORBIDDEN, "no token is configured: see http.token_file")
        raise ProblemError(HTTPStatus.UNAUTHORIZED, f"this needs the token, or a login at {LOGIN}", headers=_BEARER)
