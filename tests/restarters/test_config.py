from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.restarters import command, managed, systemd


def test_the_defaults_are_the_contracts() -> None:
    config = command.Config.model_validate({"command": ["restart-agent"]})
    assert config.model_dump(mode="json") == {
        "kind": "command",
        "command": ["restart-agent"],
        "timeout": "1m",
        "stop_timeout": "10s",
        "pre_restart": [],
        "environment": {},
        "working_directory": None,
    }
    assert managed.Config.model_validate({"command": ["agent"]}).output_limit == 10 * 1024 * 1024
    assert systemd.Config().model_dump(include={"unit", "user", "timeout"}) == {
        "unit": None,
        "user": False,
        "timeout": 120.0,
    }


@pytest.mark.parametrize(
    ("keys", "place", "expected"),
    [
        ({}, "command", "Field required"),
        ({"command": []}, "command", "at least 1 item"),
        ({"command": [""]}, "command", "the program and its arguments"),
        ({"command": "systemctl restart x"}, "command", "valid tuple"),
        ({"command": ["a", "b\0"]}, "command.1", "NUL byte"),
        ({"command": ["a"], "pre_restart": [["a"], []]}, "pre_restart.1", "at least 1 item"),
        ({"command": ["a"], "environment": {"A=B": "c"}}, "environment.A=B.[key]", "an environment variable"),
        ({"command": ["a"], "environment": {"A": "\0"}}, "environment.A", "NUL byte"),
        ({"command": ["a"], "timeout": 60}, "timeout", 'text with a unit, such as "90s"'),
        ({"command": ["a"], "shell": True}, "shell", "Extra inputs"),
    ],
)
def test_a_mistake_is_named_with_its_key(keys: dict[str, Any], place: str, expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        command.Config.model_validate(keys)
    (found,) = error.value.errors()
    assert ".".join(str(part) for part in found["loc"]) == place
    assert expected in found["msg"]
