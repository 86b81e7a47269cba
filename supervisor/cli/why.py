"""`why AGENT`: its story, in plain sentences."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import UNKNOWN
from supervisor.cli._fleet import STYLES, under_repair
from supervisor.cli._times import ago, clock, moment
from supervisor.cli._which import daemon
from supervisor.domain.words import count, span
from supervisor.faces.sentences import sentence

_RECORDS = 40
_STAMP = frozenset({"id", "timestamp", "level", "event", "agent"})


_MODIFIERS = {
    "held": "Restarts are held.",
    "silenced": "Nobody is notified of it: a silence matches.",
    "unobserved": "It is not observed just now: nothing is decided.",
    "exhausted": "Its restarts are used up for now.",
    "clock_skew": "Its clock is ahead: the time of receipt counts.",
}


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("why", help="tell an agent's story: what happened, and why")
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.add_argument("--limit", type=int, default=_RECORDS, metavar="N", help=f"records told (default {_RECORDS})")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the story and return 0."""
    story = _story(daemon(args), args.agent, args.limit)
    if args.json:
        _output.document(story)
        return 0
    now = story["timestamp"]
    for line in _present(story["agent"], now):
        _output.say(*line)
    for incident in story["incidents"]:
        for line in _incident(incident, now):
            _output.say(*line)
    if story["events"]:
        _output.say(("What happened:", "bold"))
        _output.table([row for event in story["events"] for row in told(event)])
    return 0


def told(event: dict[str, Any], *, whose: bool = False) -> list[list[_output.Piece]]:
    """Return the rows of a table that tell of one record; `whose`: say the agent's name."""
    name = f"{event['agent']}: " if whose and event.get("agent") else ""
    style = {"error": "red", "warning": "yellow"}.get(event["level"], "")
    fields = {key: value for key, value in event.items() if key not in _STAMP}
    said = name + sentence(event["event"], fields, clock)
    rows: list[list[_output.Piece]] = [[("  " + clock(event["timestamp"]), "dim"), (said, style)]]
    rows += [["", ("| " + line, "dim")] for line in event.get("stderr") or ()]
    return rows


def _story(supervisor: Daemon, name: str, limit: int) -> dict[str, Any]:
    fleet = supervisor.ask("GET", "fleet")
    agent = supervisor.ask("GET", "agents", name)
    incidents = [one for one in fleet["incidents"] if one["key"].partition(":")[0] == name]
    events = supervisor.history(limit, agent=name)
    return {"timestamp": fleet["timestamp"], "agent": agent, "incidents": incidents, "events": events}


def _present(agent: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    symbol, style = STYLES.get(agent["status"], ("?", ""))
    since = f" since {clock(agent['since'])} ({ago(agent['since'], now)})"
    lines: list[list[_output.Piece]] = [
        [(f"{symbol} ", style), (agent["name"], "bold"), " is ", (agent["status"], style), since],
        [f"Why: {agent['reason']}."],
    ]
    beat = agent["last_heartbeat"]
    promise = f"it promises one every {span(agent['heartbeat_timeout'])}"
    seen = f"Its last heartbeat came at {clock(beat)} ({ago(beat, now)})" if beat else "It has never sent a heartbeat"
    lines.append([f"{seen}; {promise}."])
    if agent["message"]:
        lines.append([f"It said: {agent['message']!r}."])
    if under_repair(agent):
        lines.append(["A restart is under way."])
    elif agent["due"] is None:
        lines.append(["No heartbeat is awaited."])
    else:
        due = f"at {clock(agent['due'])} ({ago(agent['due'], now)})"
        number = agent["consecutive_misses"] + 1
        late = moment(agent["due"]) < moment(now)
        lines.append(
            [f"Miss {number} fell due {due}; it is not decided yet." if late else f"Miss {number} falls {due}."]
        )
    numbers = (count(agent["consecutive_misses"], "miss"), count(agent["restarts"], "restart"))
    lines.append([f"So far: {numbers[0]} in a row, {numbers[1]}, {count(agent['errors'], 'error')}."])
    if agent["restarter"] is None:
        lines.append(["Nothing is configured to restart it."])
    if agent["restart_at"] is not None:
        lines.append([f"The next restart is tried at {clock(agent['restart_at'])} ({ago(agent['restart_at'], now)})."])
    if agent["held_until"] is not None:
        lines.append([f"Restarts are held until {clock(agent['held_until'])} ({ago(agent['held_until'], now)})."])
    lines += [[_MODIFIERS.get(modifier, f"It is {modifier}.")] for modifier in agent["modifiers"]]
    return lines


def _incident(incident: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    severity = (incident["severity"], _output.SEVERITIES.get(incident["severity"], ""))
    opened = f"({incident['state']}), opened {ago(incident['opened_at'], now)}: {incident['summary']}."
    lines: list[list[_output.Piece]] = [[("Incident ", "bold"), f"{incident['id']}, ", severity, f" {opened}"]]
    told_to = ", ".join(incident["told"]) or "nobody yet"
    more = f"; next at {clock(incident['next_at'])}" if incident["next_at"] else ""
    lines.append([f"Told: {told_to}{more}."])
    if incident["acked_by"]:
        lines.append([f"Acknowledged by {incident['acked_by']} until {clock(incident['acked_until'])}."])
    if incident["silenced"]:
        lines.append(["A silence keeps notices of it back."])
    return lines
