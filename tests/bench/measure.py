"""Whole processes, run in turns: how long each takes and how much memory it needs at its peak."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
STARTER = "tests/bench/starter.py"
BYTES_PER_RSS = 1 if sys.platform == "darwin" else 1024

# Byte code is what an installed package has, and unbuffered output is nobody's default.
CHILD_ENV = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
}


class Series:
    """The repetitions of one measurement."""

    def __init__(self, seconds: Sequence[float] = ()) -> None:
        self.seconds = list(seconds)
        self.peaks: list[int] = []

    @property
    def best(self) -> float:
        """The shortest time, in seconds."""
        return min(self.seconds)

    @property
    def typical(self) -> float:
        """The median time, in seconds."""
        return median(self.seconds)

    @property
    def peak(self) -> int:
        """The smallest peak of resident memory, in bytes."""
        return min(self.peaks)


class Program(NamedTuple):
    """A Python command to time; a ``light`` one runs again before each of the others."""

    name: str
    arguments: tuple[str, ...]
    light: bool = False


def python(*arguments: str) -> str:
    """What a run of this Python prints; an error, with what it wrote, where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=CHILD_ENV, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"python {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def time_once(program: Program, series: Series) -> None:
    """Run a program to its end and note its time and its peak of resident memory."""
    printed = python("-S", STARTER, sys.executable, *program.arguments)
    seconds, peak = printed.split()
    series.seconds.append(float(seconds))
    series.peaks.append(int(peak) * BYTES_PER_RSS)


def in_turns(
    programs: Sequence[Program], rounds: int, limit: float, say: Callable[[str], None]
) -> dict[str, Series]:
    """Time the programs in turns, the light ones before each of the others.

    No round but the first begins later than ``limit`` seconds from the start.
    """
    light = [p for p in programs if p.light]
    others = [p for p in programs if not p.light]
    found = {program.name: Series() for program in programs}
    begin = time.perf_counter()
    for turn in range(rounds):
        if turn and time.perf_counter() - begin > limit:
            say(f"  out of time after {turn} of {rounds} rounds")
            break
        for program in others:
            for each in (*light, program):
                time_once(each, found[each.name])
        last = (f"{name.strip('`')} {series.seconds[-1]:.3g} s" for name, series in found.items())
        say(f"  round {turn + 1} of {rounds}: {', '.join(last)}")
    return found
