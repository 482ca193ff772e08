"""Spec files: what they mean, what they refuse, and that the whole zoo survives the round trip."""

from __future__ import annotations

import inspect
import json
import random
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import netcalc as nc
from netcalc.core.analyse import analyse as fold
from netcalc.core.graph import Graph, Node
from netcalc.core.memory import memory
from netcalc.core.ops.custom import Custom
from netcalc.errors import InputError, NetcalcError, SpecError, UnknownNameError
from netcalc.pytorch.build import build
from netcalc.spec import EXAMPLE, network_of
from netcalc.spec.advice import MODULES, for_type
from netcalc.spec.export import WRITERS, _flat, export
from netcalc.spec.expression import evaluate
from netcalc.spec.kinds import ACTIVATIONS, known_kinds
from netcalc.spec.reader import read
from netcalc.spec.schema import schema
from netcalc.zoo import entries
from tests.commands import netcalc

TWO = """\
name: two towers
parameters: [c=8, bias=true]
inputs:
  left: [1, 3, 16, 16]
  right: [1, 3, 16, 16]
blocks:
  stem:
    parameters: [c, p=1]
    layers:
      - conv: {type: Conv2d, out_channels: c, kernel: 2*p + 1, padding: p, then: ReLU}
      - pool: {type: MaxPool2d, kernel: 2}
  fuse:
    inputs: [a, b]
    layers:
      - conv_a: {type: Conv2d, out_channels: 4, kernel: 1}
      - conv_b: {type: Conv2d, out_channels: 4, kernel: 1, inputs: b}
      - both: {type: Add, inputs: [conv_a, conv_b]}
layers:
  - stem_left: {type: stem, c: c}
  - stem_right: {type: stem, c: c, p: 2, inputs: right}
  - fused: {type: fuse, inputs: [stem_left, stem_right]}
  - stack: {type: Conv2d, out_channels: 4, kernel: 3, padding: 1, bias: bias, repeat: 3}
  - skip: {type: Concat, inputs: [stack, stem_left/pool]}
  - side: {head: [{flatten: Flatten}, {fc: {type: Linear, out_features: 2}}]}
  - scaled: {type: Scale, factor: 0.5, then: [{type: BatchNorm2d, momentum: none}, ReLU]}
"""


def graph(text: str, name: str = "net.yaml", **arguments: Any) -> Graph:
    return network_of(read(text, name), name, arguments)


def bare(network: Graph) -> tuple[Node, ...]:
    """The nodes, wherever they are written down."""
    return tuple(node._replace(place="") for node in network.nodes)


def assert_same(a: Graph, b: Graph) -> None:
    assert bare(a) == bare(b)
    assert list(a.outputs.items()) == list(b.outputs.items())
    assert list(a.inputs.items()) == list(b.inputs.items())
    assert (a.name, a.paper, a.batched, a.loss_weights) == (
        b.name,
        b.paper,
        b.batched,
        b.loss_weights,
    )


def layers(*lines: str, head: str = "input: [1, 4, 8, 8]") -> str:
    return "\n".join((head, "layers:", *(f"  - {line}" for line in lines)))


# --- the example -------------------------------------------------------------------------------


def test_the_example_is_googlenet_in_sixty_lines() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 60
    assert_same(nc.load(str(EXAMPLE)), nc.load("googlenet"))
    totals = nc.analyse(str(EXAMPLE)).totals
    assert (totals.params, totals.macs) == (6_998_552, 1_582_671_872)


def test_the_example_prints_the_papers_table() -> None:
    of_file, of_zoo = (netcalc("table", n).out.split("\n", 1) for n in (str(EXAMPLE), "googlenet"))
    assert of_file[1] == of_zoo[1]


def test_a_changed_example_is_seen() -> None:
    """Its twin: one width changed is another network."""
    text = EXAMPLE.read_text("utf-8").replace("c5: 32", "c5: 33", 1)
    assert bare(graph(text)) != bare(nc.load("googlenet"))


def test_a_text_may_be_left_out_by_its_name() -> None:
    """What is computed in another type says so; none is as nothing."""
    said = graph(layers("a: {type: Softmax, dtype: none}", "b: {type: Softmax, dtype: float64}"))
    assert [node.op for node in said.nodes] == [nc.Softmax(), nc.Softmax(dtype="float64")]
    assert nc.analyse(said).outputs["b"].dtype == "float64"
    with pytest.raises(nc.SpecError, match=r"dtype must be one of float64, .*, got 'int64'"):
        graph(layers("a: {type: Softmax, dtype: int64}"))
    with pytest.raises(nc.SpecError, match="dtype must be text, got 64"):
        nc.Softmax(dtype=64)  # type: ignore[arg-type]


# --- the round trip ----------------------------------------------------------------------------


def variants() -> list[str]:
    """Every network of the zoo, with each of its flags and choices."""
    found = []
    for name, entry in entries().items():
        found.append(name)
        for argument, p in entry.parameters().items():
            found += [f"{name}@{argument}={value}" for value in choices(p)]
    return found


def choices(parameter: inspect.Parameter) -> list[str]:
    kind = str(parameter.annotation)
    if kind == "bool":
        return ["true"] if not parameter.default else ["false"]
    if kind.startswith("Literal["):
        return re.findall(r"[\w.]+", kind[len("Literal[") :])
    return []


def loadable(net: str) -> bool:
    try:
        nc.load(net)
    except InputError:  # vgg16@config=c and the like go with some networks only
        return False
    return True


ZOO = [net for net in variants() if loadable(net)]


def test_a_computed_weight_is_an_input_and_no_parameter() -> None:
    made = odd_graphs()[-1]
    row = nc.analyse(made).rows[-1]
    assert [x.dims for x in row.ins] == [(1, 4, 8, 8)]
    assert row.counts.params == 4  # the bias
    assert row.counts.macs == 4 * 4 * 8 * 8


def test_the_zoo_is_all_there() -> None:
    assert set(entries()) <= set(ZOO)
    assert len(ZOO) >= 50


@pytest.mark.parametrize("to", WRITERS)
@pytest.mark.parametrize("net", ZOO)
def test_the_zoo_survives_the_round_trip(net: str, to: str, tmp_path: Path) -> None:
    made = nc.load(net)
    file = tmp_path / f"net.{to}"
    file.write_text(nc.export(made, to), "utf-8")
    assert_same(nc.load(str(file)), made)


@pytest.mark.parametrize("net", ZOO)
def test_the_flat_form_is_as_exact(net: str) -> None:
    made = nc.load(net)
    for to, write in WRITERS.items():
        assert_same(graph(write(_flat(made)), f"{made.name}.{to}"), made)


def test_two_towers_survive_it() -> None:
    for to in WRITERS:
        text = export(graph(TWO), to)
        assert_same(graph(text, f"x.{to}"), graph(TWO))


def odd_graphs() -> list[Graph]:
    """Graphs as no builder of this project makes them."""
    x = nc.Tensor((1, 4, 8, 8), "float16")
    conv, relu = nc.Conv2d(4, 1), nc.ReLU()
    source = (("x", 0),)
    tapped = (
        Node("a", conv, source, "a"),
        Node("a_relu", relu, (("a", 0),), "a"),
        Node("b", nc.Add(), (("a", 0), ("a_relu", 0)), "b"),
    )
    apart = (
        Node("m/a", conv, source, "m/a"),
        Node("n", conv, (("m/a", 0),), "n"),
        Node("m/b", conv, (("n", 0),), "m/b"),
        Node("m/concat", nc.Concat(), (("m/b", 0), ("m/a", 0)), "m/concat"),
    )
    tied = (
        Node("a", conv, source, "a", frozen=frozenset({"weight", "bias"})),
        Node("b", conv, (("a", 0),), "a", {"weight": "a.weight", "bias": None}),
    )
    doubled = (
        Node("m/a", conv, source, "m/a"),
        Node("m/add", nc.Add(), (("m/a", 0), ("m/a", 0), ("x", 0), ("x", 0)), "m/add"),
    )
    nested = (
        Node("a", conv, source, "a"),
        Node("a/a", conv, (("a", 0),), "a/a"),
        Node("a/a/a", conv, (("a", 0),), "a/a/a"),
        Node("a/b/a", conv, (("a/a", 0),), "a/b/a"),
    )
    words = tuple(
        Node(name, conv, source, name) for name in ("true", "no", "1.5", "-", "ä/ö", "layers")
    )
    computed = (
        Node("w", nc.Conv2d(4, 1), source, "w"),
        Node("a", conv, (*source, ("w", 0)), "a", {"weight": None}, operands=("weight",)),
    )
    made = (tapped, apart, tied, doubled, nested, words, computed)
    return [
        Graph(f"odd{i}", nodes, {"x": x}, {"out": (nodes[-1].name, 0), "also": (nodes[0].name, 0)})
        for i, nodes in enumerate(made)
    ]


@pytest.mark.parametrize("to", WRITERS)
@pytest.mark.parametrize("made", odd_graphs(), ids=lambda g: g.name)
def test_odd_graphs_survive_it(made: Graph, to: str) -> None:
    assert_same(graph(export(made, to), f"{made.name}.{to}"), made)


# --- traced models -----------------------------------------------------------------------------

TRACED = {
    "timm:vit_tiny_patch16_224": 5_717_416,  # timm's own table of results: 5.72 M
    "timm:efficientnet_b0": 5_288_548,  # layers inside normalisations
    "torchvision:swin_t": 28_288_354,  # torchvision's documentation of Swin_T_Weights
    "hf": 229_632,  # (1000 + 1024)*64 + 2*(12*64*64 + 13*64) + 2*64, the head being the table
}
GPT2 = '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 64, "n_layer": 2,'
GPT2 += '"n_head": 4, "vocab_size": 1000}'


@pytest.mark.parametrize("net", TRACED)
def test_traced_models_survive_it(net: str, tmp_path: Path) -> None:
    """With their numbers; tensors are named after the layers that have them."""
    (tmp_path / "gpt2.json").write_text(GPT2)
    traced = nc.analyse(f"hf:{tmp_path / 'gpt2.json'}" if net == "hf" else net)
    for to in WRITERS:
        (tmp_path / f"net.{to}").write_text(nc.export(traced, to))
        again = nc.analyse(str(tmp_path / f"net.{to}"))
        assert again.totals == traced.totals
        assert again.totals.params == TRACED[net]
        numbers = [[(r.name, r.type, r.outs, r.counts) for r in a.rows] for a in (again, traced)]
        assert numbers[0] == numbers[1]
        assert memory(again.result) == memory(traced.result)
    document = json.loads((tmp_path / "net.json").read_text())
    assert not list(VALID.iter_errors(document))


class Tied(torch.nn.Module):
    """A table that is read twice, and a bias by itself, both of modules that are not called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.nn.functional.linear(x, self.inner.weight)
        return torch.nn.functional.linear(x, self.inner.weight) + self.inner.bias


def test_types_of_tensors_survive_it(tmp_path: Path) -> None:
    """Weights of float32 and bfloat16 in one model, of 16 x 4 and 36 x 2 bytes."""

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.low = nn.LayerNorm(8), nn.Linear(8, 4).bfloat16()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.low(self.norm(x.bfloat16()))
            return y

    text = nc.export(nc.trace(Mixed(), torch.ones(2, 8)))
    file = tmp_path / "mixed.yaml"
    file.write_text(text, "utf-8")
    assert nc.analyse(str(file)).totals.param_bytes == 4 * 16 + 2 * 36
    file.write_text(text.replace("weight: float32", "weight: float17"), "utf-8")
    with pytest.raises(nc.SpecError, match=r"no type 'float17'; did you mean float1"):
        nc.load(str(file))


def test_tensors_of_modules_are_named_after_layers() -> None:
    """Those that several layers have are still shared, and biases are still biases."""
    traced = nc.trace(Tied(), torch.zeros(1, 4))
    text = nc.export(traced)
    assert "{type: Linear, out_features: 4, bias: false, tensors: {weight: linear.weight}}" in text
    totals = nc.analyse(graph(text)).totals
    assert (totals.weights, totals.biases) == (16, 4)


class Overwritten(torch.nn.Module):
    """Half of the channels written over, in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        x[:, :2] = x[:, 2:]
        x[:, 0] = 0
        return x.relu()


def test_a_tensor_that_was_written_to_is_exported() -> None:
    traced = nc.analyse(nc.trace(Overwritten(), torch.zeros(1, 4, 8, 8)))
    again = nc.analyse(graph(nc.export(traced)))
    assert [row.type for row in again.rows] == [row.type for row in traced.rows]
    assert again.rows[-1].outs[0].dims == (1, 4, 8, 8)
    ops = {"add": 4 * 8 * 8, "cmp": 4 * 8 * 8}
    assert {k: v for k, v in again.totals.ops.items() if v} == ops
    assert not list(VALID.iter_errors(json.loads(nc.export(traced, "json"))))


def test_a_layer_with_a_rule_in_python_is_no_layer_of_a_file(tmp_path: Path) -> None:
    """Told with its name; the message is one line, and nothing of a file that is not there."""
    made = Graph(
        "ruled",
        (Node("a/scan", Custom("library::scan", (nc.Tensor((1, 2)),)), (("x", 0),), "a/scan"),),
        {"x": nc.Tensor((1, 2))},
        {"y": ("a/scan", 0)},
    )
    said = "ruled cannot be written as a file: a/scan: library::scan has a rule in Python"
    with pytest.raises(SpecError, match=re.escape(said)):
        export(made)


def test_what_cannot_be_read_back_names_the_network() -> None:
    path = "/".join(["a" * 60] * 5)
    node, x = Node(path, nc.ReLU(), (("x", 0),), path), nc.Tensor((1,))
    made = Graph("n", (node,), {"x": x}, {"y": (path, 0)})
    with pytest.raises(
        SpecError, match=r"n cannot be written as a file: (?!\w+[.]yaml).*more than 300"
    ):
        export(made)


def test_long_names_of_networks_are_cut() -> None:
    made = nc.network(nc.chain(a=nc.ReLU()), input=(1, 2), name="/".join("a" * 80) + "/net")
    assert graph(export(made)).name == made.name[-100:]


@given(st.data())
def test_random_graphs_survive_it(data: st.DataObject) -> None:
    """Paths, inputs and units drawn at random, whether or not they look like modules."""
    names = data.draw(
        st.lists(
            st.from_regex(r"[ab](/[ab]){0,2}(_relu)?", fullmatch=True),
            unique=True,
            min_size=1,
            max_size=8,
        )
    )
    nodes: list[Node] = []
    for name in names:
        known = ["input", *(node.name for node in nodes)]
        op = data.draw(st.sampled_from([nc.ReLU(), nc.Concat(), nc.Written(), nc.Conv2d(4, 1)]))
        least, most = op.ARITY
        count = data.draw(st.integers(least, most or 3))
        inputs = tuple((data.draw(st.sampled_from(known)), 0) for _ in range(count))
        unit = data.draw(st.sampled_from([name, name, name.removesuffix("_relu")]))
        nodes.append(Node(name, op, inputs, unit))
    outs = data.draw(st.lists(st.sampled_from(names), unique=True, min_size=1))
    x = {"input": nc.Tensor((1, 4, 8, 8))}
    made = Graph("random", tuple(nodes), x, {name: (name, 0) for name in outs})
    for to in WRITERS:
        assert_same(graph(export(made, to), f"random.{to}"), made)


# --- what a file means -------------------------------------------------------------------------


def test_blocks_inputs_and_repeats() -> None:
    made = graph(TWO)
    assert made.name == "two towers"
    rows = {row.name: row for row in nc.analyse(made).rows}
    assert rows["stem_right/conv"].node.inputs == (("right", 0),)
    assert rows["stem_right/conv"].counts.params == 8 * 3 * 5 * 5 + 8
    assert rows["fused/conv_b"].node.inputs == (("stem_right/pool", 0),)
    assert [n for n in rows if n.startswith("stack/")] == ["stack/0", "stack/1", "stack/2"]
    assert rows["stack/1"].node.inputs == (("stack/0", 0),)
    assert rows["skip"].outs[0].dims == (1, 12, 8, 8)
    assert rows["scaled_bn"].node.op.momentum is None  # type: ignore[attr-defined]
    assert list(made.outputs) == ["scaled_relu", "side"]


def test_parameters_are_set_from_outside(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    rows = {row.name: row for row in nc.analyse(f"{file}@c=16,bias=false").rows}
    assert rows["stem_left/conv"].counts.params == 16 * 3 * 9 + 16
    assert rows["stack/0"].counts.params == 4 * 4 * 9
    assert nc.load(str(file), c=16).nodes[0].op == nc.Conv2d(16, 3, padding=1)
    for wrong, said in (
        ("@c=x", "c must be an integer, got 'x'"),
        ("@bias=3", "bias must be true or false, got '3'"),
        ("@d=1", "has no argument 'd'; it takes c, bias"),
        ("@c", "write arguments as name=value"),
        ("@c=1,c=2", "sets c twice"),
    ):
        with pytest.raises(NetcalcError, match=re.escape(said)):
            nc.load(f"{file}{wrong}")


def test_parameters_may_be_arrays() -> None:
    """One file, many candidates: what sweeps are made of."""
    made = graph(TWO, c=np.array([8, 16]))
    refused = []
    totals = fold(made, on_guard=lambda *_: refused.append(1)).totals
    single = [nc.analyse(graph(TWO, c=c)).totals.params for c in (8, 16)]
    assert list(totals.params) == single


def test_names_mean_the_nearest_earlier_layer() -> None:
    text = layers(
        "conv: {type: Conv2d, out_channels: 5, kernel: 1}",
        "part: [{conv: {type: Conv2d, out_channels: 6, kernel: 1}},"
        " {again: {type: Conv2d, out_channels: 7, kernel: 1, inputs: conv}}]",
        "last: {type: Conv2d, out_channels: 8, kernel: 1, inputs: conv}",
        "first: {type: Conv2d, out_channels: 9, kernel: 1, inputs: input}",
        "deep: [{conv: ReLU}, {root: {type: ReLU, inputs: /conv}}]",
        "unit: {type: ReLU, then: Tanh}",
        "middle: {type: ReLU, inputs: unit_tanh}",
    )
    by_name = {node.name: node.inputs[0][0] for node in graph(text).nodes}
    assert by_name["part/again"] == "part/conv"
    assert by_name["last"] == "conv"
    assert by_name["first"] == "input"
    assert by_name["deep/root"] == "conv"
    assert graph(text).nodes[-1].inputs == (("unit_tanh", 0),)


def test_a_branch_means_its_end() -> None:
    text = layers(
        "s: {branches: {a: {type: Conv2d, out_channels: 4, kernel: 1, then: ReLU}, b: [{c: ReLU},"
        " {d: Tanh}], e: []}}",
        "x: {type: Add, inputs: [s/a, s/b, s/b/c]}",
    )
    assert graph(text).nodes[-1].inputs == (("s/a_relu", 0), ("s/b/d", 0), ("s/b/c", 0))


STORED = """\
input: [1, 8, 6]
blocks:
  token: {type: Parameter, size: [1, 1, 6]}
layers:
  - cls: {type: Parameter, size: [1, 1, 6]}
  - none: {type: Parameter, size: [1, 1, 6], inputs: []}
  - of_block: token
  - zeros: {type: Constant, size: [1, 1, 6]}
  - all: {type: Concat, dim: 1, inputs: [cls, none, of_block, zeros, input]}
  - positions: {type: Buffer, size: [1, 12, 6]}
  - sum: {type: Add, inputs: [all, positions]}
  - fc: {type: Linear, out_features: 2}
  - bias: {type: Parameter, size: [2]}
  - out: {type: Binary, function: add, inputs: [fc, bias]}
"""


def test_a_layer_of_a_kind_without_inputs_takes_none() -> None:
    """Wherever it stands: the first, after another, as a block, with inputs that are none."""
    made = graph(STORED)
    totals = nc.analyse(made).totals
    assert (totals.weights, totals.biases, totals.buffers) == (3 * 6 + 6 * 2, 2 + 2, 12 * 6)
    assert totals.macs == 12 * 6 * 2
    assert [n.name for n in made.nodes if not n.inputs] == [
        *("cls", "none", "of_block", "zeros", "positions", "bias")
    ]
    for to in WRITERS:
        assert_same(graph(export(made, to), f"net.{to}"), made)
    ready = nc.chain(a=nc.Parameter((1, 4)), b=nc.use(nc.Add(), "a", "input"))
    assert nc.analyse(nc.network(ready, input=(1, 4))).totals.params == 4
    wrong = nc.chain(a=nc.use(nc.Parameter((1, 4)), "input"))
    with pytest.raises(SpecError, match="a: it takes no inputs; leave them out"):
        nc.network(wrong, input=(1, 4))


def test_what_is_kept_for_the_next_step_is_named() -> None:
    made = graph(layers("a: ReLU", "b: {type: Split, sizes: [2, 2], dim: 1}") + "\ncache: [a, b:1]")
    assert made.cache == (("a", 0), ("b", 1))
    assert nc.analyse(made).totals.cache_bytes == 4 * (4 * 8 * 8 + 2 * 8 * 8)
    assert graph(export(made)).cache == made.cache


def test_a_block_of_one_layer_takes_all_inputs() -> None:
    text = "blocks: {sum: {inputs: [p, q], type: Add}}\n" + layers(
        "a: ReLU", "b: {type: sum, inputs: [a, input]}"
    )
    assert graph(text).nodes[-1].inputs == (("a", 0), ("input", 0))


def test_the_same_layer_twice_under_then() -> None:
    names = [n.name for n in graph(layers("a: {type: ReLU, then: [Tanh, ReLU, Tanh]}")).nodes]
    assert names == ["a", "a_tanh", "a_relu", "a_tanh2"]


def test_numbers_from_python() -> None:
    text = "parameters: {r: 0.5, c: , s: same}\n" + layers(
        "a: {type: Conv2d, out_channels: c, kernel: 3, padding: s, then: {type: Dropout, p: r}}"
    )
    assert graph(text, r=0.25, c=4).nodes[1].op == nc.Dropout(0.25)
    assert graph(text, r="1e-1", c="4", s="valid").nodes[0].op == nc.Conv2d(4, 3, padding="valid")
    assert graph(text, c=np.int64(4)).nodes[0].op == nc.Conv2d(4, 3, padding="same")
    assert type(graph(text, c=np.int64(4)).nodes[0].op.out_channels) is int  # type: ignore[attr-defined]
    for odd in (None, {}, b"3", object(), 1.5, True):
        with pytest.raises(InputError, match="c must be an integer"):
            graph(text, c=odd)
    for wrong, said in (({"c": "a"}, "c must be an integer, got 'a'"), ({}, "needs c: write")):
        with pytest.raises(InputError, match=said):
            graph(text, **wrong)
    with pytest.raises(SpecError, match=r"p must be a number such as 0\.75 or 1e-4, got half"):
        graph(text, c=4, r="half")


def test_a_block_does_not_see_outside() -> None:
    text = "blocks: {inner: [{x: {type: ReLU, inputs: before}}]}\n" + layers(
        "before: ReLU", "block: inner"
    )
    with pytest.raises(SpecError, match=r"net.yaml:1 block/x: there is no earlier layer before"):
        graph(text)


def test_what_is_said_of_tensors_is_said_of_the_first_layer() -> None:
    text = layers(
        "a: {type: Conv2d, out_channels: 4, kernel: 1, then: BatchNorm2d}",
        "b: {type: Conv2d, out_channels: 4, kernel: 1, tensors: {weight: a.weight},"
        " frozen: bias, then: BatchNorm2d}",
    )
    made = graph(text)
    totals = nc.analyse(made).totals
    assert totals.params == (16 + 4 + 8) + (4 + 8)
    assert totals.trainable == totals.params - 4
    assert_same(graph(export(made)), made)


def test_a_shared_tensor_is_anothers() -> None:
    text = layers("a: {type: Linear, out_features: 8}", "b: {type: Linear, out_features: 8, X}")
    for said, message in (
        (
            "tensors: {weight: a.wieght}",
            "no other layer has a.wieght (its weight); did you",
        ),
        ("tensors: {weight: b.weight}", "no other layer has b.weight"),
    ):
        with pytest.raises(SpecError, match=re.escape(message)):
            nc.analyse(graph(text.replace("X", said)))
    assert nc.analyse(graph(text.replace("X", "tensors: {weight: a.weight}"))).totals.params == 80
    both = text.replace("X", "tensors: {weight: w}").replace("8}", "8, tensors: {weight: w}}", 1)
    assert nc.analyse(graph(both)).totals.params == 80


def test_indices_stay_a_list() -> None:
    for indices in ((1,), (0, 0, 0), (2, 1)):
        made = nc.network(nc.chain(a=nc.Select(indices)), input=(1, 4, 3, 3))
        assert made.nodes[0].op.attrs()["indices"] == indices
        for to in WRITERS:
            assert_same(graph(export(made, to), f"x.{to}"), made)
    assert graph(layers("a: {type: Select, indices: 1}")).nodes[0].op == nc.Select((1,))


def test_names_of_all_kinds(tmp_path: Path) -> None:
    for stem in ("\U0001f600 x", "a\nb", "\x1b[2J", "x" * 150):
        file = tmp_path / f"{stem}.yaml"
        file.write_text(layers("\U00010400: ReLU"), "utf-8")
        made = nc.load(str(file))
        for to in WRITERS:
            assert_same(graph(export(made, to), f"x.{to}"), made)
        assert "\x1b" not in netcalc("table", str(file)).out


def test_no_control_codes_reach_a_terminal(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text('input: [1]\nlayers: [{"\\e]0;X\\a\\e[2J": {type: Rel}}]')
    ran = netcalc("table", str(file))
    assert ran.code == 2
    assert ran.err.strip().isprintable()


def test_an_empty_network_is_exported() -> None:
    made = nc.network(nc.chain(), input=(1, 2))
    assert_same(graph(export(made)), made)


def test_what_no_file_can_say_is_refused() -> None:
    made = nc.network(nc.chain(a=nc.Conv2d(np.array([1, 2]), 1)), input=(1, 4, 3, 3))
    with pytest.raises(SpecError, match="which is no number"):
        export(made)
    for to in ("xml", ["yaml"]):
        with pytest.raises(InputError, match="choose from yaml, json"):
            export(nc.load("reduced"), to)  # type: ignore[arg-type]


def test_outputs_are_named() -> None:
    text = layers("a: ReLU", "b: [{c: ReLU}, {d: Tanh}]", "e: ReLU") + "\noutputs: {main: b, x: a}"
    assert list(graph(text).outputs.items()) == [("main", ("b/d", 0)), ("x", ("a", 0))]
    assert list(graph(text.replace("{main: b, x: a}", "[e, b/c]")).outputs) == ["e", "b/c"]


def test_json_beyond_yaml() -> None:
    """Halves of characters and control codes, which YAML does not take."""
    document = {"name": "\U0001f600 \x7f"[:-2], "input": [1, 4], "layers": [{"a": "ReLU"}]}
    assert graph(json.dumps(document), "x.json").name == "\U0001f600"
    document["name"] = "a\x7f"
    with pytest.raises(SpecError, match="name must be one line"):
        graph(json.dumps(document, ensure_ascii=False), "x.json")


def test_json_with_tabs_and_escapes() -> None:
    text = json.dumps({"input": [1, 4, 8, 8], "layers": [{"a/b": "ReLU"}]}, indent="\t")
    assert [n.name for n in graph(text.replace("a/b", "a\\/b"), "x.json").nodes] == ["a/b"]


def test_the_built_model_agrees(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    ran = netcalc("verify", str(file))
    assert ran.code == 0
    assert "no difference" in ran.out


@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 50))
def test_arithmetic_is_pythons(seed: int, a: int, b: int) -> None:
    """Against Python's own evaluation of the same text."""
    text = expression(random.Random(seed), 4)
    try:
        expected = eval(text, {"a": a, "b": b})
    except ZeroDivisionError:
        with pytest.raises(SpecError):
            evaluate(text, {"a": a, "b": b})
        return
    if abs(expected) <= 10**9:
        assert evaluate(text, {"a": a, "b": b}) == expected


def expression(draw: random.Random, depth: int) -> str:
    if not depth or draw.random() < 0.2:
        return draw.choice(["a", "b", "2", "3", "17"])
    sign = draw.choice([" + ", "-", "*", "//", " % "])
    text = f"{expression(draw, depth - 1)}{sign}{expression(draw, depth - 1)}"
    return draw.choice([text, f"({text})", f"-({text})"])


# --- PyTorch's own names ------------------------------------------------------------------------


def built_of(line: str) -> torch.nn.Module:
    return build(nc.analyse(graph(layers(line, head="input: [1, 1, 961]"))).result)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_go_by_pytorchs_names(name: str) -> None:
    """Each with PyTorch's arguments, as PyTorch has them unless given, and with its values."""
    given = {"threshold": 0.25, "value": 3.0} if name == "Threshold" else {}
    usual: torch.nn.Module = getattr(torch.nn, name)(**given)
    said = "".join(f", {key}: {value}" for key, value in given.items())
    x = torch.linspace(-8, 40, 961).reshape(1, 1, 961)
    built = built_of(f"a: {{type: {name}{said}}}")
    assert torch.equal(built(x), usual(x))
    known = inspect.signature(getattr(torch.nn, name)).parameters.keys() - {"inplace"}
    assert set(known_kinds()[name].fields) <= known
    for key in known_kinds()[name].fields:
        other = "tanh" if key == "approximate" else 0.75
        text = "".join(f", {k}: {v}" for k, v in (given | {key: other}).items())
        made = built_of(f"a: {{type: {name}{text}}}")
        assert torch.equal(made(x), getattr(torch.nn, name)(**given | {key: other})(x))
        assert not torch.equal(made(x), built(x))


def modules_of_torch() -> list[str]:
    found = [name for name in dir(torch.nn) if name[0].isupper()]
    kinds = [(name, getattr(torch.nn, name)) for name in found]
    return [n for n, kind in kinds if isinstance(kind, type) and issubclass(kind, torch.nn.Module)]


@pytest.mark.parametrize("name", modules_of_torch())
def test_no_module_of_pytorch_is_taken_for_another(name: str) -> None:
    """It is a type, or the message says what to write in its place."""
    known = [*known_kinds()]
    if name in known:
        assert name not in MODULES
    elif name.startswith("Lazy"):
        assert for_type(name, known) == f"did you mean {name[4:]}?"
    else:
        assert for_type(name, known) == MODULES[name]


# --- bad files ---------------------------------------------------------------------------------

CONV = "a: {type: Conv2d, out_channels: 4, kernel: 3}"

BAD = {
    "not positive": (
        layers("m: [{b: {type: Conv2d, out_channels: 4, kernel: -5}}]"),
        "net.yaml:3 m/b: kernel must be a positive integer, got -5",
    ),
    "on its own line": (
        layers("a:\n      type: Conv2d\n      out_channels: 4\n      kernel: 0"),
        "net.yaml:6 a: kernel must be a positive integer, got 0",
    ),
    "field": (
        layers(CONV.replace("kernel", "kernal")),
        "net.yaml:3 a: Conv2d has no 'kernal'; did",
    ),
    "key": (
        "inputt: [1]\nlayers: []",
        "net.yaml:1: a network has no 'inputt'; did you mean input?",
    ),
    "input channels": (
        layers(CONV[:-1] + ", in_channels: 3}"),
        "a: Conv2d has no 'in_channels'; it follows from what comes in; leave it out",
    ),
    "kernel_size": (layers(CONV.replace("kernel", "kernel_size")), "did you mean kernel?"),
    "in place": (layers("a: {type: ReLU, inplace: true}"), "it changes no number; leave it out"),
    "no number of axes": (layers("a: Conv"), "did you mean Conv1d, Conv2d or Conv3d?"),
    "variant": (
        layers("a: {type: GELU, approximate: tan}"),
        "net.yaml:3 a: approximate must be none or tanh, got 'tan'",
    ),
    "number that must be given": (
        layers("a: {type: Threshold, value: 2}"),
        "net.yaml:3 a: Threshold needs threshold",
    ),
    "lower case": (layers("a: gelu"), "of type 'gelu'; did you mean GELU?"),
    "type": (layers("a: Conv2D"), "net.yaml:3 a: there is no layer or block of type 'Conv2D'; did"),
    "no type": (
        layers("a: {kernel: 3}"),
        "net.yaml:3 a: a layer has one of type, layers, branches",
    ),
    "two forms": (layers("a: {type: ReLU, layers: []}"), "this one has type and layers"),
    "missing": (layers("a: {type: Conv2d, kernel: 3}"), "net.yaml:3 a: Conv2d needs out_channels"),
    "text": (layers(CONV.replace("4", "four")), "out_channels must be an integer, got 'four'"),
    "no parameter": (
        "parameters: {width: 4}\n" + layers(CONV.replace("4", "2*widht")),
        "net.yaml:4 a: out_channels: there is no parameter 'widht'; did you mean width?",
    ),
    "list": (layers(CONV.replace("4", "[4, 4]")), "out_channels must be an integer"),
    "axes": (layers(CONV.replace("3", "[3, 3, 3]")), "net.yaml:3 a: kernel 3 has 3 axes"),
    "float": (layers(CONV.replace("3", "1.5")), "net.yaml:3 a: kernel must be an integer, got 1.5"),
    "slash": (layers(CONV.replace("3", "4/2")), "use // (which rounds down) in '4/2'"),
    "power": (layers(CONV.replace("3", "4**2")), "* is not expected in '4**2'"),
    "call": (layers(CONV.replace("3", "__import__('os')")), "kernel must be an integer, got"),
    "by zero": (layers(CONV.replace("3", "4 // 0")), "it divides by 0: '4 // 0'"),
    "flag": (layers(CONV[:-1] + ", bias: 1}"), "bias must be true or false, got '1'"),
    "p": (layers("a: {type: Dropout, p: half}"), "p must be a number such as 0.75 or 1e-4, got"),
    "p above 1": (layers("a: {type: Dropout, p: 1.5}"), "net.yaml:3 a: p must be between 0 and 1"),
    "null": (layers("a: {type: Dropout, p: }"), "net.yaml:3 a: p has no value"),
    "empty layer": (layers("a:"), "net.yaml:3: a has no value; give it a type"),
    "unnamed": (layers("{type: ReLU, inputs: input}"), "net.yaml:3: a list holds named layers"),
    "unnamed text": (layers("ReLU"), "net.yaml:3: a list holds named layers"),
    "twice": (layers("a: ReLU", "a: ReLU"), "net.yaml:4: two layers are called a; rename one"),
    "key twice": (layers("a: {type: ReLU, type: ReLU}"), "net.yaml:3: type stands here twice"),
    "name": (layers("'a b': ReLU"), "net.yaml:3 'a b' is no name for a layer"),
    "unknown input": (
        layers("stem: ReLU", "a: {type: ReLU, inputs: stm}"),
        "net.yaml:4 a: there is no earlier layer stm; did you mean stem?",
    ),
    "later input": (
        layers("a: {type: ReLU, inputs: b}", "b: ReLU"),
        "net.yaml:3 a: there is no earlier layer b",
    ),
    "count of inputs": (layers("a: {type: Add}"), "net.yaml:3 a: Add takes 2 or more input(s)"),
    "inputs of none": (
        layers("a: {type: Parameter, size: [2], inputs: input}"),
        "net.yaml:3 a: it takes no inputs; leave them out",
    ),
    "no inputs": (layers("a: {type: ReLU, inputs: []}"), "net.yaml:3 a: ReLU takes 1 input(s)"),
    "no inputs of a list": (layers("a: {layers: [], inputs: []}"), "it takes one input, got 0"),
    "inputs of a list": (
        layers("a: ReLU", "b: {layers: [{c: ReLU}], inputs: [a, input]}"),
        "net.yaml:4 b: it takes one input, got 2",
    ),
    "window": (layers(CONV, head="input: [1, 4, 2, 2]"), "net.yaml:3 a: Conv2d(out_channels=4"),
    "groups": (layers(CONV[:-1] + ", groups: 3}"), "net.yaml:3 a: 4 output channels are not"),
    "no such output": (
        layers("a: ReLU", "b: {type: ReLU, inputs: 'a:1'}"),
        "net.yaml:4 b: a has no output 1; it has 1, counted from 0",
    ),
    "no such output of the network": (
        layers("a: ReLU") + "\noutputs: ['a:2']",
        "outputs: a has no output 2",
    ),
    "frozen": (layers(CONV[:-1] + ", frozen: weigth}"), "Conv2d has no tensor 'weigth'; did you"),
    "shared": (
        layers(CONV, "b: {type: Conv2d, out_channels: 4, kernel: 1, tensors: {weight: a.weight}}"),
        "net.yaml:4 b: a.weight cannot be its weight: their shapes are 4x4x3x3 and 4x4x1x1",
    ),
    "shared with nothing": (layers(CONV[:-1] + ", tensors: {weight: }}"), "must be a name"),
    "a block under then": (
        "blocks: {b: ReLU}\n" + layers("a: {type: ReLU, then: b}"),
        "net.yaml:4 a: b is a block; here stand kinds of layer only",
    ),
    "outside a block": (
        "blocks: {b: [{x: {type: ReLU, inputs: /a}}]}\n" + layers("a: ReLU", "c: b"),
        "net.yaml:1 c/x: there is no earlier layer a; name one that comes before it",
    ),
    "empty branch": (
        layers("a: {branches: {b: , c: []}}"),
        "net.yaml:3 a: b has no value; give it layers, or [] to pass the input on",
    ),
    "paper": (layers("a: ReLU") + "\npaper: ../x", "there is no published table called '../x'"),
    "infinite": (layers("a: {type: Scale, factor: 1e999}"), "factor must be finite, got 1e999"),
    "zeros": (layers(CONV.replace("3", "000000000000000000064")), "a window of 64 does not fit"),
    "index": (layers("a: ReLU", "b: {type: ReLU, inputs: 'a:" + "9" * 50 + "'}"), "write a:1 for"),
    "block without value": (
        "blocks: {b: }\n" + layers("a: ReLU"),
        "net.yaml:1 b: the block b has no value",
    ),
    "inputs of one name": (
        "blocks: {b: {inputs: [x, x], type: Add}}\n" + layers("a: ReLU"),
        "two inputs of the block b have one name",
    ),
    "repeat": (layers("a: {type: ReLU, repeat: 0}"), "repeat must be a positive integer, got 0"),
    "parameter": (
        "blocks: {b: {parameters: [c], type: Linear, out_features: c}}\n" + layers("a: b"),
        "net.yaml:4 a: the block b needs c",
    ),
    "argument": (
        "blocks: {b: {parameters: [c], type: Linear, out_features: c}}\n"
        + layers("a: {type: b, d: 1}"),
        "net.yaml:4 a: the block b has no 'd'; it takes type, c, inputs",
    ),
    "from a use": (
        "blocks: {b: {parameters: [c], type: Linear, out_features: c - 4}}\n"
        + layers("a: {type: b, c: 1}"),
        "net.yaml:1 a: out_features must be a positive integer, got -3 (used in line 4)",
    ),
    "recursion": ("blocks: {b: [{a: b}]}\n" + layers("a: b"), "the block b is made of itself"),
    "a kind": ("blocks: {ReLU: Tanh}\n" + layers("a: ReLU"), "ReLU is a kind of layer; rename"),
    "no input": ("layers: []", "net.yaml:1: a network needs input: [1, 3, 224, 224]"),
    "no layers": ("input: [1, 4]", "net.yaml:1: a network needs layers, a list"),
    "shape": (layers("a: ReLU", head="input: [1, 0]"), "net.yaml:1: input: shape: every axis must"),
    "dtype": (
        layers("a: ReLU", head="input: {shape: [1], dtype: float}"),
        "net.yaml:1: input: dtype must be one of float64",
    ),
    "not a mapping": ("- a", "net.yaml:1: a network is a mapping with input and layers"),
    "empty": ("# nothing", "net.yaml: the file is empty"),
    "syntax": ("input: [1, 2\nlayers: []", "net.yaml:2: did not find expected"),
    "two documents": ("a: 1\n---\nb: 2", "net.yaml:2: but found another document"),
    "tag": ("input: !!python/object:os.system x", "net.yaml:1: tags such as tag:yaml.org"),
    "merge": (layers("a: {<<: {type: ReLU}}"), "net.yaml:3: << is not read"),
    "anchor": (layers("a: *b"), "net.yaml:3: found undefined alias"),
    "itself": ("&a {input: [1], layers: *a}", "net.yaml:1: an alias in here stands for the whole"),
    "deep": ("[" * 10**5, "net.yaml:1: nested more than 60 deep"),
    "deep block": ("- " * 10**5 + "a", "net.yaml:1: nested more than 60 deep"),
    "weights": (layers("a: ReLU") + "\nloss_weights: {b: 1}", "net.yaml: loss weight of b"),
    "name of two lines": (layers("a: ReLU") + '\nname: "a\\nb"', "name must be one line"),
    "large": (layers(CONV.replace("3", "99999999 * 99999999")), "more than 1,000,000,000,000,000"),
    "long": (layers(CONV.replace("3", "1" + "+1" * 200)), "may have 200 characters"),
    "parentheses": (layers(CONV.replace("3", "(" * 90 + "1" + ")" * 90)), "too many parentheses"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_told_where_and_what(case: str, tmp_path: Path) -> None:
    text, message = BAD[case]
    with pytest.raises(NetcalcError) as problem:
        nc.analyse(graph(text)).table()
    assert message in str(problem.value)
    assert "\n" not in str(problem.value)
    (tmp_path / "net.yaml").write_text(text)
    ran = netcalc("table", str(tmp_path / "net.yaml"))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


BOMBS = {
    "repeat": layers("a: {type: ReLU, repeat: 1000000000}"),
    "repeats": layers("a: {repeat: 30000, layers: [{b: {type: ReLU, repeat: 30000}}]}"),
    "blocks": "blocks:\n"
    + "".join(
        f"  b{i}: [" + ", ".join(f"{{x{j}: b{i + 1}}}" for j in range(9)) + "]\n" for i in range(9)
    )
    + "  b9: [{a: ReLU}]\n"
    + layers("a: b0"),
    "empty blocks": "blocks:\n"
    + "".join(
        f"  b{i}: [" + ", ".join(f"{{x{j}: b{i + 1}}}" for j in range(9)) + "]\n" for i in range(9)
    )
    + "  b9: []\n"
    + layers("a: b0"),
    "aliases": "input: [1, 2]\nlayers:\n  - a0: &a0 [{a: ReLU}]\n"
    + "".join(
        f"  - a{i + 1}: &a{i + 1} [" + ", ".join(f"{{x{j}: *a{i}}}" for j in range(9)) + "]\n"
        for i in range(9)
    ),
    "many branches": layers("a: {branches: {a: [], b: []}, join: Add, repeat: 400000}"),
}


SAID = {
    "thens": layers("a: {type: ReLU, then: [" + "ReLU, " * 499 + "ReLU], repeat: 19000}"),
    "inputs": layers("a: {type: Concat, inputs: [" + "input, " * 1999 + "input], repeat: 5000}"),
    "parameters": "blocks: {b: {parameters: ["
    + ", ".join(f"p{i}=1" for i in range(3000))
    + "], type: ReLU}}\n"
    + layers(*(f"a{i}: b" for i in range(6000))),
    "frozen": "blocks: {b: {type: ReLU, frozen: ["
    + ", ".join(f"w{i}" for i in range(20000))
    + "]}}\n"
    + layers(*(f"a{i}: b" for i in range(9000))),
    "long paths": layers("? " + "n" * 100_000 + "\n    : {type: ReLU, repeat: 19000}"),
    "deep aliases": "blocks:\n  b0: &b0 ReLU\n"
    + "".join(f"  b{i + 1}: &b{i + 1} {{layers: *b{i}}}\n" for i in range(3000))
    + layers("a: b3000"),
    "growing": "blocks: {b: {inputs: [x], layers: [{c: {type: Concat, inputs: ["
    + ", ".join("x" * 1 for _ in range(60))
    + "]}}]}}\n"
    + layers("a: {type: b, repeat: 3000}"),
}


@pytest.mark.parametrize("case", SAID)
def test_small_files_stay_small(case: str) -> None:
    """Whatever is repeated, and however deep."""
    with pytest.raises(SpecError, match=r"more than|nested|one input"):
        nc.analyse(graph(SAID[case])).table()


@pytest.mark.parametrize("case", BOMBS)
def test_what_would_become_a_billion_layers_is_refused(case: str) -> None:
    """Before it is made: the count stands in the message, and no memory is used."""
    with pytest.raises(SpecError, match="this makes more than 20,000 layers"):
        graph(BOMBS[case])


def test_twenty_thousand_layers_are_not_too_many() -> None:
    assert len(graph(layers("a: {type: ReLU, repeat: 19000}")).nodes) == 19000


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(layers("a: ReLU"))
    (tmp_path / "latin.yaml").write_bytes(b"name: a\nx: \xe9\n")
    for name, said in (
        ("nett.yaml", "there is no such file; did you mean net.yaml?"),
        ("net.yml", "there is no such file; did you mean net.yaml?"),
        ("latin.yaml", "latin.yaml:2: not UTF-8 text"),
        ("x/net.yaml", "there is no such file"),
    ):
        with pytest.raises(NetcalcError, match=re.escape(said)):
            nc.load(str(tmp_path / name))
    with pytest.raises(UnknownNameError):
        nc.load("net.yamll")
    with pytest.raises(InputError, match=r"my\.yaml: there is no such file$"):  # same ending only
        nc.load(str(tmp_path / "my.yaml"))


def test_empty_files_are_told_where_to_start(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("# nothing\n")
    for command, start in (
        ("table", "`netcalc schema --example`"),
        ("audit", "`netcalc audit --new NET`"),
        ("sweep", "`netcalc sweep --help`"),
    ):
        ran = netcalc(command, str(tmp_path / "x.yaml"))
        assert (ran.code, ran.out) == (2, "")
        assert f"x.yaml: the file is empty; {start}" in ran.err


def test_bad_json_names_its_line() -> None:
    with pytest.raises(SpecError, match=r"x\.json:2: not JSON"):
        graph('{"input": [1, 2],\nlayers: []}', "x.json")


WORDS = ("Conv2d", "kernel", "-1", "[", "{", "}", "]", ":", "&a", "*a", "!!str", "'", "c", "1e9")
WORDS += ("true", "null", "~", "ReLU", "inputs", "repeat", "head", "branches", "then", "---", "\t")
WORDS += ("type", "%", "//", "(", "0", "99999999999999999999", "é", "\x85", "- ", "? ", "|", "\x00")


@settings(max_examples=300)
@given(st.data())
def test_mutated_files_give_no_traceback(data: st.DataObject) -> None:
    """Lines and words of valid files changed at random: an answer, or an error of netcalc's."""
    source = data.draw(st.sampled_from([TWO, EXAMPLE.read_text("utf-8"), REDUCED_JSON]))
    lines = source.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = data.draw(st.sampled_from(MUTATIONS))(lines[at], data)
        lines = lines or [""]
    name = "net.json" if source is REDUCED_JSON else "net.yaml"
    problem = ""
    try:
        nc.analyse(graph("\n".join(lines), name))
    except NetcalcError as raised:
        problem = str(raised)
    assert "\n" not in problem


REDUCED_JSON = export(nc.load("reduced"), "json")


def _word(line: str, data: st.DataObject) -> list[str]:
    parts = re.split(r"(\W)", line)
    at = data.draw(st.integers(0, len(parts) - 1))
    parts[at] = data.draw(st.sampled_from(WORDS))
    return ["".join(parts)]


def _character(line: str, data: st.DataObject) -> list[str]:
    at = data.draw(st.integers(0, len(line)))
    return [line[:at] + data.draw(st.text(max_size=2)) + line[at + 1 :]]


MUTATIONS = [
    _word,
    _character,
    lambda line, data: [],
    lambda line, data: [line, line],
    lambda line, data: [data.draw(st.sampled_from(["", " ", "  "])) + line.lstrip()],
    lambda line, data: ["  " + line],
]


# --- the schema --------------------------------------------------------------------------------

VALID = jsonschema.Draft7Validator(schema())


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert json.loads(netcalc("schema").out) == schema()


@pytest.mark.parametrize("net", ZOO)
def test_the_schema_takes_what_is_exported(net: str) -> None:
    assert not list(VALID.iter_errors(json.loads(nc.export(net, "json"))))


SHORT = layers("a: GELU", "b: {type: LeakyReLU, negative_slope: 0.2, then: [SiLU, {type: ELU}]}")


@pytest.mark.parametrize("text", [EXAMPLE.read_text("utf-8"), TWO, STORED, SHORT])
def test_the_schema_takes_the_examples(text: str) -> None:
    assert not list(VALID.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("out_channels: c", "out_channel: c"),
        ("type: MaxPool2d, kernel: 2", "type: MaxPool2d"),
        ("layers:\n  - stem", "layer:\n  - stem"),
        ("left: [1, 3, 16, 16]", "left: [1, 3, x.y, 16]"),
        ("repeat: 3", "repeat: [3]"),
        ("  - stem_left: {type: stem, c: c}", "  - {type: stem, c: c}"),
    ],
)
def test_the_schema_refuses_mistakes(right: str, wrong: str) -> None:
    assert right in TWO
    assert list(VALID.iter_errors(yaml.safe_load(TWO.replace(right, wrong))))


# --- the commands ------------------------------------------------------------------------------


def test_export_writes_files_by_their_ending(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.yml", "a.json"):
        assert netcalc("export", "reduced", "-o", str(tmp_path / name)).code == 0
        assert_same(nc.load(str(tmp_path / name)), nc.load("reduced"))
    assert json.loads(netcalc("export", "reduced", "--to", "json").out)["name"] == "reduced"
    assert netcalc("export", "reduced").out == (tmp_path / "a.yaml").read_text()
    for wrong in (("-o", str(tmp_path / "a.txt")), ("--to", "xml")):
        assert netcalc("export", "reduced", *wrong).code == 2


def test_export_takes_the_input_along() -> None:
    text = netcalc("export", "googlenet", "--aux", "--input", "256", "--batch", "2").out
    made = graph(text)
    assert made.inputs["input"].dims == (2, 3, 256, 256)
    assert list(made.outputs)[1:] == ["aux1", "aux2"]
    assert dict(made.loss_weights) == {"aux1": 0.3, "aux2": 0.3}


def test_the_example_is_printed() -> None:
    assert netcalc("schema", "--example").out == EXAMPLE.read_text("utf-8")


def test_files_stand_wherever_a_net_does(tmp_path: Path) -> None:
    file = tmp_path / "g.yml"
    file.write_text(EXAMPLE.read_text("utf-8"))
    out = netcalc("compare", "googlenet", str(file)).out
    assert "B 6,998,552 params; A 6,998,552; together 0 (equal)" in out
    assert "3*3*96*128" in netcalc("explain", str(file), "inception_3a/branch3x3/conv").out
    assert json.loads(netcalc("table", str(file), "--format", "json").out)["network"] == "googlenet"
