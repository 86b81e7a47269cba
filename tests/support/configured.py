"""Settings out of a text, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.settings import ConfigError, Settings, load

HOME = {"HOME": "/home/ann", "COLLECTIONS_SUPERVISOR_CONFIG": ""}

Read = Callable[[str], Settings]


def reader(folder: Path) -> Read:
    """Return what reads a text as the configuration file of `folder`."""

    def read(text: str) -> Settings:
        path = folder / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, HOME)

    return read


def problems(read: Read, text: str) -> list[str]:
    """Return what is wrong with `text`, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).splitlines() == list(caught.value.problems)
    return [problem.rpartition("/config.toml:")[2] for problem in caught.value.problems]
