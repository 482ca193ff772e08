"""Elementwise functions and reductions as data: what they compute, and what autograd keeps of it.

The names are those of PyTorch's operators. Work is counted by the formula that stands with each, in
the kinds of ``term.WORK``: roots are powers; logarithms, sines, erf and the like count as
exponentials; a change of sign is a subtraction; rounding and copying count as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kept = Literal["", "in", "out", "in out", "first", "rest", "other", "divisor"]
"""What autograd keeps: all inputs, the output, both, the first input, those after the first; each
that the gradient of another needs (other), the second and if that has one the first (divisor)."""


class Function(NamedTuple):
    """An elementwise function: its formula in words and symbols, its work for each output element.

    ``numbers`` says how many numbers it takes beside its inputs, at least and at most; ``result``
    is the type of its output where that is not the inputs': bool, or float (of integers too), or
    bits where the inputs must be integers or truth values.
    """

    formula: str
    work: Mapping[str, int]
    keeps: Kept = ""
    numbers: tuple[int, int] = (0, 0)
    result: Literal["", "float", "bool", "bits"] = ""
    inputs: int = 1


def _real(formula: str, keeps: Kept = "in", most: int = 0, **work: int) -> Function:
    """A function to the real numbers, with up to so many numbers that have defaults."""
    return Function(formula, work, keeps, (0, most), "float")


def _with(formula: str, keeps: Kept = "", numbers: int = 1, **work: int) -> Function:
    """A function of the input and so many numbers that must be given."""
    return Function(formula, work, keeps, (numbers, numbers))


def _same(formula: str, keeps: Kept = "", **work: int) -> Function:
    return Function(formula, work, keeps)


def _truth(formula: str, numbers: int = 0, inputs: int = 1) -> Function:
    return Function(formula, {"cmp": 1}, "", (numbers, numbers), "bool", inputs)


def _bits(formula: str, numbers: int = 0, inputs: int = 1) -> Function:
    """A function of the bits of whole numbers, or of truth values; it counts as a comparison."""
    return Function(formula, {"cmp": 1}, "", (numbers, numbers), "bits", inputs)


UNARY: Mapping[str, Function] = {
    # activations
    "sigmoid": _real("e / (e + 1), e = exp(x)", "out", exp=1, add=1, div=1),
    "silu": _real("x * sigmoid(x)", exp=1, add=1, div=1, mul=1),
    "gelu": _real("x/2 * (1 + erf(x * c))", mul=3, add=1, exp=1),
    "gelu_tanh": _real("x/2 * (1 + tanh(a * (x + b*x*x*x)))", mul=7, add=4, exp=1, div=1),
    "mish": _real("x * tanh(log(1 + exp(x)))", mul=2, add=3, exp=3, div=1),
    "softplus": _real(
        "log(1 + exp(b*x)) / b below a bound", "in", 2, mul=1, cmp=1, exp=2, add=1, div=1
    ),
    "elu": _real("a * (exp(x) - 1) below 0", "in", 1, cmp=1, exp=1, add=1, mul=1),
    "celu": _real("a * (exp(x / a) - 1) below 0", "in", 1, cmp=1, div=1, exp=1, add=1, mul=1),
    "selu": _real("s * x, s * a * (exp(x) - 1) below 0", cmp=1, exp=1, add=1, mul=2),
    "leaky_relu": _real("a * x below 0", "in", 1, cmp=1, mul=1),
    "hardsigmoid": _real("min(max(x + 3, 0), 6) / 6", add=1, cmp=2, div=1),
    "hardswish": _real("x * hardsigmoid(x)", add=1, cmp=2, div=1, mul=1),
    "hardtanh": _real("min(max(x, a), b)", "in", 2, cmp=2),
    "hardshrink": _real("x where abs(x) > a, else 0", "in", 1, add=1, cmp=2),
    "softshrink": _real("x - a above a, x + a below -a, else 0", "in", 1, add=1, cmp=2),
    "threshold": _with("x above a, else b", "in", 2, cmp=1),
    "relu6": _real("min(max(x, 0), 6)", cmp=2),
    # exponentials, powers and the like
    "exp": _real("exp(x)", "out", exp=1),
    "exp2": _real("2 ** x", "out", pow=1),
    "expm1": _real("exp(x) - 1", "out", exp=1, add=1),
    "log": _real("log(x)", exp=1),
    "log2": _real("log2(x)", exp=1),
    "log10": _real("log10(x)", exp=1),
    "log1p": _real("log(1 + x)", exp=1, add=1),
    "sqrt": _real("x ** 0.5", "out", pow=1),
    "rsqrt": _real("x ** -0.5", "out", pow=1),
    "square": _same("x * x", "in", mul=1),
    "pow": _with("x ** a", "in", pow=1),
    "rpow": _with("a ** x", "in out", pow=1),
    "logit": _real("log(x / (1 - x))", exp=1, add=1, div=1),
    "reciprocal": _real("1 / x", "out", div=1),
    "sin": _real("sin(x)", exp=1),
    "cos": _real("cos(x)", exp=1),
    "tan": _real("tan(x)", "out", exp=1),
    "atan": _real("atan(x)", exp=1),
    "erf": _real("erf(x)", exp=1),
    "erfc": _real("1 - erf(x)", exp=1, add=1),
    # signs, bounds, rounding
    "abs": _same("max(x, 0 - x)", "in", add=1, cmp=1),
    "neg": _same("0 - x", add=1),
    "sign": _same("(x > 0) - (x < 0)", cmp=2, add=1),
    "clamp": _with("min(max(x, a), b)", "in", 2, cmp=2),
    "clamp_min": _with("max(x, a)", "in", cmp=1),
    "clamp_max": _with("min(x, a)", "in", cmp=1),
    "floor": _same("rounded down"),
    "ceil": _same("rounded up"),
    "round": _same("rounded to the nearest"),
    "trunc": _same("rounded to 0"),
    "frac": _same("x - trunc(x)", add=1),
    "sgn": _same("(x > 0) - (x < 0)", "in out", cmp=2, add=1),
    "nan_to_num": _same("x, or a number where it is none", "in", cmp=3),
    "clone": _same("a copy"),
    # with a number; a product with one is a Scale
    "add": _with("x + a", add=1),
    "sub": _with("x - a", add=1),
    "rsub": _with("a - x", add=1),
    "div": Function("x / a", {"div": 1}, "", (1, 1), "float"),
    "floor_divide": _with("x / a, rounded down", div=1),
    "trunc_divide": _with("x / a, rounded to 0", div=1),
    "remainder": _with("x - a * floor(x / a)", div=1, mul=1, add=1),
    "fmod": _with("x - a * trunc(x / a)", div=1, mul=1, add=1),
    # truth values
    "eq": _truth("x == a", 1),
    "ne": _truth("x != a", 1),
    "lt": _truth("x < a", 1),
    "le": _truth("x <= a", 1),
    "gt": _truth("x > a", 1),
    "ge": _truth("x >= a", 1),
    "logical_not": _truth("x == 0"),
    "isnan": _truth("x != x"),
    "isinf": Function("abs(x) == inf", {"add": 1, "cmp": 2}, "", (0, 0), "bool"),
    "signbit": _truth("x < 0"),
    # bit by bit
    "bitwise_not": _bits("not x"),
    "bitwise_and": _bits("x and a", 1),
    "bitwise_or": _bits("x or a", 1),
    "bitwise_xor": _bits("x or a, and not both", 1),
}
"""Functions of one input, with numbers a, b where they take some."""


def _two(formula: str, keeps: Kept = "", **work: int) -> Function:
    return Function(formula, work, keeps, inputs=2)


BINARY: Mapping[str, Function] = {
    "add": _two("x + y", add=1),
    "sub": _two("x - y", add=1),
    "mul": _two("x * y", "other", mul=1),
    "div": Function("x / y", {"div": 1}, "divisor", (0, 0), "float", 2),
    "floor_divide": _two("x / y, rounded down", div=1),
    "trunc_divide": _two("x / y, rounded to 0", "divisor", div=1),
    "remainder": _two("x - y * floor(x / y)", "in", div=1, mul=1, add=1),
    "fmod": _two("x - y * trunc(x / y)", "in", div=1, mul=1, add=1),
    "add_alpha": Function("x + a * y", {"mul": 1, "add": 1}, "", (1, 1), "", 2),
    "addcmul": Function("x + a * y * z", {"mul": 2, "add": 1}, "rest", (1, 1), "", 3),
    "addcdiv": Function("x + a * y / z", {"mul": 1, "div": 1, "add": 1}, "rest", (1, 1), "", 3),
    "maximum": _two("max(x, y)", "in", cmp=1),
    "minimum": _two("min(x, y)", "in", cmp=1),
    "fmax": _two("max(x, y), or the one that is a number", "in", cmp=1),
    "fmin": _two("min(x, y), or the one that is a number", "in", cmp=1),
    "clamp": Function("min(max(x, y), z)", {"cmp": 2}, "in", (0, 0), "", 3),
    "pow": _two("x ** y", "in out", pow=1),
    "hypot": _two("(x * x + y * y) ** 0.5", "in out", mul=2, add=1, pow=1),
    "xlogy": Function("x * log(y)", {"mul": 1, "exp": 1}, "in", (0, 0), "float", 2),
    "logaddexp": _two("log(exp(x) + exp(y))", "in", exp=3, add=1),
    "atan2": Function("atan(x / y)", {"div": 1, "exp": 1}, "in", (0, 0), "float", 2),
    "eq": _truth("x == y", 0, 2),
    "ne": _truth("x != y", 0, 2),
    "lt": _truth("x < y", 0, 2),
    "le": _truth("x <= y", 0, 2),
    "gt": _truth("x > y", 0, 2),
    "ge": _truth("x >= y", 0, 2),
    "logical_and": _truth("x and y", 0, 2),
    "logical_or": _truth("x or y", 0, 2),
    "logical_xor": _truth("x or y, and not both", 0, 2),
    "bitwise_and": _bits("x and y", 0, 2),
    "bitwise_or": _bits("x or y", 0, 2),
    "bitwise_xor": _bits("x or y, and not both", 0, 2),
    "masked_fill": Function("a where y, else x", {}, "rest", (1, 1), "", 2),
    "lerp": Function("x + a * (y - x)", {"add": 2, "mul": 1}, "", (1, 1), "", 2),
    "where": Function("y where x, else z (or a)", {}, "first", (0, 1), "", 3),
}
"""Functions of two or three inputs x, y, z of shapes that can be broadcast."""


class Reduction(NamedTuple):
    """A function of many values: its formula, and its work.

    ``fold`` is done once less than there are values, ``each`` for every value, ``end`` once for
    every output. ``dims`` says over how many axes it can go: any number and all of them, one or all
    of them, or some that are named; ``result`` is the type of its output where that is not the
    input's: bool, index, or sum (integers and truth values give int64). ``also`` says what comes
    out beside it: along an axis the index, or a second value of the same type.
    """

    formula: str
    fold: Mapping[str, int]
    each: Mapping[str, int] = {}
    end: Mapping[str, int] = {}
    keeps: Literal["", "in", "in out", "indices"] = ""
    dims: Literal["any", "one", "named"] = "any"
    result: Literal["", "sum", "bool", "index"] = ""
    also: Literal["", "index", "value"] = ""


_ADD, _CMP, _MUL = {"add": 1}, {"cmp": 1}, {"mul": 1}
_SQUARES = {"add": 1, "mul": 1}


def _extreme(formula: str) -> Reduction:
    return Reduction(formula, _CMP, keeps="indices", dims="one", also="index")


REDUCTIONS: Mapping[str, Reduction] = {
    "sum": Reduction("their sum", _ADD, result="sum"),
    "mean": Reduction("their sum / n", _ADD, end={"div": 1}),
    "amax": Reduction("the largest", _CMP, keeps="in out"),
    "amin": Reduction("the smallest", _CMP, keeps="in out"),
    "max": _extreme("the largest, and along an axis its place"),
    "min": _extreme("the smallest, and along an axis its place"),
    "aminmax": Reduction(
        "the smallest and the largest", {"cmp": 2}, keeps="in out", dims="one", also="value"
    ),
    "argmax": Reduction("where the largest is", _CMP, dims="one", result="index"),
    "argmin": Reduction("where the smallest is", _CMP, dims="one", result="index"),
    "prod": Reduction("their product", _MUL, keeps="in out", dims="one", result="sum"),
    "var": Reduction("sum((x - mean)**2) / (n - 1)", {"add": 2}, _SQUARES, {"div": 2}, "in"),
    "std": Reduction("var(x) ** 0.5", {"add": 2}, _SQUARES, {"div": 2, "pow": 1}, "in out"),
    "var_mean": Reduction(
        "var(x) and mean(x)", {"add": 2}, _SQUARES, {"div": 2}, "in", also="value"
    ),
    "std_mean": Reduction(
        "std(x) and mean(x)", {"add": 2}, _SQUARES, {"div": 2, "pow": 1}, "in out", also="value"
    ),
    "count_nonzero": Reduction("how many are not 0", _ADD, _CMP, result="index"),
    "norm_1": Reduction("sum(abs(x))", _ADD, {"add": 1, "cmp": 1}, keeps="in out"),
    "norm_inf": Reduction("max(abs(x))", _CMP, {"add": 1, "cmp": 1}, keeps="in out"),
    "norm": Reduction("sum(x * x) ** 0.5", _ADD, _MUL, {"pow": 1}, "in out"),
    "logsumexp": Reduction(
        "m + log(sum(exp(x - m))), m the largest",
        {"cmp": 1, "add": 1},
        {"add": 1, "exp": 1},
        {"exp": 1, "add": 1},
        "in out",
        "named",
    ),
    "all": Reduction("whether all are true", _CMP, result="bool"),
    "any": Reduction("whether one is true", _CMP, result="bool"),
}
"""Reductions over axes."""

CUMULATIVE: Mapping[str, Reduction] = {
    "cumsum": Reduction("sums of the first 1, 2, ... values", _ADD, result="sum"),
    "cumprod": Reduction(
        "products of the first 1, 2, ... values", _MUL, keeps="in out", result="sum"
    ),
    "cummax": Reduction("the largest so far, and its place", _CMP, keeps="indices", also="index"),
    "cummin": Reduction("the smallest so far, and its place", _CMP, keeps="indices", also="index"),
    "logcumsumexp": Reduction(
        "log(exp(c) + exp(x)), c what there is so far", {"exp": 3, "add": 1}, keeps="in out"
    ),
}
"""Reductions of all beginnings of an axis."""
