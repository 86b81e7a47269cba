"""The event log, read on from where it was left, however its writer puts it there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.domain.invoices import Status
from supervisor.filesystem import RealFiles
from supervisor.runtime import eventreader
from supervisor.runtime.eventreader import EventReader, News


class Log:
    """An event log on disk, its reader, and what was told of it so far."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.log"
        self.reader = EventReader(self.path, RealFiles())
        self.told: list[tuple[str, int]] = []
        self.written = b""

    def rename(self, data: bytes) -> None:
        """Write it anew, as the agents do."""
        other = self.path.with_suffix(".tmp")
        other.write_bytes(data)
        other.replace(self.path)
        self.written = data

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self.written += data

    def read(self) -> News | None:
        news = self.reader.read()
        if news is not None:
            said = [(one.invoice, one.line) for one in news.happenings]
            self.told = said if news.fresh else self.told + said
        return news


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def line(number: int) -> bytes:
    said = {
        "timestamp": "2026-03-01T12:00:00",
        "event_id": f"{number:08x}",
        "client": "acme",
        "invoice": f"INV-{number}",
    }
    return json.dumps({**said, "event": "state_update", "data": {"status": "unpaid"}}).encode() + b"\n"


def lines(*numbers: int) -> bytes:
    return b"".join(map(line, numbers))


def test_a_log_that_is_written_anew_and_only_longer_is_read_on(log: Log) -> None:
    log.rename(lines(1, 2))
    news = log.read()
    assert news is not None
    assert news.fresh
    assert [one.status for one in news.happenings] == [Status.UNPAID, Status.UNPAID]
    assert log.read() is None
    log.rename(lines(1, 2, 3))
    news = log.read()
    assert news is not None
    assert (news.fresh, len(news.happenings)) == (False, 1)
    assert log.told == [("INV-1", 1), ("INV-2", 2), ("INV-3", 3)]


def test_another_log_is_read_whole(log: Log) -> None:
    log.rename(lines(1, 2, 3))
    log.read()
    log.rename(lines(7, 8, 9))
    news = log.read()
    assert news is not None
    assert news.fresh
    assert log.told == [("INV-7", 1), ("INV-8", 2), ("INV-9", 3)]


def test_a_log_that_was_cut_is_read_whole(log: Log) -> None:
    log.rename(lines(*range(40)))
    log.read()
    log.rename(lines(38, 39))
    assert log.read() is not None
    assert log.told == [("INV-38", 1), ("INV-39", 2)]
    log.rename(b"")
    news = log.read()
    assert news is not None
    assert (news.fresh, log.told) == (True, [])


def test_an_unfinished_line_is_taken_once_it_is_finished(log: Log) -> None:
    whole = line(2)
    log.rename(line(1) + whole[:30])
    news = log.read()
    assert news is not None
    assert (news.torn, log.told) == (True, [("INV-1", 1)])
    log.rename(line(1) + whole)
    news = log.read()
    assert news is not None
    assert (news.torn, news.fresh, log.told) == (False, False, [("INV-1", 1), ("INV-2", 2)])


def test_a_bad_line_is_a_problem_with_its_number(log: Log) -> None:
    log.rename(lines(1) + b"nonsense\n")
    log.read()
    log.append(lines(3) + b"more\n")
    news = log.read()
    assert news is not None
    assert [problem.line for problem in news.problems] == [4]
    assert log.told == [("INV-1", 1), ("INV-3", 3)]


def test_a_log_that_goes_and_comes_back(log: Log) -> None:
    assert log.read() is None
    log.rename(lines(1))
    log.read()
    log.path.unlink()
    assert log.read() == News(gone=True)
    assert log.read() is None
    log.rename(lines(1))
    news = log.read()
    assert news is not None
    assert news.fresh


def test_what_can_not_be_read_is_said(log: Log) -> None:
    log.path.mkdir()
    news = log.read()
    assert news is not None
    assert "a folder" in news.error


def test_a_long_log_is_read_a_stretch_at_a_time(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventreader, "AT_ONCE", 700)
    log.rename(lines(*range(50)))
    log.read()
    assert log.told == [(f"INV-{number}", number + 1) for number in range(50)]


def test_a_line_that_is_longer_than_a_stretch_is_a_problem_and_no_end(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventreader, "AT_ONCE", 700)
    log.rename(lines(1) + b'"' + b"x" * 5000 + b'"\n' + lines(3))
    news = log.read()
    assert news is not None
    assert log.told == [("INV-1", 1), ("INV-3", 3)]
    assert {problem.line for problem in news.problems} == {2}


def test_a_log_that_shrinks_while_it_is_read_is_read_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventreader, "AT_ONCE", 700)
    log.rename(lines(*range(50)))
    read = RealFiles.read

    def shrinking(*args: object, **named: object) -> object:
        if named["start"]:
            log.path.unlink(missing_ok=True)
        return read(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(RealFiles, "read", shrinking)
    news = log.read()
    assert news is not None
    assert 0 < len(news.happenings) < 50
    monkeypatch.undo()
    assert log.read() == News(gone=True)


@given(st.lists(st.tuples(st.sampled_from(["rename", "append", "cut", "tear"]), st.integers(1, 4)), max_size=12))
def test_whatever_its_writer_does_what_was_told_is_what_stands_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    log = Log(tmp_path_factory.mktemp("log"))
    number = 0
    for way, count in steps:
        fresh = lines(*range(number, number + count))
        number += count
        base = log.written[: log.written.rfind(b"\n") + 1]
        if way == "rename":
            log.rename(base + fresh)
        elif way == "append":
            log.rename(base)
            log.append(fresh)
        elif way == "cut":
            log.rename(fresh)
        else:
            log.rename(base + fresh[:-20])
        log.read()
        whole = log.written[: log.written.rfind(b"\n") + 1].splitlines()
        assert log.told == [(json.loads(text)["invoice"], place) for place, text in enumerate(whole, 1)]
