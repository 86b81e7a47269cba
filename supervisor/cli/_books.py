"""The books as `reconcile`, `check` and `status` print them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from supervisor.cli import _output
from supervisor.cli._times import clock, moment
from supervisor.domain.words import count, span

_SHOWN = 5
"""So many findings the picture of everything shows; `reconcile` shows all."""


def summary(books: dict[str, Any], queues: dict[str, Any], now: str) -> None:
    """Print the books as a part of everything, at `now` (RFC 3339); nothing where there are none."""
    if not exist(books, queues):
        return
    rows = [_by_status(status, sums) for status, sums in books["totals"].items() if sums]
    _output.table(rows)
    _output.say(*_change(books, now))
    _show_queues(queues)
    if books["consistent"] is None:
        _output.say(("books not known: ", "magenta"), _unknown(books))
    hard = [finding for finding in books["findings"] if finding["state"] == "hard"]
    for finding in hard[:_SHOWN]:
        where = (f"  {_place(finding).rpartition('/')[2]}", "dim")
        _output.say(("finding ", "bold"), _severity(finding), f"  {finding['check']}", where)
        _output.note(_message(finding))
    if len(hard) > _SHOWN:
        _output.say(f"and {len(hard) - _SHOWN} more: collections-supervisor reconcile")


def one_line(books: dict[str, Any], queues: dict[str, Any]) -> list[list[_output.Piece]]:
    """Return the books in a line each for the sums, the queues and the findings; nothing where there are none."""
    if not exist(books, queues):
        return []
    sums = [" ".join((status, *_by_status(status, sums)[1:])) for status, sums in books["totals"].items() if sums]
    lines: list[list[_output.Piece]] = [[("books ", "bold"), "; ".join(sums)]] if sums else []
    if queues["queues"]:
        waiting = (f"{name} {queue['depth']}{_age(queue)}" for name, queue in queues["queues"].items())
        lines.append([("queues ", "bold"), "; ".join(waiting)])
    if books["consistent"] is None:
        lines.append([("books not known: ", "magenta"), _unknown(books)])
    hard = [finding["check"] for finding in books["findings"] if finding["state"] == "hard"]
    if hard:
        checks = ", ".join(f"{check} {hard.count(check)}" for check in dict.fromkeys(hard))
        lines.append([(count(len(hard), "finding"), "yellow"), f": {checks}"])
    return lines


def report(books: dict[str, Any], queues: dict[str, Any]) -> None:
    """Print all there is to say of the books."""
    sums = list(_by_currency(books["totals"]))
    _output.table(sums)
    _show_queues(queues)
    findings = books["findings"]
    if findings and (sums or queues["queues"]):
        _output.say()
    width = max((len(finding["check"]) for finding in findings), default=0)
    for finding in findings:
        _show(finding, width)
    if findings:
        _output.say()
    _output.say(*_verdict(books, queues))
    if any(finding["check"] in {"section_total", "grand_total"} for finding in findings):
        _output.say(("collections-supervisor reconcile --fix shows what would mend the ledger's totals", "dim"))


def exist(books: dict[str, Any], queues: dict[str, Any]) -> bool:
    """Whether there are books at all."""
    return bool(books["files"] or books["findings"] or queues["queues"])


# --- totals and queues -------------------------------------------------------------------------------


def _by_status(status: str, sums: dict[str, Any]) -> tuple[str, str, str]:
    number = sum(tally["count"] for tally in sums.values())
    money = " + ".join(_spoken(tally["total"], currency) for currency, tally in sums.items())
    return status, count(number, "invoice"), money


def _by_currency(totals: dict[str, Any]) -> Iterator[Sequence[_output.Piece]]:
    """Yield a row for each status and currency, figures below figures."""
    rows = [
        (status, str(tally["count"]), "invoice" if tally["count"] == 1 else "invoices", _spoken(tally["total"], unit))
        for status, sums in totals.items()
        for unit, tally in sums.items()
    ]
    wide = max((len(number) for _, number, _, _ in rows), default=0)
    wider = max((len(money) for *_, money in rows), default=0)
    for status, number, noun, money in rows:
        yield status, f"{number:>{wide}} {noun}", f"{money:>{wider}}"


def _spoken(total: str, currency: str) -> str:
    from decimal import Decimal  # noqa: PLC0415 - where there are no books, nobody needs it

    from supervisor.domain.money import spoken  # noqa: PLC0415

    return spoken(Decimal(total), currency)


def _change(books: dict[str, Any], now: str) -> Iterator[_output.Piece]:
    """Yield by how much the invoices of each status have changed since yesterday."""
    from supervisor.cli._money import tallies  # noqa: PLC0415 - as above
    from supervisor.faces.figures import NO_DATA, about_a_day, differences  # noqa: PLC0415

    since = books["change_since"]
    if since is None:
        yield "change in 24 h: "
        yield NO_DATA, "dim"
        return
    when = "in 24 h" if about_a_day(moment(now) - moment(since)) else f"since {clock(since)}"
    changed = {status: differences(tallies(of)) for status, of in books["change"].items()}
    parts = [f"{status} {' and '.join(texts)}" for status, texts in changed.items() if texts]
    yield f"change {when}: {'; '.join(parts) or 'none'}"


def _show_queues(queues: dict[str, Any]) -> None:
    for name, queue in queues["queues"].items():
        _output.say("queue ", (name, "bold"), f": {queue['depth']} waiting{_age(queue)}")


def _age(queue: dict[str, Any]) -> str:
    oldest = queue["oldest_seconds"]
    return "" if oldest is None else f", the oldest for {span(oldest)}"


# --- findings ----------------------------------------------------------------------------------------


def _show(finding: dict[str, Any], width: int) -> None:
    invoice = f"  {finding['invoice']}" if finding["invoice"] else ""
    state = (f"{finding['state']}  ", "bold" if finding["state"] == "hard" else "dim")
    _output.say(state, _severity(finding), f"  {finding['check']:<{width if invoice else 0}}{invoice}")
    _output.note(_message(finding))
    compared = [f"{word} {finding[word]}" for word in ("expected", "found") if finding[word]]
    if compared:
        _output.note(", ".join(compared))
    _output.say("  ", (_place(finding), "dim"))


def _severity(finding: dict[str, Any]) -> _output.Piece:
    return f"{finding['severity']:<8}", _output.SEVERITIES.get(finding["severity"], "")


def _message(finding: dict[str, Any]) -> str:
    left = f"; left by {finding['after_restart']}" if finding["after_restart"] else ""
    return f"{finding['message']}{left}"


def _place(finding: dict[str, Any]) -> str:
    line = "" if finding["line"] is None else f":{finding['line']}"
    return f"{finding['file']}{line}"


def _verdict(books: dict[str, Any], queues: dict[str, Any]) -> list[_output.Piece]:
    if books["consistent"] is None:
        return [("not known: ", "magenta"), _unknown(books)]
    soft = sum(finding["state"] == "soft" for finding in books["findings"])
    if not books["findings"]:
        return _agreement(books, queues)
    found = count(len(books["findings"]), "finding")
    if not soft:
        return [(found, "bold")]
    which = (
        "it" if len(books["findings"]) == 1 else "all of them" if soft == len(books["findings"]) else f"{soft} of them"
    )
    return [(found, "bold"), f", {which} may be agents at work"]


def _agreement(books: dict[str, Any], queues: dict[str, Any]) -> list[_output.Piece]:
    sums = [(currency, tally["count"]) for status in books["totals"].values() for currency, tally in status.items()]
    if not exist(books, queues):
        return [
            ("no books: ", "magenta"),
            "no invoice, no entry of a ledger, no queue; check-config shows where they should lie",
        ]
    parts = [count(sum(number for _, number in sums), "invoice")]
    currencies = len({currency for currency, _ in sums})
    if currencies > 1:
        parts[0] += f" in {currencies} currencies"
    if queues["queues"]:
        parts.append(count(len(queues["queues"]), "queue"))
    return [("consistent: ", "green"), ", ".join(parts)]


def _unknown(books: dict[str, Any]) -> str:
    return "they can not be seen" if books["compared_at"] else "they have not been compared yet"
