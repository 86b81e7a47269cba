"""Which file systems tell nobody of a change: those that another machine or another program writes."""

from __future__ import annotations

import re
from pathlib import Path

_DEAF = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip
_ESCAPE = re.compile(rb"\\([0-7]{3})")


def needs_polling(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return why the folder `path` has no events that can be relied on, None where it has. Blocks."""
    kind = _file_system(bytes(path.resolve()), mountinfo)
    if kind in _DEAF or kind.startswith("fuse."):
        return f"{kind} tells no changes that are made elsewhere"
    return None


def _file_system(path: bytes, mountinfo: Path) -> str:
    """Return the type of the file system that holds `path`, "" where the kernel does not say."""
    try:
        lines = mountinfo.read_bytes().splitlines()
    except OSError:
        return ""
    deepest, kind = b"", b""
    for line in lines:
        before, _, after = line.partition(b" - ")
        point = _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), before.split(b" ")[4])
        inside = point in {b"/", path} or path.startswith(point + b"/")
        if inside and len(point) >= len(deepest):  # a later mount on the same point hides the earlier one
            deepest, kind = point, after.split(b" ", 1)[0]
    return kind.decode(errors="replace")
