"""The page reports/benchmarks.md, from what was measured."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from measure import Series

BARE = "`python -c pass`"
IMPORTS = "importing torch and torchvision only"
TABLE = "`netcalc table {}`"
NETWORKS = ("googlenet", "googlenet-torchvision")
PEERS = ("torchinfo", "fvcore", "ptflops", "FlopCounterMode")
PACKAGES = ("torch", "torchvision", "torchinfo", "fvcore", "ptflops")


class Findings(NamedTuple):
    """What was measured: whole processes, counts inside one process, and around them."""

    whole: dict[str, Series]
    inside: dict[str, Series]
    totals: dict[str, int]
    heavy: list[str]
    floor: int
    load: list[float]
    quick: bool


def render(found: Findings) -> str:
    """The page in markdown."""
    parts = (
        "# Benchmarks",
        _paragraph(
            "Written by `make bench`, never by hand. All figures are from one run, and only their "
            "ratios mean something elsewhere."
            + (" This was a `--quick` run, with few repetitions." if found.quick else "")
        ),
        "\n".join(f"- {line}" for line in _circumstances(found)),
        "## Targets",
        markdown(("what", "target", "measured", ""), _targets(found), ":-r:"),
        "## Whole processes",
        _whole(found),
        "## Inside one process",
        _inside(found),
        "## How it was measured",
        "\n".join(f"- {line}" for line in _method(found)),
    )
    return "\n\n".join(parts) + "\n"


# --- targets -----------------------------------------------------------------------------------


def _targets(found: Findings) -> list[tuple[str, ...]]:
    whole, inside = found.whole, found.inside
    peer, quick_peer, light_peer = _fastest(whole), _fastest(inside), _lightest(whole)
    rows = [
        _at_most(
            f"time, {TABLE.format('googlenet')} / {BARE}",
            whole[TABLE.format("googlenet")].best / whole[BARE].best,
            10,
            "x",
        ),
        _row(
            f"torch, numpy, pandas, sympy or yaml imported by {TABLE.format('googlenet')}",
            "none",
            ", ".join(found.heavy) or "none",
            not found.heavy,
        ),
    ]
    for name in NETWORKS:
        ours = TABLE.format(name)
        rows += [
            _at_least(f"time, {peer} / {ours}", whole[peer].best / whole[ours].best, 25),
            _at_least(
                f"peak memory, {light_peer} / {ours}",
                whole[light_peer].peak / whole[ours].peak,
                10,
            ),
        ]
    for name in NETWORKS:
        rows += [
            _at_most(f"in process, analysis of {name}", inside[name].best * 1e3, 4, " ms"),
            _at_least(
                f"in process, {quick_peer} / analysis of {name}",
                inside[quick_peer].best / inside[name].best,
                15,
            ),
        ]
    return rows


def _at_most(what: str, value: float, limit: float, unit: str) -> tuple[str, ...]:
    return _row(what, f"at most {limit}{unit}", f"{value:.2f}{unit}", value <= limit)


def _at_least(what: str, value: float, limit: float) -> tuple[str, ...]:
    return _row(what, f"at least {limit}x", f"{value:.1f}x", value >= limit)


def _row(what: str, target: str, measured: str, met: bool) -> tuple[str, ...]:
    return what, target, measured, "met" if met else "**missed**"


def _fastest(series: dict[str, Series]) -> str:
    return min(PEERS, key=lambda name: series[name].best)


def _lightest(series: dict[str, Series]) -> str:
    return min(PEERS, key=lambda name: series[name].peak)


# --- tables ------------------------------------------------------------------------------------


def _whole(found: Findings) -> str:
    first = found.whole[TABLE.format("googlenet")].best
    second = found.whole[TABLE.format("googlenet-torchvision")].best
    rows = [
        (
            name,
            f"{series.best * 1e3:,.0f}",
            f"{series.typical * 1e3:,.0f}",
            f"{series.best / first:.2f}",
            f"{series.best / second:.2f}",
            _peak(series.peak, found.floor),
            str(len(series.seconds)),
        )
        for name, series in found.whole.items()
    ]
    titles = (
        "program",
        "best, ms",
        "median, ms",
        "/ googlenet",
        "/ googlenet-torchvision",
        "peak, MB",
        "runs",
    )
    text = _paragraph(
        "From the start of Python to its end. The two columns of ratios divide the best times by "
        f"those of {TABLE.format('googlenet')} and of {TABLE.format('googlenet-torchvision')}."
    )
    return f"{text}\n\n{markdown(titles, rows, ':rrrrrr')}"


def _peak(peak: int, floor: int) -> str:
    """In 10^6 bytes; what is below the measuring process's own peak cannot be told."""
    return f"{peak / 1e6:,.1f}" if peak > floor else f"below {floor / 1e6:,.1f}"


def _inside(found: Findings) -> str:
    first, second = (found.inside[name].best for name in NETWORKS)
    rows = [
        (
            f"netcalc, {name}" if name in NETWORKS else name,
            f"{found.totals[name]:,}" if found.totals[name] else "",
            f"{series.best * 1e3:.2f}",
            f"{series.typical * 1e3:.2f}",
            f"{series.best / first:.2f}",
            f"{series.best / second:.2f}",
            str(len(series.seconds)),
        )
        for name, series in found.inside.items()
    ]
    titles = (
        "counter",
        "its total",
        "best, ms",
        "median, ms",
        "/ googlenet",
        "/ googlenet-torchvision",
        "runs",
    )
    text = _paragraph(
        "One count of a network that is built already, in a process that has everything imported. "
        "FlopCounterMode counts two FLOPs for a MAC; the other totals differ because the counters "
        "disagree about what else to count. The forward pass is the model's own, uncounted."
    )
    return f"{text}\n\n{markdown(titles, rows, ':rrrrrr')}"


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """A pipe table with padded columns; ``align`` has an r for each column on the right."""
    lines = [titles, *rows]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(titles))]
    rule = [
        "-" * (w - 1) + ":" if a == "r" else "-" * w for w, a in zip(widths, align, strict=True)
    ]
    padded = [
        [
            c.rjust(w) if a == "r" else c.ljust(w)
            for c, w, a in zip(line, widths, align, strict=True)
        ]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (padded[0], rule, *padded[1:]))


# --- words -------------------------------------------------------------------------------------


def _circumstances(found: Findings) -> list[str]:
    before, after = found.load
    return [
        date.today().isoformat(),
        f"netcalc {version('netcalc-nn')}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + " (FlopCounterMode is torch's)",
        f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}",
        f"load average over a minute: {before:.2f} at the start, {after:.2f} at the end",
    ]


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _method(found: Findings) -> list[str]:
    return [
        "The other counters run the scripts in `tests/bench/peers/`, the shortest that print the "
        "parameters and the total of torchvision's GoogLeNet, without its heads, on 1x3x224x224. "
        "netcalc's `googlenet-torchvision` is that network; `googlenet` is the paper's, without "
        "BatchNorm. All runs agree on 6,624,904 parameters, or the benchmark stops.",
        "Programs run in turns, a bare Python and netcalc before each slow one, so that a busy "
        "moment meets all of them. Byte code is compiled and every program has run once before.",
        "Times are of the wall clock. The best of all runs is compared, because other work on the "
        "machine only ever adds time; how far the median lies above it shows how noisy the run "
        "was. Ratios near their target can fall on either side of it in another run.",
        "Most of a counter's whole-process time is importing torch and torchvision, which a "
        "program that needs them anyway has paid for already. The tables inside one process leave "
        "that out.",
        "Inside one process gradients are off, which makes the other counters faster, and the "
        "garbage collector is left on.",
        "Peak memory is the largest resident set of the process, the smallest of its runs. A "
        "process that starts others sets a floor under what is seen of them, here "
        f"{found.floor / 1e6:.1f} MB (MB = 10^6 bytes).",
    ]


def _paragraph(text: str) -> str:
    return text
