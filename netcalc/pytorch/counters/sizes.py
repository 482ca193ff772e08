"""The products of sizes that a torch.jit trace of a model has as operators.

While it traces, ``x.shape`` holds tensors of one element, and arithmetic on them becomes operators
as any other. Those that only decide something (a comparison, ``int``, ``range``) lead to no output
and are dropped. The same is done here, on the meta device and without a trace.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import prod
from types import ModuleType
from typing import Any, SupportsIndex
from unittest.mock import patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from netcalc.pytorch import contagion
from netcalc.pytorch.counters.dispatched import Outcome, below
from netcalc.pytorch.counters.recording import Recording, live
from netcalc.pytorch.events import Event, Signature, signature
from netcalc.pytorch.watch import Watch, watch

METHODS = ("index", "int", "float", "complex", "bool", "format", "array")
READING = frozenset(("", "item", "tolist", *(f"__{name}__" for name in METHODS)))
"""What reads a number that is a constant in a trace: Python, and operators called as such."""

CHECKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
"""What Python functions ask; they shall run, and the functions that they call be seen."""

PYTHON: tuple[ModuleType, ...] = (torch.nn.functional, torch.functional, torch._tensor)


TRACING: tuple[tuple[Any, str], ...] = (
    (torch.jit, "is_tracing"),
    (torch.jit._trace, "is_tracing"),
    (torch._C, "_get_tracing_state"),
)
"""What code asks that does otherwise in a trace."""


class _Shape(tuple[Any, ...]):
    """A shape whose sizes are tensors."""

    __slots__ = ()

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Shape(found) if isinstance(at, slice) else found

    def __add__(self, other: Any) -> Any:
        return _Shape((*self, *other))

    def __radd__(self, other: Any) -> Any:
        return _Shape((*other, *self))

    def numel(self) -> int:
        """The product of the sizes, which is a constant in a trace."""
        return prod(map(int, self))


class _Sizes(Watch):  # type: ignore[no-untyped-call]  # torch's own
    """Watch, with sizes as tensors; ``products`` are the events that multiply such."""

    known = False
    """Whether values that depend on no weights are computed too."""

    def __init__(self, model: torch.nn.Module, **how: bool) -> None:
        super().__init__(model, **how)
        self.products: list[Event] = []
        self.running = 0
        self.function = ""
        self.given: tuple[Any, Any] = ((), {})
        self.read: list[Any] = []
        self._sized: set[int] = set()

    # --- operators -------------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator and note it, whole if it is made of others."""
        kwargs = kwargs or {}
        if self._silent:
            return func(*args, **kwargs)
        with self.at_work():
            said = signature(func)
            given = self._arguments(said, args, kwargs)
            if said.name in ("item", "_local_scalar_dense"):
                self.read += [given["self"]] if self.function not in READING else []
                return func(*args, **kwargs)
            self._forget(func)
            event = Event(said.name, said.overload, {**given, "read": self.read}, (), "")
            self.read = []
            tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            out = self._done(event, said, args, kwargs, self._run(func, said, args, kwargs))
            if self._of_sizes(tensors, out):
                self._sized.add(id(out))
                if said.name in ("mul", "mul_", "multiply", "multiply_"):
                    self.products.append(event)
            return out

    def _forget(self, func: Any) -> None:
        """One number for a list of some length is a constant in a trace."""
        args, kwargs = self.given
        for i, argument in enumerate(func._schema.arguments):
            x = args[i] if i < len(args) else kwargs.get(argument.name)
            if argument.N and id(x) in self._sized:
                value = self.see(x).value
                self.read = [seen for seen in self.read if seen.value != value]

    def _of_sizes(self, tensors: list[torch.Tensor], out: Any) -> bool:
        one = isinstance(out, torch.Tensor) and not out.dim() and not out.is_meta
        return one and any(id(t) in self._sized for t in tensors)

    def _run(self, func: Any, said: Signature, args: Any, kwargs: Any) -> Any:
        if self.known:
            return contagion.run(func, said, args, kwargs)
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if any(t.is_meta for t in tensors):
            args, kwargs = tree_map(_on_meta, (args, kwargs))
        return func(*args, **kwargs)

    # --- sizes -----------------------------------------------------------------------------------

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Sizes are numbers meanwhile."""
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1

    def _size(self, n: int | torch.Tensor) -> torch.Tensor:
        with self.at_work(), _disable_current_modes(), torch._C.DisableTorchFunction():
            made = n.detach().clone() if isinstance(n, torch.Tensor) else torch.tensor(n)
            self.enter(made)
        self._sized.add(id(made))
        return made

    def index(self, x: torch.Tensor) -> int:
        """A number for an integer: a trace takes tensors of floating numbers for one too."""
        if self._plain() or not (x.is_floating_point() and id(x) in self._sized):
            return int(_INDEX(x))
        return int(self.as_integers(x))

    def as_integers(self, values: Any) -> Any:
        """Values with integers for sizes, which the next operator is taken to read."""

        def integer(x: Any) -> Any:
            if id(x) not in self._sized:
                return x
            with self.at_work(), _disable_current_modes(), torch._C.DisableTorchFunction():
                self.read.append(self.see(x))
                return int(x)

        return tree_map(integer, values)

    def _plain(self) -> bool:
        return self.running > 0 or threading.get_ident() != self.thread

    def shape(self, x: torch.Tensor) -> Any:
        """What ``x.shape`` gives."""
        found = _SHAPE(x)
        return found if self._plain() else _Shape(map(self._size, found))

    def size(self, x: torch.Tensor, dim: SupportsIndex | None = None) -> Any:
        """What ``x.size()`` and ``x.size(dim)`` give."""
        if self._plain() or isinstance(dim, str):
            return _SIZE(x) if dim is None else _SIZE(x, dim)
        return self.shape(x) if dim is None else self._size(_SIZE(x, dim))

    def numel(self, x: torch.Tensor) -> Any:
        """What ``x.numel()`` gives."""
        found = _NUMEL(x)
        return found if self._plain() else self._size(found)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tensors whose sizes are tensors, as in a trace."""
        methods: dict[str, Any] = {
            "shape": property(lambda x: self.shape(x)),
            "size": lambda x, dim=None: self.size(x, dim),
            "numel": lambda x: self.numel(x),
            "nelement": lambda x: self.numel(x),
            "__index__": lambda x: self.index(x),
        }
        with ExitStack() as patches:
            for place in PYTHON:
                for name in CHECKS:
                    if hasattr(place, name):
                        patches.enter_context(patch.object(place, name, lambda *_: False))
            for place, name in TRACING:
                patches.enter_context(patch.object(place, name, lambda: not self._plain()))
            patches.callback(_remove, tuple(methods))
            for name, method in methods.items():
                setattr(torch.Tensor, name, method)
            patches.enter_context(_Functions(self))
            yield

    def entering(self, module: torch.nn.Module, inputs: Any, named: Any) -> None:
        """A module is called."""
        with self.at_work():
            super().entering(module, inputs, named)

    def leaving(self, module: torch.nn.Module, inputs: Any, output: Any) -> None:
        """A module is done."""
        with self.at_work():
            super().leaving(module, inputs, output)


class _Known(_Sizes):  # type: ignore[no-untyped-call]  # torch's own
    known = True


class _Functions(TorchFunctionMode):
    """Tells which function reads a number: an operator that takes it, or Python."""

    def __init__(self, sizes: _Sizes) -> None:
        super().__init__()
        self.sizes = sizes

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call it."""
        sizes = self.sizes
        packet = isinstance(func, torch._ops.OpOverloadPacket | torch._ops.OpOverload)
        before, sizes.function = sizes.function, "" if packet else getattr(func, "__name__", "")
        kwargs = kwargs or {}
        sizes.given = (args, kwargs)
        try:
            return func(*args, **kwargs)
        except TypeError:
            args, kwargs = sizes.as_integers((args, kwargs))
            return func(*args, **kwargs)
        finally:
            sizes.function, sizes.read, sizes.given = before, [], ((), {})


_SHAPE: Any = vars(torch._C.TensorBase)["shape"].__get__
_SIZE: Any = torch._C.TensorBase.size
_NUMEL: Any = torch._C.TensorBase.numel
_INDEX: Any = torch._C.TensorBase.__index__


def _remove(names: tuple[str, ...]) -> None:
    """Tensors have their own methods again, which they inherit."""
    for name in names:
        if name in vars(torch.Tensor):
            delattr(torch.Tensor, name)


def _on_meta(x: Any) -> Any:
    return x.to("meta") if isinstance(x, torch.Tensor) and not x.is_meta else x


def products_of_sizes(recording: Recording, hidden: Outcome = ()) -> int:
    """How many a trace keeps; none where the model cannot run so.

    ``hidden`` are fast paths of modules, which have no such arithmetic.
    """
    for watcher in (_Sizes, _Known):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what the model's code warns of
                seen, out = watch(
                    recording.model, recording.args, recording.kwargs, watcher, quick=False
                )
        except Exception:  # noqa: S112  (then it is not explained)
            continue
        assert isinstance(seen, _Sizes)
        needed = live(seen, out)
        kept = {id(event) for event, is_live in zip(seen.events, needed, strict=True) if is_live}
        return sum(id(x) in kept and not below(x.path, hidden) for x in seen.products)
    return 0
