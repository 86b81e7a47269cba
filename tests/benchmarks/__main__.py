"""`python -m tests.benchmarks [--quick] [--json FILE] [--readme] [NAME ...]`: measure, and print one table."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import table
from tests.benchmarks.lab import ROOT, Lab
from tests.benchmarks.table import Row

_PREFIX = "bench_"


def names() -> list[str]:
    """Return the benchmarks there are."""
    return sorted(path.stem.removeprefix(_PREFIX) for path in Path(__file__).parent.glob(f"{_PREFIX}*.py"))


def measured(chosen: Sequence[str], lab: Lab) -> Iterator[Row]:
    """Yield the rows of these benchmarks, one after another."""
    for name in chosen:
        yield from importlib.import_module(f"tests.benchmarks.{_PREFIX}{name}").measure(lab)


def machine() -> str:
    """Return what kind of machine this is."""
    release = ".".join(platform.release().split(".")[:2])
    return f"{os.cpu_count()} cores, {platform.system()} {release}, CPython {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0 whether the goals hold or not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure, and print one table.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns: less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to this file, too")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
    parser.add_argument("--folder", type=Path, help="work in here: its disk is what is measured")
    args = parser.parse_args(argv)
    unknown = sorted(set(args.names) - set(names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=args.folder) as folder:
        for row in measured(args.names or names(), Lab(Path(folder), args.quick)):
            print(f"{row.what}: {row.ours}, {row.peer}", file=sys.stderr, flush=True)  # noqa: T201
            rows.append(row)
    text = table.markdown(rows)
    print(f"{machine()}\n\n{text}", end="")  # noqa: T201
    if args.json is not None:
        document = {"machine": machine(), "quick": args.quick, "rows": [row.document() for row in rows]}
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if args.readme:
        readme = ROOT / "README.md"
        command = f"python -m tests.benchmarks{' --quick' if args.quick else ''}"
        said = f"`{command}` on a virtual machine ({machine()}); figures drift, ratios less so.\n\n"
        readme.write_text(table.placed(readme.read_text(encoding="utf-8"), f"{said}{text}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
