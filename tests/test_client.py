from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import supervisor
from supervisor.client import LOG_LIMIT, MESSAGE_LIMIT, Heartbeat, default_directory
from supervisor.domain.events import Beat, BeatKind, Phase
from supervisor.formats import heartbeat as formats

FAR = 4e9
"""A time of receipt after every beat of these tests."""


def read(directory: Path, name: str = "agent") -> Beat:
    """Read the agent's document as the supervisor does; nothing in it may be odd."""
    parsed = formats.parse_document((directory / f"{name}.json").read_bytes(), received=FAR)
    assert parsed.bad == ()
    assert parsed.newest is not None
    return parsed.newest


def documents(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def heart(tmp_path: Path) -> Heartbeat:
    return Heartbeat("agent", tmp_path)


# --- beats -------------------------------------------------------------------------------------------


def test_a_beat_is_one_whole_file_that_the_supervisor_reads(heart: Heartbeat, tmp_path: Path) -> None:
    assert heart.beat("all well", colour="green") is None
    beat = read(tmp_path)
    assert (beat.kind, beat.message, beat.seq, beat.pid) == (BeatKind.OK, "all well", 1, os.getpid())
    assert beat.incarnation == heart.incarnation
    assert beat.extra == {"colour": "green"}
    assert documents(tmp_path) == ["agent.json"]
    assert formats.owner("agent.json") == ("agent", formats.Form.DOCUMENT)


def test_what_is_known_goes_with_every_beat_and_what_is_said_once_goes_once(heart: Heartbeat, tmp_path: Path) -> None:
    heart.phase = "critical"
    heart.pending = 3
    heart.progress(7, "page 7")
    heart.usage(tokens=1200, cost="0.30")
    heart.beat("once", odd=1)
    heart.ok()
    beat = read(tmp_path)
    assert (beat.seq, beat.phase, beat.pending, beat.message, beat.extra) == (4, Phase.CRITICAL, 3, None, {})
    assert (beat.progress_seq, beat.progress_note) == (7, "page 7")
    assert (beat.tokens, beat.cost) == (1200.0, "0.30")
    assert heart.phase == "critical"


@pytest.mark.parametrize(("verb", "kind"), [("start", "start"), ("ok", "ok"), ("fail", "fail"), ("stop", "stop")])
def test_each_verb_has_its_kind(heart: Heartbeat, tmp_path: Path, verb: str, kind: str) -> None:
    getattr(heart, verb)(*(["no mail server"] if verb == "fail" else []))
    assert read(tmp_path).kind == kind


def test_a_busy_time_is_announced_until_it_is_over(heart: Heartbeat, tmp_path: Path) -> None:
    heart.busy(600)
    beat = read(tmp_path)
    assert beat.busy_until is not None
    assert beat.busy_until - beat.at == pytest.approx(600, abs=1)
    heart.busy(float("inf"))
    assert read(tmp_path).busy_until is not None
    heart.busy(0)
    assert read(tmp_path).busy_until is None


def test_a_log_line_is_kept_beside_the_beat_it_must_not_replace(heart: Heartbeat, tmp_path: Path) -> None:
    heart.ok()
    heart.log("first")
    heart.log("second", file="a.csv")
    assert read(tmp_path).kind is BeatKind.OK
    logs = formats.parse_lines((tmp_path / "agent.log").read_bytes(), received=FAR).logs
    assert [(log.message, log.extra) for log in logs] == [("first", {}), ("second", {"file": "a.csv"})]


def test_the_log_does_not_grow_for_ever(heart: Heartbeat, tmp_path: Path) -> None:
    (tmp_path / "agent.log").write_bytes(b"\n" * LOG_LIMIT)
    heart.log("the last one of its file")
    heart.log("the first of the next")
    logs = formats.parse_lines((tmp_path / "agent.log").read_bytes(), received=FAR).logs
    assert [log.message for log in logs] == ["the first of the next"]
    assert all(formats.owner(name) is None for name in documents(tmp_path) if name != "agent.log")


def test_a_single_beat_can_go_without_an_incarnation(heart: Heartbeat, tmp_path: Path) -> None:
    heart.incarnation = None
    heart.ok()
    assert read(tmp_path).incarnation is None


@pytest.mark.parametrize("text", ["\udcff\ud800", "\x00", '"}\n{', "ñ", "x" * 3_000_000])
def test_no_message_makes_the_beat_unreadable(heart: Heartbeat, tmp_path: Path, text: str) -> None:
    heart.fail(text)
    message = read(tmp_path).message
    assert message is not None
    assert 0 < len(message) <= MESSAGE_LIMIT


def test_what_json_has_no_form_for_is_sent_as_text(heart: Heartbeat, tmp_path: Path) -> None:
    heart.beat(folder=Path("/tmp/x"))
    assert read(tmp_path).extra == {"folder": "/tmp/x"}


def test_a_wrong_call_is_told_at_once(heart: Heartbeat, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="critical"):
        heart.phase = "sleeping"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="kind"):
        heart.beat(kind="log")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="JSON compliant"):
        heart.usage(float("nan"))
    assert documents(tmp_path) == []


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "a\n", "A" * 65])
def test_a_name_that_could_leave_the_folder_is_refused_here_too(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name an agent"):
        Heartbeat(name)
    with pytest.raises(ValueError, match="cannot name an agent"):
        formats.agent_name(name)


def test_the_folder_follows_the_xdg_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "novotechno-collections" / "heartbeats"
    assert Heartbeat("agent").ok() is None
    assert (default_directory() / "agent.json").exists()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_directory() == tmp_path / ".cache" / "novotechno-collections" / "heartbeats"


# --- a life ------------------------------------------------------------------------------------------


def test_a_block_starts_and_stops(tmp_path: Path) -> None:
    with Heartbeat("agent", str(tmp_path)) as heart:
        assert read(tmp_path).kind is BeatKind.START
        heart.ok()
    assert read(tmp_path).kind is BeatKind.STOP


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("no mail server"), "fail", "RuntimeError: no mail server"),
        (SystemExit(3), "fail", "SystemExit: 3"),
        (SystemExit(0), "stop", None),
        (SystemExit(), "stop", None),
        (KeyboardInterrupt(), "stop", None),
    ],
)
def test_the_end_of_a_block_says_how_it_ended(
    heart: Heartbeat, tmp_path: Path, error: BaseException, kind: str, message: str | None
) -> None:
    with pytest.raises(type(error)), heart:
        raise error
    beat = read(tmp_path)
    assert (beat.kind, beat.message) == (kind, message)


def test_an_exception_that_cannot_say_what_it_is_is_a_failure_all_the_same(heart: Heartbeat, tmp_path: Path) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(MuteError), heart:
        raise MuteError
    assert read(tmp_path).kind is BeatKind.FAIL


async def test_an_asynchronous_block(heart: Heartbeat, tmp_path: Path) -> None:
    async with heart:
        assert read(tmp_path).kind is BeatKind.START
        assert await heart.abeat("working", kind="ok", odd=1) is None
        assert (read(tmp_path).message, read(tmp_path).extra) == ("working", {"odd": 1})
    assert read(tmp_path).kind is BeatKind.STOP
    with pytest.raises(RuntimeError):
        async with heart:
            raise RuntimeError("gone")
    assert (read(tmp_path).kind, read(tmp_path).message) == (BeatKind.FAIL, "RuntimeError: gone")


async def test_a_cancelled_block_is_a_planned_end(heart: Heartbeat, tmp_path: Path) -> None:
    inside = asyncio.Event()

    async def work() -> None:
        async with heart:
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work(), name="agent's work")
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert read(tmp_path).kind is BeatKind.STOP


# --- faults ------------------------------------------------------------------------------------------


def test_a_missing_folder_is_made_and_made_again(tmp_path: Path) -> None:
    heart = Heartbeat("agent", tmp_path / "a" / "b")
    assert heart.ok() is None
    (tmp_path / "a" / "b" / "agent.json").unlink()
    (tmp_path / "a" / "b").rmdir()
    assert heart.ok() is None
    assert read(tmp_path / "a" / "b").seq == 2


def test_a_folder_that_cannot_be_is_returned_and_logged_once_not_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    heart = Heartbeat("agent", tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert isinstance(heart.ok(), OSError)
        assert isinstance(heart.log("x"), OSError)
        assert heart.failure is not None
    assert [record.name for record in caplog.records] == ["supervisor.client"]
    (tmp_path / "file").unlink()
    assert heart.ok() is None
    assert heart.failure is None


def test_a_planted_link_is_not_followed(heart: Heartbeat, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "agent.log").symlink_to(victim)
    (tmp_path / "agent.json").symlink_to(victim)
    assert isinstance(heart.log("x"), OSError)
    assert heart.ok() is None
    assert victim.read_text() == "precious"
    assert not (tmp_path / "agent.json").is_symlink()


FULL = """
import logging, os, resource, sys
from supervisor.client import Heartbeat
logging.disable()
heart = Heartbeat("agent", sys.argv[1])
assert heart.ok() is None
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
print(type(heart.beat("x" * 500)).__name__, os.listdir(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert heart.ok() is None
"""


def run(code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(supervisor.__file__).parents[1],
    )


def test_a_disk_that_fills_up_leaves_the_last_beat_whole(tmp_path: Path) -> None:
    done = run(FULL, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "OSError ['agent.json']\n", "")
    assert read(tmp_path).seq == 3


# --- threads and processes ---------------------------------------------------------------------------


def test_threads_share_a_heart_and_a_reader_never_meets_half_a_beat(heart: Heartbeat, tmp_path: Path) -> None:
    heart.start()
    threads = [threading.Thread(target=lambda: [heart.ok() for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert read(tmp_path).seq is not None
    for thread in threads:
        thread.join()
    assert read(tmp_path).seq == 401
    assert documents(tmp_path) == ["agent.json"]


FORK = """
import os, sys, warnings
from supervisor.client import Heartbeat
warnings.simplefilter("ignore")
with Heartbeat("agent", sys.argv[1]) as heart:
    heart._lock.acquire()                  # as if another thread were in the middle of a beat
    child = os.fork()
    if child == 0:
        heart.ok("from the child")
        sys.exit(1)                        # leaves the block, which is not the child's to leave
    heart._lock.release()
    os.waitpid(child, 0)
    print(open(sys.argv[1] + "/agent.json").read(), end="")
"""


def test_a_forked_child_beats_for_the_same_life_and_ends_it_not(tmp_path: Path) -> None:
    done = run(FORK, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    child = json.loads(done.stdout)
    last = read(tmp_path)
    assert (child["message"], child["kind"]) == ("from the child", "ok")
    assert child["incarnation"] == last.incarnation
    assert child["pid"] != last.pid
    assert last.kind is BeatKind.STOP


SIGNALS = """
import signal, sys, os, threading, time
from supervisor.client import Heartbeat
heart = Heartbeat("agent", sys.argv[1])
def handle(*_):
    heart.beat("from the handler")
    signal.setitimer(signal.ITIMER_REAL, 0.001)    # the next one only now: handlers must not pile up
signal.signal(signal.SIGALRM, handle)
handle()
for _ in range(500):
    assert heart.ok() is None
signal.signal(signal.SIGALRM, signal.SIG_IGN)
print(os.listdir(sys.argv[1]))
"""


def test_a_signal_handler_may_beat_in_the_middle_of_a_beat(tmp_path: Path) -> None:
    done = run(SIGNALS, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['agent.json']\n", "")


def test_a_killed_agent_leaves_its_last_beat_and_no_word_of_an_end(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from supervisor.client import Heartbeat
with Heartbeat("agent", sys.argv[1]):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(code, tmp_path).returncode == -signal.SIGKILL
    assert read(tmp_path).kind is BeatKind.START


# --- what it costs -----------------------------------------------------------------------------------


def test_the_client_brings_nothing_but_the_standard_library() -> None:
    code = """
import sys
before = set(sys.modules)
import supervisor.client
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print(foreign, "asyncio" in sys.modules, [name for name in sys.modules if name.startswith("supervisor")])
"""
    assert run(code).stdout == "{'supervisor'} False ['supervisor', 'supervisor.client']\n"


def test_the_example_of_its_docstring_works(tmp_path: Path) -> None:
    assert sys.modules["supervisor.client"].__doc__ is not None
    example = re.findall(r"^    (.*)$", sys.modules["supervisor.client"].__doc__, re.MULTILINE)
    code = "import pathlib, sys\nfiles, work = [pathlib.Path('a.csv')], print\n" + "\n".join(example)
    code = code.replace('"payment-watcher"', '"payment-watcher", sys.argv[1]')
    done = run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("a.csv\n", "")
    assert read(tmp_path, "payment-watcher").progress_note == "a.csv"


def test_the_package_knows_its_version_and_nothing_else() -> None:
    assert re.match(r"\d", supervisor.__version__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        supervisor.nothing  # noqa: B018
