"""The live page of a real daemon in a real browser: it follows, it acts, it says when it can not."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from supervisor.domain.words import span
from tests.support.browser import Tab, chromium, tab
from tests.support.nursery import Nursery
from tests.support.town import Town

CONFIG = """
[http]
listen = "127.0.0.1:{port}"
token_file = "token"
[dashboard]
min_interval = "1h"  # the file is written when it is asked for
[agents.mailer]
heartbeat_timeout = "1h"
[agents.mailer.restart]
kind = "command"
command = ["/bin/sh", "-c", "echo . >> restarted; sleep 2"]
working_directory = "{folder}"
[agents.sleeper]
heartbeat_timeout = "1h"
[channels.record]
kind = "file"
path = "record.jsonl"
[escalation]
chain = [{{ channel = "record", delay = "0s" }}]
"""

Story = Callable[[Tab], None]


class Place:
    """A daemon that serves its page, and what the API tells of it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"

    def beat(self, agent: str, **more: Any) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with (self.town.beats / f"{agent}.log").open("a") as file:
            file.write(json.dumps({"timestamp": stamp, **more}) + "\n")

    def api(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.base}/api/v1/{path}", timeout=20) as answer:  # noqa: S310 - our own
            return json.load(answer)

    async def start(self) -> None:
        await self.town.start()
        await self.town.logged("http_listening", address=f"127.0.0.1:{self.port}")

    async def shown(self, story: Story, **how: Any) -> None:
        """Play a story in a browser of its own, beside the event loop."""

        def play() -> None:
            with chromium() as browser, tab(browser, **how) as opened:
                opened.page.set_default_timeout(20_000)
                opened.page.goto(self.base)
                story(opened)
                assert {url for url in opened.asked if not url.startswith(f"{self.base}/")} == set()

        await asyncio.to_thread(play)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        (tmp_path / "token").write_text("sesame")
        place = Place(town)
        town.configure(CONFIG.format(port=place.port, folder=tmp_path))
        place.beat("mailer")
        invoice = town.folder / "state" / "acme" / "INV-1.json"
        invoice.parent.mkdir(parents=True)
        invoice.write_text('{"invoice_number": "INV-1", "amount": 12.5, "currency": "USD", "status": "unpaid"}')
        (town.folder / "cache" / "queues").mkdir()
        await place.start()
        yield place
        if town.pid:
            await town.stop(signal.SIGKILL)


def login(page: Page) -> None:
    page.get_by_role("link", name="Log in to act").click()
    page.get_by_label("Token").fill("sesame")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def until(condition: Callable[[], bool], limit: float = 20.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


async def test_what_is_wrong_is_taken_on_and_silenced(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        said = page.locator(".said")
        login(page)
        page.get_by_role("button", name="Run health check").click()
        expect(said).to_have_text("Every agent has been judged.")
        expect(page.get_by_role("heading", name="sleeper")).to_be_visible()  # it never beat: an incident
        (incident,) = place.api("incidents")["incidents"]

        page.get_by_role("button", name=f"Acknowledge: {incident['id']}").click()
        expect(said).to_have_text("Acknowledged.")
        expect(page.get_by_text("ann looks after it")).to_be_visible()
        assert place.api("incidents")["incidents"][0]["acked_by"] == "ann"

        page.locator("article").get_by_role("button", name="Silence").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("What")).to_have_value("sleeper:heartbeat")
        dialog.get_by_label("Why").fill("it <moves>")
        dialog.get_by_label("How long").select_option("8 h")
        dialog.get_by_role("button", name="Silence").click()
        expect(said).to_have_text("Silenced.")
        (silence,) = place.api("silences")["silences"]
        assert (silence["matcher"], silence["author"], silence["comment"]) == ("sleeper:heartbeat", "ann", "it <moves>")

        quiet = page.get_by_role("region", name="Silences")
        expect(quiet).to_contain_text("1 agent, 1 incident")
        quiet.get_by_role("button", name="End: sleeper:heartbeat").click()
        expect(said).to_have_text("The silence is over.")
        expect(quiet).to_be_hidden()
        assert place.api("silences")["silences"] == []

        page.get_by_role("row", name="mailer").get_by_role("button", name="Silence: mailer").click()
        dialog.get_by_label("What").fill("malier")
        dialog.get_by_label("Why").fill("new disk")
        dialog.get_by_role("button", name="Silence").click()
        expect(said).to_have_text("Silenced; it matches nothing that is watched now.")
        expect(quiet).to_contain_text("it matches nothing that is watched now")

    await place.shown(story)


async def test_an_agent_is_paused_and_resumed(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        said = page.locator(".said")
        login(page)
        expect(page.get_by_role("button", name="Hold: sleeper")).to_be_hidden()  # nothing restarts it
        page.get_by_role("button", name="Pause: mailer").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Why").fill("it <moves>")
        dialog.get_by_label("How long").select_option("until it is resumed")
        dialog.get_by_role("button", name="Pause").click()
        expect(said).to_have_text("Paused.")
        expect(page.get_by_text("paused by ann: it <moves>").first).to_be_visible()
        assert place.api("agents/mailer")["paused_by"] == "ann"
        expect(page.get_by_role("button", name="Restart: mailer")).to_be_hidden()
        page.get_by_role("button", name="Resume: mailer").click()
        expect(said).to_have_text("mailer is watched again.")
        expect(page.get_by_role("button", name="Pause: mailer")).to_be_visible()
        assert place.api("agents/mailer")["status"] == "healthy"

    await place.shown(story)


async def test_the_login_keeps_the_name_where_the_token_was_wrong(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        page.get_by_role("link", name="Log in to act").click()
        page.get_by_label("Token").fill("wrong")
        page.get_by_label("Your name").fill("ann")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Your name")).to_have_value("ann")

    await place.shown(story)


async def test_an_agent_is_held_released_and_restarted(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        said = page.locator(".said")
        login(page)
        page.get_by_role("button", name="Hold: mailer").click()
        expect(said).to_have_text("Restarts of mailer are held for 30 min.")
        assert place.api("agents/mailer")["modifiers"] == ["held"]
        expect(page.get_by_role("button", name="Release: mailer")).to_be_focused()  # where Hold was
        page.get_by_role("button", name="Release: mailer").click()
        expect(said).to_have_text("Restarts of mailer are no longer held.")
        assert place.api("agents/mailer")["modifiers"] == []

        page.get_by_role("button", name="Restart: mailer").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        restarted = place.town.folder / "restarted"
        assert not restarted.exists()
        for words in (re.compile(r"Restart \d+ has begun\."), "a restart is under way"):
            page.get_by_role("button", name="Restart: mailer").click()
            page.get_by_role("dialog").get_by_role("button", name="Restart").click()
            expect(said).to_contain_text(words)
        expect(page.get_by_role("alert").filter(has_text="under way")).to_be_visible()
        until(restarted.exists)
        assert place.town.log("restart_started", agent="mailer")

    await place.shown(story)


async def test_books_are_compared_and_the_report_written(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        said = page.locator(".said")
        login(page)
        before = place.api("fleet")["books"]["compared_at"]
        page.get_by_role("button", name="Reconcile").click()
        expect(said).to_have_text("The books have been compared.")
        assert place.api("fleet")["books"]["compared_at"] > before

        written = place.town.folder / "cache" / "dashboard.html"
        until(written.exists)
        written.unlink()
        page.get_by_role("button", name="Write report").click()
        expect(said).to_have_text("The report has been written.")
        assert b"A snapshot" in written.read_bytes()

        with page.expect_response(f"{place.base}/"):
            page.get_by_role("button", name="Refresh").click()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Token").wait_for()
        page.goto(place.base)
        expect(page.get_by_role("link", name="Log in to act")).to_be_visible()
        assert page.locator("button").all_inner_texts() == ["Refresh"]

    await place.shown(story)


async def test_a_transition_is_seen_within_a_second_without_a_reload(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        page.evaluate("window.mark = 1")
        row = page.get_by_role("row").filter(has_text="mailer")
        row.get_by_text("Commands").click()  # opens
        expect(row.get_by_text("hold mailer")).to_be_visible()
        row.locator("summary").focus()
        time.sleep(2)
        place.beat("mailer", kind="fail", message="<b>SMTP</b>")
        row.get_by_text("the agent reported a failure").wait_for()
        expect(row.locator("q")).to_have_text("<b>SMTP</b>")
        seen = time.time()
        (record,) = place.town.log("health_changed", agent="mailer", new="restarting")
        assert seen - datetime.fromisoformat(record["timestamp"]).timestamp() < 1.0
        assert page.evaluate("window.mark") == 1
        expect(row.get_by_text("hold mailer")).to_be_visible()  # still open, and where it was
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"

    await place.shown(story)


async def test_a_page_that_nobody_sees_holds_no_stream(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        look = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
        look += "document.dispatchEvent(new Event('visibilitychange')); return source === null; }"
        assert page.evaluate("source.readyState !== EventSource.CLOSED")
        assert page.evaluate(look, arg=True)
        assert not page.evaluate(look, arg=False)
        place.beat("mailer", kind="fail", message="it is back")
        page.get_by_text("it is back").wait_for()

    await place.shown(story)


async def test_hostile_names_are_text(place: Place) -> None:
    names = ("<script>bad=1</script>", "<img src=x onerror=bad=1>", "\u202egnp", "x" * 200, "💥")
    queues = place.town.folder / "cache" / "queues"

    def story(opened: Tab) -> None:
        page = opened.page
        for name in names:
            # As the name of a queue, and as what an agent says, while the page looks on.
            (queues / f"{name.replace('/', '')}.jsonl").write_text('{"type": "x", "_queued_at": 1}\n')
        place.beat("sleeper", kind="fail", message=" ".join(names))
        expect(page.get_by_role("row").filter(has_text="sleeper").locator("q")).to_have_text(" ".join(names))
        login(page)
        for name in names:
            expect(page.locator(".many bdi").get_by_text(name.replace("/", ""), exact=True)).to_have_count(1)
        assert page.locator("main img, main script").count() == 0
        assert page.evaluate("window.bad") is None
        assert page.evaluate("document.documentElement.scrollWidth") == 390

    await place.shown(story, width=390)


async def test_times_tick_as_the_daemon_says_them(place: Place) -> None:
    def story(opened: Tab) -> None:
        ago = opened.page.locator("[data-since]").first
        first = ago.inner_text()
        expect(ago).not_to_have_text(first)
        assert re.fullmatch(r"\d+ s ago|1 min( \d s)? ago", ago.inner_text())
        lengths = [0, 1, 59, 60, 61, 599, 600, 601, 3599, 3600, 3661, 86_399, 86_400, 90_000, 10**7]
        assert opened.page.evaluate("lengths => lengths.map(span)", lengths) == [span(length) for length in lengths]

    await place.shown(story)


async def test_a_browser_whose_clock_is_wrong_says_the_daemon_s_times(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        page.clock.set_system_time(time.time() + 7 * 86_400)
        page.reload()
        time.sleep(2)
        assert re.fullmatch(r"(\d+|1 min \d) s ago", page.locator("[data-since]").first.inner_text())

    await place.shown(story)


async def test_a_lost_connection_is_said_and_comes_back_by_itself(place: Place) -> None:
    loop = asyncio.get_running_loop()

    def wait(work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(60)

    def story(opened: Tab) -> None:
        page = opened.page
        lost = page.get_by_role("alert").filter(has_text="No connection to the supervisor.")
        expect(lost).to_be_hidden()
        wait(place.town.stop(signal.SIGKILL))
        expect(lost).to_be_visible()
        page.get_by_role("button", name="Refresh").click()
        expect(lost).to_be_visible()
        place.beat("mailer", kind="stop")
        (place.town.folder / "log").unlink()
        wait(place.start())
        expect(lost).to_be_hidden()
        expect(page.get_by_role("row").filter(has_text="mailer")).to_contain_text("stopped as planned")

    await place.shown(story)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_axe_finds_nothing_and_nothing_is_refused(place: Place, scheme: str, width: int) -> None:
    def story(opened: Tab) -> None:
        assert opened.violations() == []
        opened.page.goto(f"{place.base}/login")
        assert opened.violations() == []
        opened.page.goto(place.base)
        login(opened.page)
        opened.page.get_by_role("button", name="Run health check").click()
        expect(opened.page.locator("article")).to_be_visible()
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width
        assert opened.console == []
        assert opened.violations() == []
        opened.page.locator("article").get_by_role("button", name="Silence").click()
        assert opened.violations() == []

    await place.shown(story, width=width, color_scheme=scheme, bypass_csp=True)  # axe itself is a script


async def test_the_page_s_own_policy_lets_its_script_run_and_no_other(place: Place) -> None:
    def story(opened: Tab) -> None:
        page = opened.page
        login(page)
        page.get_by_role("button", name="Run health check").click()
        expect(page.locator(".said")).to_have_text("Every agent has been judged.")
        assert opened.console == []
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.bad = 1";
            document.body.append(script);
        }""")
        assert page.evaluate("window.bad") is None
        assert any("Content Security Policy" in line for line in opened.console)

    await place.shown(story)
