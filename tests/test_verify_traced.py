"""Traced models held against themselves: what the counters see, values, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

import netcalc as nc
from netcalc.pytorch.undisturbed import undisturbed
from tests.commands import netcalc
from tests.counters.probes import PROBES
from tests.reference import quiet


class Does(nn.Module):
    """A forward pass that is a function of layers, one of which reads the input's last axis."""

    def __init__(self, does: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.does = does
        self.linear = nn.Linear(8, 8)
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> Any:
        return self.does(self, x)


def held(model: nn.Module, *xs: torch.Tensor) -> Any:
    with quiet():
        return nc.verify(nc.trace(model, *xs), model, device="cpu")


def told(found: Any, by: str, row: str = "") -> tuple[int, int, str]:
    """What was derived of a module's MACs, what a counter says, and why it differs."""
    (check,) = (c for c in found.checks if (c.group, c.witness, c.row) == ("macs", by, row))
    return check.analytic, check.witnessed, check.cause


# --- what the counters see ------------------------------------------------------------------------


class Custom(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x @ w

    @staticmethod
    def backward(_: Any, *grads: Any) -> Any:
        raise NotImplementedError


LINEAR = 2 * 5 * 8 * 8
"""MACs of the linear layer on 2x5x8."""

PRODUCTS: dict[str, tuple[Callable[..., Any], int, str]] = {
    "bmm": (lambda m, x: torch.bmm(m.linear(x), x.mT), 2 * 5 * 8 * 5, ""),
    "addmm": (
        lambda m, x: torch.addmm(m.linear.bias, m.linear(x)[0], m.linear.weight),
        5 * 8 * 8,
        "",
    ),
    "mm": (lambda m, x: torch.mm(m.linear(x)[0], m.linear.weight), 5 * 8 * 8, ""),
    "baddbmm": (
        lambda m, x: torch.baddbmm(torch.zeros(2, 5, 5), m.linear(x), x.mT),
        2 * 5 * 8 * 5,
        "fvcore does not count 1 x MatMul in baddbmm = -400",
    ),
    "scaled baddbmm": (
        lambda m, x: torch.baddbmm(torch.zeros(2, 5, 5), m.linear(x), x.mT, alpha=2),
        2 * 5 * 8 * 5,
        "fvcore does not count 1 x AddMatMul in baddbmm = -400",
    ),
    "tensordot": (
        lambda m, x: torch.tensordot(m.linear(x), m.linear.weight, 1),
        2 * 5 * 8 * 8,
        "fvcore does not count 1 x MatMul in tensordot = -640",
    ),
    "custom": (
        lambda m, x: Custom.apply(m.linear(x), m.linear.weight),  # type: ignore[no-untyped-call]
        2 * 5 * 8 * 8,
        "fvcore does not count 1 x MatMul that torch.jit does not trace = -640",
    ),
    "not read": (
        lambda m, x: (m.linear(x), x @ x.mT)[0],
        2 * 5 * 8 * 5,
        "fvcore does not count 1 x MatMul that torch.jit does not trace = -400",
    ),
    "more axes": (
        lambda m, x: m.linear(x)[:1] @ x.mT,
        2 * 5 * 8 * 5,
        "fvcore does not count 1 x part of MatMul whose right operand has more axes = -200",
    ),
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_products_are_held_against_both_counters(product: str) -> None:
    """The linear layer's multiply-adds and the product's, by hand."""
    does, macs, why = PRODUCTS[product]
    found = held(Does(does), torch.randn(2, 5, 8))
    assert found.ok, found
    assert told(found, "flopcounter") == (LINEAR + macs, LINEAR + macs, "")
    short = int(why.rpartition("-")[2]) if why else 0
    assert told(found, "fvcore") == (LINEAR + macs, LINEAR + macs - short, why)


@pytest.mark.parametrize("trained", [True, False])
def test_attention_with_heads_is_held_against_both_counters(trained: bool) -> None:
    """Projections of 5 tokens to 3 x 32 and to 32, and twice 4 heads of 5x5x8.

    With frozen weights PyTorch would take a fast path, of which counters see nothing.
    """
    heads = nn.MultiheadAttention(32, 4, batch_first=True)
    model = Does(lambda m, x: m.of(x, x, x)[0], of=heads).requires_grad_(trained)
    found = held(model, torch.randn(1, 5, 32))
    macs = 5 * 32 * 96 + 5 * 32 * 32 + 2 * 4 * 5 * 5 * 8
    assert found.ok, found
    for by in ("flopcounter", "fvcore"):
        assert told(found, by, "of") == (macs, macs, "")


class Shares(nn.Module):
    """A layer that two blocks have, under other names."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.Sequential(nn.Linear(4, 4))
        self.shared = layer
        self.a = Does(lambda m, x: m.last(m.of(x)), of=layer, last=nn.Linear(4, 4))
        self.b = Does(lambda m, x: m.last(m.of(x)), of=layer, last=nn.Linear(4, 4))

    def forward(self, x: torch.Tensor) -> Any:
        return self.b(self.a(self.shared(x)))


def test_a_shared_module_belongs_to_all_that_call_it() -> None:
    """FlopCounterMode counts it in each caller, fvcore under the first of its names."""
    found = held(Shares(), torch.ones(1, 4))
    assert found.ok, found
    assert told(found, "flopcounter", "a")[:2] == (32, 32)
    assert told(found, "fvcore", "a")[:2] == (16, 16)
    assert told(found, "fvcore", "b/of")[:2] == (48, 48)


def test_a_module_that_raises_and_is_gone_on_from() -> None:
    """Counters that trace with torch.jit would end the process."""

    def does(model: Any, x: torch.Tensor) -> Any:
        try:
            return model.wrong(x)
        except RuntimeError:
            return model.linear(x)

    found = held(Does(does, wrong=nn.Linear(5, 5)), torch.ones(2, 8))
    assert found.ok, found
    assert "cannot trace on after wrong has raised" in found.verification.absent["fvcore"]
    assert told(found, "flopcounter") == (128, 128, "")


@pytest.mark.parametrize("probe", [*sorted(PROBES)[::16], "lstm_packed", "hidden_in_a_list"])
def test_small_models_of_all_kinds_are_verified(probe: str) -> None:
    with quiet():
        model, args = PROBES[probe]()
    found = held(model, *args)
    assert found.ok, found


def test_what_both_counters_leave_out_is_confirmed_by_none() -> None:
    """Neither has a formula for a bilinear layer: 2 x 3 outputs of 8x8 products."""
    found = held(Does(lambda m, x: m.of(x, x), of=nn.Bilinear(8, 8, 3)), torch.ones(2, 8))
    assert found.ok, found
    assert found.coverage["macs"] == {0: 1}
    text = " ".join(found.table().split())
    assert "confirmed by none: the MACs of 1 layer" in text
    assert text.endswith("not confirmed: the MACs of 1 layer")


def test_without_counters_no_layer_has_a_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("strange")

    for counter in ("flop_counter", "fvcore"):
        monkeypatch.setattr(f"netcalc.pytorch.hold_trace.{counter}", fail)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    found = held(model, torch.ones(2, 4))
    assert found.ok, found
    assert set(found.verification.absent) == {"flopcounter", "fvcore"}
    assert found.coverage["macs"] == {0: 2}
    assert "not confirmed: the MACs of 2 layers" in " ".join(found.table().split())


# --- values ---------------------------------------------------------------------------------------

READS = """
import torch
from torch import nn

class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 8)
        self.b = nn.Linear(8, 8)

    def forward(self, x):
        x = self.a(x)
        for value in x.flatten().tolist():
            if value > 0:
                x = self.b(x)
        return x if x.max() != torch.rand(()) else self.b(x)
"""


def test_what_reads_values_is_repeated_on_the_same_ones(tmp_path: Path) -> None:
    """The second layer runs as often as the first one's outputs are positive."""
    file = tmp_path / "reads.py"
    file.write_text(READS)
    ran = netcalc("verify", f"{file}:Reads", "--input", "2,8:float32", "--device", "cpu")
    assert ran.code == 0, ran.out
    assert "flopcounter: on the CPU, since on the meta device" in " ".join(ran.out.split())
    other = netcalc("verify", f"{file}:Reads", "--input", "5,8:float32", "--device", "cpu")
    assert other.code == 0, other.out


def test_experts_that_are_chosen_by_value() -> None:
    """Both go to the first of two experts, each token of 3 with 8x8 multiply-adds."""

    def does(model: Any, x: torch.Tensor) -> Any:
        chosen = model.gate(x).argmax(-1)
        out = torch.zeros_like(x)
        for i, expert in enumerate((model.first, model.second)):
            (at,) = torch.where(chosen == i)
            if at.numel():
                out.index_add_(0, at, expert(x[at]))
        return F.scaled_dot_product_attention(out[None], out[None], out[None])

    gate = nn.Linear(8, 2)
    with torch.no_grad():
        gate.weight.copy_(torch.stack((torch.ones(8), -torch.ones(8))))
        gate.bias.zero_()
    model = Does(does, gate=gate, first=nn.Linear(8, 8), second=nn.Linear(8, 8))
    found = held(model, torch.ones(3, 8))
    assert found.ok, found
    assert told(found, "flopcounter", "first") == (3 * 8 * 8, 3 * 8 * 8, "")
    macs = 3 * 8 * 2 + 3 * 8 * 8 + 2 * 3 * 3 * 8
    assert told(found, "flopcounter") == (macs, macs, "")


def test_whole_numbers_that_are_read_keep_their_values() -> None:
    def does(model: Any, x: torch.Tensor) -> Any:
        y = torch.ones(1, 8)
        for _ in range(int(x.sum())):
            y = model.linear(y)
        return y

    found = held(Does(does), torch.tensor([1, 2]))
    assert found.ok, found
    assert told(found, "flopcounter", "linear")[:2] == (3 * 64, 3 * 64)


# --- what goes wrong ------------------------------------------------------------------------------

MODELS = """
import torch
from torch import nn

class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 8).bfloat16()

    def forward(self, x):
        return self.a(x.bfloat16())

class Sparse(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(8, 4))
        self.register_buffer("adjacent", torch.eye(6).to_sparse())

    def forward(self, x):
        return torch.sparse.mm(self.adjacent, x @ self.w)
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    return file


def test_a_forward_pass_that_raises_is_told_in_one_line(models: Path) -> None:
    """The type of the input makes all weights float32, the model then mixes types."""
    ran = netcalc("verify", f"{models}:Mixed", "--input", "2,8:float32", "--device", "cpu")
    assert ran.code == 2
    assert len(ran.err.strip().splitlines()) == 1
    assert "Mixed cannot run: RuntimeError: linear takes tensors of one type, got" in ran.err


def test_a_sparse_buffer(models: Path) -> None:
    """The dense product is 6x8x4; the sparse one has no rule, so MACs are a lower bound."""
    ran = netcalc("table", f"{models}:Sparse", "--input", "6,8:float32")
    assert ran.code == 0, ran.err
    assert ">= 192 MACs" in ran.out.replace("\xa0", " ")
    assert "_sparse_addmm" in ran.out
    ran = netcalc("verify", f"{models}:Sparse", "--input", "6,8:float32", "--device", "cpu")
    assert ran.code == 0, ran.out + ran.err


def test_a_sparse_buffer_is_put_back() -> None:
    model = nn.Module()
    model.register_buffer("kept", torch.eye(6).to_sparse())
    with undisturbed(model):
        model.kept.mul_(3)  # type: ignore[operator, union-attr]
    assert torch.equal(model.kept.to_dense(), torch.eye(6))  # type: ignore[operator, union-attr]


def test_a_weight_that_is_computed_before_each_pass() -> None:
    """Pruning keeps a tensor that is no leaf, which torch does not copy."""
    layer = prune.l1_unstructured(nn.Linear(8, 8), "weight", 0.5)  # type: ignore[no-untyped-call]
    found = held(nn.Sequential(layer), torch.ones(2, 8))
    assert found.ok, found
    assert told(found, "fvcore", "0") == (128, 128, "")
