"""Tracing PyTorch models: exact counts, every shape derived, and the model left as it was."""

from __future__ import annotations

import gc
import random
import threading
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.nn.attention.flex_attention import flex_attention

import netcalc as nc
from netcalc.pytorch.hold_trace import hold_traced
from netcalc.pytorch.trace import trace
from tests.commands import netcalc
from tests.reference import meta_macs, quiet

CNNS = {
    "alexnet": 224,
    "densenet121": 224,
    "googlenet": 224,
    "inception_v3": 299,
    "regnet_x_400mf": 224,
    "resnet18": 224,
    "resnet50": 224,
    "resnext50_32x4d": 224,
    "squeezenet1_0": 224,
    "vgg11_bn": 224,
}
OPTIONS = {"googlenet", "inception_v3"}


def model_of(name: str) -> nn.Module:
    options = {"aux_logits": False, "init_weights": False} if name in OPTIONS else {}
    with quiet():
        return torchvision.models.get_model(name, weights=None, **options).eval()


@pytest.mark.parametrize("name", CNNS)
def test_a_network_of_torchvision_is_counted_exactly(name: str) -> None:
    """Parameters and buffers by numel, MACs by FlopCounterMode, the output by a forward pass."""
    result = nc.analyse(f"torchvision:{name}").result
    model = model_of(name)
    assert result.unknown == {}
    assert result.totals.params == sum(p.numel() for p in model.parameters())
    assert result.totals.buffers == sum(b.numel() for b in model.buffers())
    x = torch.empty(1, 3, CNNS[name], CNNS[name], device="meta")
    model = model.to("meta").requires_grad_(False)
    assert result.totals.macs == meta_macs(model, x)
    with torch.no_grad():
        assert [o.dims for o in result.outputs.values()] == [tuple(model(x).shape)]
    assert any(r.startswith("shapes: ") and r.endswith(" 0 stated") for r in result.graph.remarks)


class Call(nn.Module):
    """A function as a model."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *xs: torch.Tensor) -> Any:
        return self.function(*xs)


e = torch.empty

# Multiply-adds worked out by hand from the sizes.
PROBES: dict[str, tuple[Any, tuple[torch.Tensor, ...], int]] = {
    "conv": (nn.Conv2d(4, 8, 3, padding=1), (e(2, 4, 16, 16),), 2 * 256 * 8 * 4 * 9),
    "grouped": (nn.Conv2d(4, 8, 3, padding=1, groups=4), (e(2, 4, 16, 16),), 2 * 256 * 8 * 9),
    "transposed": (nn.ConvTranspose2d(4, 8, 3, 2, 1, 1), (e(2, 4, 16, 16),), 2 * 256 * 4 * 8 * 9),
    "transposed, grouped": (
        nn.ConvTranspose2d(8, 16, 4, 2, 1, groups=4),
        (e(2, 8, 16, 16),),
        2 * 256 * 8 * 4 * 16,
    ),
    "same": (nn.Conv2d(4, 8, 4, padding="same"), (e(2, 4, 16, 16),), 2 * 256 * 8 * 4 * 16),
    "unbatched": (nn.Conv2d(4, 8, 3, padding=1), (e(4, 16, 16),), 256 * 8 * 4 * 9),
    "functional": (
        Call(lambda x, w: F.conv2d(x, w, padding=1)),
        (e(2, 4, 16, 16), e(8, 4, 3, 3)),
        2 * 256 * 8 * 4 * 9,
    ),
    "linear on tokens": (nn.Linear(32, 32), (e(1, 10, 32),), 10 * 32 * 32),
    "linear on a vector": (nn.Linear(16, 32), (e(16),), 16 * 32),
    "matmul": (Call(torch.matmul), (e(8, 16), e(16, 16)), 8 * 16 * 16),
    "operator": (Call(lambda a, b: a @ b), (e(8, 16), e(16, 16)), 8 * 16 * 16),
    "broadcast": (Call(torch.matmul), (e(8, 16), e(2, 16, 8)), 2 * 8 * 16 * 8),
    "einsum": (Call(lambda a, b: torch.einsum("ij,jk->ik", a, b)), (e(8, 16), e(16, 16)), 2048),
    "baddbmm": (Call(torch.baddbmm), (e(2, 8, 8), e(2, 8, 16), e(2, 16, 8)), 2 * 8 * 16 * 8),
    "addcmul": (Call(torch.addcmul), (e(4, 4), e(4, 4), e(4, 4)), 0),
    "dot": (Call(torch.dot), (e(16), e(16)), 16),
    "mv": (Call(torch.mv), (e(8, 16), e(16)), 8 * 16),
    "attention": (
        Call(F.scaled_dot_product_attention),
        (e(2, 4, 16, 8), e(2, 4, 16, 8), e(2, 4, 16, 8)),
        2 * 2 * 4 * 16 * 16 * 8,
    ),
    "multi-head attention": (
        nn.MultiheadAttention(32, 4, batch_first=True),
        (e(2, 16, 32), e(2, 16, 32), e(2, 16, 32)),
        2 * 16 * 4 * 32 * 32 + 2 * 2 * 4 * 16 * 16 * 8,
    ),
    "encoder layer": (
        nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
        (e(2, 16, 32),),
        2 * 16 * (4 * 32 * 32 + 2 * 32 * 64) + 2 * 2 * 4 * 16 * 16 * 8,
    ),
    "lstm": (nn.LSTM(16, 32, batch_first=True), (e(2, 10, 16),), 2 * 10 * 4 * (16 + 32) * 32),
    "gru": (nn.GRU(16, 32, batch_first=True), (e(2, 10, 16),), 2 * 10 * 3 * (16 + 32) * 32),
    "shared": (nn.Sequential(*[nn.Linear(16, 16)] * 2), (e(2, 16),), 2 * 2 * 16 * 16),
}


@pytest.mark.parametrize("probe", PROBES)
def test_single_layers(probe: str) -> None:
    """Those that counters get wrong in one form or another."""
    model, xs, macs = PROBES[probe]
    result = nc.analyse(trace(model, *xs)).result
    assert result.totals.macs == macs
    assert result.totals.params == sum(p.numel() for p in model.parameters())
    assert result.unknown == {}
    assert not [r for r in result.graph.remarks if "differs" in r]


TRANSFORMERS = ("vit_b_16", "swin_t", "swin_v2_t", "maxvit_t", "convnext_tiny", "efficientnet_b0")


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_networks_with_attention_and_their_like(name: str) -> None:
    result = nc.analyse(f"torchvision:{name}").result
    model = model_of(name).to("meta").requires_grad_(False)
    assert result.unknown == {}
    assert result.totals.params == sum(p.numel() for p in model.parameters())
    (x,) = result.inputs.values()
    assert result.totals.macs == meta_macs(model, torch.empty(x.dims, device="meta"))  # type: ignore[arg-type]
    assert not [r for r in result.graph.remarks if "differs" in r]


TIMM = ("beit_base_patch16_224", "cait_xxs24_224", "ghostnet_050", "levit_128s", "mixer_s16_224")
TIMM += ("nf_regnet_b0", "poolformer_s12", "xcit_nano_12_p16_224")


@pytest.mark.parametrize("name", TIMM)
def test_networks_of_timm(name: str) -> None:
    result = nc.analyse(f"timm:{name}").result
    with quiet(), torch.device("meta"):
        model = timm.create_model(name, pretrained=False).eval().requires_grad_(False)
    size = timm.get_pretrained_cfg(name).input_size
    assert result.unknown == {}
    assert result.totals.params == sum(p.numel() for p in model.parameters())
    assert result.totals.macs == meta_macs(model, torch.empty(1, *size, device="meta"))


def test_a_zoo_network_and_its_trace_have_the_same_layers() -> None:
    zoo, traced = nc.analyse("resnet18").rows, nc.analyse("torchvision:resnet18").rows
    of = [sorted(str(r.node.op) for r in rows) for rows in (zoo, traced)]
    assert of[0] == of[1]


def test_rows_are_grouped_by_module() -> None:
    rows = {row.name: row for row in nc.analyse("torchvision:resnet18").rows}
    assert rows["layer1/0/conv1"].type == "Conv2d"
    assert rows["layer1/0/relu"].node.inputs == (("layer1/0/bn1", 0),)
    assert rows["layer1/0/relu_2"].node.inputs == (("layer1/0/add", 0),)
    assert rows["layer1/0/add"].node.inputs == (("layer1/0/bn2", 0), ("maxpool", 0))
    assert rows["flatten"].type == "Flatten"


class Odd(nn.Module):
    """Shares a module, ties and freezes weights, computes one, reads parameters as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Linear(8, 8)
        self.tied = nn.Linear(8, 8, bias=False)
        self.tied.weight = self.shared.weight
        self.frozen = nn.Linear(8, 8).requires_grad_(False)
        self.raw = nn.Parameter(torch.ones(8, 8))
        self.token = nn.Parameter(torch.ones(1, 8))
        self.unread = nn.Parameter(torch.ones(5))
        self.register_buffer("table", torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.shared(self.shared(x))
        x = self.frozen(self.tied(x))
        x = torch.cat([x, self.token], 0)
        return nn.functional.linear(x, torch.tanh(self.raw))


def test_what_is_stored_counts_once_and_work_each_time() -> None:
    result = nc.analyse(trace(Odd(), torch.empty(4, 8))).result
    totals = result.totals
    assert totals.params == (64 + 8) + (64 + 8) + 64 + 8 + 5
    assert totals.trainable == totals.params - (64 + 8)
    assert totals.buffers == 3
    assert totals.macs == 4 * 64 * 4 + 5 * 64
    rows = {row.name: row for row in result.rows}
    assert rows["shared_2"].counts.params == 0
    assert rows["shared_2"].counts.macs == 4 * 64
    assert rows["linear"].counts.params == 0
    assert rows["linear"].node.inputs == (("cat", 0), ("tanh", 0))
    assert rows["tied"].node.tensors == {"weight": "shared.weight"}


class Biased(nn.Module):
    """Reads parameters as they are, some of which are biases by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8, bias=False)
        self.bias = nn.Parameter(torch.ones(8))
        self.in_proj_bias = nn.Parameter(torch.ones(16))
        self.token = nn.Parameter(torch.ones(1, 8))
        self.biases = nn.ParameterDict({"bias": torch.ones(3), "scale": torch.ones(5)})
        self.register_buffer("bias_table", torch.ones(7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.bias + self.in_proj_bias.chunk(2)[0] + self.token


def test_parameters_that_stand_by_themselves_are_biases_by_their_names() -> None:
    model = Biased()
    analysis = nc.analyse(trace(model, torch.empty(4, 8)))
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    biases = sum(n for name, n in sizes.items() if "bias" in name.rpartition(".")[2])
    totals = analysis.totals
    assert (totals.biases, totals.weights) == (biases, sum(sizes.values()) - biases)
    assert (totals.params, totals.buffers) == (sum(sizes.values()), 7)
    roles = {t.key: t.role for row in analysis.rows for t in row.stored}
    assert [roles[key] for key in ("bias", "token", "bias_table")] == ["bias", "weight", "buffer"]
    assert "biases = 8" in str(analysis.explain("bias"))


def test_a_buffer_in_the_place_of_a_weight_is_a_buffer() -> None:
    class Blur(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("filter", torch.ones(4, 1, 3, 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.conv2d(x, self.filter, groups=4)

    totals = nc.analyse(trace(Blur(), torch.empty(1, 4, 8, 8))).totals
    assert (totals.params, totals.buffers, totals.macs) == (0, 36, 4 * 36 * 9)


def test_an_operator_without_a_rule_is_no_zero() -> None:
    class Fft(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.fft.fft(x).real

    result = nc.analyse(trace(nn.Sequential(nn.Linear(8, 8), Fft()), torch.empty(2, 8))).result
    assert [name for name in result.unknown if "fft" in name]
    text = nc.Analysis(result).table()
    assert ">= 128 MACs" in text.replace("\xa0", " ")
    assert "not counted, since netcalc has no rule for them: 1 x " in text.replace("\n", " ")


def test_strict_exits_1_on_an_operator_without_a_rule(tmp_path: Any) -> None:
    file = tmp_path / "made.py"
    file.write_text(
        "import torch\n"
        "class M(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.fft.fft(x).real\n"
        "class N(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x.relu()\n"
    )
    assert netcalc("table", f"{file}:M", "--input", "3,4,4", "--strict").code == 1
    assert netcalc("table", f"{file}:M", "--input", "3,4,4").code == 0
    assert netcalc("table", f"{file}:N", "--input", "3,4,4", "--strict").code == 0


class Restless(nn.Module):
    """Changes what it can of itself and of the process while it runs."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.fails = fails
        self.linear = nn.Linear(4, 4)
        self.cache: Any = None
        self.plain = torch.ones(4)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        self.cache = x + self.plain
        self.linear.requires_grad_(False)
        self.train()
        torch.rand(1), random.random(), np.random.rand()
        if self.fails:
            raise ValueError("on purpose")
        return self.linear(x).relu_()


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_is_left_as_it_was(fails: bool) -> None:
    model = Restless(fails).eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    keys, hooks = set(vars(model)), len(nn.modules.module._global_forward_hooks)
    x = torch.ones(2, 4)
    if fails:
        with pytest.raises(nc.NetcalcError, match="on purpose"):
            trace(model, x)
    else:
        trace(model, x)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())
    assert (model.training, model.linear.training, model.cache) == (False, False, None)
    assert set(vars(model)) == keys
    assert not model._forward_hooks
    assert len(nn.modules.module._global_forward_hooks) == hooks
    assert {p.device.type for p in model.parameters()} == {"cpu"}
    assert model.plain.device.type == "cpu"
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()
    assert torch.equal(x, torch.ones(2, 4))


def test_another_input_is_traced_again() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), torch.empty(1, 3, 8, 8))
    small, large = nc.analyse(graph), nc.analyse(graph, 16, batch=2)
    assert small.outputs["1"].dims == (1, 4, 6, 6)
    assert large.outputs["1"].dims == (2, 4, 14, 14)
    half = nc.analyse(graph, dtype="float16")
    assert half.totals.param_bytes == 2 * half.totals.params


def test_what_a_hook_does_to_the_model_itself_is_put_back() -> None:
    """It holds the model that it was made in, not the copy."""
    model = nn.Sequential(nn.Linear(4, 4))
    kept: list[Any] = []
    model.kept, model.calls = kept, 0

    def hook(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        model.kept.append(output)
        model.calls += 1
        model.last = output

    model[0].register_forward_hook(hook)
    assert nc.analyse(trace(model, torch.empty(2, 4))).totals.macs == 32
    assert (model.kept, model.calls, hasattr(model, "last")) == ([], 0, False)
    assert model.kept is kept


def test_the_precision_of_products_is_left_as_it_was() -> None:
    class Fast(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.set_float32_matmul_precision("high")
            return x * 2

    before = torch.get_float32_matmul_precision()
    trace(Fast(), torch.empty(2))
    assert torch.get_float32_matmul_precision() == before


class Caches(nn.Module):
    """Makes a table on its first pass and keeps it, in an attribute and in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.table: Any = None
        self.cache: dict[str, Any] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.linear.requires_grad_(False)
        if self.table is None:
            self.table = self.linear.weight.exp()
        if "sum" not in self.cache:
            self.cache["sum"] = self.table.sum()
        return self.linear(x) * self.cache["sum"]


def test_a_second_trace_is_as_the_first() -> None:
    graph = trace(Caches(), torch.empty(2, 4))
    first, again = nc.analyse(graph), nc.analyse(graph, batch=2, dtype="float32")
    assert [row.node.op for row in first.rows] == [row.node.op for row in again.rows]
    assert first.totals == again.totals
    assert first.totals.trainable == first.totals.params


def test_mistakes_are_told_in_one_line() -> None:
    for args, said in (
        (("torchvision:resnet19",), "torchvision has no model 'resnet19'; did you mean"),
        (("torchvision:resnet18", "--input", "4,8,8"), "cannot run"),
        (("no.such.module:make",), "No module named 'no'"),
    ):
        ran = netcalc("table", *args)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        assert ran.err.count("\n") == 1
    with pytest.raises(nc.InputError, match="has no shape yet"):
        trace(nn.LazyLinear(4), torch.empty(1, 3))
    with pytest.raises(nc.InputError, match="trace takes a model"):
        trace("resnet18", torch.empty(1, 3))  # type: ignore[arg-type]


def test_what_a_trace_cannot_follow_is_told_with_what_to_do() -> None:
    def gradients(x: torch.Tensor) -> Any:
        return torch.autograd.grad(x.requires_grad_().sin().sum(), x)

    with pytest.raises(nc.NetcalcError, match="that takes some cannot be traced"):
        trace(Call(gradients), torch.ones(2))
    with pytest.raises(nc.NetcalcError) as raised:
        trace(Call(lambda x: flex_attention(x, x, x)), torch.ones(1, 2, 16, 8))
    assert "give the function that calls flex_attention a rule" in str(raised.value)
    assert "Watch" not in str(raised.value)


def test_attention_is_counted_and_held_against_the_model() -> None:
    """ViT-B/16: 12 blocks of 197 tokens, 12 heads of 64, by hand; fvcore leaves attention out."""
    found = nc.verify("torchvision:vit_b_16", device="cpu")
    assert found.ok, found
    attention = 2 * 12 * 12 * 197 * 197 * 64
    (whole,) = (c for c in found.checks if c.witness == "fvcore" and c.row == "")
    assert whole.analytic - whole.witnessed == attention
    assert whole.cause == (f"fvcore does not count 12 x ScaledDotProductAttention = -{attention:,}")
    (counter,) = (c for c in found.checks if c.witness == "flopcounter" and c.row == "")
    assert counter.ok
    assert found.coverage["macs"][2] > 30


def test_a_traced_model_is_verified_with_the_model_itself() -> None:
    model = Odd()
    found = nc.verify(trace(model, torch.ones(4, 8)), model, device="cpu")
    assert found.ok, found
    assert {"output", "tensors", "params", "macs"} <= {c.group for c in found.checks}
    with pytest.raises(nc.InputError, match="give verify the model too"):
        nc.verify(trace(model, torch.ones(4, 8)))


class NormAct(nn.BatchNorm2d):
    """A normalisation that calls modules of its own with what it computed, as timm's do."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.drop(super().forward(x)))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = NormAct(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.norm(x) + x).sigmoid()


def test_a_normalisation_with_an_activation_within_it_ends_once() -> None:
    """What follows it belongs to the block that called it, in the second block as in the first."""
    model = nn.Sequential(nn.Sequential(Residual(), Residual())).eval()
    graph = trace(model, torch.ones(1, 3, 8, 8))
    layers = ("norm/batch_norm", "norm/act", "add", "sigmoid")
    assert [node.name for node in graph.nodes] == [f"0/{i}/{at}" for i in (0, 1) for at in layers]
    assert nc.verify(graph, model, device="cpu").ok


@pytest.mark.parametrize("name", ["lcnet_050", "mobilenetv4_conv_small", "regnety_002"])
def test_networks_of_timm_are_verified(name: str) -> None:
    """Their normalisations call their activations."""
    found = nc.verify(f"timm:{name}", device="cpu")
    assert found.ok, found


def test_every_layer_is_held_against_its_operator() -> None:
    """The trace has netcalc's answers for slow kernels in it; verify asks the kernels."""
    result = nc.analyse("torchvision:resnet18").result
    found = nc.verify("torchvision:resnet18", device="cpu")
    held = {c.row for c in found.checks if c.group == "output" and c.witness == "operators"}
    assert held == {row.name for row in result.rows}


@pytest.mark.parametrize(
    ("module", "given", "back"),
    [
        (nn.AdaptiveMaxPool2d(2, return_indices=True), slice(2), ["2x2", "2x2"]),
        (nn.AdaptiveMaxPool2d(2, return_indices=True), slice(1), ["2x2"]),
        (nn.AdaptiveMaxPool2d(2), None, ["2x2"]),
        (lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True), slice(1), ["2x2"]),
        (lambda x: F.adaptive_max_pool2d(x, 2, return_indices=True), slice(1, 2), ["2x2"]),
        (nn.MaxPool2d(2, return_indices=True), slice(2), ["4x4", "4x4"]),
    ],
)
def test_second_outputs(module: Any, given: slice | None, back: list[str]) -> None:
    """Where the largest of each window are, handed out or not, and read or not."""
    model = Call(lambda x: module(x) if given is None else module(x)[given])
    if isinstance(module, nn.Module):
        model.pool = module
    graph = trace(model, torch.ones(1, 3, 8, 8))
    outs = nc.analyse(graph).result.outputs.values()
    assert ["x".join(map(str, x.dims[2:])) for x in outs] == back
    assert nc.verify(graph, model, device="cpu").ok


class Typed(nn.Module):
    """Norms with weights of their own type, on another one."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.batch = nn.LayerNorm(8), nn.BatchNorm1d(8)
        self.low = nn.Linear(8, 4).bfloat16()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.low(self.batch(self.norm(x.bfloat16())))
        return y


def test_parameters_have_their_own_type() -> None:
    model = Typed()
    model.eval()(torch.ones(2, 8))
    result = nc.analyse(trace(model, torch.ones(2, 8))).result
    stored = {t.key.replace("/", "."): t.dtype for row in result.rows for t in row.stored}
    assert stored == {k: str(t.dtype).removeprefix("torch.") for k, t in model.state_dict().items()}
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    assert result.totals.param_bytes == size == 4 * (16 + 16) + 2 * 36


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda x, w: F.linear(x.bfloat16(), w), torch.float32),
        (lambda x, w: x.half() @ w, torch.float32),
        (lambda x, w: x.long() @ w, torch.float32),
        (lambda x, w: torch.addmm(w[0], x, w.double()), torch.float32),
        (lambda x, w: torch.bmm(x[None], w[None].double()), torch.float32),
    ],
)
def test_products_of_several_types_are_refused(function: Any, kind: torch.dtype) -> None:
    """As on devices that compute; the meta device takes them."""
    x, w = torch.ones(8, 8), torch.ones(8, 8, dtype=kind)
    with pytest.raises(RuntimeError):
        function(x, w)
    with pytest.raises(nc.NetcalcError, match=r"takes tensors of one type, got \w+ and \w+"):
        trace(Call(function), x, w)


def test_autocast_is_told() -> None:
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y: torch.Tensor = self.fc(x)
            return y

    told = "autocast is not followed: types and bytes are those without it"
    assert told in trace(Cast(), torch.ones(2, 8)).remarks
    assert told not in trace(nn.Linear(8, 8), torch.ones(2, 8)).remarks


def test_the_search_for_garbage_is_as_it_was() -> None:
    """Off in a pass on the meta device, on where memory is real, and then as before."""
    at: list[bool] = []

    def looks(x: torch.Tensor) -> torch.Tensor:
        at.append(gc.isenabled())
        return x * 2

    def reads(x: torch.Tensor) -> torch.Tensor:
        at.append(gc.isenabled())
        return x * x.sum().item()

    def fails(x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no")

    trace(Call(looks), torch.ones(3))
    assert (at, gc.isenabled()) == ([False], True)
    at.clear()
    trace(Call(reads), torch.ones(3))
    assert (at[0], at[-1], gc.isenabled()) == (False, True, True)
    with pytest.raises(nc.NetcalcError):
        trace(Call(fails), torch.ones(3))
    assert gc.isenabled()
    gc.disable()
    try:
        trace(Call(looks), torch.ones(3))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_second_output_without_a_rule_is_unknown() -> None:
    model = Call(lambda x: x * torch.native_layer_norm(x, [8], None, None, 1e-5)[2])
    graph = trace(model, torch.ones(3, 8))
    assert list(nc.analyse(graph).result.unknown) == ["native_layer_norm"]
    assert nc.verify(graph, model, device="cpu").ok


def test_calls_without_a_rule_are_counted_and_not_their_outputs() -> None:
    """Two calls of three outputs each, by the names that the table has for them."""
    model = Call(lambda x: torch.linalg.svd(x)[1] + torch.linalg.svd(2 * x)[1])
    analysis = nc.analyse(trace(model, torch.ones(4, 4)))
    (names,) = analysis.result.unknown.values()
    assert len(names) == 2
    told = str(analysis.table())
    assert "2 x _linalg_svd" in told
    assert all(f"\n{name} " in told for name in names)


class Weighed(nn.Module):
    """A product with a parameter: Hugging Face's Conv1D among them."""

    def __init__(self, product: Any, *sizes: int) -> None:
        super().__init__()
        self.w, self.product = nn.Parameter(torch.ones(sizes)), product

    def forward(self, x: torch.Tensor) -> Any:
        return self.product(x, self.w)


DEPTHS: dict[str, tuple[nn.Module, int]] = {
    "addmm": (Weighed(lambda x, w: torch.addmm(x[:1], x, w), 4, 4), 1),
    "addmm, scaled": (Weighed(lambda x, w: torch.addmm(x, x, w, alpha=2), 4, 4), 1),
    "a matrix product": (Weighed(lambda x, w: x @ w.t() @ w, 4, 4), 2),
    "an einsum": (Weighed(lambda x, w: torch.einsum("bi,io->bo", x, w), 4, 5), 1),
    "a weight that is scaled": (Weighed(lambda x, w: x @ (0.5 * w), 4, 5), 1),
    "a weight made of two": (Weighed(lambda x, w: x @ (w @ w), 4, 4), 1),
    "no weight": (Call(lambda x: x @ x.t()), 0),
    "a parameter that is a query": (
        Weighed(lambda x, w: F.linear(w, x.t() @ x) @ x.t(), 3, 4),
        1,
    ),
    "a sum": (Weighed(lambda x, w: x + w, 4), 0),
    "three layers of an LSTM": (nn.LSTM(4, 5, num_layers=3, bidirectional=True), 3),
    "a GRU and a linear": (nn.Sequential(nn.Linear(4, 4), nn.GRU(4, 4)), 2),
    "two cells": (nn.Sequential(nn.GRUCell(4, 5), nn.RNNCell(5, 6)), 2),
}


@pytest.mark.parametrize("case", DEPTHS)
def test_the_depth_counts_products_with_weights(case: str) -> None:
    """Worked out by hand: one for each product with a parameter on the longest path."""
    model, depth = DEPTHS[case]
    assert nc.analyse(trace(model, torch.ones(6, 4))).totals.depth == depth


def test_a_model_that_is_not_the_traced_one_is_reported() -> None:
    """Its twin: held against another model, tensors, outputs and MACs differ."""
    result = nc.analyse("torchvision:resnet18").result
    other = model_of("resnet18")
    other.fc = nn.Linear(512, 10)
    found = hold_traced(result, other, "cpu")
    assert not found.ok
    differing = {c.row for c in found.differences}
    assert {"fc.weight", "fc.bias", ""} <= differing


def test_a_wrong_size_in_the_derivation_is_reported() -> None:
    """Its twin for sizes: one layer's output changed in the analysis, not in the model."""
    result = nc.analyse("torchvision:resnet18").result
    rows = tuple(
        row._replace(outs=(nc.Tensor((1, 64, 56, 57)),)) if row.name == "layer1/0/conv1" else row
        for row in result.rows
    )
    found = hold_traced(result._replace(rows=rows), model_of("resnet18"), "cpu")
    differing = [(c.row, c.witness) for c in found.differences if c.group == "output"]
    assert differing == [("layer1/0/conv1", "operators"), ("layer1/0/conv1", "forward")]


def test_what_is_written_is_read_on() -> None:
    class Writes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            room = torch.empty_like(x)
            room.copy_(x * 2)
            return room.relu()

    graph = trace(Writes(), torch.empty(2, 3))
    by_name = {node.name: node for node in graph.nodes}
    assert by_name["relu"].inputs == (("mul", 0),)


class InAThread(nn.Module):
    """Works in a thread: through a module of its own or a function."""

    def __init__(self, work: str) -> None:
        super().__init__()
        self.product = nn.Linear(4, 4)
        self.work = work

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        works = {
            "module": lambda: found.append(self.product(x)),
            "function": lambda: found.append(x @ x.T @ x),
            "no tensors": lambda: None,
        }
        thread = threading.Thread(target=works[self.work])
        thread.start()
        thread.join()
        return self.product(found[-1])


@pytest.mark.parametrize("work", ["module", "function"])
def test_work_in_another_thread_is_refused(work: str) -> None:
    """Modes are those of a thread: what is not seen would count as nothing."""
    with pytest.raises(nc.NetcalcError, match="works in a thread that the forward pass starts"):
        trace(InAThread(work), torch.empty(2, 4))


def test_a_thread_without_tensors_is_no_matter() -> None:
    graph = trace(InAThread("no tensors"), torch.empty(2, 4))
    assert nc.analyse(graph).totals.macs == 2 * 4 * 4
    assert threading.Thread.start.__module__ == "threading"


class Groups(nn.Module):
    """Ten rows in two groups, of 4 and 6."""

    def forward(self, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ends = torch.tensor([4, 10], dtype=torch.int32, device=x.device)
        return torch._grouped_mm(x, w, offs=ends)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_of_groups(dtype: torch.dtype) -> None:
    """PyTorch's own meta kernel takes bfloat16 alone."""
    x, w = torch.rand(10, 8).to(dtype), torch.rand(2, 8, 16).to(dtype)
    found = nc.analyse(nc.trace(Groups(), x, w))
    assert found.totals.macs == 10 * 8 * 16
    assert next(iter(found.outputs.values())).dtype == str(dtype).removeprefix("torch.")
