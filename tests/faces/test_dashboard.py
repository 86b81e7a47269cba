import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from supervisor.domain.actions import Severity
from supervisor.domain.escalation import Incident, IncidentState
from supervisor.domain.events import Beat
from supervisor.domain.fleet import Modifier, ScheduleView
from supervisor.domain.health import HealthState
from supervisor.domain.silences import Silence, Silences
from supervisor.domain.vitals import Pause
from supervisor.faces.dashboard import render
from tests.faces.fleets import HOUR, NOW, agent, changed, fleet, page
from tests.faces.pages import GOLDEN, HOSTILE, LIVE, PAGES, live

_VOID = {"meta", "link", "br", "img", "input", "use", "path", "circle", "rect"}


class Reader(HTMLParser):
    """Reads a page as a browser would: its elements, and its text."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._in = ""
        self.style = ""
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._in = tag

    def handle_data(self, data: str) -> None:
        if self._in == "style":
            self.style += data
        elif data.strip():
            self.texts.append(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self._in = ""

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_golden_pages(name: str) -> None:
    assert {**PAGES, **LIVE}[name]() == (GOLDEN / f"{name}.html").read_bytes(), (
        "the page has changed; look at it, and if it is right run: python -m tests.faces.pages"
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_nobody_for_anything_and_runs_nothing(name: str) -> None:
    read = Reader(PAGES[name]())
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "link", "img", "iframe", "form", "button", "input", "a", "object", "embed", "base"}
    for tag, attributes in read.elements:
        assert not [attribute for attribute in attributes if attribute.startswith("on") or attribute == "style"], tag
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in read.style
    assert "@import" not in read.style


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_this_style_and_nothing_else(name: str) -> None:
    read = Reader(PAGES[name]())
    (policy,) = (
        attributes["content"]
        for tag, attributes in read.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(read.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_a_live_page_runs_its_own_script_and_asks_nobody_else() -> None:
    read = Reader(live())
    assert [attributes for tag, attributes in read.elements if tag == "script"] == [{"src": "/live.js", "defer": None}]
    for tag, attributes in read.elements:
        assert not [attribute for attribute in attributes if attribute.startswith("on") or attribute == "style"], tag
        assert re.fullmatch(r"#\w+|/\w+|data:,", attributes.get("href") or "#x")
    (policy,) = (str(attributes["content"]) for _, attributes in read.elements if "http-equiv" in attributes)
    assert "script-src 'self'; connect-src 'self';" in policy


def test_who_has_not_logged_in_is_shown_the_commands_and_the_way_in() -> None:
    read = Reader(live(acting=False))
    buttons = [attributes for tag, attributes in read.elements if tag == "button"]
    assert buttons == [{"type": "button", "data-refresh": None}]
    assert "Log in to act" in read.text
    assert "collections-supervisor restart payment-watcher" in read.text


def test_only_what_can_be_done_has_a_button() -> None:
    told = {attributes.get("aria-label") for tag, attributes in Reader(live()).elements if tag == "button"}
    assert {"Hold: payment-watcher", "Restart: payment-watcher", "Release: invoice-scanner"} <= told
    assert not {"Release: payment-watcher", "Hold: invoice-scanner", "Restart: ledger-keeper"} & told


def test_hostile_names_are_text() -> None:
    read = Reader(PAGES["hostile"]())
    for name in HOSTILE:
        shown = name.encode("utf-8", "backslashreplace").decode().replace("\x00", "\ufffd")
        assert shown in [text.replace("\x00", "\ufffd") for text in read.texts]
    assert "49" not in {text.strip() for text in read.texts}


def test_names_stand_apart_from_the_writing_direction_around_them() -> None:
    html = page(fleet((agent("\u202egnp.exe"),))).decode()
    assert '<bdi class="name">\u202egnp.exe</bdi>' in html


def test_commands_survive_the_shell() -> None:
    read = Reader(page(fleet((agent("a'; rm -rf / #", HealthState.ESCALATED),))))
    assert "collections-supervisor restart 'a'\"'\"'; rm -rf / #'" in read.texts


def test_only_what_can_be_done_is_offered() -> None:
    bare = Reader(page(fleet((agent("a", HealthState.ESCALATED, restarter=None),)))).text
    held = Reader(page(fleet((agent("a", modifiers=(Modifier.HELD,), held_until=NOW + 60),)))).text
    assert "supervisor restart" not in bare
    assert "supervisor hold" not in bare
    assert "supervisor pause a" in bare
    assert "supervisor release a" in held
    assert "restarts held until 14:04:11 UTC" in held
    why = agent("a", modifiers=(Modifier.HELD,), held_until=NOW + 60, held_by="ann", held_reason="it is odd")
    assert "restarts held by ann until 14:04:11 UTC : it is odd" in Reader(page(fleet((why,)))).text
    asleep = agent("a", HealthState.STOPPED, pause=Pause("ann"), reason="paused by ann", modifiers=(Modifier.HELD,))
    paused = Reader(page(fleet((asleep,)))).text
    assert "supervisor resume a" in paused
    assert "supervisor release a" in paused
    assert "supervisor restart" not in paused
    left = Reader(page(fleet((agent("a", restarter=None, modifiers=(Modifier.HELD,)),)))).text
    assert "supervisor release a" in left, "what restarted it is configured no more"


def test_whoever_is_well_and_worth_a_look_stands_outside_the_fold() -> None:
    notable = [Modifier.HELD, Modifier.EXHAUSTED, Modifier.STALLED, Modifier.UNMET, Modifier.LOOPING, Modifier.FLAPPING]
    agents = [agent(f"z-{modifier}", modifiers=(modifier,)) for modifier in notable]
    pause = Pause("ann", NOW + 60, "it moves")
    agents += [agent("z-paused", HealthState.STOPPED, pause=pause, reason=pause.words, modifiers=(Modifier.PAUSED,))]
    agents += [agent("z-burns"), agent("late", HealthState.UNHEALTHY), *(agent(f"a{n:02}") for n in range(60))]
    burn = Incident("burn0001", "z-burns:burn", Severity.CRITICAL, "burns money", NOW - 60)
    html = page(fleet(tuple(agents), (burn,))).decode()
    open_, folded = html.split('<details class="fold">')
    for name in ("late", "z-burns", "z-paused", *(f"z-{modifier}" for modifier in notable)):
        assert f'<bdi class="name">{name}</bdi>' in open_, name
    assert "60 agents are well" in folded
    assert open_.index(">late</bdi>") < open_.index('"name">z-burns</bdi>')
    assert '<span class="chip">open incident</span>' in open_
    assert "paused by ann until" in open_


def test_in_brief_it_is_said_what_there_is_to_know_of_an_agent() -> None:
    pause = Pause("ann")
    agents = [agent(f"e{n:03}", HealthState.ESCALATED, reason="gone") for n in range(300)]
    agents += [agent("p", HealthState.STOPPED, pause=pause, reason=pause.words, modifiers=(Modifier.PAUSED,))]
    agents += [agent("h", modifiers=(Modifier.HELD,))]
    html = page(fleet(tuple(agents))).decode()
    assert "<small><bdi>paused by ann (paused)</bdi></small>" in html
    assert "<small><bdi>held</bdi></small>" in html


def test_who_has_an_incident_that_nobody_looks_after_needs_a_person() -> None:
    def incident(id_: str, key: str, **more: object) -> Incident:
        return Incident(id_, key, Severity.CRITICAL, "wrong", NOW - 60, **more)  # type: ignore[arg-type]

    agents = tuple(agent(name) for name in "abcd")
    taken = incident("2", "b:burn", state=IncidentState.ACKNOWLEDGED, acked_by="ann", acked_until=NOW + 60)
    burning = incident("1", "a:burn")
    assert "1 agent needs a person" in Reader(page(fleet(agents, (burning, taken)))).text
    escalated = (*agents, agent("e", HealthState.ESCALATED))
    both = (burning, taken, incident("3", "a:loop"), incident("4", "c:stalled"), incident("5", "e:heartbeat"))
    assert "3 agents need a person" in Reader(page(fleet(escalated, both))).text
    assert "1 incident is open" in Reader(page(fleet(agents, (taken,)))).text


def test_the_worst_comes_first() -> None:
    agents = tuple(agent(state.value, state) for state in HealthState)
    html = page(fleet(agents)).decode()
    places = [
        html.index(f'<bdi class="name">{name}</bdi>')
        for name in ("escalated", "unhealthy", "restarting", "unknown", "healthy", "stopped")
    ]
    assert places == sorted(places)


def test_an_agent_in_full() -> None:
    one = agent(
        "payment-watcher",
        HealthState.ESCALATED,
        last_heartbeat=NOW - 2 * HOUR,
        consecutive_misses=2,
        restarts=5,
        reason="no heartbeat for 2 h",
        restart_at=NOW + 60,
        due=NOW + 120,
        beat=Beat(NOW, message="<b>help</b>"),
    )
    text = Reader(page(fleet((one,)))).text
    assert "payment-watcher escalated no heartbeat for 2 h <b>help</b>" in text
    assert "next restart 14:04:11 UTC · next miss 14:05:11 UTC" in text
    assert "2 h ago 12:03:11 UTC 2 5 Last 24 h: escalated 1 d 0 % in time" in text


def test_the_next_run_of_a_schedule_is_told() -> None:
    one = agent("nightly", schedule=ScheduleView("0 * * * *", "UTC", 900.0, NOW + 60), due=NOW + 960)
    assert "next run, 15 min of grace 14:04:11 UTC · due by 14:19:11 UTC" in Reader(page(fleet((one,)))).text


def test_a_heartbeat_of_another_day_carries_its_date() -> None:
    assert "Dec 17, 2025 14:03:11 UTC" in Reader(page(fleet((agent("a", last_heartbeat=NOW - 62 * 24 * HOUR),)))).text
    assert "Jan 1 13:03:11 UTC" in Reader(page(fleet((agent("a", last_heartbeat=NOW - (47 * 24 + 1) * HOUR),)))).text
    assert "never" in Reader(page(fleet((agent("a", HealthState.UNKNOWN, last_heartbeat=None),)))).text


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([], "No agent is watched yet"),
        (["healthy", "stopped"], "Every agent is in time"),
        (["escalated"], "1 agent needs a person"),
        (["escalated", "escalated", "unhealthy"], "2 agents need a person"),
        (["unhealthy"], "1 agent is late"),
        (["unhealthy", "restarting"], "2 agents are late"),
        (["unknown", "unknown"], "The first heartbeat of 2 agents is awaited"),
    ],
)
def test_the_whole_in_one_sentence(states: list[str], words: str) -> None:
    agents = tuple(agent(str(number), HealthState(state)) for number, state in enumerate(states))
    assert words in Reader(page(fleet(agents))).text


def test_the_whole_without_sight() -> None:
    assert "Not certain" in Reader(page(fleet((agent("a"),), observed=False))).text


def test_incidents_unattended_first_and_the_resolved_not_at_all() -> None:
    def incident(name: str, severity: Severity, **more: object) -> Incident:
        return Incident(name, f"{name}:heartbeat", severity, name, NOW - 60, **more)  # type: ignore[arg-type]

    incidents = (
        incident("acked", Severity.CRITICAL, state=IncidentState.ACKNOWLEDGED, acked_by="ada", acked_until=NOW + 60),
        incident("over", Severity.CRITICAL, state=IncidentState.RESOLVED),
        incident("quiet", Severity.CRITICAL, silenced=True),
        incident("mild", Severity.WARNING),
        incident("grave", Severity.CRITICAL, told=("caine", "ops")),
    )
    silences = Silences(NOW, (Silence("s", "quiet", "bob", "new disk", NOW - 9, NOW + 60),))
    text = Reader(page(fleet((agent("a"),), incidents, silences=silences))).text
    assert re.findall(r"supervisor ack (\w+)", text) == ["grave", "mild", "acked", "quiet"]
    assert "ada looks after it until 14:04:11 UTC" in text
    assert "Told caine, ops" in text
    assert "silenced until 14:04:11 UTC by bob: new disk" in text
    assert "4 incidents are open" in text


def test_too_many_incidents_are_counted() -> None:
    incidents = tuple(Incident(str(n), f"{n}:x", Severity.WARNING, "x", NOW) for n in range(130))
    text = Reader(page(fleet((), incidents))).text
    assert len(re.findall("supervisor ack", text)) == 100
    assert "and 30 more" in text


def test_when_it_was_made_is_due_and_is_stale() -> None:
    html = render(fleet(()), (), None, now=NOW, next_due=NOW + 60, stale_after=90.0, title="Ours")
    read = Reader(html)
    assert "Made 14:03:11 UTC , next due 14:04:11 UTC" in read.text
    assert "later than 14:04:41 UTC" in read.text
    assert "animation:stale 1ms linear 90s forwards" in read.style
    assert "Ours" in read.text
    assert "next due" not in Reader(render(fleet(()), (), None, now=NOW, next_due=None, stale_after=90.0)).text


def test_a_page_whose_file_can_not_be_written_says_so() -> None:
    read = Reader(page(fleet((agent("a"),), page_error="No space left on <device>")))
    assert "can not be written: No space left on <device>. What lies there is older." in read.text


def test_what_happened_is_told() -> None:
    text = Reader(page(fleet((agent("a"),)), (changed(1, "a", "unknown", "healthy", "heartbeat in time"),))).text
    assert "13:03:11 UTC a unknown → healthy: heartbeat in time" in text


def test_a_middling_fleet_folds_what_is_well_and_keeps_its_strips() -> None:
    agents = tuple(agent(f"agent-{n:03}", HealthState.ESCALATED if n < 3 else HealthState.HEALTHY) for n in range(200))
    html = page(fleet(agents))
    assert len(html) < 300_000
    assert html.count(b'<svg class="strip"') == 200
    assert "197 agents are well" in Reader(html).text


def test_two_hundred_agents_with_a_bad_day_are_small_enough() -> None:
    agents = tuple(agent(f"agent-{n:03}", HealthState.ESCALATED, consecutive_misses=3) for n in range(200))
    history = tuple(
        changed(hours, one.name, *states, "no heartbeat for 1 h 4 min")
        for hours in range(23, 0, -1)
        for one in agents
        for states in (("healthy", "restarting"), ("restarting", "escalated"), ("escalated", "healthy"))
    )
    assert len(page(fleet(agents), history)) < 300_000


@pytest.mark.parametrize("bad", [0, 30, 10_000])
def test_ten_thousand_agents_are_all_there_and_small_enough(bad: int) -> None:
    agents = tuple(
        agent(f"collections-emailer-{n:05}", HealthState.ESCALATED if n < bad else HealthState.HEALTHY)
        for n in range(10_000)
    )
    html = page(fleet(agents))
    assert len(html) < 2_000_000
    assert html.count(b"collections-emailer-0999") >= 10
    text = Reader(html).text
    if bad < 10_000:
        assert f"{10_000 - bad:,} agents are well" in text
    else:
        assert "9,940 more to look at" in text


# --- colours -----------------------------------------------------------------------------------------


def _tokens(block: str) -> dict[str, tuple[int, int, int]]:
    found = re.findall(r"--([\w-]+):#([0-9a-f]{6}|[0-9a-f]{3})\b", block)
    return {name: _rgb(value) for name, value in found}


def _rgb(value: str) -> tuple[int, int, int]:
    digits = value if len(value) == 6 else "".join(digit * 2 for digit in value)
    red, green, blue = (int(digits[at : at + 2], 16) for at in (0, 2, 4))
    return red, green, blue


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _wash(colour: tuple[int, int, int], card: tuple[int, int, int]) -> tuple[int, int, int]:
    """The tint behind the state of the whole: 7 % of the state's colour."""
    red, green, blue = (round(0.07 * c + 0.93 * k) for c, k in zip(colour, card, strict=True))
    return red, green, blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_for_everybody(scheme: str) -> None:
    """WCAG 2 AA: text 4.5 to 1, what a picture says 3 to 1."""
    light, dark = re.findall(r":root\{(.*?)\}", Reader(page(fleet(()))).style, re.DOTALL)[:2]
    colour = _tokens(light) if scheme == "light" else _tokens(light) | _tokens(dark)
    for ink in ("ink", "soft", "good", "warn", "bad", "busy", "none"):
        for paper in ("bg", "card"):
            assert _contrast(colour[ink], colour[paper]) >= 4.5, (ink, paper)
    assert _contrast(colour["ink"], colour["code"]) >= 4.5
    for state in ("good", "warn", "bad", "busy", "none"):
        for ink in (state, "ink", "good", "warn", "bad", "busy", "none"):
            assert _contrast(colour[ink], _wash(colour[state], colour["card"])) >= 4.5, (ink, state)
    for bar in ("good-bar", "warn-bar", "bad-bar", "busy-bar", "none-bar", "rest-bar"):
        assert _contrast(colour[bar], colour["card"]) >= 3, bar


def test_states_differ_in_shape_and_not_in_colour_alone() -> None:
    html = PAGES["all_bad"]().decode()
    symbols = dict(re.findall(r'<symbol id="(\w+)" viewBox="0 0 20 20">(.*?)</symbol>', html))
    assert symbols.keys() == set(HealthState)
    assert len(set(symbols.values())) == len(symbols)
    heights = re.findall(r"\.bar\.(\w+)\{height:(\d+)px\}", html)
    assert all(one[1] != other[1] for one, other in pairwise(sorted(heights, key=lambda bar: int(bar[1]))))
