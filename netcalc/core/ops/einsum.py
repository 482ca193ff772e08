"""Products and sums written as an equation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.broadcast import broadcast
from netcalc.core.contraction import contraction
from netcalc.core.numbers import Num, equal
from netcalc.core.ops.base import (
    Coupling,
    Example,
    Op,
    Passes,
    Saved,
    Working,
    example,
)
from netcalc.core.ops.matmul import by_weights
from netcalc.core.subscripts import (
    ELLIPSIS,
    Labels,
    Step,
    Subscripts,
    read,
    steps,
    subscripts,
    wrong,
)
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

__all__ = ["Einsum"]


@dataclass(frozen=True, slots=True, repr=False)
class Einsum(Op):
    """Einstein's summation over any number of inputs, as torch.einsum has it.

    ``equation`` names the axes: ``"bhqd,bhkd->bhqk"``. Inputs are taken from left to right, two at
    a time, as PyTorch does without opt_einsum. Work of two: one multiply-add for each combination
    of their indices, where one of these is summed over, otherwise a multiplication. An index that
    only one of them has and nothing later asks for is summed before, by additions. An index of
    length 1 counts like any other, though PyTorch may leave its sum out.
    """

    equation: str

    ARITY: ClassVar[tuple[int, int | None]] = (1, None)

    def limits(self) -> Iterator[Guard]:
        told = wrong(self.equation)
        yield Guard((not told,), "equation {equation!r}: {told}", {**self.attrs(), "told": told})

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        named = read(self.equation).inputs
        yield Guard(
            (len(named) == len(ins),),
            "equation {equation!r} is of {named} inputs, there are {given}",
            {"equation": self.equation, "named": len(named), "given": len(ins)},
        )
        for i, (labels, x) in enumerate(zip(named, ins, strict=False), 1):
            letters = len(labels) - (ELLIPSIS in labels)
            fits = letters <= len(x.dims) if ELLIPSIS in labels else letters == len(x.dims)
            yield Guard(
                (fits,),
                "equation {equation!r} has {letters} letters for input {i}, which has {n} axes",
                {"equation": self.equation, "letters": letters, "i": i, "n": len(x.dims)},
            )
        yield from self._lengths(ins)

    def _lengths(self, ins: tuple[Tensor, ...]) -> Iterator[Guard]:
        """An index must be as long wherever it stands, or 1 in another input."""
        seen: dict[str, Num] = {}
        for labels, x in zip(self.plan(ins).inputs, ins, strict=True):
            own: dict[str, Num] = {}
            for label, d in zip(labels, x.dims, strict=True):
                told = {"label": label, "a": d, "b": own.get(label, seen.get(label))}
                template = "index {label} is {b} long in one place and {a} in another"
                if label in own:
                    yield Guard(equal(own[label], d), template, told)
                elif label in seen:
                    both = (seen[label] <= d) & (seen[label] >= d)
                    yield Guard((both | (seen[label] <= 1) | (d <= 1),), template, told)
                own[label] = d
            seen |= {label: broadcast((seen.get(label, 1),), (d,))[0] for label, d in own.items()}

    def plan(self, ins: tuple[Tensor, ...]) -> Subscripts:
        """A label for each axis."""
        return subscripts(self.equation, tuple(len(x.dims) for x in ins))

    def lengths(self, ins: tuple[Tensor, ...]) -> dict[str, Num]:
        """The length of each index."""
        found: dict[str, Num] = {}
        for labels, x in zip(self.plan(ins).inputs, ins, strict=True):
            for label, d in zip(labels, x.dims, strict=True):
                found[label] = broadcast((found[label],), (d,))[0] if label in found else d
        return found

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        lengths = self.lengths(ins)
        return (Tensor(tuple(lengths[x] for x in self.plan(ins).output), ins[0].dtype),)

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        plan, lengths = self.plan(ins), self.lengths(ins)
        found: list[Term] = []
        for i, step in enumerate(steps(plan), 2):
            found += _sums(step, lengths)
            if len(ins) > 1:
                found.append(_product(step, lengths, f" with input {i}" if len(ins) > 2 else ""))
        return tuple(found)

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        output = self.plan(ins).output
        rows = enumerate(zip(output, outs[0].dims, strict=True))
        return tuple(
            Working(f"axis {i}" if x.startswith(".") else f"index {x}", (f"{d}",), d)
            for i, (x, d) in rows
        )

    @property
    def PASSES(self) -> Passes:  # type: ignore[override]  # noqa: N802
        """One input with its axes in another order, or its diagonal, is a view."""
        if wrong(self.equation):
            return ""
        inputs, output = read(self.equation)
        if len(inputs) > 1:
            return ""
        summed = set(inputs[0]) - set(output or ())
        if output is None:  # what stands more than once is summed over
            summed = {x for x in inputs[0] if inputs[0].count(x) > 1}
        return "" if summed else "always"

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int]:
        plan = self.plan(ins)
        label, length = plan.inputs[i][axis], ins[i].dims[axis]
        if label not in plan.output:
            return "all", 0
        stretched = not length >= self.lengths(ins)[label]
        return "all" if stretched else "each", plan.output.index(label)

    def layers(self, learned: Sequence[bool]) -> int:
        return by_weights(learned)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        return contraction(self.plan(ins), ins).saved

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        most = contraction(self.plan(ins), ins).most
        return max(0, most - (0 if self.PASSES else int(outs[0].nbytes)))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield example(cls("bhqd,bhkd->bhqk"), (2, 3, 4, 5), (2, 3, 6, 5))
        yield example(cls("bqhd,bkhd->bhqk"), (2, 3, 4, 5), (2, 6, 4, 5))
        yield example(cls("bhqk,bkhd->bqhd"), (2, 3, 4, 5), (2, 5, 3, 6))
        yield example(cls("ij,jk"), (3, 4), (4, 5))
        yield example(cls("ikj,jlk->il"), (2, 3, 4), (4, 5, 3))
        yield example(cls("ijk,mlk->ijlm"), (2, 3, 4), (5, 6, 4))
        yield example(cls("...ij,...jk->...ik"), (2, 7, 3, 4), (7, 4, 5))
        yield example(cls("...ij,...jk->ik"), (2, 7, 3, 4), (7, 4, 5))
        yield example(cls("bij, bjk -> bik"), (1, 3, 4), (2, 4, 5))
        yield example(cls("i,j->ij"), (3,), (4,))
        yield example(cls("i,i"), (3,), (3,))
        yield example(cls("ijl,jk->ik"), (3, 4, 2), (4, 5))
        yield example(cls("ij,jk->"), (3, 4), (4, 5))
        yield example(cls("ij,jk,kl->il"), (3, 4), (4, 5), (5, 6))
        yield example(cls("bi,ijk,bk->bj"), (2, 3), (3, 4, 5), (2, 5))
        yield example(cls("i,j,k->kji"), (3,), (4,), (5,))
        yield example(cls("ij->ji"), (3, 4))
        yield example(cls("...ij->...i"), (2, 3, 4))
        yield example(cls("ii->i"), (3, 3))
        yield example(cls("ii"), (3, 3))
        yield example(cls("ii,ij->j"), (3, 3), (3, 4))
        # refused
        yield example(cls("ij,jk->iq"), (3, 4), (4, 5))
        yield example(cls("ij,jk->ii"), (3, 4), (4, 5))
        yield example(cls("ij,jk->ik"), (3, 4), (5, 4))
        yield example(cls("ij,j"), (3, 4))
        yield example(cls("ij"), (3, 4), (4, 5))
        yield example(cls("ijk"), (3, 4))
        yield example(cls("...ijk"), (3, 4))
        yield example(cls("ii->i"), (2, 3))
        yield example(cls("i1->i"), (3, 4))
        yield example(cls("i..j"), (3, 4))
        yield example(cls("ij->->i"), (3, 4))


def _sums(step: Step, lengths: dict[str, Num]) -> Iterator[Term]:
    """What is added up before two inputs are multiplied, one index after the other."""
    for labels, dropped in zip((step.left, step.right), step.dropped, strict=True):
        left = labels
        for label in dropped:
            left = tuple(x for x in left if x != label)
            (name,) = _names((label,))
            factors = (*(lengths[x] for x in left), lengths[label] - 1)
            yield Term(f"additions over {name}", "add", factors, (*_names(left), f"({name} - 1)"))


def _product(step: Step, lengths: dict[str, Num], where: str) -> Term:
    """A product of two, with a sum behind it or without."""
    labels = (*step.kept, *step.summed)
    factors = tuple(lengths[x] for x in labels)
    kind, label = ("mac", "multiply-adds") if step.summed else ("mul", "multiplications")
    return Term(label + where, kind, factors, _names(labels))


def _names(labels: Labels) -> tuple[str, ...]:
    """What indices are called: by their letter; those of an ellipsis are a batch."""
    return tuple("batch" if x.startswith(".") else x for x in labels)
