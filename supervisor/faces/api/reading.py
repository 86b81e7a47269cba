"""What the daemon knows: each method answers one GET and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from aiohttp import web

from supervisor.domain.actions import Severity
from supervisor.domain.docket import Kept
from supervisor.domain.fleet import Fleet, narrowed
from supervisor.faces import answers, documents, live, requests
from supervisor.faces.api import replies
from supervisor.faces.api.route import JAVASCRIPT
from supervisor.faces.metrics import exposition
from supervisor.faces.paging import key_of, page
from supervisor.faces.problems import ProblemError, problem
from supervisor.ports import Control


class Reading:
    """Answers from `control`. `watches`: see `documents.watches_document`."""

    def __init__(self, control: Control, version: str, watches: Mapping[str, str | None]) -> None:
        self._control = control
        self._version = version
        self._watches = watches

    async def health(self, _: web.Request, __: requests.Nothing) -> web.Response:
        """Answer: the daemon turns."""
        alive: answers.Alive = {"status": "ok", "version": self._version, "watches": self._watches}
        return await replies.document(lambda: alive)

    async def readiness(self, _: web.Request, __: requests.Nothing) -> web.Response:
        """Answer whether every agent is watched."""
        missing = self._control.readiness()
        if missing is not None:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, missing)
        ready: answers.Ready = {"status": "ready"}
        return await replies.document(lambda: ready)

    async def fleet(self, _: web.Request, asked: requests.FleetQuery) -> web.Response:
        """Answer with everything."""
        return await picture(await self._control.fleet(asked.agents), asked.agents, self._watches)

    async def agents(self, _: web.Request, asked: requests.PageQuery) -> web.Response:
        """Answer with the agents by name."""
        after = "" if asked.cursor is None else key_of(asked.cursor, str)[0]
        fleet = await self._control.fleet()

        def made() -> answers.AgentPage:
            named = sorted((agent for agent in fleet.agents if agent.name > after), key=lambda agent: agent.name)
            shown, following = page(named, asked.limit, lambda agent: (agent.name,))
            return {"agents": [documents.agent_document(agent) for agent in shown], "next": following}

        return await replies.document(made)

    async def agent(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """Answer with one agent."""
        name = request.match_info["name"]
        fleet = await self._control.fleet((name,))
        agent = next((agent for agent in fleet.agents if agent.name == name), None)
        if agent is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no agent is named {name!r}")
        return await replies.document(lambda: documents.agent_document(agent))

    async def incidents(self, _: web.Request, asked: requests.IncidentsQuery) -> web.Response:
        """Answer with the incidents, newest first."""
        before = None if asked.cursor is None else key_of(asked.cursor, float, str)
        found = await self._control.incidents(
            since=asked.since, before=before and (before[0], before[1]), limit=asked.limit + 1
        )

        silences = self._control.silences()

        def made() -> answers.IncidentPage:
            shown, following = page(found, asked.limit, lambda incident: (float(incident.opened_at), incident.id))
            told = [documents.incident_document(incident, silences) for incident in shown]
            return {"incidents": told, "next": following}

        return await replies.document(made)

    async def findings(self, _: web.Request, asked: requests.FindingsQuery) -> web.Response:
        """Answer with the findings, gravest first."""
        after = None if asked.cursor is None else key_of(asked.cursor, bool, bool, str)
        account = (await self._control.fleet()).books

        def made() -> answers.FindingPage:
            wanted = [
                kept
                for kept in account.findings
                if asked.state in {None, kept.state}
                and asked.check in {None, kept.finding.check}
                and asked.severity in {None, kept.finding.severity}
                and (after is None or _gravity(kept) > after)
            ]
            shown, following = page(sorted(wanted, key=_gravity), asked.limit, _gravity)
            return {"findings": [documents.finding_document(kept) for kept in shown], "next": following}

        return await replies.document(made)

    async def metrics(self, _: web.Request, asked: requests.MetricsQuery) -> web.Response:
        """Answer with the figures over a window."""
        metrics = await self._control.metrics(asked.window)
        return await replies.document(lambda: documents.metrics_document(metrics))

    async def prometheus(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """Answer with the metrics, in the format that the scraper understands."""
        readings, accept = await self._control.readings(), request.headers.get("Accept", "")
        body, media_type = await replies.aside(lambda: exposition(readings, self._version, accept))
        return web.Response(body=body, headers={"Content-Type": media_type})

    async def silences(self, _: web.Request, __: requests.Nothing) -> web.Response:
        """Answer with the silences."""
        fleet = await self._control.fleet()
        return await replies.document(lambda: documents.silences_document(fleet))

    async def page(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """Answer with the dashboard as a browser keeps it up to date; whoever has logged in may act by it."""
        return html(await self._control.live_page(acting=replies.ASKER in request))

    async def script(self, _: web.Request, __: requests.Nothing) -> web.Response:
        """Answer with what keeps it up to date."""
        return web.Response(body=live.SCRIPT, content_type=JAVASCRIPT, charset="utf-8")


def html(body: bytes) -> web.Response:
    """Return the dashboard as an answer: it says itself what it may load, but only a header who may frame it."""
    policy = {"Content-Security-Policy": "frame-ancestors 'none'"}
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=policy)


async def picture(fleet: Fleet, agents: Sequence[str], watches: Mapping[str, str | None]) -> web.Response:
    """Return the answer with everything, or with only these agents. Raises ProblemError for a name that is none's."""
    known(fleet, agents)
    shown = narrowed(fleet, agents) if agents else fleet
    return await replies.document(lambda: documents.fleet_document(shown, watches))


def known(fleet: Fleet, names: Sequence[str]) -> None:
    """Raise ProblemError for a name that is no agent's."""
    for name in names:
        if all(agent.name != name for agent in fleet.agents):
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no agent is named {name!r}", "agents")


def _gravity(kept: Kept) -> tuple[bool, bool, str]:
    return not kept.hard, kept.finding.severity is not Severity.CRITICAL, kept.id
