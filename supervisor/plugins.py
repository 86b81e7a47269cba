"""Kinds of restarters and channels. A file in the folder is a kind; other packages add theirs by entry points.

The module of a kind, ours or a stranger's, has a pydantic model `Config` and a class named as its port is: `Restarter`
or `Notifier`. It is imported when a configuration names its kind, and not before.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


class PluginError(Exception):
    """The kind is there but can not be used; the text says why."""


class UnknownKindError(LookupError):
    """There is no such kind; `kinds` are those that there are."""

    def __init__(self, kind: str, kinds: tuple[str, ...]) -> None:
        self.kind = kind
        self.kinds = kinds
        super().__init__(f"unknown kind {kind!r}: expected one of {', '.join(kinds) or 'none'}")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A kind: `config` reads its keys, `make` is the class that does its work."""

    kind: str
    config: type[BaseModel]
    make: type[Any]


@dataclass(frozen=True, slots=True)
class Family:
    """Kinds of one port: the package whose files they are, the name of their class, the entry points' group."""

    package: str
    port: str
    group: str

    def shipped(self) -> tuple[str, ...]:
        """Return the kinds that are files of the package; a file that begins with "_" is none."""
        path = importlib.import_module(self.package).__path__
        return tuple(sorted(found.name for found in pkgutil.iter_modules(path) if not found.name.startswith("_")))

    def kinds(self) -> tuple[str, ...]:
        """Return every kind, those of other packages too."""
        return tuple(sorted({*self.shipped(), *self._entry_points()}))

    def load(self, kind: str) -> Plugin:
        """Import the kind; ours comes before a stranger's of the same name. Raises UnknownKindError, PluginError."""
        ours = kind in self.shipped()
        points = {} if ours else self._entry_points()
        if not ours and kind not in points:
            raise UnknownKindError(kind, self.kinds())
        try:
            module = importlib.import_module(f"{self.package}.{kind}") if ours else points[kind].load()
        except Exception as error:  # a stranger's module may raise anything
            raise PluginError(f"{kind!r} can not be imported: {error!r}") from error
        return self._plugin(kind, module)

    def _entry_points(self) -> dict[str, Any]:
        from importlib.metadata import entry_points  # noqa: PLC0415  (slow, and seldom needed)

        return {point.name: point for point in entry_points(group=self.group)}

    def _plugin(self, kind: str, module: object) -> Plugin:
        config, make = getattr(module, "Config", None), getattr(module, self.port, None)
        if not (isinstance(config, type) and issubclass(config, BaseModel)):
            raise PluginError(f"{kind!r} has no pydantic model named Config")
        if not isinstance(make, type):
            raise PluginError(f"{kind!r} has no class named {self.port}")
        return Plugin(kind, config, make)


RESTARTERS = Family("supervisor.restarters", "Restarter", "collections_supervisor.restarters")
NOTIFIERS = Family("supervisor.notifiers", "Notifier", "collections_supervisor.notifiers")
