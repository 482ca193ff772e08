"""How fast netcalc is beside a bare Python and beside other counters: ``make bench``.

Everything is measured in one run and compared within it. Writes reports/benchmarks.md and prints
the same. A missed target is told, not an error; the exit code is 1 only where something breaks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

import page
from measure import ROOT, Program, Series, in_turns, own_peak, python

REPORT = ROOT / "reports" / "benchmarks.md"
HEAVY = ("torch", "numpy", "pandas", "sympy", "yaml")
PARAMS = 6_624_904

OURS = (
    Program("`netcalc table googlenet`", ("-m", "netcalc", "table", "googlenet"), True),
    Program(
        "`netcalc table googlenet-torchvision`",
        ("-m", "netcalc", "table", "googlenet-torchvision"),
        True,
    ),
)
BARE = Program("`python -c pass`", ("-c", "pass"), True)
PEERS = (
    Program("torchinfo", ("tests/bench/peers/with_torchinfo.py",)),
    Program("fvcore", ("tests/bench/peers/with_fvcore.py",)),
    Program("ptflops", ("tests/bench/peers/with_ptflops.py",)),
    Program("FlopCounterMode", ("tests/bench/peers/with_flop_counter_mode.py",)),
)
IMPORTS = Program("importing torch and torchvision only", ("-c", "import torch, torchvision"))

# A command ends by SystemExit; what it imported is told on the other stream.
IMPORTED = """
import runpy, sys
sys.argv = ["netcalc", "table", "googlenet"]
sys.stdout = sys.stderr
try:
    runpy.run_module("netcalc", run_name="__main__", alter_sys=True)
except SystemExit as end:
    if end.code:
        raise
print(*sys.modules, file=sys.__stdout__)
"""


def say(text: str) -> None:
    """Progress, kept apart from the page."""
    print(text, file=sys.stderr, flush=True)


def heavy_imports() -> list[str]:
    """The heavy modules that ``netcalc table googlenet`` imports; there should be none."""
    imported = set(python("-c", IMPORTED).split())
    if "netcalc.cli" not in imported:
        raise SystemExit("the look at the imported modules went wrong: netcalc is not among them")
    return [name for name in HEAVY if name in imported]


def warm_up() -> None:
    """Compile, and run everything once: all must count the same network."""
    python("-m", "compileall", "-q", "netcalc")
    if f"{PARAMS:,} params" not in python(*OURS[1].arguments):
        raise SystemExit(f"{OURS[1].name} does not print {PARAMS:,} parameters")
    for peer in PEERS:
        params, total = map(int, python(*peer.arguments).split()[-2:])
        say(f"  {peer.name}: {params:,} parameters, a total of {total:,}")
        if params != PARAMS:
            raise SystemExit(f"{peer.name} counts {params:,} parameters, not {PARAMS:,}")


def in_process(rounds: int, seconds: float) -> tuple[dict[str, Series], dict[str, int]]:
    """Times and totals of counting inside one process."""
    printed = python("tests/bench/inprocess.py", str(rounds), str(seconds))
    found = json.loads(printed.splitlines()[-1])
    series = {}
    for name, seconds_of_each in found["seconds"].items():
        series[name] = Series()
        series[name].seconds = seconds_of_each
    return series, {name: total for name, (_, total) in found["counts"].items()}


def main() -> None:
    """Measure, write the page and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    quick = parser.parse_args().quick
    load = [os.getloadavg()[0]]
    say("warming up")
    warm_up()
    heavy = heavy_imports()
    say("whole processes")
    until = time.perf_counter() + (20 if quick else 120)
    whole = in_turns((BARE, *OURS, *PEERS, IMPORTS), 2 if quick else 6, until, say)
    say("in one process")
    inside, totals = in_process(*((5, 5) if quick else (40, 25)))
    load.append(os.getloadavg()[0])
    text = page.render(page.Findings(whole, inside, totals, heavy, own_peak(), load, quick))
    beside = REPORT.with_name(REPORT.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(REPORT)
    print(text, end="")


if __name__ == "__main__":
    main()
