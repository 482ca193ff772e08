"""What a forward pass takes on a device: time, and on a GPU memory."""

from __future__ import annotations

import copy
import statistics
import time
from typing import Any

import torch
from torch import nn

WARM_UP = 10
RUNS = 50


def measure(
    model: nn.Module, shapes: tuple[tuple[int, ...], ...], device: str, runs: int = RUNS
) -> dict[str, Any]:
    """The device, the versions, the median time of a forward pass and the peak memory it takes.

    Times are of CUDA events on a GPU, of the clock elsewhere, after some runs to warm up; memory is
    what PyTorch's allocator held at most beyond weights and inputs, and known on a GPU only.
    """
    on = copy.deepcopy(model).eval().to(device)
    inputs = tuple(torch.randn(shape, device=device) for shape in shapes)
    cuda = torch.device(device).type == "cuda"
    facts: dict[str, Any] = {"torch": torch.__version__}
    with torch.inference_mode():
        for _ in range(WARM_UP if cuda else 1):
            on(*inputs)
        if cuda:
            facts |= {"GPU": torch.cuda.get_device_name(), "CUDA": torch.version.cuda}
            facts["peak memory of a forward pass, bytes"] = _peak(on, inputs)
        times = [(_event_ms if cuda else _clock_ms)(on, inputs) for _ in range(runs)]
    facts["median time of a forward pass, ms"] = round(statistics.median(times), 3)
    return facts


def _peak(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    model(*inputs)
    torch.cuda.synchronize()
    return int(torch.cuda.max_memory_allocated() - before)


def _event_ms(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call, unused-ignore]
    start.record()  # type: ignore[no-untyped-call, unused-ignore]
    model(*inputs)
    end.record()  # type: ignore[no-untyped-call, unused-ignore]
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))  # type: ignore[no-untyped-call, unused-ignore]


def _clock_ms(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    start = time.perf_counter()
    model(*inputs)
    return (time.perf_counter() - start) * 1000
