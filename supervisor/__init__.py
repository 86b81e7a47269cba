"""Watches unattended agents: restarts the silent ones, tells a person, and keeps the record.

Importing it loads nothing else: agents import `supervisor.client` and pay only for that.
"""

from __future__ import annotations

__version__: str


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: reading the metadata costs more than all the rest."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

    try:
        return version("collections-supervisor")
    except PackageNotFoundError:
        return "0+unknown"  # run from a checkout that is not installed
