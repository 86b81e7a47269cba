from __future__ import annotations

from typing import Any

import pytest

from supervisor.domain.delivery import NoticeKind
from supervisor.domain.notices import Quiet, weigh

DUE: dict[str, Any] = {
    "resolved": False,
    "acked_until": None,
    "has_chain": True,
    "was_silenced": False,
    "silenced_until": None,
    "round_number": 0,
    "next_at": 100.0,
    "now": 100.0,
}


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, NoticeKind.TRIGGERED),
        ({"round_number": 1}, NoticeKind.REPEATED),
        ({"now": 99.9}, Quiet.NOT_DUE),
        ({"next_at": None}, NoticeKind.TRIGGERED),
        ({"resolved": True}, Quiet.RESOLVED),
        ({"acked_until": 101.0}, Quiet.ACKNOWLEDGED),
        ({"acked_until": 101.0, "next_at": 101.0, "now": 101.0}, NoticeKind.ACK_EXPIRED),
        ({"has_chain": False}, Quiet.NO_CHAIN),
        ({"has_chain": False, "acked_until": 101.0}, Quiet.ACKNOWLEDGED),
        ({"silenced_until": 200.0}, Quiet.SILENCED),
        ({"silenced_until": 200.0, "now": 99.0}, Quiet.NOT_DUE),
        ({"silenced_until": 200.0, "acked_until": 100.0}, Quiet.SILENCED),
        ({"was_silenced": True}, NoticeKind.SILENCE_ENDED),
        ({"was_silenced": True, "next_at": 200.0}, NoticeKind.SILENCE_ENDED),
        ({"was_silenced": True, "silenced_until": 300.0, "next_at": 200.0}, Quiet.NOT_DUE),
        ({"was_silenced": True, "acked_until": 150.0, "next_at": 150.0}, Quiet.ACKNOWLEDGED),
    ],
)
def test_why_we_speak_or_stay_silent(facts: dict[str, Any], why: NoticeKind | Quiet) -> None:
    assert weigh(**{**DUE, **facts}) is why
