"""What the daemon may be asked to do: each method answers one POST or DELETE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from aiohttp import web

from supervisor.domain.drills import PROMISES
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.faces import answers, documents, requests
from supervisor.faces.api import replies
from supervisor.faces.api.reading import html, known, picture
from supervisor.faces.api.replies import asker
from supervisor.ports import Control


def unattended(incidents: Iterable[Incident]) -> list[str]:
    """Return the ids of those that nobody looks after."""
    return [incident.id for incident in incidents if incident.state is IncidentState.TRIGGERED]


class Acting:
    """Acts through `control`. `watches`: see `documents.watches_document`."""

    def __init__(self, control: Control, watches: Mapping[str, str | None]) -> None:
        self._control = control
        self._watches = watches

    async def check(self, _: web.Request, asked: requests.Check) -> web.Response:
        """Judge now."""
        known(await self._control.fleet(asked.agents), asked.agents)
        return await picture(await self._control.check(asked.agents), asked.agents, self._watches)

    async def reconcile(self, _: web.Request, __: requests.Asked) -> web.Response:
        """Compare the books now."""
        account = await self._control.reconcile()
        now = (await self._control.fleet()).at
        return await replies.document(lambda: documents.account_document(account, now))

    async def dashboard(self, _: web.Request, __: requests.Asked) -> web.Response:
        """Write the page to its file."""
        return html(await self._control.dashboard())

    async def reload(self, _: web.Request, __: requests.Asked) -> web.Response:
        """Read the configuration again."""
        changes = await self._control.reload()
        return await replies.document(lambda: changes)

    async def test_notify(self, request: web.Request, asked: requests.TestNotify) -> web.Response:
        """Send a test message."""
        outcomes = await self._control.test_notify(asked.channel, await asker(request, asked.by))

        def made() -> answers.Tested:
            return {"channels": {name: documents.outcome_document(outcome) for name, outcome in outcomes.items()}}

        return await replies.document(made)

    async def heartbeat(self, request: web.Request, asked: requests.Heartbeat) -> web.Response:
        """Write a heartbeat for an agent."""
        await self._control.heartbeat(request.match_info["name"], asked.root)
        return replies.nothing()

    async def restart(self, request: web.Request, asked: requests.Asked) -> web.Response:
        """Begin a restart."""
        name = request.match_info["name"]
        attempt = await self._control.restart(name, await asker(request, asked.by))
        restarting: answers.Restarting = {"agent": name, "attempt": attempt}
        return await replies.document(lambda: restarting, HTTPStatus.ACCEPTED)

    async def hold(self, request: web.Request, asked: requests.Hold) -> web.Response:
        """Hold restarts."""
        name, by = request.match_info["name"], await asker(request, asked.by)
        until = await self._control.hold(name, asked.seconds, by, asked.reason or "")
        holding: answers.Holding = {
            "agent": name,
            "held_by": documents.text(by),
            "held_until": documents.rfc3339(until),
            "held_reason": asked.reason and documents.text(asked.reason),
        }
        return await replies.document(lambda: holding)

    async def release(self, request: web.Request, asked: requests.Asked) -> web.Response:
        """Lift the hold."""
        name = request.match_info["name"]
        await self._control.release(name, await asker(request, asked.by))
        holding: answers.Holding = {"agent": name, "held_by": None, "held_until": None, "held_reason": None}
        return await replies.document(lambda: holding)

    async def pause(self, request: web.Request, asked: requests.Pause) -> web.Response:
        """Expect nothing of an agent for a while."""
        name, by = request.match_info["name"], await asker(request, asked.by)
        pause = await self._control.pause(name, by, asked.seconds, asked.reason or "")
        pausing: answers.Pausing = {
            "agent": name,
            "paused_by": documents.text(pause.by),
            "paused_until": None if pause.until is None else documents.rfc3339(pause.until),
            "paused_reason": documents.text(pause.reason) or None,
        }
        return await replies.document(lambda: pausing)

    async def resume(self, request: web.Request, asked: requests.Asked) -> web.Response:
        """End the pause."""
        name = request.match_info["name"]
        await self._control.resume(name, await asker(request, asked.by))
        pausing: answers.Pausing = {
            "agent": name,
            "paused_by": None,
            "paused_until": None,
            "paused_reason": None,
        }
        return await replies.document(lambda: pausing)

    async def acknowledge(self, request: web.Request, asked: requests.Acknowledge) -> web.Response:
        """Acknowledge an incident."""
        by = await asker(request, asked.by)
        incident = await self._control.acknowledge(request.match_info["id"], by, asked.seconds)
        silences = self._control.silences()
        return await replies.document(lambda: documents.incident_document(incident, silences))

    async def acknowledge_many(self, request: web.Request, asked: requests.AcknowledgeMany) -> web.Response:
        """Acknowledge these incidents, or all that nobody has acknowledged yet."""
        by = await asker(request, asked.by)
        ids = self._open(asked.opened_before) if asked.all else asked.ids
        incidents = await self._control.acknowledge_many(ids, by, asked.seconds)
        silences = self._control.silences()

        def made() -> answers.Acknowledged:
            return {"incidents": [documents.incident_document(incident, silences) for incident in incidents]}

        return await replies.document(made)

    async def silence(self, request: web.Request, asked: requests.NewSilence) -> web.Response:
        """Add a silence."""
        author = await asker(request, asked.author)
        made = await self._control.silence(
            asked.matcher, asked.seconds, author, asked.comment, starts_at=asked.starts_at
        )
        return await replies.document(lambda: documents.silence_document(made), HTTPStatus.CREATED)

    async def unsilence(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """End a silence."""
        await self._control.unsilence(request.match_info["id"], await asker(request, None))
        return replies.nothing()

    async def drill(self, request: web.Request, asked: requests.NewDrill) -> web.Response:
        """Begin a drill."""
        drill = await self._control.begin_drill(asked.seconds, await asker(request, asked.by))
        begun: answers.Drill = {
            "agent": drill.agent,
            "heartbeat_timeout": PROMISES.heartbeat_timeout,
            "check_interval": PROMISES.check_interval,
            "until": documents.rfc3339(drill.until),
        }
        return await replies.document(lambda: begun, HTTPStatus.CREATED)

    async def end_drill(self, request: web.Request, _: requests.Nothing) -> web.Response:
        """End a drill."""
        await self._control.end_drill(request.match_info["name"])
        return replies.nothing()

    def _open(self, opened_before: float | None) -> list[str]:
        """Return the ids of what nobody looks after, and was open at `opened_before`."""
        incidents = self._control.open_incidents()
        return unattended(one for one in incidents if opened_before is None or one.opened_at <= opened_before)
