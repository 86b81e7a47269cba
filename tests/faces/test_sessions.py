"""Sessions and the count of wrong tokens, told the time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from supervisor.faces.api.sessions import IN_ALL, LIFETIME, MAX_SESSIONS, PER_PEER, WINDOW, Sessions, Throttle, same

TOKEN = "sesame"


def test_a_session_stands_for_its_time_and_no_longer() -> None:
    sessions = Sessions()
    secret = sessions.begin("ann", TOKEN, 100.0)
    found = sessions.find(secret, TOKEN, 100.0 + LIFETIME - 1)
    assert found is not None
    assert found.name == "ann"
    assert sessions.find(secret, TOKEN, 100.0 + LIFETIME) is None


def test_another_token_ends_it_and_so_does_a_logout() -> None:
    sessions = Sessions()
    one, other = sessions.begin("ann", TOKEN, 0.0), sessions.begin("bob", TOKEN, 0.0)
    assert sessions.find(one, "new", 1.0) is None
    sessions.end(one)
    sessions.end("never was")
    assert sessions.find(one, TOKEN, 1.0) is None
    assert sessions.find(other, TOKEN, 1.0) is not None
    assert sessions.find("\ud800", TOKEN, 1.0) is None


def test_where_there_are_too_many_the_oldest_ends() -> None:
    sessions = Sessions()
    secrets = [sessions.begin(str(number), TOKEN, 0.0) for number in range(MAX_SESSIONS + 1)]
    assert sessions.find(secrets[0], TOKEN, 1.0) is None
    assert all(sessions.find(secret, TOKEN, 1.0) for secret in secrets[1:])
    fresh = sessions.begin("later", TOKEN, LIFETIME)
    assert sessions.find(fresh, TOKEN, LIFETIME) is not None


PAUSES = st.integers(0, 120).map(lambda quarters: quarters / 4)  # sums of these are exact


@given(st.lists(st.tuples(PAUSES, st.sampled_from("abcdef")), max_size=150))
def test_nobody_guesses_faster_than_that(tries: list[tuple[float, str]]) -> None:
    throttle, now = Throttle(), 0.0
    judged: list[tuple[float, str]] = []
    for pause, peer in tries:
        now += pause
        wait = throttle.wait(peer, now)
        mine = [at for at, who in judged if who == peer and at + WINDOW > now]
        everybody = [at for at, _ in judged if at + WINDOW > now]
        assert (wait > 0) == (len(mine) >= PER_PEER or len(everybody) >= IN_ALL)
        assert wait <= WINDOW
        if wait > 0:
            assert throttle.wait(peer, now + wait) <= 0 or len(everybody) >= IN_ALL
        else:
            throttle.wrong(peer, now)
            judged.append((now, peer))
    assert all(before <= after for (before, _), (after, _) in pairwise(judged))


def test_nor_from_many_addresses() -> None:
    throttle = Throttle()
    for number in range(IN_ALL):
        assert throttle.wait(f"127.0.0.{number}", 10.0) <= 0
        throttle.wrong(f"127.0.0.{number}", 10.0)
    assert throttle.wait("127.0.0.99", 11.0) == WINDOW - 1
    assert throttle.wait("127.0.0.99", 10.0 + WINDOW) <= 0


def test_texts_are_compared_whole() -> None:
    assert same("a", "a")
    assert same("\ud800", "\ud800")
    assert not same("a", "a ")
    assert not same("", "a")
