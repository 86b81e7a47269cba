"""What the system unit's sandbox must open for a configuration: the drop-in beside the units."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from supervisor import paths
from supervisor.cli._errors import USAGE, CommandError
from supervisor.settings import Settings

HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 - named, not used
"""What ProtectHome= and PrivateTmp= cover with empty folders."""

ENVIRONMENT = {
    "HOME": "/var/lib/collections-supervisor",
    "XDG_CACHE_HOME": "/var/cache",
    "XDG_DATA_HOME": "/var/lib",
    "STATE_DIRECTORY": "/var/lib/collections-supervisor",
    "RUNTIME_DIRECTORY": "/run/collections-supervisor",
}
"""What of its environment says where the service's folders are."""

_OPEN = tuple(
    map(Path, (ENVIRONMENT["STATE_DIRECTORY"], ENVIRONMENT["RUNTIME_DIRECTORY"], "/var/cache/novotechno-collections"))
)
"""Where the unit itself lets the service write."""

_CHILDREN = {"managed", "command"}
"""Restarters whose agents live in the supervisor's own sandbox."""


def drop_in(settings: Settings) -> str:
    """Return the drop-in's text; empty where the unit is right as it is. Raises CommandError."""
    read, written = _read(settings), _written(settings)
    lines = [f"BindReadOnlyPaths={_quoted(path)}" for path in _tops(_stable(path) for path in read if hidden(path))]
    lines += [f"BindPaths={_quoted(path)}" for path in _tops(path for path in written if hidden(path))]
    lines += [f"ReadWritePaths={_quoted(path)}" for path in _tops(path for path in written if not hidden(path))]
    return environment(None if settings.source == paths.SYSTEM_CONFIG else settings.source, lines)


def environment(source: Path | None, lines: Iterable[str] = ()) -> str:
    """Return a drop-in with `lines` that names the configuration `source`, if it is to be named."""
    named = [] if source is None else [f'Environment="COLLECTIONS_SUPERVISOR_CONFIG={_specifiers(source)}"']
    found = [*named, *lines]
    return "\n".join(("# What the configuration names.", "[Service]", *found, "")) if found else ""


def absent(settings: Settings) -> list[Path]:
    """Return the folders that it is to write to and that are not there: the sandbox opens none that is made later."""
    return [path for path in _tops(_written(settings)) if not path.is_dir()]


def hidden(path: Path) -> bool:
    """Whether the sandbox hides the path."""
    return any(path.is_relative_to(top) for top in HIDDEN)


def _read(settings: Settings) -> list[Path]:
    places = settings.paths
    roots = [places.cache, places.heartbeats, places.queues, places.state]
    return [*roots, places.ledger, places.event_log, *filter(None, [settings.source])]


def _written(settings: Settings) -> list[Path]:
    places, textfile = settings.paths, settings.metrics.textfile
    found = [places.data, places.socket.parent, places.dashboard.parent, places.heartbeats]
    found += [] if textfile is None else [textfile.parent]
    found += [
        Path(chosen.config.path).parent  # type: ignore[attr-defined]
        for chosen in settings.channels.values()
        if chosen.plugin.kind == "file"
    ]
    kinds = {agent.restart_plugin.plugin.kind for agent in settings.agents.values() if agent.restart_plugin}
    if kinds & _CHILDREN:
        found += [places.cache, places.state]
    return [path for path in found if not any(path.is_relative_to(open_) for open_ in _OPEN)]


def _stable(path: Path) -> Path:
    """Return the folder above `path` that is there: what is replaced in it, or made later, is seen through the bind."""
    for folder in path.parents:
        if not hidden(folder) or folder in HIDDEN:
            break
        if folder.is_dir():
            return folder
    return path


def _tops(found: Iterable[Path]) -> list[Path]:
    """Return the paths, less those that lie below another one."""
    every = sorted(set(found))
    return [path for path in every if not any(path.is_relative_to(other) for other in every if other != path)]


def _quoted(path: Path) -> str:
    if ":" in str(path):
        raise CommandError(USAGE, f"{path}: systemd can not open a path with a colon to a sandbox")
    text = _specifiers(path)
    return f'"-{text}"' if " " in text else f"-{text}"


def _specifiers(path: Path) -> str:
    """Return the path as a unit file has it. Raises CommandError for one that it can not hold."""
    if not str(path).isprintable() or {'"', "'", "\\"} & set(str(path)):
        raise CommandError(USAGE, f"{path}: has characters that are special to systemd")
    return str(path).replace("%", "%%")
