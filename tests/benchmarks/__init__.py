"""How fast: each row a ratio against a floor or a peer that was measured in the same run.

`python -m tests.benchmarks` prints the table. A benchmark is a file `bench_NAME.py` with a `measure(lab)` that
yields its rows; the file's name is its registration. Nothing here is a timed test: a slow machine fails no build.
"""
