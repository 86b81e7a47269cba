"""A gateway of OpenClaw's kind on the loopback: it answers as the real one does (tests/integration/test_openclaw)."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN, HOOK_TOKEN = "GWTOKEN", "HOOKTOKEN"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Gateway:
    """What the gateway holds, and how it misbehaves.

    Args:
        agents: the ids that are configured.
        allowed: tools that may be called over HTTP.
        busy: agents that take nothing up: what is sent to them waits.
        read: by session, what a model has begun to read.
        pending: by session, what waits, as the gateway's own documents.
        forgetful: what is sent is accepted, and never seen again.
        fault: answers the next requests in its place, after what was asked has been done where `late`.
    """

    url: str = ""
    agents: set[str] = field(default_factory=lambda: {"caine", "worker"})
    allowed: set[str] = field(default_factory=lambda: {"sessions_send", "sessions_history", "sessions"})
    busy: set[str] = field(default_factory=set)
    read: dict[str, list[str]] = field(default_factory=dict)
    pending: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    resets: list[str] = field(default_factory=list)
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    hooks_work: bool = True
    calls: list[str] = field(default_factory=list)
    fault: Answer | None = None
    late: bool = False
    forgetful: bool = False
    turns: int = 0
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def texts(self, agent: str = "caine") -> list[str]:
        """Return what was sent to an agent, read or not."""
        session = f"agent:{agent}:main"
        waiting = [item["message"]["content"] for item in self.pending.get(session, []) if item["state"] == "queued"]
        return [*self.read.get(session, []), *waiting]

    def wake(self, agent: str = "caine") -> None:
        """Let an agent take up what waits for it."""
        self.busy.discard(agent)
        session = f"agent:{agent}:main"
        for item in self.pending.pop(session, []):
            if item["state"] == "queued":
                self._read(session, item["message"]["content"])

    def die(self) -> None:
        """Be killed and started again: what was queued is broken off, and never runs."""
        for items in self.pending.values():
            for item in items:
                item["state"] = "interrupted"

    def says(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer everything like this, and do nothing."""

        async def fault(_: web.Request) -> web.StreamResponse:
            return web.json_response(body or {"ok": False, "error": {"message": "no"}}, status=status, headers=headers)

        self.fault = fault

    def hangs_up(self) -> None:
        """Do what is asked, and hang up without an answer."""

        async def fault(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

        self.fault, self.late = fault, True

    def mended(self) -> None:
        self.fault, self.late = None, False

    # --- what it answers ---

    async def serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else {}
        if self.fault is not None and not self.late:
            return await self.fault(request)
        answer = self._answer(request, body)
        return answer if self.fault is None else await self.fault(request)

    def _answer(self, request: web.Request, body: dict[str, Any]) -> web.Response:  # noqa: PLR0911 - a refusal each
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path == "/hooks/agent":
            if token != HOOK_TOKEN:
                return web.Response(status=401, text="Unauthorized")
            key = request.headers["Idempotency-Key"]
            if key not in self.hooks:
                self.hooks[key] = body
                self.turns += 1
            if body.get("waitForCompletion"):
                return web.Response(status=504)  # a model thinks longer than anybody waits
            return web.json_response({"ok": self.hooks_work, "runId": key})
        if request.path != "/tools/invoke":
            return web.Response(text="<!doctype html>", content_type="text/html")
        if token != TOKEN:
            return web.json_response({"error": {"message": "Unauthorized", "type": "unauthorized"}}, status=401)
        tool = body["tool"]
        self.calls.append(tool)
        if tool not in self.allowed:
            error = {"type": "not_found", "message": f"Tool not available: {tool}"}
            return web.json_response({"ok": False, "error": error}, status=404)
        if tool == "sessions" and body["sessionKey"] == body["args"]["sessionKey"]:
            error = {"type": "tool_error", "message": "Cannot reset the session running this tool"}
            return web.json_response({"ok": False, "error": error}, status=400)
        details = getattr(self, f"_{tool}")(**body["args"])
        return web.json_response({"ok": True, "result": {"content": [], "details": details}})

    def _known(self, session: str) -> bool:
        return session.split(":")[1] in self.agents

    def _sessions_history(self, sessionKey: str, limit: int) -> dict[str, Any]:  # noqa: N803 - its own name
        if not self._known(sessionKey):
            return {"status": "error", "error": f'Unknown agent id "{sessionKey.split(":")[1]}"'}
        if sessionKey not in self.read and sessionKey not in self.pending:
            return {"status": "error", "error": f"No session found: {sessionKey}"}
        messages = [{"role": "assistant", "content": text} for text in self.read.get(sessionKey, [])[-limit:]]
        items = self.pending.get(sessionKey, [])
        return {"sessionKey": sessionKey, "messages": messages, "pendingInputs": {"items": items, "total": len(items)}}

    def _sessions_send(self, sessionKey: str, message: str, timeoutSeconds: int) -> dict[str, Any]:  # noqa: N803
        assert timeoutSeconds == 0
        if not self._known(sessionKey):
            return {"status": "error", "error": f'Unknown agent id "{sessionKey.split(":")[1]}"'}
        item = {
            "id": str(next(self._ids)),
            "state": "queued",
            "acceptedAt": time.time() * 1000,
            "message": {"role": "user", "content": message},
        }
        if self.forgetful:
            return {"runId": item["id"], "status": "accepted", "sessionKey": sessionKey, "targetDisposition": "queued"}
        self.pending.setdefault(sessionKey, []).append(item)
        if sessionKey.split(":")[1] not in self.busy:
            self.wake(sessionKey.split(":")[1])
        return {"runId": item["id"], "status": "accepted", "sessionKey": sessionKey, "targetDisposition": "queued"}

    def _sessions(self, action: str, sessionKey: str) -> dict[str, Any]:  # noqa: N803
        assert action == "reset"
        self.resets.append(sessionKey)
        self.busy.discard(sessionKey.split(":")[1])
        self.pending.pop(sessionKey, None)
        self.read[sessionKey] = []
        return {"ok": True, "key": sessionKey, "entry": {}}

    def _read(self, session: str, text: str) -> None:
        self.read.setdefault(session, []).append(text)
        self.turns += 1


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    """Serve a gateway for as long as the block lasts."""
    made = Gateway()
    app = web.Application(client_max_size=2 << 20)
    app.router.add_route("*", "/{tail:.*}", made.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        made.url = f"http://{host}:{port}"
        yield made
    finally:
        await runner.cleanup()


async def nothing_listens() -> str:
    """Return the address of a port that nobody listens on."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"http://127.0.0.1:{port}"
