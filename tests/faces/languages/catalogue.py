"""Every text that the page says of itself, as its sources have it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import supervisor
from supervisor.domain.actions import Severity
from supervisor.domain.fleet import Status
from supervisor.domain.health import HealthState
from supervisor.domain.invoices import Status as InvoiceStatus

SOURCE = Path(supervisor.__file__).parent
_SAYERS = {"say", "_say", "html", "_count"}


def page_texts() -> set[str]:
    """Return what the templates and the code beside them ask the language for."""
    texts = {str(word) for kind in (HealthState, Status, Severity, InvoiceStatus) for word in kind}
    for template in (SOURCE / "faces" / "templates").iterdir():
        texts |= set(re.findall(r'\bt\("([^"]+)"', template.read_text("utf-8")))
    for module in (SOURCE / "faces").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _SAYERS:
                texts |= {
                    one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
                }
    return texts


def fragments(module: str) -> Iterator[str]:
    """Yield the pieces of English prose, of two words and more, that stand in the code of a module."""
    tree = ast.parse((SOURCE / module).read_text("utf-8"))
    docs = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            for piece in re.split(r"\{\w+\}|; ", node.value):
                if re.search(r"[a-z] [a-z]", piece):
                    yield piece.strip(" :,;()")
