"""`reconcile` beside a daemon that runs: it compares at once, and sees a ledger that was mended behind its back."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agency import LEDGER, Agency
from tests.support.nursery import Nursery
from tests.support.town import Town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with Nursery() as nursery:
        town = Town(tmp_path, nursery)
        town.configure('[agents.collections-emailer]\n[books]\nsettle = "1s"\nquiet = "100ms"\n')
        yield town
        if town.pid:
            await town.stop(signal.SIGKILL)


async def test_a_total_is_found_mended_and_seen_to_be_mended(town: Town) -> None:
    agency = Agency(town.folder / "state")
    for client, amount in (("acme", "1500.25"), ("globex", "90")):
        agency.scan(client, amount)
    await town.start()
    consistent = await town.ask("reconcile")
    assert consistent.returncode in {0, 1}, consistent.stderr  # what was written just now may be soft

    ledger = agency.state / LEDGER
    right = ledger.read_bytes()
    wrong = right.replace(b"$1590.25", b"$1509.25", 1)
    assert wrong != right
    ledger.write_bytes(wrong)
    at_once = await town.ask("reconcile", "--json")  # nobody waits for the daemon to hear of it
    assert [one["check"] for one in json.loads(at_once.stdout)["books"]["findings"]] == ["section_total"]

    await town.logged("finding_opened", check="section_total")
    assert (await town.ask("reconcile")).returncode == 2
    mended = await town.ask("reconcile", "--fix", "--yes")
    assert mended.returncode == 0, mended.stderr
    assert ledger.read_bytes() == right
    await town.logged("finding_closed", check="section_total")
    (backup,) = agency.state.glob(f"{LEDGER}.bak-*")
    assert backup.read_bytes() == wrong

    said = await town.ask("reconcile", "--json")
    assert said.returncode == 0
    assert json.loads(said.stdout)["books"]["findings"] == []
    assert {record["check"] for record in town.log("finding_opened")} == {"section_total"}
