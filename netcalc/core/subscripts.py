"""Einstein's summation: an equation read, and the order in which PyTorch multiplies and sums.

``"bhqd,bhkd->bhqk"`` names the axes of two inputs and of the output. An index that is not in the
output is summed over. PyTorch takes the inputs from left to right, two at a time; an index that
only one of the two has, and that nothing later asks for, is summed over before they are multiplied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

ELLIPSIS = "..."
_SUBSCRIPTS = re.compile(r"[a-zA-Z ]*(\.\.\.[a-zA-Z ]*)?")

Labels = tuple[str, ...]


class Equation(NamedTuple):
    """The labels of each input and of the output (None where the equation has no arrow)."""

    inputs: tuple[Labels, ...]
    output: Labels | None


@cache
def read(equation: str) -> Equation:
    """An equation, spaces aside. Raises ValueError, which says what is wrong, as PyTorch would."""
    before, arrow, after = equation.partition("->")
    sides = (*before.split(","), *((after,) if arrow else ()))
    for side in sides:
        if not _SUBSCRIPTS.fullmatch(side):
            raise ValueError(f"{side!r} is no list of letters with at most one '...'")
    inputs = tuple(_labels(side) for side in before.split(","))
    if not arrow:
        return Equation(inputs, None)
    output = _labels(after)
    known = {ELLIPSIS, *(label for labels in inputs for label in labels)}
    for label in output:
        if label not in known:
            raise ValueError(f"index {label} of the output is in no input")
        if output.count(label) > 1:
            raise ValueError(f"index {label} stands more than once in the output")
    return Equation(inputs, output)


def _labels(side: str) -> Labels:
    before, dots, after = side.replace(" ", "").partition(ELLIPSIS)
    return (*before, *((dots,) if dots else ()), *after)


def wrong(equation: str) -> str:
    """What is wrong with an equation, or nothing."""
    try:
        read(equation)
    except ValueError as problem:
        return str(problem)
    return ""


class Subscripts(NamedTuple):
    """An equation for inputs of given numbers of axes: a label for each axis.

    Axes that an ellipsis stands for are ``.0`` for the last of them, ``.1`` before it and so on.
    ``order`` has all labels, those of the output first.
    """

    inputs: tuple[Labels, ...]
    output: Labels
    order: Labels


@cache
def subscripts(equation: str, ranks: tuple[int, ...]) -> Subscripts:
    """The labels of every axis, for inputs that have at least as many axes as letters."""
    inputs, output = read(equation)
    hidden = [
        n - len(labels) + 1 if ELLIPSIS in labels else 0
        for labels, n in zip(inputs, ranks, strict=True)
    ]
    spread = max(hidden)
    filled = tuple(_filled(labels, n) for labels, n in zip(inputs, hidden, strict=True))
    letters = [x for labels in inputs for x in labels if x != ELLIPSIS]
    if output is None:
        once = sorted(x for x in set(letters) if letters.count(x) == 1)
        output = (*((ELLIPSIS,) if spread else ()), *once)
    out = _filled(output, spread)
    rest = (*_filled((ELLIPSIS,), spread), *sorted(set(letters)))
    return Subscripts(filled, out, (*out, *(x for x in rest if x not in out)))


def _filled(labels: Labels, hidden: int) -> Labels:
    """Labels with one for each axis that an ellipsis stands for."""
    axes = tuple(f".{i}" for i in reversed(range(hidden)))
    return tuple(x for label in labels for x in (axes if label == ELLIPSIS else (label,)))


class Step(NamedTuple):
    """Two tensors put together: what each is summed over before, and both after multiplying.

    ``kept`` are the labels of what comes out. With one input only ``left`` is there.
    """

    left: Labels
    right: Labels
    dropped: tuple[Labels, Labels]
    summed: Labels
    kept: Labels


def steps(plan: Subscripts) -> Iterator[Step]:
    """How PyTorch goes through the inputs."""
    left = _ordered(plan, set(plan.inputs[0]))
    if len(plan.inputs) == 1:
        kept = _ordered(plan, set(plan.output))
        yield Step(left, (), (tuple(x for x in left if x not in kept), ()), (), kept)
        return
    for i, labels in enumerate(plan.inputs[1:], 1):
        right = _ordered(plan, set(labels))
        wanted = set(plan.output).union(*plan.inputs[i + 1 :])
        lone = tuple(
            tuple(x for x in own if x not in other and x not in wanted)
            for own, other in ((left, right), (right, left))
        )
        summed = tuple(x for x in left if x in right and x not in wanted)
        kept = _ordered(plan, (set(left) | set(right)) & wanted)
        yield Step(left, right, (lone[0], lone[1]), summed, kept)
        left = kept


def _ordered(plan: Subscripts, labels: set[str]) -> Labels:
    return tuple(x for x in plan.order if x in labels)
