"""The dashboard in a real browser: nothing is refused, nothing runs, nothing is too wide for a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from supervisor.faces.dashboard import render
from tests.faces.pages import NOW, PAGES, agent, fleet
from tests.support.needs import missing

# A page around the page, as narrow as a phone. It may look inside, for both are files of one folder; the page
# itself allows no script.
_PHONE = """<!doctype html><body><iframe src="{page}" width="390" height="800"></iframe><pre></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => setTimeout(() => {{
  const page = frame.contentDocument, banner = page.querySelector(".stale");
  document.querySelector("pre").textContent = JSON.stringify({{
    wide: page.documentElement.scrollWidth, title: page.title,
    stale: frame.contentWindow.getComputedStyle(banner).visibility,
    font: frame.contentWindow.getComputedStyle(page.querySelector("h1")).fontSize }});
}}, 2000);
</script>"""


def browse(tmp_path: Path, page: bytes) -> tuple[str, str]:
    """Return (what the browser saw, its console) of `page` at a width of 390 px."""
    browser = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if browser is None:
        missing("chromium", "the page is looked at in a real browser")
    (tmp_path / "page.html").write_bytes(page)
    (tmp_path / "phone.html").write_text(_PHONE.format(page="page.html"), encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --allow-file-access-from-files --virtual-time-budget=10000 "
        "--hide-scrollbars --enable-logging=stderr --dump-dom"
    )
    command = [browser, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "phone.html").as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    (seen,) = re.findall(r"<pre>(.*)</pre>", run.stdout)
    console = "\n".join(line for line in run.stderr.splitlines() if "CONSOLE" in line)
    return seen, console


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone_and_breaks_no_rule_of_its_own(tmp_path: Path, name: str) -> None:
    seen, console = browse(tmp_path, PAGES[name]())
    assert '"wide":390' in seen
    assert '"font":"22px"' in seen, "the style was refused"
    assert '"stale":"hidden"' in seen
    assert console == ""


def test_an_old_page_says_so_without_a_script(tmp_path: Path) -> None:
    seen, _ = browse(tmp_path, render(fleet((agent("a"),)), (), None, now=NOW, next_due=None, stale_after=1.0))
    assert '"stale":"visible"' in seen
