"""The commands. A file here is a command, by its name; one that begins with "_" is what they share.

A command's module has `register(subparsers)`, which adds its parser and sets `run`, and `run(args)`, which returns
the exit code. Its imports at the top are light: `status` must not pay for what `run` needs.
"""
