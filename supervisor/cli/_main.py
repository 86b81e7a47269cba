"""The command line: the flags that every command takes, the original's flags, exit codes, and quiet ends."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from supervisor.cli import _output
from supervisor.cli._errors import SOFTWARE, UNAVAILABLE, USAGE, CommandError, NoDaemonError, ProblemError

PROGRAM = "collections-supervisor"

FLAGS = {"--health-check": "check", "--dashboard": "dashboard", "--metrics": "metrics", "--daemon": "run"}
"""Flags that mean a command."""

_DEFAULTS: dict[str, Any] = {
    "agents": None,
    "state_dir": None,
    "cache_dir": None,
    "interval": None,
    "config": None,
    "json": False,
    "log_level": None,
    "log_format": None,
    "no_daemon": UNAVAILABLE,
}

_ORDER = (
    *("run", "check", "dashboard", "metrics", "reconcile", "status", "top", "why", "incidents", "events"),
    *("ack", "silence", "hold", "release", "pause", "resume", "restart", "beat"),
    *("reload", "check-config", "test-notify", "init", "install-unit", "uninstall-unit", "alert"),
    *("schema", "completion", "demo", "drill"),
)

_EPILOG = """\
Flags may stand before or after the command.

examples:
  collections-supervisor init         write a configuration for what beats
  collections-supervisor run          watch, in the foreground
  collections-supervisor check --agents payment-watcher
  collections-supervisor why payment-watcher
  collections-supervisor metrics --window 7d
  collections-supervisor reconcile    compare the books
  collections-supervisor beat nightly-backup -- ./backup.sh

A running daemon keeps to its own configuration: where --config, --cache-dir
or --state-dir name another, it is not asked; --interval is passed over.

exit codes: check, status and reconcile say 0 ok, 1 warning, 2 critical,
3 unknown; 64 wrong usage or configuration; 69 no daemon; others: 1 refused
or failed.
"""

_FLAGS = "The flags that every command takes: collections-supervisor --help"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if sys.stdout is None:  # started with standard output closed
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    words, command = _split(list(sys.argv[1:] if argv is None else argv))
    try:
        try:
            code = _run(words, command)
        except SystemExit as end:  # argparse's way, of --help
            code = int(end.code or 0)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is left in the buffer would raise once more when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - said whole; and Python's own 1 would pass for a warning
        sys.excepthook(*sys.exc_info())
        _document(words, SOFTWARE, f"{type(error).__name__}: {error}")
        return SOFTWARE
    return code


def _run(words: list[str], command: list[str] | None) -> int:
    args = argparse.Namespace(**_DEFAULTS, command=command)
    try:
        parser = _parser(words)
        parser.parse_args(_translated(parser, words), args)
        if args.version:
            return _version(args)
        if "run" not in args:
            parser.error("say what to do, such as run, check or status")
        if command is not None and args.name != "beat":
            parser.error(f"{args.name} takes no command after --")
        return int(args.run(args))
    except CommandError as error:
        return _failed(words, error)
    except NoDaemonError as error:
        return _failed(words, CommandError(args.no_daemon, str(error)))
    except ProblemError as error:
        return _failed(words, CommandError(error.exit_code, str(error)))


def _version(args: argparse.Namespace) -> int:
    from supervisor import __version__  # noqa: PLC0415 - reading the metadata takes a while

    if args.json:
        _output.document({"version": __version__})
    else:
        _output.say(f"{PROGRAM} {__version__}")
    return 0


def _failed(words: list[str], error: CommandError) -> int:
    for line in error.lines:
        _output.complain(line)
    _document(words, error.exit_code, "\n".join(error.lines))
    return error.exit_code


def _document(words: list[str], exit_code: int, text: str) -> None:
    """Print the error as a document, where one is wanted: the flags may be what could not be understood."""
    if "--json" in words:
        _output.document({"error": text, "exit_code": exit_code})


def _split(argv: list[str]) -> tuple[list[str], list[str] | None]:
    """Return the words for us, and those behind the first `--`."""
    if "--" not in argv:
        return argv, None
    place = argv.index("--")
    return argv[:place], argv[place + 1 :]


def _translated(parser: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """Return the words with a flag that means a command in that command's place."""
    flags = [word for word in words if word in FLAGS]
    if len(set(flags)) > 1:
        parser.error(f"{' and '.join(dict.fromkeys(flags))} do not go together")
    return [FLAGS[flag] for flag in flags[:1]] + [word for word in words if word not in FLAGS]


# --- parsers -----------------------------------------------------------------------------------------


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps lines as they are, and breaks those that are too long for the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        from textwrap import fill  # noqa: PLC0415 - only where help is shown

        return "\n".join(fill(line, width, initial_indent=indent) for line in text.splitlines())


class _Parser(argparse.ArgumentParser):
    """A parser that knows the common flags, and says what is wrong in one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Help, **kwargs)
        _add_common(self, shown=self.prog == PROGRAM)

    def error(self, message: str) -> NoReturn:
        _, unknown, rest = message.partition("argument COMMAND: invalid choice: ")
        if unknown:
            message = f"there is no command {rest.partition(' (')[0]}"  # without the names of all that there are
        place = self.prog.removeprefix(PROGRAM).strip()
        raise CommandError(USAGE, f"{place}: {message} (--help tells more)".removeprefix(": "))


def _parser(words: list[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [flags] COMMAND ...",
        description="Watches unattended agents: restarts the silent ones, tells a person, and keeps the record.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="store_true", help="say which version this is")
    original = parser.add_argument_group("flags that mean a command")
    for flag, command in FLAGS.items():
        original.add_argument(flag, action="store_true", help=f"same as {command}")
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="name", prog=PROGRAM, parser_class=_Parser
    )
    for name in _wanted(words):
        module = importlib.import_module(f"supervisor.cli.{name.replace('-', '_')}")
        module.register(subparsers)
        added = subparsers.choices[name]
        added.description = _described(module)
        added.epilog = "\n".join(filter(None, (added.epilog, _FLAGS)))
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of every command, as `--help` shows it."""
    return _parser(["--help"])


def _described(module: ModuleType) -> str:
    """Return what the module's docstring says behind the command's name, a line for each paragraph."""
    paragraphs = (module.__doc__ or "").partition(": ")[2].split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return text[:1].upper() + text[1:]


def _wanted(words: list[str]) -> list[str]:
    """Return the commands that the words can mean, so that only those are imported; all where none is named."""
    found = {path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[!_]*.py")}
    names = [name for name in _ORDER if name in found] + sorted(found.difference(_ORDER))
    if words[:1] in (["-h"], ["--help"]):
        return names
    named = {FLAGS.get(word, word) for word in words}
    return [name for name in names if name in named] or names


def _add_common(parser: argparse.ArgumentParser, *, shown: bool) -> None:
    """Add the flags that may stand before or after the command; what is not given stays as it is."""
    group = parser.add_argument_group("flags") if shown else parser

    def flag(*names: str, text: str, **how: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, help=text if shown else argparse.SUPPRESS, **how)

    flag("--config", type=Path, metavar="FILE", text="the configuration, instead of the usual places")
    flag("--agents", type=_names, metavar="A,B", text="only these agents")
    flag("--state-dir", type=Path, metavar="DIR", text="where the invoices lie")
    flag("--cache-dir", type=Path, metavar="DIR", text="where heartbeats, queues and logs lie")
    flag("--interval", type=_seconds, metavar="SECONDS", text="time between one miss and the next, for every agent")
    flag("--json", action="store_true", text="print one JSON document")
    levels, formats = ("debug", "info", "warning", "error"), ("auto", "json", "console")
    flag("--log-level", choices=levels, metavar="LEVEL", text=", ".join(levels))
    flag("--log-format", choices=formats, metavar="FORMAT", text="json, console, or auto: console on a terminal")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name for part in text.split(",") if (name := part.strip()))
    if not names:
        raise argparse.ArgumentTypeError("name at least one agent")
    return names


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 10 * 366 * 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds over 0")
    return seconds
