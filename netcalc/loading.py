"""The one place that turns NET, as typed, into a graph."""

from __future__ import annotations

from netcalc.core.graph import Graph
from netcalc.errors import InputError
from netcalc.zoo import find


def load(net: str, **arguments: object) -> Graph:
    """The graph of a network of the zoo, ``"googlenet"`` or ``"googlenet@aux=true,width=0.5"``.

    ``-`` and ``_`` are the same in names; builder arguments may also be given by keyword. Raises
    UnknownNameError for an unknown network or argument (with the nearest ones), InputError for a
    value that the argument cannot take.
    """
    if not isinstance(net, str):
        raise InputError(f"load takes the name of a network, got {net!r}")
    name, _, rest = net.strip().partition("@")
    if not name:
        raise InputError(f"{net!r} names no network; see `netcalc list`")
    given: dict[str, object] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not value:
            raise InputError(f"{net!r}: write arguments as name=value, not {part!r}")
        if key in given:
            raise InputError(f"{net!r} sets {key} twice")
        given[key] = value.strip()
    twice = given.keys() & arguments.keys()
    if twice:
        raise InputError(f"{net!r} and a keyword or option both set {', '.join(sorted(twice))}")
    return find(name).make(**given, **arguments)
