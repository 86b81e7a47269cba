"""Files that are links: what they lead to changes without an event where the link is."""

from __future__ import annotations

import os
from collections.abc import Iterable

from supervisor.sources._listing import Root

_Mark = tuple[int, ...] | None


class Links:
    """Remembers where the links among the named files of the roots that `follow` them lead. For one thread."""

    def __init__(self, roots: Iterable[Root]) -> None:
        self._paths = [str(root.path.absolute() / name) for root in roots if root.follow for name in root.names or ()]
        self._known: dict[str, tuple[_Mark, _Mark]] = {}

    def look(self) -> set[str]:
        """Return the links that lead to something else than at the last call, or to something that has changed.

        A link that was itself replaced is not one of them: that is an event in its own folder.
        """
        changed: set[str] = set()
        for path in self._paths:
            link, target = _mark(path, follow=False), None
            if os.path.islink(path):  # noqa: PTH114 - text, once a second
                target = _mark(path, follow=True)
            known, self._known[path] = self._known.get(path), (link, target)
            if known is not None and known[0] == link and known[1] != target:
                changed.add(path)
        return changed


def _mark(path: str, *, follow: bool) -> _Mark:
    try:
        info = os.stat(path, follow_symlinks=follow)  # noqa: PTH116 - text, once a second
    except OSError:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns
