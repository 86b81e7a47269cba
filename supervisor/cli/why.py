"""`why AGENT`: how it is, what was decided last and on what evidence, what comes next, and all that happened."""

from __future__ import annotations

import argparse
from typing import Any

from supervisor.cli import _evidence, _output
from supervisor.cli._client import Daemon
from supervisor.cli._errors import UNKNOWN
from supervisor.cli._fleet import STYLES, under_repair
from supervisor.cli._times import ago, clock, moment, next_run
from supervisor.cli._which import daemon
from supervisor.domain.words import count, span
from supervisor.faces.sentences import sentence

_RECORDS = 40
_MOST_RECORDS = 10_000
_STAMP = frozenset({"id", "timestamp", "level", "event", "agent"})


_MODIFIERS = {
    "exhausted": "Its restarts are used up for now.",
    "clock_skew": "Its clock is ahead: the time of receipt counts.",
    "stalled": "It beats, work waits, and it makes no progress.",
    "unmet": "It beats, and what it is to make is not there.",
    "looping": "It beats, and does the same again and again.",
    "flapping": "It is well and ill by turns: nothing restarts it until it has settled.",
}
_TOLD_OTHERWISE = frozenset({"held", "silenced", "unobserved", "paused"})

_WELL = frozenset({"healthy", "stopped"})

_REPEATED = frozenset({"heartbeat_missed", "restart_refused"})
"""What comes again and again while an agent is silent: a run of these is told in a line or two."""

_FOLDED = 10
"""So many times more records are read than are told, because most of a long silence is such a run."""


_EPILOG = """\
examples:
  collections-supervisor why payment-watcher
  collections-supervisor why payment-watcher --limit 200 --json
"""


def register(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("why", help="tell an agent's story: what happened, and why", epilog=_EPILOG)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    parser.add_argument("--limit", type=int, default=_RECORDS, metavar="N", help=f"records told (default {_RECORDS})")
    parser.set_defaults(run=run, no_daemon=UNKNOWN)


def run(args: argparse.Namespace) -> int:
    """Print the story and return 0."""
    story = _story(daemon(args), args.agent, args.limit)
    if args.json:
        _output.document({**story, "events": story["events"][-args.limit :]})
        return 0
    now = story["timestamp"]
    for line in _present(story["agent"], now):
        _output.say(*line)
    for line in _circumstances(story, now):
        _output.say(*line)
    for incident in story["incidents"]:
        for line in _incident(incident, now):
            _output.say(*line)
    if story["events"]:
        _output.say(("What happened:", "bold"))
        _output.table([row for event in _folded(story["events"])[-args.limit :] for row in told(event)])
    return 0


def told(event: dict[str, Any], *, whose: bool = False) -> list[list[_output.Piece]]:
    """Return the rows of a table that tell of one record; `whose`: say the agent's name."""
    name = f"{event['agent']}: " if whose and event.get("agent") else ""
    style = {"error": "red", "warning": "yellow"}.get(event["level"], "")
    fields = {key: value for key, value in event.items() if key not in _STAMP}
    said = name + sentence(event["event"], fields, clock)
    if event.get("between"):
        said += f" ({event['between']} more of these before it)"
    rows: list[list[_output.Piece]] = [[("  " + clock(event["timestamp"]), "dim"), (said, style)]]
    rows += [["", ("| " + line, "dim")] for line in event.get("stderr") or ()]
    return rows


def _story(supervisor: Daemon, name: str, limit: int) -> dict[str, Any]:
    fleet = supervisor.ask("GET", "fleet")
    agent = supervisor.ask("GET", "agents", name)
    incidents = [one for one in fleet["incidents"] if one["key"].partition(":")[0] == name]
    most = min(limit * _FOLDED, _MOST_RECORDS)
    events = supervisor.history(most, agent=name)
    silences = [one for one in fleet["silences"] if one["state"] == "active" and _matches(one, name)]
    return {
        "timestamp": fleet["timestamp"],
        "agent": agent,
        "incidents": incidents,
        "silences": silences,
        "doubts": fleet["doubts"],
        "events": events,
    }


def _present(agent: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    symbol, style = STYLES.get(agent["status"], ("?", ""))
    since = f" since {clock(agent['since'])} ({ago(agent['since'], now)})"
    lines: list[list[_output.Piece]] = [
        [(f"{symbol} ", style), (agent["name"], "bold"), " is ", (agent["status"], style), since],
        [f"Why: {agent['reason']}."],
    ]
    beat = agent["last_heartbeat"]
    seen = f"Its last heartbeat came at {clock(beat)} ({ago(beat, now)})" if beat else "It has never sent a heartbeat"
    lines.append([f"{seen}; {_promise(agent, now)}."])
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
    if activity := agent.get("activity"):  # a daemon of an older release does not tell
        written = f"{clock(activity['last_written'])} ({ago(activity['last_written'], now)})"
        lines.append([f"A restart is put off: {activity['path']!r} was last written at {written}."])
    if agent["restart_at"] is not None and not _refused(agent):
        lines.append([f"The next restart is tried at {clock(agent['restart_at'])} ({ago(agent['restart_at'], now)})."])
    if agent["held_until"] is not None:
        by = f" by {agent['held_by']}" if agent["held_by"] else ""
        reason = f": {agent['held_reason']}" if agent.get("held_reason") else ""
        until = f"{clock(agent['held_until'])} ({ago(agent['held_until'], now)})"
        lines.append([f"Restarts are held{by} until {until}{reason}."])
    return lines


def _refused(agent: dict[str, Any]) -> bool:
    """Whether it is known that no restart starts at its time, for another reason than the one that it waits for."""
    if agent["held_until"] is not None and moment(agent["held_until"]) > moment(agent["restart_at"]):
        return True
    spent = "exhausted" in agent["modifiers"] and agent.get("activity") is not None
    return spent or "flapping" in agent["modifiers"]


def _promise(agent: dict[str, Any], now: Any) -> str:
    schedule = agent.get("schedule")  # a daemon of an older release does not tell
    if not schedule:
        return f"it promises one every {span(agent['heartbeat_timeout'])}"
    return f"it runs at {schedule['expression']} ({schedule['time_zone']}), {next_run(schedule, now)}"


def _circumstances(story: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    """Return what else bears on what is decided."""
    agent = story["agent"]
    lines = [_decision(event, now) for event in story["events"] if event["event"] == "health_changed"][-1:]
    lines += [_last_restart(event, agent, now) for event in _restarts(story["events"])[-1:]]
    lines += [
        [_MODIFIERS.get(modifier, f"It is {modifier}.")]
        for modifier in agent["modifiers"]
        if modifier not in _TOLD_OTHERWISE
    ]
    if "unobserved" in agent["modifiers"]:
        doubts = " and ".join(story["doubts"]).replace("_", " ") or "the supervisor doubts itself"
        lines.append([f"It is not observed just now ({doubts}): no silence counts, and nothing is restarted."])
    lines += [[_silenced(silence, now)] for silence in story["silences"]]
    return lines


def _silenced(silence: dict[str, Any], now: Any) -> str:
    by = f"{silence['author']} has silenced {silence['matcher']} ({silence['comment']})"
    return f"Nobody is notified of it until {clock(silence['ends_at'])} ({ago(silence['ends_at'], now)}): {by}."


def _decision(event: dict[str, Any], now: Any) -> list[_output.Piece]:
    at = f"{clock(event['timestamp'])} ({ago(event['timestamp'], now)})"
    return [f"Last decided at {at}: {event['old']} → {event['new']}: {event['reason']}."]


def _restarts(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the restarts since the agent was well last: those before that are of another silence."""
    ends: list[dict[str, Any]] = []
    for event in events:
        if event["event"] == "health_changed" and event["new"] in _WELL:
            ends = []
        elif event["event"] == "restart_finished":
            ends.append(event)
    return ends


def _last_restart(event: dict[str, Any], agent: dict[str, Any], now: Any) -> list[_output.Piece]:
    at = f"{clock(event['timestamp'])} ({ago(event['timestamp'], now)})"
    if event["ok"]:
        beat = agent["last_heartbeat"]
        followed = beat is not None and moment(beat) > moment(event["timestamp"])
        proof = "a heartbeat followed" if followed else "only a fresh heartbeat proves it"
        return [f"Restart {event['attempt']} was done at {at}; {proof}."]
    code = event.get("exit_code")
    why = event.get("detail") or (f"exit code {code}" if code is not None else "it is not known why")
    last = (event.get("stderr") or [""])[-1]
    return [f"Restart {event['attempt']} failed at {at}: {why}{f'; it said {last!r}' if last else ''}."]


def _matches(silence: dict[str, Any], name: str) -> bool:
    from supervisor.domain.silences import Silence  # noqa: PLC0415 - seldom needed

    found = Silence(silence["id"], silence["matcher"], silence["author"], silence["comment"], 0.0, 0.0)
    return found.matches(f"{name}:heartbeat")


def _folded(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records without those inside a long silence: of each run the first two and the last of a kind."""
    kept: list[dict[str, Any]] = []
    run: list[dict[str, Any]] = []
    for event in [*events, None]:
        if event is not None and event["event"] in _REPEATED:
            run.append(event)
            continue
        kept += _ends(run)
        run = []
        if event is not None:
            kept.append(event)
    return kept


def _ends(run: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first and the last record of each kind in a run, and a word on how many there were between them."""
    ends: list[dict[str, Any]] = []
    for kind in _REPEATED:
        same = [event for event in run if event["event"] == kind]
        ends += same[:1]
        if len(same) > 1:
            ends.append({**same[-1], "between": len(same) - 2})
    return sorted(ends, key=lambda event: int(event["id"]))


def _incident(incident: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    severity = (incident["severity"], _output.SEVERITIES.get(incident["severity"], ""))
    opened = f"({incident['state']}), opened {ago(incident['opened_at'], now)}: {incident['summary']}."
    lines: list[list[_output.Piece]] = [[("Incident ", "bold"), f"{incident['id']}, ", severity, f" {opened}"]]
    lines += [[("  evidence: ", "dim"), line] for line in _evidence.lines(incident["evidence"], now)]
    told_to = ", ".join(incident["told"]) or "nobody yet"
    more = f"; next at {clock(incident['next_at'])}" if incident["next_at"] else ""
    lines.append([f"Told: {told_to}{more}."])
    if incident["state"] == "triggered":
        lines.append(["Say that you look after it: ", (f"collections-supervisor ack {incident['id']}", "bold")])
    if incident["acked_by"]:
        lines.append([f"Acknowledged by {incident['acked_by']} until {clock(incident['acked_until'])}."])
    if incident["silenced_until"]:
        lines.append([f"A silence keeps notices of it back until {clock(incident['silenced_until'])}."])
    return lines
