from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from supervisor.domain.delivery import NoticeKind
from supervisor.notifiers._template import TemplateKeys, words
from supervisor.notifiers._text import text
from tests.support.deliveries import delivery


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tmp_path / "mail.j2"


def test_a_template_has_the_last_word(template: Path) -> None:
    template.write_text(
        "{{ title }} ({{ message.missed_heartbeats }})\nRunbook: https://wiki/{{ message.agent }}\n{{ text }}"
    )
    assert TemplateKeys(template=template).template == template
    said = words(template, delivery())
    assert said == (
        "[CRITICAL] payment-watcher: no heartbeat for 75 min (2)\n"
        f"Runbook: https://wiki/payment-watcher\n{text(delivery())}"
    )


def test_without_one_the_built_in_text_is_told() -> None:
    assert TemplateKeys().template is None
    assert words(None, delivery()) == text(delivery())


def test_what_an_agent_wrote_is_quoted_in_a_template_too(template: Path) -> None:
    template.write_text("{{ message.evidence.agent_said }}|{{ message.agent }}")
    hostile = "{{ 7 * 6 }}\r\n\x1b[2J" + "x" * 60_000
    said = words(template, delivery(agent=hostile, evidence={"agent_said": hostile}))
    assert said.startswith("{{ 7 * 6 }} \N{REPLACEMENT CHARACTER}[2Jx")
    assert said.isprintable()
    assert len(said) < 1_000


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"{{ title }}\n{% if %}", ":2: Expected an expression"),
        (b"\n\n{{ agent }}", ":3: 'agent' is undefined"),
        (b"{{ message.agnt }}", ":1: 'dict object' has no attribute 'agnt'"),
        (b"{{ 1 / 0 }}", ":1: division by zero"),
        (b"{{ ''.__class__ }}", ":1: access to attribute '__class__'"),
        (b"{% include 'other' %}", ":1: no loader"),
        (b"{% for n in range(1000000) %}{% endfor %}", ":1: Range too big"),
        (b"\xff", ": is not UTF-8"),
    ],
)
def test_a_broken_one_is_refused_with_file_and_line(template: Path, source: bytes, why: str) -> None:
    template.write_bytes(source)
    with pytest.raises(ValidationError) as caught:
        TemplateKeys(template=template)
    assert f"{template}{why}" in str(caught.value)


def test_one_that_is_not_there_is_refused(template: Path) -> None:
    with pytest.raises(ValidationError, match="No such file"):
        TemplateKeys(template=template)


def test_one_that_breaks_later_is_told_beside_the_built_in_text(template: Path) -> None:
    template.write_text("{{ message.missed_heartbeats }}")
    assert words(template, delivery()) == "2"
    end = delivery("INC-1.2", NoticeKind.RESOLVED)
    template.write_text("\n{{ message.gone }}")
    assert words(template, end) == (
        f"{text(end)}The template could not be used: {template}:2: 'dict object' has no attribute 'gone'\n"
    )
