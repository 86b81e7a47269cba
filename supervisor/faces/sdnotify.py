"""systemd's notify protocol: readiness, status, watchdog. One datagram a message on a plain socket."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import MutableMapping

_TIMEOUT = 2.0


class SystemdWatchdog:
    """Tells systemd how we are; without systemd it says nothing.

    Takes its variables out of `environ`, so that children do not speak in our name.

    Args:
        environ: the process's environment.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        # "@" stands for the NUL byte of an abstract address; other families (vsock) are for virtual machines.
        self._address = address.replace("@", "\0", 1) if address[:1] == "@" else address if address[:1] == "/" else ""
        for name in ("WATCHDOG_PID", "WATCHDOG_USEC"):
            environ.pop(name, None)

    def notify(self, **fields: str | int) -> None:
        """Send the fields, such as `READY=1, STATUS="..."`. A deaf service manager is no reason to fail."""
        if not self._address:
            return
        lines = (f"{name}={' '.join(str(value).split())}" for name, value in fields.items())
        message = "\n".join(lines).encode("utf-8", "backslashreplace")
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.settimeout(_TIMEOUT)
            notifier.sendto(message, self._address)
