"""What every record has, and the name it is known by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Record:
    """What every record has."""

    LEVEL: ClassVar[Level] = "info"
    KEPT: ClassVar[bool] = True

    @classmethod
    def event(cls) -> str:
        """Return the record's stable name."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
