"""Running somebody else's code without leaving a trace."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

FLAGS = (
    (torch.backends.cudnn, "enabled"),
    (torch.backends.cudnn, "benchmark"),
    (torch.backends.cudnn, "deterministic"),
    (torch.backends.cudnn, "allow_tf32"),
)
"""Settings of the process that a model's code may change."""


@contextmanager
def collecting(on: bool) -> Iterator[None]:
    """With Python's search for cycles of garbage on or off, and then as it was.

    A trace makes many small objects and drops few: the search would take half of its time.
    """
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()


@contextmanager
def undisturbed(model: Any = None, device: str = "cpu") -> Iterator[None]:
    """Leave random states, backend flags and a model's buffers and modes as they were.

    Everything runs on copies of it; but a function that the model keeps may hold the original.
    """
    python, numpy = random.getstate(), sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    flags = [getattr(place, name) for place, name in FLAGS]
    precision = _precision()
    modules = list(model.modules()) if isinstance(model, nn.Module) else []
    modes = [(m, m.training) for m in modules]
    held = [b for m in modules for b in m._buffers.values() if b is not None]
    buffers = [(b, b.clone()) for b in held if not b.is_meta]
    on_gpu = device == "cuda" or torch.cuda.is_initialized()  # type: ignore[no-untyped-call, unused-ignore]
    devices = list(range(torch.cuda.device_count())) if on_gpu else []
    try:
        with torch.random.fork_rng(devices=devices):
            seeded()
            yield
    finally:
        random.setstate(python)
        if numpy is not None:
            numpy.random.set_state(numbers)
        for (place, name), value in zip(FLAGS, flags, strict=True):
            if getattr(place, name) != value:
                setattr(place, name, value)
        if precision and _precision() != precision:
            torch.set_float32_matmul_precision(precision)
        for module, training in modes:
            if module.training != training:
                module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                if not _same(buffer, before):
                    buffer.copy_(before)


def _same(buffer: torch.Tensor, before: torch.Tensor) -> bool:
    """Whether a buffer holds what it held; sparse ones are not compared."""
    return buffer.layout is torch.strided and torch.equal(buffer, before)


def seeded() -> None:
    """The same random numbers from here on in every run."""
    torch.manual_seed(0)
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _precision() -> str:
    """How float32 products are computed; nothing where PyTorch's own settings contradict."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return ""
