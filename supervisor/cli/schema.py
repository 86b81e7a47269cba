"""`schema`: the JSON Schema of the log records, for programs that read them."""

from __future__ import annotations

import argparse
import sys
from typing import Any

_EPILOG = """\
examples:
  collections-supervisor schema > log-records.schema.json
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of the log records", epilog=_EPILOG)
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the schema and return 0."""
    from supervisor.faces.schema import schema_text  # noqa: PLC0415 - brings structlog

    sys.stdout.write(schema_text())
    return 0
