"""Sweeps beside a hand-written numpy expression, and beside instantiating and counting modules.

Prints JSON: for each name the seconds of each repetition; those of the other counters are for one
module, instantiated anew. Started by bench.py in a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netcalc.sweep.chunks import Job, of_vectors, run_chunk
from netcalc.sweep.space import Space
from netcalc.sweeping import read_space
from netcalc.zoo.googlenet import TABLE_1, Inception

WIDTHS = Inception._fields
OURS, GRID, NUMPY, WHOLE = "netcalc", "netcalc, whole sweep", "numpy", "whole GoogLeNets"
CANDIDATES = 10**6
MODULES = {
    "net": "reduced",
    "vary": {
        name: {"from": start, "to": 10 * start, "step": start}
        for name, start in zip(WIDTHS, (16, 16, 24, 8, 16, 8), strict=True)
    },
}
PLACES = {
    "c1": "branch1x1/conv",
    "r3": "branch3x3/reduce",
    "c3": "branch3x3/conv",
    "r5": "branch5x5/reduce",
    "c5": "branch5x5/conv",
    "pp": "branch_pool/proj",
}
GOOGLENETS = {
    "net": "googlenet",
    "vary": {
        f"m{module[-2:]}_{name}": {
            "of": f"{module}/{PLACES[name]}.out_channels",
            "from": max(8, width // 2),
            "to": 2 * width,
            "multiple": 8,
        }
        for module, row in TABLE_1.items()
        if isinstance(row, Inception)
        for name, width in zip(WIDTHS, row, strict=True)
    },
}

Count: TypeAlias = Callable[[nn.Module], int]


class Module(nn.Module):
    """The reduced module, as one writes it in PyTorch."""

    def __init__(self, c1: int, r3: int, c3: int, r5: int, c5: int, pp: int) -> None:
        super().__init__()

        def conv(i: int, o: int, k: int) -> nn.Sequential:
            return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, bias=False), nn.ReLU())

        self.branch1 = conv(256, c1, 1)
        self.branch3 = nn.Sequential(conv(256, r3, 1), conv(r3, c3, 3))
        self.branch5 = nn.Sequential(conv(256, r5, 1), conv(r5, c5, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, padding=1), conv(256, pp, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = (self.branch1(x), self.branch3(x), self.branch5(x), self.pool(x))
        return torch.cat(parts, 1)


def by_hand(c1: Any, r3: Any, c3: Any, r5: Any, c5: Any, pp: Any) -> tuple[Any, Any]:
    params = 256 * (c1 + r3 + r5 + pp) + 9 * r3 * c3 + 25 * r5 * c5
    return params, 32 * 32 * params


def swept(space: dict[str, Any], sample: int | None = None) -> Iterator[Any]:
    """All chunks of a sweep, one after the other: grid, guards, parameters and MACs."""
    job = Job(read_space(space), sample)
    for number in range(job.chunks):
        yield run_chunk(job, number).rows


def vectors(space: Space, columns: tuple[Any, ...]) -> None:
    """Guards, parameters and MACs of given width vectors."""
    for _ in of_vectors(space, dict(zip(WIDTHS, columns, strict=True))):
        pass


def through(space: dict[str, Any], sample: int | None = None) -> None:
    """Go through a sweep, as one does that is after the best."""
    for _ in swept(space, sample):
        pass


def with_flop_counter_mode(model: nn.Module, device: str = "cpu") -> int:
    with FlopCounterMode(display=False) as counted:
        model(torch.empty(1, 256, 32, 32, device=device))
    return counted.get_total_flops()


def with_torchinfo(model: nn.Module) -> int:
    return int(torchinfo.summary(model, (1, 256, 32, 32), verbose=0).total_mult_adds)


def with_fvcore(model: nn.Module) -> int:
    counted = FlopCountAnalysis(model, torch.empty(1, 256, 32, 32))
    counted.unsupported_ops_warnings(False).tracer_warnings("none")
    return int(counted.total())


COUNTERS: dict[str, tuple[str, Count]] = {
    "FlopCounterMode": ("cpu", with_flop_counter_mode),
    "FlopCounterMode on meta": ("meta", lambda model: with_flop_counter_mode(model, "meta")),
    "torchinfo": ("cpu", with_torchinfo),
    "fvcore": ("cpu", with_fvcore),
}


def instantiated(widths: tuple[int, ...], device: str, count: Count) -> int:
    """One module, made and counted."""
    with torch.device(device):
        model = Module(*widths)
    return count(model)


def check(columns: tuple[Any, ...]) -> None:
    """Stop where what is compared is not the same."""
    ours = {
        name: np.concatenate([rows[name] for rows in swept(MODULES)]) for name in ("params", "macs")
    }
    params, macs = by_hand(*columns)
    if not (np.array_equal(ours["params"], params) and np.array_equal(ours["macs"], macs)):
        raise SystemExit("the sweep and the expression differ")
    widths = tuple(int(column[-1]) for column in columns)
    for name, (device, count) in COUNTERS.items():
        if instantiated(widths, device, count) < macs[-1]:
            raise SystemExit(f"{name} counts another module")


def main(rounds: int, seconds: float) -> None:
    """Measure in turns."""
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)
    rows, space = list(swept(MODULES)), read_space(MODULES)
    columns = tuple(np.concatenate([part[name] for part in rows]) for name in WIDTHS)
    del rows
    check(columns)
    draw = np.random.default_rng(0)
    runs: dict[str, Callable[[], Any]] = {
        NUMPY: lambda: by_hand(*columns),
        OURS: lambda: vectors(space, columns),
        GRID: lambda: through(MODULES),
        WHOLE: lambda: through(GOOGLENETS, CANDIDATES),
    }
    for name, (device, count) in COUNTERS.items():

        def once(device: str = device, count: Count = count) -> Any:
            at = int(draw.integers(CANDIDATES))
            return instantiated(tuple(int(column[at]) for column in columns), device, count)

        runs[name] = once
    took: dict[str, list[float]] = {name: [] for name in runs}
    until = time.perf_counter() + seconds
    for turn in range(rounds):
        if turn and time.perf_counter() > until:
            break
        for name, run in runs.items():
            if name == WHOLE and turn > 2:
                continue
            begin = time.perf_counter()
            run()
            took[name].append(time.perf_counter() - begin)
    json.dump(took, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
