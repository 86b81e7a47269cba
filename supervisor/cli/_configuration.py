"""The configuration, with what the flags change in it. Heavy: only for commands that do the work themselves."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace

from supervisor.cli._errors import USAGE, CommandError
from supervisor.settings import ConfigError, Settings, load


def settings(args: argparse.Namespace) -> Settings:
    """Return the configuration that the flags name and change. Raises ConfigError."""
    found = load(args.config, os.environ).with_paths(cache=args.cache_dir, state=args.state_dir)
    if args.interval is not None:
        found = found.with_check_interval(args.interval)
    if args.agents is not None:
        _known(args.agents, found)
        found = found.with_agents(args.agents)
    if args.log_level is not None:
        found = replace(found, log=found.log.model_copy(update={"level": args.log_level}))
    return found


def _known(names: Iterable[str], found: Settings) -> None:
    """Refuse a name that the file does not configure, where it configures any: it is a slip of the pen."""
    configured = found.document.agents
    if wrong := [name for name in names if configured and not found.watch.discover and name not in configured]:
        raise ConfigError([f"--agents: no agent is named {name!r} in {found.source}" for name in wrong])


def settings_or_fail(args: argparse.Namespace) -> Settings:
    """Return the same; raises CommandError with a line for each thing that is wrong."""
    try:
        return settings(args)
    except ConfigError as error:
        raise CommandError(USAGE, *error.problems) from None
