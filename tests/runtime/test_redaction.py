"""No error holds a link."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.runtime.redaction import redacted

TOKEN = "WyJvcHMiLCIwYTFiMmMzZCIsMTc4MDAwMDAwMC4wXQ.m2bG9yZW0gaXBzdW0gZG9sb3Igc2l0IGFtZXQgY29uc2VjdGU"
URL = f"https://supervisor.example.org/ack/{TOKEN}"


@pytest.mark.parametrize("text", [URL, json.dumps({"ack_url": URL}), quote(URL, safe=""), f"bad: {URL}.", URL + "\n"])
def test_a_link_is_hidden_however_it_is_written(text: str) -> None:
    said = redacted(f"500 {text} was no use", URL)
    assert TOKEN not in said
    assert "***" in said
    assert said.endswith("was no use")


@given(st.integers(0, len(URL)), st.integers(0, len(URL)))
def test_no_part_of_it_is_told(first: int, last: int) -> None:
    said = redacted(f"exit code 1: {URL[first:last]} (end)", URL)
    pieces = [TOKEN[place : place + 8] for place in range(len(TOKEN) - 7)]
    assert not any(piece in said for piece in pieces)


def test_the_link_of_another_message_is_hidden_as_well() -> None:
    assert redacted(f"seen before: {URL}", "") == "seen before: https://supervisor.example.org/ack/***"


@given(st.text(max_size=80))
def test_other_words_stay(text: str) -> None:
    if "/ack/" not in text:
        assert redacted(text, "") == text
