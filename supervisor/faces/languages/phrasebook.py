"""English sentences with something in them, said in another language. Pure.

Reasons, summaries and findings are made, logged and kept in English. The page finds the phrase that a sentence was
made by, and says the same by its translation; what no phrase fits is somebody else's words and stays as it is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

_GAP = re.compile(r"\{(\w+)\}")
_JOINT = "; "
Turn = Callable[[str], str]

_KEPT = 4096
"""So many sentences are remembered: most agents say the same."""


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: re.Pattern[str]
    other: str


class Phrasebook:
    """Translates by `phrases`, English to the other language; `{gaps}` have the same names in both.

    A gap of `NESTED` is itself a sentence. `special` says of the names of others what fits (a pattern) and what is done
    with it. The rest is data and stays.
    """

    NESTED = frozenset({"reason", "detail", "state", "old", "new", "what", "kind"})

    def __init__(self, phrases: Mapping[str, str], special: Mapping[str, tuple[str, Turn]]) -> None:
        fits = {gap: pattern for gap, (pattern, _) in special.items()}
        self._turns = {gap: turn for gap, (_, turn) in special.items()} | dict.fromkeys(self.NESTED, self.tell)
        self._whole = {english: other for english, other in phrases.items() if "{" not in english}
        # By the first word, or "" where that is a gap: few phrases are tried on a sentence.
        self._phrases: dict[str, list[_Phrase]] = defaultdict(list)
        for english in sorted(phrases.keys() - self._whole.keys(), key=lambda one: -len(_GAP.sub("", one))):
            head = english.split(" ", 1)[0]
            phrase = _Phrase(_pattern(english, fits), phrases[english])
            self._phrases["" if "{" in head else head].append(phrase)
        self._tell = lru_cache(_KEPT)(self._translate)

    def tell(self, sentence: str) -> str:
        """Return `sentence` in the other language, or as it is."""
        return self._tell(sentence)

    def _translate(self, sentence: str) -> str:
        parts = sentence.split(_JOINT)
        told = [self._one(part) for part in parts]
        if None in told and (whole := self._one(sentence)) is not None:
            return whole
        return _JOINT.join(one or part for one, part in zip(told, parts, strict=True))

    def _one(self, sentence: str) -> str | None:
        if sentence in self._whole:
            return self._whole[sentence]
        for phrase in (*self._phrases.get(sentence.split(" ", 1)[0], ()), *self._phrases.get("", ())):
            found = phrase.pattern.fullmatch(sentence)
            if found is not None:
                words = {gap: self._turns.get(gap, str)(text) for gap, text in found.groupdict().items()}
                return str(phrase.other.format(**words))
        return None


def _pattern(english: str, fits: Mapping[str, str]) -> re.Pattern[str]:
    """Return what finds the gaps of a sentence. Each ends where its next word first comes: no text makes it search."""
    pieces = _GAP.split(english)
    pattern = re.escape(pieces[0])
    for gap, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        words = f"(?P<{gap}>{fits.get(gap, '.+?')})"
        pattern += f"(?>{words}{re.escape(literal)})" if literal else words
    return re.compile(pattern, re.DOTALL)
