"""Debian's Chromium, driven by Playwright: what a page asks for and what its console says is noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.needs import missing

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")


@dataclass
class Tab:
    """A page in the browser, what it asked for, and what its console said."""

    page: Page
    asked: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def violations(self) -> list[tuple[str, str]]:
        """Return what axe finds wrong for people who see or hear differently: (rule, the first element)."""
        self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = Axe().run(self.page).response["violations"]
        return [(one["id"], one["nodes"][0]["html"]) for one in found]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser, and end it."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if program is None:
        missing("chromium", "the page is looked at in a real browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, *, width: int = 1280, **how: Any) -> Iterator[Tab]:
    """Open an empty page in a profile of its own; `how` as of Playwright's `new_context`."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **how)
    opened = Tab(context.new_page())
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.on("console", lambda message: opened.console.append(message.text))
    opened.page.on("pageerror", lambda error: opened.console.append(str(error)))
    try:
        yield opened
    finally:
        context.close()
