"""Who of a channel has taken a notice: nobody is told twice because another has not taken it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

R = TypeVar("R", bound=Hashable)

REMEMBERED = 100
"""Notices that are remembered; they are kept in memory alone."""


class Recipients(Generic[R]):
    """Remembers, by the ids of notices, who has taken what."""

    def __init__(self) -> None:
        self._taken: dict[str, frozenset[R]] = {}

    def missing(self, id_: str, everybody: Sequence[R]) -> list[R]:
        """Return those of `everybody` who have not taken the notice yet, in their order."""
        taken = self._taken.get(id_, frozenset())
        return [each for each in everybody if each not in taken]

    def took(self, id_: str, these: Sequence[R]) -> None:
        """Remember that these have taken the notice."""
        self._taken[id_] = self._taken.pop(id_, frozenset()) | frozenset(these)
        while len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]
