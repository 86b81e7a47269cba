"""Feeds a parser what atheris makes up: `python -m tests.fuzz PARSER [libFuzzer's options and folders]`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["supervisor"]):
    from tests.fuzz.parsers import PARSERS

program, parser, *options = sys.argv
fuzz, _ = PARSERS[parser]
atheris.Setup([program, *options], fuzz)
atheris.Fuzz()
