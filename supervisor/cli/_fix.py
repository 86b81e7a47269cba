"""`reconcile --fix`: what would mend the totals of the ledger's Summary, and with `--yes` the mending."""

from __future__ import annotations

import argparse
from difflib import unified_diff
from io import BytesIO
from pathlib import Path

from supervisor import repair
from supervisor.cli import _output
from supervisor.cli._configuration import settings_or_fail
from supervisor.cli._errors import FAILED, IO, UNKNOWN, CommandError
from supervisor.domain.money import plain
from supervisor.domain.words import count
from supervisor.ports import RefusedError
from supervisor.settings import Settings

_DIFF = {"+": "green", "-": "red", "@": "cyan"}


def fix(args: argparse.Namespace) -> int:
    """Show what is to be mended, mend it where `--yes` says so, and return the exit code."""
    settings = settings_or_fail(args)
    ledger, currency = settings.paths.ledger, settings.books.currency
    try:
        plan = repair.plan(ledger, currency)
    except RefusedError as error:
        raise CommandError(UNKNOWN, str(error)) from None
    backup = _mend(settings, plan) if args.yes and plan.mends else None
    diff = _diff(plan)
    if args.json:
        _output.document(
            {
                "ledger": str(ledger),
                "mended": backup is not None,
                "changes": [
                    {
                        "total": mend.section or "grand",
                        "line": mend.line,
                        "expected": plain(mend.expected, currency),
                        "found": None if mend.found is None else plain(mend.found, currency),
                    }
                    for mend in plan.mends
                ],
                "diff": "\n".join(diff),
                "backup": backup and str(backup),
            }
        )
    else:
        for line in diff:
            _output.say((line, "bold" if line[:3] in {"---", "+++"} else _DIFF.get(line[:1], "")))
        _conclude(plan, backup)
    return FAILED if plan.mends and backup is None else 0


def _mend(settings: Settings, plan: repair.Plan) -> Path:
    """Mend the ledger and return the backup. Raises CommandError where it is as it was, or is wrong again."""
    books, ledger = settings.books, plan.ledger
    try:
        backup = repair.carry_out(plan, (settings.paths.state, settings.paths.event_log), books.settle)
    except RefusedError as error:
        raise CommandError(FAILED, f"nothing was changed: {error}") from None
    except OSError as error:
        raise CommandError(IO, f"nothing was changed: {ledger} can not be mended: {error.strerror}") from None
    try:
        remaining = repair.remaining(ledger, books.currency)
    except RefusedError as error:
        raise CommandError(UNKNOWN, f"mended, but not checked: {error}", f"the ledger as it was: {backup}") from None
    if remaining:
        wrong = (f"line {found.line}: {found.message}" for found in remaining)
        raise CommandError(FAILED, "mended, and wrong again", *wrong, f"the ledger as it was: {backup}")
    return backup


def _conclude(plan: repair.Plan, backup: Path | None) -> None:
    totals = count(len(plan.mends), "total")
    if not plan.mends:
        _output.say("nothing to mend: the totals of ", str(plan.ledger), " are the sums of its entries")
    elif backup is None:
        _output.say((totals, "bold"), " would be mended; nothing is changed without --yes")
    else:
        _output.say((f"{totals} mended", "green"), ", and checked again")
        _output.say("the ledger as it was: ", str(backup))


def _diff(plan: repair.Plan) -> list[str]:
    before, after = (
        [line.decode(errors="backslashreplace").rstrip("\r\n") for line in BytesIO(data)]
        for data in (plan.before, plan.after)
    )
    name = str(plan.ledger)
    return list(unified_diff(before, after, name, name, lineterm=""))
