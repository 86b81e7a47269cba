"""The daemon of a rehearsal whose wall clock can be set, and no other clock of this machine with it.

    python -m supervisor.cli.drills._daemon CONFIG OFFSET

It is the daemon as it always is, but for one thing: what it reads off the wall clock is moved by the seconds that the
file OFFSET holds.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from supervisor import app
from supervisor.clocks import SystemClock
from supervisor.settings import load


def main(config: Path, offset: Path) -> int:
    """Run until a signal ends it; return the exit code."""
    read = partial(load, config, {})
    clock = SystemClock(wall=lambda: time.time() + float(offset.read_text("ascii")))
    return app.run(read(), reload=read, log_format="json", clock=clock)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
