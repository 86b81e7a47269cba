"""What is written down of each run in an agent's folder, so that it happens once whoever asks, and is found again.

- `run-7.1f0c9a2b.gate`: a FIFO for each launcher, which holds it open for writing while it works; the kernel lets go
  of it for the dead. Its end of file says that the work is done or broken off. What it carries are the last words.
- `run-7.claim`: who does the run, for which attempt, with which gate. A symbolic link to nowhere that bears the words
  itself: made whole or not at all, the first one wins, and a full disk has room for it.
- `run-7.result`: how it ended, and who was left; before that, only that the worker is the agent from now on.
  A claim without one is a run that is being done, or was broken off.

Runs are numbered by this folder, not by the attempts: a new journal may count its attempts from one again.
The launcher uses this too: it blocks, uses the standard library only, and is cheap to import.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from supervisor.restarters._processes import Process, boot_id, look, members

NOBODY = -1


class Claim(NamedTuple):
    """Run `number` is done for `attempt` by the process (pid, start), which leads the session `pid`.

    `boot` and `gate` are shortened: some file systems keep up to 59 bytes of a link in its inode, which is room
    that a full disk has. One that nobody can read counts as `NOBODY`s attempt.
    """

    number: int
    attempt: int
    pid: int
    start: int
    boot: str
    gate: str


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the claimed runs, oldest first."""
    found = (path.stem.removeprefix("run-") for path in folder.glob("run-*.claim"))
    return sorted(int(number) for number in found if number.isdecimal())


def claim(folder: Path, number: int, attempt: int, gate: str) -> Claim | None:
    """Claim run `number` for this process; None where another one has it, or a later run exists."""
    me = look(os.getpid())
    if me is None:
        raise ProcessLookupError("/proc does not show this process")
    mine = Claim(number, attempt, *me, this_boot(), gate)
    path = folder / f"run-{number}.claim"
    try:
        path.symlink_to(words(mine))
    except FileExistsError:
        return None
    if numbers(folder)[-1] != number:  # we slept through our run, and the world has gone on
        path.unlink()
        return None
    return mine


def words(claim: Claim) -> str:
    """Return what the link of a claim says."""
    return f"{claim.attempt} {claim.pid} {claim.start} {claim.boot} {claim.gate}"


def this_boot() -> str:
    """Return what tells this boot of the machine from others, in short."""
    return boot_id()[:8]


def gate_of(claim: Claim) -> str:
    """Return the name of the FIFO of the claim's launcher."""
    return f"run-{claim.number}.{claim.gate}.gate"


def claims(folder: Path) -> list[Claim]:
    """Return who made each run, oldest first."""
    return [_claim(folder, number) for number in numbers(folder)]


def _claim(folder: Path, number: int) -> Claim:
    try:
        attempt, pid, start, boot, gate = (folder / f"run-{number}.claim").readlink().name.split(" ")
        return Claim(number, int(attempt), int(pid), int(start), boot, gate)
    except (OSError, ValueError):
        return Claim(number, NOBODY, 0, 0, "", "")


def result(folder: Path, number: int) -> dict[str, Any] | None:
    """Return how run `number` ended; None where that is not written."""
    return _read(folder / f"run-{number}.result")


def note(folder: Path, number: int, outcome: dict[str, Any]) -> None:
    """Write the result of run `number`, whole or not at all."""
    path = folder / f"run-{number}.result"
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(outcome), encoding="utf-8")
    draft.replace(path)


def settle(folder: Path, claim: Claim, outcome: dict[str, Any]) -> None:
    """Write how the run ended, and who is `left` of its session."""
    left = [process for process in living(folder, claim) if process.pid != os.getpid()]
    note_or_speak(folder, claim.number, {**outcome, "left": left})


def note_or_speak(folder: Path, number: int, outcome: dict[str, Any]) -> None:
    """Write the result; where the disk is full, say it through the gate: it lasts as long as somebody waits for it."""
    try:
        note(folder, number, outcome)
    except OSError as error:
        (folder / f"run-{number}.draft").unlink(missing_ok=True)
        said = {"ok": outcome["ok"], "detail": outcome["detail"], "exit_code": outcome["exit_code"]}
        words = json.dumps({**said, "stderr": [f"the result could not be written: {error.strerror}"]})
        os.write(2, f"\n{words}\n".encode())


def spoken(words: str) -> dict[str, Any] | None:
    """Return the result that a launcher's last words are, None where they are something else."""
    try:
        found: dict[str, Any] = json.loads(words.splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return found


def running(folder: Path) -> Claim | None:
    """Return the newest run whose process has become the agent, and still is."""
    for claim in reversed(claims(folder)):
        became = "left" not in (result(folder, claim.number) or {"left": []})
        if became and claim.boot == this_boot() and look(claim.pid) == Process(claim.pid, claim.start):
            return claim
    return None


def living(folder: Path, claim: Claim) -> list[Process]:
    """Return what lives of the run's session, and nothing that only bears its number.

    A session's number is taken for as long as it has members. So they are the run's own while its leader
    lives, or, after that, while one of those lives that were left when the run ended.
    """
    if claim.boot != this_boot():
        return []
    found = members(claim.pid)
    leader = next((process for process in found if process.pid == claim.pid), None)
    if leader is not None:
        return found if leader.start == claim.start else []
    left = (result(folder, claim.number) or {}).get("left")
    if left is not None and not {tuple(process) for process in left} & set(found):
        return []
    return found


def forget(folder: Path, number: int) -> None:
    """Remove what is written of run `number`."""
    for path in sorted(folder.glob(f"run-{number}.*"), key=lambda path: path.suffix == ".claim"):
        path.unlink(missing_ok=True)  # the claim last: the others are found by it


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found
