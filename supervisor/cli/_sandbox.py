"""What the system unit's sandbox must open for a configuration: the drop-in beside the units."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
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

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")

_HOMES = Path("/home")

_OPEN = tuple(map(Path, (ENVIRONMENT["STATE_DIRECTORY"], ENVIRONMENT["RUNTIME_DIRECTORY"], "/var/cache")))
"""Where the unit itself lets the service write."""

_CHILDREN = {"managed", "command"}
"""Restarters whose agents live in the supervisor's own sandbox."""


def drop_in(settings: Settings) -> str:
    """Return the drop-in's text; empty where the unit is right as it is. Raises CommandError."""
    read, bound, written = _opened(settings)
    lines = [f"BindReadOnlyPaths={_quoted(path)}" for path in read]
    lines += [f"BindPaths={_quoted(path)}" for path in bound]
    lines += [f"ReadWritePaths={_quoted(path)}" for path in written]
    return environment(None if settings.source == paths.SYSTEM_CONFIG else settings.source, lines)


def users(source: Path | None, environ: Mapping[str, str]) -> str:
    """Return the drop-in of a user's own unit: it looks where the shell looks that it is installed from."""
    folders = {name: environ[name] for name in _FOLDERS if environ.get(name, "").startswith("/")}
    return environment(source, (f'Environment="{name}={_specifiers(Path(path))}"' for name, path in folders.items()))


def environment(source: Path | None, lines: Iterable[str] = ()) -> str:
    """Return a drop-in with `lines` that names the configuration `source`, if it is to be named."""
    named = [] if source is None else [f'Environment="COLLECTIONS_SUPERVISOR_CONFIG={_specifiers(source)}"']
    found = [*named, *lines]
    return "\n".join(("# What the configuration names.", "[Service]", *found, "")) if found else ""


def absent(settings: Settings) -> list[Path]:
    """Return the folders that it is to write to and that are not there: the sandbox opens none that is made later."""
    _, bound, written = _opened(settings)
    return [path for path in (*bound, *written) if not _is_dir(path)]


def homes(settings: Settings) -> list[Path]:
    """Return the homes that the sandbox must open whole, since what the configuration names is right in them."""
    read, bound, _ = _opened(settings)
    return [path for path in (*read, *bound) if path.parent == _HOMES]


def unseen(settings: Settings) -> list[Path]:
    """Return what channels, restarters and [http] name, such as a secret or a program, and the sandbox hides."""
    read, bound, _ = _opened(settings)
    restarters = (agent.restart_plugin for agent in settings.agents.values())
    tables = [chosen.config for chosen in (*settings.channels.values(), *restarters) if chosen is not None]
    named = {Path(text) for table in (*tables, settings.http) for text in _texts(table.model_dump())}
    return sorted(
        path for path in named if any(hidden(end) and not _lies_below(end, (*read, *bound)) for end in ends((path,)))
    )


def hidden(path: Path) -> bool:
    """Whether the sandbox hides the path."""
    return _lies_below(path, HIDDEN)


def ends(found: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths, and where they lead to if there are links in them: each end may be hidden."""
    for path in found:
        yield path
        yield Path(os.path.realpath(path))  # Path.resolve raises where links lead in a circle


def _opened(settings: Settings) -> tuple[list[Path], list[Path], list[Path]]:
    """Return which hidden folders are shown, which are shown to be written to, and which of the others are."""
    wanted = [path for path in ends(_written(settings)) if not _lies_below(path, _OPEN)]
    roots = set(ends(_roots(settings)))  # these may be made again; the others are there before us, and stay
    bound = _tops(_stable(path) if path in roots else path for path in wanted if hidden(path))
    read = _tops(_stable(path) for path in ends(_read(settings)) if hidden(path))
    return (
        [path for path in read if not _lies_below(path, bound)],
        bound,
        _tops(path for path in wanted if not hidden(path)),
    )


def _roots(settings: Settings) -> list[Path]:
    places = settings.paths
    return [places.cache, places.heartbeats, places.queues, places.state]


def _read(settings: Settings) -> list[Path]:
    places = settings.paths
    return [*_roots(settings), places.ledger, places.event_log, *filter(None, [settings.source])]


def _written(settings: Settings) -> list[Path]:
    places, textfile = settings.paths, settings.metrics.textfile
    # The cache with the heartbeats in it: both may be made again.
    beats = places.cache if places.heartbeats.is_relative_to(places.cache) else places.heartbeats
    found = [places.data, places.socket.parent, places.dashboard.parent, beats]
    found += [] if textfile is None else [textfile.parent]
    found += [
        Path(chosen.config.path).parent  # type: ignore[attr-defined]
        for chosen in settings.channels.values()
        if chosen.plugin.kind == "file"
    ]
    kinds = {agent.restart_plugin.plugin.kind for agent in settings.agents.values() if agent.restart_plugin}
    if kinds & _CHILDREN:
        found += [places.cache, places.state]
    return found


def _texts(value: object) -> Iterator[str]:
    """Yield every absolute path in the values of a table."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str | Path) and str(value).startswith("/"):
        yield str(value)


def _stable(path: Path) -> Path:
    """Return the folder above `path` that is there: what is replaced in it, or made later, is seen through the bind."""
    for folder in path.parents:
        if not hidden(folder) or folder in HIDDEN:
            break
        if _is_dir(folder):
            return folder
    return path


def _is_dir(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where we may not look


def _tops(found: Iterable[Path]) -> list[Path]:
    """Return the paths, less those that lie below another one."""
    every = sorted(set(found))
    return [path for path in every if not _lies_below(path, (other for other in every if other != path))]


def _lies_below(path: Path, tops: Iterable[Path]) -> bool:
    """Whether the path is one of `tops`, or lies in one."""
    return any(path.is_relative_to(top) for top in tops)


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
