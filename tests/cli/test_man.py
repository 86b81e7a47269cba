from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.cli import man
from tests.cli.test_main import COMMANDS
from tests.support.needs import missing


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse words its usage otherwise in each Python")
def test_the_page_that_is_shipped_is_that_of_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert man.PAGE.read_text() == man.page(), "python -m tests.cli.man > supervisor/cli/collections-supervisor.1"


def test_man_shows_it_without_a_complaint() -> None:
    if not shutil.which("man"):
        missing("man", "the page is shown by it")
    done = subprocess.run(
        ["man", "--warnings", "--local-file", str(man.PAGE)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("COLLECTIONS-SUPERVISOR(1)")
    for command in COMMANDS:
        assert f"       collections-supervisor {command}" in lines
        assert f"COMMAND 'collections-supervisor {command}'" in lines
