from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from supervisor.notifiers.command import TERM_PATIENCE, Config


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"command": []},
        {"command": [""]},
        {"command": "notify-send hello"},
        {"command": ["a\0b"]},
        {"command": ["a", 1]},
        {"command": ["a"], "timeout": "0s"},
        {"command": ["a"], "shell": True},
    ],
)
def test_what_is_no_command_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(keys)


def test_a_run_ends_before_its_caller_loses_patience() -> None:
    config = Config.model_validate({"kind": "command", "command": ["notify-send", "hello"]})
    assert config.command == ("notify-send", "hello")
    assert config.timeout + TERM_PATIENCE < 10
