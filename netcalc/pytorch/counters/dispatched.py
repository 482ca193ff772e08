"""The matrix products and convolutions that PyTorch dispatches in a pass of a recorded model.

Counters that look at operators below the composite ones see another list than the recording has:
an attention becomes two products or one fused operator, an LSTM many products or one operator, by
device and mode. On the meta device all becomes products. What a CPU would choose is found with
fake tensors, which say that they are on it and have no memory.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from math import prod
from os import devnull
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
)
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.errors import NetcalcError
from netcalc.pytorch import contagion
from netcalc.pytorch.counters.recording import Recording
from netcalc.pytorch.events import signature
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.twin import every, kept, on_cpu, with_values

aten = torch.ops.aten
Outcome = tuple["Product", ...]
Hooked = Callable[[nn.Module], Iterable[nn.Module]]


class Product(NamedTuple):
    """A matrix product or convolution: its operator, its MACs, the values of a bias added to it.

    ``path`` is the module that it ran in. One with ``within`` is an operator that stands for all
    that its module and those below it do, and is no product.
    """

    name: str
    path: str
    macs: int = 0
    bias: int = 0
    within: bool = False


def _multiplied(a: torch.Tensor, b: torch.Tensor) -> int:
    return a.numel() * b.shape[-1]


def _matrix(args: Any, out: Any) -> tuple[int, int]:
    return _multiplied(args[0], args[1]), 0


def _added(args: Any, out: Any) -> tuple[int, int]:
    return _multiplied(args[1], args[2]), out.numel()


def _convolution(args: Any, out: Any) -> tuple[int, int]:
    x, w, bias, transposed = args[0], args[1], args[2], args[6]
    positions = x.shape[0] * prod((x if transposed else out).shape[2:])
    return w.numel() * positions, 0 if bias is None else out.numel()


PRODUCTS: dict[Any, Callable[[Any, Any], tuple[int, int]]] = {
    aten.mm: _matrix,
    aten.bmm: _matrix,
    aten.addmm: _added,
    aten.baddbmm: _added,
    aten.convolution: _convolution,
}
WHOLE = (aten._native_multi_head_attention, aten._transformer_encoder_layer_fwd)
"""Operators of the CPU's fast paths, which stand for modules with others inside."""

VIEWS = (aten.view, aten._unsafe_view, aten._reshape_alias)


class _Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes products; ``run`` does what an operator does."""

    def __init__(self, model: nn.Module, run: Callable[[Any, Any, Any], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Product] = []
        self.paths = {id(m): name for name, m in every(model).items()}
        self.within = [""]
        self.run = run

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not: nothing is compiled meanwhile."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and note it if it is one of those."""
        out = self.run(func, args, kwargs or {})
        packet = func._overloadpacket
        if packet in PRODUCTS:
            sizes = PRODUCTS[packet](args, out)
            self.found.append(Product(packet.__name__, self.within[-1], *sizes))
        elif packet in WHOLE:
            self.found.append(Product(packet.__name__, self.within[-1], within=True))
        return out

    def entering(self, module: nn.Module, inputs: Any, named: Any) -> None:
        """A module is called."""
        self.within.append(self.paths.get(id(module), self.within[-1]))

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done."""
        if len(self.within) > 1:
            self.within.pop()


def on_meta(recording: Recording) -> Outcome:
    """What is dispatched on the meta device, without gradients."""
    given = (recording.args, recording.kwargs)
    try:
        return _ran(recording.model, given, _plainly, grad=False)
    except Exception:  # it reads values: those that depend on no weights are there
        return _ran(recording.model, given, _known, grad=False)


def none(model: nn.Module) -> Iterable[nn.Module]:
    """No module."""
    return ()


def on_a_cpu(recording: Recording, grad: bool, hooked: Hooked = none) -> Outcome:
    """What is dispatched on the CPU, with gradients or without, though nothing is computed.

    A module with a hook, as the counter has one on those that ``hooked`` gives, takes no fast path.
    """
    with torch.inference_mode(False):
        if _computed(recording):
            return _really(recording, grad, hooked)
        with suppress(Exception):  # of what reads values
            return _faked(recording, grad, hooked, everything=True)
        try:
            return _faked(recording, grad, hooked, everything=False)
        except Exception as problem:
            told = " ".join(str(problem).split())[:200]
            raise NetcalcError(
                f"what a CPU dispatches is not known: {type(problem).__name__}: {told}"
            ) from problem


def _computed(recording: Recording) -> bool:
    """Whether the recorded pass had a value for every tensor: it ran on the CPU."""
    given = tree_leaves((recording.args, recording.kwargs))
    tensors = [*recording.model.parameters(), *(x for x in given if isinstance(x, torch.Tensor))]
    return not any(x.is_meta for x in tensors)


def _really(recording: Recording, grad: bool, hooked: Hooked) -> Outcome:
    """In another pass with values."""
    twin = _hooking(on_cpu(recording.model), hooked)
    try:
        return _ran(twin, (recording.args, recording.kwargs), _plainly, grad)
    except Exception as problem:
        told = " ".join(str(problem).split())[:200]
        raise NetcalcError(
            f"it does not run on the CPU again: {type(problem).__name__}: {told}"
        ) from problem


def _hooking(twin: nn.Module, hooked: Hooked) -> nn.Module:
    for module in tuple(hooked(twin)):
        if not isinstance(module, torch.jit.ScriptModule):
            module.register_forward_hook(lambda module, inputs, output: None)
    return twin


def _faked(recording: Recording, grad: bool, hooked: Hooked, everything: bool) -> Outcome:
    """On fake tensors; of those that hold no values alone, if it is not to be everything."""
    fake = FakeTensorMode(allow_non_fake_inputs=True)

    def made(tensor: torch.Tensor) -> torch.Tensor:
        if not everything and not tensor.is_meta and not tensor.is_floating_point():
            return with_values(tensor)
        with fake:
            return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)

    twin = _hooking(on_cpu(recording.model, made), hooked)
    given = (recording.args, recording.kwargs)
    args = tree_map(lambda x: made(x) if isinstance(x, torch.Tensor) else x, given)
    with ExitStack() as modes:
        if everything:
            modes.enter_context(fake)
        return _ran(twin, args, _as_on_a_cpu if everything else _with_values, grad)


def _ran(model: nn.Module, given: Any, run: Any, grad: bool) -> Outcome:
    seen = _Dispatched(model, run)
    with ExitStack() as around:
        around.enter_context(redirect_stdout(around.enter_context(open(devnull, "w"))))  # noqa: PTH123
        around.enter_context(warnings.catch_warnings(action="ignore"))  # said by the first pass
        around.enter_context(_no_logs())
        around.enter_context(kept(model))
        around.enter_context(torch.set_grad_enabled(grad))
        around.enter_context(module_hooks(seen.entering, seen.leaving))
        around.enter_context(seen)
        model(*given[0], **given[1])
    return tuple(seen.found)


@contextmanager
def _no_logs() -> Iterator[None]:
    """PyTorch writes down what fake tensors cannot do, with its stack."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _plainly(func: Any, args: Any, kwargs: Any) -> Any:
    return func(*args, **kwargs)


def _known(func: Any, args: Any, kwargs: Any) -> Any:
    return contagion.run(func, signature(func), args, kwargs)


def _as_on_a_cpu(func: Any, args: Any, kwargs: Any) -> Any:
    """A view of a fake tensor has other strides along axes of one than on the CPU.

    The kernels' choice of a layout depends on them, and on that how a linear layer is dispatched.
    """
    out = func(*args, **kwargs)
    if func._overloadpacket in VIEWS and 1 in out.shape:
        x = args[0]
        with _disable_current_modes():
            like = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="meta")
            strides = like.view(out.shape).stride()
        if strides != out.stride():
            return torch.as_strided(out, out.shape, strides, out.storage_offset())
    return out


def _with_values(func: Any, args: Any, kwargs: Any) -> Any:
    """Where a shape depends on values: they are there, and zeros for those that are not."""
    try:
        return _as_on_a_cpu(func, args, kwargs)
    except DynamicOutputShapeException:
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, FakeTensor)]
        fake = tensors[0].fake_mode
        with _disable_current_modes():
            real = tree_map(_zeros, (args, kwargs))
            out = func(*real[0], **real[1])
        return tree_map(lambda x: fake.from_tensor(x) if x.is_floating_point() else x, out)


def _zeros(x: Any) -> Any:
    return torch.zeros(x.shape, dtype=x.dtype) if isinstance(x, FakeTensor) else x


# --- fast paths -----------------------------------------------------------------------------------

FROZEN = (nn.MultiheadAttention, nn.TransformerEncoderLayer)
"""Modules with a fast path, which with gradients only those take that need none."""


def below(path: str, products: Outcome) -> bool:
    """Whether a module is run within another one's fast path."""
    return any(
        f"{path}.".startswith(f"{product.path}." if product.path else "")
        for product in products
        if product.within
    )


def fast(recording: Recording, hooked: Hooked = none) -> Outcome:
    """The operators that stand for modules in a pass with gradients."""
    may = (m for m in recording.model.modules() if isinstance(m, FROZEN))
    if not any(all(not p.requires_grad for p in module.parameters()) for module in may):
        return ()
    return tuple(p for p in on_a_cpu(recording, True, hooked) if p.within)
