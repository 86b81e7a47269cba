"""What an integration test needs of the machine: absent, it skips with its reason; in CI it fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, why: str) -> NoReturn:
    """Skip the running test because `what` is not here; fail it where REQUIRE_INTEGRATION=1."""
    text = f"needs {what}: {why}"
    if os.environ.get("REQUIRE_INTEGRATION") == "1":
        pytest.fail(text)
    pytest.skip(text)
