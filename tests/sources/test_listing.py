from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from supervisor.sources._listing import Heard, Root, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(Root(tmp_path), threading.Event())


def test_a_scan_tells_each_change_once(tree: Tree, tmp_path: Path) -> None:
    one, two = tmp_path / "1.json", tmp_path / "client" / "2.json"
    two.parent.mkdir()
    for path in (one, two):
        path.touch()
    assert tree.scan() == {str(one), str(two)}
    assert tree.scan() == set()
    one.write_text("x")
    assert tree.scan() == {str(one)}
    two.unlink()
    assert tree.scan() == {str(two)}
    assert tree.names() == {str(tmp_path): {"1.json"}, str(two.parent): set()}
    assert tree.take_gone() == {str(two)}
    assert tree.take_gone() == set()


def test_a_change_of_rights_or_inode_alone_is_a_change(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_text("x")
    os.utime(path, (1, 1))
    tree.scan()
    path.chmod(0o600)
    assert tree.scan() == {str(path)}
    path.rename(tmp_path / "old")
    path.write_text("y")
    os.utime(path, (1, 1))
    assert str(path) in tree.scan()


def test_a_part_can_be_scanned_alone(tree: Tree, tmp_path: Path) -> None:
    for name in ("a", "ab"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "1.json").touch()
    tree.scan()
    (tmp_path / "a" / "deep" / "2.json").touch()
    (tmp_path / "ab" / "deep" / "2.json").touch()
    assert tree.scan(str(tmp_path / "a")) == {str(tmp_path / "a" / "deep" / "2.json")}
    assert str(tmp_path / "ab" / "deep") in tree.folders()


def test_what_was_noted_is_not_found_again(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    tree.scan()
    path.touch()
    assert tree.note(str(path), path.lstat()) is Heard.FILE
    assert tree.scan() == set()
    path.unlink()
    assert tree.note(str(path), None) is Heard.FILE
    assert tree.scan() == set()


def test_only_changes_that_should_have_been_told_are_suspects(tree: Tree, tmp_path: Path) -> None:
    told, untold = tmp_path / "told", tmp_path / "untold"
    for folder in (told, untold):
        folder.mkdir()
    tree.scan()
    for folder in (told, untold):
        (folder / "1.json").touch()
    tree.scan(told={str(told)})
    assert tree.suspects == {str(told / "1.json")}
    tree.note(str(told / "1.json"), (told / "1.json").lstat())
    assert tree.suspects == set()


def test_events_of_others_are_nothing(tmp_path: Path) -> None:
    tree = Tree(Root(tmp_path, recursive=False, names=frozenset({"config.toml"})), threading.Event())
    (tmp_path / "below").mkdir()
    tree.scan()
    info = tmp_path.lstat()
    for name in ("below", "below/config.toml", "other.toml", "../config.toml"):
        is_folder = name == "below"
        assert tree.note(f"{tmp_path}/{name}", info if is_folder else None) is Heard.NOTHING
    assert tree.note(str(tmp_path), info) is Heard.FOLDER
    assert not tree.covers(str(tmp_path / "below"))


def test_the_root_of_all_is_a_root_like_others() -> None:
    tree = Tree(Root(Path("/"), recursive=False, names=frozenset({"no-such.toml"})), threading.Event())
    assert tree.scan() == set()
    assert tree.troubles == {}
    assert list(tree.folders()) == [""]
    assert tree.note("/no-such.toml", None) is Heard.FILE


def test_a_halt_forgets_nothing(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "1.json").touch()
    tree.scan()
    halt = tree._halt
    halt.set()
    assert tree.scan() == set()
    assert tree.names() == {str(tmp_path): {"1.json"}}
