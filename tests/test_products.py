"""Products of matrices counted one by one, and in PyTorch's own kernels.

FlopCounterMode has no formula for some of them, so they are looked at here without it.
"""

from __future__ import annotations

import itertools
import math
import string
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

import netcalc as nc
from netcalc.core.attention import Attention
from netcalc.core.ops.attention import ScaledDotProductAttention
from netcalc.core.ops.base import Op
from netcalc.core.ops.bilinear import Bilinear
from netcalc.core.ops.einsum import Einsum
from netcalc.core.ops.matmul import GroupedMatMul, MatMul
from netcalc.core.ops.transposed import ConvTranspose, ConvTranspose2d
from netcalc.core.receptive import receptive_fields
from netcalc.core.subscripts import read, steps, subscripts
from netcalc.core.tensor import Tensor
from tests import counted
from tests.counted import Counted
from tests.reference import quiet, torch_macs

Shapes = tuple[tuple[int, ...], ...]


def work(op: Op, shapes: Shapes) -> dict[str, int]:
    """What the rule says, by kind."""
    ins = tuple(Tensor(shape) for shape in shapes)
    assert all(all(guard.holds) for guard in op.conditions(*ins))
    found: Counter[str] = Counter()
    for term in op.terms(ins, op.shape(*ins)):
        found[term.kind] += term.value
    return {kind: n for kind, n in found.items() if n}


def macs(op: Op, *shapes: tuple[int, ...]) -> int:
    return work(op, shapes).get("mac", 0)


# --- loops ---------------------------------------------------------------------------------------


def einsum(equation: str, shapes: Shapes) -> dict[str, int]:
    """Two inputs at a time from the left, index by index, with numbers that count."""
    Counted.tally.clear()
    before, _, output = equation.partition("->")
    names = before.split(",")
    sizes = {x: d for n, s in zip(names, shapes, strict=True) for x, d in zip(n, s, strict=True)}
    left, name = counted.array(*shapes[0]), names[0]
    for i, (other, shape) in enumerate(zip(names[1:], shapes[1:], strict=True), 1):
        wanted = set(output).union(*names[i + 1 :])
        left, name = summed(left, name, wanted | set(other))
        right, other = summed(counted.array(*shape), other, wanted | set(name))
        kept = "".join(x for x in dict.fromkeys(name + other) if x in wanted)
        gone = "".join(x for x in dict.fromkeys(name + other) if x not in wanted)
        left, name = multiplied(left, name, right, other, kept, gone, sizes), kept
    summed(left, name, set(output))
    return dict(Counted.tally)


def summed(x: Any, name: str, wanted: set[str]) -> tuple[Any, str]:
    """A tensor summed over the indices that nobody wants."""
    kept = "".join(y for y in name if y in wanted)
    if kept == name:
        return x, name
    order = [name.index(y) for y in kept] + [i for i, y in enumerate(name) if y not in wanted]
    rows = x.transpose(order).reshape(*(x.shape[name.index(y)] for y in kept), -1)
    out = np.empty(rows.shape[:-1], dtype=object)
    for at in np.ndindex(*out.shape):
        out[at] = counted.fold(list(rows[at]), "__add__")
    return out, kept


def multiplied(
    left: Any, name: str, right: Any, other: str, kept: str, gone: str, sizes: dict[str, int]
) -> Any:
    """The product of two tensors, one entry after the other."""
    out = np.empty(tuple(sizes[x] for x in kept), dtype=object)
    for at in np.ndindex(*out.shape):
        total = None if not gone else Counted(0.0)
        for more in itertools.product(*(range(sizes[x]) for x in gone)):
            index = dict(zip(kept + gone, (*at, *more), strict=True))
            a, b = left[tuple(index[x] for x in name)], right[tuple(index[x] for x in other)]
            total = a * b if total is None else a.times_plus(b, total)
        out[at] = total
    return out


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", ((3, 4), (4, 5))),
        ("bij,bkj->bik", ((2, 3, 4), (2, 5, 4))),
        ("i,j->ij", ((3,), (4,))),
        ("i,i->", ((3,), (3,))),
        ("ijl,jk->ik", ((3, 4, 2), (4, 5))),
        ("ijl,jkm->", ((3, 4, 2), (4, 5, 2))),
        ("ij,jk,kl->il", ((3, 4), (4, 5), (5, 2))),
        ("i,j,k->kji", ((3,), (4,), (5,))),
        ("bi,ijk,bk->bj", ((2, 3), (3, 4, 5), (2, 5))),
        ("ijk->j", ((2, 3, 4),)),
    ],
)
def test_einsum_is_counted_right(equation: str, shapes: Shapes) -> None:
    assert work(Einsum(equation), shapes) == einsum(equation, shapes)


def matmul(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """One multiply-add for each entry of the product and position along the inner axis."""
    a, b = np.ones(left, int), np.ones(right, int)
    return int(np.matmul(a, b).sum())  # each entry is a sum of k ones


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((7,), (7,)),
        ((5, 7), (7,)),
        ((7,), (7, 4)),
        ((7,), (3, 7, 4)),
        ((5, 7), (7, 4)),
        ((2, 1, 5, 7), (3, 7, 4)),
        ((2, 3, 5, 7), (7,)),
    ],
)
def test_matmul_counts_ones(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    assert macs(MatMul(), left, right) == matmul(left, right)


def test_every_symbolic_shape_of_a_product_is_numpys() -> None:
    """Leading axes of all kinds, without looking at the lengths as plain integers do."""
    leading = [(), (1,), (3,), (2, 3), (2, 1), (1, 3), (1, 1), (4, 1, 3)]
    for a, b in itertools.product(leading, leading):
        left, right = np.zeros((*a, 5, 7)), np.zeros((*b, 7, 4))
        ins = [Tensor(tuple(np.array([d]) for d in x.shape)) for x in (left, right)]
        (out,) = MatMul().shape(*ins)
        assert tuple(int(np.ravel(d)[0]) for d in out.dims) == np.matmul(left, right).shape


def test_flattened_axes_stay_apart() -> None:
    """The factors of an axis that came about by flattening are those of the product."""
    left = Tensor((2, 12, 30), parts=((2,), (3, 4), (5, 6)))
    right = Tensor((30, 8))
    (out,) = MatMul().shape(left, right)
    (term,) = MatMul().terms((left, right), (out,))
    assert term.factors == (2, 3, 4, 5, 6, 8)
    assert term.names == ("batch", "rows", "rows", "inner", "inner", "columns")
    assert out.parts == ((2,), (3, 4), (8,))
    op = Bilinear(2)
    found = op.terms((left, left), op.shape(left, left))
    assert [t.factors for t in found if t.kind == "mac"] == [
        (2, 3, 4, 2, 5, 6, 5, 6),
        (2, 3, 4, 2, 5, 6),
    ]


def bilinear(op: Any, rows: int, m: int, n: int) -> dict[str, int]:
    """For each feature the first input into its matrix, then the second into what comes out."""
    Counted.tally.clear()
    for _ in range(rows):
        x, z = counted.array(m), counted.array(n)
        for _ in range(op.out_features):
            weight = counted.array(m, n)
            total = Counted(0.0)
            for j in range(n):
                column = Counted(0.0)
                for i in range(m):
                    column = x[i].times_plus(weight[i, j], column)
                total = column.times_plus(z[j], total)
            if op.bias:
                total + Counted(1.0)
    return dict(Counted.tally)


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear_is_counted_right(bias: bool) -> None:
    op = Bilinear(3, bias=bias)
    found = work(op, ((5, 6), (5, 4)))
    assert found.pop("weight") == 3 * 6 * 4
    assert found.pop("bias", 0) == (3 if bias else 0)
    assert found == bilinear(op, 5, 6, 4)


def inside(module: nn.Module, *shapes: tuple[int, ...]) -> int:
    """The multiply-adds of the products inside a kernel, which only PyTorch's profiler sees."""
    xs = [torch.rand(shape) for shape in shapes]
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        module(*xs)
    products = [e.input_shapes for e in seen.events() if e.name == "aten::bmm"]
    assert products
    return sum(b * m * k * n for (b, m, k), (_, _, n) in (shapes[:2] for shapes in products))


@pytest.mark.parametrize(("rows", "m", "n", "out"), [(2, 6, 4, 3), (5, 3, 7, 2)])
def test_bilinear_is_what_the_kernel_multiplies(rows: int, m: int, n: int, out: int) -> None:
    expected = inside(nn.Bilinear(m, n, out), (rows, m), (rows, n))
    assert macs(Bilinear(out), (rows, m), (rows, n)) == expected
    assert torch_macs(Bilinear(out), ((rows, m), (rows, n))) == expected
    assert expected == rows * out * (m * n + n)


@pytest.mark.parametrize("ends", [(10, 10, 10), (1, 4, 10), (0, 7, 10)])
def test_experts_share_rows_out_at_no_cost(ends: tuple[int, ...]) -> None:
    """The products of the groups one by one, whatever the share of each."""
    (rows, k), (experts, _, n) = shapes = (10, 16), (3, 16, 8)
    starts = (0, *ends[:-1])
    one_by_one = sum(macs(MatMul(), (b - a, k), (k, n)) for a, b in zip(starts, ends, strict=True))
    op = GroupedMatMul()
    ins = (Tensor(shapes[0]), Tensor(shapes[1]), Tensor((experts,), "int32"))
    (term,) = op.terms(ins, op.shape(*ins))
    assert term.value == one_by_one == rows * k * n


@pytest.mark.parametrize(
    ("shapes", "groups"),
    [
        (((10, 16), (3, 16, 8)), [(4, 16, 8), (4, 16, 8), (2, 16, 8)]),
        (((3, 5, 16), (16, 8)), [(5, 16, 2), (5, 16, 3), (5, 16, 3)]),
        (((10, 24), (24, 8)), [(10, 8, 8), (10, 8, 8), (10, 8, 8)]),
        (((3, 5, 16), (3, 16, 8)), [(5, 16, 8)] * 3),
    ],
)
def test_groups_of_every_sort(shapes: Shapes, groups: list[tuple[int, int, int]]) -> None:
    ends = () if len(shapes[0]) == len(shapes[1]) == 3 else ((3,),)
    assert macs(GroupedMatMul(), *shapes, *ends) == sum(math.prod(group) for group in groups)


def attention(
    op: Any, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], mask: bool
) -> Any:
    """Attention of each head as its definition has it, with numbers that count."""
    Counted.tally.clear()
    for b, h in np.ndindex(*q[:2]):
        group = h * k[1] // q[1]
        query, key, value = (counted.array(*x)[b, i] for x, i in ((q, h), (k, group), (v, group)))
        for row in query:
            scores = []
            for other in key:
                total = Counted(0.0)
                for x, y in zip(row, other, strict=True):
                    total = x.times_plus(y, total)
                score = total * Counted(0.5)
                scores.append(score + Counted(0.0) if mask else score)
            largest = counted.fold(scores, "largest")
            powers = [(score - largest).exp() for score in scores]
            whole = counted.fold(powers, "__add__")
            weights = [power / whole for power in powers]
            for column in value.T:
                total = Counted(0.0)
                for x, y in zip(weights, column, strict=True):
                    total = x.times_plus(y, total)
    return dict(Counted.tally)


@pytest.mark.parametrize(
    ("op", "q", "k", "v"),
    [
        (ScaledDotProductAttention(), (2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4)),
        (ScaledDotProductAttention(), (1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 2)),
        (ScaledDotProductAttention(enable_gqa=True), (1, 4, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4)),
        (ScaledDotProductAttention(is_causal=True), (1, 2, 5, 4), (1, 2, 5, 4), (1, 2, 5, 4)),
    ],
)
def test_attention_is_counted_right(op: Op, q: Any, k: Any, v: Any) -> None:
    assert work(op, (q, k, v)) == attention(op, q, k, v, mask=False)
    if not getattr(op, "is_causal", False):
        mask = (q[2], k[2])
        assert work(op, (q, k, v, mask)) == attention(op, q, k, v, mask=True)


def transposed(op: Any, x: tuple[int, ...]) -> int:
    """Every input value times every weight that it meets, also where the result is cut off."""
    channels, *lengths = x
    count = 0
    for c, o in itertools.product(range(channels), range(op.out_channels)):
        if c // (channels // op.groups) == o // (op.out_channels // op.groups):
            places = itertools.product(*map(range, lengths))
            count += sum(1 for _ in places for _ in itertools.product(*map(range, op.kernel)))
    return count


@pytest.mark.parametrize(
    "op",
    [
        ConvTranspose2d(6, 3, stride=2),
        ConvTranspose2d(4, (2, 3), padding=1, groups=2, dilation=2),
        ConvTranspose2d(4, 3, stride=2, output_padding=1, groups=4, bias=False),
    ],
)
def test_transposed_convolutions_are_counted_right(op: ConvTranspose) -> None:
    shape = (4, 3, 5)
    found = work(op, (shape,))
    out = op.shape(Tensor(shape))[0]
    assert found["mac"] == transposed(op, shape)
    assert found.get("add", 0) == (out.numel if op.bias else 0)


def test_a_transposed_convolution_is_its_convolution_backwards() -> None:
    """Its output has the size of the input of the convolution that gives its input."""
    with quiet():
        for i, k, s, p, d in itertools.product((3, 5), (1, 2, 3), (1, 2, 3), (0, 1), (1, 2)):
            for more in range(max(s, d)):
                op = ConvTranspose2d(2, k, stride=s, padding=p, output_padding=more, dilation=d)
                x = Tensor((1, 2, i, i))
                if not all(all(guard.holds) for guard in op.conditions(x)):
                    continue
                (y,) = op.shape(x)
                back = nc.Conv2d(2, k, stride=s, padding=p, dilation=d)
                if more < s:
                    assert back.shape(y)[0].dims == x.dims


# --- the probes of other counters -----------------------------------------------------------------


PROBES: list[tuple[Op, Shapes, int]] = [
    (ConvTranspose2d(8, 3, stride=2), ((2, 4, 16, 16),), 147_456),
    (ConvTranspose2d(8, 4, stride=2, groups=4), ((2, 8, 16, 16),), 131_072),
    (MatMul(), ((2, 8, 16), (2, 16, 8)), 2_048),
    (MatMul(), ((8, 16), (2, 16, 8)), 2_048),
    (Einsum("bij,bjk->bik"), ((2, 8, 16), (2, 16, 8)), 2_048),
    (ScaledDotProductAttention(), ((2, 4, 16, 8),) * 3, 32_768),
]


@pytest.mark.parametrize(("op", "shapes", "expected"), PROBES, ids=[str(op) for op, *_ in PROBES])
def test_cases_that_counters_get_wrong(op: Op, shapes: Shapes, expected: int) -> None:
    assert macs(op, *shapes) == expected == torch_macs(op, shapes)


# --- equations ------------------------------------------------------------------------------------


def test_equations_are_read_as_numpy_reads_them() -> None:
    """Random ones with an ellipsis here and there; numpy and PyTorch agree on the shape."""
    rng = np.random.default_rng(0)
    letters = "abcA"
    sizes = dict(zip(letters, (2, 3, 4, 5), strict=True))
    looked = 0
    for _ in range(300):
        sides, shapes = [], []
        for _ in range(rng.integers(1, 4)):
            own = "".join(rng.permutation(list(letters))[: rng.integers(1, 4)])
            spread = (7, 6)[: rng.integers(0, 3)]
            at = rng.integers(0, len(own) + 1)
            sides.append(own[:at] + "..." + own[at:])
            before, after = ([sizes[x] for x in part] for part in (own[:at], own[at:]))
            shapes.append((*before, *reversed(spread), *after))
        used = sorted({x for side in sides for x in side if x != "."})
        out = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)])
        for equation in (",".join(sides), f"{', '.join(sides)} -> ...{out}"):
            op = Einsum(equation)
            ins = tuple(Tensor(shape) for shape in shapes)
            theirs = np.einsum(equation, *(np.zeros(shape) for shape in shapes)).shape
            assert all(all(guard.holds) for guard in op.conditions(*ins))
            assert op.shape(*ins)[0].dims == theirs
            looked += 1
    assert looked == 600


@pytest.mark.parametrize(
    "equation", ["i1->i", "ij->ii", "ij->k", "i..j", "i...j...", "ij->->i", "ij- >i", ". ..i"]
)
def test_wrong_equations_are_told(equation: str) -> None:
    with pytest.raises(ValueError, match=r"no list of letters|stands more than once|in no input"):
        read(equation)
    with pytest.raises(nc.SpecError, match=r"equation .*: "):
        nc.network(nc.chain(sum=Einsum(equation)), input=(2, 3))
    with pytest.raises(RuntimeError, match="einsum"):
        torch.einsum(equation, torch.zeros(2, 3))


def test_spaces_and_every_letter_do() -> None:
    letters = string.ascii_letters
    assert read(f" {letters} -> Z a ").output == ("Z", "a")
    plan = subscripts("bA,Ac", (2, 2))
    assert (plan.output, plan.order) == (("b", "c"), ("b", "c", "A"))
    (step,) = steps(plan)
    assert (step.summed, step.kept, step.dropped) == (("A",), ("b", "c"), ((), ()))


# --- what is seen, kept and verified --------------------------------------------------------------


KERNELS = [
    (dict[str, Any](), (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 8), None),
    ({}, (2, 6, 8), (2, 10, 8), (2, 10, 8), None),
    ({}, (6, 8), (10, 8), (10, 8), None),
    ({}, (3, 2, 4, 6, 8), (3, 2, 4, 10, 8), (3, 2, 4, 10, 8), None),
    ({}, (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 5), None),
    ({}, (2, 4, 6, 8), (1, 4, 10, 8), (1, 4, 10, 8), None),
    ({}, (2, 4, 6, 8), (2, 1, 10, 8), (2, 1, 10, 8), None),
    ({}, (2, 4, 6, 8), (2, 1, 10, 8), (2, 4, 10, 8), None),
    ({}, (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 8), (6, 10)),
    ({}, (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 8), (4, 6, 10)),
    ({}, (2, 4, 6, 8), (2, 4, 10, 8), (2, 4, 10, 8), (2, 1, 1, 10)),
    ({"is_causal": True}, (2, 4, 6, 8), (2, 4, 6, 8), (2, 4, 6, 8), None),
    ({"dropout_p": 0.5}, (2, 4, 6, 8), (2, 4, 6, 8), (2, 4, 6, 8), None),
    ({"enable_gqa": True}, (2, 4, 6, 8), (2, 2, 10, 8), (2, 2, 10, 8), None),
    ({"enable_gqa": True}, (2, 4, 6, 8), (2, 2, 10, 8), (2, 1, 10, 8), None),
]


@pytest.mark.parametrize(("fields", "q", "k", "v", "mask"), KERNELS)
def test_which_kernel_pytorch_takes(
    fields: dict[str, Any], q: Any, k: Any, v: Any, mask: Any
) -> None:
    """Against PyTorch's own choice on the CPU, by what a call dispatches."""
    shapes = [s for s in (q, k, v, mask) if s is not None]
    xs = [torch.rand(s) for s in shapes]
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU]) as seen:
        nn.functional.scaled_dot_product_attention(*xs, **fields)
    one = any(e.name == "aten::_scaled_dot_product_flash_attention_for_cpu" for e in seen.events())
    ins = tuple(Tensor(s) for s in shapes)
    op = ScaledDotProductAttention(**fields)
    run = op._run(ins, op.shape(*ins))
    assert isinstance(run, Attention)
    assert run.fused(training=True) == one
    assert op.fused(ins) == one or op.dropout_p


def test_a_receptive_field_through_attention() -> None:
    """Queries keep their place, keys are seen whole; a product keeps rows and columns."""
    shape = (1, 2, 9, 4)
    layers = nc.chain(
        conv=nc.use(nc.Conv2d(2, (3, 1), padding=(1, 0)), "q"),
        attention=nc.use(ScaledDotProductAttention(), "conv", "k", "v"),
        product=nc.use(MatMul(), "left", "right"),
    )
    inputs = dict.fromkeys(("q", "k", "v", "left"), shape) | {"right": (1, 2, 4, 7)}
    fields = receptive_fields(nc.analyse(nc.network(layers, input=inputs)).result)
    sizes = {key: f.size for key, f in fields["attention"].items()}
    assert sizes == {("q", 2): 3, ("q", 3): 4, ("k", 2): 9, ("k", 3): 4, ("v", 2): 9, ("v", 3): 1}
    places = {key: (f.size, f.axis) for key, f in fields["product"].items()}
    assert places == {
        ("left", 2): (1, 2),
        ("left", 3): (4, 0),
        ("right", 2): (4, 0),
        ("right", 3): (1, 3),
    }


def test_verify_names_what_counters_leave_out() -> None:
    layers = nc.chain(
        up=nc.use(ConvTranspose2d(4, 3, stride=2, groups=2), "image"),
        attention=nc.use(ScaledDotProductAttention(), "up", "up", "up"),
        bilinear=nc.use(Bilinear(3), "up", "attention"),
        product=nc.use(MatMul(), "bilinear", "vector"),
        sums=nc.use(Einsum("bchw,w->bch"), "bilinear", "vector"),
    )
    net = nc.network(layers, input={"image": (1, 2, 5, 5), "vector": (3,)})
    found = nc.verify(net, device="cpu")
    assert found.ok
    causes = {c.cause for c in found.differences if c.row}
    attention, bilinear, product = 2 * 4 * 11 * 11 * 11, 4 * 11 * 3 * (11 * 11 + 11), 4 * 11 * 3
    assert causes == {
        f"flopcounter does not count 1 x Bilinear = -{bilinear:,}",
        f"flopcounter does not count 1 x MatMul with a vector = -{product:,}",
        f"fvcore does not count 1 x MatMul with a vector = -{product:,}",
        f"fvcore does not count 1 x Bilinear = -{bilinear:,}",
        f"fvcore does not count 1 x Einsum = -{product:,}",
        f"fvcore does not count 1 x ScaledDotProductAttention = -{attention:,}",
    }


def test_the_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(kind: type[Op]) -> Any:
        right = kind.terms
        return lambda self, ins, outs: right(self, ins, outs) * 2

    for kind, check in (
        (Einsum, lambda: test_einsum_is_counted_right("ij,jk->ik", ((3, 4), (4, 5)))),
        (MatMul, lambda: test_matmul_counts_ones((5, 7), (7,))),
        (Bilinear, lambda: test_bilinear_is_counted_right(bias=False)),
        (Bilinear, lambda: test_bilinear_is_what_the_kernel_multiplies(2, 6, 4, 3)),
        (ConvTranspose, lambda: test_cases_that_counters_get_wrong(*PROBES[0])),
        (ScaledDotProductAttention, lambda: test_cases_that_counters_get_wrong(*PROBES[-1])),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(kind, "terms", doubled(kind))
            with pytest.raises(AssertionError):
                check()
