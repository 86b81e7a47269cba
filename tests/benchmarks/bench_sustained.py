"""Sustained heartbeats: 10,000 a second over 10,000 files, and in the end every agent is known rightly."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.benchmarks.beats import append, line, plant
from tests.benchmarks.lab import ROOT, Lab, agents, beats_of, configure, cpu, daemon, python, wait, when
from tests.benchmarks.table import Row

_HALF = 0.5
_CLOCK = 0.02  # s: the kernel's coarse clock stamps a file that much earlier than its line


class _Line(msgspec.Struct):
    timestamp: str
    kind: str
    seq: int


def measure(lab: Lab) -> Iterator[Row]:
    """Beat, and compare with reading and parsing the same number of lines."""
    count, seconds = lab.pick(10_000, 1_000), lab.pick(5.0, 2.0)
    folder = lab.room("sustained")
    configure(folder, agents(count))
    beats = beats_of(folder)
    plant(beats, count)
    with daemon(folder) as running:
        time.sleep(2)
        before = cpu(running.pid)
        words = python("tests.benchmarks.beats", str(beats), str(count), str(count), str(seconds))
        behind = json.loads(subprocess.run(words, capture_output=True, check=True, cwd=ROOT).stdout)
        if behind > 1:
            raise RuntimeError(f"this machine is too busy: the writer was {behind:.1f} s behind")
        last = {file.stem: _last(file) for file in beats.iterdir()}
        wait(lambda: _quiet(running.pid), "the end of the reading")
        used = cpu(running.pid) - before
        known = running.fleet()
    wrong = [name for name, at in last.items() if not -_CLOCK < at - when(known[name]["last_heartbeat"]) < _CLOCK]
    if wrong:
        raise RuntimeError(f"{len(wrong)} agents are not known rightly, such as {wrong[0]}")
    floor = _floor(lab.room("floor"), count, int(seconds))
    yield Row(
        f"{count:,} heartbeats a second over {count:,} files",
        f"{used / seconds:.2f} of a core, {1e6 * used / count / seconds:.0f} us each",
        f"open, read, parse alone {1e6 * floor / count / seconds:.0f} us each",
        used / floor,
        f"at most {_HALF} of a core; every agent's last heartbeat known",
        used <= _HALF * seconds,
        "a file costs five system calls and a JSON line; a beat a turn of its agent's coroutine and a new state",
    )


def _last(file: Path) -> float:
    """Return the time of the newest heartbeat in a file."""
    return when(json.loads(file.read_bytes().splitlines()[-1])["timestamp"])


def _quiet(pid: int) -> bool:
    before = cpu(pid)
    time.sleep(1)
    return cpu(pid) - before < 0.1


def _floor(folder: Path, count: int, rounds: int) -> float:
    """Return the CPU (s) of reading each new line, once it is there, in random order."""
    decode = msgspec.json.Decoder(_Line).decode
    files = [f"{folder}/{name}.log" for name in agents(count)]
    used = 0.0
    places = dict.fromkeys(files, 0)
    for number in range(rounds):
        random.shuffle(files)
        for file in files:
            append(file, line(number))
        begin = time.process_time()
        for file in files:
            fd = os.open(file, os.O_RDONLY)
            data = os.pread(fd, os.fstat(fd).st_size - places[file], places[file])
            os.close(fd)
            places[file] += len(data)
            decode(data)
        used += time.process_time() - begin
    return used
