"""`python -m supervisor` and the command `collections-supervisor`."""

from __future__ import annotations

import sys

from supervisor.cli._main import main

if __name__ == "__main__":
    sys.exit(main())
