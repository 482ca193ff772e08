"""What recurrent layers have in common: layers and directions, states, and costs of each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num
from netcalc.core.ops.base import (
    Coupling,
    Op,
    Saved,
    Working,
)
from netcalc.core.ops.parts import rank
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term, parameter
from netcalc.core.window import positive

__all__: list[str] = []

Factor = tuple[Num, str]
"""A factor with its name."""


@dataclass(frozen=True, slots=True, repr=False)
class Recurrent(Op):
    """The fields and rules that all kinds share."""

    hidden_size: Num
    num_layers: int = 1
    bias: bool = True
    batch_first: bool = False
    dropout: float = 0.0
    bidirectional: bool = False

    AT_LEAST: ClassVar[bool] = True

    GATES: ClassVar[int] = 1
    """How many vectors of hidden size the two products of a step give."""

    KEPT: ClassVar[int] = 0
    """How many such vectors the backward pass needs of each step, the output aside."""

    @property
    def state_sizes(self) -> tuple[Num, ...]:
        """The size of each state: the hidden one, which is the output too, first."""
        return (self.hidden_size,)

    @property
    def directions(self) -> int:
        """2 where the sequence is read backwards too."""
        return 2 if self.bidirectional else 1

    def _step(self) -> tuple[tuple[str, str, int], ...]:
        """Work for each element of the hidden state behind the products: label, kind, how often."""
        raise NotImplementedError

    def layers(self, learned: Sequence[bool]) -> int:
        return self.num_layers

    # --- legality and shapes -------------------------------------------------------------------

    def limits(self) -> Iterator[Guard]:
        yield positive(hidden_size=self.hidden_size, num_layers=self.num_layers)
        yield Guard(
            (0 <= self.dropout <= 1,),
            "dropout must be between 0 and 1, got {p}",
            {"p": self.dropout},
        )

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        x, *given = ins
        yield rank(self, x, 2, 3)
        count = len(self.state_sizes)
        yield Guard(
            (len(given) in (0, count),),
            "{kind} takes a sequence, alone or with {count} initial state(s), got {got}",
            {"kind": self.type, "count": count, "got": len(given)},
        )
        for state, wanted in zip(given, self._states(x), strict=False):
            values = {"got": state, "wanted": wanted}
            template = "an initial state must be {wanted}, got {got}"
            yield Guard((len(state.dims) == len(wanted.dims),), template, values)
            pairs = zip(state.dims, wanted.dims, strict=True)
            yield Guard(tuple(c for a, b in pairs for c in (a <= b, a >= b)), template, values)

    def _batch(self, x: Tensor) -> tuple[Num, ...]:
        """The batch axis, where there is one."""
        return x.dims[:-1][0 if self.batch_first else 1 :][:1] if len(x.dims) == 3 else ()

    def _states(self, x: Tensor) -> tuple[Tensor, ...]:
        """The states of all layers and directions."""
        count = self.num_layers * self.directions
        return tuple(Tensor((count, *self._batch(x), n), x.dtype) for n in self.state_sizes)

    def _sequence(self, x: Tensor, *sizes: Num) -> Tensor:
        """For each step so many values, given as factors."""
        size: Num = 1
        for factor in sizes:
            size = size * factor
        parts = (*((d,) for d in x.dims[:-1]), sizes)
        return Tensor((*x.dims[:-1], size), x.dtype, parts if len(sizes) > 1 else ())

    def _output(self, x: Tensor) -> Tensor:
        """What one layer puts out: its hidden states of all steps, both directions together."""
        return self._sequence(x, *self._both(), self.state_sizes[0])

    def _both(self) -> tuple[int, ...]:
        """The directions as a factor, where there are two."""
        return (self.directions,) if self.bidirectional else ()

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        return (self._output(ins[0]), *self._states(ins[0]))

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        y, *states = outs
        out, (count, *batch, _) = self.state_sizes[0], states[0].dims
        both = f"{self.directions}*{out}" if self.bidirectional else f"{out}"
        rows = [("features", both, y.dims[-1])]
        rows += [("states", f"{self.num_layers}*{self.directions}", count)]
        rows += [("batch of the states", f"{n}", n) for n in batch]
        labels = ("features of the hidden state", "features of the cell state")
        rows += [(n, f"{x.dims[-1]}", x.dims[-1]) for n, x in zip(labels, states, strict=False)]
        return tuple(Working(label, (step,), value) for label, step, value in rows)

    # --- costs ---------------------------------------------------------------------------------

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        x = ins[0]
        first = tuple((f, "in features") for f in x.factors(-1))
        return (*self._stored(first), *self._macs(x, first), *self._work(x))

    def _rows(self) -> tuple[Factor, ...]:
        """The factors of the gates' vectors."""
        gates = ((self.GATES, "gates"),) if self.GATES > 1 else ()
        return (*gates, (self.hidden_size, "hidden size"))

    def _hidden(self) -> Factor:
        """What comes back from the step before."""
        return self.hidden_size, "hidden size"

    def _stored(self, first: tuple[Factor, ...]) -> Iterator[Term]:
        """The tensors of each layer and direction, under PyTorch's names and in its order."""
        later = (*((d, "directions") for d in self._both()), self._hidden())
        gates = self.GATES * self.hidden_size
        for layer in range(self.num_layers):
            inputs = later if layer else first
            for suffix in ("", "_reverse")[: self.directions]:
                end = f"l{layer}{suffix}"
                yield tensor(f"weight_ih_{end}", (gates, _size(inputs)), *self._rows(), *inputs)
                back = self._hidden()
                yield tensor(f"weight_hh_{end}", (gates, back[0]), *self._rows(), back)
                for name in ("bias_ih", "bias_hh") if self.bias else ():
                    yield tensor(f"{name}_{end}", (gates,), *self._rows())
                yield from self._projection(end)

    def _projection(self, end: str) -> Iterator[Term]:
        """The matrix behind the hidden state, where there is one."""
        yield from ()

    def _each(self, x: Tensor, layers: int) -> tuple[Factor, ...]:
        """The factors that count steps, over the batch, so many layers and both directions."""
        names = ("batch", "steps") if self.batch_first else ("steps", "batch")
        leading = zip(x.dims[:-1], names if len(x.dims) == 3 else ("steps",), strict=True)
        many = ((layers, "layers"),) if layers > 1 else ()
        return (*leading, *many, *((d, "directions") for d in self._both()))

    def _macs(self, x: Tensor, first: tuple[Factor, ...]) -> Iterator[Term]:
        """The products of the inputs and of the hidden states."""
        yield work("products of inputs", "mac", *self._each(x, 1), *self._rows(), *first)
        if self.num_layers > 1:
            many = ((self.num_layers - 1, "later layers"),) if self.num_layers > 2 else ()
            later = (*self._each(x, 1), *many, *self._rows())
            below = (*((d, "directions below") for d in self._both()), self._hidden())
            yield work("products of inputs from the layer below", "mac", *later, *below)
        all_layers = self._each(x, self.num_layers)
        yield work("products of hidden states", "mac", *all_layers, *self._rows(), self._hidden())

    def _work(self, x: Tensor) -> Iterator[Term]:
        """What is done to the products."""
        each = self._each(x, self.num_layers)
        yield work("sums of the two products", "add", *each, *self._rows())
        if self.bias:
            yield work("bias additions", "add", (2, "biases"), *each, *self._rows())
        for label, kind, times in self._step():
            many = ((times, "each"),) if times > 1 else ()
            yield work(label, kind, *many, *each, (self.hidden_size, "hidden size"))

    # --- memory and dependence -----------------------------------------------------------------

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        x = ins[0]
        if axis == len(x.dims) - 1:
            return "all"
        steps = 1 if self.batch_first and len(x.dims) == 3 else 0
        if axis == steps:  # a step sees those before it, of both directions all
            return "all" if self.bidirectional and len(ins) == 1 else "uneven"
        return "each" if len(ins) == 1 else "uneven"

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        # what backpropagation through time needs of each step, however it is laid out
        x, y = ins[0], self._output(ins[0])
        step = self._sequence(x, *self._both(), self.KEPT, self.hidden_size)
        extra = [step] * (self.num_layers if self.KEPT else 0)
        drawn = 0 < self.dropout < 1
        extra += [y] * ((self.num_layers - 1) * (1 + drawn))
        return Saved(inputs=(0,), outputs=(0,), extra=tuple(extra))

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        zeros = sum(s.nbytes for s in self._states(ins[0])) if len(ins) == 1 else 0
        below = self._output(ins[0]).nbytes if self.num_layers > 1 else 0
        return int(zeros + below)


def _size(factors: tuple[Factor, ...]) -> Num:
    size: Num = 1
    for factor, _ in factors:
        size = size * factor
    return size


def work(label: str, kind: str, *factors: Factor) -> Term:
    return Term(label, kind, tuple(f for f, _ in factors), tuple(name for _, name in factors))


def tensor(operand: str, shape: tuple[Num, ...], *factors: Factor) -> Term:
    """A parameter, called by its own name: there are many of them."""
    numbers, names = tuple(f for f, _ in factors), tuple(name for _, name in factors)
    return parameter(operand, shape, numbers, names)._replace(label=operand)
