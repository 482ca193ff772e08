"""The verifier: green where the numbers are right, and red where they or the model are not."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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
from netcalc.pytorch.hold import fields as fields_held
from netcalc.pytorch.measure import measure
from netcalc.pytorch.pair import pair
from netcalc.pytorch.seen import fields_of
from netcalc.pytorch.undisturbed import undisturbed
from netcalc.pytorch.values import TOLERANCE, compare_values
from netcalc.pytorch.verify import look, verify
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
    rows = nc.analyse(net).rows
    layers = {
        "params": sum(bool(r.counts.params) for r in rows),
        "buffers": sum(bool(r.counts.buffers) for r in rows),
        "tensors": sum(bool(r.stored) for r in rows),
        "output": len(rows),
        "macs": sum(bool(r.counts.macs) for r in rows),
    }
    for group, n in layers.items():
        confirmed = {k: v for k, v in found.coverage.get(group, {}).items() if k >= 2}
        assert sum(confirmed.values()) == n, group
    for quantity in ("params", "buffers", "macs"):
        whole = [c.witness for c in found.checks if c.row == "" and c.quantity == quantity]
        assert len(whole) == 2, quantity
    assert not found.verification.unconfirmed()


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


def test_layers_may_have_the_names_of_a_modules_attributes() -> None:
    names = ("type", "half", "training", "graph", "parameters", "a.b", "forward")
    net = nc.network(nc.chain({n: nc.Conv2d(2, 1) for n in names}), input=(1, 2, 3, 3))
    assert nc.verify(net, device="cpu").ok
    twins = nc.network(nc.chain({n: nc.ReLU() for n in ("a.b", "a_b")}), input=(1, 2))
    with pytest.raises(nc.SpecError, match="two layers are called a_b in PyTorch; rename one"):
        nc.verify(twins, device="cpu")


def report_on(graph: Graph, op: Op, seen: Any, name: str) -> str:
    """How a changed layer is caught: where it is refused, or which checks fail at its node."""
    try:
        mutant = with_op(graph, name, op)
        result = core_analyse(mutant)
    except nc.NetcalcError as refusal:
        named = str(refusal).partition(":")[0]
        if named in downstream(graph, name):
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
    original = core_analyse(graph)
    rows = {row.name: row for row in original.rows}
    ran = {row.name: layer for row, layer in pair(original, seen.forward).pairs if layer}
    caught: dict[str, int] = {"refused": 0, "reported": 0}
    kinds: dict[str, int] = {}
    for node in graph.nodes:
        for label, op in mutants(node.op):
            try:
                how = report_on(graph, op, seen, node.name)
            except AssertionError as missed:
                pytest.fail(f"{node.name} with {label}: {missed}")
            row = rows[node.name]
            mutated = row._replace(node=row.node._replace(op=op))
            fields = list(fields_held(mutated, fields_of(ran[node.name]), "module"))
            assert any(not c.ok for c in fields), f"{node.name} with {label}: the fields agree"
            caught[how] += 1
            kinds[node.op.type] = kinds.get(node.op.type, 0) + 1
    total = sum(caught.values())
    with capsys.disabled():
        print(f"\n{total} mutants of GoogLeNet with heads, all caught: {caught}")
    # 59 convolutions x 21, 13 max pools x 18, 2 average pools x 14, and the others
    assert kinds == {
        "Conv2d": 59 * 21,
        "MaxPool2d": 13 * 18,
        "AvgPool2d": 2 * 14,
        "Linear": 5 * 3,
        "AdaptiveAvgPool2d": 4,
        "LocalResponseNorm": 2 * 5,
        "Dropout": 3,
        "Concat": 9 * 2,
        "Flatten": 3 * 4,
        "Softmax": 2,
    }
    assert total == 1565


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

    def __init__(self, fail: type[BaseException] | None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.conv.weight.requires_grad_(False)
        self.register_buffer("seen", torch.ones(()))
        self.cache: list[Any] = []
        self.fail = fail

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.cache.append(x)
        self.seen.fill_(2.0)
        x = self.bn(self.conv(x))
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        random.random(), np.random.rand(), torch.rand(1)
        if self.fail:
            raise self.fail("out of\nluck")
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


FAILURES = [None, RuntimeError, KeyError, SystemExit, StopIteration, KeyboardInterrupt]


@pytest.mark.parametrize("fail", FAILURES)
def test_the_model_is_left_as_it_was(fail: type[BaseException] | None) -> None:
    net = nc.network(
        nc.chain(conv=(nc.Conv2d(4, 3), nc.BatchNorm2d())), input=(1, 3, 8, 8), name="fussy"
    )
    model = Fussy(fail).train()
    model.bn.eval()
    model.conv.register_forward_hook(lambda *_: None)
    before = state(model)
    if fail is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            nc.verify(net, model, device="cpu")
    elif fail:
        said = rf"Fussy cannot run on 1x3x8x8: {fail.__name__}: .?out.*luck"
        with pytest.raises(nc.NetcalcError, match=said):
            nc.verify(net, model, device="cpu")
    else:
        # its own buffer is one more than the spec has: that is told, and nothing else
        found = nc.verify(net, model, device="cpu")
        assert {(c.row, c.quantity) for c in found.differences} == {("", "buffers")}
    after = state(model)
    assert [k for k in before if not same(before[k], after[k])] == []


def test_the_comparison_of_states_can_fail() -> None:
    model = Fussy(None)
    before = state(model)
    model(torch.randn(1, 3, 8, 8))
    changed = [k for k, v in state(model).items() if not same(before[k], v)]
    assert changed == [*("tensors", "cache", "torch rng", "python rng", "numpy rng", "backends")]
    torch.backends.cudnn.benchmark = before["backends"][1]


class Closing(nn.Module):
    """A model that reaches itself through a function, which a copy of it still has."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.through = lambda x: self.bn(self.conv(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.through(x)


def test_a_model_that_a_copy_still_reaches_is_put_back() -> None:
    net = nc.network(nc.chain(conv=(nc.Conv2d(4, 3), nc.BatchNorm2d())), input=(1, 3, 8, 8))
    model = Closing().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    nc.verify(net, model, device="cpu")
    assert same(before, dict(model.state_dict()))
    assert model.bn.training


def test_a_model_that_cannot_be_copied_is_refused() -> None:
    class Same(Naive):
        def __deepcopy__(self, memo: Any) -> Same:
            return self

    with pytest.raises(nc.NetcalcError, match="shares tensors with it"):
        nc.verify("naive", Same(), device="cpu")


# --- networks that differ in what no size shows ---------------------------------------------------


def tiny(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), *layers)


TINY = nc.network(
    nc.chain(conv=(nc.Conv2d(4, 3), nc.ReLU()), pool=nc.MaxPool2d(3, 1, padding=1)),
    input=(1, 3, 8, 8),
)


@pytest.mark.parametrize(
    ("layers", "differs"),
    [
        ((nn.ReLU(), nn.MaxPool2d(3, 1, 1)), False),
        ((nn.ReLU(), nn.Identity(), nn.MaxPool2d(3, 1, 1)), False),
        ((nn.ReLU(), nn.MaxPool2d(3, 1, 1), nn.LeakyReLU()), True),
        ((nn.ReLU(), nn.MaxPool2d(3, 1, 1), nn.Hardtanh(-1e9, 1e9)), True),
        ((nn.MaxPool2d(3, 1, 1), nn.ReLU()), True),
        ((nn.ReLU(), nn.Dropout(0.5), nn.MaxPool2d(3, 1, 1)), True),
    ],
)
def test_layers_too_many_and_in_another_order(layers: Any, differs: bool) -> None:
    found = nc.verify(TINY, tiny(*layers), device="cpu")
    assert found.ok != differs, found


class Forms(nn.Module):
    """The same little network in forms that people write."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.output = nn.Linear(4 * 6 * 6, 5)
        self.conv = nn.Conv2d(3, 4, 3)
        self.form = form

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x))
        x = x.view(x.size(0), -1) if self.form == "view" else torch.flatten(x, -3)
        return torch.softmax(self.output(x), 1)


@pytest.mark.parametrize("form", ["view", "negative axes"])
def test_usual_forms_are_recognised(form: str) -> None:
    net = nc.network(
        nc.chain(
            conv=(nc.Conv2d(4, 3), nc.ReLU()),
            flatten=nc.Flatten(),
            output=nc.Linear(5),
            softmax=nc.Softmax(-1),
        ),
        input=(1, 3, 8, 8),
    )
    found = nc.verify(net, Forms(form), device="cpu")
    assert found.ok, found
    assert len([c for c in found.checks if c.group == "values"]) == 3
    assert nc.verify(net, Forms(form).half().float().double(), device="cpu").ok


def test_tied_weights_and_a_module_called_twice() -> None:
    chain = nc.network(nc.chain(a=nc.Linear(6), b=nc.Linear(6)), input=(2, 6))
    tied = chain.nodes[1]._replace(tensors={"weight": "a.weight", "bias": "a.bias"})
    net = dataclasses.replace(chain, nodes=(chain.nodes[0], tied))

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(self.layer(x))

    assert nc.analyse(net).totals.params == 42
    assert nc.verify(net, device="cpu").ok
    found = nc.verify(net, Twice(), device="cpu")
    assert found.ok, found
    unknown = dataclasses.replace(
        chain, nodes=(chain.nodes[0], tied._replace(tensors={"weight": "z.weight"}))
    )
    with pytest.raises(nc.NetcalcError, match=r"b: there is no z.weight for its weight"):
        nc.verify(unknown, device="cpu")


def test_momentum_and_sizes_of_none() -> None:
    net = nc.network(
        nc.chain(bn=nc.BatchNorm2d(momentum=None), pool=nc.AdaptiveAvgPool2d((None, 2))),
        input=(1, 3, 8, 8),
    )
    found = nc.verify(net, device="cpu")
    assert found.ok, found


def test_a_subclass_is_the_layer_that_it_is_of() -> None:
    class Mine(nn.Conv2d):
        pass

    model = nn.Sequential(Mine(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 1, 1))
    found = nc.verify(TINY, model, device="cpu")
    assert found.ok
    assert found.coverage["macs"] == {2: 1}


def test_what_no_witness_saw_is_said() -> None:
    """A convolution by function is in no module to which a counter could give its MACs."""

    class Free(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))
            self.bias = nn.Parameter(torch.randn(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.conv2d(x, self.weight, self.bias).relu()
            return nn.functional.max_pool2d(x, 3, 1, 1)

    found = nc.verify(TINY, Free(), device="cpu")
    assert found.coverage["macs"] == {0: 1}
    told = " ".join(found.table().split())
    assert "not confirmed: the MACs of 1 layer" in told
    own = " ".join(nc.verify(TINY, device="cpu").table().split())
    assert "one witness alone: 1 layer's fields (ReLU)" in own
    assert "state_dict: the tensors that the model saves" in own


def test_the_legend_has_the_witnesses_of_the_table() -> None:
    """A network without tensors: state_dict has nothing to say of any of its layers."""
    told = nc.verify(nc.network(nc.ReLU(), input=(1, 3)), device="cpu").table()
    assert "state_dict" not in told
    assert "forward: a forward pass with real tensors" in told


def test_a_model_that_values_cannot_be_had_of() -> None:
    class Single(Naive):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).view(1, 672, 32, 32)

    found = nc.verify("naive", Single(), device="cpu")
    assert found.verification.absent["values"].startswith("RuntimeError")
    assert "not confirmed: the wiring" in " ".join(found.table().split())


def test_unbatched_networks_by_value() -> None:
    net = nc.network(nc.chain(conv=nc.Conv2d(4, 3)), input=(3, 8, 8), batched=False)
    found = nc.verify(net, nn.Conv2d(3, 4, 3), device="cpu")
    assert found.ok, found


def test_every_number_of_the_document_is_json() -> None:
    class Nothing(Naive):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * float("nan")

    document = nc.verify("naive", Nothing(), device="cpu").to_dict()
    json.dumps(document, allow_nan=False)


def test_models_of_other_hands_know_nothing_of_netcalc() -> None:
    folder = Path(__file__).parent / "models"
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [n for n in names if n.partition(".")[0] not in ("__future__", "torch")]


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
    assert [(c["analytic"], c["witnessed"]) for c in params] == [(346_112, 346_112)] * 2


def test_command_against_another_network() -> None:
    ran = netcalc("verify", "naive", "--against", "reduced", "--device", "cpu")
    assert ran.code == 1
    assert re.search(r"^NOT verified: \d+ of \d+ checks differ", ran.out, re.M)
    assert all(len(line) <= 80 for line in ran.out.splitlines())


def test_a_difference_is_told_to_the_shell_even_if_nobody_reads() -> None:
    shell = (
        f"{sys.executable} -m netcalc verify naive --against reduced --device cpu | true;"
        " exit ${PIPESTATUS[0]}"
    )
    ran = process_of(["bash", "-c", shell])
    assert (ran.returncode, ran.stderr) == (1, "")


def process_of(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


ODD = """
import sys
from torch import nn
module = nn.Linear(4, 3)
def needs(x): return nn.Linear(x, 3)
def leaves(): sys.exit(0)
def breaks(): return {}["key"]
def nothing(): return None
def prints():
    print("hello")
    return nn.Linear(4, 3)
class Exits(nn.Module):
    def forward(self, x): raise SystemExit(0)
class Asserts(nn.Module):
    def forward(self, x): assert False, "no"
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("module", "Linear cannot run on 1x256x32x32"),
        ("needs", ":needs needs x: write "),
        ("leaves", "SystemExit: 0"),
        ("breaks", "KeyError: 'key'"),
        ("nothing", "made a NoneType, not an nn.Module"),
        ("prints", "Linear cannot run on 1x256x32x32"),
        ("Exits", "Exits cannot run on 1x256x32x32: SystemExit: 0"),
        ("Asserts", "Asserts cannot run on 1x256x32x32: AssertionError: no"),
    ],
)
def test_odd_models_are_told_in_one_line(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    before = list(sys.path)
    ran = netcalc("verify", "naive", "--against", f"{tmp_path}/odd.py:{name}", "--device", "cpu")
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err.splitlines()[-1]
    assert sys.path == before


@pytest.mark.parametrize("text", ["def (", "raise ValueError('x')", "import no_such_package"])
def test_files_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(text)
    ran = netcalc("verify", "naive", "--against", f"{tmp_path}/bad.py:make")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("net", [":", ":x", "x:", ".m:boom", "", "naive@c_in=128"])
def test_odd_names_to_verify_against(net: str) -> None:
    ran = netcalc("verify", "naive", "--against", net, "--device", "cpu")
    assert (ran.code, ran.err.count("\n")) == (2, 1)


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
        f"{path}:x": "a model is made by calling one",
        f"{tmp_path}/no.py:make": "there is no such file",
        "no.such.module:make": "No module named 'no'",
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


def test_the_witnesses_of_each_group_are_named_once() -> None:
    found = nc.verify("reduced", device="cpu").verification.witnesses()
    assert found["fields"] == ["module", "operators"]
    assert found["macs"] == ["flopcounter", "fvcore"]
    assert found["output"] == ["forward", "operators"]
