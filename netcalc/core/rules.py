"""Rules that users give for operators of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from netcalc.core.ops.custom import Custom
from netcalc.core.tensor import BYTES, Tensor
from netcalc.core.term import WORK, Term
from netcalc.errors import InputError, SpecError, did_you_mean

Rule: TypeAlias = Callable[..., tuple[Tensor | Sequence[Tensor], Sequence[Term]]]
"""Takes an operator's arguments, its tensors as ``Tensor``; gives its outputs and its work."""

RULES: dict[str, Rule] = {}
"""The rules by operator: ``library::scan`` or the dotted name of a Python function."""


def register(op: Any, rule: Rule | None = None) -> Any:
    """Give an operator a rule: its outputs and its work, so that ``trace`` knows both.

    ``op`` is an operator of PyTorch's dispatcher (``torch.ops.library.scan`` or its name,
    ``"library::scan"``), or a Python function or its dotted name (``"library.ops.scan"``), which
    need not reach the dispatcher. ``rule`` takes the operator's arguments (of a method ``self`` or
    ``cls`` first), with a ``Tensor`` (``dims``, ``dtype``) for each tensor, and gives ``outputs,
    work``: a Tensor or several, and a list of ``Term`` (empty where it computes nothing). The
    operator itself is then not called, and a function is replaced wherever it was imported to,
    while a model is traced. Without a rule this is a decorator for one; a second rule replaces the
    first, and ``unregister`` takes it away.

    Raises InputError where ``op`` names no operator, or a function that is not there.
    """
    name = name_of(op)
    if "::" not in name:
        found(name)
    if rule is not None:
        RULES[name] = rule
        return rule

    def decorated(function: Rule) -> Rule:
        RULES[name] = function
        return function

    return decorated


def unregister(op: Any) -> None:
    """Take an operator's rule away; nothing happens where there is none."""
    RULES.pop(name_of(op), None)


def name_of(op: Any) -> str:
    """The name that an operator's rule stands under."""
    name = op if isinstance(op, str) else getattr(op, "_qualified_op_name", None)
    name = name or getattr(op, "_qualname", None)  # what torch.library.custom_op gives
    if name is None and callable(getattr(op, "name", None)):
        name = op.name().partition(".")[0]  # an overload of an operator
    if name is None and hasattr(op, "__module__") and hasattr(op, "__qualname__"):
        name = f"{op.__module__}.{op.__qualname__}"
    parts = str(name).replace("::", ".").split(".")
    if name is None or len(parts) < 2 or not all(p.isidentifier() for p in parts):
        raise InputError(
            f"register takes an operator such as 'library::scan', or a function or its dotted name,"
            f" got {op!r}"
        )
    return str(name)


def found(name: str) -> Any:
    """The function of a dotted name, in a module or in a class of one, which is imported for it.

    None where its module is only being imported, and may have it later. Raises InputError where
    there is no such function.
    """
    path, module = _module_of(name)
    rest = name.removeprefix(f"{path}.").split(".")
    place: Any = module
    for part in rest:
        place = getattr(place, part, None)
    if callable(place):
        return place
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        return None
    hint = did_you_mean(rest[0], vars(module)) or "check its name"
    raise InputError(f"register: there is no function {name}: {path} has no {rest[0]}; {hint}")


def _module_of(name: str) -> tuple[str, Any]:
    """The module that a dotted name begins with, of several the innermost."""
    path, told = name, ""
    while "." in path:
        path = path.rpartition(".")[0]
        try:
            return path, sys.modules.get(path) or import_module(path)
        except (Exception, SystemExit) as problem:  # whatever somebody else's code does
            told = f"{type(problem).__name__}: {' '.join(str(problem).split())[:200]}"
            absent = isinstance(problem, ImportError) and f"{path}.".startswith(f"{problem.name}.")
            if not absent:
                break  # it is there, and cannot be imported
    raise InputError(f"register: there is no function {name}; {path} cannot be imported: {told}")


def custom(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Custom:
    """The layer that an operator with a rule is, for these arguments.

    Raises SpecError where the rule gives anything but outputs and work.
    """
    try:
        made = RULES[name](*args, **kwargs)
    except Exception as problem:
        told = " ".join(str(problem).split())[:200]
        raise SpecError(f"the rule of {name}: {type(problem).__name__}: {told}") from problem
    if not isinstance(made, tuple) or len(made) != 2:
        raise SpecError(f"the rule of {name} must return outputs, work; got {made!r}")
    outputs, work = made
    if not isinstance(work, list | tuple) or not isinstance(outputs, Tensor | list | tuple):
        raise SpecError(f"the rule of {name}: outputs and work must be lists, got {made!r}")
    outs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    for out in outs:
        whole = isinstance(out, Tensor) and all(isinstance(d, int) and d >= 0 for d in out.dims)
        if not whole or out.dtype not in BYTES:
            told = f"its outputs must be Tensors of plain ints, got {out!r}"
            raise SpecError(f"the rule of {name}: {told}")
    for term in work:
        counts = isinstance(term, Term) and all(type(f) is int and f >= 0 for f in term.factors)
        if not counts or term.kind not in WORK or term.operand:
            told = f"its work must be Terms of kind {', '.join(WORK)}, got {term!r}"
            raise SpecError(f"the rule of {name}: {told}")
    return Custom(name, outs, tuple(work))
