"""A pass with all that any counter could see of it.

Operators come from the dispatcher, module calls from ``nn.Module.__call__``, and calls of Python
functions from names that some counters patch: the same names are patched here, for the pass only,
since an operator does not tell ``x + y`` from ``x.add(y)``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from netcalc.pytorch.counters.calls import Call, sized
from netcalc.pytorch.jit import JitWatch

FUNCTIONS = (
    *("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d"),
    *("conv_transpose3d", "relu", "prelu", "elu", "leaky_relu", "relu6", "silu", "gelu"),
    *("batch_norm", "layer_norm", "instance_norm", "group_norm", "softmax", "embedding"),
    *("avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d"),
    *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    *("upsample", "interpolate", "scaled_dot_product_attention"),
)
PRODUCTS = ("matmul", "mm", "bmm", "addmm", "baddbmm", "mul", "add", "einsum")
METHODS = ("matmul", "mm", "bmm", "addmm", "mul", "add")
NAMES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("F", functional, FUNCTIONS),
    ("torch", torch, PRODUCTS),
    ("Tensor", torch.Tensor, METHODS),
)
"""The Python names that are watched, by what they are attributes of."""


class Recorder(JitWatch):  # type: ignore[no-untyped-call]  # torch's own
    """JitWatch, with the calls of modules and of watched functions."""

    def __init__(self, model: nn.Module, **how: bool) -> None:
        super().__init__(model, **how)
        self.module_calls: list[Call] = []
        self.functions: list[Call] = []
        self._open: list[Call] = []
        self._nested = 0
        self._running = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """As Watch; functions that a kernel calls are no calls of the model's."""
        self._running += 1
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        finally:
            self._running -= 1

    def entering(self, module: nn.Module, inputs: Any, named: Any) -> None:
        """A module is called."""
        super().entering(module, inputs, named)
        if id(module) in self.paths and threading.get_ident() == self.thread:
            call = self._call(type(module).__name__, module, inputs, named)
            call.given = call.inputs
            self.module_calls.append(call)
            self._open.append(call)
            if module._forward_pre_hooks:
                self._after_hooks(module, call)

    @staticmethod
    def _after_hooks(module: nn.Module, call: Call) -> None:
        """Take the arguments that the hooks before a forward leave, for this call alone."""

        def hook(module: nn.Module, args: Any) -> None:
            handle.remove()
            call.inputs = sized(tuple(args))

        handle = module.register_forward_pre_hook(hook)

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done."""
        if self._open and self._open[-1].module is module:
            call = self._open.pop()
            call.output, call.end = sized(output), len(self.events)
        super().leaving(module, inputs, output)

    def _call(self, name: str, module: nn.Module | None, args: Any, kwargs: Any) -> Call:
        parent = self._open[-1] if self._open else None
        path = self.paths[id(module)] if module is not None else (parent.path if parent else "")
        call = Call(name, path, module, sized(tuple(args)), sized(kwargs), parent, len(self.events))
        if parent is not None:
            parent.children.append(call)
        return call

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The watched names replaced by functions that note their calls."""
        before: list[tuple[Any, str, Any]] = []
        try:
            for prefix, place, names in NAMES:
                for name in names:
                    own = vars(place).get(name, _INHERITED)
                    before.append((place, name, own))
                    setattr(place, name, self._noting(f"{prefix}.{name}", getattr(place, name)))
            with super().watching():
                yield
        finally:
            for place, name, own in before:
                if own is _INHERITED:
                    delattr(place, name)
                else:
                    setattr(place, name, own)

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            if self._running or threading.get_ident() != self.thread:
                return function(*args, **kwargs)
            call = self._call(name, None, args, kwargs)
            call.depth = self._nested
            self.functions.append(call)
            self._nested += 1
            try:
                out = function(*args, **kwargs)
            finally:
                self._nested -= 1
            call.output, call.end = sized(out), len(self.events)
            return out

        return noting


_INHERITED = object()
"""Stands for an attribute that a class does not have itself."""
