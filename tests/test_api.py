"""The Python API."""

from __future__ import annotations

import copy
import json
import pickle
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import netcalc as nc
from netcalc.core.analyse import analyse as core_analyse
from netcalc.core.graph import Graph, Node
from netcalc.core.ops import types
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.core.window import Window
from netcalc.report import expression
from netcalc.report.units import decimal, human, percent, ratio
from netcalc.spec.kinds import known_kinds


def test_the_example_of_the_readme() -> None:
    net = nc.load("googlenet")
    a = nc.analyse(net, input=(1, 3, 224, 224))
    assert a.totals.params == 6_998_552
    assert len(a.rows) == len(a.to_frame())
    text = str(a.explain("inception_3a/branch3x3"))
    assert "weights = 3*3*96*128 = 110,592" in text


def test_explanations_of_the_issue() -> None:
    a = nc.analyse("googlenet")
    for path, said in {
        "conv1": "floor((224 + 2*3 - 7) / 2) + 1 = floor(111.5) + 1 = 112",
        "pool1": "ceil((112 + 2*0 - 3) / 2) + 1 = ceil(54.5) + 1 = 56",
        "inception_3a": "12,288 + 129,024 + 15,872 + 6,144 = 163,328 = 159.5K",
        "inception_3a/concat": "64 + 128 + 32 + 32 = 256",
        "conv2": "4,096 + 110,592 = 114,688 = 112K",
    }.items():
        assert said in str(a.explain(path))
    assert "weights = 3*3*256*192 = 442,368" in str(nc.analyse("naive").explain("branch3x3"))
    latex = a.explain("conv1").latex()
    assert r"7 \cdot 7 \cdot 3 \cdot 64 = 9{,}408" in latex
    assert r"\left\lfloor \frac{224 + 2 \cdot 3 - 7}{2} \right\rfloor + 1" in latex


def test_every_step_of_every_network_evaluates_to_its_value() -> None:
    steps = 0
    for net in ("googlenet@aux=true", "googlenet-torchvision", "googlenet@head=fc", "reduced"):
        tree = nc.analyse(net, batch=2).explain("", "params", "macs", "output", "ops").section
        for part in tree.walk():
            for d in part.derivations:
                for step in d.steps:
                    assert expression.evaluate(step) == d.value
                    steps += 1
    assert steps > 2000


def test_sums_are_of_what_stands_below() -> None:
    """A module's number is the sum of its children's, all the way down to the layers."""
    a = nc.analyse("googlenet@aux=true")
    tree = a.explain("", "params").section
    for part in tree.walk():
        for d in part.derivations:
            if part.children and d.label == "weights":
                below = [
                    e.value for c in part.children for e in c.derivations if e.label == "weights"
                ]
                assert sum(below) == d.value
    leaves = [
        d.value
        for p in tree.walk()
        if not p.children
        for d in p.derivations
        if d.label == "weights"
    ]
    assert sum(leaves) == a.totals.weights


def test_frame() -> None:
    frame = nc.analyse("googlenet").to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["params"].sum() == 6_998_552
    assert frame.loc["inception_3a/branch3x3/conv", "weights"] == 9 * 96 * 128
    assert frame["macs"].dtype == "int64"


def test_notebook() -> None:
    assert "<table>" in nc.analyse("naive")._repr_html_()
    assert "<table>" in nc.compare("naive", "reduced")._repr_html_()
    assert "<table>" in nc.analyse("naive").explain("branch3x3")._repr_html_()


def test_documents_are_plain_json() -> None:
    a = nc.analyse("googlenet@width=0.5,round=8")
    for document in (a.to_dict(), nc.compare(a, "naive").to_dict(), a.explain().to_dict()):
        assert json.loads(json.dumps(document)) == document


def test_your_own_network() -> None:
    net = nc.network(
        nc.chain(
            stem=(nc.Conv2d(8, 3, padding=1, bias=False), nc.BatchNorm2d(), nc.ReLU()),
            block=nc.branches(
                nc.Add(),
                body=nc.chain(conv=nc.Conv2d(8, 3, padding=1)),
                shortcut=nc.chain(),
            ),
            head=nc.chain(pool=nc.AdaptiveAvgPool2d(1), flatten=nc.Flatten(), fc=nc.Linear(10)),
        ),
        input=(1, 3, 32, 32),
        name="tiny",
    )
    a = nc.analyse(net)
    assert [r.name for r in a.rows] == [
        *("stem", "stem_bn", "stem_relu", "block/body/conv", "block/add"),
        *("head/pool", "head/flatten", "head/fc"),
    ]
    assert a.totals.params == 27 * 8 + 16 + (9 * 8 * 8 + 8) + (8 * 10 + 10)
    assert a.totals.macs == 27 * 8 * 1024 + 9 * 64 * 1024 + 80
    assert a.rows[4].node.inputs == (("block/body/conv", 0), ("stem_relu", 0))


def test_no_graph_is_changed_through_another() -> None:
    """Every node without tied tensors has the same empty mapping, which nobody can fill."""
    before = nc.analyse("reduced").totals.params
    with pytest.raises(TypeError, match="cannot be changed"):
        nc.load("naive").nodes[0].tensors["weight"] = None  # type: ignore[index]
    graph = nc.load("naive")
    for change in (graph.inputs.clear, graph.outputs.clear):  # type: ignore[attr-defined]
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert nc.analyse("reduced").totals.params == before


def test_graphs_are_copied_and_pickled() -> None:
    graph = nc.load("googlenet@aux=true")
    assert pickle.loads(pickle.dumps(graph)) == graph == copy.deepcopy(graph)
    assert graph != nc.load("googlenet")


@pytest.mark.parametrize("n", [np.int64(10**12), np.int32(7), np.uint8(3)])
def test_numpy_numbers_become_exact(n: object) -> None:
    """10^12 images of 1.58 G MACs do not fit 64 bits."""
    macs = nc.analyse("googlenet", batch=n).totals.macs  # type: ignore[arg-type]
    assert macs == int(n) * 1_582_671_872  # type: ignore[call-overload]
    assert type(macs) is int


@pytest.mark.parametrize("value", [1.5, True, "2", None, b"224", {224}, (3, 224, 224.5), 0, 10**16])
def test_what_is_no_size_is_refused(value: object) -> None:
    if value is not None:
        with pytest.raises(nc.InputError):
            nc.analyse("googlenet", input=value)  # type: ignore[arg-type]
    if not isinstance(value, tuple | type(None)):
        with pytest.raises(nc.InputError):
            nc.analyse("googlenet", batch=value)  # type: ignore[arg-type]
    with pytest.raises(nc.NetcalcError):
        nc.network(nc.ReLU(), input=(1, value))  # type: ignore[arg-type]


def test_what_is_not_a_batch_is_not_taken_for_one() -> None:
    net = nc.network(nc.chain(conv=nc.Conv2d(3, 3, padding=1)), input=(3, 9, 9))
    with pytest.raises(nc.InputError, match="its first axis is not a batch"):
        nc.analyse(net, batch=4)
    with pytest.raises(nc.InputError, match="give all of them, got 11"):
        nc.analyse(net, input=11)
    line = nc.network(nc.chain(conv=nc.Conv1d(3, 3)), input=(1, 2, 9))
    assert nc.analyse(line, batch=4).totals.macs == 4 * nc.analyse(line).totals.macs
    image = nc.network(nc.chain(conv=nc.Conv2d(3, 3)), input=(1, 9, 9), batched=False)
    with pytest.raises(nc.InputError):
        nc.analyse(image, batch=4)


@pytest.mark.parametrize("width", [0.5, Fraction(1, 2), Decimal("0.5"), np.float32(0.5), "1/2"])
def test_a_width_of_any_type_is_exact(width: object) -> None:
    totals = nc.analyse(nc.load("googlenet", width=width)).totals
    assert (totals.params, type(totals.params)) == (2_010_560, int)


def test_latex_escapes_everything() -> None:
    for net in ("googlenet-torchvision", "naive"):
        text = nc.analyse(net).explain().latex()
        outside = re.sub(r"\\begin\{align\*\}.*?\\end\{align\*\}", "", text, flags=re.S)
        assert not re.search(r"(?<!\\)[_&#$^](?!\\to|\$)", outside.replace(r"$\to$", ""))
        labels = re.findall(r"\\text\{([^}]*)\}", text)
        assert labels
        assert not [label for label in labels if re.search(r"(?<!\\)_", label)]


def test_a_sum_of_a_thousand_parts_is_explained() -> None:
    layers = {f"fc{i}": nc.Linear(2) for i in range(1000)}
    explained = nc.analyse(nc.network(nc.chain(layers), input=(1, 2))).explain("", "params")
    assert r"\text{weights} &= 4 + 4 + " in explained.latex()
    first = explained.section.derivations[0]
    assert expression.evaluate(first.steps[0]) == first.value == 4000


def test_star_import() -> None:
    names: dict[str, object] = {}
    exec("from netcalc import *", names)
    assert {"analyse", "Conv2d", "AdaptiveAvgPool2d", "SpecError"} <= names.keys()
    assert not {"Any", "TYPE_CHECKING", "import_module"} & names.keys()


@pytest.mark.parametrize("call", ["nc.Conv2d(3, 64, 7)", "nc.BatchNorm2d(64)"])
def test_pytorchs_leading_arguments_are_not_misread(call: str) -> None:
    """In PyTorch these begin with the input channels, which netcalc takes from the input."""
    with pytest.raises(nc.SpecError, match="what goes in follows from the layers before it"):
        eval(call)


def test_param_bytes_follow_the_dtype() -> None:
    net = nc.network(nc.chain(fc=nc.Linear(3)), input=(1, 5))
    half = {"input": Tensor((1, 5), "float16")}
    assert core_analyse(net).totals.param_bytes == 4 * 18
    assert core_analyse(net, half).totals.param_bytes == 2 * 18


def test_statistics_of_the_batch_are_work_too() -> None:
    net = nc.network(nc.chain(bn=nc.BatchNorm2d(track_running_stats=False)), input=(2, 3, 4, 5))
    assert nc.analyse(net).totals.ops == {"mul": 2 * 120, "add": 3 * 120}


def test_every_column_shows_what_it_says() -> None:
    table = nc.analyse("googlenet-torchvision").table(
        "csv", columns=["input", "output", "weights", "biases", "buffers", "trainable", "flops"]
    )
    lines = [line.split(",") for line in table.splitlines()]
    assert lines[0] == [
        *("layer", "input", "output", "weights", "biases", "buffers", "trainable", "flops")
    ]
    # conv1: 7*7*3*64 weights and 64 BatchNorm scales, 64 shifts, 2*64 + 1 buffers
    expected = [9472, 64, 129, 9536, 2 * 9408 * 112 * 112]
    assert lines[1] == ["conv1", "3x224x224", "64x112x112", *map(str, expected)]


def shared(tie: str | None) -> Graph:
    """Two linear layers, the second with a weight of its own, the first's, or a computed one."""
    nodes = (
        Node("first", nc.Linear(4), (("input", 0),), "first"),
        Node("second", nc.Linear(4), (("first", 0),), "second", {"weight": tie}),
    )
    if tie == "own":
        nodes = (nodes[0], nodes[1]._replace(tensors={}))
    return Graph("shared", nodes, {"input": Tensor((1, 4))}, {"second": ("second", 0)})


@pytest.mark.parametrize(
    ("tie", "weights", "layers"), [("own", 32, 2), ("first.weight", 16, 2), (None, 16, 2)]
)
def test_shared_tensors_count_once_and_work_each_time(
    tie: str | None, weights: int, layers: int
) -> None:
    totals = core_analyse(shared(tie)).totals
    assert (totals.weights, totals.biases, totals.macs) == (weights, 8, 32)
    assert totals.layers == layers


def test_frozen_parameters_are_told() -> None:
    net = nc.network(nc.chain(fc=nc.Linear(3)), input=(1, 5))
    frozen = net.nodes[0]._replace(frozen=frozenset({"weight"}))
    totals = core_analyse(Graph("f", (frozen,), net.inputs, net.outputs)).totals
    assert (totals.params, totals.trainable) == (18, 3)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: nc.analyse(None), "analyse takes a graph or the name"),  # type: ignore[arg-type]
        (lambda: nc.load(3), "load takes the name of a network or file, got 3"),  # type: ignore[arg-type]
        (lambda: nc.branches(3), "branches takes a layer that joins"),  # type: ignore[arg-type]
        (lambda: nc.chain([nc.ReLU()]), "chain takes named layers"),  # type: ignore[arg-type]
        (lambda: nc.network(nc.ReLU(), input=3), "input must be a shape"),  # type: ignore[arg-type]
        (lambda: nc.network(nc.chain({"a\nb": nc.ReLU()}), input=(1, 2)), "is no name for a layer"),
        (lambda: nc.analyse("naive").explain(None), "explain takes the path"),  # type: ignore[arg-type]
        (lambda: nc.network(nc.chain(a=nc.ReLU(), b=nc.Add()), input=(1, 2)), "b: Add takes 2 or"),
        (
            lambda: nc.network(nc.chain({"a/": nc.ReLU()}), input=(1, 2)),
            "'a/' is no name for a layer",
        ),
        (lambda: nc.network(nc.chain(a=3), input=(1, 2)), "a must be a layer or a block, got 3"),  # type: ignore[arg-type]
        (lambda: nc.chain(a=nc.ReLU), "a must be a layer or a block, got ReLU, a kind of layer"),  # type: ignore[arg-type]
        (lambda: nc.chain(nc.Linear(3), nc.ReLU()), "need names: chain(linear=Linear(...), relu="),  # type: ignore[arg-type]
        (lambda: nc.branches(a="x"), "branches: a must be a layer"),  # type: ignore[arg-type]
        (lambda: nc.branches(nc.Linear(3)), "joined by a layer of several inputs, and Linear"),
        (lambda: nc.head(a=1), "a must be a layer"),  # type: ignore[arg-type]
        (lambda: nc.Linear(3, 4), "the features that come out, Linear(4)"),  # type: ignore[arg-type]
        (lambda: nc.Conv2d(3, 16, 3), "Conv2d takes out_channels, kernel, then fields by name"),
        (lambda: nc.Conv2d(16, kernel_size=3), "no 'kernel_size'; did you mean kernel?"),
        (lambda: nc.Conv2d(16, 3, in_channels=3), "no 'in_channels'; what goes in follows"),
        (lambda: nc.BatchNorm2d(num_features=3), "no 'num_features'; what goes in follows"),
        (lambda: nc.Conv2d(16), "Conv2d needs kernel"),
        (
            lambda: nc.network(nc.ReLU(), input={"x": nc.Tensor((1, -3))}),
            "x: every axis must be from 1 to 1,000,000,000,000,000, got 1x-3",
        ),
        (
            lambda: nc.network(nc.ReLU(), input={"x": nc.Tensor((1, 3), "float8")}),
            "x: there is no element type 'float8'",
        ),
        (lambda: nc.analyse("naive")["nowhere"], "naive has no layer or module 'nowhere'"),
        (lambda: nc.analyse("naive")[0], "goes by its path, such as 'conv1', got 0"),  # type: ignore[index]
        (lambda: nc.fit("googlenet"), "in Python max_params"),
        (
            lambda: nc.network(nc.chain(a=(nc.ReLU(), nc.ReLU()), a_relu=nc.ReLU()), input=(1, 2)),
            "a_relu: two layers",
        ),
        (lambda: nc.analyse("naive", input={"image": (1, 2)}), "naive has no input 'image'"),
        (lambda: nc.analyse("naive").table("pdf"), "there is no format 'pdf'"),
        (lambda: nc.analyse("naive").explain("nowhere"), "has no layer or module 'nowhere'"),
        (lambda: nc.analyse("naive").explain("", "speed"), "cannot explain 'speed'"),
    ],
)
def test_mistakes_are_netcalc_errors(build: object, told: str) -> None:
    with pytest.raises(nc.NetcalcError) as raised:
        build()  # type: ignore[operator]
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_layer_or_module_of_an_analysis() -> None:
    """The first convolution by hand, a module as the sum over its rows."""
    a = nc.analyse("googlenet")
    conv = a["conv1"]
    assert (conv.params, conv.weights, conv.biases) == (7 * 7 * 3 * 64 + 64, 7 * 7 * 3 * 64, 64)
    assert conv.macs == 7 * 7 * 3 * 64 * 112 * 112
    assert conv.flops == 2 * conv.macs
    assert conv.output.dims == (1, 64, 112, 112)
    module = a["inception_3a"]
    assert module.output.dims == (1, 64 + 128 + 32 + 32, 28, 28)
    rows = [row for row in a.rows if row.name.startswith("inception_3a/")]
    assert module.params == sum(row.counts.params for row in rows)
    assert a["inception_3a.branch3x3"].params == a["inception_3a/branch3x3"].params
    with pytest.raises(AttributeError, match="did you mean params"):
        module.parms  # noqa: B018
    assert pickle.loads(pickle.dumps(conv)).macs == conv.macs


def test_columns_as_one_text() -> None:
    a = nc.analyse("naive")
    assert a.table(columns="params, macs") == a.table(columns=["params", "macs"])


def test_a_shape_as_a_list() -> None:
    assert Tensor([1, 3]) == Tensor((1, 3))  # type: ignore[arg-type]


def test_numbers_for_people() -> None:
    assert [human(n) for n in (7, 999, 1000, 999_499, 999_500, 6_998_552, 1_582_671_872)] == [
        *("7", "999", "1.00 k", "999 k", "1.00 M", "7.00 M", "1.58 G")
    ]
    assert human(27_994_208, "B") == "28.0 MB"
    assert [human(n) for n in (9_995, 9_994, 99_950, 99_949)] == [
        *("10.0 k", "9.99 k", "100 k", "99.9 k")
    ]
    assert (decimal(1, 2, 0), decimal(-1, 2, 0), decimal(1, 3, 2)) == ("1", "-1", "0.33")
    assert (percent(1, 3), percent(0, 0)) == ("33.3%", "-")
    assert (ratio(2, 1), ratio(1, 3), ratio(1, 1), ratio(0, 1)) == (
        *("2.00x fewer", "3.00x more", "equal", "-"),
    )


def test_layers_print_as_they_are_written() -> None:
    op: Op = nc.Conv2d(64, 7, stride=2, padding=3)
    assert str(op) == "Conv2d(out_channels=64, kernel=7, stride=2, padding=3)"
    assert str(nc.MaxPool2d((3, 2), 2)) == "MaxPool2d(kernel=(3, 2), stride=2)"
    assert str(nc.Conv2d(8, 3, bias=False)) == "Conv2d(out_channels=8, kernel=3, bias=False)"


def test_types_make_what_they_are_called() -> None:
    """Every short constructor gives layers of its own number of axes."""
    fields = {"out_channels": 2, "kernel": 2, "output": 2}
    for name, (kind, make) in types().items():
        if kind is not make:
            assert make(**{f: fields[f] for f in known_kinds()[name].required}).type == name


def test_quotients_are_shown_to_four_decimals() -> None:
    steps = {stride: Window(3, stride=stride).working(12)[0][1] for stride in (2, 4, 7)}
    assert steps == {
        2: "floor(4.5) + 1",
        4: "floor(2.25) + 1",
        7: "floor(1.2857) + 1",
    }


def test_one_branch_may_be_concatenated() -> None:
    net = nc.network(nc.branches(a=nc.Conv2d(4, 1)), input=(1, 2, 5, 5))
    assert nc.analyse(net).outputs["concat"].dims == (1, 4, 5, 5)


def test_a_field_for_each_axis_is_a_tuple() -> None:
    for wrong in ([3, 3], "33", 3):
        with pytest.raises(nc.SpecError, match="kernel must be an integer or one for each axis"):
            nc.Conv(4, wrong)  # type: ignore[arg-type]


def test_what_a_rule_takes_is_told() -> None:
    four = (1, 1, 1, 1)
    with pytest.raises(nc.SpecError, match=r"kernel .* has 4 axes"):
        nc.network(nc.chain(a=nc.Conv(4, four, four, four, four)), input=(1, 2, 3, 3, 3, 3))
    for wrong in (True, "0.5"):
        with pytest.raises(nc.SpecError, match="p must be a number"):
            nc.Dropout(wrong)  # type: ignore[arg-type]


def test_inputs_of_two_axes_and_batches_of_their_own() -> None:
    flat = nc.network(nc.chain(fc=nc.Linear(2)), input=(1, 8))
    assert nc.analyse(flat, 16).result.inputs["input"].dims == (1, 16)
    pairs = nc.network(nc.chain(fc=nc.Conv2d(2, 1)), input=(2, 3, 8, 8))
    assert nc.analyse(pairs, batch=4).result.inputs["input"].dims == (4, 3, 8, 8)
    with pytest.raises(nc.InputError, match="has a batch already, not 5"):
        nc.analyse(pairs, (4, 3, 8, 8), batch=5)


def test_paths_of_a_graph() -> None:
    net = nc.network(
        nc.chain(a=(nc.Conv2d(2, 1), nc.ReLU()), b=nc.chain(c=nc.chain(d=nc.Tanh()))),
        input=(1, 2, 3, 3),
    )
    assert net.paths == {"a", "a_relu", "b", "b/c", "b/c/d"}


def test_other_work_of_a_layer_with_its_activation() -> None:
    """By hand: a bias is added to each of 2x3x3 outputs, each is compared with 0."""
    net = nc.network(nc.chain(a=(nc.Conv2d(2, 1), nc.ReLU())), input=(1, 2, 3, 3))
    section = nc.analyse(net).explain("a", "ops").section
    assert [(d.value, d.steps[0]) for d in section.derivations] == [(18, "2*3*3"), (18, "2*3*3")]


def test_axes_behind_flattened_ones() -> None:
    x = Tensor((1, 2, 3, 4))
    assert [nc.Flatten(1, 2).axis_after(axis, (x,)) for axis in range(4)] == [0, 1, 1, 2]
    assert [nc.Flatten().axis_after(axis, (x,)) for axis in range(4)] == [0, 1, 1, 1]


def test_what_the_last_axis_mixes() -> None:
    for op in (nc.Linear(4), nc.EuclideanRBF(4)):
        assert op.coupling(2, (Tensor((1, 2, 3)),)) == "all"
        assert op.coupling(1, (Tensor((1, 2, 3)),)) == "each"
        assert op.coupling(1, (Tensor((1, 2)),)) == "all"


def test_depth_is_that_of_the_longest_path() -> None:
    """Whichever branch stands first; a stored tensor has none."""
    for order in (("short", "long"), ("long", "short")):
        blocks = {"short": nc.chain(), "long": nc.Conv2d(2, 1)}
        net = nc.network(
            nc.branches(nc.Add(), {name: blocks[name] for name in order}), input=(1, 2, 3, 3)
        )
        assert nc.analyse(net).totals.depth == 1
    token = Node("token", nc.Parameter((1, 2)), (), "token")
    added = Node("add", nc.Add(), (("x", 0), ("token", 0)), "add")
    graph = Graph("g", (token, added), {"x": Tensor((1, 2))}, {"out": ("add", 0)})
    assert nc.analyse(graph).totals.depth == 0


def test_names_of_factors() -> None:
    volume = nc.analyse(nc.network(nc.chain(r=nc.ReLU()), input=(1, 2, 3, 4, 5))).rows[0]
    assert volume.terms[0].names == ("batch", "channels", "depth", "height", "width")
    flat = nc.chain(flatten=nc.Flatten(), fc=nc.Linear(7))
    linear = nc.analyse(nc.network(flat, input=(1, 2, 3, 4))).rows[1]
    assert linear.terms[0].names[-1] == "out features"
    assert len(linear.terms[0].names) == len(linear.terms[0].factors) == 4
