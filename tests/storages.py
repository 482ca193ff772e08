"""What PyTorch holds in memory: storages alive under a dispatch mode, tensors saved by autograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netcalc.core.analyse import Result
from netcalc.pytorch.build import Built, module_path, nth


class Alive(TorchDispatchMode):
    """Bytes of the storages of one device that are alive, parameters aside, and their maximum."""

    def __init__(self, device: str, ignore: list[torch.Tensor]) -> None:
        super().__init__()
        self.device = device
        self.ignored = {StorageWeakRef(t.untyped_storage()).cdata for t in ignore}
        self.held: dict[int, tuple[StorageWeakRef, int]] = {}
        self.peak = 0

    def see(self, *tensors: torch.Tensor) -> None:
        self.held = {k: held for k, held in self.held.items() if not held[0].expired()}
        for tensor in tensors:
            storage = tensor.untyped_storage()
            ref = StorageWeakRef(storage)
            if tensor.device.type == self.device and ref.cdata not in self.ignored:
                self.held[ref.cdata] = (ref, storage.nbytes())
        self.peak = max(self.peak, sum(size for _, size in self.held.values()))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        made = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]
        if func is torch.ops.aten.native_batch_norm.default and not args[5]:
            made = made[:1]  # the statistics of a batch, which only meta makes in eval mode
        self.see(*made)
        return out


def peaks(built: Built, result: Result, xs: list[torch.Tensor], device: str = "") -> dict[str, int]:
    """The most bytes of activations alive during each layer of an inference pass.

    On the device of the inputs, unless one is named. Layers run one by one; a value is let go after
    its last use, inputs and outputs never.
    """
    graph = result.graph
    last = {ref: i for i, node in enumerate(graph.nodes) for ref, _ in node.inputs}
    kept = {ref for ref, _ in graph.outputs.values()} | set(graph.inputs)
    values: dict[str, Any] = dict(zip(graph.inputs, xs, strict=True))
    found = {}
    stored = [*built.parameters(), *built.buffers()]
    with torch.no_grad(), Alive(device or xs[0].device.type, stored) as alive:
        alive.see(*xs)
        for i, node in enumerate(graph.nodes):
            alive.peak = 0
            alive.see()
            layer = built.get_submodule(module_path(node.name))
            values[node.name] = layer(*(nth(values[ref], k) for ref, k in node.inputs))
            found[node.name] = alive.peak
            for name in {node.name, *(ref for ref, _ in node.inputs)} - kept:
                if last.get(name, i) == i:
                    del values[name]
    return found


class Kept:
    """Bytes that autograd's saved tensors hold, each storage once, parameters and buffers aside."""

    def __init__(self, model: nn.Module) -> None:
        self.own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
        self.tensors: list[torch.Tensor] = []
        self.sizes: dict[int, int] = {}

    @property
    def total(self) -> int:
        return sum(self.sizes.values())

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        self.tensors.append(tensor)  # alive, so that no address comes twice
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.own:
            self.sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    @contextmanager
    def watching(self) -> Iterator[None]:
        unpack: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: tensor  # noqa: E731
        with torch.autograd.graph.saved_tensors_hooks(self.pack, unpack):
            yield


def saved(built: Built, result: Result, xs: list[torch.Tensor]) -> dict[str, int]:
    """The bytes that each layer is the first to save for the backward pass, in training mode."""
    kept = Kept(built.train())
    values: dict[str, Any] = dict(zip(result.graph.inputs, xs, strict=True))
    found = {}
    with kept.watching():
        for node in result.graph.nodes:
            before = kept.total
            layer = built.get_submodule(module_path(node.name))
            values[node.name] = layer(*(nth(values[ref], k) for ref, k in node.inputs))
            found[node.name] = kept.total - before
    return found
