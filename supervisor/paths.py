"""Where things lie. Standard library only and light: a command that asks the daemon imports this and no pydantic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PRODUCT = "collections-supervisor"
AGENTS = "novotechno-collections"
CONFIG_VARIABLE = "COLLECTIONS_SUPERVISOR_CONFIG"
SYSTEM_CONFIG = Path("/etc") / PRODUCT / "config.toml"
RUN = Path("/run")
"""Where systemd makes the folder of a system unit's socket, and logind one for each user who has a session."""

MAX_CONFIG_BYTES = 1 << 20
MAX_SOCKET_BYTES = 107
"""The kernel's limit for the path of a unix socket."""

_SOCKET = "control.sock"


class Places(NamedTuple):
    """Every root, absolute. `queues`, `heartbeats`, `state`, `cache` and `data` are folders, the rest are files.

    No dataclass: what `dataclasses` imports takes a third of the time of `status`.
    """

    cache: Path
    heartbeats: Path
    queues: Path
    state: Path
    ledger: Path
    event_log: Path
    dashboard: Path
    data: Path
    socket: Path


def home(environ: Mapping[str, str]) -> Path:
    """Return the user's home folder: $HOME, else what the user database says."""
    return _absolute(environ, "HOME") or Path.home()


def expand(text: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """Return `text` as an absolute path: "~" is a home folder, and a relative path begins at `folder`.

    Raises ValueError for a text that can be no path.
    """
    if not text or "\0" in text:
        raise ValueError("a path has at least one character, and none of them is NUL")
    if text == "~" or text.startswith("~/"):
        return _plain(home(environ) / text[2:])
    if text.startswith("~"):
        found = os.path.expanduser(text)  # noqa: PTH111  (it leaves an unknown user's "~" alone; Path raises)
        if found.startswith("~"):
            raise ValueError(f"there is no user {text[1:].partition('/')[0]!r}")
        return _plain(Path(found))
    return _plain(folder / text)


def places(environ: Mapping[str, str], given: Mapping[str, Path] | None = None) -> Places:
    """Return the roots: `given` ones as they are, the others where the XDG variables and systemd put them."""
    own = dict(given or {})
    cache = own.get("cache") or _xdg(environ, "XDG_CACHE_HOME", ".cache") / AGENTS
    state = own.get("state") or _xdg(environ, "XDG_DATA_HOME", ".local/share") / AGENTS / "state"
    data = (
        own.get("data")
        or _first(environ, "STATE_DIRECTORY")
        or (_xdg(environ, "XDG_STATE_HOME", ".local/state") / PRODUCT)
    )
    return Places(
        cache=cache,
        heartbeats=own.get("heartbeats") or cache / "heartbeats",
        queues=own.get("queues") or cache / "queues",
        state=state,
        ledger=own.get("ledger") or state / "collections_ledger.md",
        event_log=own.get("event_log") or state / "events.log",
        dashboard=own.get("dashboard") or cache / "dashboard.html",
        data=data,
        socket=own.get("socket") or _runtime(environ, data) / _SOCKET,
    )


def config_file(explicit: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file to read; None where there is none.

    One that is named (`explicit`, $COLLECTIONS_SUPERVISOR_CONFIG) is returned whether it exists or not.
    """
    named = named_config(explicit, environ)
    if named is not None:
        return named
    usual = (user_config(environ), SYSTEM_CONFIG)
    return next((path for path in usual if os.path.lexists(path)), None)


def named_config(explicit: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the configuration file that somebody names; None where nobody does."""
    if explicit is not None:
        return explicit
    return Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None


def user_config(environ: Mapping[str, str]) -> Path:
    """Return where a user's own configuration file stands."""
    return _xdg(environ, "XDG_CONFIG_HOME", ".config") / PRODUCT / "config.toml"


def configured(config: Path | None, environ: Mapping[str, str], given: Mapping[str, Path] | None = None) -> Places:
    """Return the roots as this configuration has them, `given` ones first, without a look at the rest of it.

    A file that can not be read or makes no sense counts as none: the daemon may still run with an older one.
    """
    return places(environ, {**_configured(config, environ), **(given or {})})


def control_sockets(config: Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where the daemon of this configuration may listen, the likeliest first.

    A socket that the configuration names is the only one. Else a daemon of our own comes before the system's, and
    the places are those that `places` may have found in the daemon's environment, which need not be ours: a unit has
    $RUNTIME_DIRECTORY, a cron job lacks $XDG_RUNTIME_DIR. No stranger can put a socket into any of them: each is a
    folder of root's or our own.
    """
    given = _configured(config, environ)
    if "socket" in given:
        return (given["socket"],)
    unit = _first(environ, "RUNTIME_DIRECTORY")
    folders = (unit, session(environ) / PRODUCT, places(environ, given).data, RUN / PRODUCT)
    found = dict.fromkeys(folder / _SOCKET for folder in folders if folder is not None)
    return tuple(socket for socket in found if len(os.fsencode(socket)) <= MAX_SOCKET_BYTES)


def session(environ: Mapping[str, str]) -> Path:
    """Return the folder that logind makes for the user who has a session, or lingers."""
    return _absolute(environ, "XDG_RUNTIME_DIR") or RUN / "user" / str(os.getuid())


def system_socket() -> Path:
    """Return where the daemon of the system unit listens."""
    return RUN / PRODUCT / _SOCKET


def _configured(config: Path | None, environ: Mapping[str, str]) -> dict[str, Path]:
    given: dict[str, Path] = {}
    path = config_file(config, environ)
    if path is not None:
        folder = path.absolute().parent
        for key, text in _paths_table(path).items():
            if key in Places._fields and isinstance(text, str):
                try:
                    given[key] = expand(text, folder, environ)
                except ValueError:
                    continue
    return given


def _paths_table(path: Path) -> dict[str, object]:
    import tomllib  # noqa: PLC0415  (5 ms that a machine without a configuration need not pay)

    try:
        if not path.is_file():
            return {}
        with path.open("rb") as file:
            table = tomllib.loads(file.read(MAX_CONFIG_BYTES).decode()).get("paths")
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _runtime(environ: Mapping[str, str], data: Path) -> Path:
    systemd = _first(environ, "RUNTIME_DIRECTORY")
    if systemd is not None:
        return systemd
    session = _absolute(environ, "XDG_RUNTIME_DIR")
    return data if session is None else session / PRODUCT


def _xdg(environ: Mapping[str, str], variable: str, fallback: str) -> Path:
    return _absolute(environ, variable) or home(environ) / fallback


def _absolute(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return the variable's folder; the XDG rules have a relative one ignored."""
    text = environ.get(variable, "")
    return Path(text) if text.startswith("/") else None


def _first(environ: Mapping[str, str], variable: str) -> Path | None:
    """Return the first of the folders that systemd lists with colons between them."""
    text = environ.get(variable, "").partition(":")[0]
    return Path(text) if text.startswith("/") else None


def _plain(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (roots are compared as text: "..", too, must go)
