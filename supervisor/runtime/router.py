"""What the source hints at -> who must look: a heartbeat's reader, the books, the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import assert_never

from supervisor import ports
from supervisor.domain.gate import Blinded, Sighted
from supervisor.domain.records import Resync, WatchLost, WatchRestored
from supervisor.listing import Listing
from supervisor.ports import Clock, Source
from supervisor.runtime.gatekeeper import Gatekeeper
from supervisor.runtime.journal import Journal
from supervisor.runtime.reader import Reader
from supervisor.runtime.reconciler import Reconciler

_EAR = "the file watcher has failed"


class Router:
    """Takes the source's events to where they belong.

    Args:
        heartbeats: the folder of heartbeat files.
        config: the configuration file, None where there is none.
        on_config: called when it may have changed.
        on_listed: called after every heartbeat file was read, at the start and after each relisting.
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        journal: Journal,
        reader: Reader,
        gate: Gatekeeper,
        books: Reconciler,
        *,
        heartbeats: Path,
        config: Path | None,
        on_config: Callable[[], None],
        on_listed: Callable[[], None],
    ) -> None:
        self._source = source
        self._clock = clock
        self._journal = journal
        self._reader = reader
        self._gate = gate
        self._books = books
        self._heartbeats = heartbeats
        self._config = config
        self._on_config = on_config
        self._on_listed = on_listed
        self.ticked_at = clock.now()

    async def run(self) -> None:
        """Route events, for ever. While the source is broken the gate is closed."""
        try:
            async with aclosing(self._source.events()) as events:
                async for event in events:
                    self.ticked_at = self._clock.now()
                    await self._route(event)
        except Exception:
            self._gate.tell(Blinded(_EAR))
            raise

    async def _route(self, event: ports.SourceEvent) -> None:
        match event:
            case ports.Changed(paths):
                self._reader.mark(self._beats(paths))
                self._books.mark(paths)
                if self._config in paths:
                    self._on_config()
            case ports.Relisted(reason, paths):
                self._journal.note(Resync(reason, len(paths)))
                names = paths.names(self._heartbeats) if isinstance(paths, Listing) else None
                self._reader.mark_everything()
                self._reader.mark(self._beats(paths) if names is None else names)  # strangers, too
                await self._reader.read_dirty()
                self._gate.tell(Sighted(_EAR))
                self._on_listed()
                self._books.listed(reason, paths)
            case ports.Alive():
                pass
            case ports.WatchLost(root, reason, observed):
                self._journal.note(WatchLost(str(root), reason, observed))
                if root == self._heartbeats and not observed:
                    self._gate.tell(Blinded(str(root)))
                if not observed:
                    self._books.lost(root)
            case ports.WatchRestored(root, means):
                self._journal.note(WatchRestored(str(root), means))
                if root == self._heartbeats:
                    self._gate.tell(Sighted(str(root)))
                self._books.restored(root)
            case _:
                assert_never(event)

    def _beats(self, paths: Iterable[Path]) -> list[str]:
        """Return the names of those of these files that are heartbeats."""
        return [path.name for path in paths if path.parent == self._heartbeats]
