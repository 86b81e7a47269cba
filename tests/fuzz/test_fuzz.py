from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.parsers import PARSERS

ROOT = Path(__file__).parents[2]
RUNS = 10_000
SLOWEST = 10  # s for one input
MEMORY = 1024  # MiB


@pytest.mark.skipif(
    find_spec("atheris") is None, reason="needs atheris: it has no wheel for this Python, or is not installed"
)
@pytest.mark.parametrize("parser", PARSERS)
def test_no_bytes_break_a_parser(parser: str, tmp_path: Path) -> None:
    _, example = PARSERS[parser]
    (tmp_path / "example").write_bytes(example)
    limits = (f"-runs={RUNS}", "-max_len=2048", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}", "-seed=1")
    done = subprocess.run(
        (sys.executable, "-m", "tests.fuzz", parser, *limits, f"-artifact_prefix={tmp_path}/", str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {RUNS} runs" in done.stderr


@pytest.mark.parametrize("parser", PARSERS)
def test_the_examples_keep_the_promises(parser: str) -> None:
    fuzz, example = PARSERS[parser]
    fuzz(example)
    fuzz(b"")
