"""The soak: a real daemon among a thousand agents that live, die, and are configured anew, and what it uses meanwhile.

`python -m tests.soak`. A measure that grows is a leak, and fails.
"""
