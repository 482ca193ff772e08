"""Models at the edges of conventions: what the counters printed for them, each run by itself.

The versions are those of the records in tests/counters/, and torch 2.14.1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.errors import NetcalcError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyTorch is about to drop it

    @torch.jit.script
    def scripted(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return torch.matmul(x, w) * x


class Product(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a @ b


class OneFunction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.rand(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return Product.apply(x, self.w) * 2


class Script(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 8)
        self.w = nn.Parameter(torch.rand(8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return scripted(self.a(x), self.w)


def doubled() -> nn.Module:
    """A hook that gives the layer twice the channels of its input."""
    layer = nn.Conv2d(4, 8, 3)
    layer.register_forward_pre_hook(lambda module, args: (torch.cat([args[0], args[0]], 1),))
    return layer


class Once(nn.Module):
    """Hooks a layer in its first forward pass, and says so in an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.hooked = nn.Linear(4, 4), nn.Linear(4, 4), False
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.clear()
        if not self.hooked:
            self.a.register_forward_hook(lambda m, i, o: self.seen.append(o))
            self.hooked = True
        self.a(self.a(x))
        return sum(self.b(o) for o in self.seen)  # type: ignore[return-value]


class Itself(nn.Module):
    """Calls itself once."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor, deeper: bool = True) -> torch.Tensor:
        y = self.a(x)
        return self(y, False) if deeper else y


class Chosen(nn.Module):
    """As many rows as values say."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(x[x[:, 0] >= 0])


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    return nn.Sequential(layer).requires_grad_(False)


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], dict[str, int]]] = {
    "a function of autograd": (
        OneFunction,
        (2, 8),
        {
            "fvcore": 0,
            "thop": 0,
            "ptflops-pytorch": 0,
            "ptflops-aten": 64,
            "torchprofile": 16,
            "flopth": 0,
            "flopcountermode-cpu": 256,
            "flopcountermode-meta": 256,
            "torchscan-macs": 0,
        },
    ),
    "a scripted function": (
        Script,
        (2, 8),
        {
            "fvcore": 128,
            "thop": 128,
            "ptflops-pytorch": 72,
            "ptflops-aten": 136,
            "torchprofile": 128,
            "flopth": 128,
            "flopcountermode-cpu": 512,
            "flopcountermode-meta": 512,
            "torchscan-macs": 128,
        },
    ),
    "a hook before a layer": (
        doubled,
        (2, 2, 8, 8),
        {
            "fvcore": 20736,
            "thop": 20736,
            "ptflops-pytorch": 10656,
            "ptflops-aten": 10656,
            "torchprofile": 20736,
            "flopth": 10944,
            "flopcountermode-cpu": 41472,
            "flopcountermode-meta": 41472,
            "torchscan-macs": 20736,
        },
    ),
    "hooks that a pass makes": (
        Once,
        (2, 4),
        {
            "fvcore": 128,
            "thop": 128,
            "ptflops-pytorch": 80,
            "ptflops-aten": 80,
            "torchprofile": 128,
            "flopth": 64,
            "flopcountermode-cpu": 256,
            "flopcountermode-meta": 256,
            "torchscan-macs": 128,
        },
    ),
    "a model in itself": (
        Itself,
        (2, 8),
        {
            "fvcore": 256,
            "thop": 256,
            "ptflops-pytorch": 72,
            "ptflops-aten": 144,
            "torchprofile": 256,
            "flopth": 128,
            "flopcountermode-cpu": 512,
            "flopcountermode-meta": 512,
            "torchscan-macs": 256,
        },
    ),
    "rows by their values": (
        Chosen,
        (4, 8),
        {
            "fvcore": 256,
            "thop": 256,
            "ptflops-pytorch": 72,
            "ptflops-aten": 72,
            "torchprofile": 256,
            "flopth": 256,
            "flopcountermode-cpu": 512,
            "torchscan-macs": 256,
        },
    ),
    "a frozen encoder": (
        encoder,
        (2, 5, 16),
        {
            "fvcore": 11840,
            "thop": 11520,
            "ptflops-pytorch": 11890,
            "ptflops-aten": 5360,
            "torchprofile": 0,
            "flopth": 0,
            "flopcountermode-cpu": 0,
            "flopcountermode-meta": 44160,
            "torchscan-macs": 10240,
        },
    ),
}
"""What makes a model, the shape of its input, and what each counter printed."""


def cases() -> Iterator[tuple[str, str]]:
    for case, (_, _, printed) in CASES.items():
        for counter in printed:
            yield case, counter


@pytest.mark.parametrize(("case", "counter"), list(cases()))
def test_to_the_digit(case: str, counter: str) -> None:
    make, shape, printed = CASES[case]
    assert nc.count_as(make(), counter, torch.zeros(shape)).counted.value == printed[counter]


def test_a_trace_with_and_without_what_it_sees() -> None:
    """The product of 2x8 and 8x8 is 128 MACs, whoever sees it."""
    x = torch.zeros(2, 8)
    found = nc.count_as(OneFunction(), "fvcore", x)
    assert [tuple(term)[:2] for term in found.counted.terms] == [
        ("matrix products not counted, in 1 layer", -128)
    ]


class Two(nn.Module):
    """Its second input has no batch."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x @ y


def test_what_is_not_derived_has_a_line() -> None:
    """ptflops takes the first row of each input, of which there is no product."""
    inputs = [torch.zeros(2, 8), torch.zeros(8, 4)]
    with pytest.raises(NetcalcError, match="on the first row of its inputs alone"):
        nc.count_as(Two(), "ptflops-aten", inputs)
    found = nc.reconcile(Two(), inputs, counters=["flopcountermode-cpu", "ptflops-aten"])
    right, not_derived = found.lines
    assert (right.printed, right.derived, right.residual) == (128, 128, 0)
    assert (not_derived.derived, not_derived.residual) == (None, None)
    assert "not derived: on the first row of its inputs alone" in not_derived.error
    said = found.to_dict()
    assert said["counters"][1]["derived"] is None


def test_a_convention_that_raises_says_so() -> None:
    model = nn.Linear(4, 4)
    model.register_forward_hook(lambda module, args, out: (out, out))
    with pytest.raises(NetcalcError, match="what thop counts of it is not known"):
        nc.count_as(model, "thop", torch.zeros(2, 4))


def test_a_counter_named_twice_runs_once() -> None:
    names = ["flopcountermode-meta", "flopcountermode-meta"]
    found = nc.reconcile(nn.Linear(4, 4), torch.zeros(2, 4), counters=names)
    assert [line.counter for line in found.lines] == names[:1]
