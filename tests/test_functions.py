"""The tables of functions: work counted by their formulas, one operation at a time."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from netcalc.core.broadcast import promoted
from netcalc.core.functions import BINARY, CUMULATIVE, REDUCTIONS, UNARY
from netcalc.core.ops.elementwise import Binary, Pointwise
from netcalc.core.ops.reduce import Cumulative, LogSoftmax, Reduce
from netcalc.core.ops.resample import Upsample
from netcalc.core.tensor import BYTES, Tensor
from netcalc.pytorch.functional import known
from tests.counted import Counted, fold

C = Counted


def like_exp(function: Callable[[float], float], x: Counted) -> Counted:
    """A function that counts as an exponential."""
    return x._with("exp", function(x.value))


def less(x: Counted, y: Counted) -> Counted:
    return x._with("cmp", float(x.value < y.value))


def same(x: Counted, y: Counted) -> Counted:
    return x._with("cmp", float(x.value == y.value))


def least(x: Counted, y: Counted) -> Counted:
    return x._with("cmp", min(x.value, y.value))


def below(x: Counted, bound: float, low: Counted, high: Counted) -> Counted:
    """``low`` where x is below the bound: one comparison."""
    return low if less(x, C(bound)).value else high


def clipped(x: Counted, low: float, high: float) -> Counted:
    return least(x.largest(C(low)), C(high))


def sigmoid(x: Counted) -> Counted:
    e = x.exp()
    return e / (e + C(1))


def tanh(x: Counted) -> Counted:
    return C(1) - C(2) / ((C(2) * x).exp() + C(1))


def floor(x: Counted) -> Counted:
    return C(math.floor(x.value))


def trunc(x: Counted) -> Counted:
    return C(math.trunc(x.value))


def shrunk(x: Counted, a: float) -> Counted:
    """Nearer to 0 by ``a``: two comparisons with the bounds, one of which moves it."""
    above, under = less(C(a), x).value, less(x, C(-a)).value
    moved = x - C(a) if not under else x + C(a)
    return moved if above or under else C(0)


def unless(x: Counted, wrong: float) -> Counted:
    """A number, unless it is what no number is: one comparison."""
    assert not same(x, C(wrong)).value
    return x


def softplus(x: Counted, b: float, bound: float) -> Counted:
    scaled = C(b) * x
    return below(scaled, bound, like_exp(math.log, C(1) + scaled.exp()) / C(b), x)


def gelu_tanh(x: Counted) -> Counted:
    inner = C(math.sqrt(2 / math.pi)) * (x + C(0.044715) * x * x * x)
    return x * C(0.5) * (C(1) + tanh(inner))


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, section 2

ONE: dict[str, Callable[..., Counted]] = {
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "gelu": lambda x: x * C(0.5) * (C(1) + like_exp(math.erf, x * C(math.sqrt(0.5)))),
    "gelu_tanh": gelu_tanh,
    "mish": lambda x: x * tanh(like_exp(math.log, C(1) + x.exp())),
    "softplus": softplus,
    "elu": lambda x, a: below(x, 0, C(a) * (x.exp() - C(1)), x),
    "celu": lambda x, a: below(x, 0, C(a) * ((x / C(a)).exp() - C(1)), x),
    "selu": lambda x: C(SCALE) * below(x, 0, C(ALPHA) * (x.exp() - C(1)), x),
    "leaky_relu": lambda x, a: below(x, 0, C(a) * x, x),
    "hardsigmoid": lambda x: clipped(x + C(3), 0, 6) / C(6),
    "hardswish": lambda x: x * (clipped(x + C(3), 0, 6) / C(6)),
    "hardtanh": clipped,
    "hardshrink": lambda x, a: below(C(a), x.largest(C(0) - x).value, x, C(0)),
    "softshrink": lambda x, a: shrunk(x, a),
    "threshold": lambda x, a, b: below(C(a), x.value, x, C(b)),
    "relu6": lambda x: clipped(x, 0, 6),
    "exp": lambda x: x.exp(),
    "exp2": lambda x: x._with("pow", 2**x.value),
    "expm1": lambda x: x.exp() - C(1),
    "log": lambda x: like_exp(math.log, x),
    "log2": lambda x: like_exp(math.log2, x),
    "log10": lambda x: like_exp(math.log10, x),
    "log1p": lambda x: like_exp(math.log, C(1) + x),
    "sqrt": lambda x: x.power(0.5),
    "rsqrt": lambda x: x.power(-0.5),
    "square": lambda x: x * x,
    "pow": lambda x, a: x.power(a),
    "rpow": lambda x, a: x._with("pow", a**x.value),
    "logit": lambda x: like_exp(math.log, x / (C(1) - x)),
    "reciprocal": lambda x: C(1) / x,
    "sin": lambda x: like_exp(math.sin, x),
    "cos": lambda x: like_exp(math.cos, x),
    "tan": lambda x: like_exp(math.tan, x),
    "atan": lambda x: like_exp(math.atan, x),
    "erf": lambda x: like_exp(math.erf, x),
    "erfc": lambda x: C(1) - like_exp(math.erf, x),
    "abs": lambda x: x.largest(C(0) - x),
    "neg": lambda x: C(0) - x,
    "sign": lambda x: less(C(0), x) - less(x, C(0)),
    "clamp": clipped,
    "clamp_min": lambda x, a: x.largest(C(a)),
    "clamp_max": lambda x, a: least(x, C(a)),
    "floor": floor,
    "ceil": lambda x: C(math.ceil(x.value)),
    "round": lambda x: C(round(x.value)),
    "trunc": lambda x: C(math.trunc(x.value)),
    "frac": lambda x: x - C(math.trunc(x.value)),
    "sgn": lambda x: less(C(0), x) - less(x, C(0)),
    "nan_to_num": lambda x: unless(unless(unless(x, math.nan), math.inf), -math.inf),
    "clone": lambda x: C(x.value),
    "add": lambda x, a: x + C(a),
    "sub": lambda x, a: x - C(a),
    "rsub": lambda x, a: C(a) - x,
    "div": lambda x, a: x / C(a),
    "floor_divide": lambda x, a: floor(x / C(a)),
    "trunc_divide": lambda x, a: trunc(x / C(a)),
    "remainder": lambda x, a: x - C(a) * floor(x / C(a)),
    "fmod": lambda x, a: x - C(a) * trunc(x / C(a)),
    "eq": lambda x, a: same(x, C(a)),
    "ne": lambda x, a: C(1 - same(x, C(a)).value),
    "lt": lambda x, a: less(x, C(a)),
    "le": lambda x, a: C(1 - less(C(a), x).value),
    "gt": lambda x, a: less(C(a), x),
    "ge": lambda x, a: C(1 - less(x, C(a)).value),
    "logical_not": lambda x: same(x, C(0)),
    "isnan": lambda x: C(1 - same(x, x).value),
    "isinf": lambda x: same(x.largest(C(0) - x), C(math.inf)),
    "signbit": lambda x: less(x, C(0)),
}
NUMBERS = {"softplus": (2.0, 3.0), "hardtanh": (-0.4, 0.9), "clamp": (-0.4, 0.9)}
POSITIVE = ("log", "log2", "log10", "sqrt", "rsqrt", "pow")
BITS: dict[str, Callable[..., Any]] = {
    "bitwise_not": lambda x: ~x,
    "bitwise_and": lambda x, y: x & y,
    "bitwise_or": lambda x, y: x | y,
    "bitwise_xor": lambda x, y: x ^ y,
}
"""Functions of whole numbers, which count as one comparison each."""

TWO: dict[str, Callable[..., Counted]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floor_divide": lambda x, y: floor(x / y),
    "remainder": lambda x, y: x - y * floor(x / y),
    "trunc_divide": lambda x, y: trunc(x / y),
    "fmod": lambda x, y: x - y * trunc(x / y),
    "add_alpha": lambda x, y, a: x + C(a) * y,
    "addcmul": lambda x, y, z, a: x + C(a) * y * z,
    "addcdiv": lambda x, y, z, a: x + C(a) * y / z,
    "fmax": lambda x, y: x.largest(y),
    "fmin": least,
    "clamp": lambda x, y, z: least(x.largest(y), z),
    "hypot": lambda x, y: (x * x + y * y).power(0.5),
    "xlogy": lambda x, y: x * like_exp(math.log, y),
    "logaddexp": lambda x, y: like_exp(math.log, x.exp() + y.exp()),
    "maximum": lambda x, y: x.largest(y),
    "minimum": least,
    "pow": lambda x, y: x.power(y.value),
    "atan2": lambda x, y: like_exp(math.atan, x / y),
    "eq": same,
    "ne": lambda x, y: C(1 - same(x, y).value),
    "lt": less,
    "le": lambda x, y: C(1 - less(y, x).value),
    "gt": lambda x, y: less(y, x),
    "ge": lambda x, y: C(1 - less(x, y).value),
    "logical_and": lambda x, y: x._with("cmp", float(bool(x.value and y.value))),
    "logical_or": lambda x, y: x._with("cmp", float(bool(x.value or y.value))),
    "logical_xor": lambda x, y: x._with("cmp", float(bool(x.value) != bool(y.value))),
    "lerp": lambda x, y, a: x + C(a) * (y - x),
}
MOVED = ("masked_fill", "where")


def variance(xs: list[Counted]) -> Counted:
    n = len(xs)
    mean = fold(xs, "__add__") / C(n)
    differences = [x - mean for x in xs]
    return fold([d * d for d in differences], "__add__") / C(n - 1)


def truth(xs: list[Counted], how: Callable[[Any], bool]) -> Counted:
    """n values joined by n - 1 decisions."""
    for x in xs[1:]:
        x._with("cmp", 0)
    return C(how(x.value for x in xs))


def place(xs: list[Counted], how: Callable[[Any], float]) -> Counted:
    return C([x.value for x in xs].index(truth(xs, how).value))


def logsumexp(xs: list[Counted]) -> Counted:
    m = fold(xs, "largest")
    total = fold([(x - m).exp() for x in xs], "__add__")
    return m + like_exp(math.log, total)


MANY: dict[str, Callable[[list[Counted]], Any]] = {
    "sum": lambda xs: fold(xs, "__add__"),
    "mean": lambda xs: fold(xs, "__add__") / C(len(xs)),
    "amax": lambda xs: fold(xs, "largest"),
    "amin": lambda xs: truth(xs, min),  # type: ignore[arg-type]
    "max": lambda xs: fold(xs, "largest"),
    "min": lambda xs: truth(xs, min),  # type: ignore[arg-type]
    "argmax": lambda xs: place(xs, max),
    "argmin": lambda xs: place(xs, min),
    "prod": lambda xs: fold(xs, "__mul__"),
    "var": variance,
    "std": lambda xs: variance(xs).power(0.5),
    "aminmax": lambda xs: [truth(xs, min), fold(xs, "largest")],  # type: ignore[arg-type]
    "var_mean": lambda xs: [variance(xs), C(statistics.fmean(x.value for x in xs))],
    "std_mean": lambda xs: [
        variance(xs).power(0.5),
        C(statistics.fmean(x.value for x in xs)),
    ],
    "count_nonzero": lambda xs: fold([C(1 - same(x, C(0)).value) for x in xs], "__add__"),
    "norm": lambda xs: fold([x * x for x in xs], "__add__").power(0.5),
    "norm_1": lambda xs: fold([x.largest(C(0) - x) for x in xs], "__add__"),
    "norm_inf": lambda xs: fold([x.largest(C(0) - x) for x in xs], "largest"),
    "logsumexp": logsumexp,
    "all": lambda xs: truth(xs, all),
    "any": lambda xs: truth(xs, any),
}


def work(terms: Any) -> dict[str, int]:
    found: Counter[str] = Counter()
    for term in terms:
        found[term.kind] += term.value
    return {kind: n for kind, n in found.items() if n}


def close(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, list):
        return all(close(a, b) for a, b in zip(mine, theirs, strict=True))
    return math.isclose(mine.value, float(theirs), rel_tol=1e-9, abs_tol=1e-12)


def held(result: Any, theirs: Any, derived: Mapping[str, int]) -> None:
    assert close(result, theirs)
    assert dict(Counted.tally) == derived


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("value", [-1.3, -0.2, 0.5, 1.7])
def test_functions_of_one_input(name: str, value: float) -> None:
    if value < 0 and name in POSITIVE:
        value = -value
    if name in BITS:
        whole = torch.tensor(5), *(6,) * max(UNARY[name].numbers)
        assert known(name, UNARY)(*whole) == BITS[name](*map(int, whole))
        assert UNARY[name].work == {"cmp": 1}
        return
    if name == "log1p":
        value = abs(value)
    if name == "logit":
        value = abs(value) / 2
    needs = max(UNARY[name].numbers)
    numbers = NUMBERS.get(name, (0.5, 0.5))[:needs]
    theirs = known(name, UNARY)(torch.tensor(value, dtype=torch.float64), *numbers)
    Counted.tally.clear()
    result = ONE[name](Counted(value), *numbers)
    derived = Pointwise(name, *numbers).terms((Tensor(()),), (Tensor(()),))
    held(result, theirs, work(derived))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("pair", [(1.3, 0.5), (0.2, 0.7), (0.5, 0.5)])
def test_functions_of_two_inputs(name: str, pair: tuple[float, float]) -> None:
    if name in MOVED:
        assert not BINARY[name].work  # they only choose
        return
    if name in BITS:
        assert known(name, BINARY)(torch.tensor(5), torch.tensor(6)) == BITS[name](5, 6)
        assert BINARY[name].work == {"cmp": 1}
        return
    numbers = (0.3,)[: BINARY[name].numbers[0]]
    values = (*pair, 0.6)[: BINARY[name].inputs]
    xs = [torch.tensor(v, dtype=torch.float64) for v in values]
    Counted.tally.clear()
    result = TWO[name](*map(Counted, values), *numbers)
    scalars = tuple(Tensor(()) for _ in values)
    derived = work(Binary(name, *numbers).terms(scalars, scalars[:1]))
    held(result, known(name, BINARY)(*xs, *numbers), derived)


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("length", [2, 5])
def test_reductions(name: str, length: int) -> None:
    values = [0.3 + 0.4 * ((7 * i) % 5) for i in range(length)]
    x = torch.tensor(values, dtype=torch.float64)
    over = (0,) if REDUCTIONS[name].dims == "named" else ()
    Counted.tally.clear()
    result = MANY[name]([*map(Counted, values)])
    tensors = (Tensor((length,)),)
    op = Reduce(name, over or None)
    held(result, known(name, REDUCTIONS)(x, *over), work(op.terms(tensors, op.shape(*tensors))))
    rows = (Tensor((3, length, 4)),)
    op = Reduce(name, (1,))
    times = {kind: 12 * n for kind, n in Counted.tally.items()}
    assert work(op.terms(rows, op.shape(*rows))) == times


def test_running_sums() -> None:
    for name, how in (("cumsum", "__add__"), ("cumprod", "__mul__")):
        xs = [Counted(v) for v in (0.5, 2.0, 3.0, 0.25)]
        Counted.tally.clear()
        found = list(itertools.accumulate(xs, lambda a, b, how=how: getattr(a, how)(b)))  # type: ignore[misc]
        theirs = known(name, CUMULATIVE)(torch.tensor([x.value for x in xs]), 0)
        assert [x.value for x in found] == theirs.tolist()
        x = (Tensor((4,)),)
        assert work(Cumulative(name, 0).terms(x, x)) == dict(Counted.tally)


def test_running_extremes() -> None:
    for name, how in (("cummax", "largest"), ("cummin", "")):
        xs = [Counted(v) for v in (0.5, 2.0, 0.25, 3.0)]
        Counted.tally.clear()
        found = list(itertools.accumulate(xs, Counted.largest if how else least))
        theirs, _ = known(name, CUMULATIVE)(torch.tensor([x.value for x in xs]), 0)
        assert [x.value for x in found] == theirs.tolist()
        x = (Tensor((4,)),)
        assert work(Cumulative(name, 0).terms(x, x)) == dict(Counted.tally)


def test_running_logarithms_of_sums() -> None:
    xs = [Counted(v) for v in (0.5, 2.0, 0.25, 3.0)]
    Counted.tally.clear()
    found = list(itertools.accumulate(xs, TWO["logaddexp"]))
    theirs = torch.tensor([x.value for x in xs], dtype=torch.float64).logcumsumexp(0)
    assert all(close(a, b) for a, b in zip(found, theirs, strict=True))
    x = (Tensor((4,)),)
    assert work(Cumulative("logcumsumexp", 0).terms(x, x)) == dict(Counted.tally)


def test_the_logarithm_of_a_softmax() -> None:
    xs = [Counted(v) for v in (0.5, 2.0, 3.0, 0.25)]
    Counted.tally.clear()
    largest = fold(xs, "largest")
    moved = [x - largest for x in xs]
    total = like_exp(math.log, fold([x.exp() for x in moved], "__add__"))
    found = [x - total for x in moved]
    theirs = torch.tensor([x.value for x in xs], dtype=torch.float64).log_softmax(0)
    assert all(close(a, b) for a, b in zip(found, theirs, strict=True))
    x = (Tensor((4,)),)
    assert work(LogSoftmax().terms(x, x)) == dict(Counted.tally)


@pytest.mark.parametrize(
    ("mode", "taps"), [("linear", 2), ("bilinear", 4), ("bicubic", 16), ("trilinear", 8)]
)
def test_taps_are_those_with_a_gradient(mode: str, taps: int) -> None:
    """An output inside the image, of an interpolation at uneven places."""
    n = {"linear": 1, "trilinear": 3}.get(mode, 2)
    x = torch.rand((1, 1, *(9,) * n), dtype=torch.float64, requires_grad=True)
    op = Upsample((13,) * n, mode=mode)
    y = torch.nn.functional.interpolate(x, (13,) * n, mode=mode)
    (grad,) = torch.autograd.grad(y[(0, 0, *(5,) * n)], x)
    assert int(grad.count_nonzero()) == taps
    ins = (Tensor(tuple(x.shape)),)
    elements = 13**n
    expected = {"mul": taps * elements, "add": (taps - 1) * elements}
    assert work(op.terms(ins, op.shape(*ins))) == expected


def test_every_function_has_a_formula_here() -> None:
    assert {*ONE, *BITS} == UNARY.keys()
    assert {*TWO, *MOVED, *(BITS.keys() - {"bitwise_not"})} == BINARY.keys()
    assert MANY.keys() == REDUCTIONS.keys()


def test_a_wrong_count_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = UNARY["silu"]._replace(work={"exp": 1, "add": 1, "div": 1})
    monkeypatch.setitem(UNARY, "silu", wrong)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        test_functions_of_one_input("silu", 0.5)


SCALAR_OR_NOT = list(itertools.product(BYTES, [(), (2,)]))


def test_types_are_promoted_as_in_torch() -> None:
    """All pairs of types, each as a scalar or with an axis."""
    for (one, a), (other, b) in itertools.product(SCALAR_OR_NOT, repeat=2):
        tensors = [
            torch.zeros(dims, dtype=getattr(torch, name)) for name, dims in ((one, a), (other, b))
        ]
        mine = promoted(Tensor(a, one), Tensor(b, other))
        assert mine == str(torch.result_type(*tensors)).removeprefix("torch."), (one, a, other, b)
