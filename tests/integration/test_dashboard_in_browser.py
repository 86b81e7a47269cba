"""The dashboard in a real browser: nothing is refused, nothing runs, everybody can read it, on paper and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from supervisor.faces.dashboard import render
from tests.faces.fleets import NOW, agent, fleet
from tests.faces.pages import PAGES
from tests.support.browser import chromium, tab


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def address(tmp_path: Path, page: bytes) -> str:
    (tmp_path / "page.html").write_bytes(page)
    return (tmp_path / "page.html").as_uri()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_breaks_no_rule_of_its_own(browser: Browser, tmp_path: Path, name: str) -> None:
    url = address(tmp_path, PAGES[name]())
    with tab(browser, width=390) as opened:
        opened.page.goto(url)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
        assert opened.page.locator("h1").evaluate("one => getComputedStyle(one).fontSize") == "22px", "no style"
        assert not opened.page.locator(".stale").is_visible()
        assert opened.asked == [url]
        assert opened.console == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, name: str, scheme: str, width: int) -> None:
    with tab(browser, width=width, color_scheme=scheme, bypass_csp=True) as opened:  # axe itself is a script
        opened.page.goto(address(tmp_path, PAGES[name]()))
        assert opened.violations() == []


@pytest.mark.parametrize("name", PAGES)
def test_a_printed_page_is_no_wider_than_the_paper(browser: Browser, tmp_path: Path, name: str) -> None:
    with tab(browser, width=794) as opened:  # A4 at 96 dpi
        opened.page.goto(address(tmp_path, PAGES[name]()))
        opened.page.emulate_media(media="print")
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 794
        assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_an_old_page_says_so_without_a_script(browser: Browser, tmp_path: Path) -> None:
    page = render(fleet((agent("a"),)), (), None, now=NOW, next_due=None, stale_after=1.0)
    with tab(browser, java_script_enabled=False) as opened:
        opened.page.goto(address(tmp_path, page))
        opened.page.locator(".stale").wait_for(state="visible", timeout=20_000)
