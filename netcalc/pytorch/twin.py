"""A copy of a model on the meta device: nothing is allocated, and the model stays as it is."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.errors import InputError


def on_meta(model: nn.Module, real: int = 0) -> nn.Module:
    """A copy of a model in eval mode whose parameters, buffers and plain tensors are on meta.

    Tied parameters stay tied. Buffers and plain tensors of up to ``real`` elements keep their
    values, on the CPU. Raises InputError for a model whose parameters have no shape yet, or that
    cannot be copied.
    """
    model = unwrapped(model)
    modules = every(model)
    memo: dict[int, Any] = {}
    for key, tensor in stored(modules, "_parameters"):
        memo[id(tensor)] = _parameter(key, tensor)
    for key, tensor in stored(modules, "_buffers"):
        memo[id(tensor)] = _buffer(key, tensor, real)
    for tensor in loose(modules):
        memo.setdefault(id(tensor), _buffer("", tensor, real))
    try:
        twin = _copied(model, memo)
    except Exception as problem:
        told = " ".join(str(problem).split())[:200]
        raise InputError(f"{type(model).__name__} cannot be copied: {told}") from problem
    for module in twin.modules():
        if isinstance(module, torch.jit.ScriptModule):  # its tensors are not Python's to replace
            raise NotImplementedError("a ScriptModule cannot be put on the meta device")
        held = vars(module)
        held["training"] = False
        for name, value in _own(module):
            held[name] = tree_map(lambda v: _moved(v, real), value)
    return twin


@contextmanager
def kept(twin: nn.Module) -> Iterator[None]:
    """Puts back what a forward pass does to the attributes of a model, so that it can run again.

    What lies deeper than in a list, set or dictionary of a module is not put back.
    """
    held, trainable = [], []
    for module in twin.modules():
        if isinstance(module, torch.jit.ScriptModule):
            continue
        now = vars(module)
        inner = [(v, v.copy() if v else ()) for v in now.values() if type(v) in _CONTAINERS]
        held.append((now, now.copy(), inner))
        trainable += [(p, p.requires_grad) for p in module._parameters.values() if p is not None]
    try:
        yield
    finally:
        for now, before, inner in held:
            now.clear()
            now.update(before)
            for container, holding in inner:
                if container or holding:
                    container.clear()
                    (container.extend if type(container) is list else container.update)(holding)
        for parameter, trained in trainable:
            if parameter.requires_grad != trained:
                parameter.requires_grad_(trained)


def on_cpu(
    model: nn.Module, copied: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> nn.Module:
    """A copy of a model in eval mode on the CPU; zeros stand for what has no values.

    ``copied`` makes other tensors than those of the same values.
    """
    new = copied or with_values
    model = unwrapped(model)
    modules = every(model)
    memo: dict[int, Any] = {}
    for register in ("_parameters", "_buffers"):
        for _, tensor in stored(modules, register):
            if id(tensor) not in memo:
                made = new(tensor)
                learned = isinstance(tensor, nn.Parameter)
                memo[id(tensor)] = nn.Parameter(made, tensor.requires_grad) if learned else made
    for tensor in loose(modules):
        memo.setdefault(id(tensor), new(tensor))
    return _copied(model, memo).eval()


def with_values(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on the CPU; zeros where it has no values."""
    if tensor.is_meta:
        return torch.zeros_like(tensor, device="cpu")
    return tensor.detach().cpu().clone()


def loose(modules: dict[str, nn.Module]) -> Iterator[torch.Tensor]:
    """Plain tensors that modules hold in attributes: computed weights, tables."""
    for module in modules.values():
        for _, value in _own(module):
            yield from (t for t in tree_leaves(value) if isinstance(t, torch.Tensor))


def _own(module: nn.Module) -> list[tuple[str, Any]]:
    """The attributes that a module has beside those of every one and that may hold tensors."""
    held = vars(module)
    return [
        (name, value)
        for name, value in held.items()
        if type(value) not in _PLAIN and name not in _EVERYWHERE and _may_hold(value)
    ]


def every(model: nn.Module) -> dict[str, nn.Module]:
    """Every module of a model by each of its paths, shared ones too."""
    return dict(model.named_modules(remove_duplicate=False))


def stored(modules: dict[str, nn.Module], register: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Every ``_parameters`` or ``_buffers`` of modules by each of its keys, shared ones too."""
    for path, module in modules.items():
        for name, tensor in getattr(module, register).items():
            if tensor is not None:
                yield f"{path}.{name}" if path else name, tensor


_PLAIN = frozenset(
    (type(None), bool, int, float, str, bytes, type, FunctionType, torch.dtype, torch.Size)
)
"""Types of which copies are the same."""

_EVERYWHERE = frozenset(vars(nn.Module()))
_REGISTERS = ("_parameters", "_buffers")
_CONTAINERS = frozenset((dict, list, set, OrderedDict))


def _plain(value: Any) -> bool:
    kind = type(value)
    return kind in _PLAIN or (kind is tuple and all(type(held) in _PLAIN for held in value))


def _may_hold(value: Any) -> bool:
    """Whether a value is a tensor, or has some in it."""
    kind = type(value)
    if kind in (list, tuple, dict):
        inside = value.values() if kind is dict else value
        return not all(type(held) in _PLAIN for held in inside)
    return isinstance(value, torch.Tensor)


def _copied(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """As copy.deepcopy, in a tenth of its time: nearly all that modules hold is empty or plain."""
    if id(module) in memo:
        found: nn.Module = memo[id(module)]
        return found
    kind: Any = type(module)
    if not _plainly_copied(kind):
        return copy.deepcopy(module, memo)
    twin: nn.Module = kind.__new__(kind)
    memo[id(module)] = twin
    held = vars(twin)
    for name, value in vars(module).items():
        of = type(value)
        if of in _PLAIN:
            held[name] = value
        elif name == "_modules":
            held[name] = {k: m if m is None else _copied(m, memo) for k, m in value.items()}
        elif name in _REGISTERS:
            held[name] = {k: memo.get(id(v)) for k, v in value.items()}
        elif of in _CONTAINERS and not value:
            held[name] = of()
        else:
            held[name] = value if _plain(value) else _deep(value, memo)
    return twin


def _deep(value: Any, memo: dict[int, Any]) -> Any:
    """A copy; a lock, a file or the like is shared, for there is no copy of it."""
    try:
        return copy.deepcopy(value, memo)
    except TypeError as problem:
        if "cannot pickle" not in str(problem):
            raise
        return value


@cache
def _plainly_copied(kind: Any) -> bool:
    """Whether copies of a class are what it holds, copied: nothing that it says goes before."""
    says = ("__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__new__")
    if any(getattr(kind, name, None) is not getattr(nn.Module, name, None) for name in says):
        return False
    restores = kind.__setstate__
    return str(restores.__module__).startswith("torch.nn.")  # for states of older versions


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside what compiling or parallel running put around it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.DataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _parameter(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if is_lazy(tensor):
        raise InputError(f"{name} has no shape yet; run the model once, then trace it")
    return nn.Parameter(_empty(tensor), tensor.requires_grad)


def _buffer(name: str, tensor: torch.Tensor, real: int) -> torch.Tensor:
    if is_lazy(tensor):
        raise InputError(f"{name} has no shape yet; run the model once, then trace it")
    if tensor.is_meta or tensor.numel() > real:
        return _empty(tensor)
    return with_values(tensor)


def _empty(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.layout is not torch.strided:
        return torch.empty_like(tensor, device="meta")
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def _moved(value: Any, real: int) -> Any:
    plain = isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter)
    return value.to("meta") if plain and value.numel() > real else value


def inputs_on_meta(values: Any) -> Any:
    """Arguments of a forward pass with their tensors on the meta device."""
    return tree_map(
        lambda v: torch.empty_like(v, device="meta") if isinstance(v, torch.Tensor) else v, values
    )
