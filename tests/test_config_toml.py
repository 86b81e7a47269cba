"""Files that are no configuration, and any TOML at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.settings import ConfigError, load
from tests.support.configured import HOME


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    for explicit, environ in ((path, HOME), (None, {**HOME, "COLLECTIONS_SUPERVISOR_CONFIG": str(path)})):
        with pytest.raises(ConfigError) as caught:
            load(explicit, environ)
        assert str(caught.value) == f"{path}: can not be read: No such file or directory"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/null")):
        with pytest.raises(ConfigError, match=f"^{path}: (is not a regular file|can not be read: Is a directory)$"):
            load(path, HOME)


def test_a_link_to_a_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("[agents.a]")
    (tmp_path / "link.toml").symlink_to("real.toml")
    assert list(load(tmp_path / "link.toml", HOME).agents) == ["a"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"# fine\n# \xff\n", ":2: is not UTF-8: byte 0xff"),
        (b"#" * (1 << 20) + b"#", ": is larger than 1 MiB"),
        (b"[gate]\nsettle = \n", ":2: is not TOML: Invalid value"),
        (b"[gate]\n[gate]\n", ":2: is not TOML: Cannot declare ('gate',) twice"),
        (b"a = 1\x00", ":1: is not TOML: Expected newline or end of document after a statement"),
        (b"a = " + b"[" * 100_000, ": is nested too deeply"),
        (b"a = " + b"9" * 5000, ": is not TOML: Exceeds the limit"),
    ],
)
def test_bytes_that_are_no_toml(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load(path, HOME)
    assert str(caught.value).startswith(f"{path}{expected}")
    assert "\n" not in str(caught.value)


KEYS = st.sampled_from(
    ["agents", "a", "restart", "kind", "backoff", "channels", "chain", "escalation", "share", "gate"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["command", "1s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08X}" for c in value if not 0xD800 <= ord(c) < 0xE000) + '"'
    return "0" if value is None else str(value).lower()


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_toml_is_settings_or_a_config_error(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    tomllib.loads(text)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.toml")
        path.write_text(text, encoding="utf-8")
        try:
            said: tuple[str, ...] = ()
            settings = load(path, HOME)
        except ConfigError as error:
            said = error.problems
        assert said or settings.agents
        assert all(problem.startswith(f"{path}:") and problem.isprintable() for problem in said)


def test_no_kind_is_imported_that_is_not_in_use() -> None:
    code = """
import sys
from supervisor.settings import load
load(None, {"HOME": "/nonexistent"})
print([n for n in sys.modules if n.startswith(("supervisor.restarters.", "supervisor.notifiers.", "aiohttp"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
