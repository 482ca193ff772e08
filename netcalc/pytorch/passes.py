"""The forward pass of a trace, on the first of three ways that works.

On the meta device; there too, but with what depends on no weights computed for real, for a forward
pass that reads such values; on the CPU with real tensors, for one that reads others.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils._pytree import tree_map

from netcalc.errors import InputError, NetcalcError
from netcalc.pytorch.contagion import LIMIT
from netcalc.pytorch.machine import memory_here
from netcalc.pytorch.twin import inputs_on_meta, on_cpu, on_meta, unwrapped, with_values
from netcalc.pytorch.undisturbed import collecting, seeded
from netcalc.pytorch.watch import Watch, watch

Anew = Callable[[bool], nn.Module]
"""Makes a model again with its buffers, and if that is asked for with its weights."""


class Pass(NamedTuple):
    """A forward pass that was watched: on which model, on what, what came out, and how it ran."""

    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    seen: Watch
    out: Any
    how: str


def passed(
    model: nn.Module,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    anew: Anew | None = None,
    quick: bool = True,
    watcher: type[Watch] = Watch,
) -> Pass:
    """A watched forward pass of a copy of a model.

    ``anew`` makes the model of which ``model`` is a copy without values; ``quick`` is Watch's,
    which ``watcher`` may extend.
    Raises InputError where the model cannot be copied, NetcalcError where no way works, or where
    what is wrong is not that values are missing.
    """
    first = ""
    for way in (_on_meta, _mixed, _on_cpu):
        try:
            with warnings.catch_warnings(), redirect_stdout(sys.stderr), slow_paths():
                warnings.simplefilter("ignore")  # what its code warns of is no matter of ours
                return way(model, args, kwargs, first, anew, quick, watcher)
        except NetcalcError:
            raise
        except (Exception, SystemExit) as problem:
            told = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
            if way is _on_cpu or not _wants_values(problem):
                name = type(unwrapped(model)).__name__
                advice = _advice(told, first)
                told = _OF_OURS.split(told.partition(". ")[0] if advice else told)[0]
                raise NetcalcError(f"{name} cannot run: {told}{advice}") from problem
            first = first or told
    raise AssertionError  # the last way returns or raises


_OF_OURS = re.compile(" and mode <")
"""Where a message of PyTorch's goes on with what it cannot name."""

_ADVICE = {
    re.compile(
        r"(?:Could not run '|impl registered for <CustomOpDef\()(\w+::\w+)"
    ): "; give the operator a rule: nc.register({0!r}, ...)",
    re.compile(
        r"(\w+::\w+): attempted to run"
    ): "; give the operator a rule: nc.register({0!r}, ...)",
    re.compile(
        r"HigherOrderOperator (\w+) and mode"
    ): "; give the function that calls {0} a rule: nc.register('module.function', ...)",
    re.compile(
        "does not require grad"
    ): "; a trace has no gradients, and a forward pass that takes some cannot be traced",
}
"""What to do, by what PyTorch says: of operators without a kernel, of what a trace cannot see."""


def _advice(*messages: str) -> str:
    """What to do about one of the messages, if anything is known."""
    for told in messages:
        for pattern, advice in _ADVICE.items():
            found = pattern.search(told)
            if found:
                return advice.format(*found.groups())
    return ""


def _wants_values(problem: BaseException) -> bool:
    """Whether a pass failed because tensors on the meta device have no values."""
    said = str(problem).lower()
    missing = (
        "meta",
        "data-dependent",
        "data dependent",
        "no data",
        "unallocated",
        "__format__",
        "fake impl",
    )
    return isinstance(problem, NotImplementedError) or any(word in said for word in missing)


def _on_meta(
    model: nn.Module,
    args: Any,
    kwargs: Any,
    first: str,
    anew: Anew | None,
    quick: bool,
    watcher: type[Watch],
) -> Pass:
    twin = on_meta(model)
    xs, named = inputs_on_meta((args, kwargs))
    try:
        seen, out = watch(twin, xs, named, watcher, quick=quick)
    except Exception:
        if not quick:
            raise
        seen, out = watch(twin, xs, named, watcher, quick=False)  # for PyTorch's own word on it
    return Pass(twin, xs, named, seen, out, "traced on the meta device")


def _mixed(
    model: nn.Module,
    args: Any,
    kwargs: Any,
    first: str,
    anew: Anew | None,
    quick: bool,
    watcher: type[Watch],
) -> Pass:
    if anew is not None and any(b.is_meta for b in model.buffers()):
        model = anew(False)
    twin = on_meta(model, LIMIT)
    xs, named = tree_map(_known, (args, kwargs))
    seen, out = watch(twin, xs, named, watcher, quick=False, mixed=True)
    how = "traced on the meta device, but for values that its forward pass reads"
    return Pass(twin, xs, named, seen, out, how)


def _on_cpu(
    model: nn.Module,
    args: Any,
    kwargs: Any,
    first: str,
    anew: Anew | None,
    quick: bool,
    watcher: type[Watch],
) -> Pass:
    held = sum(p.numel() * p.element_size() for p in model.parameters())
    if held > memory_here() // 4:
        name = type(unwrapped(model)).__name__
        raise InputError(
            f"{name} reads values in its forward pass ({_short(first)}), and with {held:,} bytes of"
            f" weights it is too large to run here{_advice(first)}"
        )
    seeded()  # whoever makes it again has the same weights, and draws the same numbers
    twin = on_cpu(anew(True) if anew is not None else model)
    xs, named = tree_map(_real, (args, kwargs))
    seeded()
    with collecting(True):  # what the model drops has real memory
        seen, out = watch(twin, xs, named, watcher, quick=False, held=False)
    return Pass(twin, xs, named, seen, out, f"run on the CPU with real tensors: {_short(first)}")


def _short(told: str) -> str:
    """The beginning of a message that goes into a header."""
    sentence = told.partition(". ")[0].partition(", as ")[0]
    return sentence if len(sentence) <= 100 else f"{sentence[:97]}..."


def _known(value: Any) -> Any:
    """An input whose values matter as it is, on the CPU; one of floating numbers on meta."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.is_floating_point() or value.is_complex() or value.numel() > LIMIT:
        return torch.empty_like(value, device="meta")
    return _real(value)


def _real(value: Any) -> Any:
    return with_values(value) if isinstance(value, torch.Tensor) else value


@contextmanager
def slow_paths() -> Iterator[None]:
    """Attention layer by layer, not in fused operators or nested tensors as in fast inference."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
