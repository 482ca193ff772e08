"""Operators of PyTorch in all their forms: none is unknown, and work is as worked out here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import netcalc as nc
from netcalc.pytorch.tags import tags_of
from netcalc.pytorch.trace import trace
from tests.test_trace import Call

e = torch.empty
b = lambda *size: torch.empty(size, dtype=torch.bool)  # noqa: E731
i = lambda *size: torch.zeros(size, dtype=torch.int64)  # noqa: E731
x = e(2, 6, 8)  # 96 values
inf = float("inf")


def written(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x = x + 0
    x[:, i(3)] = y
    return x


def masked(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    x = x + 0
    x[mask] = 0.0
    return x


# The function, its inputs, and its work by hand ({} where values are only moved).
FORMS: dict[str, tuple[Any, tuple[torch.Tensor, ...], dict[str, int]]] = {
    # windows
    "Tensor.unfold": (lambda x: x.unfold(2, 3, 2), (x,), {}),
    "unfold": (nn.Unfold((2, 3), padding=1, stride=2), (e(2, 3, 6, 7),), {}),
    "fold": (nn.Fold((4, 5), 2), (e(2, 12, 12),), {"add": 2 * 12 * 12}),
    "max_pool2d with indices": (nn.MaxPool2d(2, return_indices=True), (x,), {"cmp": 3 * 24}),
    "adaptive_max_pool2d with indices": (
        nn.AdaptiveMaxPool2d((3, 4), return_indices=True),  # from 6 x 8: windows of 2 x 2
        (x,),
        {"cmp": 3 * 24},
    ),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, (3, 4)), (x,), {"cmp": 3 * 24}),
    "max_unpool2d": (lambda x, at: F.max_unpool2d(x, at, 2), (x, i(2, 6, 8)), {}),
    "lp_pool2d": (
        nn.LPPool2d(2, 2),  # the mean of squares, the root of its size with its sign times 4
        (x,),
        {"pow": 96 + 24, "add": 3 * 24 + 24 + 24, "div": 24, "mul": 48, "cmp": 48 + 24 + 24},
    ),
    # moved and blanked out
    "flip": (lambda x: x.flip(0, -1), (x,), {}),
    "fliplr": (torch.fliplr, (x,), {}),
    "tile": (lambda x: x.tile(2, 1, 3), (x,), {}),
    "meshgrid": (lambda x: torch.meshgrid(x, x, indexing="ij"), (e(5),), {}),
    "tril": (torch.tril, (x,), {}),
    "triu_": (lambda x: (x + 0).triu_(1), (x,), {"add": 96}),
    "diagonal": (torch.diagonal, (x,), {}),
    "diag_embed": (torch.diag_embed, (x,), {}),
    "diag": (torch.diag, (e(5, 5),), {}),
    "movedim": (lambda x: x.movedim(0, 2), (x,), {}),
    "swapdims": (lambda x: x.swapdims(0, 2), (x,), {}),
    "narrow": (lambda x: x.narrow(1, 2, 3), (x,), {}),
    "hsplit": (lambda x: torch.hsplit(x, 2), (x,), {}),
    "tensor_split": (lambda x: x.tensor_split(3, 1), (x,), {}),
    "chunk": (lambda x: x.chunk(3, 1), (x,), {}),
    "unsafe_split": (lambda x: torch.unsafe_split(x, 4, 1), (x,), {}),
    "unsafe_split_with_sizes": (lambda x: torch.unsafe_split_with_sizes(x, [2, 4], 1), (x,), {}),
    "unsafe_chunk": (lambda x: torch.unsafe_chunk(x, 3, 1), (x,), {}),
    "channel_shuffle": (nn.ChannelShuffle(3), (e(2, 6, 4, 4),), {}),
    "repeat_interleave": (lambda x: x.repeat_interleave(3, 1), (x,), {}),
    "broadcast_to": (lambda x: x.broadcast_to(3, 2, 6, 8), (x,), {}),
    "hstack": (lambda x: torch.hstack([x, x]), (x,), {}),
    "as_strided": (lambda x: x.as_strided((4, 3), (1, 2)), (x,), {}),
    "pad by less than nothing": (lambda x: F.pad(x, (-1, 2, 1, -2), value=-inf), (x,), {}),
    "ReflectionPad2d": (nn.ReflectionPad2d(2), (x,), {}),
    "outer": (torch.outer, (e(3), e(4)), {"mul": 12}),
    "fill_": (lambda x: torch.empty_like(x).fill_(2.0) * x, (x,), {"mul": 96}),
    "uniform_": (lambda x: torch.empty_like(x).uniform_() * x, (x,), {"mul": 96}),
    "randperm": (lambda x: x[:, torch.randperm(6, device=x.device)], (x,), {}),
    "take_along_dim": (  # a remainder makes places count from the end
        lambda x, at: x.take_along_dim(at, 1),
        (x, i(2, 3, 8)),
        {"div": 48, "mul": 48, "add": 48},
    ),
    # written to places
    "scatter": (lambda x, at, y: x.scatter(1, at, y), (x, i(2, 3, 8), x), {}),
    "scatter of a number": (lambda x, at: x.scatter(1, at, -inf), (x, i(2, 3, 8)), {}),
    "scatter_add": (lambda x, at, y: x.scatter_add(1, at, y), (x, i(2, 3, 8), x), {"add": 48}),
    "scatter_reduce": (
        lambda x, at, y: x.scatter_reduce(1, at, y, "amax"),
        (x, i(2, 3, 8), x),
        {"cmp": 48},
    ),
    "index_add": (lambda x, at, y: x.index_add(1, at, y), (x, i(3), e(2, 3, 8)), {"add": 48}),
    "index_copy": (lambda x, at, y: x.index_copy(1, at, y), (x, i(3), e(2, 3, 8)), {}),
    "index_fill": (lambda x, at: x.index_fill(1, at, 0.5), (x, i(3)), {}),
    "index_put": (written, (x, e(3, 8)), {"add": 96}),
    "index_put of a mask": (masked, (x, b(2, 6, 8)), {"add": 96}),
    "index_put that adds": (
        lambda x, at, y: x.index_put((at,), y, accumulate=True),
        (x, i(3), e(3, 6, 8)),
        {"add": 3 * 48},
    ),
    "masked_scatter": (lambda x, m, y: x.masked_scatter(m, y), (x, b(2, 6, 1), e(96)), {}),
    "one_hot": (lambda at: F.one_hot(at, 7), (i(2, 3),), {"cmp": 2 * (6 + 5) + 6 * 7}),
    # choices
    "where": (torch.where, (b(6, 1), x, e(8)), {}),
    "where, a number else": (lambda m, x: torch.where(m, x, -inf), (b(6, 1), x), {}),
    "where, a number first": (lambda m, x: torch.where(m, 0.0, x), (b(6, 1), x), {}),
    "where, two numbers": (lambda m: torch.where(m, 0.0, 1.0), (b(6, 1),), {}),
    "clamp": (lambda x: x.clamp(0.0, inf), (x,), {"cmp": 2 * 96}),
    "clamp by tensors": (torch.clamp, (x, e(8), e(6, 1)), {"cmp": 2 * 96}),
    "clamp from below": (lambda x, y: x.clamp(min=y), (x, e(8)), {"cmp": 96}),
    "clamp_max by a tensor": (lambda x, y: x.clamp_max(y), (x, e(8)), {"cmp": 96}),
    "masks": (lambda m, n: ~(m & n) | (m ^ n), (b(2, 6), b(6)), {"cmp": 4 * 12}),
    # order: 8 doublings to 128 of 96 + 1, 3 to 8, 2 of k + 1 = 4
    "topk": (lambda x: x.topk(3), (x,), {"cmp": 96 * 2}),
    "sort": (lambda x: x.sort(1), (x,), {"cmp": 96 * 3}),
    "argsort": (lambda x: x.argsort(-1, descending=True), (x,), {"cmp": 96 * 3}),
    "searchsorted": (torch.searchsorted, (e(96), x), {"cmp": 96 * 7}),
    "bucketize": (torch.bucketize, (x, e(3)), {"cmp": 96 * 2}),
    "histc": (lambda x: x.histc(5, 0, 5), (x,), {"cmp": 192, "add": 192, "mul": 96, "div": 96}),
    # activations
    "glu": (nn.GLU(1), (x,), {"exp": 48, "add": 48, "div": 48, "mul": 48}),
    "prelu": (nn.PReLU(6), (x,), {"cmp": 96, "mul": 96}),
    "rrelu": (nn.RReLU(), (x,), {"cmp": 96, "mul": 96}),
    "threshold": (nn.Threshold(0.1, 20.0), (x,), {"cmp": 96}),
    "hardshrink": (nn.Hardshrink(), (x,), {"add": 96, "cmp": 192}),
    "softshrink": (nn.Softshrink(), (x,), {"add": 96, "cmp": 192}),
    "logsigmoid": (nn.LogSigmoid(), (x,), {"cmp": 192, "exp": 192, "add": 3 * 96}),
    "alpha_dropout": (nn.AlphaDropout().eval(), (x,), {}),
    # arithmetic
    "add of a multiple": (lambda x, y: torch.add(x, y, alpha=2), (x, x), {"mul": 96, "add": 96}),
    "sub of a multiple": (lambda x, y: torch.sub(x, y, alpha=2), (x, x), {"mul": 96, "add": 96}),
    "addcmul": (lambda x: torch.addcmul(x, x, x, value=0.5), (x,), {"mul": 192, "add": 96}),
    "addcdiv": (torch.addcdiv, (x, x, x), {"div": 96, "add": 96}),
    "addr": (torch.addr, (e(3, 4), e(3), e(4)), {"mul": 12, "add": 12}),
    "floor division": (lambda x: x.div(3, rounding_mode="floor"), (x,), {"div": 96}),
    "division to 0": (lambda n: n.div(3, rounding_mode="trunc"), (i(8),), {"div": 8}),
    "digamma": (torch.digamma, (x,), {"exp": 96}),
    "i0e": (torch.special.i0e, (x,), {"exp": 96}),
    "xlog1py": (torch.special.xlog1py, (x, e(6, 1)), {"exp": 96}),
    "diff": (torch.diff, (x,), {"add": 84}),
    "cosine_similarity": (
        nn.CosineSimilarity(2),  # two norms of 8, bounded from below; quotients; their product
        (x, x),
        {"add": 3 * 84, "mul": 3 * 96, "pow": 24, "cmp": 24, "div": 2 * 96},
    ),
    "pairwise_distance": (
        nn.PairwiseDistance(),
        (x, x),
        {"add": 2 * 96 + 84, "mul": 96, "pow": 12},
    ),
    "cdist": (
        torch.cdist,
        (e(2, 5, 3), e(2, 4, 3)),
        {"add": 40 * (3 + 2), "mul": 40 * 3, "pow": 40},
    ),
    "cross entropy": (  # a LogSoftmax over 6, then 16 losses
        nn.CrossEntropyLoss(),
        (x, i(2, 8)),
        {"cmp": 80, "add": 96 + 80 + 96 + 15, "exp": 96 + 16, "div": 1},
    ),
    "mse_loss": (nn.MSELoss(), (x, x), {"add": 96 + 95, "mul": 96, "div": 1}),
    # z = max(d, 0 - d) of a difference; z*z*0.5/beta, z - 0.5*beta, and which of them
    "smooth_l1_loss": (
        nn.SmoothL1Loss(beta=0.5),
        (x, x),
        {"add": 3 * 96 + 95, "cmp": 2 * 96, "mul": 2 * 96, "div": 96 + 1},
    ),
    # the same z; z*z*0.5, delta*(z - 0.5*delta), and which of them
    "huber_loss": (
        nn.HuberLoss("sum", 0.5),
        (x, x),
        {"add": 3 * 96 + 95, "cmp": 2 * 96, "mul": 3 * 96},
    ),
    # (1 - y)*x - (min(x, 0) - log(1 + exp(-abs(x)))), abs(x) = max(x, 0 - x)
    "binary_cross_entropy_with_logits": (
        nn.BCEWithLogitsLoss(reduction="none"),
        (x, x),
        {"add": 5 * 96, "mul": 96, "cmp": 2 * 96, "exp": 2 * 96},
    ),
    "solve_triangular": (
        lambda a, b: torch.linalg.solve_triangular(a, b, upper=False),
        (e(2, 4, 4), e(2, 4, 3)),
        {"mul": 6 * 6, "add": 6 * 6, "div": 6 * 4},
    ),
    # of many
    "var_mean": (torch.var_mean, (x,), {"add": 2 * 95 + 96, "mul": 96, "div": 2}),
    "std": (lambda x: x.std(1), (x,), {"add": 16 * 10 + 96, "mul": 96, "div": 32, "pow": 16}),
    "aminmax": (torch.aminmax, (x,), {"cmp": 2 * 95}),
    "norm of order 1": (lambda x: x.norm(1, dim=1), (x,), {"add": 96 + 80, "cmp": 96}),
    "norm of order inf": (
        lambda x: torch.linalg.vector_norm(x, inf, 1),
        (x,),
        {"add": 96, "cmp": 96 + 80},
    ),
    "count_nonzero": (torch.count_nonzero, (x,), {"add": 95, "cmp": 96}),
    "cumprod": (lambda x: x.cumprod(1), (x,), {"mul": 80}),
    "cummax": (lambda x: x.cummax(1), (x,), {"cmp": 80}),
    # in a type of their own: 12 rows of 8
    "cat of types": (lambda *xs: torch.cat(xs, 1), (i(2, 3), e(2, 3).half(), e(2, 1)), {}),
    "stack of types": (lambda *xs: torch.stack(xs, 1), (i(2, 3), e(2, 3).bfloat16()), {}),
    "hstack of types": (lambda *xs: torch.hstack(xs), (b(2, 3), i(2, 4)), {}),
    "softmax in another": (
        lambda x: F.softmax(x, -1, dtype=torch.float32),
        (x.bfloat16(),),
        {"cmp": 84, "add": 96 + 84, "exp": 96, "div": 96},
    ),
    "softmax of integers": (
        lambda n: n.softmax(0, dtype=torch.float64),
        (i(8),),
        {"cmp": 7, "add": 8 + 7, "exp": 8, "div": 8},
    ),
    "log_softmax in another": (
        lambda x: F.log_softmax(x, -1, dtype=torch.float32),
        (x.half(),),
        {"cmp": 84, "add": 96 + 84 + 96, "exp": 96 + 12},
    ),
    "cumsum in another": (lambda m: m.cumsum(1, dtype=torch.int32), (b(2, 8),), {"add": 14}),
    "cumprod in another": (lambda x: x.cumprod(2, dtype=torch.float64), (x.half(),), {"mul": 84}),
    "sum in another": (lambda x: x.sum(dtype=torch.float32), (x.bfloat16(),), {"add": 95}),
    "sum in the same": (lambda n: n.sum(0, dtype=torch.int64), (i(8).int(),), {"add": 7}),
    "mean of integers": (
        lambda n: n.mean(1, True, dtype=torch.float32),
        (i(2, 8),),
        {"add": 14, "div": 2},
    ),
    "prod in another": (lambda x: x.prod(1, dtype=torch.float64), (x,), {"mul": 80}),
    "norm in another": (
        lambda x: torch.linalg.vector_norm(x, 2, -1, dtype=torch.float32),
        (x.bfloat16(),),
        {"mul": 96, "add": 84, "pow": 12},
    ),
    # interpolation to half the size: 4 taps in each direction
    "antialiased": (
        lambda x: F.interpolate(x, (3, 4), mode="bilinear", antialias=True),
        (e(1, 2, 6, 8),),
        {"mul": 4 * (48 + 24), "add": 3 * (48 + 24)},
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_operator_is_a_layer(form: str) -> None:
    """Shapes and types agree with PyTorch's, and other work with what was worked out."""
    function, xs, work = FORMS[form]
    model = function if isinstance(function, nn.Module) else Call(function)
    result = nc.analyse(trace(model, *xs)).result
    assert result.unknown == {}
    assert not [r for r in result.graph.remarks if "differs" in r]
    assert result.totals.macs == 0
    found = {kind: n for kind, n in result.totals.ops.items() if n}
    assert found == work
    with torch.device("meta"):
        outs = model.to("meta")(*(t.to("meta") for t in xs))
    wanted = [t for t in torch.utils._pytree.tree_leaves(outs) if isinstance(t, torch.Tensor)]
    told = [(o.dims, f"torch.{o.dtype}") for o in result.outputs.values()]
    assert told == [(tuple(t.shape), str(t.dtype)) for t in wanted]


@pytest.mark.parametrize("form", [torch.nonzero, torch.where, torch.argwhere])
def test_places_of_what_is_not_zero(form: Any) -> None:
    """Three of six values; each of the six is compared."""
    x = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    result = nc.analyse(trace(Call(form), x)).result
    assert result.unknown == {}
    assert result.totals.ops == {"cmp": 6}
    outs = torch.utils._pytree.tree_leaves(form(x))
    assert [o.dims for o in result.outputs.values()] == [tuple(t.shape) for t in outs]
    assert "1 stated" in result.graph.remarks[-1]


def test_cells_have_a_rule_for_all_that_they_do() -> None:
    """Of 4 inputs and 5 values of state, for 2 rows: 3 gates of a GRU, 4 of an LSTM."""
    for cell, gates in (nn.GRUCell(4, 5), 3), (nn.LSTMCell(4, 5), 4), (nn.RNNCell(4, 5), 1):
        result = nc.analyse(trace(cell, e(2, 4))).result
        assert result.unknown == {}
        assert result.totals.macs == 2 * gates * 5 * (4 + 5)


def test_a_type_is_told_where_it_changes_what_comes_out() -> None:
    """That of the input itself is no news, and is not shown."""
    for kind in (torch.float32, torch.bfloat16):
        model = Call(lambda x: F.softmax(x, -1, dtype=torch.float32))
        (row,) = nc.analyse(trace(model, x.to(kind))).rows
        assert row.node.op == nc.Softmax(dtype=None if kind == torch.float32 else "float32")


PRODUCTS: dict[str, tuple[Any, tuple[torch.Tensor, ...], int, dict[str, int]]] = {
    "addmm": (
        lambda c, x, y: torch.addmm(c, x, y, beta=0.5, alpha=2),
        (e(7), e(5, 3), e(3, 7)),
        105,
        {"mul": 70, "add": 35},
    ),
    "baddbmm without its first": (
        lambda c, x, y: torch.baddbmm(c, x, y, beta=0, alpha=0.1),
        (e(2, 5, 7), e(2, 5, 3), e(2, 3, 7)),
        210,
        {"mul": 70},
    ),
    "addmv": (torch.addmv, (e(5), e(5, 3), e(3)), 15, {"add": 5}),
    "addbmm": (torch.addbmm, (e(5, 7), e(2, 5, 3), e(2, 3, 7)), 210, {"add": 35}),
    "tensordot": (lambda x, y: torch.tensordot(x, y, 1), (e(2, 5, 3), e(3, 7)), 210, {}),
    "linear with one output": (F.linear, (e(5, 3), e(3)), 15, {}),
    "vdot": (torch.vdot, (e(16), e(16)), 16, {}),
}


@pytest.mark.parametrize("form", PRODUCTS)
def test_products_and_what_is_added_to_them(form: str) -> None:
    function, xs, macs, work = PRODUCTS[form]
    result = nc.analyse(trace(Call(function), *xs)).result
    assert result.unknown == {}
    assert result.totals.macs == macs
    assert {kind: n for kind, n in result.totals.ops.items() if n} == work


BAGS = {"sum": {"add": 12 * 4}, "mean": {"add": 12 * 4, "div": 3 * 4}, "max": {"cmp": 12 * 4}}


@pytest.mark.parametrize("mode", BAGS)
def test_bags_of_embeddings(mode: str) -> None:
    """3 bags of 5 rows of 4; the table counts once, though it is used twice."""
    bag = nn.EmbeddingBag(10, 4, mode=mode)
    result = nc.analyse(trace(bag, i(3, 5))).result
    assert (result.unknown, result.totals.params) == ({}, 40)
    assert {kind: n for kind, n in result.totals.ops.items() if n} == BAGS[mode]
    (row,) = (row for row in result.rows if row.type == "EmbeddingBag")
    assert row.node.key("weight") == "weight" or row.counts.params == 40
    twice = nn.Sequential(nn.Flatten(1), bag)
    twice.append(Call(lambda x: F.embedding_bag(i(2, 3).to(x.device), bag.weight, mode=mode)))
    assert nc.analyse(trace(twice, i(3, 5))).result.totals.params == 40


def test_bags_with_a_factor_for_each_index() -> None:
    bag = nn.EmbeddingBag(10, 4, mode="sum", include_last_offset=True)
    result = nc.analyse(trace(bag, i(7), i(3), e(7))).result
    assert result.unknown == {}
    assert result.totals.ops["mul"] == 7 * 4
    assert result.totals.ops["add"] == (7 - 2) * 4


def test_learned_slopes_are_parameters() -> None:
    model = nn.Sequential(nn.PReLU(6), nn.PReLU())
    result = nc.analyse(trace(model, x)).result
    assert (result.unknown, result.totals.params) == ({}, 7)
    assert [row.counts.params for row in result.rows] == [6, 1]


def test_normalised_weights() -> None:
    """The length and the direction of a weight are parameters, the weight itself is computed."""
    model = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    result = nc.analyse(trace(model, e(2, 3))).result
    assert result.unknown == {}
    assert result.totals.params == 4 * 3 + 4 + 4
    assert result.totals.ops == {"mul": 24, "add": 8 + 2 * 4, "pow": 4, "div": 4}
    assert result.totals.macs == 2 * 3 * 4


def test_tags_are_looked_up_by_name() -> None:
    assert "pointwise" in tags_of("digamma", "")
    assert "pointwise" in tags_of("add", "Tensor")
    assert "reduction" in tags_of("sum", "dim_IntList")
    assert "pointwise" not in tags_of("sort", "")
    assert tags_of("no_such_operator", "") == frozenset()
    assert tags_of("no_such_library::add", "") == frozenset()


def test_an_operator_that_is_no_function_of_elements_stays_unknown() -> None:
    """Its twin: a tag alone makes a layer, and inverting a matrix has none."""
    result = nc.analyse(trace(Call(torch.linalg.det), e(3, 3))).result
    assert result.unknown


# --- work by doing it -----------------------------------------------------------------------------


def terms_of(op: Any, *shapes: tuple[int, ...]) -> dict[str, int]:
    ins = tuple(nc.Tensor(shape) for shape in shapes)
    found: dict[str, int] = {}
    for term in op.terms(ins, op.shape(*ins)):
        found[term.kind] = found.get(term.kind, 0) + term.value
    return found


def merged(values: list[float], tally: list[int]) -> list[float]:
    """The values in order, by merging halves; each comparison is tallied."""
    if len(values) < 2:
        return values
    left, right = (
        merged(half, tally) for half in (values[: len(values) // 2], values[len(values) // 2 :])
    )
    out: list[float] = []
    while left and right:
        tally[0] += 1
        out.append((left if left[0] <= right[0] else right).pop(0))
    return out + left + right


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 64, 100])
def test_sorting_takes_no_more_comparisons_and_bisection_as_many(n: int) -> None:
    values = torch.rand(n, generator=torch.Generator().manual_seed(n)).tolist()
    tally = [0]
    assert merged(values, tally) == sorted(values)
    bound = terms_of(nc.Sort(), (n,))["cmp"]
    assert tally[0] <= bound <= tally[0] + 2 * n
    steps, places = 0, n + 1  # of a value among n there are n + 1
    while places > 1:
        places -= places // 2
        steps += 1
    assert terms_of(nc.SearchSorted(), (n,), (5,))["cmp"] == 5 * steps
    assert terms_of(nc.TopK(n), (n,))["cmp"] == n * steps


def test_folding_adds_each_value_once() -> None:
    op = nc.Fold((4, 5), (2,), (2, 1))
    columns = op.windows()
    added = 0
    for _ in range(columns[0].size(4)):
        for _ in range(columns[1].size(5)):
            added += 3 * op.taps()  # channels
    assert terms_of(op, (12, 8)) == {"add": added}


def test_a_triangular_system_is_solved_from_its_corner() -> None:
    n, sides = 5, 3
    done = {"mul": 0, "add": 0, "div": 0}
    for _ in range(sides):
        for row in range(n):
            done["mul"] += row
            done["add"] += row
            done["div"] += 1
    assert terms_of(nc.SolveTriangular(upper=False), (n, n), (n, sides)) == done
