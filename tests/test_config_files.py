"""The files in `config/`: what people copy and what their editors read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from supervisor.config_agents import AgentTable, RestartTable
from supervisor.config_schema import schema
from supervisor.config_tables import Document
from supervisor.plugins import NOTIFIERS, RESTARTERS
from supervisor.settings import ConfigError, load

CONFIG = Path(__file__).parent.parent / "config"
TOML = CONFIG / "supervisor.toml"
SCHEMA = CONFIG / "supervisor.schema.json"
REGENERATE = (
    "python -c 'import json; from supervisor.config_schema import schema; print(json.dumps(schema(), indent=2))' "
    "> config/supervisor.schema.json"
)
HOME = {"HOME": "/home/ann"}

LINES = TOML.read_text(encoding="utf-8").splitlines()
OFF = re.compile(r"# (\[[\w.-]+\]|\w+ = .+)")
COMMENTED = [number for number, line in enumerate(LINES) if OFF.fullmatch(line)]


def uncommented(numbers: list[int]) -> str:
    return "\n".join(OFF.sub(r"\1", line) if number in numbers else line for number, line in enumerate(LINES))


def with_what_it_needs(number: int) -> list[int]:
    """Return the line, and the commented tables (header, keys) that it belongs to or speaks of."""
    needed = [number]
    for start in (n for n in COMMENTED if LINES[n].startswith("# [")):
        table = [start]
        while table[-1] + 1 in COMMENTED:
            table.append(table[-1] + 1)
        if number in table or (LINES[start].startswith("# [channels.") and "channel = " in LINES[number]):
            needed += table
    return needed


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "supervisor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_as_it_is_changes_nothing(tmp_path: Path) -> None:
    assert load(TOML, HOME) == load(written(tmp_path, ""), HOME)


def test_everything_uncommented_is_valid(tmp_path: Path) -> None:
    # Of the agents below [defaults] one is managed: it runs all the time, and has no schedule.
    all_but_one = [number for number in COMMENTED if not LINES[number].startswith('# schedule = "*/30')]
    settings = load(written(tmp_path, uncommented(all_but_one)), HOME)
    assert settings.paths == load(TOML, HOME).paths
    assert list(settings.channels) == ["caine", "script", "ops", "on-call", "mail", "alerts", "chat"]
    assert [step.delay for step in settings.chain().steps] == [0, 300]
    assert settings.agents["collections-emailer"].restart_plugin is not None
    restart = settings.policy("collections-emailer").restart
    assert restart is not None
    assert (restart.window, restart.reset_after) == (6 * 3600, 2 * 3600)


@pytest.mark.parametrize("number", COMMENTED, ids=lambda number: LINES[number])
def test_each_commented_key_is_valid_alone(tmp_path: Path, number: int) -> None:
    load(written(tmp_path, uncommented(with_what_it_needs(number))), HOME)


def is_named_as_another_way(key: str) -> bool:
    """Whether a line says that this key may stand in place of its own."""
    return any(re.search(rf"  # .*\bor (\w+, )*{key}\b", line) for line in LINES)


def test_every_key_is_there_with_its_default(tmp_path: Path) -> None:
    """`[defaults]` shows the keys of agents, and the empty value of a commented key is its default."""
    active = tomllib.loads(TOML.read_text(encoding="utf-8"))
    everything = tomllib.loads(uncommented(COMMENTED))
    for name, field in Document.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and hasattr(table, "model_fields"):
            shown = {key for key in table.model_fields if key in everything[name] or is_named_as_another_way(key)}
            assert shown == set(table.model_fields), name
            assert set(active[name]) == {
                key for key, value in table.model_fields.items() if value.default is not None or key == "restart"
            }, name
    assert set(everything["defaults"]["restart"]) == set(RestartTable.model_fields) - {"kind"}
    assert set(everything["defaults"]) == set(AgentTable.model_fields)


def test_every_key_has_its_sentence() -> None:
    """Before it, or, within an example, at its end where it does not speak for itself."""
    example = False
    for number, line in enumerate(LINES):
        example = line.startswith("# [") or (example and OFF.fullmatch(line) is not None)
        if re.match(r"(# )?\w+ = ", line) and not example:
            assert re.fullmatch(r"# .+[.]", LINES[number - 1]), line


def test_the_schema_is_up_to_date() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(), f"run: {REGENERATE}"


def valid(document: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(schema()).is_valid(document))


def test_the_schema_is_one_and_takes_the_file() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert valid(tomllib.loads(TOML.read_text(encoding="utf-8")))
    assert valid(tomllib.loads(uncommented(COMMENTED)))


@pytest.mark.parametrize(
    "text",
    [
        "nope = 1",
        "[gate]\nsettle = 30",
        "[gate]\nsettle = '30'",
        "[agents.a]\nrestart_after = 0",
        "[agents.a.restart]\nkind = 'command'\ncomand = ['x']",
        "[agents.a.restart]\nkind = 'managed'\ncommand = 'x'",
        "[channels.a]\npath = 'x'",
        "[channels.a]\nkind = 'file'",
        "[channels.a]\nkind = 'file'\npath = 'x'\nurl = 'x'",
        "[log]\nlevel = 'loud'",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(tmp_path: Path, text: str) -> None:
    assert not valid(tomllib.loads(text))
    with pytest.raises(ConfigError):
        load(written(tmp_path, text), HOME)


def test_the_schema_has_every_kind_and_leaves_room_for_others() -> None:
    tables = schema()["$defs"]
    for table, family in (("RestartTable", RESTARTERS), ("ChannelTable", NOTIFIERS)):
        kinds = {branch["if"]["properties"]["kind"]["const"]: branch["then"] for branch in tables[table]["allOf"]}
        assert set(kinds) == set(family.shipped())
        for kind, then in kinds.items():
            fields = family.load(kind).config.model_fields.items()
            assert {field.alias or name for name, field in fields} <= set(then["properties"])
    assert valid({"channels": {"a": {"kind": "pigeon", "loft": "roof"}}})


def test_defaults_are_shown_as_they_are_written() -> None:
    tables = schema()["$defs"]
    assert tables["AgentTable"]["properties"]["heartbeat_timeout"]["default"] == "1h"
    assert "null" not in json.dumps(schema())
