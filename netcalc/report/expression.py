"""Steps of a derivation as text, as LaTeX, and evaluated again."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable
from fractions import Fraction

_NUMBER = re.compile(r"(?<![\d.])\d{4,}(?![\d.]*\.)")


_PLAIN_SUM = re.compile(r"\d+( \+ \d+)*")


def text(step: str) -> str:
    """A step with its thousands grouped."""
    return _NUMBER.sub(lambda m: f"{int(m[0]):,}", step)


def latex(step: str) -> str:
    """A step as LaTeX math."""
    if _PLAIN_SUM.fullmatch(step):  # of any length, which nested expressions are not
        return " + ".join(f"{int(n):,}".replace(",", "{,}") for n in step.split(" + "))
    return _latex(ast.parse(step, mode="eval").body)


def evaluate(step: str) -> Fraction:
    """The value of a step, exact."""
    if _PLAIN_SUM.fullmatch(step):
        return Fraction(sum(int(n) for n in step.split(" + ")))
    return _evaluate(ast.parse(step, mode="eval").body)


def _latex(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=int() | float() as value):
            return f"{value:,}".replace(",", "{,}")
        case ast.BinOp(left, ast.Div(), right):
            return rf"\frac{{{_latex(left)}}}{{{_latex(right)}}}"
        case ast.BinOp(left, ast.Mult(), right):
            return rf"{_in_product(left)} \cdot {_in_product(right)}"
        case ast.BinOp(left, ast.Add(), right):
            return f"{_latex(left)} + {_latex(right)}"
        case ast.BinOp(left, ast.Sub(), right):
            return f"{_latex(left)} - {_in_product(right)}"
        case ast.UnaryOp(ast.USub(), operand):
            return f"-{_latex(operand)}"
        case ast.Call(ast.Name("floor" | "ceil" as name), [argument]):
            return rf"\left\l{name} {_latex(argument)} \right\r{name}"
    raise ValueError(f"no such step: {ast.unparse(node)}")


def _in_product(node: ast.expr) -> str:
    """A factor, in parentheses where it is a sum."""
    sum_ = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
    return rf"\left({_latex(node)}\right)" if sum_ else _latex(node)


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as value):
            return Fraction(str(value))
        case ast.BinOp(left, op, right):
            return _OPERATORS[type(op)](_evaluate(left), _evaluate(right))
        case ast.UnaryOp(ast.USub(), operand):
            return -_evaluate(operand)
        case ast.Call(ast.Name("floor"), [argument]):
            return Fraction(math.floor(_evaluate(argument)))
        case ast.Call(ast.Name("ceil"), [argument]):
            return Fraction(math.ceil(_evaluate(argument)))
    raise ValueError(f"no such step: {ast.unparse(node)}")


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
