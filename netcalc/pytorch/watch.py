"""One forward pass as a list of operators, with the tensors that flow between them.

The pass runs in inference mode, in which PyTorch dispatches composite operators whole: a linear
layer, an attention, a recurrent layer is one operator each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import TensorWeakRef

from netcalc.core.ops.custom import Written
from netcalc.core.rules import RULES
from netcalc.errors import NetcalcError
from netcalc.pytorch import contagion
from netcalc.pytorch.answers import answer, by_kernel, of_one_type
from netcalc.pytorch.custom import by_rule, patched, ruled
from netcalc.pytorch.events import Event, Seen, Signature, signature
from netcalc.pytorch.lift import lift
from netcalc.pytorch.lifted import on_all
from netcalc.pytorch.record import module_hooks
from netcalc.pytorch.twin import every, kept, stored
from netcalc.pytorch.writes import WRITTEN, Writes


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Notes every operator of a pass and which value each of its tensors is.

    Values are numbered: the model's ``parameters`` and ``buffers`` first, with their ``keys``, then
    the inputs, then what operators make. ``calls`` are the modules as they end, with what they
    return, where PyTorch's kernels answer for all.
    ``quick`` lets netcalc's rules answer for operators whose meta kernels are slow, ``mixed``
    computes what depends on no weights for real (see ``contagion``), ``held`` keeps every tensor
    alive, so that no address comes twice; without it memory is freed as the model frees it.
    """

    def __init__(
        self, model: nn.Module, quick: bool = True, mixed: bool = False, held: bool = True
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self.keys: dict[int, str] = {}
        self.modules = every(model)
        self.paths = {id(m): name for name, m in self.modules.items()}
        self.within: list[str] = []
        self.calls: list[tuple[str, tuple[Seen, ...]]] = []
        self.thread = threading.get_ident()
        self.elsewhere: list[str] = []
        self.constants = 0
        self.quick, self.mixed, self.held = quick, mixed, held
        self.autocast = False
        self._silent = False
        self._count = 0
        self._values: dict[int, tuple[int, Any]] = {}
        self._writes = Writes()
        self.parameters = self._named("_parameters")
        self.buffers = self._named("_buffers")

    def _named(self, register: str) -> dict[str, torch.Tensor]:
        """The parameters or buffers of a model by their first keys; each has a value then."""
        found = {}
        for key, tensor in stored(self.modules, register):
            if id(tensor) not in self._values:
                self.keys[self.enter(tensor)] = key
                found[key] = tensor
        return found

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not: nothing is compiled meanwhile, and every operator would pay for it."""
        return False

    # --- values --------------------------------------------------------------------------------

    def enter(self, tensor: torch.Tensor) -> int:
        """A tensor that is there before the pass, or has just been made; its value's number."""
        held = tensor if self.held else TensorWeakRef(tensor)
        self._values[id(tensor)] = (self._count, held)
        self._count += 1
        return self._count - 1

    def see(self, tensor: torch.Tensor) -> Seen:
        """The value of a tensor; one that nothing made is a constant of the model's code.

        Where another tensor on the same memory was written to, it is what that made of it.
        """
        found = self._values.get(id(tensor))
        if found is None or not (self.held or found[1]() is tensor):
            self.constants += 1
            return _seen(self.enter(tensor), tensor)
        if self._writes:
            parts = self._writes.since(found[0], tensor)
            if parts:
                return self._overwritten(_seen(found[0], tensor), parts, tensor)
        return _seen(found[0], tensor)

    def _overwritten(self, before: Seen, parts: list[Seen], tensor: torch.Tensor) -> Seen:
        after = _seen(self.enter(tensor), tensor)
        event = Event(WRITTEN, "", {"self": before, "parts": parts}, (after,), "")
        event.lifted = on_all(Written(), event)
        self._note(event)
        return after

    # --- operators -----------------------------------------------------------------------------

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, or let a rule answer for it, and note it."""
        kwargs = kwargs or {}
        if self._silent:
            return func(*args, **kwargs)
        said = signature(func)
        event = Event(said.name, said.overload, self._arguments(said, args, kwargs), (), "")
        rule = ruled(said.name) if RULES else None
        if rule is not None:
            return self._done(event, said, args, kwargs, by_rule(event, rule, args, kwargs))
        if self.quick and not self.mixed:
            out = answer(event, said, args, kwargs)
            if out is not None:
                return self._done(event, said, args, kwargs, out)
        if not self.autocast:
            of_one_type(said, args)
        if self.mixed:
            run = contagion.run(func, said, args, kwargs)
        else:
            run = by_kernel(func, said, args, kwargs)
        return self._noted(event, func, said, args, kwargs, run)

    def _noted(
        self, event: Event, func: Any, said: Signature, args: Any, kwargs: Any, out: Any
    ) -> Any:
        """Note an operator that ran; its parts, where it is made of some and no layer itself."""
        event.outputs = tuple(_seen(-1, t) for t in tensors_of(out))
        if said.silent and said.written:
            return self._done(event, said, args, kwargs, out)
        event.lifted = lift(event) if event.outputs else None
        if event.outputs and event.lifted is None and said.composite and not said.written:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return self._done(event, said, args, kwargs, out)

    def _done(self, event: Event, said: Signature, args: Any, kwargs: Any, out: Any) -> Any:
        if not said.written:
            event.outputs = tuple([_seen(self.enter(t), t) for t in tensors_of(out)])
            self._note(event)
            return out
        written = [t for i in said.written for t in tensors_of(_given(said, i, args, kwargs))]
        made = event.outputs = tuple(
            _seen(self.enter(t), t) for t in (written if said.silent else tensors_of(out))
        )
        for value, tensor in zip(made, written, strict=False):
            self._writes.note(value, tensor)
        self._note(event)
        return None if said.silent else out

    def _note(self, event: Event) -> None:
        event.path = self.within[-1] if self.within else ""
        self.events.append(event)

    def _arguments(self, said: Signature, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        found = dict(said.defaults)
        for name, value in zip(said.defaults, args, strict=False):
            found[name] = value if type(value) in _STATIC else self._argument(value)
        for name, value in kwargs.items():
            found[name] = self._argument(value)
        return found

    def _argument(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self.see(value)
        if isinstance(value, list | tuple):
            return [self._argument(v) for v in value]
        return value

    # --- what the dispatcher does not see --------------------------------------------------------

    def called(self, name: str, arguments: dict[str, Any], args: Any, kwargs: Any) -> Any:
        """A Python function that has a rule was called: the rule answers for it."""
        with self._silence():
            noted = {key: self._argument(value) for key, value in arguments.items()}
            event = Event(name, "", noted, (), "")
            said = Signature(name, "", {}, (), False)
            return self._done(event, said, (), {}, by_rule(event, name, args, kwargs))

    @contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def watching(self) -> AbstractContextManager[None]:
        """What else is to be seen of a pass."""
        return nullcontext()

    def entering(self, module: nn.Module, inputs: Any, named: Any) -> None:
        """A module is called."""
        if id(module) not in self.paths:
            return
        # inside of an operator it cannot be seen, and on the meta device it does nothing
        self.autocast = self.autocast or any(map(torch.is_autocast_enabled, ("cpu", "cuda")))
        if threading.get_ident() == self.thread:
            self.within.append(self.paths[id(module)])
        else:
            self.elsewhere.append(self.paths[id(module)])

    def leaving(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """A module is done, or has raised."""
        if threading.get_ident() == self.thread and id(module) in self.paths and self.within:
            self.within.pop()
            if self.quick and isinstance(output, torch.Tensor):
                return  # of several, some may be read by nothing, and are there all the same
            outs = tuple(self.see(t) for t in tensors_of(output))
            self.calls.append((self.paths[id(module)], outs))


_STATIC = frozenset((bool, int, float, str, type(None)))


def tensors_of(out: Any) -> list[torch.Tensor]:
    """The tensors that an operator or module gave, in order."""
    if isinstance(out, torch.Tensor):
        return [out]
    return [t for t in tree_leaves(out) if isinstance(t, torch.Tensor)]


def _given(said: Signature, i: int, args: Any, kwargs: dict[str, Any]) -> Any:
    """An argument by its position in the schema, however it was given."""
    return args[i] if i < len(args) else kwargs.get(list(said.defaults)[i])


def _seen(value: int, tensor: torch.Tensor) -> Seen:
    return Seen(value, tuple(tensor.shape), _NAMES[tensor.dtype])


class _Names(dict[torch.dtype, str]):
    def __missing__(self, dtype: torch.dtype) -> str:
        self[dtype] = str(dtype).removeprefix("torch.")
        return self[dtype]


_NAMES = _Names()


def watch(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    watcher: type[Watch] = Watch,
    **how: bool,
) -> tuple[Watch, Any]:
    """The operators of one pass of a model in inference mode, and what it returned.

    ``how`` are Watch's ways: quick, mixed, held; ``watcher`` may see more than Watch. Raises
    NetcalcError where the model works in threads of its own, which have modes of their own.
    """
    seen = watcher(model, **how)
    for tensor in tree_leaves((args, kwargs)):
        if isinstance(tensor, torch.Tensor):
            seen.enter(tensor)
    hooks = module_hooks(seen.entering, seen.leaving)
    with kept(model), torch.inference_mode(), hooks, patched(seen.called), _threads() as started:
        with seen.watching(), seen:
            out = model(*args, **kwargs)
        for tensor in tensors_of(out):
            seen.see(tensor)
    if seen.elsewhere or (started and seen.constants):
        where = seen.elsewhere[0] if seen.elsewhere else type(model).__name__
        raise NetcalcError(
            f"{where} works in a thread that the forward pass starts, which a trace does not see;"
            " have it do so in the same thread"
        )
    return seen, out


@contextmanager
def _threads() -> Iterator[list[str]]:
    """The names of the threads that are started meanwhile."""
    started: list[str] = []
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        started.append(thread.name)
        start(thread)

    threading.Thread.start = noted  # type: ignore[method-assign, assignment]
    try:
        yield started
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
