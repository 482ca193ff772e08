"""A network's counts and sizes as formulas of its arguments and of its input.

The rules that give the exact counts are fed with symbols; the conditions of legality that they meet
are collected as assumptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sympy

from netcalc.core.analyse import Result, analyse, total
from netcalc.core.graph import Graph, Node
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard
from netcalc.errors import InputError, UnknownNameError, did_you_mean
from netcalc.spec.expression import evaluate
from netcalc.symbolic.conditions import assumed
from netcalc.symbolic.floors import flat

QUANTITIES = ("params", "macs", "activations", "output")
Make = Callable[[Mapping[str, Any]], Graph]
"""Makes the network with some arguments, symbols among them."""


class Formula(NamedTuple):
    """A quantity as an expression of ``symbols``; of an output size one for each axis.

    ``assumptions`` are what it holds under, in words.
    """

    name: str
    quantity: str
    path: str
    symbols: tuple[str, ...]
    expressions: tuple[Any, ...]
    assumptions: tuple[str, ...]

    def at(self, **values: int) -> tuple[Any, ...]:
        """The value for numbers in place of the symbols."""
        numbers = {symbol(name): value for name, value in values.items()}
        return tuple(sympy.sympify(e).subs(numbers) for e in self.expressions)


def symbol(name: str) -> Any:
    """A positive whole number."""
    return sympy.Symbol(name, integer=True, positive=True)


def symbols_in(given: Sequence[str]) -> dict[str, Any]:
    """What stands for what: ``c_in`` for itself, ``input=32*n`` for a multiple of n.

    Raises InputError for what is no such thing.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, expression = (part.strip() for part in text.partition("="))
        expression = expression or name
        letters = re.findall(r"[A-Za-z_]\w*", expression)
        if (
            not name.isidentifier()
            or (equals and not text.partition("=")[2].strip())
            or not letters
        ):
            raise InputError(f"write a symbol as c_in or as input=32*n, not {text!r}")
        if name in found:
            raise InputError(f"{name} is given twice among the symbols")
        found[name] = evaluate(expression, {letter: symbol(letter) for letter in letters})
    return found


def formula(
    make: Make,
    given: Mapping[str, Any],
    quantity: str,
    path: str = "",
    even: Mapping[str, int] | None = None,
) -> Formula:
    """A quantity of a network, or of the part under a path.

    ``given`` has symbols or expressions by the network's arguments; ``input`` is height and width.
    ``even`` names arguments that are fractions, of which products with widths must be multiples of
    the number given. Raises InputError for another quantity, a network without height and width or
    a symbol where a number is needed, UnknownNameError for a path that there is not.
    """
    if quantity not in QUANTITIES:
        raise InputError(f"there is no quantity {quantity!r}; choose from {', '.join(QUANTITIES)}")
    free = [s for v in given.values() for s in sorted(v.free_symbols, key=str)]
    order = tuple(dict.fromkeys(str(s) for s in free))
    conditions: list[tuple[str, Any]] = []

    def collect(node: Node, ins: tuple[Tensor, ...], guard: Guard) -> None:
        conditions.extend((node.name, holds) for holds in guard.holds)

    try:
        graph = make({name: value for name, value in given.items() if name != "input"})
        inputs = _sized(graph, given["input"]) if "input" in given else None
        result = analyse(graph, inputs, collect)
        found = _expressions(result, quantity, path)
    except TypeError as problem:  # sympy's answer to what only a number can be asked
        names = ", ".join(given)
        raise InputError(f"a rule needs a number where a symbol stands: {names}") from problem
    whole = [_even(name, step) for name, step in (even or {}).items() if name in given]
    return Formula(
        graph.name,
        quantity,
        path,
        order,
        tuple(tidy(e, order) for e in found),
        (*whole, *assumed(conditions, order)),
    )


def _even(name: str, step: int) -> str:
    return f"{name} times every width is a {f'multiple of {step}' if step > 1 else 'whole number'}"


def _sized(graph: Graph, side: Any) -> dict[str, Tensor]:
    """The only input of a graph with another height and width."""
    (name, x), *more = graph.inputs.items()
    if more or len(x.dims) != 4:
        raise InputError(f"{graph.name} takes no single image: input stands for height and width")
    return {name: Tensor((*x.dims[:2], side, side), x.dtype)}


def _expressions(result: Result, quantity: str, path: str) -> tuple[Any, ...]:
    rows = result.under(path)
    if not rows:
        hint = did_you_mean(path, result.graph.paths) or "see `netcalc table` for its layers"
        raise UnknownNameError(f"{result.graph.name} has no layer or module {path!r}; {hint}")
    if quantity == "output":
        out = next(iter(result.outputs.values())) if not path else rows[-1].outs[0]
        return tuple(out.dims[1:])
    if quantity == "activations":
        return (sum(x.numel for row in rows for x in row.outs),)
    return (getattr(total(row.counts for row in rows), quantity),)


def tidy(expression: Any, symbols: Sequence[str]) -> Any:
    """An expression in its shortest usual form: expanded, or collected by one of its symbols."""
    expanded = sympy.expand(flat(sympy.sympify(expression)))
    forms = [expanded, *(sympy.collect(expanded, symbol(name)) for name in symbols)]
    return min(forms, key=lambda form: (sympy.count_ops(form), forms.index(form)))
