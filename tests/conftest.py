"""What every test shares: how thorough Hypothesis is, and that every log record is as its schema says."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# What the support asserts is told as what a test asserts is.
pytest.register_assert_rewrite("tests.support")

pytest_plugins = ["tests.support.logcheck"]

# looptime asks for the event loop in every test: a synchronous one that comes first must not make one to leave open.
asyncio.set_event_loop(None)

# A shell's background job ignores Ctrl-C, and all that it starts inherits that: the commands under test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("default", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), max_examples=250, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
