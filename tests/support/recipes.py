"""What the README tells its readers to type about logs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def recipes(start: str) -> list[str]:
    """Return the lines of the README's section on logs that begin with `start`."""
    section = re.split(r"^## ", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    (logs,) = (part for part in section if part.startswith("Logs\n"))
    return [
        line
        for block in re.findall(r"```sh\n(.*?)```", logs, re.DOTALL)
        for line in block.splitlines()
        if line.startswith(start)
    ]
