"""Two webhooks are dead: one refuses for good, one never answers.

The next step of the chain is told at once though its turn is an hour away, and health waits for neither.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from supervisor.cli._times import moment
from supervisor.cli.drills._site import Site
from supervisor.cli.drills._step import Step, within

_GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def rehearse(site: Site) -> AsyncGenerator[Step, None]:
    """Have an agent fail, and another one while the first one's notification hangs."""
    async with _server(_GONE) as refusing, _server(b"") as mute:
        site.configure(f"""
[gate]
settle = "0s"
[defaults]
heartbeat_timeout = "1m"
escalate_after = 1
[agents.worker]
[agents.neighbour]
[channels.mute]
kind = "webhook"
url = "{mute}"
[channels.refusing]
kind = "webhook"
url = "{refusing}"
[channels.people]
kind = "file"
path = "people.jsonl"
[escalation]
chain = [{{ channel = "mute" }}, {{ channel = "refusing" }}, {{ channel = "people", delay = "1h" }}]
""")
        await site.start()
        at = time.time()
        site.heart("worker").fail("a drill")
        refused = await site.logged("notification_failed", channel="refusing", agent="worker")
        yield Step("the refusal is final", refused["error"], "retry_at" not in refused)
        sent = await site.logged("notification_sent", channel="people", agent="worker")
        yield within("the next step is told", moment(sent["timestamp"]) - at, 1.0)
        opened = await site.logged("incident_opened", key="supervisor:channel.refusing")
        yield Step("the channel has an incident of its own", opened["summary"], opened["severity"] == "warning")
        at = time.time()
        site.heart("neighbour").fail("a drill")
        missed = await site.logged("heartbeat_missed", agent="neighbour")
        yield within("another agent's miss is seen", moment(missed["timestamp"]) - at)
        waiting = not site.log("notification_failed", channel="mute")
        yield Step("the mute channel was still awaited", "awaited" if waiting else "given up before", waiting)


@asynccontextmanager
async def _server(answer: bytes) -> AsyncIterator[str]:
    """Serve `answer` to every request, or nothing at all where it is empty; yield the address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readline():  # until the other side hangs up
                if answer:
                    writer.write(answer)
                    break
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"
    finally:
        server.close()
