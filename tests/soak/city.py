"""The city: a thousand agents and their people, who give a daemon no rest. All of it is played by this one process.

Each part is a coroutine that goes on until it is cancelled; `City.calm` then sets everything right again. Whatever is
begun has an end within two minutes, and nothing is remembered for an hour or a day on purpose (usage, totals of the
books): else there would be more of it for a good reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.soak.law import LAW
from tests.support.agency import LEDGER, Agency

BEAT_EVERY = 8.0
TIMEOUT = 25.0
"""Seconds: an hour is 25 s here."""

AWAY = 60.0
"""How long (s) who dies and is not restarted stays away: it is escalated, told and told again meanwhile."""

MANAGED = 3
_GUESTS = 20
"""One agent in so many is a guest: configured for a while under a name that never comes again."""

_FRAIL = 41
"""One agent in so many is frail, besides the guests: the others never fail, and what is remembered of it is bounded."""

_SLICES = 40
_ROTATE_EVERY = 10
"""Heartbeats after which a log is rotated."""


@dataclass(slots=True)
class _Agent:
    """One agent; times are s of the loop.

    Args:
        form: of its heartbeats: 0 a log, 1 a document, 2 touched.
        beats: how many it has sent.
        back_at: when one who is dead comes back by itself, None while it lives.
        stuck_until: until when it beats, and does not get on.
    """

    name: str
    form: int
    beats: int = 0
    back_at: float | None = None
    incarnation: int = 0
    seq: int = 0
    stuck_until: float = 0.0


@dataclass
class City:
    """Everything around the daemon, in `folder`."""

    folder: Path
    size: int
    chance: random.Random = field(default_factory=lambda: random.Random(20_260))
    acts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.beats = self.folder / "cache" / "heartbeats"
        self.revived = self.folder / "revived"
        self.config = self.folder / "config.toml"
        for place in (self.beats, self.revived, self.folder / "pids", self.folder / "cache" / "queues"):
            place.mkdir(parents=True, exist_ok=True)
        guests = self.size // _GUESTS
        self._serial = count(1)
        self._agents = [_Agent(f"agent-{number:04}", number % 3, number) for number in range(self.size - guests)]
        self._guests = [self._guest() for _ in range(guests)]
        self._managed = [f"managed-{number}" for number in range(MANAGED)]
        self._agency = Agency(self.folder / "state")
        for number in range(40):
            self._agency.scan(f"client-{number % 5}", f"{100 + number}.50")
        self._site: web.TCPSite | None = None
        self.port = 0

    # --- the setting ---

    def configure(self, *, listen: bool = False, wrong: str = "") -> None:
        """Write the configuration by rename, as it is now; `wrong` is what is wrong with it."""
        text = [LAW.format(timeout=int(TIMEOUT), port=self.port)]
        if listen:
            text.append('[http]\nlisten = "127.0.0.1:0"\n')
        for agent in (*self._agents, *self._guests):
            command = json.dumps(["/usr/bin/touch", str(self.revived / agent.name)])
            restart = f'restart = {{ kind = "command", command = {command} }}\n' if self._restartable(agent) else ""
            text.append(f"[agents.{agent.name}]\n{restart}")
        for name in self._managed:
            beating = f"while :; do touch {self.beats / name}; sleep {BEAT_EVERY:g}; done"
            program = json.dumps(["/bin/sh", "-c", f"echo $$ > {self.folder}/pids/{name}; {beating}"])
            text.append(f'[agents.{name}.restart]\nkind = "managed"\ncommand = {program}\n')
        temporary = self.config.with_suffix(".new")
        temporary.write_text("".join(text) + wrong, encoding="utf-8")
        temporary.replace(self.config)

    @asynccontextmanager
    async def people(self) -> AsyncIterator[None]:
        """Have somebody at the end of the webhook; the port stays the same though they go and come back."""

        async def take(request: web.Request) -> web.Response:
            await request.read()
            self._count("webhooks")
            return web.Response(status=204 if self.chance.random() < 0.9 else 503)

        app = web.Application()
        app.router.add_post("/hook", take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runner = runner
        try:
            await self._open()
            self.configure()
            yield
        finally:
            await runner.cleanup()

    async def _open(self) -> None:
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    # --- unrest ---

    def unrest(self) -> dict[str, Any]:
        """Return what goes on, by name."""
        return {
            "deaths": self._deaths(),
            "comings and goings": self._comings_and_goings(),
            "books": self._books(),
            "webhook": self._webhook(),
            "acts": self._acts(),
            **{f"reader {number}": self._reads() for number in range(2)},
            **{f"stream {number}": self._streams() for number in range(4)},
        }

    async def live(self) -> None:
        """Let who is alive beat, for ever, a slice of them at a time."""
        loop = asyncio.get_running_loop()
        for turn in count():
            began = loop.time()
            everyone = [*self._agents, *self._guests]
            await asyncio.to_thread(self._beat, everyone[turn % _SLICES :: _SLICES], began)
            await asyncio.sleep(max(0.0, began + BEAT_EVERY / _SLICES - loop.time()))

    async def calm(self) -> None:
        """Set everything right: nobody is dead, people are there, the configuration is whole, the books agree."""
        for agent in (*self._agents, *self._guests):
            agent.back_at, agent.stuck_until = None, 0.0
        self._agency.write_ledger()
        if self._site is None:
            await self._open()
        self.configure()

    # --- inside ---

    def _count(self, what: str, by: int = 1) -> None:
        self.acts[what] = self.acts.get(what, 0) + by

    def _guest(self) -> _Agent:
        number = next(self._serial)
        return _Agent(f"guest-{number:06}", number % 3)

    def _restartable(self, agent: _Agent) -> bool:
        return int(agent.name.rpartition("-")[2]) % 2 == 0

    def _beat(self, agents: list[_Agent], now: float) -> None:
        for agent in agents:
            revived = self.revived / agent.name
            if agent.back_at is not None:
                with suppress(FileNotFoundError):
                    revived.unlink()
                    agent.back_at = now
                if agent.back_at > now:
                    continue
                agent.back_at = None
                agent.incarnation += 1
            agent.seq += agent.stuck_until <= now
            self._write(agent)
            self._count("beats")

    def _write(self, agent: _Agent, kind: str = "ok") -> None:
        agent.beats += 1
        document = {
            "timestamp": datetime.now(UTC).isoformat(),
            "kind": kind,
            "incarnation": f"{agent.name}.{agent.incarnation}",
            "pending": 1,
            "progress": {"seq": agent.seq, "note": f"file {agent.seq}"},
            "usage": {"tokens": agent.seq * 10},
        }
        line = json.dumps(document) + "\n"
        if agent.form == 0:
            self._append(self.beats / f"{agent.name}.log", line, agent.beats)
        elif agent.form == 1:
            temporary = self.beats / f".{agent.name}.new"
            temporary.write_text(line, encoding="ascii")
            temporary.replace(self.beats / f"{agent.name}.json")
        else:
            (self.beats / agent.name).touch()

    def _append(self, log: Path, line: str, beats: int) -> None:
        """Append; now and then rotate the log before, in one of the ways of logrotate."""
        turn, rest = divmod(beats, _ROTATE_EVERY)
        if rest == 0 and log.exists():
            self._count("rotations")
            way = turn % 3
            if way == 0:
                log.replace(log.with_name(f".{log.name}.old"))
            elif way == 1:
                os.truncate(log, 0)
            else:
                log.write_text(line, encoding="ascii")
                return
        with log.open("a", encoding="ascii") as file:
            file.write(line)

    async def _deaths(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(2.0)
            agent = self.chance.choice([*self._agents[::_FRAIL] * 4, *self._guests])
            sort = self.chance.choice(("dies", "dies", "fails", "sticks"))
            self._count(sort)
            if sort == "dies":
                agent.back_at = loop.time() + AWAY
            elif sort == "fails":
                await asyncio.to_thread(self._write, agent, "fail")
            else:
                agent.stuck_until = loop.time() + AWAY
            if self.chance.random() < 0.05:
                self._kill_managed()

    def _kill_managed(self) -> None:
        with suppress(OSError, ValueError):
            os.kill(int((self.folder / "pids" / self.chance.choice(self._managed)).read_text()), signal.SIGKILL)
            self._count("kills")

    async def _comings_and_goings(self) -> None:
        for turn in count():
            await asyncio.sleep(5.0)
            if turn % 4 == 3:
                self.configure(wrong="[agents.\n" if turn % 8 == 3 else '[defaults]\nheartbeat_timeout = "soon"\n')
                self._count("wrong configurations")
                continue
            gone, self._guests = self._guests[:3], [*self._guests[3:], *(self._guest() for _ in self._guests[:3])]
            await asyncio.to_thread(self.configure, listen=turn % 2 == 0)
            self._count("configurations")
            await asyncio.sleep(0.5)
            for guest in gone:
                for suffix in ("", ".json", ".log"):
                    (self.beats / f"{guest.name}{suffix}").unlink(missing_ok=True)
                (self.beats / f".{guest.name}.log.old").unlink(missing_ok=True)

    async def _books(self) -> None:
        """Let the ledger forget an invoice and remember it: totals are those of the state, and do not change."""
        ledger = self._agency.state / LEDGER
        queue = self.folder / "cache" / "queues" / "collections-emailer.jsonl"
        for turn in count():
            lines = ledger.read_text("utf-8").splitlines(keepends=True)
            entries = [number for number, line in enumerate(lines) if line.startswith("- `")]
            del lines[entries[turn % len(entries)]]
            ledger.write_text("".join(lines), "utf-8")
            queue.write_text(json.dumps({"type": "reminder", "_queued_at": time.time()}) + "\n", encoding="ascii")
            await asyncio.sleep(4.0)
            await asyncio.to_thread(self._agency.write_ledger)
            queue.unlink()
            self._count("findings")
            await asyncio.sleep(2.0)

    async def _webhook(self) -> None:
        while True:
            await asyncio.sleep(25.0)
            assert self._site
            site, self._site = self._site, None
            await site.stop()
            self._count("outages of the webhook")
            await asyncio.sleep(10.0)
            await self._open()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.UnixConnector(str(self.folder / "s"))
        limit = aiohttp.ClientTimeout(total=120.0)
        async with aiohttp.ClientSession("http://localhost", connector=connector, timeout=limit) as client:
            yield client

    async def _reads(self) -> None:
        paths = ("/", "/metrics", "/api/v1/fleet", "/api/v1/incidents", "/api/v1/metrics?window=1m", "/api/v1/findings")
        while True:
            async with self._asking() as client:
                for path in self.chance.sample(paths, 3):
                    async with client.get(path) as answer:
                        await answer.read()
                        assert answer.status == 200, f"{path}: {answer.status}"
                    self._count("reads")
                    await asyncio.sleep(3.0)

    async def _streams(self) -> None:
        while True:
            async with self._asking() as client:
                with suppress(TimeoutError):
                    async with (
                        asyncio.timeout(self.chance.uniform(1.0, 20.0)),
                        client.get("/api/v1/events?follow=true") as answer,
                    ):
                        async for _ in answer.content:
                            pass
            self._count("streams")

    async def _acts(self) -> None:
        async with self._asking() as client:
            for turn in count():
                await asyncio.sleep(3.0)
                name = self.chance.choice(self._agents).name
                path, body = self._act(turn % 6, name)
                if turn % 6 == 0:
                    async with client.get("/api/v1/incidents?limit=20") as answer:
                        found = (await answer.json())["incidents"]
                    open_ = [one["id"] for one in found if one["state"] == "triggered"]
                    if not open_:
                        continue
                    path, body = f"/api/v1/incidents/{self.chance.choice(open_)}/ack", {}
                async with client.post(path, json=body) as answer:
                    await answer.read()
                    assert answer.status < 500, f"{path}: {answer.status}"
                self._count("acts")

    @staticmethod
    def _act(turn: int, name: str) -> tuple[str, dict[str, Any]]:
        agent = f"/api/v1/agents/{name}"
        return (
            ("/api/v1/check", {}),
            ("/api/v1/silences", {"matcher": f"{name}:*", "seconds": 10, "comment": "soak", "author": "city"}),
            (f"{agent}/hold", {"seconds": 10}),
            (f"{agent}/pause", {"seconds": 10}),
            ("/api/v1/reconcile", {}),
            ("/api/v1/check", {}),
        )[turn]
