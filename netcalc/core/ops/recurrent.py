"""Recurrent layers: LSTM, GRU and the plain RNN, with all their layers and directions.

At each step a gate is a function of two products, of the step's input and of the hidden state
before it. Work is counted for all steps, layers and directions, each step for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from netcalc.core.numbers import Num
from netcalc.core.ops.base import (
    Example,
    example,
)
from netcalc.core.ops.steps import Factor, Recurrent, tensor, work
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.core.window import not_negative

__all__ = ["GRU", "LSTM", "RNN"]


@dataclass(frozen=True, slots=True, repr=False)
class LSTM(Recurrent):
    """Long short-term memory, with peepholes left out, as PyTorch has it.

    Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; the projection of
    ``proj_size`` (0: none) is that of Sak et al. 2014. Inputs: a sequence, alone or with the
    initial hidden and cell state. Outputs: the sequence of hidden states, the last hidden state,
    the last cell state.

    Work per step, layer and direction, with inputs of i, a hidden size of h and an output of p (h
    unless projected): 4*h*i multiply-adds for the input, 4*h*p for the hidden state, h*p for the
    projection. For each of the 4*h values of the gates 1 addition of the two products, with
    ``bias`` 2 more; for each of the h values of the state 3 sigmoids, e / (e + 1) with e = exp(x),
    and 2 tanh, as Tanh has it, then 3 multiplications and 1 addition.

    What autograd saves and a call takes beside its outputs depends on the library that runs it;
    netcalc gives lower bounds: the gates, cell and hidden states of each step, the states that
    PyTorch fills with zeros, and the sequence between two layers.
    """

    proj_size: int = 0

    ARITY: ClassVar[tuple[int, int | None]] = (1, 3)
    GATES: ClassVar[int] = 4
    KEPT: ClassVar[int] = 5  # the gates and the cell state

    @property
    def state_sizes(self) -> tuple[Num, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def limits(self) -> Iterator[Guard]:
        yield from Recurrent.limits(self)
        yield not_negative("proj_size", (self.proj_size,))
        yield Guard(
            (self.hidden_size >= self.proj_size + 1,),
            "proj_size={proj} must be smaller than hidden_size={hidden}",
            {"proj": self.proj_size, "hidden": self.hidden_size},
        )

    def _hidden(self) -> Factor:
        if self.proj_size:
            return self.proj_size, "projection size"
        return self.hidden_size, "hidden size"

    def _projection(self, end: str) -> Iterator[Term]:
        if self.proj_size:
            factors = (self._hidden(), (self.hidden_size, "hidden size"))
            yield tensor(f"weight_hr_{end}", (self.proj_size, self.hidden_size), *factors)

    def _macs(self, x: Tensor, first: tuple[Factor, ...]) -> Iterator[Term]:
        yield from Recurrent._macs(self, x, first)
        if self.proj_size:
            factors = (self._hidden(), (self.hidden_size, "hidden size"))
            each = self._each(x, self.num_layers)
            yield work("projections", "mac", *each, *factors)

    def _step(self) -> tuple[tuple[str, str, int], ...]:
        return (
            ("exponentials of sigmoids and tanh", "exp", 5),
            ("divisions of sigmoids and tanh", "div", 5),
            ("additions of sigmoids and tanh", "add", 7),
            ("doublings of tanh", "mul", 2),
            ("products with gates", "mul", 3),
            ("sums of old and new cell states", "add", 1),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = (5, 2, 3)
        yield example(LSTM(4), x)
        yield example(LSTM(6), (5, 3))
        yield example(LSTM(4, bias=False), x, (1, 2, 4), (1, 2, 4))
        yield example(LSTM(4, 2, batch_first=True, bidirectional=True), x)
        yield example(LSTM(4, 3, dropout=0.5), x, (3, 2, 4), (3, 2, 4))
        yield example(LSTM(4, 2, bidirectional=True, proj_size=2), x, (4, 2, 2), (4, 2, 4))
        yield example(LSTM(4, batch_first=True), (5, 3), (1, 4), (1, 4))
        # refused
        yield example(LSTM(0), x)
        yield example(LSTM(4, 0), x)
        yield example(LSTM(4, 2, dropout=1.5), x)
        yield example(LSTM(4, proj_size=4), x)
        yield example(LSTM(4, proj_size=-1), x)
        yield example(LSTM(4), (3,))
        yield example(LSTM(4), x, (1, 2, 4))
        yield example(LSTM(4), x, (1, 2, 4), (1, 2, 3))
        yield example(LSTM(4), x, (1, 4), (1, 4))
        yield example(LSTM(4, batch_first=True), x, (1, 2, 4), (1, 2, 4))


@dataclass(frozen=True, slots=True, repr=False)
class GRU(Recurrent):
    """Gated recurrent units, with the reset gate behind the product of the hidden state.

    Cho et al. 2014, in the form that PyTorch and cuDNN compute. Inputs: a sequence, alone or with
    the initial hidden state. Outputs: the sequence of hidden states, the last one.

    Work per step, layer and direction, with inputs of i and a hidden size of h: 3*h*i
    multiply-adds for the input, 3*h*h for the hidden state. For each of the 3*h values of the gates
    1 addition of the two products, with ``bias`` 2 more; for each of the h values of the state 2
    sigmoids, e / (e + 1) with e = exp(x), and 1 tanh, as Tanh has it, 2 multiplications (the reset
    gate, the update gate) and 2 additions (h - n, and n to its multiple).

    What autograd saves and a call takes beside its outputs are lower bounds, as of LSTM.
    """

    ARITY: ClassVar[tuple[int, int | None]] = (1, 2)
    GATES: ClassVar[int] = 3
    KEPT: ClassVar[int] = 4  # the gates, and what the reset gate multiplies

    def _step(self) -> tuple[tuple[str, str, int], ...]:
        return (
            ("exponentials of sigmoids and tanh", "exp", 3),
            ("divisions of sigmoids and tanh", "div", 3),
            ("additions of sigmoids and tanh", "add", 4),
            ("doublings of tanh", "mul", 1),
            ("products with gates", "mul", 2),
            ("subtractions of new states from old, and their sums", "add", 2),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = (5, 2, 3)
        yield example(GRU(4), x)
        yield example(GRU(4, 2, bidirectional=True, dropout=0.5), (5, 3))
        yield example(GRU(4, 2, batch_first=True), x, (2, 5, 4))
        yield example(GRU(6, bias=False), x, (1, 2, 6))
        # refused
        yield example(GRU(-1), x)
        yield example(GRU(4), x, (1, 4))
        yield example(GRU(4, batch_first=True), x, (1, 2, 4))
        yield example(GRU(4), (1, 5, 2, 3))


@dataclass(frozen=True, slots=True, repr=False)
class RNN(Recurrent):
    """The plain recurrent layer of Elman 1990: tanh or ReLU of the sum of the two products.

    Inputs: a sequence, alone or with the initial hidden state. Outputs: the sequence of hidden
    states, the last one.

    Work per step, layer and direction, with inputs of i and a hidden size of h: h*i multiply-adds
    for the input, h*h for the hidden state; for each of the h values 1 addition of the two
    products, with ``bias`` 2 more, and a tanh, as Tanh has it, or a comparison.

    What autograd saves and a call takes beside its outputs are lower bounds, as of LSTM.
    """

    nonlinearity: str = "tanh"

    ARITY: ClassVar[tuple[int, int | None]] = (1, 2)

    def limits(self) -> Iterator[Guard]:
        yield from Recurrent.limits(self)
        yield Guard(
            (self.nonlinearity in ("tanh", "relu"),),
            "nonlinearity must be tanh or relu, got {got}",
            {"got": self.nonlinearity},
        )

    def _step(self) -> tuple[tuple[str, str, int], ...]:
        if self.nonlinearity == "relu":
            return (("comparisons", "cmp", 1),)
        return (
            ("exponentials of tanh", "exp", 1),
            ("divisions of tanh", "div", 1),
            ("additions of tanh", "add", 2),
            ("doublings of tanh", "mul", 1),
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = (5, 2, 3)
        yield example(RNN(4), x)
        yield example(RNN(4, 2, bidirectional=True, dropout=0.5), (5, 3), (4, 4))
        yield example(RNN(6, batch_first=True, nonlinearity="relu"), x)
        yield example(RNN(4, bias=False), x, (1, 2, 4))
        # refused
        yield example(RNN(4, nonlinearity="sin"), x)
        yield example(RNN(4, 2, dropout=-0.5), x)
        yield example(RNN(4), x, (2, 2, 4))
