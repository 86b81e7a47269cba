from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from supervisor.domain.delivery import Delivery, NoticeKind
from supervisor.domain.messages import test_message as a_test
from supervisor.notifiers import alertmanager
from supervisor.notifiers._template import TemplateKeys, words
from supervisor.notifiers._text import text
from tests.notifiers.test_groups import group
from tests.support.deliveries import delivery


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tmp_path / "mail.j2"


def test_a_template_has_the_last_word(template: Path) -> None:
    template.write_text(
        "{{ title }}{% if message.agent %} ({{ message.missed_heartbeats }})\n"
        "Runbook: https://wiki/{{ message.agent }}{% endif %}\n{{ text }}"
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
        (
            "{{ title }}\nKEY={{ message.key }}",
            (
                ":2: 'dict object' has no attribute 'key' in a message of many incidents: "
                "write {% if message.counts %}...{% else %}...{% endif %}"
            ),
        ),
        (
            "{{ message.counts.total }}",
            (
                ":1: 'dict object' has no attribute 'counts' in a message of one incident: "
                "write {% if message.counts %}...{% else %}...{% endif %}"
            ),
        ),
        (
            "{{ message.agent }}",
            (
                ":1: 'dict object' has no attribute 'agent' in a message that is about no agent: "
                "write {% if message.agent %}...{% endif %}"
            ),
        ),
    ],
)
def test_one_that_fits_only_some_messages_is_refused_and_told_how_to_write_it(
    template: Path, source: str, why: str
) -> None:
    template.write_text(source)
    with pytest.raises(ValidationError) as caught:
        TemplateKeys(template=template)
    assert f"{template}{why}" in str(caught.value)


def test_one_text_for_a_single_incident_and_for_many(template: Path) -> None:
    template.write_text("{% if message.counts %}{{ message.counts.total }}{% else %}{{ message.key }}{% endif %}")
    assert TemplateKeys(template=template).template == template
    assert words(template, delivery()) == "payment-watcher:heartbeat"
    assert words(template, group()) == "12"


def test_alertmanager_hears_of_each_on_its_own(template: Path) -> None:
    template.write_text("{{ message.key }}")
    urls = ["http://localhost:9093"]
    assert alertmanager.Config.model_validate({"urls": urls, "template": template}).template == template


def test_a_link_to_acknowledge_by_is_empty_where_there_is_none(template: Path) -> None:
    template.write_text("<{{ message.ack_url }}>")
    assert TemplateKeys(template=template).template == template
    assert words(template, delivery()) == "<>"
    assert words(template, delivery(ack_url="https://x/ack/1")) == "<https://x/ack/1>"


def test_a_test_shows_the_template(template: Path) -> None:
    template.write_text("MINE {{ title }} {{ message.key }}")
    sent = Delivery("t", "test", "ops", NoticeKind.TEST, a_test("ops", "ann", 0.0), 0.0, 0.0)
    assert words(template, sent) == "MINE [TEST] a test of channel ops, asked for by ann an-agent:heartbeat"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"{{ title }}\n{% if %}", ":2: Expected an expression"),
        (b"\n\n{{ agent }}", ":3: 'agent' is undefined"),
        (b"{{ message.agnt }}", ":1: 'dict object' has no attribute 'agnt'"),
        (
            b"{% if message.counts %}{% else %}{{ message.agnt }}{% endif %}",
            ":1: 'dict object' has no attribute 'agnt' [",
        ),
        (b"{% if agnt %}{% endif %}", ":1: 'agnt' is undefined"),
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


def test_one_that_breaks_later_is_told_beside_the_built_in_text(
    template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    template.write_text("{{ message.missed_heartbeats }}")
    assert words(template, delivery()) == "2"
    end = delivery("INC-1.2", NoticeKind.RESOLVED)
    template.write_text("\n{{ message.gone }}")
    why = f"{template}:2: 'dict object' has no attribute 'gone'"
    for _ in range(2):
        assert words(template, end) == f"{text(end)}The template could not be used: {why}\n"
    assert caplog.messages == [f"the built-in text is told, for a template could not be used: {why}"]
