"""Graph -> nn.Module: the network of a spec as PyTorch runs it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from netcalc.core.analyse import Result
from netcalc.core.graph import Node
from netcalc.errors import SpecError
from netcalc.pytorch.lower import module


class Built(nn.Module):
    """A graph as a module: one submodule for each node, under its path.

    The path ``inception_3a/branch3x3/conv`` is the submodule ``inception_3a.branch3x3.conv``. A
    forward pass takes the graph's inputs in order and gives its main output, or with several a
    tuple, the main one first.
    """

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.graph = result.graph
        taken: set[str] = set()
        for row in result.rows:
            path = module_path(row.name)
            if path in taken:
                raise SpecError(f"two layers are called {path} in PyTorch; rename one")
            taken.add(path)
            try:
                made = module(row.node.op, row.ins)
            except (RuntimeError, ValueError, TypeError) as problem:
                told = " ".join(str(problem).split())
                raise SpecError(f"{row.name}: PyTorch cannot build {row.node.op}: {told}") from None
            put(self, path, made)
        for row in result.rows:
            self._tie(row.node)

    def _tie(self, node: Node) -> None:
        """Share the tensors that the node does not hold itself, and freeze what is not trained."""
        here = self.get_submodule(module_path(node.name))
        for operand, key in node.tensors.items():
            if key is None:
                raise SpecError(f"{node.name}: its {operand} is computed, which cannot be built")
            owner, _, name = key.rpartition(".")
            try:
                tensor = getattr(self.get_submodule(module_path(owner)), name)
            except AttributeError:
                raise SpecError(f"{node.name}: there is no {key} for its {operand}") from None
            setattr(here, operand, tensor)
        for operand in node.frozen:
            getattr(here, operand).requires_grad_(False)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """The outputs for the graph's inputs, in their order."""
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        for node in self.graph.nodes:
            ins = [nth(values[ref], i) for ref, i in node.inputs]
            values[node.name] = self.get_submodule(module_path(node.name))(*ins)
        outs = tuple(nth(values[ref], i) for ref, i in self.graph.outputs.values())
        return outs[0] if len(outs) == 1 else outs


def nth(value: Any, i: int) -> Any:
    """The n-th output of a layer: of one with a single output, that."""
    return value[i] if isinstance(value, tuple) else value


def module_path(name: str) -> str:
    """A node's path as PyTorch writes the path of a submodule.

    A part that is the name of a module's own attribute gets a ``_`` behind it.
    """
    parts = (part.replace(".", "_") for part in name.split("/"))
    return ".".join(f"{part}_" if part in _TAKEN else part for part in parts)


_TAKEN = {*dir(nn.Module()), "graph"}


def put(root: nn.Module, path: str, made: nn.Module) -> None:
    """Add a submodule under a dotted path, with plain modules on the way."""
    *above, last = path.split(".")
    at = root
    for name in above:
        if name not in at._modules:
            at.add_module(name, nn.Module())
        at = at.get_submodule(name)
    at.add_module(last, made)


def build(result: Result, device: str | torch.device = "cpu") -> Built:
    """The module of an analysed network, in eval mode, with PyTorch's initial weights.

    Raises SpecError where PyTorch cannot build a layer. The global random state moves on, as with
    every construction in PyTorch.
    """
    with torch.device(device):
        return Built(result).eval()
