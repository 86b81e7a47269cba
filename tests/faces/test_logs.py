import io
import logging
import os
import pty
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.domain.records import DashboardWritten, HeartbeatReceived, Record, SupervisorStopping
from supervisor.faces.lines import json_line
from supervisor.faces.logs import LibraryHandler, LogSink, configure
from tests.support.logcheck import check_lines


def debug(number: int) -> Record:
    return HeartbeatReceived(f"agent-{number}", 0.0, "ok")


def info(number: int) -> Record:
    return SupervisorStopping(str(number))


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def drain(fd: int, until: bytes, limit: float = 10.0) -> bytes:
    """Read `fd` until `until` has come."""
    got = b""
    while until not in got:
        assert select.select([fd], [], [], limit)[0], got[-500:]
        got += os.read(fd, 65536)
    return got


def test_records_come_out_in_order_one_a_line(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        sink = configure("json", "debug", out)
        for number in range(500):
            sink.emit(debug(number) if number % 2 else info(number), at=float(number))
        assert sink.close()
    lines = check_lines((tmp_path / "out").read_bytes())
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    assert len(lines) == 500


def test_records_below_the_level_are_passed_over(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        sink = configure("json", "warning", out)
        sink.emit(debug(1))
        sink.emit(info(1))
        assert sink.close()
    assert (tmp_path / "out").read_bytes() == b""


def test_a_time_that_is_not_given_is_now(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        sink = configure("json", "debug", out)
        sink.emit(info(1))
        sink.close()
    (line,) = check_lines((tmp_path / "out").read_bytes())
    assert line["timestamp"].startswith(time.strftime("%Y-", time.gmtime()))


def test_a_reader_that_does_not_read_holds_nobody_and_loses_debug_first(pipe: tuple[int, int]) -> None:
    read, write = pipe
    sink = LogSink(write, json_line, "debug", capacity=100)
    began = time.monotonic()
    for number in range(5_000):
        sink.emit(debug(number))
    stuck = time.monotonic() + 10
    while len(sink._debug) < 100 and time.monotonic() < stuck:  # the writer is stuck in a full pipe now
        sink.emit(debug(0))
    for number in range(60):
        sink.emit(info(number))
    assert time.monotonic() - began < 10
    sink.emit(SupervisorStopping("the last"))
    lines = check_lines(drain(read, b"the last"))
    assert [line["reason"] for line in lines if line["event"] == "supervisor_stopping"] == [
        *map(str, range(60)),
        "the last",
    ]
    dropped = [line for line in lines if line["event"] == "log_dropped"]
    assert sum(line["count"] for line in dropped) >= 1_000
    assert sink.close()


def test_when_only_important_records_wait_the_oldest_goes(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.set_blocking(write, False)
    filled = 0
    while True:
        try:
            filled += os.write(write, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write, True)
    sink = LogSink(write, json_line, "debug", capacity=3)
    sink.emit(info(0))
    while sink._other:  # taken by the writer, which is stuck with it
        time.sleep(0.001)
    for number in range(1, 8):
        sink.emit(info(number))
    lines = check_lines(drain(read, b'"reason":"7"').lstrip(b"x"))
    assert [line.get("reason", line.get("count")) for line in lines] == ["0", 4, "5", "6", "7"]
    assert sink.close()


def test_closing_with_a_reader_that_does_not_read_is_bounded(pipe: tuple[int, int]) -> None:
    read, write = pipe
    sink = LogSink(write, json_line, "debug")
    for number in range(5_000):
        sink.emit(info(number))
    began = time.monotonic()
    assert not sink.close(timeout=0.2)
    assert time.monotonic() - began < 5
    sink.emit(info(-1))  # after the end: ignored
    drain(read, b'"reason":"4999"')
    sink._thread.join(10)
    assert not sink._thread.is_alive()


def test_a_closed_reader_hurts_nobody() -> None:
    read, write = os.pipe()
    sink = LogSink(write, json_line, "debug")
    os.close(write)
    os.close(read)
    for number in range(100):
        sink.emit(info(number))
    assert not sink.close()


def test_a_full_disk_loses_lines_says_so_later_and_leaves_no_line_torn(tmp_path: Path) -> None:
    """A file-size limit stands for the full disk: writes are cut short and then refused, as ENOSPC does."""
    out = tmp_path / "out"
    script = """
        import os, resource, signal, sys, time
        from supervisor.domain.records import SupervisorStopping
        from supervisor.faces.logs import configure
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        sink = configure("json", "debug", sys.stdout)
        for number in range(50):
            sink.emit(SupervisorStopping(f"before {number}"))
        while sink._other or sink._dropped < 30:
            time.sleep(0.01)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sink.emit(SupervisorStopping("after"))
        sys.exit(0 if sink.close() else 1)
    """
    with out.open("wb") as stdout:
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], stdout=stdout, check=True, timeout=60)
    *before, torn, dropped, after = out.read_bytes().splitlines()
    whole = check_lines(b"\n".join(before))
    assert torn.startswith(b"{")
    assert not torn.endswith(b"}")
    said, last = check_lines(dropped + b"\n" + after)
    assert said["event"] == "log_dropped"
    assert said["count"] == 50 - len(whole)
    assert last["reason"] == "after"


def test_a_pipe_that_somebody_made_non_blocking_loses_nothing(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.set_blocking(write, False)
    sink = LogSink(write, json_line, "debug")
    for number in range(3_000):
        sink.emit(info(number))
    lines = check_lines(drain(read, b'"reason":"2999"'))
    assert len(lines) == 3_000
    assert sink.close()


def test_the_sink_never_writes_into_a_descriptor_that_was_reused(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        sink = configure("json", "debug", log)
        number = log.fileno()
    with (tmp_path / "ledger").open("wb") as ledger:
        assert ledger.fileno() == number  # the lowest free one: the log's old number
        sink.emit(info(1))
        assert sink.close()
    assert (tmp_path / "ledger").read_bytes() == b""
    assert len(check_lines((tmp_path / "log").read_bytes())) == 1


def test_with_standard_output_closed_the_process_goes_on() -> None:
    sink = configure("json", "debug", None)
    sink.emit(info(1))
    assert sink.close()


def test_a_stream_without_descriptor_is_refused() -> None:
    with pytest.raises(io.UnsupportedOperation):
        configure("json", "debug", io.BytesIO())


@pytest.mark.parametrize(("ours", "start"), [(True, b"<6>{"), (False, b"{")])
def test_only_journalds_own_stream_gets_priorities(tmp_path: Path, ours: bool, start: bytes) -> None:
    with (tmp_path / "out").open("w+b") as out:
        found = os.fstat(out.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino if ours else found.st_ino + 1}"}
        sink = configure("json", "debug", out, environ)
        sink.emit(info(1))
        assert sink.close()
    written = (tmp_path / "out").read_bytes()
    assert written.startswith(start)
    assert len(check_lines(written)) == 1


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_on_a_terminal_only_and_never_against_a_persons_wish(environ: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb", buffering=0) as terminal:
        sink = configure("console", "debug", terminal, environ)
        sink.emit(DashboardWritten("dashboard.html", 5, 0.25))
        assert sink.close()
        seen = drain(ours, b"\n")
    os.close(ours)
    assert (b"\x1b[" in seen) is coloured
    assert b"dashboard_written" in seen


def test_no_colours_in_a_file(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        sink = configure("console", "debug", out, {})
        sink.emit(info(1))
        assert sink.close()
    assert b"\x1b" not in (tmp_path / "out").read_bytes()


def test_what_libraries_log_is_a_record_with_its_traceback(tmp_path: Path) -> None:
    logger = logging.getLogger("some.library")
    with (tmp_path / "out").open("w+b") as out:
        sink = configure("json", "info", out, {})
        handler = LibraryHandler(sink)
        logger.addHandler(handler)
        try:
            raise RuntimeError("\x1b[31mnobody awaited this")  # noqa: TRY301 - to have a traceback
        except RuntimeError:
            logger.exception("a task failed")
        finally:
            logger.removeHandler(handler)
        logger.warning("too late")
        assert sink.close()
    (line,) = check_lines((tmp_path / "out").read_bytes())
    assert (line["event"], line["source"]) == ("library_reported", "some.library")
    assert line["message"].startswith("a task failed\nTraceback")
    assert "nobody awaited this" in line["message"]
