"""Two models held against each other by value, in copies and in float64.

A freshly initialised network is nearly blind to its input, so equal outputs would prove nothing.
So weights and biases are drawn anew, BatchNorm's scale and shift from U(0.5, 1.5) and
U(-0.5, 0.5), and its statistics set by one training-mode pass over four random images; the same
values are put into the other model; then both run in eval mode and are compared after every layer
with parameters and at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

from netcalc.pytorch.record import kind_of, module_hooks, tensors_in
from netcalc.pytorch.witness import copied

TOLERANCE = 1e-9
"""The largest difference that rounding may leave, in standard deviations over the batch."""

IMAGES = 4
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Compared(NamedTuple):
    """One place: the layer's path in the first model, and the difference in standard deviations."""

    place: str
    difference: float
    spread: float

    @property
    def ok(self) -> bool:
        """Whether no more differs than rounding leaves."""
        return self.difference < TOLERANCE


class UnpairedError(ValueError):
    """The layers with parameters of two models cannot be paired, with the reason."""


def compare_values(
    first: nn.Module,
    second: nn.Module,
    shapes: tuple[tuple[int, ...], ...],
    device: str,
    batched: bool = True,
) -> list[Compared]:
    """The outputs of two models with the same values, after each layer with parameters and at last.

    ``shapes`` are those of the inputs; four images of each are run (one of inputs without a batch,
    whose values then stand for the images). Layers are paired in order of
    first execution and must have tensors of equal shapes. Raises UnpairedError where they have not.
    """
    a, b = (copied(m).double().to(device) for m in (first, second))
    inputs = tuple(_images((IMAGES, *shape[1:]) if batched else shape, device) for shape in shapes)
    randomise(a)
    settle(a, inputs)
    mine = run(a, inputs)
    transplant(a, b, tuple(x[:1] for x in inputs) if batched else inputs)
    theirs = run(b, inputs)
    if len(mine.ends) != len(theirs.ends):
        raise UnpairedError(f"{len(mine.ends)} outputs in one, {len(theirs.ends)} in the other")
    layers = zip(mine.layers.items(), theirs.layers.values(), strict=True)
    ends = enumerate(zip(mine.ends, theirs.ends, strict=True))
    return [
        *(_compared(path, x, y) for (path, x), y in layers if x.numel() and y.numel()),
        *(_compared(f"output {i}" if i else "output", x, y) for i, (x, y) in ends),
    ]


class Outputs(NamedTuple):
    """What each layer with parameters put out when it first ran, in that order, and the end."""

    layers: dict[str, torch.Tensor]
    ends: list[torch.Tensor]


def randomise(model: nn.Module) -> None:
    """New values for every parameter, of a size that keeps signals alive through many layers."""
    with torch.no_grad():
        for module in model.modules():
            for name, p in module.named_parameters(recurse=False):
                if isinstance(module, NORMS):
                    low, high = (0.5, 1.5) if name == "weight" else (-0.5, 0.5)
                    p.uniform_(low, high)
                elif p.dim() > 1:
                    p.normal_(0, (2 / p[0].numel()) ** 0.5)
                else:
                    p.uniform_(-0.5, 0.5)


def settle(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """BatchNorm's statistics from one training-mode pass; dropout stays out of it."""
    norms = [m for m in model.modules() if isinstance(m, NORMS) and m.track_running_stats]
    momenta = [m.momentum for m in norms]
    model.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0  # the statistics of this pass alone
    with torch.no_grad():
        if norms:
            model(*inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def run(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Outputs:
    """Run in eval mode; what each layer with tensors of its own puts out, and the end."""
    paths: dict[int, str] = {}
    held: set[int] = set()
    for name, module in model.named_modules():
        own = {id(t) for _, t in _tensors(module)}
        if own - held:  # a layer all of whose tensors another has is that layer again
            paths[id(module)] = name
        held |= own
    layers: dict[str, torch.Tensor] = {}

    def enter(module: nn.Module, args: Any, named: Any) -> None:
        if id(module) in paths:
            layers.setdefault(paths[id(module)], torch.empty(0))  # the order of first execution

    def give(module: nn.Module, out: Any) -> None:
        path = paths.get(id(module))
        if path is None or kind_of(module) is None:
            return  # what a module of more than one layer puts out says nothing of the layer
        made = tensors_in(out)[:1]  # of several outputs the first
        if made and not layers[path].numel():
            layers[path] = made[0].detach().clone()  # an in-place activation may follow

    model.eval()
    with torch.no_grad(), module_hooks(enter, lambda m, _, out: give(m, out), give):
        ends = model(*inputs)
    return Outputs(layers, tensors_in(ends))


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def transplant(source: nn.Module, target: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Put the source's values into the target's layers, n-th executed into n-th executed."""
    mine, others = (list(run(model, inputs).layers) for model in (source, target))
    if len(mine) != len(others):
        raise UnpairedError(
            f"{len(mine)} layers with parameters ran in one, {len(others)} in the other"
        )
    for path, other in zip(mine, others, strict=True):
        into = dict(_tensors(target.get_submodule(other)))
        for name, tensor in _tensors(source.get_submodule(path)):
            if name not in into or into[name].shape != tensor.shape:
                shape = tuple(into[name].shape) if name in into else "nothing"
                raise UnpairedError(
                    f"{path}.{name} is {tuple(tensor.shape)}, {other}.{name} is {shape}"
                )
            with torch.no_grad():
                into[name].copy_(tensor)


def _compared(path: str, x: torch.Tensor, y: torch.Tensor) -> Compared:
    """The largest difference over the mean standard deviation over the batch, and the spread."""
    if x.shape != y.shape:
        return Compared(path, float("inf"), 0.0)
    deviation = float((x.std(dim=0) if x.dim() > 1 else x.std()).mean())
    size = float(x.abs().mean())
    worst = float((x - y).abs().max())
    difference = worst / deviation if deviation > 0 else (0.0 if worst == 0 else float("inf"))
    return Compared(path, difference, deviation / (size or 1))


def _images(shape: tuple[int, ...], device: str) -> torch.Tensor:
    """Random images that differ in more than their noise: in brightness, contrast and large shapes.

    Noise alone looks the same to a global average pool whatever its seed.
    """
    x = torch.randn(shape, dtype=torch.float64)
    if len(shape) == 4:
        n, c, h, w = shape
        coarse = torch.randn((n, c, 4, 4), dtype=torch.float64)
        x = x + 2 * nn.functional.interpolate(coarse, (h, w), mode="bilinear")
        x = x * (0.5 + torch.rand((n, 1, 1, 1), dtype=torch.float64)) + torch.randn(
            (n, c, 1, 1), dtype=torch.float64
        )
    return x.to(device)
