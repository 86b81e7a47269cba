"""Where the links in messages lead: what the incident is, and a button that acknowledges it.

Looking changes nothing: the scanners of mail servers follow every link. The POST acknowledges, from the button or from
a program; its body says nothing. The token in the path is all the right there is, to this act and to no other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import ceil

from aiohttp import web

from supervisor.domain.escalation import Incident
from supervisor.domain.words import LINE_LIMIT
from supervisor.faces import answers, requests
from supervisor.faces.api import form, replies
from supervisor.faces.api.acting import unattended
from supervisor.faces.api.route import HTML, Route
from supervisor.faces.api.sessions import Throttle
from supervisor.faces.languages.language import Language
from supervisor.faces.problems import ProblemError
from supervisor.links import PATH, AckLinks, Claim, LinkError
from supervisor.ports import Control

_SHOWN = 10
_log = logging.getLogger(__name__)
# The address is a secret: it goes to nobody else.
_HEADERS = {"Content-Security-Policy": form.CSP, "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class _Line:
    """An incident as the page shows it. `care`: who looks after it, "" where nobody does."""

    severity: str
    subject: str
    summary: str
    since: str
    care: str


class Links:
    """Serves the links of `links`, in the words of `speech`."""

    def __init__(self, control: Control, links: AckLinks, speech: Language) -> None:
        self._control = control
        self._links = links
        self._speech = speech
        self._throttle = Throttle()

    def routes(self) -> tuple[Route, ...]:
        """Return what is served."""
        path, gone = f"{PATH}{{token}}", (HTTPStatus.GONE,)
        about = "Acknowledge what a link is good for."
        return (
            Route("GET", path, "What a link is good for.", self.show, media=HTML, refusals=gone, link=True),
            Route("POST", path, about, self.take, answer=answers.Taken, refusals=gone, link=True),
        )

    async def show(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """Show what the link is good for."""

        async def shown() -> web.Response:
            meant = self._meant(await self._claim(request))
            return self._page(meant, asks=bool(unattended(meant)))

        return await self._answered(request, shown)

    async def take(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """Acknowledge it; what somebody looks after already stays as it is."""

        async def taken() -> web.Response:
            claim = await self._claim(request)
            ids = unattended(self._meant(claim))
            await self._control.acknowledge_many(ids, f"link sent through {claim.channel}")
            meant = self._meant(claim)
            if _wants_page(request):
                return self._page(meant, self._speech.say("Acknowledged."))
            document: answers.Taken = {"incidents": [incident.id for incident in meant]}
            return await replies.document(lambda: document)

        return await self._answered(request, taken)

    # --- inside ---

    async def _claim(self, request: web.Request) -> Claim:
        """Return what the link is good for. Raises ProblemError. Wrong ones are counted, a right one always counts."""
        try:
            return await self._links.read(request.match_info["token"])
        except OSError as error:  # where the key is, is nobody's business who asks
            _log.error("no link can be read: %s: %s", error.filename, error.strerror)
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "links cannot be read now") from None
        except LinkError as error:
            peer, now = request.remote or "", time.monotonic()
            wait = self._throttle.wait(peer, now)
            if wait > 0:
                seconds = str(ceil(wait))
                detail = f"too many wrong links: try again in {seconds} s"
                headers = {"Retry-After": seconds}
                raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, headers=headers) from None
            self._throttle.wrong(peer, now)
            raise ProblemError(HTTPStatus.NOT_FOUND, str(error)) from None

    def _meant(self, claim: Claim) -> Sequence[Incident]:
        """Return the open incidents that the link is good for. Raises ProblemError where none is open any more."""
        named, now = set(claim.incidents), time.time()
        still = [incident for incident in self._control.open_incidents() if incident.id in named]
        meant = [incident for incident in still if claim.is_good_for(incident, now)]
        if not meant:
            raise ProblemError(HTTPStatus.GONE, "this link has expired" if still else "what this link was for is over")
        return meant

    async def _answered(self, request: web.Request, work: Callable[[], Awaitable[web.Response]]) -> web.Response:
        """Return the answer; a refusal is a page for people, a problem for programs."""
        try:
            return await work()
        except ProblemError as error:
            if not _wants_page(request):
                raise
            answer = self._page((), self._speech.tell(error.detail))
            answer.set_status(error.status)
            answer.headers.update(error.headers or {})
            return answer

    def _page(self, meant: Sequence[Incident], message: str = "", *, asks: bool = False) -> web.Response:
        speech, more = self._speech, len(meant) - _SHOWN
        text = form.page("ack.html").render(
            style=form.STYLE,
            message=message,
            incidents=[self._line(incident) for incident in meant[:_SHOWN]],
            more=speech.say("and {number} more", number=speech.number(more)) if more > 0 else "",
            asks=asks,
            speech=speech,
            t=speech.say,
        )
        body = text.encode("utf-8", "backslashreplace")
        return web.Response(body=body, content_type=HTML, charset="utf-8", headers=_HEADERS)

    def _line(self, incident: Incident) -> _Line:
        speech, now = self._speech, time.time()
        care = ""
        if incident.acked_by is not None and incident.acked_until is not None:
            until = speech.moment(incident.acked_until, now).clock
            care = speech.say("{by} looks after it until {clock}", by=incident.acked_by[:LINE_LIMIT], clock=until)
        began = speech.moment(incident.opened_at, now)
        return _Line(
            incident.severity.value,
            incident.subject,
            speech.tell(incident.summary)[:LINE_LIMIT],
            f"{began.clock} ({began.ago})",
            care,
        )


def _wants_page(request: web.Request) -> bool:
    return HTML in request.headers.get("Accept", "")
