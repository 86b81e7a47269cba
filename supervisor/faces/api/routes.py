"""The table of routes: all that may be asked of the daemon over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from supervisor.faces import answers, live, requests
from supervisor.faces.api.acting import Acting
from supervisor.faces.api.reading import Reading
from supervisor.faces.api.route import EVENT_STREAM, HTML, JAVASCRIPT, PROMETHEUS, Route
from supervisor.faces.streams import Streams
from supervisor.ports import Control

_CONFLICT = (HTTPStatus.CONFLICT,)
_LAST_SEEN = {"Last-Event-ID": "the id of the event that was seen last: the stream goes on after it"}


def table(control: Control, version: str, watches: Mapping[str, str | None], streams: Streams) -> tuple[Route, ...]:
    """Return the routes of a daemon."""
    know = Reading(control, version, watches)
    act = Acting(control, watches)
    v1, agent = "/api/v1", "/api/v1/agents/{name}"
    return (
        Route("GET", "/", "The dashboard.", know.page, media=HTML),
        Route("GET", live.SCRIPT_PATH, "What keeps the dashboard up to date.", know.script, media=JAVASCRIPT),
        Route("GET", "/healthz", "Whether the daemon turns.", know.health, answer=answers.Alive),
        Route("GET", "/readyz", "Whether every agent is watched.", know.readiness, answer=answers.Ready),
        Route("GET", "/metrics", "The metrics, for Prometheus.", know.prometheus, media=PROMETHEUS),
        Route("GET", f"{v1}/fleet", "Everything.", know.fleet, requests.FleetQuery, answers.Fleet),
        Route("GET", f"{v1}/agents", "The agents by name.", know.agents, requests.PageQuery, answers.AgentPage),
        Route("GET", agent, "One agent.", know.agent, answer=answers.Agent),
        Route(
            "GET",
            f"{v1}/incidents",
            "Incidents, closed ones too, newest first.",
            know.incidents,
            requests.IncidentsQuery,
            answers.IncidentPage,
        ),
        Route(
            "GET",
            f"{v1}/findings",
            "What does not agree in the books, gravest first.",
            know.findings,
            requests.FindingsQuery,
            answers.FindingPage,
        ),
        Route("GET", f"{v1}/metrics", "Figures over a window.", know.metrics, requests.MetricsQuery, answers.Metrics),
        Route(
            "GET",
            f"{v1}/silences",
            "The silences, and the windows of maintenance.",
            know.silences,
            answer=answers.Silences,
        ),
        Route(
            "GET",
            f"{v1}/events",
            "The newest log records, oldest first; with `follow` also those to come.",
            streams.serve,
            requests.EventsQuery,
            media=EVENT_STREAM,
            headers=_LAST_SEEN,
            links=True,
        ),
        Route("POST", f"{v1}/check", "Judge now, and act.", act.check, requests.Check, answers.Fleet),
        Route("POST", f"{v1}/reconcile", "Compare the books now.", act.reconcile, requests.Asked, answers.Account),
        Route("POST", f"{v1}/dashboard", "Write the page to its file.", act.dashboard, requests.Asked, media=HTML),
        Route(
            "POST",
            f"{v1}/reload",
            "Read the configuration again.",
            act.reload,
            requests.Asked,
            answers.Reloaded,
            refusals=_CONFLICT,
        ),
        Route(
            "POST",
            f"{v1}/test-notify",
            "Send a test message through a channel, or each.",
            act.test_notify,
            requests.TestNotify,
            answers.Tested,
            refusals=(HTTPStatus.NOT_FOUND,),
        ),
        Route(
            "POST",
            f"{agent}/heartbeat",
            "Write a heartbeat for an agent.",
            act.heartbeat,
            requests.Heartbeat,
            status=HTTPStatus.NO_CONTENT,
            refusals=_CONFLICT,
        ),
        Route(
            "POST",
            f"{agent}/restart",
            "Begin a restart.",
            act.restart,
            requests.Asked,
            answers.Restarting,
            HTTPStatus.ACCEPTED,
            refusals=_CONFLICT,
        ),
        Route("POST", f"{agent}/hold", "Hold restarts.", act.hold, requests.Hold, answers.Holding, refusals=_CONFLICT),
        Route(
            "POST",
            f"{agent}/release",
            "Lift the hold.",
            act.release,
            requests.Asked,
            answers.Holding,
            refusals=_CONFLICT,
        ),
        Route(
            "POST",
            f"{agent}/pause",
            "Expect nothing of an agent for a while: no miss, no restart, no notice.",
            act.pause,
            requests.Pause,
            answers.Pausing,
            refusals=_CONFLICT,
        ),
        Route(
            "POST", f"{agent}/resume", "End the pause.", act.resume, requests.Asked, answers.Pausing, refusals=_CONFLICT
        ),
        Route(
            "POST",
            f"{v1}/incidents/ack",
            "Acknowledge these incidents, or all that nobody looks after.",
            act.acknowledge_many,
            requests.AcknowledgeMany,
            answers.Acknowledged,
            refusals=(HTTPStatus.NOT_FOUND,),
        ),
        Route(
            "POST",
            f"{v1}/incidents/{{id}}/ack",
            "Acknowledge an incident.",
            act.acknowledge,
            requests.Acknowledge,
            answers.Incident,
        ),
        Route(
            "POST",
            f"{v1}/silences",
            "Add a silence.",
            act.silence,
            requests.NewSilence,
            answers.Silence,
            HTTPStatus.CREATED,
            refusals=_CONFLICT,
        ),
        Route(
            "DELETE",
            f"{v1}/silences/{{id}}",
            "End a silence.",
            act.unsilence,
            status=HTTPStatus.NO_CONTENT,
            refusals=_CONFLICT,
        ),
        Route(
            "POST",
            f"{v1}/drills",
            "Watch an agent for a drill, of which nobody is told.",
            act.drill,
            requests.NewDrill,
            answers.Drill,
            HTTPStatus.CREATED,
            refusals=_CONFLICT,
        ),
        Route("DELETE", f"{v1}/drills/{{name}}", "End a drill.", act.end_drill, status=HTTPStatus.NO_CONTENT),
    )
