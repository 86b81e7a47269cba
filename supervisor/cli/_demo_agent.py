"""One agent of the demo: a real process that beats while it works, and that can hang.

    python -m supervisor.cli._demo_agent NAME DIRECTORY [LIFE=SECONDS ...]

In its first life it hangs after SECONDS where `1=SECONDS` is given, and so on; `2=0` hangs before the first heartbeat.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from supervisor.client import Heartbeat

_BEAT_EVERY = 0.5


def main(name: str, directory: Path, hangs: dict[int, float]) -> None:
    """Work, and hang when this life's time has come."""
    counter = directory.parent / f"{name}.lives"
    life = int(counter.read_text("ascii")) + 1 if counter.exists() else 1
    counter.write_text(str(life), "ascii")
    works_until = time.monotonic() + hangs.get(life, float("inf"))
    heart = Heartbeat(name, directory)
    done = 0
    while time.monotonic() < works_until:
        done += 1
        heart.progress(done, f"message {done}")
        time.sleep(_BEAT_EVERY)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    _, name, directory, *pairs = sys.argv
    main(name, Path(directory), {int(life): float(at) for life, _, at in (pair.partition("=") for pair in pairs)})
