"""How fast netcalc is beside a bare Python and beside other counters: ``make bench``.

Everything is measured in one run and compared within it. Writes reports/benchmarks.md and prints
the same. A missed target is told, not an error; the exit code is 1 only where something breaks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

import page
from measure import ROOT, Program, Series, in_turns, python

REPORT = ROOT / "reports" / "benchmarks.md"
HEAVY = ("torch", "numpy", "pandas", "sympy", "yaml")
PARAMS = 6_624_904

BARE = Program(page.BARE, ("-c", "pass"), light=True)
OURS = tuple(
    Program(page.TABLE.format(name), ("-m", "netcalc", "table", name), light=True)
    for name in page.NETWORKS
)
PEERS = tuple(
    Program(name, (f"tests/bench/peers/{script}.py",))
    for name, script in (
        ("torchinfo", "with_torchinfo"),
        ("fvcore", "with_fvcore"),
        ("ptflops", "with_ptflops"),
        ("FlopCounterMode", "with_flop_counter_mode"),
    )
)
IMPORTS = Program(page.IMPORTS, ("-c", "import torch, torchvision"))

# The command ends by SystemExit; what it imported is told on the other stream.
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


def warm_up() -> None:
    """Compile, and run everything once: all must count the same network."""
    python("-m", "compileall", "-q", "netcalc")
    for ours, params in zip(OURS, (6_998_552, PARAMS), strict=True):
        if f"{params:,} params" not in python(*ours.arguments):
            raise SystemExit(f"{ours.name} does not print {params:,} params")
    for peer in PEERS:
        params, total = map(int, python(*peer.arguments).split()[-2:])
        say(f"  {peer.name}: {params:,} parameters, a total of {total:,}")
        check(peer.name, params)


def check(name: str, params: int) -> None:
    """Stop where a counter did not count torchvision's GoogLeNet."""
    if params != PARAMS:
        raise SystemExit(f"{name} counts {params:,} parameters, not {PARAMS:,}")


def heavy_imports() -> list[str]:
    """The heavy modules that ``netcalc table googlenet`` imports; there should be none."""
    imported = set(python("-c", IMPORTED).split())
    if "netcalc.cli" not in imported:
        raise SystemExit("the look at the imported modules went wrong: netcalc is not among them")
    return [name for name in HEAVY if name in imported]


def in_process(rounds: int, limit: float) -> tuple[dict[str, Series], dict[str, int]]:
    """Times and totals of counting inside one process."""
    printed = python("tests/bench/inprocess.py", str(rounds), str(limit))
    found = json.loads(printed.splitlines()[-1])
    for name in (page.SAME, *page.INSIDE):
        check(name, found["counts"][name][0])
    series = {name: Series(seconds) for name, seconds in found["seconds"].items()}
    return series, {name: total for name, (_, total) in found["counts"].items()}


def tracing(rounds: int, limit: float) -> dict[str, page.Traced]:
    """By model, the times of tracing it and of counting it otherwise, or why there are none."""
    found = {}
    for name in page.MODELS:
        say(f"  {name}")
        printed = python("tests/bench/tracing.py", name, str(rounds), str(limit))
        took = json.loads(printed.splitlines()[-1])
        found[name] = {k: v if isinstance(v, str) else Series(v) for k, v in took.items()}
    return found


def sweeping(rounds: int, limit: float) -> dict[str, Series]:
    """Times of sweeps, and of what they are held against."""
    printed = python("tests/bench/sweeping.py", str(rounds), str(limit))
    took = json.loads(printed.splitlines()[-1])
    return {name: Series(seconds) for name, seconds in took.items()}


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
    whole = in_turns((BARE, *OURS, *PEERS, IMPORTS), *((2, 20) if quick else (6, 110)), say)
    say("inside one process")
    inside, totals = in_process(*((5, 5) if quick else (40, 25)))
    say("tracing")
    traced = tracing(*((1, 5) if quick else (6, 18)))
    say("sweeps")
    swept = sweeping(*((3, 5) if quick else (30, 30)))
    load.append(os.getloadavg()[0])
    text = page.render(page.Findings(whole, inside, totals, heavy, load, quick, traced, swept))
    beside = REPORT.with_name(REPORT.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(REPORT)
    print(text, end="")


if __name__ == "__main__":
    main()
