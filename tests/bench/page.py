"""The page reports/benchmarks.md, from what was measured."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from circumstances import circumstances
from measure import Series

BARE = "`python -c pass`"
TABLE = "`netcalc table {}`"
IMPORTS = "importing torch and torchvision"
NETWORKS = ("googlenet", "googlenet-torchvision")
SAME = NETWORKS[1]
PEERS = ("torchinfo", "fvcore", "ptflops", "FlopCounterMode")
INSIDE = (*PEERS, "ptflops, aten backend")
MODELS = (
    *("googlenet", "resnet50", "vit_b_16", "swin_t"),
    *("densenet121", "efficientnet_b0", "mobilenet_v3_small"),
)
TRACED, FORWARD = "netcalc", "bare forward pass on meta"
COUNTERS = (
    *("FlopCounterMode", "FlopCounterMode on meta", "torchinfo", "fvcore"),
    *("ptflops", "ptflops, aten", "thop", "calflops"),
)
SWEPT, BY_HAND, CANDIDATES = "netcalc", "numpy", 10**6
MANY = (SWEPT, BY_HAND, "netcalc, whole sweep", "whole GoogLeNets")

Traced: TypeAlias = Mapping[str, Series | str]
"""Of one model, the times by what ran it, or why it did not run."""

PAGE = """\
# Benchmarks

Written by `make bench`, never by hand. All figures are from one run; elsewhere only their ratios
mean something.{quick}

{circumstances}

## Targets
{busy}
{targets}

## Whole processes

From the start of Python to its end. The scripts of the other counters are the shortest that print
the parameters and the total (`tests/bench/peers/`). `googlenet-torchvision` is the network that
they count, so the ratios are to it; `googlenet` is the paper's, without BatchNorm.

{whole}

## Inside one process

One count of a network that is built already, with everything imported. FlopCounterMode counts two
FLOPs for a MAC; the other totals differ because the counters disagree about what else to count.
The forward pass is the model's own, uncounted. Ratios are to `googlenet-torchvision`.

{inside}

## Tracing

`nc.trace` and `nc.analyse` of a model that is built already, beside the model's own forward pass on
the meta device and beside counters that run it: FlopCounterMode on meta as there, the others on
1x3x224x224 real numbers, each as its documentation says. For netcalc a ratio to the bare pass, of
which less is better; for the counters their time by netcalc's, of which more is.

{tracing}

## Sweeps

{candidates:,} width vectors of the reduced inception module, parameters and MACs with all guards,
beside the same formula written by hand in numpy; a whole sweep makes the vectors too. Other
counters are asked for one module at a time, which is instantiated for that. In whole GoogLeNets
the widths of all nine modules vary. All on one core but for what torch shares out.

{sweeps}

## How it was measured

- The network is torchvision's GoogLeNet without its heads, on 1x3x224x224. All must find 6,624,904
  parameters in it, or the benchmark stops.
- Everything runs in turns: a bare Python and netcalc before each of the other programs, so that a
  busy moment meets all of them. Byte code is compiled, and every program has run once before.
- Times are of the wall clock, and the shortest are compared, because other work on the machine only
  ever adds to them. How far the median lies above tells how noisy the run was. A figure near its
  target can fall on either side of it in the next run.
- The other counters run the model on all cores, netcalc runs on one. So a busy machine slows them
  more and flatters netcalc; the page says so where the load was above the number of cores.
- Most of a counter's whole process is importing torch and torchvision, which a program that needs
  them anyway has paid for already; the table inside one process leaves that out.
- Inside one process gradients are off, which makes the other counters faster, and Python's garbage
  collector is on.
- For tracing, each model has a process of its own, and each repetition a fresh copy of the model,
  made before its time begins (netcalc takes the model as it is and copies it within its time). The
  bare pass and netcalc run before each counter. All is run once untimed; FlopCounterMode must count
  the MACs that netcalc does, or the benchmark stops.
- The peak is the largest resident memory of a process, MB = 10^6 bytes; the smallest of its runs.
"""

BUSY = """
**The machine was busy, with a load above its number of cores. The times of the other counters, and
the ratios to them, are too large to judge a target by: run it again on a quiet machine.**
"""


class Findings(NamedTuple):
    """What was measured: whole processes, counts inside one process, and around them."""

    whole: dict[str, Series]
    inside: dict[str, Series]
    totals: dict[str, int]
    heavy: list[str]
    load: list[float]
    quick: bool
    traced: Mapping[str, Traced]
    swept: Mapping[str, Series]

    @property
    def busy(self) -> bool:
        """Whether others kept the cores from the counters that run on all of them."""
        return max(self.load) > (os.cpu_count() or 1)


def render(found: Findings) -> str:
    """The page in markdown."""
    return PAGE.format(
        quick=" This was a `--quick` run." if found.quick else "",
        busy=BUSY if found.busy else "",
        circumstances="\n".join(circumstances(found.load)),
        targets=markdown(("what", "target", "measured", ""), _targets(found), "llrl"),
        whole=_whole(found),
        inside=_inside(found),
        tracing=_tracing(found.traced),
        candidates=CANDIDATES,
        sweeps=_sweeps(found.swept),
    )


# --- targets -----------------------------------------------------------------------------------


def _targets(found: Findings) -> Iterable[tuple[str, ...]]:
    whole, inside = found.whole, found.inside
    paper = TABLE.format(NETWORKS[0])
    yield _at_most(f"time: {paper} / {BARE}", whole[paper].best / whole[BARE].best, 10, "x")
    yield _row(
        f"torch, numpy, pandas, sympy, yaml imported by {paper}",
        "none",
        ", ".join(found.heavy) or "none",
        not found.heavy,
    )
    fast = min(PEERS, key=lambda name: whole[name].best)
    small = min(PEERS, key=lambda name: whole[name].peak)
    for ours in map(TABLE.format, NETWORKS):
        ratio = whole[fast].best / whole[ours].best
        yield _at_least(f"time: {fast} / {ours}", ratio, 25, found.busy)
        yield _at_least(f"peak memory: {small} / {ours}", whole[small].peak / whole[ours].peak, 10)
    fast = min(INSIDE, key=lambda name: inside[name].best)
    for name in NETWORKS:
        yield _at_most(f"inside one process: {name}", inside[name].best * 1e3, 4, " ms")
        ratio = inside[fast].best / inside[name].best
        yield _at_least(f"inside one process: {fast} / {name}", ratio, 15, found.busy)

    for name, took in found.traced.items():
        value = _time(took, TRACED) / _time(took, FORWARD)
        what = f"tracing {name}: netcalc / the bare forward pass"
        yield _row(what, "at most 1.0x", f"{value:.3f}x", value <= 1)
    for name, took in found.traced.items():
        ran = [c for c in COUNTERS if isinstance(took[c], Series)]
        fast = min(ran, key=lambda c: _time(took, c))
        value = _time(took, fast) / _time(took, TRACED)
        yield _at_least(f"tracing {name}: {fast} / netcalc", value, 1, found.busy)

    swept = found.swept
    ratio = swept[SWEPT].best / swept[BY_HAND].best
    yield _at_most(f"{CANDIDATES:,} modules: netcalc / numpy by hand", ratio, 2, "x")
    fast = min(_counters(swept), key=lambda name: swept[name].best)
    ratio = swept[fast].best * CANDIDATES / swept[SWEPT].best
    yield _at_least(f"modules per second: netcalc / {fast}", ratio, 100_000, found.busy)


def _counters(swept: Mapping[str, Series]) -> list[str]:
    return [name for name in swept if name not in MANY]


def _time(took: Traced, name: str) -> float:
    series = took[name]
    assert isinstance(series, Series)
    return series.best


def _at_most(what: str, value: float, limit: float, unit: str) -> tuple[str, ...]:
    return _row(what, f"at most {limit}{unit}", f"{value:.2f}{unit}", value <= limit)


def _at_least(what: str, value: float, limit: float, busy: bool = False) -> tuple[str, ...]:
    """A ratio to another counter; on a busy machine it shows a miss, but no success."""
    row = _row(what, f"at least {limit}x", f"{value:.2f}x", value >= limit)
    return (*row[:-1], "not judged") if busy and value >= limit else row


def _row(what: str, target: str, measured: str, met: bool) -> tuple[str, ...]:
    return what, target, measured, "met" if met else "**missed**"


# --- tables ------------------------------------------------------------------------------------


def _whole(found: Findings) -> str:
    same = found.whole[TABLE.format(SAME)]
    titles = ("program", "best, ms", "median, ms", "time ratio", "peak, MB", "peak ratio", "runs")
    rows = (
        (
            name,
            f"{series.best * 1e3:,.1f}",
            f"{series.typical * 1e3:,.1f}",
            f"{series.best / same.best:.2f}",
            f"{series.peak / 1e6:.1f}",
            f"{series.peak / same.peak:.2f}",
            str(len(series.seconds)),
        )
        for name, series in found.whole.items()
    )
    return markdown(titles, rows, "lrrrrrr")


def _inside(found: Findings) -> str:
    same = found.inside[SAME]
    titles = ("counter", "its total", "best, ms", "median, ms", "ratio", "runs")
    rows = (
        (
            f"netcalc, {name}" if name in NETWORKS else name,
            f"{found.totals[name]:,}" if found.totals[name] else "",
            f"{series.best * 1e3:.2f}",
            f"{series.typical * 1e3:.2f}",
            f"{series.best / same.best:.2f}",
            str(len(series.seconds)),
        )
        for name, series in found.inside.items()
    )
    return markdown(titles, rows, "lrrrrr")


def _tracing(traced: Mapping[str, Traced]) -> str:
    titles = ("model", "bare, ms", "netcalc, ms", "netcalc / bare", *COUNTERS, "runs")
    rows = []
    for name, took in traced.items():
        bare, ours = _time(took, FORWARD), _time(took, TRACED)
        cells = (_against(took[c], ours) for c in COUNTERS)
        runs = min(len(s.seconds) for s in took.values() if isinstance(s, Series))
        ms = (f"{bare * 1e3:.1f}", f"{ours * 1e3:.1f}")
        rows.append((name, *ms, f"{ours / bare:.3f}", *cells, str(runs)))
    return markdown(titles, rows, "l" + "r" * (len(titles) - 1))


def _sweeps(swept: Mapping[str, Series]) -> str:
    titles = ("what", "candidates", "best, ms", "median, ms", "candidates per second", "runs")
    rows = (
        (
            name,
            f"{many:,}",
            f"{series.best * 1e3:,.1f}",
            f"{series.typical * 1e3:,.1f}",
            f"{many / series.best:,.0f}",
            str(len(series.seconds)),
        )
        for name, series in swept.items()
        for many in (CANDIDATES if name in MANY else 1,)
    )
    return markdown(titles, rows, "lrrrrr")


def _against(series: Series | str, ours: float) -> str:
    """A counter's time by netcalc's, or why there is none."""
    if isinstance(series, str):
        return series.replace("|", "/")
    return f"{series.best / ours:.2f}"


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """A pipe table with padded columns; ``align`` has an l or r for each."""
    lines = [titles, *rows]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    sides = list(zip(widths, align, strict=True))
    rule = ["-" * (w - 1) + (":" if side == "r" else "-") for w, side in sides]
    padded = [
        [
            c.rjust(w) if side == "r" else c.ljust(w)
            for c, (w, side) in zip(line, sides, strict=True)
        ]
        for line in lines
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (padded[0], rule, *padded[1:]))
