"""Memory: what is alive, what is saved for backward, what training takes, against PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import netcalc as nc
from netcalc.core.analyse import Result, analyse
from netcalc.core.graph import Graph, Node
from netcalc.core.memory import OPTIMIZERS, bytes_moved, memory
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.base import (
    Example,
    Op,
    Saved,
)
from netcalc.core.ops.dense import Flatten
from netcalc.core.ops.norm import BatchNorm
from netcalc.core.ops.pointwise import Dropout, ReLU
from netcalc.core.ops.pool import MaxPool
from netcalc.core.tensor import BYTES, FLOATS, Tensor
from netcalc.pytorch.build import Built, build
from tests.models.googlenet import GoogLeNet
from tests.reference import kind as kind_of
from tests.reference import quiet
from tests.storages import Alive, Kept, peaks, saved
from tests.test_ops_contract import every_legal

SMALL = {
    "googlenet": 64,
    "googlenet@aux=true": 224,
    "googlenet-torchvision": 64,
    "lenet5": None,
    "alexnet": None,
    "nin": 96,
    "vgg11@lrn=true": 64,
    "vgg11@bn=true": 64,
    "bn_inception": 64,
    "inception_v3@aux=true": 299,
    "resnet18": 64,
    "resnet50": 64,
    "xception": 96,
    "naive": None,
    "reduced": None,
}
NETS = pytest.mark.parametrize("net", SMALL)


def result_of(net: str, dtype: str = "float32", batch: int = 2) -> Result:
    result = nc.analyse(net, SMALL[net], batch).result
    inputs = {name: Tensor(x.dims, dtype) for name, x in result.inputs.items()}
    return analyse(result.graph, inputs)


def built_on(result: Result, device: str) -> tuple[Built, list[torch.Tensor]]:
    floating = [x.dtype for x in result.inputs.values() if x.dtype in FLOATS]
    with quiet():
        built = build(result, device)
    if floating:
        built = built.to(getattr(torch, floating[0]))
    return built, [values_of(x, device) for x in result.inputs.values()]


def values_of(x: Tensor, device: str) -> torch.Tensor:
    """Random values; integers are 0, which is an index into anything."""
    if x.dtype in FLOATS or x.dtype == "bool":
        drawn: torch.Tensor = torch.randn(x.dims, device=device)
        return drawn > 0 if x.dtype == "bool" else drawn.to(kind_of(x))
    return torch.zeros(x.dims, device=device, dtype=kind_of(x))


def of_example(example: Example) -> Result:
    """The example as a network, behind something to train so that autograd looks at it."""
    shapes = {f"x{i}": x for i, x in enumerate(example.ins)}
    node = Node("layer", example.op, tuple((name, 0) for name in shapes), "layer")
    return analyse(Graph("example", (node,), shapes, {"layer": ("layer", 0)}))


# --- each kind of layer ------------------------------------------------------------------------


@every_legal
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_scratch_is_what_pytorch_allocates(kind: type[Op], example: Example, device: str) -> None:
    fused = isinstance(example.op, ScaledDotProductAttention) and example.op.fused(example.ins)
    if device == "meta" and fused:
        pytest.skip("the CPU has one kernel for what the meta device puts together")
    result = of_example(example)
    built, xs = built_on(result, device)
    with quiet():
        witnessed = peaks(built, result, xs, device)
    if example.op.AT_LEAST:
        assert memory(result).live["layer"] <= witnessed["layer"]
        assert memory(result).at_least == ("layer",)
    else:
        assert memory(result).live == witnessed


@every_legal
def test_saves_what_autograd_saves(kind: type[Op], example: Example) -> None:
    """Inputs that need gradients (an attention mask does not), training mode, on the CPU."""
    result = of_example(example)
    built, xs = built_on(result, "cpu")
    for i, x in enumerate(xs):
        mask = kind is ScaledDotProductAttention and i == 3
        x.requires_grad_(x.is_floating_point() and not mask)
    with quiet():
        witnessed = saved(built, result, xs)["layer"]
    (row,) = result.rows
    saves = row.node.op.saves(row.ins, row.outs)
    held = sum(row.ins[i].nbytes for i in (*saves.inputs, *saves.merged))
    if row.node.op.PASSES != "always":
        held += sum(row.outs[i].nbytes for i in saves.outputs)
    derived = held + sum(x.nbytes for x in saves.extra)
    assert derived <= witnessed if example.op.AT_LEAST else derived == witnessed


class Operands(TorchDispatchMode):
    """The bytes of all tensors that operators read and write, each storage once."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.tensors: list[Any] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in tree_leaves((args, kwargs, out)):
            if isinstance(t, torch.Tensor) and not func.is_view:
                self.tensors.append(t)
                self.sizes[t.untyped_storage()._cdata] = t.untyped_storage().nbytes()
        return out


ONE_OPERATOR = ("Conv", "Linear", "ReLU", "Tanh", "AvgPool", "Concat", "BatchNorm", "Scale")
ONE_OPERATOR += ("ConvTranspose", "MatMul", "GroupedMatMul", "Bilinear")


@every_legal
def test_moves_what_the_operators_read_and_write(kind: type[Op], example: Example) -> None:
    """For the kinds that PyTorch runs as one operator without workspace."""
    result = of_example(example)
    if kind.__name__ not in ONE_OPERATOR or memory(result).live["layer"] != sum(
        x.nbytes for x in (*result.rows[0].ins, *result.rows[0].outs)
    ):
        pytest.skip("PyTorch runs it as several operators, or with workspace")
    built, xs = built_on(result, "cpu")
    with torch.no_grad(), quiet(), Operands() as operands:
        built(*xs)
    assert sum(operands.sizes.values()) == bytes_moved(result.rows[0])


# --- whole networks ----------------------------------------------------------------------------


@NETS
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_live_bytes_of_every_layer(net: str, dtype: str) -> None:
    result = result_of(net, dtype)
    built, xs = built_on(result, "meta")
    found = memory(result)
    witnessed = peaks(built, result, xs)
    assert dict(found.live) == witnessed
    assert found.peak == max(witnessed.values())
    assert witnessed[found.peak_at] == found.peak


@NETS
def test_saved_bytes_of_every_layer(net: str) -> None:
    result = result_of(net)
    built, xs = built_on(result, "cpu")
    with quiet():
        assert dict(memory(result).saved) == saved(built, result, xs)


def test_a_hand_written_model_takes_no_less() -> None:
    """Python holds a module's input until its branches are joined; the plain liveness does not."""
    result = nc.analyse("googlenet").result
    with torch.device("meta"):
        model, x = GoogLeNet().eval(), torch.empty(1, 3, 224, 224)
    with torch.no_grad(), Alive("meta", list(model.parameters())) as alive:
        alive.see(x)
        model(x)
    assert memory(result).peak <= alive.peak <= 1.1 * memory(result).peak


class Attention(nn.Module):
    """Attention over views of one product, as ViT, Swin and GPT have it."""

    def __init__(self, fused: bool, biased: bool = False) -> None:
        super().__init__()
        self.fused = fused
        self.bias = nn.Parameter(torch.randn(1, 4, 10, 10)) if biased else None
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.drop = nn.Dropout(0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (t.unflatten(-1, (4, 8)).transpose(1, 2) for t in self.qkv(x).chunk(3, dim=-1))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, self.bias)
        else:
            y = self.drop((q @ k.transpose(-2, -1)).softmax(-1)) @ v
        return self.out(y.transpose(1, 2).flatten(2))


class Gated(nn.Module):
    """Halves of one product, times angles that are not trained, and one row of what comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.both, self.out = nn.Linear(32, 64), nn.Linear(32, 8)
        self.register_buffer("angles", torch.randn(10, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.both(x).chunk(2, dim=-1)
        y: torch.Tensor = self.out((a * self.angles.cos() + b.tanh())[:, 0])
        return y


VIEWS: dict[str, Callable[[], nn.Module]] = {
    "attention": lambda: Attention(fused=False),
    "fused attention": lambda: Attention(fused=True),
    "attention with a trained mask": lambda: Attention(fused=True, biased=True),
    "gates": Gated,
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", VIEWS)
def test_views_keep_all_that_they_look_into(name: str, batch: int) -> None:
    model, x = VIEWS[name](), torch.randn(batch, 10, 32)
    derived = memory(nc.analyse(nc.trace(model, x)).result).saved
    kept = Kept(model.train())
    with kept.watching():
        model(x)
    assert sum(derived.values()) == kept.total


@pytest.mark.parametrize(
    ("name", "size"), [("vit_tiny_patch16_224", 224), ("swin_tiny", 64), ("convnext_atto", 64)]
)
def test_whole_models_save_as_much(name: str, size: int) -> None:
    if name == "swin_tiny":
        heads: dict[str, Any] = {"num_heads": [2, 4], "window_size": [4, 4]}
        model: nn.Module = torchvision.models.SwinTransformer(
            [4, 4], 16, [2, 2], stochastic_depth_prob=0.0, **heads
        )
    else:
        model = timm.create_model(name)
    x = torch.randn(2, 3, size, size)
    derived = memory(nc.analyse(nc.trace(model, x)).result).saved
    kept = Kept(model.train())
    with kept.watching():
        model(x)
    assert sum(derived.values()) == kept.total


def test_a_hand_written_model_saves_as_much() -> None:
    result = nc.analyse("googlenet").result
    model = GoogLeNet().train()
    kept = Kept(model)
    with kept.watching():
        model(torch.randn(1, 3, 224, 224))
    assert sum(memory(result).saved.values()) == kept.total


def test_the_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong rules are seen: indices forgotten, the wrong tensor saved, a copy too many."""
    result = result_of("googlenet")
    meta, on_meta = built_on(result, "meta")
    cpu, on_cpu = built_on(result, "cpu")
    live, kept = peaks(meta, result, on_meta), saved(cpu, result, on_cpu)
    assert (memory(result).live, memory(result).saved) == (live, kept)
    with monkeypatch.context() as patch:
        patch.setattr(MaxPool, "scratch", lambda *_: 0)
        assert memory(result).live != live
    with monkeypatch.context() as patch:
        patch.setattr(ReLU, "saves", lambda *_: Saved(inputs=(0,)))
        assert memory(result).saved != kept
    with monkeypatch.context() as patch:
        patch.setattr(Dropout, "PASSES", "")
        assert memory(result).live != live
    with monkeypatch.context() as patch:
        patch.setattr(Flatten, "PASSES", "")
        assert memory(result).live != live
    with monkeypatch.context() as patch:
        patch.setattr("netcalc.core.memory.OPTIMIZERS", {"adam": 3})
        with pytest.raises(AssertionError):
            test_gradients_and_optimizers("lenet5", "adam")
    with monkeypatch.context() as patch:
        patch.setattr(BatchNorm, "UNREAD", frozenset())
        example = next(iter(BatchNorm.examples()))
        with pytest.raises(AssertionError):
            test_moves_what_the_operators_read_and_write(BatchNorm, example)


MAKERS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.1),
    "momentum": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9),
    "adam": torch.optim.Adam,
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("net", ["lenet5", "reduced", "resnet18"])
def test_gradients_and_optimizers(net: str, optimizer: str) -> None:
    result = result_of(net)
    built, xs = built_on(result, "cpu")
    made = MAKERS[optimizer](list(built.parameters()))
    built.train()(*xs).sum().backward()
    made.step()
    state = [t for s in made.state.values() for t in s.values() if isinstance(t, torch.Tensor)]
    found = memory(result, optimizer)
    assert found.optimizer == sum(t.nbytes for t in state)
    assert found.gradients == sum(p.grad.nbytes for p in built.parameters() if p.grad is not None)
    assert found.weights == sum(p.nbytes for p in built.parameters())
    assert found.buffers == sum(b.nbytes for b in built.buffers())


def test_bytes_of_types() -> None:
    for name, size in BYTES.items():
        assert getattr(torch, name).itemsize == size


def test_sums() -> None:
    found = memory(nc.analyse("googlenet").result)
    assert found.weights == 4 * 6_998_552
    assert found.inference == found.weights + found.peak
    assert found.training == 4 * found.weights + 4 * 116 + sum(found.saved.values())


def test_nothing_is_saved_before_something_is_trained() -> None:
    layers = nc.chain(pool=nc.MaxPool2d(2), relu=nc.ReLU(), conv=nc.Conv2d(4, 1))
    result = nc.analyse(nc.network(layers, input=(1, 3, 8, 8))).result
    assert dict(memory(result).saved) == {"pool": 0, "relu": 0, "conv": 4 * 3 * 4 * 4}
    built, xs = built_on(result, "cpu")
    assert saved(built, result, xs) == memory(result).saved


def test_an_unknown_optimizer_is_told() -> None:
    with pytest.raises(nc.InputError, match="choose from sgd, momentum, adam"):
        memory(nc.analyse("reduced").result, "lion")
