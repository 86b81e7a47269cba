from __future__ import annotations

import pytest

from supervisor import checks
from tests.checks.examples import found, queue


@pytest.mark.parametrize(
    ("depth", "wrong"),
    [
        (0, []),
        (99, []),
        (100, ["queue_depth queues/emailer.jsonl: fewer than 100, not 100"]),
        (250, ["queue_depth queues/emailer.jsonl: fewer than 100, not 250"]),
    ],
)
def test_so_many_messages_and_more(depth: int, wrong: list[str]) -> None:
    assert found(queue(*(f"PAID INV-{number}" for number in range(depth)))) == wrong


def test_in_words() -> None:
    (finding,) = checks.find(queue("PAID INV-1", depth_limit=1))
    assert finding.message == "the queue emailer holds 1 message"
