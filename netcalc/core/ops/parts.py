"""What the rules of layers are written with: names of axes, guards on them, terms, constructors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from inspect import signature
from typing import Any, Protocol, TypeVar, cast

from netcalc.core.numbers import Num
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term
from netcalc.errors import SpecError, did_you_mean

__all__: list[str] = []

AXES = {0: (), 1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What the last n axes of a feature map are called."""


def peak(outs: tuple[Tensor, ...], *phases: int) -> int:
    """Scratch bytes of a call that goes through phases, each with so many bytes beside its inputs.

    The last phase holds the outputs; those before it do not.
    """
    return int(max(0, max(phases) - sum(x.nbytes for x in outs)))


def per_axis(n: int, value: Any) -> Any:
    """A field's value for each of ``n`` axes, from one number or a sequence of n."""
    if isinstance(value, list | tuple):
        return tuple(value)
    return value if isinstance(value, str) else (value,) * n


KindT = TypeVar("KindT", bound=Op, covariant=True)


class Constructor(Protocol[KindT]):
    """A short way to make layers of a kind for a given number of axes, as ``Conv2d`` is."""

    __name__: str
    kind: type[Op]

    def __call__(self, *fields: Any, **named: Any) -> KindT: ...


def named(make: Callable[..., KindT], name: str, kind: Callable[..., KindT]) -> Constructor[KindT]:
    """A constructor of a kind under the name of the PyTorch module that it stands for."""

    @wraps(make)
    def made(*values: Any, **fields: Any) -> KindT:
        try:
            return make(*values, **fields)
        except TypeError:
            told = _misfit(make, values, fields)
            if not told:
                raise
            raise SpecError(f"{name} {told}") from None

    made.__name__ = made.__qualname__ = name
    made.kind = kind  # type: ignore[attr-defined]
    made.__doc__ = f"PyTorch's {name}; a field for each axis may be given as one number for all."
    return cast("Constructor[KindT]", made)


def _misfit(make: Callable[..., Any], values: Sequence[Any], fields: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a constructor; "" where they are its own."""
    parameters = signature(make).parameters.values()
    by_place = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    known = [p.name for p in parameters]
    follows = "what goes in follows from the layers before it"
    for name in fields:
        if name not in known:
            near = did_you_mean(name, known) or f"it has {', '.join(known)}"
            return f"has no {name!r}; {follows if name in GOING_IN else near}"
    if len(values) > len(by_place):
        takes = "".join(f"{name}, " for name in by_place) + "then " * bool(by_place)
        return f"takes {takes}fields by name, got {len(values)} without one; {follows}"
    needed = [p.name for p in parameters if p.default is p.empty]
    missing = [n for n in needed if n not in (*by_place[: len(values)], *fields)]
    return f"needs {', '.join(missing)}" if missing else ""


GOING_IN = ("in_channels", "in_features", "num_features")
"""What PyTorch's modules are told of their inputs, and layers here are not."""


def same_count(kernel: tuple[Num, ...], **fields: tuple[Num, ...] | str) -> Guard:
    """The guard of axis-by-axis fields: one entry for each axis of the kernel (1 to 3)."""
    n = len(kernel)
    fit = all(len(v) == n or isinstance(v, str) for v in fields.values())
    return Guard(
        (fit and 1 <= n <= 3,),
        "kernel {kernel} has {n} axes; {names} must have as many entries, got {fields}",
        {"kernel": kernel, "n": n, "names": ", ".join(fields), "fields": list(fields.values())},
    )


def rank(kind: Op, x: Tensor, *allowed: int) -> Guard:
    """The input must have one of the allowed numbers of axes."""
    template = "{kind} takes an input of {allowed} axes (batch included), got {got}"
    values = {"kind": kind.type, "allowed": Either(allowed), "got": len(x.dims)}
    return Guard((len(x.dims) in allowed,), template, values)


class Either(tuple[int, ...]):
    """Numbers of which one is wanted: 3 or 4."""

    __slots__ = ()

    def __str__(self) -> str:
        return " or ".join(map(str, self))

    def __format__(self, spec: str) -> str:
        return str(self)


def axis_of(dim: int, x: Tensor) -> int:
    """``dim`` counted from the front, as PyTorch counts it (negative from the back)."""
    return dim + len(x.dims) if dim < 0 else dim


def has_axis(name: str, dim: int, x: Tensor) -> Guard:
    """``dim`` must be an axis of the input."""
    n = len(x.dims)
    return Guard(
        (-n <= dim < n,),
        "{name}={dim} is not an axis of an input with {n} axes",
        {"name": name, "dim": dim, "n": n},
    )


def computed_in(dtype: str | None, types: Collection[str]) -> Guard:
    """The guard of the type that a layer's input is cast to first, where one is said."""
    told = {"types": ", ".join(types) or "none", "got": dtype}
    template = "dtype must be one of {types}, got {got!r}"
    return Guard((dtype is None or dtype in types,), template, told)


def distinct(dims: tuple[int, ...], x: Tensor) -> Guard:
    """No axis may be named twice."""
    found = [axis_of(d, x) for d in dims]
    told = {"dims": dims}
    return Guard((len(set(found)) == len(found),), "dim names an axis twice: {dims}", told)


def batch_names(leading: int, *rest: str) -> tuple[str, ...]:
    """Names of factors: the leading axes first, then the rest."""
    return ("batch",) * leading + rest


def elementwise(label: str, kind: str, x: Tensor, *times: tuple[Num, str], shown: str = "") -> Term:
    """Work that is done once per element of ``x`` (or ``times`` as often, each with its name)."""
    if not times:
        return Term(label, kind, x.factors(), _names(x))
    counts = tuple(n for n, _ in times)
    names = tuple(name for _, name in times)
    return Term(label, kind, counts + x.factors(), names + _names(x), shown=shown)


def _names(x: Tensor) -> tuple[str, ...]:
    """What the axes of a tensor are called, by their number."""
    names = _NAMES_OF_RANK.get(len(x.dims), ())
    if not x.parts:
        return names
    axes = zip(names, x.parts, strict=False)
    return tuple(name for name, axis in axes for _ in axis)


_NAMES_OF_RANK = {
    1: ("elements",),
    2: ("batch", "features"),
    3: ("batch", "channels", "length"),
    4: ("batch", "channels", "height", "width"),
    5: ("batch", "channels", "depth", "height", "width"),
}
