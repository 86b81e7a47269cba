"""One way of restarting an agent a module: the file's name is its kind. Strangers to each other.

What they share has a leading underscore: `_runner` (the supervisor's side of a run), `_launch` (the child that
does it), `_runs` (what is written of it) and `_processes`.
"""
