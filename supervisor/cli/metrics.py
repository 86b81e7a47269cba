"""`metrics`: what came about in a window of time, in figures, asked of the daemon where one runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from supervisor.cli import _output
from supervisor.cli._errors import UNKNOWN, AbsentDaemonError, CommandError
from supervisor.cli._money import tallies
from supervisor.cli._times import clock, length
from supervisor.cli._which import daemon
from supervisor.domain.metrics import DAY, LONGEST, SHORTEST, Latency
from supervisor.domain.money import spoken
from supervisor.domain.words import count, span
from supervisor.faces.figures import NO_DATA, differences, percentiles

_EPILOG = """\
examples:
  collections-supervisor metrics
  collections-supervisor metrics --window 7d --json
  collections-supervisor --metrics --window 1h --output metrics.txt

What no log, no invoice and no journal tells is "no data", and null in JSON.
"""

_NO_DATA: _output.Piece = (NO_DATA, "dim")
_COUNTS = {"emails_sent": "e-mails sent", "payments_detected": "payments detected", "errors": "errors"}


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "metrics", help="count e-mails, payments and errors, and what was collected, in a window", epilog=_EPILOG
    )
    parser.add_argument("--window", type=_window, default=DAY, metavar="LENGTH", help="1h, 24h (the usual), 7d, ...")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, instead of to standard output")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the figures and return 0."""
    with _output.into(args.output, as_json=args.json):
        try:
            metrics = daemon(args).ask("GET", "metrics", query={"window": args.window})
        except AbsentDaemonError:
            metrics = _look(args)
        if args.json:
            _output.document(metrics)
        else:
            _output.say((f"the last {_span(metrics['window_seconds'])}", "bold"))
            _output.table([*_rows(metrics), *_change(metrics)])
    return 0


def _window(text: str) -> float:
    seconds = length(text)
    if not SHORTEST <= seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a window of 1m to 8d")
    return seconds


def _look(args: argparse.Namespace) -> dict[str, Any]:
    from supervisor import app  # noqa: PLC0415 - a daemon's answer needs none of this
    from supervisor.cli._configuration import settings_or_fail  # noqa: PLC0415
    from supervisor.faces.documents import metrics_document  # noqa: PLC0415
    from supervisor.ports import StoreError  # noqa: PLC0415

    try:
        return dict(metrics_document(app.metrics(settings_or_fail(args), args.window)))
    except StoreError as error:
        raise CommandError(UNKNOWN, str(error)) from None


# --- for people --------------------------------------------------------------------------------------


def _rows(metrics: dict[str, Any]) -> Iterator[tuple[str, _output.Piece]]:
    for key, name in _COUNTS.items():
        number = metrics[key]
        yield name, _NO_DATA if number is None else str(number)
    latency, collected = metrics["payment_latency"], metrics["collected"]
    yield "payment latency", _NO_DATA if latency is None else _latency(latency)
    yield "collected", _NO_DATA if collected is None else _collected(collected)


def _latency(document: dict[str, Any]) -> str:
    lengths = (document[f"{name}_seconds"] for name in ("average", "p50", "p90", "p99"))
    latency = Latency(document["count"], *lengths)
    return f"{span(latency.average)} on average; {percentiles(latency)} (of {count(latency.count, 'payment')})"


def _collected(document: dict[str, Any]) -> str:
    parts = [
        f"{spoken(tally.total, currency)} ({count(tally.count, 'invoice')})"
        for currency, tally in tallies(document).items()
    ]
    return " + ".join(parts) or "nothing"


def _change(metrics: dict[str, Any]) -> Iterator[tuple[str, _output.Piece]]:
    if metrics["change"] is None:
        yield "change", _NO_DATA
        return
    yield "change", f"since {clock(metrics['change_since'])}"
    for status, changed in metrics["change"].items():
        yield f"  {status}", "; ".join(differences(tallies(changed))) or "none"


def _span(seconds: float) -> str:
    """Return a window as people call it: a day of 24 h."""
    return "24 h" if seconds == DAY else span(seconds)
