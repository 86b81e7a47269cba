"""What the checks see, told as a story: "10s a b" is an observation that found a and b, ten seconds after the first."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from time import perf_counter

import pytest

from supervisor.domain.books import Scope, Subject
from supervisor.domain.docket import Changes, Closed, Docket, FindingState, Kept
from supervisor.domain.findings import CheckName, Finding

START = 1_800_000_000.0
SETTLE = 30.0
INVOICE = Subject(Scope.INVOICE, "INV-1")
OTHER = Subject(Scope.INVOICE, "INV-2")


def finding(name: str = "a", line: int = 5) -> Finding:
    return Finding(CheckName.AMOUNT_MISMATCH, name, "1 is not 2", "/books/ledger.md", line)


def hard(since: float, opened_at: float, name: str = "a", subject: Subject = INVOICE) -> Kept:
    return Kept(subject, finding(name), FindingState.HARD, since, opened_at)


@dataclass
class Desk:
    """A docket and whoever lays the cases before it. Times are seconds from `START`."""

    docket: Docket = field(default_factory=lambda: Docket(SETTLE))

    def see(
        self,
        at: float,
        names: str = "",
        basis: Hashable = "as it was",
        *,
        subject: Subject = INVOICE,
        quiet_for: float = 0.0,
        after: str = "",
    ) -> str:
        """Observe; return what changed, as "+a -b(40)": a was opened, b was closed after 40 s."""
        now = START + at
        found = [finding(name) for name in names.split()]
        changes = self.docket.observe(subject, basis, found, now, now - quiet_for, after=after)
        opened = [f"+{kept.finding.subject}" for kept in changes.opened]
        return " ".join([*opened, *(f"-{one.kept.finding.subject}({one.seconds:g})" for one in changes.closed)])

    @property
    def known(self) -> dict[str, str]:
        return {kept.finding.subject: f"{kept.state} {kept.since - START:g}" for kept in self.docket.findings()}

    @property
    def due(self) -> float | None:
        return None if self.docket.due is None else self.docket.due - START


# --- from soft to hard -------------------------------------------------------------------------------


def test_it_is_soft_until_it_is_seen_again_after_settle() -> None:
    desk = Desk()
    assert desk.see(0, "a") == ""
    assert desk.known == {"a": "soft 0"}
    assert desk.see(29.9, "a") == ""
    assert desk.see(30, "a") == "+a"
    assert desk.known == {"a": "hard 0"}
    assert desk.see(31, "a") == ""


def test_time_alone_makes_nothing_hard() -> None:
    desk = Desk()
    desk.see(0, "a")
    assert desk.docket.ripe(START + 9999) == {INVOICE}
    assert desk.known == {"a": "soft 0"}


def test_what_is_gone_before_it_was_hard_is_nobodys_news() -> None:
    desk = Desk()
    desk.see(0, "a")
    assert desk.see(10) == ""
    assert desk.known == {}
    assert desk.due is None
    assert desk.see(31, "a") == ""
    assert desk.known == {"a": "soft 31"}


def test_on_a_changed_basis_its_time_begins_anew() -> None:
    desk = Desk()
    desk.see(0, "a", "paid here")
    assert desk.see(20, "a", "paid there too") == ""
    assert desk.see(40, "a", "paid there too") == ""
    assert desk.known == {"a": "soft 20"}
    assert desk.see(50, "a", "paid there too") == "+a"


def test_a_basis_that_is_back_has_changed_twice() -> None:
    desk = Desk()
    for at, basis in [(0, "one"), (10, "other"), (20, "one")]:
        desk.see(at, "a", basis)
    assert desk.see(30, "a", "one") == ""
    assert desk.see(50, "a", "one") == "+a"


def test_each_finding_has_its_own_time() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.see(10, "a b")
    assert desk.due == 30
    assert desk.see(30, "a b") == "+a"
    assert desk.known == {"a": "hard 0", "b": "soft 10"}
    assert desk.due == 40
    assert desk.see(40, "a b") == "+b"


def test_a_hard_one_stays_hard_whatever_it_rests_on_with_its_newest_line() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.see(30, "a")
    changes = desk.docket.observe(INVOICE, "changed", [finding(line=77)], START + 40, START + 40)
    assert changes == Changes()
    (kept,) = desk.docket.findings()
    assert kept == replace(hard(START, START + 30), finding=finding(line=77))


def test_a_soft_one_shows_its_newest_line() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.docket.observe(INVOICE, "as it was", [finding(line=77)], START + 10, START)
    (kept,) = desk.docket.findings()
    assert kept == Kept(INVOICE, finding(line=77), FindingState.SOFT, START)


def test_a_hard_one_that_is_found_no_more_is_closed() -> None:
    desk = Desk()
    desk.see(0, "a b")
    assert desk.see(30, "a b") == "+a +b"
    assert desk.see(40, "b") == "-a(40)"
    assert desk.see(50) == "-b(50)"
    assert desk.see(60) == ""
    assert desk.known == {}


def test_what_comes_back_is_opened_again() -> None:
    desk = Desk()
    for at, names, changes in [(0, "a", ""), (30, "a", "+a"), (31, "", "-a(31)"), (32, "a", ""), (62, "a", "+a")]:
        assert desk.see(at, names) == changes


# --- files that have been quiet ----------------------------------------------------------------------


@pytest.mark.parametrize(("quiet_for", "changes"), [(29.9, ""), (30.0, "+a"), (86400.0, "+a"), (-60.0, "")])
def test_what_is_seen_first_in_quiet_files_is_hard_at_once(quiet_for: float, changes: str) -> None:
    desk = Desk()
    assert desk.see(0, "a", quiet_for=quiet_for) == changes


def test_what_is_seen_already_waits_for_its_time() -> None:
    desk = Desk()
    desk.see(0, "a", quiet_for=20)
    assert desk.see(15, "a", quiet_for=35) == ""
    assert desk.see(30, "a", quiet_for=50) == "+a"


def test_on_a_changed_basis_it_is_seen_first() -> None:
    desk = Desk()
    desk.see(0, "a", "one", quiet_for=20)
    assert desk.see(10, "a", "other", quiet_for=30) == "+a"


# --- when to look again ------------------------------------------------------------------------------


def test_it_says_when_to_look_again() -> None:
    desk = Desk()
    assert desk.due is None
    assert desk.docket.ripe(START) == set()
    desk.see(0, "a")
    desk.see(5, "b", subject=OTHER)
    assert desk.due == 30
    assert desk.docket.ripe(START + 29) == set()
    assert desk.docket.ripe(START + 30) == {INVOICE}
    desk.see(30, "a")
    assert desk.due == 35
    assert desk.docket.ripe(START + 35) == {OTHER}
    desk.see(35, "b", subject=OTHER)
    assert desk.due is None


def test_a_look_on_a_changed_basis_puts_it_off() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.see(20, "a", "changed")
    assert desk.due == 50
    assert desk.docket.ripe(START + 30) == set()


def test_nobody_looked_so_it_is_named_again() -> None:
    desk = Desk()
    desk.see(0, "a")
    assert desk.docket.ripe(START + 31) == {INVOICE}
    assert desk.due == 61
    assert desk.docket.ripe(START + 60) == set()
    assert desk.docket.ripe(START + 61) == {INVOICE}
    desk.see(62, "a", "changed")
    assert desk.due == 92


def test_all_that_is_ripe_is_named_at_once() -> None:
    desk = Desk()
    desk.see(0, "a b")
    desk.see(1, "c", subject=OTHER)
    assert desk.docket.ripe(START + 99) == {INVOICE, OTHER}


def test_without_settle_the_second_look_decides() -> None:
    desk = Desk(Docket(0.0))
    assert desk.see(0, "a", quiet_for=-1) == ""
    assert desk.docket.ripe(START) == {INVOICE}
    assert desk.docket.ripe(START) == {INVOICE}
    assert desk.see(0, "a", quiet_for=-1) == "+a"


# --- an earlier life, a restart, a clock -------------------------------------------------------------


def test_what_an_earlier_life_opened_stays_open_and_is_not_opened_again() -> None:
    desk = Desk()
    kept = [hard(START - 100, START - 70), hard(START - 50, START - 20, "b"), hard(START, START, "c", OTHER)]
    desk.docket.restore(kept)
    assert desk.docket.findings() == tuple(kept)
    assert desk.due is None
    assert desk.docket.subjects() == {INVOICE, OTHER}
    assert desk.docket.knows(OTHER)
    assert desk.see(0, "a") == "-b(50)"
    assert desk.see(1, subject=OTHER) == "-c(1)"
    assert desk.known == {"a": "hard -100"}
    assert desk.docket.subjects() == {INVOICE}
    assert not desk.docket.knows(OTHER)


def test_something_new_beside_it_is_soft() -> None:
    desk = Desk()
    desk.docket.restore([hard(START, START)])
    assert desk.see(0, "a b", None) == ""
    assert desk.known == {"a": "hard 0", "b": "soft 0"}


def test_what_a_restart_may_have_left_says_so() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.see(1, "a b", after="restart 2 of payment-watcher")
    desk.see(31, "a b c")
    named = {kept.finding.subject: kept.after_restart for kept in desk.docket.findings()}
    assert named == {"a": "restart 2 of payment-watcher", "b": "restart 2 of payment-watcher", "c": ""}


def test_what_was_wrong_before_was_not_left_by_a_restart() -> None:
    desk = Desk()
    desk.see(0, "a")
    desk.see(30, "a")
    desk.see(31, "a", after="restart 2 of payment-watcher")
    (kept,) = desk.docket.findings()
    assert kept.after_restart == ""


def test_the_first_restart_that_may_have_left_it_is_the_one() -> None:
    desk = Desk()
    desk.see(0, "a", after="restart 2 of payment-watcher")
    desk.see(30, "a", after="restart 1 of collections-emailer")
    (kept,) = desk.docket.findings()
    assert (kept.hard, kept.after_restart) == (True, "restart 2 of payment-watcher")


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_a_clock_that_is_set_moves_everything_with_it(step: float) -> None:
    desk = Desk()
    desk.see(0, "c", "before", subject=OTHER)
    desk.see(0, "a")
    desk.see(30, "a")
    desk.see(40, "a b")
    desk.see(45, "c", subject=OTHER)
    desk.docket.shift(step)
    assert desk.known == {"a": f"hard {step:g}", "b": f"soft {step + 40:g}", "c": f"soft {step + 45:g}"}
    assert {kept.opened_at for kept in desk.docket.findings()} == {START + step + 30, None}
    assert desk.due == step + 70
    assert desk.see(step + 69, "a b") == ""
    assert desk.see(step + 70, "a b") == "+b"
    assert desk.due == step + 75
    assert desk.see(step + 80) == "-a(80) -b(40)"


def test_a_clock_that_went_back_unheard_makes_nothing_shorter_than_nothing() -> None:
    desk = Desk()
    desk.see(0, "a", quiet_for=SETTLE)
    assert desk.see(-10) == "-a(0)"


# --- what the journal and the faces see --------------------------------------------------------------


def test_the_hard_ones_come_first() -> None:
    desk = Desk()
    desk.see(0, "a b")
    desk.see(1, "c", subject=OTHER, quiet_for=SETTLE)
    assert [kept.finding.subject for kept in desk.docket.findings()] == ["c", "a", "b"]


def test_changes_carry_what_is_kept() -> None:
    desk = Desk()
    desk.see(0, "a")
    opened = desk.docket.observe(INVOICE, "as it was", [finding()], START + 30, START)
    assert opened == Changes(opened=(hard(START, START + 30),))
    assert opened.opened[0].id == finding().id
    closed = desk.docket.observe(INVOICE, None, [], START + 40, START)
    assert closed == Changes(closed=(Closed(hard(START, START + 30), 40.0),))


def test_looks_leave_nothing_behind() -> None:
    desk = Desk()
    for at in range(3000):
        desk.see(at / 1000, "a")
    assert len(desk.docket._wake_ups) == 1
    for at in range(6000):  # ten minutes of an invoice that is never twice the same
        desk.see(10 + at / 10, "a", at)
        assert desk.docket.ripe(START + 10 + at / 10) == set()
    assert len(desk.docket._wake_ups) <= 10 * SETTLE + 2


def test_one_observation_costs_no_more_among_a_hundred_thousand() -> None:
    def cost(others: int) -> float:
        desk = Docket(SETTLE)
        for number in range(others):
            desk.observe(Subject(Scope.INVOICE, str(number)), 0, [finding(str(number))], START + number * 1e-5, START)
        best = float("inf")
        for turn in range(5):
            begun = perf_counter()
            for number in range(200):
                name = f"INV-{turn}-{number}"
                desk.observe(Subject(Scope.INVOICE, name), 0, [finding(name)], START + 2, START)
                assert desk.due is not None
            best = min(best, perf_counter() - begun)
        return best

    assert cost(100_000) < 10 * cost(100)
