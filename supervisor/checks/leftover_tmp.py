"""A temporary file that nobody renamed. A warning: a write was broken off, the file it was meant for is as it was."""

from __future__ import annotations

from collections.abc import Iterator

from supervisor.checks._words import quoted, short, subject
from supervisor.domain.actions import Severity
from supervisor.domain.books import FileCase, Scope
from supervisor.domain.findings import CheckName, Finding

CHECK = CheckName.LEFTOVER_TMP
SCOPES = (Scope.FILE,)
SEVERITY = Severity.WARNING


def find(case: FileCase) -> Iterator[Finding]:
    """Yield one finding for a temporary file."""
    if case.document is None:
        text = f"a temporary file was left behind: {quoted(short(case.path))}"
        yield Finding(CHECK, subject(case.path), text, case.path)
