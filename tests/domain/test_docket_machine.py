"""The docket under anything that can be seen, in any order: what must hold always."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import permutations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from supervisor.domain.books import Scope, Subject
from supervisor.domain.docket import Changes, Docket, FindingState, Kept
from supervisor.domain.findings import CheckName, Finding

START = 1_800_000_000
SETTLE = 30
SUBJECTS = [Subject(Scope.LEDGER, "/ledger.md"), Subject(Scope.INVOICE, "INV-1")]

subjects = st.sampled_from(SUBJECTS)
names = st.lists(st.sampled_from("abc"), unique=True)
bases = st.sampled_from(["one", "one", "one", "other"])
quiet_times = st.sampled_from([0, 0, 0, SETTLE - 1, SETTLE, 9 * SETTLE])


@dataclass(frozen=True)
class Look:
    """One observation: when, on what basis, in files that were quiet for how long, and the ids of what was found."""

    subject: Subject
    at: int
    basis: str
    quiet_for: int
    found: tuple[Finding, ...]

    @property
    def ids(self) -> set[str]:
        return {finding.id for finding in self.found}

    def into(self, docket: Docket) -> Changes:
        return docket.observe(self.subject, self.basis, self.found, self.at, self.at - self.quiet_for)


class DocketMachine(RuleBasedStateMachine):
    """Books that change, and whoever looks at them: the whole history of looks says what must be soft, hard and due."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.docket = Docket(SETTLE)
        self.looks: dict[Subject, list[Look]] = {subject: [] for subject in SUBJECTS}
        self.asked: dict[Subject, int] = {}
        self.open: dict[str, int] = {}
        self.line = 0

    # --- what happens ---

    @rule(seconds=st.integers(1, 12) | st.just(SETTLE))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(subject=subjects, basis=bases, found=names, quiet_for=quiet_times)
    def look(self, subject: Subject, basis: str, found: list[str], quiet_for: int) -> None:
        self.line += 1
        self.tell(Look(subject, self.now, basis, quiet_for, self.findings(subject, found)))

    @rule(subject=subjects, more=names)
    def look_again(self, subject: Subject, more: list[str]) -> None:
        if self.looks[subject]:
            last = self.looks[subject][-1]
            new = [one for one in self.findings(subject, more) if one.id not in last.ids]
            self.tell(replace(last, at=self.now, found=(*last.found, *new)))

    @rule(subject=subjects)
    def hear_the_same_twice(self, subject: Subject) -> None:
        known = self.looks[subject]
        if known and known[-1].at == self.now:
            before = (self.docket.findings(), self.docket.due if subject not in self.asked else None)
            self.asked.pop(subject, None)
            assert known[-1].into(self.docket) == Changes()
            assert (self.docket.findings(), self.docket.due if before[1] else None) == before

    @rule(found=st.lists(st.tuples(bases, names), min_size=2, max_size=2))
    def look_at_all_in_any_order(self, found: list[tuple[str, list[str]]]) -> None:
        looks = [
            Look(subject, self.now, basis, 0, self.findings(subject, names))
            for subject, (basis, names) in zip(SUBJECTS, found, strict=True)
        ]
        ends = set()
        for order in permutations(looks):
            docket = deepcopy(self.docket)
            changes = [look.into(docket) for look in order]
            opened = frozenset(kept for change in changes for kept in change.opened)
            closed = frozenset(one for change in changes for one in change.closed)
            ends.add((frozenset(docket.findings()), docket.due, opened, closed))
        assert len(ends) == 1
        for look in looks:
            self.tell(look)

    @rule(found=st.permutations("abc"), basis=bases)
    def find_in_any_order(self, found: Sequence[str], basis: str) -> None:
        docket = deepcopy(self.docket)
        look = Look(SUBJECTS[0], self.now, basis, 0, self.findings(SUBJECTS[0], sorted(found)))
        changes = replace(look, found=self.findings(SUBJECTS[0], found)).into(docket)
        assert set(changes.opened) == set(self.tell(look).opened)
        assert set(docket.findings()) == set(self.docket.findings())

    @rule()
    def wake(self) -> None:
        ripe = self.docket.ripe(self.now)
        assert ripe == {subject for subject, at in self.wanted().items() if at <= self.now}
        for subject in ripe:
            self.asked[subject] = self.now

    @precondition(lambda self: self.docket.due is not None)
    @rule()
    def wait_and_look_at_what_is_ripe(self) -> None:
        due = self.docket.due
        assert due is not None
        self.now = max(self.now, int(due))
        for subject in self.docket.ripe(self.now):
            assert self.tell(replace(self.looks[subject][-1], at=self.now)).opened

    @rule(seconds=st.integers(-86400, 86400))
    def set_clock(self, seconds: int) -> None:
        self.now += seconds
        self.docket.shift(seconds)
        self.looks = {
            subject: [replace(look, at=look.at + seconds) for look in looks] for subject, looks in self.looks.items()
        }
        self.asked = {subject: at + seconds for subject, at in self.asked.items()}
        self.open = {id_: at + seconds for id_, at in self.open.items()}

    @rule(which=st.integers(0, 4))
    def something_rare(self, which: int) -> None:
        if which == 0:
            self.begin_another_life()
        elif which == 1:
            self.pass_over_all()

    def begin_another_life(self) -> None:
        """What was soft is forgotten, and so is how it was found; what was hard is written in the journal."""
        kept = [one for one in self.docket.findings() if one.hard]
        self.docket = Docket(SETTLE)
        self.docket.restore(kept)
        self.asked.clear()
        for subject in SUBJECTS:
            self.looks[subject].clear()

    def pass_over_all(self) -> None:
        """A full pass that finds nothing."""
        for subject in self.docket.subjects():
            self.tell(Look(subject, self.now, "none", 0, ()))
        assert self.docket.findings() == ()
        assert not self.open

    # --- how it is told ---

    def findings(self, subject: Subject, found: Sequence[str]) -> tuple[Finding, ...]:
        check = CheckName.AMOUNT_MISMATCH
        return tuple(Finding(check, f"{subject.name} {name}", "?", "/ledger.md", self.line) for name in found)

    def tell(self, look: Look) -> Changes:
        changes = look.into(self.docket)
        looks = self.looks[look.subject]
        looks.append(look)
        self.asked.pop(look.subject, None)
        for kept in changes.opened:
            assert kept.id not in self.open
            assert kept.hard
            assert kept.opened_at == self.now
            self.open[kept.id] = int(kept.since)
            first = self.first_seen(looks, kept.id)
            assert self.now - first.at >= SETTLE or (first is look and look.quiet_for >= SETTLE)
            assert kept.since == first.at
        for closed in changes.closed:
            assert closed.kept.id not in look.ids
            assert closed.seconds == self.now - self.open.pop(closed.kept.id)
        return changes

    @staticmethod
    def first_seen(looks: list[Look], id_: str) -> Look:
        """Return the first of the last looks, without a gap, that saw it on the basis of the last of them."""
        first = looks[-1]
        for look in reversed(looks):
            if id_ not in look.ids or look.basis != first.basis:
                break
            first = look
        return first

    def soft(self) -> dict[str, Kept]:
        return {kept.id: kept for kept in self.docket.findings() if not kept.hard}

    def wanted(self) -> dict[Subject, int]:
        """Return when each subject is to be looked at again."""
        wanted: dict[Subject, int] = {}
        for kept in self.soft().values():
            at = self.first_seen(self.looks[kept.subject], kept.id).at + SETTLE
            wanted[kept.subject] = min(at, wanted.get(kept.subject, at))
        return wanted | {subject: at + SETTLE for subject, at in self.asked.items() if subject in wanted}

    # --- what holds always ---

    @invariant()
    def what_is_known_is_what_was_seen_last(self) -> None:
        known = {kept.id: kept.finding for kept in self.docket.findings()}
        for looks in self.looks.values():
            for finding in looks[-1].found if looks else ():
                assert known.pop(finding.id) == finding
        # What is left was restored, and nobody has looked at it since.
        assert {id_ for id_ in known if id_ not in self.open} == set()

    @invariant()
    def the_hard_ones_are_those_that_were_opened_and_not_closed(self) -> None:
        assert {kept.id for kept in self.docket.findings() if kept.hard} == set(self.open)

    @invariant()
    def what_is_soft_has_not_had_its_time(self) -> None:
        for id_, kept in self.soft().items():
            looks = self.looks[kept.subject]
            first = self.first_seen(looks, id_)
            assert (kept.state, kept.opened_at, kept.since) == (FindingState.SOFT, None, first.at)
            assert looks[-1].at - first.at < SETTLE
            assert first.quiet_for < SETTLE

    @invariant()
    def it_says_when_to_look_again(self) -> None:
        assert self.docket.due == min(self.wanted().values(), default=None)


TestDocketMachine = DocketMachine.TestCase
TestDocketMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
