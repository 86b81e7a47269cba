from __future__ import annotations

from supervisor import checks
from tests.checks.examples import found, queue


def test_no_message_waits_twice() -> None:
    assert found(queue("PAID INV-1", "PAID INV-2", "OVERDUE INV-1")) == []
    assert found(queue("PAID INV-1", "PAID INV-2", "PAID INV-1")) == [
        "queue_duplicate queues/emailer.jsonl:3: one message, not lines 1, 3"
    ]


def test_each_message_is_a_finding_however_often_it_waits() -> None:
    case = queue("PAID INV-1", "PAID INV-1", "REPORT", "PAID INV-1", "REPORT")
    first, second = checks.find(case)
    assert first.message == "the message PAID of invoice INV-1 waits 3 times in the queue emailer: lines 1, 2, 4"
    assert (first.line, first.invoice) == (2, "INV-1")
    assert second.message == "the message REPORT waits 2 times in the queue emailer: lines 3, 5"
    assert (second.line, second.invoice) == (5, "")
    assert first.id != second.id


def test_its_id_stays_while_others_are_taken() -> None:
    (before,) = checks.find(queue("REPORT", "PAID INV-1", "PAID INV-1"))
    (after,) = checks.find(queue("PAID INV-1", "PAID INV-1", "PAID INV-1"))
    assert before.id == after.id
