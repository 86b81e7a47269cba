"""`run`: the daemon, in the foreground, until a signal ends it. SIGHUP has it read its configuration again."""

from __future__ import annotations

import argparse
import faulthandler
import sys
from contextlib import suppress
from typing import Any

from supervisor.cli._errors import IO, SOFTWARE, UNAVAILABLE, CommandError

_EPILOG = """\
examples:
  collections-supervisor run
  collections-supervisor run --config ./config.toml --log-level debug
  collections-supervisor run --log-format json | jq .event
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("run", help="watch the agents, in the foreground", epilog=_EPILOG)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the daemon and return its exit code."""
    from supervisor import app  # noqa: PLC0415 - everything comes with it
    from supervisor.cli._configuration import settings, settings_or_fail  # noqa: PLC0415
    from supervisor.ports import StoreLockedError  # noqa: PLC0415
    from supervisor.runtime.services import ServiceExhaustedError  # noqa: PLC0415

    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # standard error may have no file descriptor
            faulthandler.enable()  # the watchdog's SIGABRT leaves every thread's stack in the journal
    try:
        found = settings_or_fail(args)
        # A file that is away for a moment must not be taken for a machine without one.
        args.config = found.source
        log_format = "json" if args.json else args.log_format
        return app.run(found, reload=lambda: settings(args), log_format=log_format)
    except StoreLockedError as error:
        raise CommandError(UNAVAILABLE, str(error)) from None
    except ServiceExhaustedError as error:
        raise CommandError(SOFTWARE, str(error)) from None
    except OSError as error:
        raise CommandError(IO, str(error)) from None
