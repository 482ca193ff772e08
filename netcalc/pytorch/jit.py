"""A pass, with what a torch.jit trace has of it: whole operators, and nothing of some functions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from netcalc.pytorch.events import Event
from netcalc.pytorch.watch import Watch

OPAQUE: tuple[tuple[Any, str, bool], ...] = (
    (torch.autograd.Function, "apply", True),
    (torch.jit.ScriptFunction, "__call__", False),
)
"""Methods, of a class or of what is one, that are one node of a trace without what runs in them."""

SYNONYMS = {"multiply": "mul", "multiply_": "mul_", "linalg_matmul": "matmul"}
"""Operators that a trace gives another name."""

UNSEEN = frozenset(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"))
"""Operators that a trace has the parts of."""


class JitWatch(Watch):  # type: ignore[no-untyped-call]  # torch's own
    """Watch, with what a trace has of each event.

    ``inside`` is the operator that the event is a part of, if any; ``opaque`` says whether it ran
    in a function that a trace sees nothing of. ``stacks`` are the modules that it ran in.
    ``raised`` are the modules whose calls raised something that the model went on from.
    """

    def __init__(self, model: nn.Module, **how: bool) -> None:
        super().__init__(model, **how)
        self.inside: list[Event | None] = []
        self.opaque: list[bool] = []
        self.stacks: list[tuple[str, ...]] = []
        self.raised: list[str] = []
        self._hidden = 0
        self._whole: Event | None = None

    def traced_as(self, i: int) -> str:
        """The operator that a trace has for an event; "" where it sees nothing."""
        whole = self.inside[i]
        event = self.events[i] if whole is None or whole.name in UNSEEN else whole
        return "" if self.opaque[i] else SYNONYMS.get(event.name, event.name)

    def _noted(self, event: Event, *ran: Any) -> Any:
        outer = self._whole
        self._whole = outer or event
        try:
            return super()._noted(event, *ran)
        finally:
            self._whole = outer

    def _note(self, event: Event) -> None:
        super()._note(event)
        self.inside.append(None if event is self._whole else self._whole)
        self.opaque.append(self._hidden > 0)
        self.stacks.append(tuple(self.within))

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done, or has raised."""
        if output is None and sys.exc_info()[0] is not None and id(module) in self.paths:
            self.raised.append(self.paths[id(module)])
        super().leaving(module, inputs, output)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Those methods replaced by ones that say when they run."""
        before = [(place, name, vars(place)[name]) for place, name, _ in OPAQUE]
        try:
            for place, name, of_class in OPAQUE:
                setattr(place, name, self._hiding(vars(place)[name], of_class))
            yield
        finally:
            for place, name, own in before:
                setattr(place, name, own)

    def _hiding(self, method: Any, of_class: bool) -> Any:
        def hiding(first: Any, *args: Any, **kwargs: Any) -> Any:
            bound = method.__get__(None, first) if of_class else method.__get__(first, type(first))
            self._hidden += 1
            try:
                return bound(*args, **kwargs)
            finally:
                self._hidden -= 1

        return classmethod(hiding) if of_class else hiding
