"""Formulas of networks, and where one breaks even with another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netcalc.core.graph import Graph
from netcalc.errors import InputError, UnknownNameError
from netcalc.loading import file_of, load, made_by
from netcalc.zoo import find

if TYPE_CHECKING:
    from netcalc.symbolic.breakeven import BreakEven
    from netcalc.symbolic.formula import Formula


def formula(
    net: str,
    symbols: Sequence[str] | None = None,
    quantity: str = "params",
    path: str = "",
) -> Formula:
    """A quantity (params, macs, activations, output) of a network as a formula.

    ``symbols`` are arguments of the network, or of its file, that stand for themselves (``c_in``)
    or for an expression (``width=w``); ``input=32*n`` is height and width of the input. Unless
    given, all arguments that are sizes; where there are none a width multiplier, or ``input=n``.
    ``path`` limits it to a layer or module. The result has ``expressions`` (sympy's) and
    ``assumptions``.

    Raises InputError where sympy is missing, for a symbol or quantity that cannot be.
    """
    from_symbols = _needed()
    if symbols is None:
        symbols = _sizes(net) or list(_even(net)) or ["input=n"]
    given = from_symbols.symbols_in(symbols)
    found: Formula = from_symbols.formula(_maker(net), given, quantity, path, _even(net))
    return found


def break_even(first: str, second: str, over: str, quantity: str = "params") -> BreakEven:
    """Where the second network has fewer of a quantity (params, macs) than the first.

    ``over`` is the name of an argument that is a size, or another symbol, for all such arguments
    that only one of the two has, or a symbol with the names of arguments: ``r=r3,r5,pp``. Raises
    InputError as ``formula`` does.
    """
    _needed()
    from netcalc.symbolic.breakeven import break_even as work_out
    from netcalc.symbolic.formula import symbol

    name, equals, listed = (part.strip() for part in over.partition("="))
    if not name.isidentifier():
        raise InputError(f"over takes a symbol such as r, or r=r3,r5,pp, not {over!r}")
    sizes = [_sizes(net) for net in (first, second)]
    wanted = [part.strip() for part in listed.split(",") if part.strip()]
    alone = [
        a for own, others in zip(sizes, sizes[::-1], strict=True) for a in own if a not in others
    ]
    every = list(dict.fromkeys((*sizes[0], *sizes[1])))
    chosen = wanted if equals else [name] if name in every else alone
    if not chosen:
        those = ", ".join(every) or "none that is a size"
        raise InputError(
            f"{first} and {second} have the same arguments ({those}); say which, as --over"
            f" {name}={every[0] if every else 'c'}"
        )
    for argument in chosen:
        if argument not in (*sizes[0], *sizes[1]):
            raise InputError(
                f"neither network has a size {argument!r}; they have {', '.join(every)}"
            )
    given = tuple({a: symbol(name) for a in own if a in chosen} for own in sizes)
    return work_out((_maker(first), _maker(second)), (given[0], given[1]), name, quantity)


def _needed() -> Any:
    try:
        from netcalc.symbolic import formula as module
    except ModuleNotFoundError as problem:
        raise InputError(
            f"formulas need {problem.name}; pip install 'netcalc-nn[symbolic]'"
        ) from None
    return module


def _maker(net: str) -> Callable[[Mapping[str, Any]], Graph]:
    return lambda arguments: load(net, **arguments)


def _sizes(net: str) -> list[str]:
    """The arguments of a network, or of its file, that are sizes and that it does not set."""
    file = file_of(net)
    if file:
        from netcalc.spec import sizes_of

        return list(sizes_of(file[0], file[1]))
    return _open(net, "Num")


def _even(net: str) -> dict[str, int]:
    """The arguments that are fractions of widths, with what a scaled width is a multiple of."""
    step = _set(net).get("round", "").removeprefix("+")
    return dict.fromkeys(_open(net, "Fraction"), int(step) if step.isdecimal() else 1)


def _open(net: str, kind: str) -> list[str]:
    """The arguments of a kind that a network of the zoo has and does not set."""
    if file_of(net) or made_by(net):
        return []
    try:
        parameters = find(net.partition("@")[0].strip()).parameters()
    except UnknownNameError:
        return []  # loading it says so
    return [n for n, p in parameters.items() if str(p.annotation) == kind and n not in _set(net)]


def _set(net: str) -> dict[str, str]:
    """The arguments behind the @ of a network of the zoo."""
    parts = [part.partition("=") for part in net.partition("@")[2].split(",")]
    return {name.strip().replace("-", "_"): value.strip() for name, _, value in parts}
