"""`init`: a configuration to begin with, for the agents that are found."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisor import paths
from supervisor.cli import _output
from supervisor.cli._errors import NO_OUTPUT, CommandError
from supervisor.domain.words import count
from supervisor.paths import Places, configured, named_config, user_config

_USUAL = ("collections-emailer", "payment-watcher")

_TEMPLATE = """\
# The configuration of collections-supervisor. What is not here has a default: config/supervisor.toml of the source
# distribution shows every key. Check it with `collections-supervisor check-config`.

[paths]
cache = {cache}    # heartbeats, queues and logs of the agents
state = {state}    # their invoices

[defaults]
heartbeat_timeout = "60m"    # longest silence that is still in time
check_interval = "15m"       # further silence between one miss and the next
restart_after = 1            # misses in a row that bring a restart
escalate_after = 2           # misses in a row that bring an incident

{agents}
# Who is told of an incident: one after another, until somebody acknowledges it.
[channels.escalations]
kind = "file"
path = {file}

# [channels.on-call]
# kind = "webhook"
# url = "https://example.org/hooks/on-call"
# token_env = "ON_CALL_TOKEN"
"""

_AGENT = """\
[agents.{key}]
# [agents.{key}.restart]    # without it, the agent is watched but not restarted
# kind = "systemd"
# unit = "{name}.service"
"""


_EPILOG = """\
examples:
  collections-supervisor init
  collections-supervisor init --print
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("init", help="write a configuration for agents that are found", epilog=_EPILOG)
    parser.add_argument("--print", action="store_true", dest="show", help="print it, write nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or print the configuration and return 0."""
    target = named_config(args.config, os.environ) or user_config(os.environ)
    given = {"cache": args.cache_dir, "state": args.state_dir}
    named = {key: path.absolute() for key, path in given.items() if path is not None}
    places = configured(None, _environ(target), named)
    found = args.agents or _found(places.heartbeats)
    text = _text(found or _USUAL, places)
    if args.show:
        if args.json:
            _output.document({"file": None, "agents": list(found or _USUAL), "text": text})
        else:
            sys.stdout.write(text)
        return 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(NO_OUTPUT, f"{target} exists already; --print shows what would be written") from None
    except OSError as error:
        raise CommandError(NO_OUTPUT, f"the configuration can not be written: {error}") from None
    if args.json:
        _output.document({"file": str(target), "agents": list(found or _USUAL), "text": text})
        return 0
    names = f"{count(len(found), 'agent')} found in" if found else "the usual two agents; none has beaten yet in"
    _output.say(f"{target} written: {names} {places.heartbeats}")
    _output.say("next: edit it, then `collections-supervisor check-config`, then `collections-supervisor run`")
    return 0


def _environ(target: Path) -> Mapping[str, str]:
    """Return the environment of whoever runs with `target`: of the system's that is the service, not ours."""
    if target != paths.SYSTEM_CONFIG:
        return os.environ
    from supervisor.cli._sandbox import ENVIRONMENT  # noqa: PLC0415 - brings pydantic

    return ENVIRONMENT


def _found(heartbeats: Path) -> tuple[str, ...]:
    """Return the names of the agents that have left a heartbeat."""
    from supervisor.formats.heartbeat import owner  # noqa: PLC0415 - brings msgspec

    try:
        owners = [owner(path.name) for path in heartbeats.iterdir() if path.is_file()]
    except OSError:
        return ()
    return tuple(sorted({name for name, _ in filter(None, owners)}))


def _text(names: tuple[str, ...], places: Places) -> str:
    agents = "\n".join(_AGENT.format(name=name, key=name if "." not in name else json.dumps(name)) for name in names)
    return _TEMPLATE.format(
        cache=_quoted(places.cache),
        state=_quoted(places.state),
        file=_quoted(places.data / "escalations.jsonl"),
        agents=agents,
    )


def _quoted(path: Path) -> str:
    """Return the path as TOML text: JSON's escapes are TOML's too."""
    return json.dumps(str(path), ensure_ascii=False).replace("\x7f", "\\u007f")
