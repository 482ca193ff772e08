"""One forward pass of a model, as a list of the layers that it ran.

A layer is a call of a module of a known class, or an operator dispatched outside of one
(``torch.cat``, ``F.relu``). Modules are seen by global hooks, operators by a dispatch mode; in
inference mode composite operators arrive whole (``aten::linear``, not its transposes and products).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from netcalc.core.ops.base import Op
from netcalc.pytorch.builders import BATCH_NORMS
from netcalc.pytorch.lower import LOWERINGS


@dataclass(slots=True)
class Operator:
    """One dispatched operator: its name, its arguments by the names of its schema, its output."""

    name: str
    arguments: dict[str, Any]
    output: tuple[int, ...]


@dataclass(slots=True)
class Ran:
    """One layer that ran: ``kind`` of layer, path of the module it ran in, and what was seen.

    ``module`` is None for an operator outside of any module of a known class, ``kind`` for one that
    no kind of layer stands for. ``operators`` are those that it dispatched.
    """

    kind: type[Op] | None
    path: str
    module: nn.Module | None
    inputs: list[tuple[int, ...]]
    output: tuple[int, ...] = ()
    operators: list[Operator] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The module's class, or the operator."""
        return type(self.module).__name__ if self.module is not None else self.operators[0].name


KINDS_OF_MODULES: dict[type[nn.Module], type[Op]] = {
    cls: kind for kind, row in LOWERINGS.items() for cls in row.modules
}
KINDS_OF_OPERATORS: dict[str, type[Op]] = {
    name: kind for kind, row in LOWERINGS.items() for name in row.aten
}


FREE = frozenset(
    """
    alias arange as_strided chunk clone contiguous copy detach empty empty_like empty_strided
    expand fill full full_like is_same_size lift_fresh narrow new_empty new_zeros ones ones_like
    permute rand rand_like randint randn randn_like reshape scalar_tensor select slice split
    split_with_sizes squeeze sym_size t to _to_copy transpose unbind unsqueeze view _unsafe_view
    zero zeros zeros_like
    """.split()  # noqa: SIM905  (a list of words)
)
"""Operators that move or make values and compute nothing of their inputs."""


def kind_of(module: nn.Module) -> type[Op] | None:
    """The kind of layer that a module is: by its class, also of a subclass without children.

    The children of a normalisation come after it: see ``module_hooks``.
    """
    exact = KINDS_OF_MODULES.get(type(module))
    whole = isinstance(module, BATCH_NORMS) or next(module.children(), None) is None
    if exact is not None or not whole:
        return exact
    return next((k for cls, k in KINDS_OF_MODULES.items() if isinstance(module, cls)), None)


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Collects what runs while it is active; ``module_hooks`` must be active with it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ran: list[Ran] = []
        self.paths = {id(m): name for name, m in model.named_modules()}
        self.open: list[Ran] = []
        self.within: list[str] = []
        self.thread = threading.get_ident()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and note it."""
        out = func(*args, **(kwargs or {}))
        name = func._schema.name.removeprefix("aten::").removesuffix("_")
        seen = Operator(name, _arguments(func, args, kwargs or {}), shape_of(out))
        if self.open:
            self.open[-1].operators.append(seen)
        elif name not in FREE:
            path = self.within[-1] if self.within else ""
            kind = KINDS_OF_OPERATORS.get(name)
            self.ran.append(Ran(kind, path, None, _shapes(args), seen.output, [seen]))
        return out

    def enter(self, module: nn.Module, inputs: Any, named: Any) -> None:
        """A module is called."""
        if threading.get_ident() != self.thread or id(module) not in self.paths:
            return
        self.within.append(self.paths[id(module)])
        kind = kind_of(module)
        if kind is not None and not self.open:
            self.open.append(Ran(kind, self.within[-1], module, _shapes(inputs)))
            self.ran.append(self.open[-1])

    def leave(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done, or has raised (then its output is None)."""
        if threading.get_ident() != self.thread or id(module) not in self.paths:
            return
        self.within.pop()
        self.hand_on(module, output)

    def hand_on(self, module: nn.Module, output: Any) -> None:
        """A layer has its output, and may go on with it in modules of its own."""
        if threading.get_ident() == self.thread and self.open and self.open[-1].module is module:
            self.open.pop().output = shape_of(output)


def record(
    model: nn.Module, inputs: tuple[torch.Tensor, ...]
) -> tuple[list[Ran], list[tuple[int, ...]]]:
    """What a forward pass in inference mode runs, in order, and the shapes that come out of it."""
    recorder = Recorder(model)
    hooks = module_hooks(recorder.enter, recorder.leave, recorder.hand_on)
    with torch.inference_mode(), hooks, recorder:
        ends = model(*inputs)
    return recorder.ran, [tuple(end.shape) for end in tensors_in(ends)]


def tensors_in(ends: Any) -> list[torch.Tensor]:
    """The tensors among what a model returns, in order, whatever they come in."""
    if isinstance(ends, torch.Tensor):
        return [ends]
    if isinstance(ends, dict):
        ends = list(ends.values())
    return (
        [t for value in ends for t in tensors_in(value)] if isinstance(ends, list | tuple) else []
    )


@contextmanager
def module_hooks(
    enter: Callable[..., None],
    leave: Callable[..., None],
    hand_on: Callable[[nn.Module, Any], None] = lambda *_: None,
) -> Iterator[None]:
    """Sees every module call of the process, and none any more whatever happens.

    Not by hooks, which send PyTorch down a slow path, and some modules away from a fast one. Each
    call is entered once and left once. A normalisation that calls its activation itself (timm's
    BatchNormAct2d) is told before that to ``hand_on``, with what the activation gets.
    """
    calls: dict[int, list[nn.Module]] = defaultdict(list)  # by thread

    called = nn.Module.__call__

    def seen(module: nn.Module, /, *inputs: Any, **named: Any) -> Any:
        within = calls[threading.get_ident()]
        if within and isinstance(within[-1], BATCH_NORMS) and inputs:
            hand_on(within[-1], inputs[0])
        within.append(module)
        output = None
        enter(module, inputs, named)
        try:
            output = called(module, *inputs, **named)
            return output
        finally:
            within.pop()
            leave(module, inputs, output)

    nn.Module.__call__ = seen  # type: ignore[method-assign]
    try:
        yield
    finally:
        nn.Module.__call__ = called  # type: ignore[method-assign]


def _arguments(func: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments by name, defaults among them; a tensor as its shape."""
    named: dict[str, Any] = {}
    for i, argument in enumerate(func._schema.arguments):
        default = argument.default_value if argument.has_default_value() else None
        value = args[i] if i < len(args) else kwargs.get(argument.name, default)
        named[argument.name] = shape_of(value) if isinstance(value, torch.Tensor) else value
    return named


def _shapes(values: Any) -> list[tuple[int, ...]]:
    """The shapes of the tensors among some arguments, lists of tensors among them."""
    found: list[tuple[int, ...]] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(shape_of(value))
        elif isinstance(value, list | tuple):
            found += _shapes(value)
    return found


def shape_of(value: Any) -> tuple[int, ...]:
    """A tensor's shape; of several, the first one's; () for anything else."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()
