"""The configuration file as it is read: TOML text, or a clear error that names the file and the line."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from supervisor.config_errors import ConfigError, Origin
from supervisor.paths import MAX_CONFIG_BYTES


def read(path: Path, environ: Mapping[str, str]) -> Origin:
    """Return the file's content and where it stood. It blocks. Raises ConfigError."""
    try:
        # O_NONBLOCK: a FIFO without a writer must not hold us.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError([f"{path}: is not a regular file"])
            raw = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"{path}: can not be read: {error.strerror}"]) from None
    if len(raw) > MAX_CONFIG_BYTES:
        raise ConfigError([f"{path}: is larger than 1 MiB"])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: is not UTF-8: byte 0x{raw[error.start]:02x}"]) from None
    try:
        return Origin(path, text, tomllib.loads(text), environ)
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply"]) from None
    except ValueError as error:
        at = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        place, words = (f"{path}:{at[1]}", str(error)[: at.start()]) if at else (str(path), str(error))
        raise ConfigError([f"{place}: is not TOML: {words}"]) from None
