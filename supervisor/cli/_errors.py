"""How a command ends when it can not do what was asked. Exit codes over 63 are those of sysexits.h."""

from __future__ import annotations

from http import HTTPStatus

FAILED = 1
UNKNOWN = 3
USAGE = 64
UNAVAILABLE = 69
SOFTWARE = 70
NO_OUTPUT = 73
IO = 74


class CommandError(Exception):
    """The command ends with `exit_code`, and these lines on standard error."""

    def __init__(self, exit_code: int, *lines: str) -> None:
        super().__init__(*lines)
        self.exit_code = exit_code
        self.lines = lines


class NoDaemonError(Exception):
    """No daemon answers; the text says where it was looked for, and why not."""


class AbsentDaemonError(NoDaemonError):
    """It is sure that no daemon of this configuration runs: a command may do the work itself."""


class ProblemError(Exception):
    """The daemon answered that it can not, or will not."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status

    @property
    def exit_code(self) -> int:
        """1 where it will not, 64 where the request made no sense to it, 70 where it failed."""
        if self.status == HTTPStatus.CONFLICT:
            return FAILED
        return USAGE if self.status < HTTPStatus.INTERNAL_SERVER_ERROR else SOFTWARE
