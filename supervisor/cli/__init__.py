"""The commands. A file here is a command, by its name; one that begins with "_" is what they share.

A command's module has `register(subparsers)`, which adds its parser and sets `run` and, for a question, `no_daemon`:
the exit code where no daemon answers. `run(args)` returns the exit code. The imports at its top are light: `status`
must not pay for what `run` needs.
"""
