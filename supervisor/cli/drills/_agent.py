"""One agent of a rehearsal: a real process that beats while it works, can hang, and is a witness.

    python -m supervisor.cli.drills._agent NAME DIRECTORY [LIFE=SECONDS ...]

In its first life it hangs after SECONDS where `1=SECONDS` is given, and so on; `2=0` hangs before the first heartbeat.
Each life begins with a line in `NAME.lives` beside the heartbeats folder: its pid, and the pids of earlier lives that
still run beside it. There should be none.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from supervisor.client import Heartbeat
from supervisor.restarters._processes import look

_BEAT_EVERY = 0.2


def main(name: str, directory: Path, hangs: dict[int, float]) -> None:
    """Work, and hang when this life's time has come."""
    lives = directory.parent / f"{name}.lives"
    earlier = [json.loads(line)["pid"] for line in lives.read_text().splitlines()] if lives.exists() else []
    with lives.open("a") as file:
        line = {"pid": os.getpid(), "beside": [pid for pid in earlier if look(pid)]}
        file.write(json.dumps(line) + "\n")
    works_until = time.monotonic() + hangs.get(len(earlier) + 1, float("inf"))
    heart = Heartbeat(name, directory)
    done = 0
    while time.monotonic() < works_until:
        done += 1
        heart.progress(done)
        time.sleep(_BEAT_EVERY)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    _, name, directory, *pairs = sys.argv
    main(name, Path(directory), {int(life): float(at) for life, _, at in (pair.partition("=") for pair in pairs)})
