"""The control socket: what the daemon knows, and what may be asked of it, over HTTP on a unix socket.

Only the socket's owner may open it; who asks is told by the kernel, or by `by` in the body.
"""

from __future__ import annotations

import asyncio
import json
import pwd
import socket as sockets
import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from supervisor.domain.fleet import Fleet, narrowed
from supervisor.faces import documents, requests
from supervisor.faces.listening import Listening, listen
from supervisor.faces.metrics import exposition
from supervisor.faces.problems import ProblemError, problem, problems
from supervisor.faces.streams import Streams
from supervisor.ports import Control

T = TypeVar("T")

# Not the event loop's own threads: a disk that hangs may hold all of those.
_ANSWERS = ThreadPoolExecutor(4, thread_name_prefix="answers")

_DRAIN = 5.0
"""How long (s) requests under way may take once the daemon ends."""


class HttpFace:
    """Serves `control` on `socket` between `start` and `close`. `watches`: see `documents.watches_document`."""

    def __init__(self, control: Control, socket: Path, version: str, watches: Mapping[str, str | None]) -> None:
        self._control = control
        self._path = socket
        self._version = version
        self._watches = watches
        self._streams = Streams(control)
        self._listening: Listening | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError that says why it can not, such as another daemon on the same socket."""
        self._listening = listen(self._path)
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=_DRAIN, handle_signals=False)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listening.socket).start()

    async def close(self) -> None:
        """Take the socket away, end the streams, let requests under way finish."""
        if self._listening is not None:
            self._listening.unlink()
        if self._runner is not None:
            await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[problems], client_max_size=requests.MAX_BODY)
        app.on_shutdown.append(self._streams.end)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._prometheus),
                web.get("/api/v1/fleet", self._fleet),
                web.get("/api/v1/agents/{name}", self._agent),
                web.get("/api/v1/incidents", self._incidents),
                web.get("/api/v1/findings", self._findings),
                web.get("/api/v1/metrics", self._metrics),
                web.get("/api/v1/silences", self._silences),
                web.get("/api/v1/events", self._streams.serve),
                web.post("/api/v1/check", self._check),
                web.post("/api/v1/reconcile", self._reconcile),
                web.post("/api/v1/dashboard", self._dashboard),
                web.post("/api/v1/reload", self._reload),
                web.post("/api/v1/test-notify", self._test_notify),
                web.post("/api/v1/agents/{name}/heartbeat", self._heartbeat),
                web.post("/api/v1/agents/{name}/restart", self._restart),
                web.post("/api/v1/agents/{name}/hold", self._hold),
                web.post("/api/v1/agents/{name}/release", self._release),
                web.post("/api/v1/incidents/{id}/ack", self._acknowledge),
                web.post("/api/v1/silences", self._silence),
                web.delete("/api/v1/silences/{id}", self._unsilence),
            ]
        )
        return app

    # --- what it knows -------------------------------------------------------------------------------

    async def _healthz(self, _: web.Request) -> web.Response:
        return await _json(lambda: {"status": "ok", "version": self._version, "watches": self._watches})

    async def _readyz(self, _: web.Request) -> web.Response:
        missing = self._control.readiness()
        if missing is not None:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, missing)
        return await _json(lambda: {"status": "ready"})

    async def _prometheus(self, request: web.Request) -> web.Response:
        readings, accept = await self._control.readings(), request.headers.get("Accept", "")
        body, media_type = await _aside(lambda: exposition(readings, self._version, accept))
        return web.Response(body=body, headers={"Content-Type": media_type})

    async def _fleet(self, request: web.Request) -> web.Response:
        asked = requests.query(request, requests.FleetQuery)
        return await self._picture(await self._control.fleet(), asked.agents)

    async def _agent(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        fleet = await self._control.fleet()
        agent = next((agent for agent in fleet.agents if agent.name == name), None)
        if agent is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no agent is named {name!r}")
        return await _json(lambda: documents.agent_document(agent))

    async def _incidents(self, request: web.Request) -> web.Response:
        asked = requests.query(request, requests.IncidentsQuery)
        found = await self._control.incidents(since=asked.since, limit=asked.limit)
        return await _json(lambda: {"incidents": [documents.incident_document(incident) for incident in found]})

    async def _findings(self, request: web.Request) -> web.Response:
        asked = requests.query(request, requests.FindingsQuery)
        account = (await self._control.fleet()).books

        def document() -> dict[str, Any]:
            wanted = (
                kept
                for kept in account.gravest_first
                if asked.state in {None, kept.state}
                and asked.check in {None, kept.finding.check}
                and asked.severity in {None, kept.finding.severity}
            )
            return {"findings": [documents.finding_document(kept) for kept in islice(wanted, asked.limit)]}

        return await _json(document)

    async def _metrics(self, request: web.Request) -> web.Response:
        asked = requests.query(request, requests.MetricsQuery)
        metrics = await self._control.metrics(asked.window)
        return await _json(lambda: documents.metrics_document(metrics))

    async def _silences(self, _: web.Request) -> web.Response:
        silences = self._control.silences()
        return await _json(lambda: {"silences": [documents.silence_document(silence) for silence in silences]})

    async def _picture(self, fleet: Fleet, agents: Sequence[str]) -> web.Response:
        _known(fleet, agents)
        shown = narrowed(fleet, agents) if agents else fleet
        return await _json(lambda: documents.fleet_document(shown, self._watches))

    # --- what it may be asked ------------------------------------------------------------------------

    async def _check(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Check)
        _known(await self._control.fleet(), asked.agents)
        return await self._picture(await self._control.check(asked.agents), asked.agents)

    async def _reconcile(self, request: web.Request) -> web.Response:
        await requests.body(request, requests.Asked)
        account = await self._control.reconcile()
        now = (await self._control.fleet()).at
        return await _json(lambda: documents.account_document(account, now))

    async def _dashboard(self, request: web.Request) -> web.Response:
        await requests.body(request, requests.Asked)
        return web.Response(body=await self._control.dashboard(), content_type="text/html", charset="utf-8")

    async def _reload(self, request: web.Request) -> web.Response:
        await requests.body(request, requests.Asked)
        changes = await self._control.reload()
        return await _json(lambda: changes)

    async def _test_notify(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.TestNotify)
        outcomes = await self._control.test_notify(asked.channel, await _asker(request, asked.by))
        return await _json(lambda: {"channels": {n: documents.outcome_document(o) for n, o in outcomes.items()}})

    async def _heartbeat(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Heartbeat)
        await self._control.heartbeat(request.match_info["name"], asked.root)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _restart(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Asked)
        name = request.match_info["name"]
        attempt = await self._control.restart(name, await _asker(request, asked.by))
        return await _json(lambda: {"agent": name, "attempt": attempt}, HTTPStatus.ACCEPTED)

    async def _hold(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Hold)
        name = request.match_info["name"]
        until = await self._control.hold(name, asked.seconds, await _asker(request, asked.by))
        return await _json(lambda: {"agent": name, "held_until": documents.rfc3339(until)})

    async def _release(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Asked)
        name = request.match_info["name"]
        await self._control.release(name, await _asker(request, asked.by))
        return await _json(lambda: {"agent": name, "held_until": None})

    async def _acknowledge(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.Acknowledge)
        by = await _asker(request, asked.by)
        incident = await self._control.acknowledge(request.match_info["id"], by, asked.seconds)
        return await _json(lambda: documents.incident_document(incident))

    async def _silence(self, request: web.Request) -> web.Response:
        asked = await requests.body(request, requests.NewSilence)
        author = await _asker(request, asked.author)
        silence = await self._control.silence(asked.matcher, asked.seconds, author, asked.comment)
        return await _json(lambda: documents.silence_document(silence), HTTPStatus.CREATED)

    async def _unsilence(self, request: web.Request) -> web.Response:
        await self._control.unsilence(request.match_info["id"], await _asker(request, None))
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _known(fleet: Fleet, names: Sequence[str]) -> None:
    """Raise ProblemError for a name that is no agent's."""
    for name in names:
        if all(agent.name != name for agent in fleet.agents):
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no agent is named {name!r}", "agents")


async def _json(make: Callable[[], Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return what `make` makes, made off the event loop: the picture of 1,000 agents takes a while to write."""
    text = await _aside(lambda: json.dumps(make()))
    return web.Response(text=text, status=status, content_type="application/json")


async def _asker(request: web.Request, by: str | None) -> str:
    """Return who asks: `by`, else the user whose process holds the other end of the socket."""
    if by is not None:
        return by
    peer = request.get_extra_info("socket")
    _, uid, _ = struct.unpack("3i", peer.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, struct.calcsize("3i")))
    return await _aside(lambda: _user_name(uid))


async def _aside(work: Callable[[], T]) -> T:
    """Return what `work` returns, done off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_ANSWERS, work)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
