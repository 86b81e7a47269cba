"""What a reader could not take as it stands, as findings: shared by the checks that only pass it on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import assert_never

from supervisor.checks._words import named, shown, subject
from supervisor.domain.books import EventsCase, FileCase, LedgerCase, QueueCase
from supervisor.domain.findings import CheckName, Finding, Problem

_SENTENCE = 500  # characters of a reader's own words, which may quote what the agent wrote

ReadCase = FileCase | LedgerCase | EventsCase | QueueCase


def findings(case: ReadCase, check: CheckName) -> Iterator[Finding]:
    """Yield the problems of `case` that are of `check`."""
    path, problems = _read(case)
    seen: Counter[str] = Counter()
    for problem in problems:
        if problem.check is not check:
            continue
        mark = _mark(problem, alone=isinstance(case, FileCase))
        seen[mark] += 1
        yield Finding(
            check,
            subject(path, mark, str(seen[mark])),
            _sentence(problem),
            path,
            problem.line,
            problem.invoice,
            shown(problem.expected),
            shown(problem.found),
        )


def _sentence(problem: Problem) -> str:
    whose = f"invoice {named(problem.invoice)}: " if problem.invoice else ""
    return f"{whose}{shown(problem.message, _SENTENCE)}"


def _read(case: ReadCase) -> tuple[str, tuple[Problem, ...]]:
    match case:
        case FileCase(path, document):
            return path, () if document is None else document.problems
        case LedgerCase(path, problems) | EventsCase(path, problems):
            return path, problems
        case QueueCase(queue):
            return queue.path, queue.problems
        case _:
            assert_never(case)


def _mark(problem: Problem, *, alone: bool) -> str:
    """Return what tells a problem from the others of its file, wherever its line moves to.

    Readers name the rule that is broken in the message, and the figures beside it: the rule tells one from another in
    a file that holds one invoice, and together with the number among lines that name one. Of other lines, it is their
    text. A file can be unreadable, or have a wrong checksum, in one way only.
    """
    if alone:
        return problem.message if problem.check is CheckName.SCHEMA else ""
    what = problem.message if problem.invoice else problem.found or problem.message
    return sha256(subject(problem.invoice, what).encode()).hexdigest()[:12]
