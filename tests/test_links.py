"""Links that acknowledge: each is good for what it names, and nothing else is good for anything."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor import links
from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident
from supervisor.links import GOOD_FOR, PATH, AckLinks, Claim, LinkError
from supervisor.runtime.sender import LINKED

PUBLIC = "https://supervisor.example.org"
FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def made(folder: Path) -> AckLinks:
    return AckLinks(PUBLIC, folder / "data" / "ack.key")


def token(made: AckLinks, channel: str = "ops", incidents: Sequence[str] = ("0a1b2c3d",), made_at: float = 5.0) -> str:
    url = asyncio.run(made.url(channel, incidents, made_at))
    assert url.startswith(f"{PUBLIC}{PATH}")
    return url.removeprefix(f"{PUBLIC}{PATH}")


def read(made: AckLinks, token: str) -> Claim:
    return asyncio.run(made.read(token))


IDS = st.lists(st.text("0123456789abcdef", min_size=8, max_size=8), min_size=1, max_size=LINKED)


@given(st.text(max_size=64), IDS, st.floats(0, 4e9))
@FIXTURE
def test_a_link_is_good_for_what_it_names(tmp_path: Path, channel: str, incidents: list[str], made_at: float) -> None:
    links = made(tmp_path)
    text = token(links, channel, incidents, made_at)
    assert read(links, text) == Claim(channel, tuple(incidents), made_at)
    assert token(links, channel, incidents, made_at) == text
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(st.data())
@FIXTURE
def test_an_altered_link_is_good_for_nothing(tmp_path: Path, data: st.DataObject) -> None:
    links = made(tmp_path)
    right = token(links)
    place = data.draw(st.integers(0, len(right)))
    letter = data.draw(st.text("ABCDEFghijkl0123456789-_.", max_size=2))
    altered = right[:place] + letter + right[place + data.draw(st.integers(0, 2)) :]
    if altered != right:
        with pytest.raises(LinkError, match="this is no link of ours"):
            read(links, altered)


@given(st.text(max_size=200))
@FIXTURE
def test_no_text_is_a_link_by_chance(tmp_path: Path, text: str) -> None:
    with pytest.raises(LinkError):
        read(made(tmp_path), text)


def test_another_spelling_of_the_same_bytes_is_no_link(tmp_path: Path) -> None:
    links = made(tmp_path)
    right = token(links)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        altered = right[:-1] + last
        if altered != right:
            with pytest.raises(LinkError):
                read(links, altered)
    assert base64.urlsafe_b64decode(right.rpartition(".")[2] + "=")


def test_the_link_of_many_is_short_enough_for_a_mail(tmp_path: Path) -> None:
    ids = [hashlib.sha256(bytes([number])).hexdigest()[:8] for number in range(LINKED)]
    assert len(token(made(tmp_path), "ops", ids, 1780000000.123456)) < 600


@pytest.mark.parametrize(
    ("made_at", "opened_at", "now", "good"),
    [
        (100.0, 50.0, 100.0, True),
        (100.0, 50.0, 100.0 + GOOD_FOR, True),
        (100.0, 50.0, 101.0 + GOOD_FOR, False),
        (700.0, 50.0, 100.0, True),  # the clock was ahead when the message was made
        (100.0, 9e9, 9e9, True),  # it was set forward since, and the times of the incident with it
    ],
)
def test_a_link_ends_after_seven_days_whatever_the_clock_does(
    made_at: float, opened_at: float, now: float, *, good: bool
) -> None:
    incident = Incident("0a1b2c3d", "a:heartbeat", Severity.CRITICAL, "", opened_at)
    assert Claim("ops", ("0a1b2c3d",), made_at).is_good_for(incident, now) is good


def test_the_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    links = made(tmp_path)
    first = token(links)
    assert stat.S_IMODE(links.key_file.stat().st_mode) == 0o600
    assert len(links.key_file.read_bytes()) == 32
    assert [path.name for path in links.key_file.parent.iterdir()] == ["ack.key"]
    assert read(made(tmp_path), first).incidents == ("0a1b2c3d",)


def test_a_lost_key_makes_old_links_invalid_and_no_more(tmp_path: Path) -> None:
    links = made(tmp_path)
    old = token(links)
    links.key_file.unlink()
    new = token(links)
    assert read(links, new).channel == "ops"
    with pytest.raises(LinkError):
        read(links, old)


def test_a_key_that_is_none_is_not_used(tmp_path: Path) -> None:
    broken = made(tmp_path)
    broken.key_file.parent.mkdir()
    broken.key_file.write_bytes(b"")
    with pytest.raises(OSError, match="holds no key"):
        token(broken)


def test_of_two_that_make_a_key_at_once_both_use_the_first(tmp_path: Path) -> None:
    kept = made(tmp_path)
    first = token(kept)
    links._make(kept.key_file)
    assert read(kept, first).channel == "ops"
