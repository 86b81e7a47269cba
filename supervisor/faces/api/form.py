"""What the small pages with a form have in common: their look, and what a browser may do with them."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;display:grid;min-height:90vh;place-items:center}"
    "main{width:min(22rem,90vw)}h1{font-size:1.25rem}label,input,button{display:block;width:100%;box-sizing:border-box}"
    "label{margin:1rem 0}input,button{font:inherit;padding:.6rem}[role=alert]{font-weight:700}"
    "p,li{overflow-wrap:anywhere}ul{padding-left:1.2rem}"
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CSP = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True, undefined=StrictUndefined
)


def page(name: str) -> Template:
    """Return the template of a page."""
    return _TEMPLATES.get_template(name)
