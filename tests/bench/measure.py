"""Whole processes, run in turns: how long each takes and how much memory it needs at its peak.

A child starts with the high-water mark of the process that starts it, so whatever imports this
must stay small: nothing here may import torch or netcalc.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BYTES_PER_RSS = 1 if sys.platform == "darwin" else 1024

# Byte code is what an installed package has, and unbuffered output is nobody's default.
CHILD_ENV = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
}


class Series:
    """The repetitions of one measurement."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
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
    """A command to time; ``refrain`` stands for one that is so quick that it runs more often."""

    name: str
    arguments: tuple[str, ...]
    refrain: bool = False


def python(*arguments: str) -> str:
    """What a run of this Python prints; an error, with what it wrote, where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=CHILD_ENV, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"python {' '.join(arguments)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def own_peak() -> int:
    """The peak of this process in bytes, below which a child's cannot be told."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_RSS


def time_once(program: Program, series: Series) -> None:
    """Run a program to its end and note its time and its peak of resident memory."""
    command = [sys.executable, *program.arguments]
    begin = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, env=CHILD_ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"python {' '.join(program.arguments)} ended with {child.returncode}")
    series.seconds.append(took)
    series.peaks.append(usage.ru_maxrss * BYTES_PER_RSS)


def in_turns(
    programs: Sequence[Program], rounds: int, until: float, say: Callable[[str], None]
) -> dict[str, Series]:
    """Time the programs in turns, the quick ones before each of the slow ones.

    No round begins after ``until``, a reading of ``time.perf_counter``, but one is always run.
    """
    quick = [p for p in programs if p.refrain]
    slow = [p for p in programs if not p.refrain]
    found = {program.name: Series() for program in programs}
    for turn in range(rounds):
        if turn and time.perf_counter() > until:
            say(f"  out of time: {turn} of {rounds} rounds")
            break
        for program in slow:
            for each in (*quick, program):
                time_once(each, found[each.name])
        say(f"  round {turn + 1} of {rounds}: " + ", ".join(_last(found, p) for p in programs))
    return found


def _last(found: dict[str, Series], program: Program) -> str:
    return f"{program.name} {found[program.name].seconds[-1]:.3g} s"
