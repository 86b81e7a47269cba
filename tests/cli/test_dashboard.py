"""`dashboard`, to the terminal and to a file."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tests.cli.conftest import PYTHON, Command
from tests.support.served import Served


def test_the_dashboard_goes_to_standard_output(served: Served) -> None:
    done = subprocess.run([*PYTHON, "--dashboard"], capture_output=True, check=True)
    assert done.stdout == served.control.page


def test_the_dashboard_goes_to_a_file_whole(command: Command, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    said = command("--dashboard", "--output", str(path))
    assert (said.code, said.out) == (0, f"{path} written\n")
    assert path.read_bytes() == served.control.page
    assert [entry.name for entry in tmp_path.iterdir() if "page" in entry.name] == ["page.html"]
    document = command("dashboard", "--output", str(path), "--json").json
    assert document == {"file": str(path), "bytes": len(served.control.page), "html": None}
    assert command("dashboard", "--json").json["html"] == served.control.page.decode()
    said = command("dashboard", "--json", "--agents", "mailer")
    assert (
        said.err == "collections-supervisor: --agents is passed over: the page of a running daemon shows every agent\n"
    )


def test_a_dashboard_that_can_not_be_written_is_said(command: Command, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "none" / "page.html"
    said = command("dashboard", "--output", str(path))
    assert said.code == 73
    assert f"{path.name} can not be written: No such file or directory" in said.err


def test_a_dashboard_to_a_pipe_does_not_replace_the_pipe(served: Served, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([*PYTHON, "dashboard", "--output", str(pipe)], stdout=subprocess.DEVNULL) as process:
        assert pipe.read_bytes() == served.control.page
        assert process.wait(20) == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
