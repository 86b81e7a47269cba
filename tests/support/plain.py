"""The environment of a child that loads nothing but its own: the coverage of child processes would come along."""

from __future__ import annotations

import os


def environ(**more: str) -> dict[str, str]:
    """Return our environment without what starts coverage in a child."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")} | more
