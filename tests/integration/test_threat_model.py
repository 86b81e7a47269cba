"""The README's threat model, claim by claim, tried by whoever it is about."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.needs import missing
from tests.support.nursery import Nursery
from tests.support.receiver import Receiver, receiving
from tests.support.town import Town

ROOT = Path(__file__).parents[2]
SECRET = "correct-horse-battery-staple"
HOSTILE = "\x1b[2J\x1b]0;owned\x07 <script>alert(1)</script>\r\nSubject: you have won $(touch pwned) `touch pwned`"


def beat(town: Town, agent: str, at: datetime | None = None, **keys: Any) -> None:
    line = {"timestamp": (at or datetime.now(UTC)).isoformat(), **keys}
    with (town.beats / f"{agent}.log").open("a") as log:
        log.write(json.dumps(line) + "\n")


async def seen(town: Town, agent: str) -> dict[str, Any]:
    done = await town.ask("status", "--json")
    return next(one for one in json.loads(done.stdout)["agents"] if one["name"] == agent)


def webhook(receiver: Receiver, more: str = "") -> str:
    return f"""
[agents.worker]
heartbeat_timeout = "1h"
escalate_after = 1
[channels.hook]
kind = "webhook"
url = "{receiver.url}"
{more}
"""


def test_each_claim_of_the_readme_has_its_test_and_each_test_its_claim() -> None:
    section = (ROOT / "README.md").read_text().partition("\n## Threat model\n")[2].partition("\n## ")[0]
    told = {
        " ".join(bullet.split()) for bullet in re.findall(r"^- (.*?)(?=^\S|^$|\Z)", section, re.MULTILINE | re.DOTALL)
    }
    tried = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for text in re.findall(r"^@pytest\.mark\.claim\(\n?(.*?)\n?\)$", path.read_text(), re.MULTILINE | re.DOTALL):
            tried.add("".join(json.loads(piece) for piece in re.findall(r'"(?:[^"\\]|\\.)*"', text)))
    assert told == tried
    assert len(told) > 10


# --- whoever may write where the agents write ------------------------------------------------------


@pytest.mark.claim(
    "They can speak for each other: a heartbeat is not signed. Who is not to vouch for an agent must not be able to "
    "write into the folder of the heartbeats."
)
@pytest.mark.claim("They cannot buy time: a time in the future counts as now, `busy_until` as 30 min at the most.")
async def test_a_forged_heartbeat_is_believed_and_buys_no_time(town: Town) -> None:
    town.configure('[agents.worker]\nheartbeat_timeout = "1h"\n')
    beat(town, "worker", datetime.now(UTC) - timedelta(hours=2))
    await town.start()
    await town.logged("health_changed", agent="worker", new="unhealthy")
    year = datetime.now(UTC) + timedelta(days=365)
    beat(town, "worker", year, busy_until=year.isoformat())
    await town.logged("health_changed", agent="worker", new="healthy")
    due = datetime.fromisoformat((await seen(town, "worker"))["due"])
    assert due - datetime.now(UTC) <= timedelta(hours=1, minutes=30)


@pytest.mark.claim(
    "They cannot have anything run: commands come from the configuration alone, and no shell sees a message."
)
@pytest.mark.claim(
    "They cannot speak in our name: what an agent wrote is quoted as data, on one line, without control characters."
)
async def test_a_hostile_message_stays_text_everywhere(town: Town, receiver: Receiver) -> None:
    town.configure(
        webhook(receiver)
        + f"""
[agents.worker.restart]
kind = "command"
command = ["/usr/bin/touch", "{town.folder}/restarted"]
[channels.program]
kind = "command"
command = ["/bin/sh", "-c", 'cat > "$0"', "{town.folder}/told"]
[escalation]
chain = [{{ channel = "hook" }}, {{ channel = "program" }}]
"""
    )
    await town.start()
    beat(town, "worker", kind="fail", message=HOSTILE)
    await town.logged("notification_sent", channel="program")
    await town.logged("notification_sent", channel="hook")
    await town.logged("restart_finished", agent="worker", ok=True)
    assert not list(town.folder.rglob("pwned"))
    told = json.loads((town.folder / "told").read_text())
    assert told["type"] == "AGENT_ESCALATION"
    (got,) = receiver.got
    assert json.loads(got.body)["type"] == "AGENT_ESCALATION"
    assert {"Subject", "subject"}.isdisjoint(got.headers)
    for words in (("why", "worker"), ("status",), ("incidents",), ("events",)):
        shown = (await town.ask(*words)).stdout
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown), words
        assert "\nSubject:" not in shown
    page = (await town.ask("dashboard")).stdout
    assert "</html>" in page
    assert "<script>alert" not in page
    assert len(town.log()) == len((town.folder / "log").read_text().splitlines())  # one record a line, each whole


@pytest.mark.claim("They cannot have another file read: links are not followed, and only regular files are opened.")
async def test_a_link_in_the_place_of_a_file_tells_nothing(town: Town) -> None:
    town.configure("[agents.worker]\n[agents.good]\n")
    private = town.folder / "private.json"
    private.write_text(json.dumps({"timestamp": datetime.now(UTC).isoformat(), "message": SECRET}))
    (town.beats / "worker.json").symlink_to(private)
    os.mkfifo(town.beats / "worker.log")
    state = town.folder / "state" / "client"
    state.mkdir(parents=True)
    (state / "INV-1.json").symlink_to(private)
    (town.beats / "good").touch()
    await town.start()
    await town.logged("health_changed", agent="good", new="healthy")
    await town.logged("reconciled")
    assert (await seen(town, "worker"))["last_heartbeat"] is None
    assert SECRET not in (town.folder / "log").read_text()
    assert SECRET not in (await town.ask("check", "--json")).stdout


@pytest.mark.claim(
    "They cannot fill our memory: of a heartbeat's file the last 64 KiB are read, of any other no more than its bound. "
    "Only with `discover` each name that they make up is an agent, of some KB."
)
async def test_a_huge_file_costs_no_memory(town: Town) -> None:
    town.configure("[agents.worker]\n[agents.good]\n")
    (town.beats / "good").touch()
    await town.start()
    await town.logged("health_changed", agent="good", new="healthy")
    before = resident(town.pid)
    huge = town.beats / "worker.log"
    with huge.open("wb") as log:
        log.truncate(4 << 30)
        log.seek(4 << 30)
        log.write(b"\n" + json.dumps({"timestamp": datetime.now(UTC).isoformat()}).encode() + b"\n")
    await town.logged("health_changed", agent="worker", new="healthy")
    state = town.folder / "state" / "client"
    state.mkdir(parents=True)
    with (state / "INV-1.json").open("wb") as invoice:
        invoice.truncate(4 << 30)
    await town.logged("finding_opened", limit=60)
    assert resident(town.pid) - before < 64 << 20


def resident(pid: int) -> int:
    """Return the process's resident memory (bytes)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.claim(
    "They cannot drown each other: a burst of one agent's heartbeats does not delay what is decided of another."
)
async def test_a_burst_of_one_delays_no_other(town: Town) -> None:
    town.configure('[agents.loud]\n[agents.quiet]\nheartbeat_timeout = "1h"\n')
    for agent in ("loud", "quiet"):
        beat(town, agent)
    await town.start()
    await town.logged("health_changed", agent="quiet", new="healthy")
    stop = asyncio.Event()

    def drown() -> None:
        line = json.dumps({"timestamp": datetime.now(UTC).isoformat(), "message": "x" * 200}) + "\n"
        with (town.beats / "loud.log").open("a") as log:
            while not stop.is_set():
                log.write(line * 1000)
                log.flush()
                time.sleep(0.01)

    drowning = asyncio.create_task(asyncio.to_thread(drown))
    try:
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        beat(town, "quiet", kind="fail")
        await town.logged("heartbeat_missed", agent="quiet")
        assert time.monotonic() - begun < 3
    finally:
        stop.set()
        await drowning


# --- a channel -------------------------------------------------------------------------------------


@pytest.mark.claim(
    "It cannot send the message elsewhere: redirects are not followed, and neither token nor text goes with them."
)
async def test_a_redirect_is_not_followed(town: Town, receiver: Receiver) -> None:
    (town.folder / "token").write_text(SECRET)
    async with receiving() as elsewhere:
        receiver.says(307, Location=elsewhere.url)
        town.configure(webhook(receiver, f'token_file = "{town.folder}/token"'))
        await town.start()
        beat(town, "worker", kind="fail")
        failed = await town.logged("notification_failed", channel="hook")
        assert "retry_at" not in failed
        assert receiver.got[0].headers["Authorization"] == f"Bearer {SECRET}"
        assert elsewhere.got == []


@pytest.mark.claim("It cannot hold anything up: detection, restarts and the other channels wait for none that hangs.")
async def test_a_channel_that_hangs_holds_nothing_up(town: Town, receiver: Receiver) -> None:
    receiver.hangs()
    town.configure(
        webhook(receiver)
        + """
[agents.other]
heartbeat_timeout = "1h"
[channels.people]
kind = "file"
path = "people.jsonl"
[escalation]
chain = [{ channel = "hook" }, { channel = "people" }]
"""
    )
    beat(town, "other")
    await town.start()
    beat(town, "worker", kind="fail")
    await town.logged("notification_sent", channel="people", limit=5)
    beat(town, "other", kind="fail")
    await town.logged("heartbeat_missed", agent="other", limit=5)
    assert not town.log("notification_sent", channel="hook")


@pytest.mark.claim(
    "It cannot put words into our log: of its answer the beginning is quoted, as data, and no secret in it."
)
async def test_an_answer_is_quoted_as_data(town: Town, receiver: Receiver) -> None:
    (town.folder / "token").write_text(SECRET)
    receiver.says(400, f"{SECRET} {HOSTILE} " + "x" * 100_000)
    town.configure(webhook(receiver, f'token_file = "{town.folder}/token"'))
    await town.start()
    beat(town, "worker", kind="fail")
    failed = await town.logged("notification_failed", channel="hook")
    assert len(failed["error"]) < 1000
    assert not re.search(r"[\x00-\x1f\x7f]", failed["error"])
    assert everything_but_the_secret_s_file_is_free_of_it(town)


def everything_but_the_secret_s_file_is_free_of_it(town: Town) -> bool:
    files = [path for path in town.folder.rglob("*") if path.is_file() and path.name != "token"]
    assert any(path.name == "journal.db" for path in files)
    return all(SECRET.encode() not in path.read_bytes() for path in files)


# --- another user of this machine ------------------------------------------------------------------

NOBODY = 65534


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that everybody may enter: what is kept from others in it is so by the daemon."""
    if os.geteuid() != 0:
        missing("root", "another user's eyes")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.claim(
    "They can neither act through the control socket nor read the journal or a file that a `file` channel has made: "
    "these are the owner's alone."
)
async def test_another_user_finds_the_doors_shut(open_folder: Path, nursery: Nursery) -> None:
    town = Town(open_folder, nursery)
    town.configure("""
[agents.worker]
[channels.people]
kind = "file"
path = "people.jsonl"
""")
    beat(town, "worker", kind="fail")
    await town.start()
    try:
        await town.ask("test-notify")
        for path in (town.folder / "data" / "journal.db", town.folder / "people.jsonl"):
            assert path.is_file()
            assert not await asyncio.to_thread(readable, path, NOBODY)
        assert await asyncio.to_thread(readable, town.config, NOBODY)  # it is not the folder that keeps them out
        assert await asyncio.to_thread(knock, town.folder / "control.sock", NOBODY) == "PermissionError"
        assert await asyncio.to_thread(knock, town.folder / "control.sock", 0) == "in"
    finally:
        await town.stop(signal.SIGKILL)


def readable(path: Path, uid: int) -> bool:
    return subprocess.run(["/bin/cat", path], user=uid, group=uid, capture_output=True, check=False).returncode == 0


KNOCK = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("in")
except OSError as error:
    print(type(error).__name__)
"""


def knock(path: Path, uid: int) -> str:
    """Return what becomes of an attempt of this user to connect to the socket."""
    command = ["/usr/bin/python3", "-c", KNOCK, str(path)]
    return subprocess.run(command, user=uid, group=uid, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.claim(
    "Over the port they can look and not act: whatever changes anything needs the token, and with "
    "`public_read = false` looking does, too."
)
@pytest.mark.claim(
    "A page in somebody's browser can do neither: a foreign `Host` is refused, token or not, a foreign `Origin` to "
    "whatever acts, and no answer is opened to other origins."
)
async def test_the_port_lets_others_look_only(town: Town) -> None:
    (town.folder / "token").write_text(SECRET)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def configure(more: str = "") -> None:
        town.configure(
            f'[agents.worker]\n[http]\nlisten = "127.0.0.1:{port}"\ntoken_file = "{town.folder}/token"\n{more}'
        )

    configure()
    await town.start()
    await town.logged("http_listening")
    base = f"http://127.0.0.1:{port}/api/v1"
    token = {"Authorization": f"Bearer {SECRET}"}
    hold = {"json": {"seconds": 60, "by": "me"}}
    async with aiohttp.ClientSession() as session:

        async def status(method: str, path: str, **how: Any) -> int:
            async with session.request(method, base + path, **how) as answer:
                return answer.status

        assert await status("GET", "/fleet") == 200
        assert await status("POST", "/agents/worker/hold", **hold) == 401
        assert await status("GET", "/fleet", headers={"Host": "evil.example"}) == 403
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            assert await status("POST", "/agents/worker/hold", headers={**token, **headers}, **hold) == 403
        async with session.get(f"{base}/fleet", headers={"Origin": "https://evil.example"}) as answer:
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        assert (await seen(town, "worker"))["modifiers"] == []
        assert await status("POST", "/agents/worker/hold", headers=token, **hold) < 300
        assert (await seen(town, "worker"))["modifiers"] == ["held"]
        configure("public_read = false\n")
        await town.logged("config_reloaded")
        assert await status("GET", "/fleet") == 401
        assert await status("GET", "/fleet", headers=token) == 200


@pytest.mark.claim(
    "Secrets are in no log, journal, page, message or answer: each is read from its file when it is used."
)
async def test_secrets_are_nowhere_else(town: Town, receiver: Receiver) -> None:
    (town.folder / "token").write_text(SECRET)
    town.configure(webhook(receiver, f'token_file = "{town.folder}/token"'))
    await town.start()
    beat(town, "worker", kind="fail")
    await town.logged("notification_sent", channel="hook")
    assert receiver.got[0].headers["Authorization"] == f"Bearer {SECRET}"
    for words in (("status", "--json"), ("check-config", "--json"), ("why", "worker", "--json"), ("dashboard",)):
        assert SECRET not in (await town.ask(*words)).stdout
    assert everything_but_the_secret_s_file_is_free_of_it(town)
