"""The picture of everything, as `check` and `status` print it."""

from __future__ import annotations

from typing import Any

from supervisor.cli import _books, _output, _silences
from supervisor.cli._times import ago, clock, next_run
from supervisor.domain.words import count

EXIT = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""As monitoring plugins do."""

STATUS = {"ok": "green", "warning": "yellow", "critical": "red", "unknown": "magenta"}
"""The style of the whole's state."""

STYLES = {
    "healthy": ("✔", "green"),
    "stopped": ("■", "dim"),
    "unknown": ("?", "magenta"),
    "restarting": ("↻", "yellow"),
    "unhealthy": ("!", "yellow"),
    "escalated": ("✖", "bold red"),
}


def show(fleet: dict[str, Any], *, as_json: bool) -> int:
    """Print the picture and return its exit code."""
    exit_code = EXIT[fleet["status"]]
    if as_json:
        _output.document(fleet)
        return exit_code
    now = fleet["timestamp"]
    word = (fleet["status"].upper(), f"bold {STATUS[fleet['status']]}")
    _output.say(word, ": ", *headline(fleet))
    _output.table(_agents(fleet, now))
    for incident in fleet["incidents"]:
        _output.say(("incident ", "bold"), *incident_pieces(incident, now), hang=9)
    for line in _silences.lines(fleet, now):
        _output.say(*line, hang=9)
    _books.summary(fleet["books"], fleet["queues"], now)
    if not fleet["observed"]:
        _output.say(("not observed: ", "magenta"), "; ".join(fleet["doubts"]).replace("_", " ") or "decisions wait")
    if fleet["unregistered"]:
        _output.say("not configured, but beating: ", ", ".join(fleet["unregistered"]))
    if fleet.get("dashboard_error"):  # a daemon of an older release does not tell
        _output.say(("the dashboard can not be written: ", "yellow"), fleet["dashboard_error"])
    return exit_code


def headline(fleet: dict[str, Any]) -> list[_output.Piece]:
    """Return the whole in one line: how many agents are how, and what is open."""
    states = [agent["status"] for agent in fleet["agents"]]
    pieces: list[_output.Piece] = [count(len(states), "agent") if states else "no agents"]
    for number, status in enumerate(dict.fromkeys(states)):
        style = STYLES.get(status, ("?", ""))[1]
        pieces += [", " if number else ": ", (f"{states.count(status)} {status}", style)]
    hard = sum(finding["state"] == "hard" for finding in fleet["books"]["findings"])
    for open_, noun in ((len(fleet["incidents"]), "incident"), (hard, "finding")):
        if open_:
            pieces.append(f"; {count(open_, noun)}")
    return pieces


def incident_pieces(incident: dict[str, Any], now: Any) -> list[_output.Piece]:
    """Return the line of one incident."""
    severity = (incident["severity"], _output.SEVERITIES.get(incident["severity"], ""))
    acked = f", acknowledged by {incident['acked_by']}" if incident.get("acked_by") else f", {incident['state']}"
    if incident.get("silenced_until"):
        acked += f", silenced until {clock(incident['silenced_until'])}"
    return [
        *(f"{incident['id']}  ", severity, f"  {incident['key']}  {incident['summary']}"),
        (f"  (opened {ago(incident['opened_at'], now)}{acked})", "dim"),
    ]


def under_repair(agent: dict[str, Any]) -> bool:
    """Whether a restart, or the first start, is under way: then no heartbeat is awaited."""
    return agent["due"] is None and agent["restarter"] is not None and agent["status"] != "stopped"


def _agents(fleet: dict[str, Any], now: Any) -> list[list[_output.Piece]]:
    """Return the rows of the agents; on a terminal that is too low for them, those with nothing to tell of in one."""
    agents = fleet["agents"]
    told = {incident["key"].partition(":")[0] for incident in fleet["incidents"]}
    told |= {agent["name"] for agent in agents if agent["status"] != "healthy" or agent["modifiers"]}
    healthy = [agent for agent in agents if agent["name"] not in told]
    if len(healthy) == 1 or not _output.too_low(len(agents)):
        return [_agent(agent, now) for agent in agents]
    rows = [_agent(agent, now) for agent in agents if agent["name"] in told]
    if healthy:
        symbol, style = STYLES["healthy"]
        rows.append([(f"{symbol} healthy", style), (f"{len(healthy)} more", "bold"), "heartbeats in time"])
    return rows


def _agent(agent: dict[str, Any], now: Any) -> list[_output.Piece]:
    symbol, style = STYLES.get(agent["status"], ("?", ""))
    beat = agent["last_heartbeat"]
    age = "" if beat is None else f"; last heartbeat {ago(beat, now)}"
    if agent.get("schedule"):  # a daemon of an older release does not tell
        age += f"; {next_run(agent['schedule'], now)}"
    if under_repair(agent) and agent["status"] != "restarting":
        age += "; restart under way"
    return [
        *((f"{symbol} {agent['status']}", style), (agent["name"], "bold")),
        f"{agent['reason']}{age}{held(agent)}{modifiers(agent)}",
    ]


def held(agent: dict[str, Any]) -> str:
    """Return by whom restarts of an agent are held, until when and why; nothing where they are not."""
    if not agent.get("held_by") or agent["held_until"] is None:
        return ""
    why = f": {agent['held_reason']}" if agent.get("held_reason") else ""  # a daemon of an older release does not tell
    return f"; held by {agent['held_by']} until {clock(agent['held_until'])}{why}"


def modifiers(agent: dict[str, Any]) -> str:
    """Return what is true of an agent beside its state, in brackets; nothing where nothing is."""
    return f" [{', '.join(agent['modifiers'])}]" if agent["modifiers"] else ""
