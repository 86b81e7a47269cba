"""What the activity logs tell of is counted once, in its window, and "no data" is not 0."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.filesystem import RealFiles
from supervisor.formats.activity import Activity
from supervisor.runtime.activities import Activities
from tests.support.files import MemoryFiles

NOW = 1_780_000_000.0
HOUR, DAY = 3600.0, 86400.0
CACHE = Path("/cache")
NO_DATA = dict.fromkeys(Activity)


def said(at: float, **keys: str) -> bytes:
    """Return a line as the agents write it: UTC, without a zone."""
    timestamp = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
    return json.dumps({"timestamp": timestamp, **keys}).encode() + b"\n"


def sent(*ages: float) -> bytes:
    """Return a line for each e-mail that was sent so many seconds ago."""
    return b"".join(said(NOW - age, type="EMAIL_SENT") for age in ages)


@pytest.fixture
def files() -> MemoryFiles:
    return MemoryFiles()


@pytest.fixture
def activities(files: MemoryFiles) -> Activities:
    return Activities(CACHE, files, NOW)


def emails(activities: Activities, window: float = DAY, now: float = NOW) -> int | None:
    return activities.counts(window, now)[Activity.EMAILS_SENT]


def test_a_log_that_was_never_there_is_no_data(activities: Activities) -> None:
    assert activities.counts(DAY, NOW) == NO_DATA


def test_a_log_that_says_nothing_is_nothing(activities: Activities, files: MemoryFiles) -> None:
    for kind in Activity:
        files.write(CACHE / kind, b"", NOW)
    assert activities.counts(DAY, NOW) == dict.fromkeys(Activity, 0)


def test_each_log_tells_of_its_own(activities: Activities, files: MemoryFiles) -> None:
    files.write(CACHE / Activity.EMAILS_SENT, sent(5, 4) + said(NOW, type="EMAIL_QUEUED") + b"nonsense\n", NOW)
    files.write(CACHE / Activity.PAYMENTS_DETECTED, said(NOW - 3, type="PAYMENT_DETECTED"), NOW)
    assert activities.counts(DAY, NOW) == {
        Activity.EMAILS_SENT: 2,
        Activity.PAYMENTS_DETECTED: 1,
        Activity.ERRORS: None,
    }
    files.write(CACHE / Activity.ERRORS, said(NOW - 1, level="ERROR") + said(NOW - 1, level="WARNING"), NOW)
    assert activities.counts(DAY, NOW)[Activity.ERRORS] == 1


def test_a_window_begins_with_its_first_moment(activities: Activities, files: MemoryFiles) -> None:
    files.write(CACHE / Activity.EMAILS_SENT, sent(HOUR + 1, HOUR, 2 * DAY, 1), NOW)
    assert [emails(activities, window) for window in (HOUR, DAY, 7 * DAY)] == [2, 3, 4]
    assert emails(activities, HOUR, NOW + HOUR) == 0


def test_nothing_older_than_the_longest_window_is_kept(activities: Activities, files: MemoryFiles) -> None:
    files.write(CACHE / Activity.EMAILS_SENT, sent(9 * DAY, 8 * DAY, 7 * DAY), NOW)
    assert emails(activities, 8 * DAY) == 2
    assert emails(activities, 8 * DAY, NOW + 1) == 1
    assert len(activities._counters[Activity.EMAILS_SENT]._times) == 1


def test_what_is_dated_ahead_is_of_now(activities: Activities, files: MemoryFiles) -> None:
    files.write(CACHE / Activity.EMAILS_SENT, sent(-5 * DAY), NOW)
    assert emails(activities) == 1
    assert emails(activities, HOUR, NOW + HOUR + 1) == 0


def test_a_log_that_is_gone_still_has_said_what_it_said(activities: Activities, files: MemoryFiles) -> None:
    files.write(CACHE / Activity.EMAILS_SENT, sent(1), NOW)
    assert emails(activities) == 1
    files.remove(CACHE / Activity.EMAILS_SENT)
    assert emails(activities) == 1


def test_a_log_that_can_not_be_read_is_no_data_until_it_can(activities: Activities, files: MemoryFiles) -> None:
    path = CACHE / Activity.EMAILS_SENT
    files.mark_odd(path, "a FIFO")
    assert emails(activities) is None
    files.write(path, sent(2), NOW)
    assert emails(activities) == 1
    files.mark_odd(path.with_name(f"{path.name}.1"), "a folder")
    files.append(path, sent(1), NOW + 1)
    assert emails(activities) is None
    files.remove(path.with_name(f"{path.name}.1"))
    assert emails(activities) == 2


@pytest.mark.parametrize(
    ("edited", "count"),
    [
        (sent(50, 40, 30, 20), 4),
        (sent(50, 30), 2),
        (sent(40, 30, 20), 4),  # what stood before its first line was in a log that is gone
        (sent(10), 5),
        (b"", 4),
    ],
    ids=["rewritten", "with lines taken out", "without its beginning", "begun anew", "emptied"],
)
def test_a_log_that_is_replaced_is_not_counted_twice(
    activities: Activities, files: MemoryFiles, edited: bytes, count: int
) -> None:
    path = CACHE / Activity.EMAILS_SENT
    files.write(path, b"first version\n" + sent(50, 40, 30, 20), NOW)
    assert emails(activities) == 4
    files.write(path, edited, NOW + 1)
    assert emails(activities) == count
    files.append(path, sent(5), NOW + 2)
    assert emails(activities) == count + 1


def test_rotated_and_cut_off_logs_on_disk(tmp_path: Path) -> None:
    activities = Activities(tmp_path, RealFiles(), NOW)
    path, rotated = tmp_path / Activity.EMAILS_SENT, tmp_path / f"{Activity.EMAILS_SENT}.1"
    rotated.write_bytes(sent(90, 80))
    path.write_bytes(sent(70))
    os.utime(rotated, (NOW, NOW))
    assert emails(activities) == 3
    path.write_bytes(path.read_bytes() + sent(60))
    path.rename(rotated)
    path.write_bytes(sent(50)[:-20])
    assert emails(activities) == 4
    with path.open("ab") as file:
        file.write(sent(50)[-20:] + sent(40))
    assert emails(activities) == 6
    rotated.write_bytes(path.read_bytes() + sent(30))
    path.write_bytes(sent(20))
    assert emails(activities) == 8


@given(
    st.lists(st.lists(st.floats(min_value=0, max_value=9 * DAY)), max_size=4),
    st.floats(min_value=60, max_value=8 * DAY),
)
def test_lines_in_any_order_are_counted_by_their_time(written: list[list[float]], window: float) -> None:
    files = MemoryFiles()
    activities = Activities(CACHE, files, NOW)
    path = CACHE / Activity.EMAILS_SENT
    files.write(path, b"", 0.0)
    for turn, ages in enumerate(written):
        lines = (json.dumps({"timestamp": NOW - age, "type": "EMAIL_SENT"}).encode() + b"\n" for age in ages)
        files.append(path, b"".join(lines), turn)
        expected = sum(NOW - age >= NOW - window for ages in written[: turn + 1] for age in ages)
        assert emails(activities, window) == expected


# --- since we began ----------------------------------------------------------------------------------


def total(activities: Activities, now: float = NOW) -> int:
    activities.counts(DAY, now)
    return activities.totals[Activity.EMAILS_SENT]


def test_the_total_begins_with_us_and_only_grows(activities: Activities, files: MemoryFiles) -> None:
    assert activities.totals == dict.fromkeys(Activity, 0)
    log = CACHE / Activity.EMAILS_SENT
    files.write(log, sent(60, 30), NOW)
    files.append(log, said(NOW + 1, type="EMAIL_SENT"), NOW)
    assert total(activities, NOW + 1) == 1
    files.append(log, said(NOW + 2, type="EMAIL_SENT"), NOW)
    assert total(activities, NOW + 2) == 2
    assert total(activities, NOW + 30 * DAY) == 2  # though no window reaches back so far


def test_a_log_that_appears_later_counts_whole(activities: Activities, files: MemoryFiles) -> None:
    assert total(activities) == 0
    files.write(CACHE / Activity.EMAILS_SENT, sent(-1, -2), NOW)
    assert total(activities, NOW + 5) == 2


def test_a_copy_that_says_it_again_is_counted_once(activities: Activities, files: MemoryFiles) -> None:
    log = CACHE / Activity.EMAILS_SENT
    files.write(log, sent(-1, -2), NOW)
    assert total(activities, NOW + 5) == 2
    files.write(log, b"{}\n" + sent(-1, -2, -3), NOW)
    assert total(activities, NOW + 5) == 3
    files.write(log, b"{}{}\n" + sent(-3), NOW)
    assert total(activities, NOW + 5) == 3
