"""What is wrong with a configuration, said to its author: file, line, key, what was expected, what was found."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from supervisor.formats.duration import format_duration

Key = tuple[str | int, ...]

_SECRET = re.compile(r"token|secret|password|credential|(^|_)(key|url)$|headers?$", re.IGNORECASE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"\s*(\[\[?)(.+?)\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(r"""\s*((?:[A-Za-z0-9_.\s-]|"[^"]*"|'[^']*')+?)\s*=""")
_SHOWN = 60
REQUIRED = "is required"
_EXPECTED = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "a text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "too_short": ("min_length", "a length of at least"),
    "too_long": ("max_length", "a length of at most"),
    "string_pattern_mismatch": ("pattern", "text that matches"),
}


class ConfigError(Exception):
    """The configuration can not be used; the text has one line for each problem.

    `keys`: where in the file each of them is; empty where none of them is about a key.
    """

    def __init__(self, problems: Iterable[str], keys: Iterable[Key] = ()) -> None:
        self.problems = tuple(problems)
        self.keys = tuple(keys)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at `key`."""

    key: Key
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a configuration comes from: its file (None: built in, or the command line), its text, what it parsed to."""

    path: Path | None = None
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def folder(self) -> Path:
        """Where relative paths begin."""
        return Path.cwd() if self.path is None else self.path.absolute().parent

    def error(self, problems: Iterable[Problem]) -> ConfigError:
        """Return the error that lists `problems` from top to bottom: file, line where that is plain, key, text."""
        lines = key_lines(self.text)
        placed = []
        for problem in dict.fromkeys(problems):
            line = next((lines[key] for key in _outwards(problem.key) if key in lines), 0)
            file = "configuration" if self.path is None else f"{self.path}:{line}" if line else str(self.path)
            placed.append((line, f"{file}: {dotted(problem.key)}: {problem.text}", problem.key))
        placed.sort(key=lambda at: at[0])
        return ConfigError((text for _, text, _ in placed), (key for _, _, key in placed))

    def found(self, key: Key) -> Any:
        """Return the value at `key` as the file has it; None where the file does not."""
        value: Any = self.data
        for part in key:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def explain(
    error: ValidationError,
    model: type[BaseModel],
    origin: Origin,
    place: Callable[[Key], Key] = lambda key: key,
    beside: Iterable[str] = (),
) -> list[Problem]:
    """Return what `model` found wrong, in plain words and without secrets.

    Args:
        error: what pydantic said when it read a table of `origin` with `model`.
        model: knows the keys of that table.
        origin: the file.
        place: from a key below the model to the same key in the file.
        beside: keys that the same table may have and another model reads.
    """
    problems = []
    for detail in error.errors(include_url=False):
        loc = detail["loc"]
        key = place(tuple(part for part in loc if part != "[key]"))
        found = origin.found(key)
        if detail["type"] == "too_short" and found:
            continue  # only because the items it has are wrong, which is said of each
        if detail["type"] == "missing":
            text = REQUIRED
        elif detail["type"] == "extra_forbidden":
            text = unknown("key", str(key[-1]), [*_known(model, loc[:-1]), *beside])
        elif not loc or loc[-1] == "[key]" or (detail["type"] == "value_error" and isinstance(found, dict)):
            # It is about the whole table, or about a name that `key` shows.
            text = _expected(detail, found)
        else:
            text = _with_found(_expected(detail, found), key, found)
        problems.append(Problem(key, text))
    return problems


def _expected(detail: ErrorDetails, found: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return str(context["error"])
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        limit = context[name]
        if isinstance(limit, int | float):
            limit = format_duration(limit) if isinstance(found, str) else f"{limit:g}"
        return f"expected {words} {limit}"
    if kind in {"literal_error", "enum"}:
        return f"expected {context['expected']}"
    return f"expected {_EXPECTED[kind]}" if kind in _EXPECTED else detail["msg"]


def _with_found(text: str, key: Key, found: Any) -> str:
    """Return `text` with what was found, once; of what may be a secret nothing."""
    if any(isinstance(part, str) and _SECRET.search(part) for part in key):
        return text.replace(found, "…") if found and isinstance(found, str) else text
    shown = _shown(found)
    place = "/" + text.partition(":")[0]  # what is wrong inside a file says which file
    said = isinstance(found, str) and (repr(found) in text or place.endswith(f"/{found.lstrip('~/')}"))
    return text if said else f"{text}, got {shown}"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return "unknown key: did you mean ...?", with all of `known` where none is near."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"unknown {what} {json.dumps(name)}: did you mean {json.dumps(near[0])}?"
    expected = f"expected one of {', '.join(names)}" if names else "there is none"
    return f"unknown {what} {json.dumps(name)}: {expected}"


def dotted(key: Key) -> str:
    """Return the key as TOML writes it: `escalation.chain[0].channel`, `agents."odd name"`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else json.dumps(part))
    return text


def key_lines(text: str) -> dict[Key, int]:
    """Return the line of each table and key that a look at the single lines can find; no more than a help."""
    lines: dict[Key, int] = {}
    table: Key = ()
    counts: dict[Key, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            table = _parts(header[2])
            if header[1] == "[[":
                index = counts[table] = counts.get(table, -1) + 1
                table = (*table, index)
            lines.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_parts(assignment[1])), number)
    return lines


def _parts(dotted_key: str) -> Key:
    try:
        value: Any = tomllib.loads(f"{dotted_key} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts: list[str] = []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts)


def _outwards(key: Key) -> Iterable[Key]:
    return (key[:end] for end in range(len(key), 0, -1))


def _known(model: type[BaseModel], path: tuple[str | int, ...]) -> Iterable[str]:
    """Return the keys of the table at `path` below `model`; free names and places in a list lead no deeper."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = next(_models(field.annotation), model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)


def _shown(value: Any) -> str:
    """Return `value` as TOML would have it, short and without control characters; of a URL only the host."""
    if isinstance(value, dict | list):
        return f"{'a' if value else 'an empty'} {'table' if isinstance(value, dict) else 'list'}"
    if isinstance(value, str):
        text = _short(_without_secrets(value) if "://" in value else value)
        return json.dumps(text, ensure_ascii=not text.isprintable())
    return "nothing" if value is None else _short(str(value).lower())


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _without_secrets(url: str) -> str:
    """Return scheme and host: a path or a query may be a password in all but name."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…"
