"""Receptive fields, against the support of gradients and against published ones."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.core.analyse import Result
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.base import (
    Example,
    Op,
)
from netcalc.core.ops.custom import Written
from netcalc.core.ops.matmul import GroupedMatMul
from netcalc.core.receptive import GONE, Field, receptive_fields
from netcalc.core.tensor import FLOATS
from netcalc.core.window import Window
from netcalc.pytorch.build import Built, build, module_path
from netcalc.pytorch.functional import FUNCTIONS
from netcalc.pytorch.lower import module
from netcalc.pytorch.modules import Sum
from tests.reference import quiet
from tests.test_ops_contract import every_legal


def linear_twin(layer: nn.Module) -> nn.Module:
    """A layer whose outputs depend on all that they can see: sums and averages of it."""
    name = type(layer).__name__
    if name.startswith("MaxPool"):
        fixed = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
        dilated = layer.dilation not in (1, (1,), (1, 1), (1, 1, 1))
        assert not dilated
        return getattr(nn, name.replace("Max", "Avg"))(*fixed)
    if name.startswith("AdaptiveMaxPool"):
        return getattr(nn, name.replace("Max", "Avg"))(layer.output_size)
    same = ("ReLU", "Tanh", "LocalResponseNorm", "Dropout", "Pointwise")
    if name in same or name.startswith("BatchNorm"):
        return nn.Identity()
    if name in ("Binary", "Evaluation"):
        return Sum()
    if name == "Reduce":
        layer.function = "sum"  # type: ignore[assignment]
    for parameter in layer.parameters():
        nn.init.constant_(parameter, 1.0)
    return layer


def twin(result: Result) -> Built:
    """The built network in float64 with positive weights, averages for max pools, no ReLUs."""
    with quiet():
        built = build(result).double()
    for row in result.rows:
        *above, last = module_path(row.name).split(".")
        parent = built.get_submodule(".".join(above))
        setattr(parent, last, linear_twin(getattr(parent, last)))
    return built


def run(built: Built, result: Result) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    (dims,) = (x.dims for x in result.inputs.values())
    x = torch.ones(dims, dtype=torch.float64, requires_grad=True)
    values: dict[str, Any] = dict(zip(result.graph.inputs, [x], strict=True))
    for node in result.graph.nodes:
        layer = built.get_submodule(module_path(node.name))
        values[node.name] = layer(*(values[ref] for ref, _ in node.inputs))
    return x, values


def support(x: torch.Tensor, y: torch.Tensor, axis: int) -> tuple[int, int]:
    """From where to where along an axis the gradient of a sum of outputs is not zero."""
    (grad,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
    seen = grad.abs().movedim(axis, 0).reshape(grad.shape[axis], -1).sum(1).nonzero().flatten()
    return int(seen.min()), int(seen.max())


def lies_inside(field: Field, i: int, length: int) -> bool:
    """Whether an output sees no padding, of this layer or of one before it."""
    if field.stride is None or field.size is None:
        return False
    start = field.start + i * field.stride
    return start >= 0 and start + field.size <= length


def around(field: Field, i: int, length: int) -> tuple[int, int]:
    """What the rule says that output ``i`` sees, inside the input."""
    assert field.stride is not None
    assert field.size is not None
    start = field.start + i * field.stride
    return max(0, start), min(length, start + field.size) - 1


NETS = {
    "googlenet": (1, 3, 736, 64),
    "googlenet-torchvision": (1, 3, 736, 64),
    "alexnet-torchvision": (1, 3, 256, 512),
    "vgg11": (1, 3, 256, 96),
    "resnet18": (1, 3, 512, 64),
    "resnet50@stride=v1": (1, 3, 544, 64),
    "nin": (1, 3, 512, 96),
    "xception": (1, 3, 704, 96),
    "naive": (1, 256, 9, 13),
    "lenet5": (1, 1, 32, 32),
}


@pytest.mark.parametrize("net", NETS)
def test_fields_are_the_gradients_support(net: str) -> None:
    """Of layers with positions, two neighbours that see no padding; of others, the whole input."""
    if net == "lenet5":
        result = nc.analyse(net).result
    else:
        graph = nc.load(net)
        result = nc.analyse(graph, NETS[net]).result
    built = twin(result)
    x, values = run(built, result)
    fields = receptive_fields(result)
    looked = 0
    for row in every_few(result):
        for field in fields[row.name].values():
            (axis,) = (k[1] for k, f in fields[row.name].items() if f is field)
            y, length = values[row.name], x.shape[axis]
            if field.stride is None and field.size is not None:
                low, high = support(x, y.flatten()[:1], axis)
                assert low == max(0, field.start)
                # a pool that rounds down can leave out the last positions, which padding then
                # stands for
                assert min(field.end, length - 1) - 32 < high <= min(field.end, length - 1)
            inside = [i for i in range(field.length) if lies_inside(field, i, length)]
            for i in inside[len(inside) // 2 :][:2]:
                picked = y.select(field.axis, i)
                assert support(x, picked, axis) == around(field, i, length), row.name
                looked += 1
    assert looked > 20


def every_few(result: Result) -> list[Any]:
    """The layers that change a field, and where branches meet; some of them in long networks."""
    rows = [r for r in result.rows if r.type[:4] in ("Conv", "MaxP", "AvgP", "Adap", "Conc", "Add")]
    rows += [r for r in result.rows if r.type in ("Linear", "EuclideanRBF", "Flatten")]
    return rows[:: max(1, len(rows) // 24)] + rows[-2:]


def test_the_support_can_differ() -> None:
    """Its twin: a wider kernel than the spec's is seen."""
    result = nc.analyse("vgg11", (1, 3, 64, 64)).result
    built = twin(result)
    name = next(r.name for r in result.rows if r.type == "Conv2d")
    wide = nn.Conv2d(3, 64, 5, padding=2).double()
    nn.init.constant_(wide.weight, 1.0)
    *above, last = module_path(name).split(".")
    setattr(built.get_submodule(".".join(above)), last, wide)
    x, values = run(built, result)
    field = receptive_fields(result)[name]["input", 2]
    assert support(x, values[name].select(2, 30), 2) != around(field, 30, 64)


@every_legal
def test_couplings_are_the_gradients_support(kind: type[Op], example: Example) -> None:
    """Every output along every axis behind the channels, of each kind's examples."""
    ins = example.ins
    if not ins or ins[0].dtype not in FLOATS:
        pytest.skip("there is no gradient of an integer, or of nothing")
    with quiet():
        layer = module(example.op, ins).double().eval()
        if not (kind.__name__ == "MaxPool" and set(example.op.dilation) != {1}):  # type: ignore[attr-defined]
            layer = linear_twin(layer)
        xs = [values_of(x) for x in ins]
        if kind is GroupedMatMul and len(xs) == 3:
            xs[2] = ends(*xs)
        if kind is ScaledDotProductAttention and len(xs) == 4 and xs[3].dtype == torch.bool:
            xs[3] |= True  # nothing is hidden
        ys = layer(*xs)
        y = ys[0] if isinstance(ys, tuple) else ys
        if not y.is_floating_point():
            pytest.skip("there is no gradient of an integer")
        y = y * torch.rand_like(y)
    if not y.numel():
        pytest.skip("nothing comes out that could see something")
    known = 1 if kind is Written else len(xs)  # where the others were written is not known
    for j, x in enumerate(xs[:known]):
        if x.requires_grad:
            hold_couplings(example, j, x, y)


def ends(left: torch.Tensor, right: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Where groups of about one size end, on the axis that they are parts of."""
    shared = {(2, 3): left.shape[0], (3, 2): right.shape[1], (2, 2): left.shape[1]}
    n = len(groups)
    return torch.arange(1, n + 1, dtype=torch.int32) * shared[left.dim(), right.dim()] // n


def hold_couplings(example: Example, j: int, x: torch.Tensor, y: torch.Tensor) -> None:
    """What the rule says of each axis of input ``j``, against the gradients of an output."""
    op, ins = example.op, example.ins
    n = len(getattr(op, "kernel", getattr(op, "output", ())))
    first = x.dim() - n if n else 2  # without a batch, positions begin earlier
    if type(op).through is not Op.through or type(op) in FUNCTIONS:
        first = 0  # these say something of each of their axes
    for axis in range(first, x.dim()):
        coupling, after = op.through(j, axis, ins)
        length = x.shape[axis]
        found = [op.through(j, other, ins)[1] for other in range(x.dim())]
        if coupling == "uneven" or (after is not None and found.count(after) > 1):
            continue  # said to be irregular, or merged with other axes
        outs = y if y.dim() else y.reshape(1)
        if after is None:
            outs, after = outs.unsqueeze(0), 0  # gone: what an output sees of it
        assert coupling != "each" or outs.shape[after] == length
        for i in range(outs.shape[after]):
            if isinstance(coupling, Window) and set(getattr(op, "dilation", (1,))) != {1}:
                break  # a window with holes: its ends are looked at in whole networks
            low, high = reach(coupling, i, length)
            if low > high:
                continue  # it sees padding alone
            if getattr(op, "is_causal", False) and j < 2 and i == 0:
                continue  # the first query sees one key: its weight is 1 whatever they are
            assert support(x, outs.select(after, i), axis) == (low, high)


def values_of(x: nc.Tensor) -> torch.Tensor:
    """Positive values with gradients, exact ones if float32; integers and truth values are 0."""
    if x.dtype in FLOATS:
        dtype = torch.float64 if x.dtype == "float32" else torch.float32
        return torch.rand(x.dims, dtype=dtype, requires_grad=True)
    return torch.zeros(x.dims, dtype=getattr(torch, x.dtype))


def reach(coupling: Any, i: int, length: int) -> tuple[int, int]:
    if coupling == "each":
        return i, i
    if coupling == "all":
        return 0, length - 1
    start = i * coupling.stride - coupling.before
    return max(0, start), min(length, start + coupling.span) - 1


# The table of the authors' library, google-research/receptive_field (alexnet_v2, vgg_16,
# inception_v2, ..., resnet_v1_152), for the last feature map: size, stride, and padding where their
# TensorFlow models pad as these do.
PUBLISHED = [
    ("alexnet", "pool5", 195, 32, 64),
    ("vgg16", "pool5", 212, 32, 90),
    ("bn_inception", "inception_5b/concat", 699, 32, None),
    ("inception_v3", "mixed_7c/concat", 1311, 32, 618),
    ("inception_v4", "mixed_7d/concat", 2071, 32, 998),
    ("inception_resnet_v2", "conv_7b", 3039, 32, 1482),
    ("resnet50@stride=v1", "conv5_3/relu", 483, 32, None),
    ("resnet101@stride=v1", "conv5_3/relu", 1027, 32, None),
    ("resnet152@stride=v1", "conv5_3/relu", 1507, 32, None),
]


@pytest.mark.parametrize(("net", "layer", "size", "stride", "padding"), PUBLISHED)
def test_published_fields(
    net: str, layer: str, size: int, stride: int, padding: int | None
) -> None:
    fields = receptive_fields(nc.analyse(net).result)[layer]
    for field in fields.values():
        assert (field.size, field.stride) == (size, stride)
        if padding is not None:
            assert field.padding == padding


def test_the_smallest_field_is_that_of_the_narrowest_path() -> None:
    """By brute force: each branch of two modules silenced or not, the supports of what is left."""
    module = {"a": (3, 3), "b": (1, 1), "c": (5, 3)}
    layers = {
        f"module{i}": nc.branches(
            {
                name: nc.chain(
                    one=nc.Conv2d(2, k, padding=k // 2), two=nc.Conv2d(2, j, padding=j // 2)
                )
                for name, (k, j) in module.items()
            }
        )
        for i in (1, 2)
    }
    layers["join"] = nc.branches(nc.Add(), c=nc.Conv2d(6, 3, padding=1), d=nc.chain())
    result = nc.analyse(nc.network(nc.chain(layers), input=(1, 2, 41, 5))).result
    sizes = []
    for kept in itertools.product(module, module, (True, False)):
        built = twin(result)
        for i, name in itertools.product((1, 2), module):
            if kept[i - 1] != name:
                nn.init.zeros_(built.get_submodule(f"module{i}.{name}.one").weight)  # type: ignore[arg-type]
        if not kept[2]:
            nn.init.zeros_(built.get_submodule("join.c").weight)  # type: ignore[arg-type]
        x, values = run(built, result)
        low, high = support(x, values["join/add"].select(2, 20), 2)
        sizes.append(high - low + 1)
    field = receptive_fields(result)["join/add"]["input", 2]
    assert (field.least, field.size) == (min(sizes), max(sizes))


def test_what_cannot_be_said_is_none() -> None:
    layers = nc.chain(
        pool=nc.AdaptiveAvgPool2d(3), conv=nc.Conv2d(4, 3), last=nc.AdaptiveAvgPool2d(1)
    )
    fields = receptive_fields(nc.analyse(nc.network(layers, input=(1, 2, 8, 8))).result)
    uneven, behind = fields["pool"]["input", 2], fields["conv"]["input", 2]
    assert (uneven.size, uneven.least, uneven.stride) == (None, None, None)
    assert behind.size is None
    assert (uneven.start, uneven.end) == (0, 7)


def test_behind_a_global_pool_everything_is_seen() -> None:
    layers = nc.chain(
        pool=nc.AdaptiveAvgPool2d(1), squeeze=nc.Conv2d(2, 1), spread=nc.Conv2d(2, 3, padding=1)
    )
    result = nc.analyse(nc.network(layers, input=(1, 2, 8, 8))).result
    built = twin(result)
    x, values = run(built, result)
    for name, fields in receptive_fields(result).items():
        if name != "input":
            field = fields["input", 2]
            assert (field.size, field.start, field.end) == (8, 0, 7)
            assert support(x, values[name], 2) == (0, 7)


def test_windows_over_flattened_axes_are_not_said() -> None:
    layers = nc.chain(flat=nc.Flatten(start_dim=2), conv=nc.Conv1d(2, 2), one=nc.Conv1d(2, 1))
    fields = receptive_fields(nc.analyse(nc.network(layers, input=(1, 2, 8, 8))).result)
    assert [(f.size, f.length) for f in fields["conv"].values()] == [(None, 63), (None, 63)]
    assert [f.size for f in fields["flat"].values()] == [1, 1]


def test_the_smallest_field_stays_behind_the_last_layers() -> None:
    """GoogLeNet's linear layer and softmax see no more than the pool before them."""
    fields = receptive_fields(nc.analyse("googlenet").result)
    seen = {
        (f.least, f.size)
        for name in ("pool", "fc", "softmax")
        for f in fields[f"head/{name}"].values()
    }
    assert seen == {(75 + 6 * 32, 715 + 6 * 32)}


def test_several_inputs_are_kept_apart() -> None:
    layers = nc.chain(
        a=nc.Conv2d(2, 3, padding=1),
        b=nc.use(nc.Conv2d(2, 5, padding=2), "right"),
        both=nc.use(nc.Add(), "a", "b"),
    )
    shape = (1, 2, 9, 9)
    result = nc.analyse(nc.network(layers, input={"left": shape, "right": shape})).result
    fields = receptive_fields(result)["both"]
    assert {key: f.size for key, f in fields.items()} == {
        ("left", 2): 3,
        ("left", 3): 3,
        ("right", 2): 5,
        ("right", 3): 5,
    }


def test_axes_are_followed_through_views_and_reductions() -> None:
    """Moved, cut, padded, reduced and left out: each field is the support of a gradient."""
    layers = nc.chain(
        conv=nc.Conv2d(4, 3, stride=2),
        last=nc.Permute((0, 2, 3, 1)),
        part=nc.Slice(1, 2, None, 2),
        act=nc.Pointwise("gelu"),
        first=nc.Transpose(1, 3),
        pad=nc.Pad((0, 0, 2, 1)),
        picked=nc.Reduce("mean", (3,)),
        conv1=nc.Conv1d(4, 3),
        one=nc.Unsqueeze(-1),
        same=nc.Reshape((1, 2, 2, -1, 1)),
        whole=nc.Reduce("sum", (1, 2)),
        entry=nc.Pick(1, 4),
    )
    result = nc.analyse(nc.network(layers, input=(1, 3, 41, 37))).result
    built = twin(result)
    x, values = run(built, result)
    looked = gone = 0
    for name, fields in receptive_fields(result).items():
        for (_, axis), field in fields.items():
            length = x.shape[axis]
            inside = [i for i in range(field.length) if lies_inside(field, i, length)]
            if field.axis == GONE:
                assert support(x, values[name], axis) == (field.start, field.end)
                gone += 1
            elif inside:
                at = inside[len(inside) // 2]
                picked = values[name].select(field.axis, at)
                assert support(x, picked, axis) == around(field, at, length), name
                looked += 1
    assert (looked, gone) == (19, 7)


def test_what_is_gone_stays_seen() -> None:
    """Gates: an axis that is averaged over meets itself again, and is not taken for another."""
    layers = nc.chain(
        conv=nc.Conv2d(4, 3),
        mean=nc.Reduce("mean", (2, 3)),
        turned=nc.Transpose(0, 1),
        gate=nc.Reshape((1, 4, 1, 1)),
        both=nc.use(nc.Binary("mul"), "gate", "conv"),
        after=nc.Conv2d(2, 3),
    )
    fields = receptive_fields(nc.analyse(nc.network(layers, input=(1, 3, 9, 9))).result)
    assert {f.axis for f in fields["gate"].values()} == {GONE}
    assert {(f.size, f.start, f.end) for f in fields["gate"].values()} == {(9, 0, 8)}
    assert [(f.size, f.axis, f.length) for f in fields["after"].values()] == [
        (None, 2, 5),
        (None, 3, 5),
    ]


def windows(n: int, channels: int = 3) -> nn.Module:
    """Windows of 3, then of 3 with holes of 1 between: 1 + 2 + 2*2 = 7 positions."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[n - 1]
    return nn.Sequential(conv(channels, 4, 3, padding=1), conv(4, 4, 3, padding=2, dilation=2))


class Turned(nn.Module):
    """Windows over the tokens of a sequence, whose channels come last."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = windows(1)

    def forward(self, x: torch.Tensor) -> Any:
        return self.conv(x.transpose(1, 2))


INPUTS: dict[str, tuple[nn.Module, tuple[int, ...], list[int]]] = {
    "a sequence": (windows(1), (2, 3, 40), [2]),
    "a sequence alone": (windows(1), (3, 40), [1]),
    "an image alone": (windows(2), (3, 20, 20), [1, 2]),
    "a volume": (windows(3), (1, 3, 9, 9, 9), [2, 3, 4]),
    "a volume alone": (windows(3), (3, 9, 9, 9), [1, 2, 3]),
    "a sequence of tokens": (Turned(), (2, 40, 3), [1]),
    "a wave": (nn.Sequential(nn.Unflatten(1, (1, 40)), windows(1, 1)), (2, 40), [1]),
}


@pytest.mark.parametrize("case", INPUTS)
def test_channels_are_no_positions(case: str) -> None:
    """Windows tell how many axes of an input have positions."""
    model, shape, axes = INPUTS[case]
    graph = nc.trace(model, torch.ones(shape))
    (last,) = (ref for ref, _ in graph.outputs.values())
    fields = receptive_fields(nc.analyse(graph).result)[last]
    assert {at: (f.size, f.start) for (_, at), f in fields.items()} == dict.fromkeys(axes, (7, -3))
