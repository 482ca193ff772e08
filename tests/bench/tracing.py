"""Tracing and analysing a PyTorch model beside its own forward pass and beside other counters.

Prints JSON: for each name the seconds of each repetition, or why there are none. Started by
bench.py in a process of its own for each model. Every counter is called as its documentation says,
on real tensors and on a copy of the model of its own, which is made before its time begins.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model

import netcalc as nc

SHAPE = (1, 3, 224, 224)
IMAGE = torch.zeros(SHAPE)
EMPTY = torch.empty(SHAPE, device="meta")

Run: TypeAlias = Callable[[nn.Module], Any]


def bare(model: nn.Module) -> None:
    """The model's own forward pass on the meta device, uncounted."""
    with torch.no_grad():
        model(EMPTY)


def with_netcalc(model: nn.Module) -> int:
    macs: int = nc.analyse(nc.trace(model, IMAGE)).totals.macs
    return macs


def with_flop_counter_mode(model: nn.Module, x: torch.Tensor = IMAGE) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        model(x)
    return counted.get_total_flops()


def with_flop_counter_mode_on_meta(model: nn.Module) -> int:
    return with_flop_counter_mode(model, EMPTY)


def with_torchinfo(model: nn.Module) -> int:
    import torchinfo

    return int(torchinfo.summary(model, input_data=IMAGE, verbose=0).total_mult_adds)


def with_fvcore(model: nn.Module) -> int:
    from fvcore.nn import FlopCountAnalysis

    counted = FlopCountAnalysis(model, IMAGE)
    # Its warnings would only cost it time.
    counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    return int(counted.total())


def with_ptflops(model: nn.Module, backend: str = "pytorch") -> int:
    from ptflops import get_model_complexity_info

    macs, _ = get_model_complexity_info(
        model,
        SHAPE[1:],
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
        backend=backend,
    )
    return int(macs)


def with_ptflops_aten(model: nn.Module) -> int:
    return with_ptflops(model, "aten")


def with_thop(model: nn.Module) -> int:
    import thop

    return int(thop.profile(model, inputs=(IMAGE,), verbose=False)[0])


def with_calflops(model: nn.Module) -> int:
    from calflops import calculate_flops

    options = {"print_results": False, "print_detailed": False, "output_as_string": False}
    return int(calculate_flops(model=model, input_shape=SHAPE, **options)[1])


BARE, OURS = "bare forward pass on meta", "netcalc"
ON_META = "FlopCounterMode on meta"
COUNTERS: dict[str, Run] = {
    "FlopCounterMode": with_flop_counter_mode,
    ON_META: with_flop_counter_mode_on_meta,
    "torchinfo": with_torchinfo,
    "fvcore": with_fvcore,
    "ptflops": with_ptflops,
    "ptflops, aten": with_ptflops_aten,
    "thop": with_thop,
    "calflops": with_calflops,
}


class Bench:
    """One model, and the seconds of everything that runs it."""

    def __init__(self, name: str) -> None:
        options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        self.model = get_model(name, weights=None, **options).eval()
        self.on_meta = copy.deepcopy(self.model).to("meta")
        self.found: dict[str, list[float] | str] = {}

    def once(self, name: str) -> Any:
        """Run something on a fresh copy, and note how long that takes."""
        run = {BARE: bare, OURS: with_netcalc, **COUNTERS}[name]
        if name == OURS:
            held = self.model  # a trace is to leave it as it was
        else:
            held = copy.deepcopy(self.on_meta if name in (BARE, ON_META) else self.model)
        gc.collect()
        begin = time.perf_counter()
        out = run(held)
        took = time.perf_counter() - begin
        series = self.found.setdefault(name, [])
        assert isinstance(series, list)
        series.append(took)
        return out

    def warm_up(self) -> None:
        """Everything once, untimed; what cannot run is told and left out."""
        total = 2 * self.once(OURS)
        if self.once(ON_META) != total:
            raise SystemExit(f"FlopCounterMode does not count {total:,} FLOPs")
        self.found = {}
        for name in (BARE, *COUNTERS):
            try:
                self.once(name)
                self.found[name] = []
            except ImportError as problem:
                self.found[name] = f"{problem.name} is not installed"
            except Exception as problem:  # another's code, whatever it does
                self.found[name] = f"{type(problem).__name__}: {str(problem)[:80]}"

    def measure(self, rounds: int, seconds: float) -> None:
        """In turns, the bare pass and netcalc before each of the counters."""
        self.warm_up()
        until = time.perf_counter() + seconds
        for turn in range(rounds):
            for name in COUNTERS:
                if turn and time.perf_counter() > until:
                    return
                self.once(BARE)
                self.once(OURS)
                if isinstance(self.found[name], list):
                    self.once(name)


def main(name: str, rounds: int, seconds: float) -> None:
    """Measure one model."""
    warnings.simplefilter("ignore")
    bench = Bench(name)
    with contextlib.redirect_stdout(io.StringIO()):
        bench.measure(rounds, seconds)
    json.dump(bench.found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
