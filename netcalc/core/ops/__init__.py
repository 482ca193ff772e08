"""The kinds of layer, one small file per family.

A kind of layer is one frozen dataclass: fields, ``shape``, ``guards``, ``terms``, ``examples``.
Families load when a name of theirs is first asked for, so a network imports only what it uses.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from netcalc.core.ops.base import Op


@cache
def exported() -> Mapping[str, Any]:
    """Every public name of every family: the kinds of layer and their short constructors."""
    names: dict[str, Any] = {}
    for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = import_module(f"{__name__}.{path.stem}")
        names |= {name: getattr(module, name) for name in module.__all__}
    return MappingProxyType(names)


def kinds() -> tuple[type[Op], ...]:
    """The classes of all kinds of layer, by name."""
    from netcalc.core.ops.base import Op

    known = (v for v in exported().values() if isinstance(v, type) and issubclass(v, Op))
    found = {kind for kind in known if not kind.UNKNOWN}
    return tuple(sorted(found, key=lambda kind: kind.__name__))


@cache
def types() -> Mapping[str, tuple[type[Op], Callable[..., Op]]]:
    """For each name that a layer's ``type`` may have, the kind and what makes one."""
    made = {name: (getattr(v, "kind", v), v) for name, v in exported().items()}
    general = {kind for kind, make in made.values() if kind is not make}
    return MappingProxyType({n: pair for n, pair in sorted(made.items()) if pair[1] not in general})


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name not in exported():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return exported()[name]
