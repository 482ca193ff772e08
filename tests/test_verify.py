"""The verifier: green where the numbers are right, and red where they or the model are not."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

import netcalc as nc
from netcalc.core.analyse import Result
from netcalc.core.analyse import analyse as core_analyse
from netcalc.core.checks import Verification
from netcalc.core.graph import Graph
from netcalc.core.ops.base import Op
from netcalc.pytorch.build import Built, build, put
from netcalc.pytorch.measure import measure
from netcalc.pytorch.values import TOLERANCE, compare_values
from netcalc.pytorch.verify import look, undisturbed, verify
from tests.commands import netcalc, process
from tests.models.googlenet import GoogLeNet
from tests.models.inception import Naive, Reduced
from tests.models.tutorial import tutorial

SMALL = 64  # large enough for every layer of GoogLeNet, and quick


def result_of(net: str, size: int | None = None) -> Result:
    return nc.analyse(net, input=size).result


def torchvision_googlenet() -> nn.Module:
    return torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False).eval()


# --- green ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "net", ["googlenet", "googlenet@aux=true", "googlenet-torchvision", "naive", "reduced"]
)
def test_every_count_of_the_zoo_has_two_witnesses(net: str) -> None:
    found = nc.verify(net, device="cpu")
    assert found.ok, found
    assert not found.differences
    assert not found.verification.absent
    for group in ("params", "buffers", "tensors", "output", "macs"):
        assert all(n >= 2 for n in found.coverage.get(group, {})), group
    rows = {c.row for c in found.checks}
    assert {r.name for r in nc.analyse(net).rows} <= rows


@pytest.mark.parametrize(
    ("net", "model", "size"),
    [
        ("googlenet", GoogLeNet, SMALL),
        ("googlenet@aux=true", lambda: GoogLeNet(heads=True), None),
        ("naive", Naive, None),
        ("reduced", Reduced, None),
        ("googlenet-torchvision", torchvision_googlenet, SMALL),
    ],
    ids=["googlenet", "with heads", "naive", "reduced", "torchvision"],
)
def test_agrees_by_value_with_models_of_other_hands(net: str, model: Any, size: int | None) -> None:
    found = nc.verify(nc.analyse(net, input=size), model(), device="cpu")
    assert found.ok, found
    compared = [c for c in found.checks if c.group == "values"]
    layers = sum(bool(r.stored) for r in nc.analyse(net).rows)
    assert len(compared) == layers + len(nc.analyse(net).outputs)
    # the outputs depend on the inputs: a check of blind networks would prove nothing
    assert found.verification.facts["spread of the output over inputs"] > 0.01


def test_the_tutorial_prints_these_shapes() -> None:
    x = torch.randn(1, 3, 224, 224)
    shapes = []
    for block in tutorial().eval():
        x = block(x)
        shapes.append(list(x.shape))
    assert shapes == [
        *([1, 64, 56, 56], [1, 192, 28, 28], [1, 480, 14, 14]),
        *([1, 832, 7, 7], [1, 1024, 1, 1], [1, 1000]),
    ]
    assert sum(p.numel() for p in tutorial().parameters()) == 6_998_552


def test_the_tutorial_differs_from_the_paper_in_its_pools_and_norms() -> None:
    """As many parameters and MACs; but other pools, no normalisation and no softmax."""
    found = nc.verify("googlenet", tutorial(), device="cpu")
    assert not found.ok
    differing = {(c.row, c.quantity) for c in found.differences}
    assert {("pool1", "padding"), ("pool1", "ceil_mode"), ("lrn1", "type")} <= differing
    assert ("head/softmax", "type") in differing
    assert not {group for c in found.differences if (group := c.group) in ("macs", "params")}


# --- mutants of the spec --------------------------------------------------------------------------


def mutants(op: Op) -> Iterator[tuple[str, Op]]:
    """Every numeric field one up and one down (floats by half), every flag the other way."""
    for field in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, field.name)
        for changed in changes(value):
            yield (
                f"{field.name}={changed}",
                dataclasses.replace(op, **{field.name: changed}),  # type: ignore[type-var]
            )


def changes(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, float):
        yield value * 1.5
    elif isinstance(value, tuple):
        for i, entry in enumerate(value):
            for changed in changes(entry):
                yield (*value[:i], changed, *value[i + 1 :])


def with_op(graph: Graph, name: str, op: Op) -> Graph:
    nodes = tuple(n._replace(op=op) if n.name == name else n for n in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes)


def downstream(graph: Graph, name: str) -> set[str]:
    """A node and all that use what it makes, directly or not."""
    reached = {name}
    for node in graph.nodes:
        if any(ref in reached for ref, _ in node.inputs):
            reached.add(node.name)
    return reached


@pytest.fixture(scope="module")
def googlenet() -> tuple[Graph, Any, Built]:
    result = result_of("googlenet@aux=true")
    with undisturbed():
        built = build(result)
        return result.graph, look(result, built), built


def report_on(mutant: Graph, seen: Any, name: str) -> str:
    """How a mutant is caught: where it is refused, or which checks fail at the mutated node."""
    try:
        result = core_analyse(mutant)
    except nc.NetcalcError as refusal:
        named = str(refusal).partition(":")[0]
        if named in downstream(mutant, name):
            return "refused"
        raise AssertionError(f"{name} was changed, {refusal}") from None
    found = verify(result, seen)
    assert not found.ok
    assert any(c.row == name and not c.explained for c in found.checks)
    return "reported"


def test_every_mutant_of_the_spec_is_caught(
    googlenet: tuple[Graph, Any, Built], capsys: pytest.CaptureFixture[str]
) -> None:
    graph, seen, _ = googlenet
    caught: dict[str, int] = {"refused": 0, "reported": 0}
    kinds: dict[str, int] = {}
    for node in graph.nodes:
        for label, op in mutants(node.op):
            try:
                how = report_on(with_op(graph, node.name, op), seen, node.name)
            except AssertionError as missed:
                pytest.fail(f"{node.name} with {label}: {missed}")
            caught[how] += 1
            kinds[node.op.type] = kinds.get(node.op.type, 0) + 1
    total = sum(caught.values())
    with capsys.disabled():
        print(f"\n{total} mutants of GoogLeNet with heads, all caught: {caught}")
    # 59 convolutions x 21, 13 max pools x 17, 2 average pools x 14, and the others
    assert kinds == {
        "Conv2d": 59 * 21,
        "MaxPool2d": 13 * 17,
        "AvgPool2d": 2 * 14,
        "Linear": 5 * 3,
        "AdaptiveAvgPool2d": 4,
        "LocalResponseNorm": 2 * 5,
        "Dropout": 3,
        "Concat": 9 * 2,
        "Flatten": 3 * 4,
        "Softmax": 2,
    }
    assert total == 1552


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("pool3", "kernel", (2, 2)),  # 28 -> 14 either way, rounding up
        ("inception_4a/branch1x1/conv", "dilation", (2, 2)),  # a 1x1 kernel has nothing to spread
    ],
)
def test_mutants_that_change_no_size(
    googlenet: tuple[Graph, Any, Built], name: str, field: str, value: Any
) -> None:
    graph, seen, built = googlenet
    op = next(n.op for n in graph.nodes if n.name == name)
    mutant = core_analyse(with_op(graph, name, dataclasses.replace(op, **{field: value})))  # type: ignore[type-var]
    sizes = [r.outs[0].dims for r in mutant.rows]
    assert sizes == [r.outs[0].dims for r in core_analyse(graph).rows]
    for found in (verify(mutant, seen), verify(mutant, built, device="cpu")):
        wrong = {(c.row, c.quantity) for c in found.checks if not c.ok}
        assert wrong == {(name, field)}


# --- mutants of the model -------------------------------------------------------------------------


def small(net: str) -> tuple[Result, Built]:
    result = result_of(net, SMALL if "googlenet" in net else None)
    with undisturbed():
        return result, build(result)


def differences(found: Verification) -> set[tuple[str, str]]:
    assert not found.ok
    return {(c.row, c.quantity) for c in found.differences}


def test_a_dropped_bias() -> None:
    result, model = small("googlenet")
    model.get_submodule("inception_3a.branch1x1.conv").bias = None
    found = differences(verify(result, model, device="cpu"))
    row = "inception_3a/branch1x1/conv"
    assert found == {(row, "bias"), (row, "params"), ("", "params")}


def test_an_average_pool_for_a_max_pool() -> None:
    result, model = small("googlenet")
    put(model, "pool3", nn.AvgPool2d(3, 2, ceil_mode=True))
    assert ("pool3", "type") in differences(verify(result, model, device="cpu"))


def test_branches_swapped_in_the_concat() -> None:
    """Every size, tensor and count is right; only what is computed is not."""
    result, model = small("reduced")
    last = model.graph.nodes[-1]
    swapped = last._replace(inputs=last.inputs[::-1])
    model.graph = dataclasses.replace(model.graph, nodes=(*model.graph.nodes[:-1], swapped))
    assert differences(verify(result, model, device="cpu")) == {("", "output")}


def test_a_module_used_twice() -> None:
    """Two layers that should have their own weights share them."""
    result, model = small("googlenet")
    shared = model.get_submodule("inception_4b.branch5x5.reduce")
    put(model, "inception_4c.branch5x5.reduce", shared)
    found = differences(verify(result, model, device="cpu"))
    assert ("", "params") in found


def test_a_layer_too_many() -> None:
    result, model = small("naive")
    put(model, "branch1x1.conv", nn.Sequential(model.get_submodule("branch1x1.conv"), nn.ReLU()))
    assert not verify(result, model, device="cpu").ok


# --- the check by value can fail ------------------------------------------------------------------


def worst(a: nn.Module, b: nn.Module) -> float:
    with undisturbed():
        return max(c.difference for c in compare_values(a, b, ((1, 3, SMALL, SMALL),), "cpu"))


def control(change: Any) -> tuple[nn.Module, nn.Module]:
    with undisturbed():
        changed = build(result_of("googlenet-torchvision", SMALL))
        change(changed)
        return changed, build(result_of("googlenet-torchvision", SMALL))


def test_control_the_same_network_agrees() -> None:
    assert worst(*control(lambda model: None)) < TOLERANCE


def test_control_a_3x3_fourth_pool() -> None:
    assert worst(*control(lambda m: put(m, "pool4", nn.MaxPool2d(3, 2, ceil_mode=True)))) > 1e-3


def test_control_an_average_pool() -> None:
    assert worst(*control(lambda m: put(m, "pool4", nn.AvgPool2d(2, 2, ceil_mode=True)))) > 1e-3


def test_control_another_eps() -> None:
    def smaller(model: nn.Module) -> None:
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-5

    assert worst(*control(smaller)) > 1e-6


def test_control_layers_that_cannot_be_paired() -> None:
    found = nc.verify("naive", Reduced(), device="cpu")
    assert not found.ok
    with pytest.raises(ValueError, match="3 layers with parameters ran in one, 6 in the other"):
        compare_values(Naive(), Reduced(), ((1, 256, 32, 32),), "cpu")


def test_a_freshly_initialised_network_is_nearly_blind() -> None:
    """Why values are drawn anew: as torchvision makes it, the output hardly shows the input."""
    with undisturbed(), torch.no_grad():
        model = torchvision_googlenet().double()
        out = model(torch.randn(4, 3, SMALL, SMALL, dtype=torch.float64))
    assert float(out.std(0).mean() / out.abs().mean()) < 1e-3


# --- the model is left as it was ------------------------------------------------------------------


class Fussy(nn.Module):
    """A model with everything that could be disturbed; it can be told to raise."""

    def __init__(self, fail: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.conv.weight.requires_grad_(False)
        self.register_buffer("seen", torch.ones(()))
        self.cache: list[Any] = []
        self.fail = fail

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.cache.append(x)
        self.seen.mul_(2)
        x = self.bn(self.conv(x))
        if self.fail:
            raise RuntimeError("out of\nluck")
        return x


def state(model: Fussy) -> dict[str, Any]:
    return {
        "mode": [m.training for m in model.modules()],
        "tensors": {k: v.clone() for k, v in model.state_dict().items()},
        "identity": [id(p) for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "device": {p.device for p in model.parameters()},
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "global hooks": len(nn.modules.module._global_forward_hooks)
        + len(nn.modules.module._global_forward_pre_hooks),
        "cache": list(model.cache),
        "attributes": sorted(vars(model)),
        "torch rng": torch.get_rng_state(),
        "python rng": random.getstate(),
        "numpy rng": np.random.get_state()[1].tolist(),
        "backends": (
            torch.backends.cudnn.enabled,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.backends.cuda.matmul.allow_tf32,
            torch.backends.cudnn.allow_tf32,
            torch.are_deterministic_algorithms_enabled(),
        ),
        "grad mode": torch.is_grad_enabled(),
        "default dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


@pytest.mark.parametrize("fail", [False, True])
def test_the_model_is_left_as_it_was(fail: bool) -> None:
    net = nc.network(
        nc.chain(conv=(nc.Conv2d(4, 3), nc.BatchNorm2d())), input=(1, 3, 8, 8), name="fussy"
    )
    model = Fussy(fail).train()
    model.bn.eval()
    model.conv.register_forward_hook(lambda *_: None)
    before = state(model)
    if fail:
        with pytest.raises(nc.NetcalcError, match="Fussy cannot run on 1x3x8x8: RuntimeError: out"):
            nc.verify(net, model, device="cpu")
    else:
        # its own buffer is one more than the spec has: that is told, and nothing else
        found = nc.verify(net, model, device="cpu")
        assert {(c.row, c.quantity) for c in found.differences} == {("", "buffers")}
    after = state(model)
    assert [k for k in before if not same(before[k], after[k])] == []


def test_the_comparison_of_states_can_fail() -> None:
    model = Fussy(False)
    before = state(model)
    model(torch.randn(1, 3, 8, 8))
    changed = [k for k, v in state(model).items() if not same(before[k], v)]
    assert changed == ["tensors", "cache", "torch rng"]


# --- witnesses that cannot speak ------------------------------------------------------------------


def test_a_witness_that_raises_is_absent_and_confirms_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("aten::strange")

    monkeypatch.setattr("netcalc.pytorch.witness.fvcore", fail)
    found = nc.verify("naive", device="cpu")
    assert found.ok
    assert found.verification.absent == {"fvcore": "KeyError: 'aten::strange'"}
    assert found.coverage["macs"] == {1: 3}
    assert "fvcore: absent (KeyError: 'aten::strange')" in found.table()
    assert "3 layers' MACs (Conv2d)" in " ".join(found.table().split())


def test_a_known_difference_has_a_cause() -> None:
    """fvcore counts nothing for a convolution with padding="same"."""
    net = nc.network(nc.chain(conv=nc.Conv2d(4, 3, padding="same")), input=(1, 3, 8, 8))
    found = nc.verify(net, device="cpu")
    assert found.ok
    assert {(c.witness, c.witnessed) for c in found.differences} == {("fvcore", 0)}
    assert all("padding is given as a string" in c.cause for c in found.differences)


def test_a_counter_that_counts_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from netcalc.pytorch import witness

    right = witness.flop_counter
    monkeypatch.setattr(
        witness, "flop_counter", lambda *a: {k: v + 1 for k, v in right(*a).items()}
    )
    found = nc.verify("naive", device="cpu")
    assert not found.ok
    assert {c.witness for c in found.differences} == {"flopcounter"}


# --- the command ----------------------------------------------------------------------------------


def test_command_json() -> None:
    ran = netcalc("verify", "reduced", "--device", "cpu", "--format", "json")
    document = json.loads(ran.out)
    assert (ran.code, document["ok"], document["schema"]) == (0, True, 1)
    assert set(document) >= {"network", "against", "device", "checks", "coverage"}
    assert set(document["checks"][0]) >= {
        *("row", "quantity", "analytic", "witness", "witnessed", "ok", "cause")
    }
    params = [c for c in document["checks"] if c["row"] == "" and c["quantity"] == "params"]
    assert [(c["analytic"], c["witnessed"]) for c in params] == [(346_112, 346_112)]


def test_command_against_another_network() -> None:
    ran = netcalc("verify", "naive", "--against", "reduced", "--device", "cpu")
    assert ran.code == 1
    assert re.search(r"^NOT verified: \d+ of \d+ checks differ", ran.out, re.M)
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_command_against_a_file(tmp_path: Any) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from torch import nn\ndef make():\n    return nn.Sequential(nn.Linear(4, 3))\nx = 3\n"
    )
    ran = netcalc("verify", "naive", "--against", f"{path}:make", "--device", "cpu")
    assert ran.code == 2
    assert "Sequential cannot run on 1x256x32x32: RuntimeError: mat1" in ran.err
    told = {
        f"{path}:mak": "did you mean make?",
        f"{path}:x": "made by calling",
        f"{tmp_path}/no.py:make": "there is no such file",
        "no.such.module:make": "cannot import no.such.module",
        "torchvision:googlnet": "did you mean googlenet?",
    }
    for net, said in told.items():
        ran = netcalc("verify", "naive", "--against", net)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert said in ran.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there() -> None:
    ran = netcalc("verify", "naive", "--device", "cuda")
    assert (ran.code, ran.out) == (2, "")
    assert "PyTorch finds no CUDA device here" in ran.err


def test_without_torch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from netcalc.cli import main; main(['verify', 'naive'])"
    )
    ran = process("-c", code, env={**os.environ})
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "pip install 'netcalc-nn[torch]'" in ran.stderr


# --- devices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_device_is_a_parameter(device: str) -> None:
    found = nc.verify("reduced", Reduced(), device=device)
    assert found.ok
    assert found.verification.device == device
    assert ("values" in found.verification.absent) == (device == "meta")


def test_measuring_works_on_any_device() -> None:
    facts = measure(Naive(), ((1, 256, 32, 32),), "cpu", runs=2)
    assert facts["median time of a forward pass, ms"] > 0


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("net", ["googlenet@aux=true", "googlenet-torchvision", "reduced"])
def test_on_the_gpu(net: str) -> None:
    others = {
        "googlenet@aux=true": lambda: GoogLeNet(heads=True),
        "googlenet-torchvision": torchvision_googlenet,
        "reduced": Reduced,
    }
    found = nc.verify(net, others[net](), device="cuda")
    assert found.ok, found
    assert "cuda" in found.verification.device
    assert found.verification.facts["peak memory of a forward pass, bytes"] > 0
