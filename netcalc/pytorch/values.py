"""Two models held against each other by value, in copies and in float64.

A freshly initialised network is nearly blind to its input, so equal outputs would prove nothing.
So weights and biases are drawn anew, BatchNorm's scale and shift from U(0.5, 1.5) and
U(-0.5, 0.5), and its statistics set by one training-mode pass over four random images; the same
values are put into the other model; then both run in eval mode and are compared after every layer
with parameters and at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

from netcalc.pytorch.record import module_hooks, tensors_in

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
    first: nn.Module, second: nn.Module, shapes: tuple[tuple[int, ...], ...], device: str
) -> list[Compared]:
    """The outputs of two models with the same values, after each layer with parameters and at last.

    ``shapes`` are those of the inputs; four images of each are run. Layers are paired in order of
    first execution and must have tensors of equal shapes. Raises UnpairedError where they have not.
    """
    a, b = (copy.deepcopy(m).double().to(device) for m in (first, second))
    inputs = tuple(_images((IMAGES, *shape[1:]), device) for shape in shapes)
    randomise(a)
    settle(a, inputs)
    mine: dict[str, torch.Tensor] = {}
    theirs: dict[str, torch.Tensor] = {}
    run(a, inputs, mine)
    transplant(a, b, inputs, list(mine))
    run(b, inputs, theirs)
    return [
        _compared(path, x, y) for (path, x), y in zip(mine.items(), theirs.values(), strict=True)
    ]


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


def run(
    model: nn.Module, inputs: tuple[torch.Tensor, ...], outputs: dict[str, torch.Tensor]
) -> None:
    """Run in eval mode; note what each layer with parameters puts out, and the end, in order."""
    paths = {id(m): name for name, m in model.named_modules() if list(_tensors(m))}

    def enter(module: nn.Module, args: Any) -> None:
        if id(module) in paths:
            outputs.setdefault(paths[id(module)], torch.empty(0))  # the order of first execution

    def leave(module: nn.Module, args: Any, out: Any) -> None:
        path = paths.get(id(module))
        if path is not None and isinstance(out, torch.Tensor) and not outputs[path].numel():
            outputs[path] = out.detach().clone()  # an in-place activation may follow

    model.eval()
    with torch.no_grad(), module_hooks(enter, leave):
        ends = model(*inputs)
    for i, end in enumerate(tensors_in(ends)):
        outputs[f"output {i}" if i else "output"] = end


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def transplant(
    source: nn.Module, target: nn.Module, inputs: tuple[torch.Tensor, ...], order: list[str]
) -> None:
    """Put the source's values into the target's layers, n-th executed into n-th executed."""
    theirs: dict[str, torch.Tensor] = {}
    run(target, tuple(x[:1] for x in inputs), theirs)
    mine = [path for path in order if not path.startswith("output")]
    others = [path for path in theirs if not path.startswith("output")]
    if len(mine) != len(others):
        raise UnpairedError(
            f"{len(mine)} layers with parameters ran in one, {len(others)} in the other"
        )
    if len(order) != len(theirs):
        raise UnpairedError(f"{len(order) - len(mine)} outputs and {len(theirs) - len(others)}")
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
    deviation = float(x.std(dim=0).mean())
    size = float(x.abs().mean())
    worst = float((x - y).abs().max())
    return Compared(path, worst / deviation if deviation else float("inf"), deviation / (size or 1))


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
