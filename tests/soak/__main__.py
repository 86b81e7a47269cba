"""`python -m tests.soak [--minutes 10] [--agents 1000] [--json FILE]`: exit 0 where nothing grows, else 1."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.soak.judge import Verdict
from tests.soak.run import SoakError, soak

_WARM_UP = 0.3
"""Share of the time that is not judged; two retentions (2 min) at the least, unless that is most of it."""


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as a table in Markdown."""
    lines = [
        "| measure | middle third | last third | growth by slope | limit | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.measure} ({one.unit}) | {one.middle:,.1f} | {one.last:,.1f} | {one.growth:+,.2f} | {one.limit:,.2f} "
        f"| {'**GROWS**' if one.grows else 'flat'} |"
        for one in verdicts
    ]
    return "\n".join(lines) + "\n"


def warm_up(seconds: float) -> float:
    """Return how much (s) of a soak of so many seconds is not judged."""
    return min(max(_WARM_UP * seconds, 120.0), seconds / 2)


def main(argv: Sequence[str] | None = None) -> int:
    """Soak, print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Let a daemon live among agents.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--agents", type=int, default=1000, help="among how many (1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write samples and verdicts to this file, too")
    args = parser.parse_args(argv)
    seconds = args.minutes * 60
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the daemon ends with us

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        try:
            report = asyncio.run(
                soak(Path(folder), seconds=seconds, agents=args.agents, warm_up=warm_up(seconds), say=say)
            )
        except SoakError as error:
            say(str(error))
            return 1
    acts = ", ".join(f"{number:,} {what}" for what, number in sorted(report.acts.items()))
    print(f"{args.minutes:g} min, {args.agents:,} agents: {acts}\n\n{table(report.verdicts)}", end="")  # noqa: T201
    if args.json is not None:
        args.json.write_text(json.dumps(report.document(), indent=1) + "\n", encoding="utf-8")
    return 0 if report.flat else 1


if __name__ == "__main__":
    sys.exit(main())
