"""The file source pushed hard: no watches left, a stopped process, no rights, a tree that never rests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from supervisor.ports import Changed, Relisted
from supervisor.sources.files import FileSource, Pace, Root
from tests.support.needs import missing
from tests.support.trees import NONE_LOST, watching

PATIENCE = 60.0
NOBODY = 65534


class Child:
    """A watching process of its own; see tests/support/watcher.py."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, question: str = "look") -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n".encode())
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def until(self, key: str, *wanted: str) -> None:
        """Wait until all of `wanted` are said, in this order."""
        await self.sees(lambda view: [said for said in view[key] if said in wanted] == list(wanted), f"{wanted}")

    async def sizes(self, folder: Path) -> None:
        """Wait until the sizes it saw last are the ones that are there."""

        def right(view: dict[str, Any]) -> bool:
            there = {str(path): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
            return bool(view["sizes"] == there)

        await self.sees(right, "what is there")

    async def sees(self, right: Callable[[dict[str, Any]], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not right(view := await self.ask()):
            assert time.monotonic() < until, f"not seen: {what}; but {view}"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def child(*args: object, limit: int | None = None, uid: int | None = None) -> AsyncIterator[Child]:
    """Run a watching process; `limit`: in a user namespace of its own, with so many inotify watches."""
    command = [sys.executable, "-m", "tests.support.watcher", *map(str, args)]
    if uid is not None:
        command += ["--uid", str(uid)]
    if limit is not None:
        script = f'echo {limit} > /proc/sys/user/max_inotify_watches && exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *command]
        trial = await asyncio.create_subprocess_exec(*command[:5], "exit 0", stderr=asyncio.subprocess.DEVNULL)
        if await trial.wait() != 0:
            missing("user namespaces", "to have an inotify limit of one's own")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
    try:
        yield Child(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_a_tree_with_more_folders_than_watches_is_polled_and_the_small_one_is_not(tmp_path: Path) -> None:
    state, heartbeats = tmp_path / "state", tmp_path / "heartbeats"
    for number in range(5):
        (state / f"client-{number}").mkdir(parents=True)
    heartbeats.mkdir()
    reason = "inotify watch limit reached (fs.inotify.max_user_watches) (polled)"
    async with child(state, heartbeats, limit=3) as watcher:
        await watcher.until("news", f"lost {state}: {reason}", f"restored {state}: polling")
        for path in (state / "client-3" / "1.json", heartbeats / "agent.log"):
            path.write_text("x")
            await watcher.sizes(tmp_path)
        assert len((await watcher.ask())["news"]) == 2


async def test_watches_that_run_out_while_folders_are_made_are_told_and_come_back(tmp_path: Path) -> None:
    reason = "inotify watch limit reached (fs.inotify.max_user_watches) (polled)"
    async with child(tmp_path, "--walk-every", 1, limit=4) as watcher:
        for number in range(6):
            (tmp_path / f"client-{number}").mkdir()
            (tmp_path / f"client-{number}" / "1.json").write_text("x")
        await watcher.until("news", f"lost {tmp_path}: {reason}", f"restored {tmp_path}: polling")
        await watcher.sizes(tmp_path)
        await watcher.ask("limit 100")
        await watcher.until("news", f"restored {tmp_path}: events")
        (tmp_path / "client-5" / "2.json").write_text("xx")
        await watcher.sizes(tmp_path)


async def test_no_watch_at_all_is_polling(tmp_path: Path) -> None:
    async with child(tmp_path, limit=0) as watcher:
        await watcher.until("news", f"restored {tmp_path}: polling")
        (tmp_path / "agent.log").write_text("x")
        await watcher.sizes(tmp_path)


async def test_100_000_appends_while_the_process_is_stopped_leave_nothing_stale(tmp_path: Path) -> None:
    """The kernel's queue holds 16,384 events: the rest is lost without a word."""
    paths = [tmp_path / f"agent-{number}.log" for number in range(50)]
    for path in paths:
        path.touch()

    def append() -> None:
        files = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in paths]
        for number in range(100_000):
            os.write(files[number % 50], b"x\n")
        for file in files:
            os.close(file)
        (tmp_path / "made-last.log").write_text("new")

    async with child(tmp_path, "--walk-every", 2) as watcher:
        await watcher.sizes(tmp_path)
        watcher.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.to_thread(append)
        finally:
            watcher.process.send_signal(signal.SIGCONT)
        await watcher.sizes(tmp_path)
        assert {path.stat().st_size for path in paths} == {4000}
        paths[0].write_text("later")
        await watcher.sizes(tmp_path)


def overflow(path: Path) -> None:
    """Make twice as many events as the kernel's queue holds."""
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    with path.open("ab", buffering=0) as file:
        for number in range(2 * queue):
            file.write(b"x")
            os.utime(file.fileno(), (number, number))  # two like events in a row become one


async def test_a_stop_of_some_seconds_is_noticed_without_waiting_for_the_walk(tmp_path: Path) -> None:
    (tmp_path / "noisy.log").touch()
    async with child(tmp_path, "--walk-every", 3600) as watcher:
        await watcher.sizes(tmp_path)
        await asyncio.sleep(1.0)
        watcher.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.to_thread(overflow, tmp_path / "noisy.log")
            (tmp_path / "quiet.log").write_text("x")
            await asyncio.sleep(7.0)
        finally:
            watcher.process.send_signal(signal.SIGCONT)
        await watcher.sizes(tmp_path)
        await watcher.sees(lambda view: "changes came without an event" in view["listings"], "a full listing")
        await asyncio.sleep(3.0)
        assert (await watcher.ask())["listings"].count("changes came without an event") == 1


@pytest.fixture
def public() -> Iterator[Path]:
    """Make a folder that everybody may read, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        yield root


async def test_a_folder_without_permission_is_told_and_the_others_are_watched(public: Path) -> None:
    root = public
    if os.geteuid() != 0:
        missing("root", "to make a process of another user")
    (root / "open").mkdir()
    (root / "closed").mkdir(mode=0o700)
    async with child(root, uid=NOBODY) as watcher:
        await watcher.until("news", f"lost {root / 'closed'}: Permission denied")
        (root / "open" / "1.json").write_text("x")
        await watcher.sizes(root)
        (root / "closed").chmod(0o755)
        await watcher.until("news", f"restored {root / 'closed'}: events")
        (root / "closed" / "2.json").write_text("x")
        await watcher.sizes(root)
        root.chmod(0o700)
        await watcher.until("news", f"lost {root}: Permission denied")
        root.chmod(0o755)
        await watcher.until("news", f"restored {root}: events")
        await watcher.sizes(root)


def shake(root: Path) -> None:
    """Make, move and remove folders and files at random, often faster than anybody can look."""
    dice = random.Random(7)
    for _ in range(1500):
        folder = root / dice.choice("abc") / dice.choice("xyz")
        with contextlib.suppress(OSError):
            match dice.randrange(6):
                case 0:
                    shutil.rmtree(root / dice.choice("abc"))
                case 1:
                    folder.rename(root / f"moved-{dice.randrange(5)}")
                case _:
                    folder.mkdir(parents=True, exist_ok=True)
                    with (folder / f"{dice.randrange(5)}.json").open("a") as file:
                        file.write("x")
        if dice.random() < 0.1:
            time.sleep(0.01)


def sizes(paths: Iterable[Path]) -> dict[Path, int | None]:
    """Return the size of each regular file, None for what is none."""
    found: dict[Path, int | None] = {}
    for path in paths:
        try:
            found[path] = path.stat().st_size if path.is_file() else None
        except FileNotFoundError:
            found[path] = None
    return found


async def test_whatever_happens_nothing_stays_stale(tmp_path: Path) -> None:
    root = tmp_path / "state"
    root.mkdir()
    seen: dict[Path, int | None] = {}

    def right() -> bool:
        there = sizes(root.rglob("*.json"))
        return {path: size for path, size in seen.items() if size is not None} == there

    async with watching(FileSource([Root(root)], NONE_LOST)) as watched:
        shaking = asyncio.create_task(asyncio.to_thread(shake, root))
        until = time.monotonic() + PATIENCE
        while not shaking.done() or not right():
            assert time.monotonic() < until, f"seen {seen}, but there is {sizes(root.rglob('*.json'))}"
            await asyncio.sleep(0.002)
            for event in watched.said:
                if isinstance(event, Changed | Relisted):
                    seen |= sizes(event.paths)
            watched.forget()


async def test_cancelling_in_the_middle_of_a_long_walk_is_prompt(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / str(folder)).mkdir()
        for number in range(100):
            (tmp_path / str(folder) / str(number)).touch()
    threads = set(threading.enumerate())
    task = asyncio.create_task(anext(FileSource([Root(tmp_path)]).events()))
    await asyncio.sleep(0.005)
    began = time.monotonic()
    task.cancel()
    await asyncio.wait({task})
    assert time.monotonic() - began < 1.0
    assert set(threading.enumerate()) == threads


async def test_a_walk_leaves_the_event_loop_free(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / str(folder)).mkdir()
        for number in range(100):
            (tmp_path / str(folder) / str(number)).touch()
    worst = 0.0

    async def feel() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - began)

    async with watching(FileSource([Root(tmp_path)], Pace(walk_every=0.2))):
        feeling = asyncio.create_task(feel())
        await asyncio.sleep(2.0)
        feeling.cancel()
        await asyncio.wait({feeling})
    assert worst < 0.25
