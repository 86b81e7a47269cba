import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import supervisor.faces
from supervisor.domain import records
from supervisor.domain.records import HeartbeatMissed, SupervisorStopping
from supervisor.faces.lines import line_fields
from supervisor.faces.schema import schema, schema_text
from tests.support.logcheck import check_document, check_lines

SHIPPED = Path(supervisor.faces.__path__[0]) / "log-records.schema.json"


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), (
        "a record has changed; run: python -m supervisor.faces.schema > supervisor/faces/log-records.schema.json"
    )


def test_the_module_prints_it() -> None:
    run = subprocess.run([sys.executable, "-m", "supervisor.faces.schema"], capture_output=True, check=True, timeout=60)
    assert json.loads(run.stdout) == schema()


def test_it_is_a_schema_and_knows_every_record() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert set(schema()["$defs"]) == {cls.event() for cls in records.every()}


def test_the_whole_schema_tells_the_records_apart() -> None:
    whole = jsonschema.Draft202012Validator(schema())
    line = line_fields(HeartbeatMissed("a", 1, 0.0, "silent"), 0.0)
    whole.validate(line)
    with pytest.raises(jsonschema.ValidationError):
        whole.validate(line | {"event": "health_changed"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"level": "info"},
        {"consecutive_misses": "1"},
        {"consecutive_misses": 1.5},
        {"due": 0.0},
        {"due": "2026-02-17 14:03:11"},
        {"timestamp": "2026-02-17T14:03:11Z"},
        {"surprise": 1},
        {"reason": None},
    ],
)
def test_lies_are_found_out_even_after_the_truth_was_seen(wrong: dict[str, object]) -> None:
    line = line_fields(HeartbeatMissed("a", 1, 0.0, "silent"), 0.0)
    check_document(line)
    with pytest.raises(AssertionError):
        check_document(line | wrong)


def test_a_missing_field_and_an_unknown_record_are_found_out() -> None:
    line = line_fields(SupervisorStopping("x"), 0.0)
    with pytest.raises(AssertionError, match="reason"):
        check_document({name: value for name, value in line.items() if name != "reason"})
    with pytest.raises(AssertionError, match="no record"):
        check_document(line | {"event": "nonsense"})


def test_a_line_that_is_no_record_is_found_out() -> None:
    with pytest.raises(AssertionError, match="not a log record"):
        check_lines(b"Traceback (most recent call last):\n")
