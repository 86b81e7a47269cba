from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import supervisor.restarters
from supervisor.plugins import NOTIFIERS, RESTARTERS, Family, PluginError, UnknownKindError

GOOD = """
from pydantic import BaseModel

class Config(BaseModel):
    loft: str

class {port}:
    pass
"""


def install(folder: Path, module: str, group: str, kind: str, text: str) -> None:
    """Lay out a package of a stranger as pip does."""
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{kind} = {module}\n")


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (RESTARTERS, {"command", "systemd", "managed"}),
        (NOTIFIERS, {"alertmanager", "apprise", "command", "email", "file", "webhook"}),
    ],
)
def test_what_comes_with_the_package(family: Family, kinds: set[str]) -> None:
    assert kinds <= set(family.shipped())
    for kind in family.shipped():
        plugin = family.load(kind)
        assert plugin.kind == kind
        assert plugin.config.__module__ == plugin.make.__module__ == f"{family.package}.{kind}"
        assert plugin.make.__name__ == family.port


def test_a_file_in_the_folder_is_a_kind_unless_it_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "incantation.py").write_text(GOOD.format(port="Restarter"))
    (tmp_path / "_private.py").write_text(GOOD.format(port="Restarter"))
    monkeypatch.setattr(supervisor.restarters, "__path__", [*supervisor.restarters.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "supervisor.restarters.incantation", raising=False)
    assert "incantation" in RESTARTERS.kinds()
    assert RESTARTERS.load("incantation").make.__name__ == "Restarter"
    with pytest.raises(UnknownKindError):
        RESTARTERS.load("_private")


@pytest.mark.parametrize(
    ("family", "group"),
    [(RESTARTERS, "collections_supervisor.restarters"), (NOTIFIERS, "collections_supervisor.notifiers")],
)
def test_an_entry_point_is_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: Family, group: str) -> None:
    module = f"stranger_{family.port.lower()}"
    install(tmp_path, module, group, "pigeon", GOOD.format(port=family.port))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module, raising=False)
    assert "pigeon" in family.kinds()
    assert "pigeon" not in family.shipped()
    plugin = family.load("pigeon")
    assert (plugin.make.__module__, plugin.config(loft="roof").model_dump()) == (module, {"loft": "roof"})


def test_ours_comes_before_a_strangers_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "stranger_command", RESTARTERS.group, "command", GOOD.format(port="Restarter"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert RESTARTERS.load("command").make.__module__ == "supervisor.restarters.command"


@pytest.mark.parametrize("kind", ["", "pidgin", "command.x", "..command", "__init__", "_config", "os"])
def test_an_unknown_kind_is_told_the_known_ones(kind: str) -> None:
    with pytest.raises(UnknownKindError) as caught:
        RESTARTERS.load(kind)
    assert {"command", "managed", "systemd"} <= set(caught.value.kinds)
    assert "command" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "can not be imported: ZeroDivisionError"),
        ("import no_such_module_anywhere", "can not be imported: ModuleNotFoundError"),
        ("class Notifier: pass", "has no pydantic model named Config"),
        ("class Config: pass\nclass Notifier: pass", "has no pydantic model named Config"),
        ("from pydantic import BaseModel\nclass Config(BaseModel): pass", "has no class named Notifier"),
        ("from pydantic import BaseModel as Config\nNotifier = print", "has no class named Notifier"),
    ],
)
def test_a_kind_that_can_not_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    module = f"broken_{abs(hash(text))}"
    install(tmp_path, module, NOTIFIERS.group, "pigeon", text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match=f"'pigeon' {reason}"):
        NOTIFIERS.load("pigeon")


def test_only_the_kind_in_use_is_imported() -> None:
    code = """
import sys
from supervisor.plugins import NOTIFIERS, RESTARTERS
def kinds():
    return {n for n in sys.modules if n.startswith(("supervisor.restarters.", "supervisor.notifiers."))}
RESTARTERS.shipped(), NOTIFIERS.kinds()
assert not kinds(), kinds()
NOTIFIERS.load("file")
print(sorted(n for n in kinds() if "._" not in n), "aiohttp" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['supervisor.notifiers.file'] False"
