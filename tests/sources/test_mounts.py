from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.sources._mounts import needs_polling

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:40 / /srv rw shared:1 - nfs4 server:/export rw
31 30 0:41 / /srv/local rw shared:1 master:2 - xfs /dev/sdb rw
32 27 0:42 / /mnt/with\040space rw - cifs //server/share rw
33 27 0:43 / /home/ann/remote rw - fuse.sshfs ann@far:/ rw
34 27 0:44 / /over rw - overlay overlay rw
35 27 0:45 / /twice rw - ext4 /dev/sdc rw
36 27 0:46 / /twice rw - 9p host rw
37 27 0:47 / /ntfs rw - fuseblk /dev/sdd rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(MOUNTS.lstrip(), encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/state", "nfs4"),
        ("/srv", "nfs4"),
        ("/mnt/with space/x", "cifs"),
        ("/home/ann/remote/cache", "fuse.sshfs"),
        ("/twice/x", "9p"),
    ],
)
def test_what_others_write_elsewhere_is_polled(mounts: Path, path: str, kind: str) -> None:
    assert needs_polling(Path(path), mounts) == f"{kind} tells no changes that are made elsewhere"


@pytest.mark.parametrize(
    "path", ["/", "/home/ann", "/srv/local/x", "/srvx", "/mnt/with", "/over/lay", "/ntfs/x", "/proc/1"]
)
def test_a_local_file_system_has_events(mounts: Path, path: str) -> None:
    assert needs_polling(Path(path), mounts) is None


def test_a_link_counts_where_it_leads(mounts: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/srv/state")
    assert needs_polling(tmp_path / "link", mounts) is not None


def test_the_real_table_is_read(tmp_path: Path) -> None:
    assert needs_polling(Path("/proc/self")) is None
    assert needs_polling(tmp_path) is None


def test_without_a_table_events_are_trusted(tmp_path: Path) -> None:
    assert needs_polling(Path("/srv"), tmp_path / "no-proc") is None
