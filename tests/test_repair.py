"""The mending of real ledgers, and everything that must not be mended."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from supervisor import repair
from supervisor.domain.findings import CheckName
from supervisor.domain.invoices import Status
from supervisor.ports import RefusedError
from supervisor.repair import Mend, carry_out, plan, remaining
from tests.support.agency import EVENTS, LEDGER, Agency
from tests.support.needs import missing

NOBODY = 65534


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with three entries; its state folder and its event log lie beside it."""
    agency = Agency(tmp_path / "state")
    numbers = [agency.scan(client, amount) for client, amount in (("acme", "1500.25"), ("globex", "90"), ("acme", "7"))]
    agency.pay("acme", numbers[0])
    agency.escalate("globex", numbers[1])
    return agency.state / LEDGER


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        missing("a mount of our own", done.stderr.strip())
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def spoil(ledger: Path, old: str = "Paid Total:** $1500.25", new: str = "Paid Total:** $1500.00") -> bytes:
    """Put a fault in; return the whole as it is then."""
    text = ledger.read_text("utf-8")
    assert old in text
    ledger.write_text(text.replace(old, new, 1), "utf-8")
    return ledger.read_bytes()


def mend(ledger: Path, settle: float = 0.0, **changes: object) -> Path:
    books = (ledger.parent, ledger.parent / EVENTS)
    return carry_out(replace(plan(ledger, "USD"), **changes), books, settle)  # type: ignore[arg-type]


def beside(ledger: Path) -> list[str]:
    """Return what lies beside a ledger that an agency wrote, and was not written by it."""
    return sorted({path.name for path in ledger.parent.iterdir()} - {LEDGER, EVENTS, "acme", "globex", "archive"})


# --- the plan ----------------------------------------------------------------------------------------


def test_a_true_ledger_needs_nothing(ledger: Path) -> None:
    wanted = plan(ledger, "USD")
    assert wanted.mends == ()
    assert wanted.after == wanted.before == ledger.read_bytes()


def test_what_is_wrong_is_named_with_its_line(ledger: Path) -> None:
    spoil(ledger)
    spoil(ledger, "Grand Total:** $1597.25", "Grand Total:** lots")
    text = ledger.read_text("utf-8").splitlines()
    wanted = plan(ledger, "USD")
    assert wanted.mends == (
        Mend(Status.PAID, text.index("- **Paid Total:** $1500.00") + 1, Decimal("1500.00"), Decimal("1500.25")),
        Mend(None, len(text), None, Decimal("1597.25")),
    )


def test_half_a_unit_may_be_rounded_either_way(ledger: Path) -> None:
    spoil(ledger, "$1,500.25 |", "$1,500.255 |")
    assert plan(ledger, "USD").mends == ()
    spoil(ledger, "Paid Total:** $1500.25", "Paid Total:** $1500.26")
    spoil(ledger, "Grand Total:** $1597.25", "Grand Total:** $1597.26")
    assert plan(ledger, "USD").mends == ()


def test_totals_are_whole_minor_units_of_the_currency(ledger: Path) -> None:
    spoil(ledger, "Paid Total:** $1500.25", "Paid Total:** $1")
    assert [mend.expected for mend in plan(ledger, "JPY").mends] == [Decimal(1500)]
    assert [str(mend.expected) for mend in plan(ledger, "KWD").mends] == ["1500.250"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"## Unpaid\n- `INV-1` | lots | Acme | Due: 2026-01-01 | Status: unpaid\n", "line 2: the amount"),
        (b"## Unpaid\n- `INV-1` | $1.00 | Acme | Due: 2026-01-01 | Stat", "line 2: the last line is unfinished"),
        (b"## Unpaid\n- `INV-1` | $1.00 | Ac\xff\xfe | Status: unpaid\n", "line 2: the line holds bytes"),
        (b"## Unpaid\n<!-- for ever\n- `INV-1` | $1.00\n", "line 2: the comment has no end"),
        (
            b"## Paid\n" + b"- `INV-1` | $999,999,999,999,999.99 | Paid: 2026-01-01 | Status: paid\n" * 2
            + b"## Summary\n- **Paid Total:** $1.00\n",
            "cannot stand in a ledger",
        ),
    ],
)  # fmt: skip
def test_a_ledger_that_can_not_be_understood_whole_is_left_alone(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / LEDGER
    path.write_bytes(data)
    with pytest.raises(RefusedError, match=re.escape(why)):
        plan(path, "USD")


def test_what_is_no_ledger_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / LEDGER
    with pytest.raises(RefusedError, match=f"there is no ledger at {path}"):
        plan(path, "USD")
    path.symlink_to("/etc/passwd")
    with pytest.raises(RefusedError, match="is a symbolic link, not a regular file"):
        plan(path, "USD")
    path.unlink()
    path.mkdir()
    with pytest.raises(RefusedError, match="is a folder, not a regular file"):
        plan(path, "USD")
    path.rmdir()
    path.write_bytes(b"x" * 100)
    monkeypatch.setattr(repair, "LEDGER_LIMIT", 10)
    with pytest.raises(RefusedError, match="is larger than"):
        plan(path, "USD")


# --- the mending -------------------------------------------------------------------------------------


def test_a_wrong_total_is_mended_and_a_backup_kept(ledger: Path) -> None:
    right = ledger.read_bytes()
    wrong = spoil(ledger)
    ledger.chmod(0o640)
    if os.getuid() == 0:
        os.chown(ledger, NOBODY, NOBODY)
    before = ledger.stat()
    assert [found.check for found in remaining(ledger, "USD")] == [CheckName.SECTION_TOTAL]
    backup = mend(ledger)
    assert ledger.read_bytes() == right
    assert backup.read_bytes() == wrong
    assert re.fullmatch(re.escape(LEDGER) + r"\.bak-\d{8}T\d{6}Z", backup.name)
    assert beside(ledger) == [backup.name]
    for path in (ledger, backup):
        info = path.stat()
        assert (info.st_mode, info.st_uid, info.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert remaining(ledger, "USD") == ()
    assert plan(ledger, "USD").mends == ()


def test_a_backup_takes_no_others_place(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Then(repair.datetime):
        @classmethod
        def now(cls, tz: object = None) -> Then:  # noqa: ARG003 - as the class has it
            return cls(2026, 11, 27, 4, 45, 27)

    monkeypatch.setattr(repair, "datetime", Then)
    wrong = spoil(ledger)
    taken = ledger.with_name(f"{LEDGER}.bak-20261127T044527Z")
    taken.write_bytes(b"an older one")
    with pytest.raises(FileExistsError):
        mend(ledger)
    assert taken.read_bytes() == b"an older one"
    assert ledger.read_bytes() == wrong


def test_a_ledger_of_its_own_folder_is_mended_there(ledger: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "ledger.md"
    elsewhere.parent.mkdir()
    spoil(ledger)
    ledger.rename(elsewhere)
    backup = carry_out(plan(elsewhere, "USD"), (ledger.parent, ledger.parent / EVENTS, tmp_path / "never was"), 0.0)
    assert backup.parent == elsewhere.parent
    assert plan(elsewhere, "USD").mends == ()


# --- when it must not be -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what", [LEDGER, EVENTS, ".", "acme", "archive/acme", "acme/INV-000003.json", "archive/acme/INV-000001.json"]
)
def test_it_waits_while_the_agents_write(ledger: Path, what: str) -> None:
    wrong = spoil(ledger)
    if what not in {LEDGER, "."}:
        time.sleep(0.3)
        (ledger.parent / what).chmod(0o755)  # whatever changes, changes the ctime
        with pytest.raises(RefusedError, match=f"the agents are at work: .*{what} changed "):
            mend(ledger, settle=0.2)
    with pytest.raises(RefusedError, match=r"changed .* ago; wait until all is quiet for 30 s"):
        mend(ledger, settle=30.0)
    assert ledger.read_bytes() == wrong
    assert beside(ledger) == []
    time.sleep(0.25)
    mend(ledger, settle=0.2)


def test_it_waits_where_the_state_folder_is_a_link(ledger: Path, tmp_path: Path) -> None:
    spoil(ledger)
    link = tmp_path / "link"
    link.symlink_to(ledger.parent)
    time.sleep(0.3)
    (ledger.parent / "acme" / "INV-000003.json").touch()
    with pytest.raises(RefusedError, match=r"INV-000003\.json changed"):
        carry_out(plan(link / LEDGER, "USD"), (link,), 0.2)


def test_a_date_in_the_future_is_not_quiet(ledger: Path) -> None:
    spoil(ledger)
    path = ledger.parent / EVENTS
    os.utime(path, (time.time() + 7200,) * 2)
    with pytest.raises(RefusedError, match=r"events\.log is dated .* in the future"):
        mend(ledger)


@pytest.mark.parametrize("how", ["in place", "by rename", "its rights", "removed"])
def test_a_ledger_that_changes_before_it_is_replaced_is_left_alone(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    spoil(ledger)
    wanted = plan(ledger, "USD")

    def writes() -> None:
        if how == "in place":
            with ledger.open("ab") as file:
                file.write(b"- a note\n")
        elif how == "by rename":
            other = ledger.with_name("other.tmp")
            other.write_bytes(ledger.read_bytes())
            other.rename(ledger)
        elif how == "its rights":
            ledger.chmod(0o600)
        else:
            ledger.unlink()

    at_the_last_moment(monkeypatch, writes)
    with pytest.raises(RefusedError, match="has changed meanwhile"):
        carry_out(wanted, (), 0.0)
    if how == "removed":
        assert not ledger.exists()
    else:
        assert b"Paid Total:** $1500.00" in ledger.read_bytes()
    assert beside(ledger) == []


def at_the_last_moment(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let `act` happen once the new ledger is written and has its rights."""
    keep, calls = repair.keep_rights, []

    def kept(fd: int, path: Path) -> None:
        keep(fd, path)
        calls.append(fd)
        if len(calls) == 2:  # the first new file is the backup
            act()

    monkeypatch.setattr(repair, "keep_rights", kept)


def test_a_full_disk_leaves_everything_as_it_was(small_disk: Path) -> None:
    path = small_disk / LEDGER
    lines = "".join(f"- `INV-{n}` | $1.00 | Acme | Due: 2026-01-01 | Status: unpaid\n" for n in range(450))
    wrong = f"## Unpaid\n{lines}## Summary\n- **Unpaid Total:** $1.00\n".encode()
    path.write_bytes(wrong)
    assert len(wrong) * 2 < 64 * 1024 < len(wrong) * 3  # the backup finds room, the new ledger does not
    with pytest.raises(OSError, match="No space left on device"):
        carry_out(plan(path, "USD"), (), 0.0)
    (small_disk / "ballast").write_bytes(b"x" * 28 * 1024)
    with pytest.raises(OSError, match="No space left on device"):  # now not even the backup
        carry_out(plan(path, "USD"), (), 0.0)
    assert path.read_bytes() == wrong
    assert sorted(file.name for file in small_disk.iterdir()) == ["ballast", LEDGER]


def test_a_rename_that_fails_leaves_everything_as_it_was(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = spoil(ledger)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="Input/output error"):
        mend(ledger)
    assert ledger.read_bytes() == wrong
    assert beside(ledger) == []


@pytest.mark.parametrize(
    ("folder_mode", "mode", "owner", "said"),
    [
        (0o755, 0o666, 0, "PermissionError"),
        (0o777, 0o644, 0, "may not be written"),
        (0o777, 0o600, 0, "can not be read: Permission denied"),
        (0o777, 0o666, 0, "Operation not permitted"),
        (0o777, 0o644, NOBODY, "mended"),
    ],
    ids=["the folder", "the ledger", "not even read", "the owner can not be kept", "its own"],
)
def test_rights_that_are_missing_are_said(folder_mode: int, mode: int, owner: int, said: str) -> None:
    if os.getuid() != 0:
        missing("root", "to become somebody else")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / LEDGER
        path.write_bytes(b"## Unpaid\n## Summary\n- **Unpaid Total:** $1.00\n")
        path.chmod(mode)
        os.chown(path, owner, owner)
        Path(folder).chmod(folder_mode)
        code = f"""
import os, sys; from pathlib import Path; from supervisor.repair import *
import supervisor.formats.ledger_repair
os.setgid({NOBODY}); os.setuid({NOBODY})
try: carry_out(plan(Path(sys.argv[1]), "USD"), (), 0.0); print("mended")
except (OSError, RefusedError) as error: print(repr(error))
"""
        done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
        assert said in done.stdout
        total = b"$0.00" if said == "mended" else b"$1.00"
        assert path.read_bytes() == b"## Unpaid\n## Summary\n- **Unpaid Total:** " + total + b"\n"
        assert len(list(Path(folder).iterdir())) == 1 + (said == "mended")
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_is_wrong_after_all_is_found(ledger: Path) -> None:
    spoil(ledger)
    mend(ledger, after=ledger.read_bytes())
    assert [found.check for found in remaining(ledger, "USD")] == [CheckName.SECTION_TOTAL]
