"""Prometheus and its tools, as Debian has them."""

from __future__ import annotations

import shutil

from tests.support.needs import missing


def program(name: str) -> str:
    """Return where the program is; skip the test, or fail it in CI, where it is not."""
    return shutil.which(name) or missing(name, "apt-get install prometheus")


def promtool() -> str:
    """Return where promtool is."""
    return program("promtool")
