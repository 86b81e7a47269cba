from __future__ import annotations

from dataclasses import replace

from supervisor import checks
from supervisor.domain.findings import CheckName, Problem
from tests.checks.examples import found, queue

TORN = Problem(CheckName.QUEUE_PARSE, "the line is no JSON object", 2, "an object", '{"type": "PA')


def test_a_line_that_is_no_message() -> None:
    assert found(queue("PAID INV-1", problems=(TORN,))) == [
        'queue_parse queues/emailer.jsonl:2: an object, not {"type": "PA'
    ]
    assert found(queue("PAID INV-1")) == []


def test_it_is_known_by_its_text_wherever_it_moves() -> None:
    (before,) = checks.find(queue(problems=(TORN,)))
    (after,) = checks.find(queue(problems=(replace(TORN, line=1),)))
    (other,) = checks.find(queue(problems=(replace(TORN, found="?"),)))
    assert before.id == after.id != other.id
