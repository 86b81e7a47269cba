"""What must agree in the books: a file a rule, with `CHECK`, `SCOPES`, `SEVERITY` and `find`. Pure, over the domain.

Where several rules could speak of one trouble, only the one that names its cause does.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from supervisor.domain.actions import Severity
from supervisor.domain.books import Case, EventsCase, FileCase, InvoiceCase, LedgerCase, QueueCase, Scope, TotalsCase
from supervisor.domain.findings import CheckName, Finding

__all__ = ["CHECKS", "Check", "find"]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule, as its file states it."""

    name: CheckName
    scopes: tuple[Scope, ...]
    severity: Severity
    find: Callable[[Any], Iterator[Finding]]


def _shipped() -> Iterator[Check]:
    """Yield the rules that are files of this folder; a file that begins with "_" is none."""
    for found in pkgutil.iter_modules(__path__):
        if not found.name.startswith("_"):
            module = importlib.import_module(f"{__name__}.{found.name}")
            yield Check(module.CHECK, module.SCOPES, module.SEVERITY, module.find)


CHECKS: Mapping[CheckName, Check] = {check.name: check for check in _shipped()}

_SCOPES: Mapping[type, Scope] = {
    FileCase: Scope.FILE,
    InvoiceCase: Scope.INVOICE,
    LedgerCase: Scope.LEDGER,
    TotalsCase: Scope.TOTALS,
    EventsCase: Scope.EVENTS,
    QueueCase: Scope.QUEUE,
}
_BY_SCOPE = {scope: [check for check in CHECKS.values() if scope in check.scopes] for scope in Scope}


def find(case: Case) -> tuple[Finding, ...]:
    """Return everything that does not agree in `case`. No two findings have the same id."""
    return tuple(
        replace(finding, severity=check.severity)
        for check in _BY_SCOPE[_SCOPES[type(case)]]
        for finding in check.find(case)
    )
