"""Faults to rehearse, one a file: the file's name is the fault's, its docstring says what is done.

`rehearse(site)` builds its installation at `site`, does the damage, and yields a `Step` for each thing that is
expected of it, with what came. That is read from the daemon's log, its API and the files; nothing is assumed.
"""
