from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, queue


@pytest.mark.parametrize(
    ("ages", "wrong"),
    [
        ([0.0, 0.0], []),
        ([3599.9, 3.0], []),
        ([3600.0, 3.0], ["queue_age queues/emailer.jsonl:1: less than 1 h, not 1 h"]),
        ([3.0, 7500.0], ["queue_age queues/emailer.jsonl:2: less than 1 h, not 2 h 5 min"]),
        ([None, 3600.0], ["queue_age queues/emailer.jsonl:2: less than 1 h, not 1 h"]),
        # Nobody knows how long they have waited; a clock that is ahead makes nothing old.
        ([None, None], []),
        ([-9e9, 0.0], []),
    ],
)
def test_so_old_and_older(ages: list[float | None], wrong: list[str]) -> None:
    assert found(queue("PAID INV-1", "PAID INV-2", ages=ages)) == wrong


def test_an_empty_queue_is_not_old() -> None:
    assert found(queue()) == []


def test_in_words() -> None:
    (finding,) = checks.find(queue("PAID INV-1", ages=[7500.0]))
    assert finding.message == "the oldest message of the queue emailer has waited for 2 h 5 min"
