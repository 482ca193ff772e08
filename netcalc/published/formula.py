"""Arithmetic on quantities, as a table writes it: ``alexnet.params / googlenet.params``.

Parsed as Python's expressions are, and never run as code. Numbers are exact fractions.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Container
from fractions import Fraction
from typing import Any, Protocol

from netcalc.errors import SpecError

LENGTH = 400
"""Characters of a formula."""

LARGEST = 10**60
"""No number of a formula is larger, and none but 0 is smaller than 1 by it."""


def derives(text: str, quantities: Container[str]) -> bool:
    """Whether a formula speaks of a network, and not of printed numbers alone."""
    return any(
        (isinstance(node, ast.Attribute) and not _is_row(node))
        or (isinstance(node, ast.Name) and node.id in quantities)
        for node in ast.walk(ast.parse(text.strip(), mode="eval"))
    )


def _is_row(node: ast.Attribute) -> bool:
    match node.value:
        case ast.Subscript(value=ast.Name(id="row")):
            return True
    return False


def is_number(text: str) -> bool:
    """Whether a formula is one number, worked out of nothing."""
    return (
        re.fullmatch(r"[-+(\s]*[\d.]+(e[-+]?\d+)?[)\s]*", text.strip(), re.IGNORECASE) is not None
    )


def rows_of(text: str) -> set[str]:
    """The names of the rows whose printed cells a formula uses."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()  # it will be refused where it is evaluated
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id="row"), slice=ast.Constant(value=str() as name)):
                found.add(name)
    return found


class Names(Protocol):
    """What a formula may speak of."""

    def quantity(self, name: str) -> Fraction:
        """A quantity of what the row is about, or a number that the row prints."""

    def other(self, net: str, path: str, name: str) -> Fraction:
        """A quantity of another network, or of the part under a path of it."""

    def cell(self, row: str, column: str) -> Fraction:
        """A number that another row prints."""


def evaluate(text: str, names: Names) -> Fraction:
    """The value of a formula.

    ``macs`` is a quantity of the row, ``net.macs`` of a network of the table, ``net["path"].macs``
    of a part of it, ``row["name"].column`` a number that the table prints; with ``+ - * / //`` and
    parentheses. Raises SpecError for anything else.
    """
    if len(text) > LENGTH:
        raise SpecError(f"a formula may have {LENGTH} characters, this one has {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SpecError(f"cannot read {text!r}; write it as alexnet.params / params") from None
    try:
        return _value(tree, names, text)
    except ZeroDivisionError:
        raise SpecError(f"it divides by 0: {text!r}") from None


_BINARY: dict[type, Callable[[Fraction, Fraction], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def _bounded(value: Any, text: str) -> Fraction:
    if value and not 1 / Fraction(LARGEST) <= abs(value) <= LARGEST:
        told = "large" if abs(value) > 1 else "small"
        raise SpecError(f"a number in it becomes too {told} (10^60 is the bound): {text!r}")
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _value(node: ast.expr, names: Names, text: str) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number, text)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, names, text)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            made = _BINARY[type(sign)](_value(left, names, text), _value(right, names, text))
            return _bounded(made, text)
        case ast.Name(id=name):
            return names.quantity(name)
        case ast.Attribute(value=ast.Name(id=net), attr=name):
            return names.other(net, "", name)
        case ast.Attribute(
            value=ast.Subscript(value=ast.Name(id=net), slice=ast.Constant(value=str() as path)),
            attr=name,
        ):
            return names.cell(path, name) if net == "row" else names.other(net, path, name)
    raise SpecError(f"cannot read {text!r}; it takes quantities, numbers, + - * / // and ()")
