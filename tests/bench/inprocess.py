"""Counts of GoogLeNet inside one process, in turns, models already made and nothing imported.

Prints JSON: for each name its counts, parameters and total, and the seconds of each repetition.
Started by bench.py in a process of its own.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import fvcore.nn
import ptflops
import torch
import torchinfo
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import googlenet

import netcalc as nc

Count: TypeAlias = Callable[[], tuple[int, int]]

NETWORKS = ("googlenet", "googlenet-torchvision")
MODEL = googlenet(weights=None, aux_logits=False, init_weights=False).eval()
IMAGE = torch.zeros(1, 3, 224, 224)


def with_netcalc(name: str) -> Count:
    """The analysis of a network that is loaded already."""
    graph = nc.load(name)

    def count() -> tuple[int, int]:
        totals = nc.analyse(graph).totals
        return totals.params, totals.macs

    return count


def with_torchinfo() -> tuple[int, int]:
    counted = torchinfo.summary(MODEL, (1, 3, 224, 224), verbose=0)
    return counted.total_params, counted.total_mult_adds


def with_fvcore() -> tuple[int, int]:
    counted = fvcore.nn.FlopCountAnalysis(MODEL, IMAGE)
    # Its warnings about operators that it does not know would only cost it time.
    counted.unsupported_ops_warnings(False).tracer_warnings("none")
    return fvcore.nn.parameter_count(MODEL)[""], int(counted.total())


def with_ptflops(backend: str = "pytorch") -> tuple[int, int]:
    macs, params = ptflops.get_model_complexity_info(
        MODEL, (3, 224, 224), as_strings=False, print_per_layer_stat=False, backend=backend
    )
    return int(params), int(macs)


def with_flop_counter_mode() -> tuple[int, int]:
    with FlopCounterMode(display=False) as counted:
        MODEL(IMAGE)
    return sum(p.numel() for p in MODEL.parameters()), counted.get_total_flops()


def without_counting() -> tuple[int, int]:
    """A forward pass, which every counter of the model runs or traces."""
    MODEL(IMAGE)
    return 0, 0


OURS: dict[str, Count] = {name: with_netcalc(name) for name in NETWORKS}
PEERS: dict[str, Count] = {
    "torchinfo": with_torchinfo,
    "fvcore": with_fvcore,
    "ptflops": with_ptflops,
    "ptflops, aten backend": partial(with_ptflops, "aten"),
    "FlopCounterMode": with_flop_counter_mode,
    "forward pass": without_counting,
}


def main(rounds: int, seconds: float) -> None:
    """Warm every counter up, then time them in turns, ours beside each of the others."""
    warnings.simplefilter("ignore")
    torch.set_grad_enabled(False)  # nobody needs it to count, and it makes the others faster
    counts = {name: count() for name, count in {**OURS, **PEERS}.items()}
    took: dict[str, list[float]] = {name: [] for name in counts}
    until = time.perf_counter() + seconds
    for turn in range(rounds):
        if turn and time.perf_counter() > until:
            break
        for peer in PEERS.items():
            for name, count in (*OURS.items(), peer):
                begin = time.perf_counter()
                count()
                took[name].append(time.perf_counter() - begin)
    json.dump({"counts": counts, "seconds": took}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
