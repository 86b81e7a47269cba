"""The house itself: style, types, floors, and what the package ships."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from vulture import Vulture

ROOT = Path(__file__).parents[1]
LONGEST = 400
CALLED_BY_OTHERS = (
    "__getattr__",  # Python, of a module
    "_from_iterable",  # collections.abc.Set
    "collect",  # prometheus_client
    "handle_error",  # aiohttp
    *("description", "no_wrap", "frac_prec", "text_factory"),  # read by argparse, rich, babel, sqlite3
)
"""What vulture can not see being used."""


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "ruff", "check", "."),
        ("-m", "ruff", "format", "--check", "."),
        ("-m", "mypy"),
        ("-m", "mypy", "tests/benchmarks", "tests/soak"),  # they are run by hand: what has rotted shows here
        ("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"),
        ("-m", "deptry", "supervisor"),
    ],
    ids=["style", "format", "types", "types by hand", "floors", "dependencies"],
)
def test_the_tools_are_content(command: tuple[str, ...]) -> None:
    run(sys.executable, *command)


def test_no_module_has_grown_too_long() -> None:
    modules = [path for part in ("supervisor", "tests") for path in (ROOT / part).rglob("*.py")]
    lengths = {path: len(path.read_text().splitlines()) for path in modules}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST} == {}


def test_there_is_no_dead_code() -> None:
    """Fields of values are left out: what reads them is JSON, a template or a model."""
    vulture = Vulture(ignore_names=list(CALLED_BY_OTHERS), ignore_decorators=["@model_validator", "@field_validator"])
    vulture.scavenge([str(ROOT / "supervisor")])
    assert [item.get_report() for item in vulture.get_unused_code() if item.typ != "variable"] == []


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    (data,) = (top for top in tops if top.endswith(".data"))
    assert {top for top in tops if not top.endswith(".dist-info")} == {"supervisor", data}
    assert {name for name in names if name.startswith(data)} == {f"{data}/data/share/man/man1/collections-supervisor.1"}
    assert {"supervisor/py.typed", "supervisor/faces/log-records.schema.json"} <= set(names)
    units = {path.relative_to(ROOT) for path in (ROOT / "systemd").rglob("*") if path.is_file()}
    assert {f"supervisor/{unit}" for unit in units} <= set(names)
    assert any(name.startswith("supervisor/faces/templates/") for name in names)


def test_peers_of_the_same_package_name_are_not_shadowed_silently() -> None:
    """PyPI's `supervisor` installs the same package: whoever has both must read of it."""
    assert "supervisord" in (ROOT / "README.md").read_text()
