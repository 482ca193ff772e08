"""The one place that turns NET, as typed, into a graph."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netcalc.core.graph import Graph
from netcalc.core.inputs import described
from netcalc.errors import InputError, UnknownNameError, shown
from netcalc.zoo import find

_NET = re.compile(r"(?P<file>.+?\.(?:yaml|yml|json))(?:@(?P<rest>.*))?", re.IGNORECASE | re.DOTALL)
_CONFIG = "hf:"
_WORDS = {"true": True, "false": False, "null": None, "none": None}


def load(net: str, **arguments: object) -> Graph:
    """The graph of a network of the zoo, of a file or of a PyTorch model.

    ``"googlenet"`` or ``"googlenet@aux=true,width=0.5"``; ``-`` and ``_`` are the same in names. A
    YAML or JSON file goes by its path, ``"my_net.yaml"`` or ``"my_net.yaml@c=64"``. A model is
    traced: ``"torchvision:resnet50"``, ``"timm:NAME"``, ``"hf:CONFIG.json"``,
    ``"package.module:factory"``, ``"path/to/file.py:factory"``; arguments behind an @ are those of
    what makes it, or fields of the config. Arguments may also be given by keyword.

    Raises UnknownNameError for an unknown network or argument (with the nearest ones), InputError
    for a value that the argument cannot take or a file that cannot be read, SpecError (with the
    line) for what is wrong in a file.
    """
    return load_on(net, None, **arguments)


def load_on(net: str, shape: object, /, **arguments: object) -> Graph:
    """As ``load``; a model whose own input is not known is traced on an input of that shape."""
    made, shape = made_by(net), described(shape)
    net = net.strip()
    if made is not None:
        name, given = made
        return _traced(name, shape, together(net, given, arguments))
    file = _NET.fullmatch(net)
    name, rest = (file["file"], file["rest"] or "") if file else _parted(net)
    if not name:
        raise InputError(f"{net!r} names no network; see `netcalc list`")
    given = together(net, _arguments(net, rest, keep=file is not None), arguments)
    if file:
        from netcalc.spec import load_file  # PyYAML is imported for files only

        return load_file(name, **given)
    try:
        entry = find(name)
    except UnknownNameError:
        beside = [f"{name}{e}" for e in (".yaml", ".yml", ".json") if Path(f"{name}{e}").is_file()]
        if not beside:
            raise
        raise UnknownNameError(
            f"there is no network called {name!r}; did you mean the file {beside[0]}?"
        ) from None
    return entry.make(**given)


def graph_on(net: Any, shape: Any, by: str) -> Graph:
    """The graph of what a function was given: a graph, what ``load`` takes, or an nn.Module.

    A module is traced on inputs as ``shape`` has them: see ``netcalc.pytorch.named.given``.
    """
    if isinstance(net, Graph):
        return net
    if isinstance(net, str):
        return load_on(net, shape)
    if not is_module(net):
        raise InputError(f"{by} takes a graph or the name of a network, got {shown(net)}")
    if shape is None:
        raise without_input(net)
    from netcalc.pytorch.trace import trace_on

    return trace_on(net, shape)


def without_input(model: object) -> InputError:
    """The error for a module without anything that it could be traced on."""
    kind = type(model).__name__
    return InputError(
        f"{kind} is a PyTorch model: give analyse its input=(1, 3, 224, 224), or trace it first,"
        " nc.trace(model, *inputs)"
    )


def is_module(thing: object) -> bool:
    """Whether it is an nn.Module; PyTorch is not imported for the question."""
    kind = getattr(sys.modules.get("torch.nn"), "Module", None)
    return kind is not None and isinstance(thing, kind)


def _name(net: object) -> str:
    if not isinstance(net, str):
        hint = "; trace it, nc.trace(model, *inputs)" if is_module(net) else ""
        raise InputError(f"load takes the name of a network or file, got {shown(net)}{hint}")
    return net


def made_by(net: str) -> tuple[str, dict[str, object]] | None:
    """The name of a PyTorch model and the arguments behind its @; None of any other NET.

    Values are read as Python's literals (with true, false and null too), else as text.
    """
    net = _name(net).strip()
    file = _NET.fullmatch(net)
    if net.startswith(_CONFIG):
        name, rest = (file["file"], file["rest"] or "") if file else _parted(net)
        if Path(net.removeprefix(_CONFIG)).exists():
            name, rest = net, ""  # an @ in the path of a folder
    elif ":" in net.partition("@")[0] and not file:
        name, rest = _parted(net)
    else:
        return None
    return name, {k: _literal(v) for k, v in _arguments(net, rest, keep=False).items()}


def file_of(net: str) -> tuple[str, dict[str, str]] | None:
    """The YAML or JSON file that a NET names and the arguments behind its @; None of another."""
    file = _NET.fullmatch(_name(net).strip())
    return (file["file"], _arguments(net, file["rest"] or "", keep=True)) if file else None


_FILE = re.compile(
    r"(?P<before>(?:hf:)?)(?P<file>.+?\.(?:yaml|yml|json|py))(?P<behind>(?:[:@].*)?)",
    re.IGNORECASE | re.DOTALL,
)


def moved(net: str, place: Callable[[str], str]) -> str:
    """A NET whose file lies elsewhere: ``place`` is given its path; any other NET as it is."""
    match = _FILE.fullmatch(_name(net).strip())
    return f"{match['before']}{place(match['file'])}{match['behind']}" if match else net


def _literal(text: str) -> object:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def together(net: str, given: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a NET from two places. Raises InputError for one that both have."""
    twice = given.keys() & arguments.keys()
    if twice:
        raise InputError(f"{net!r} and a keyword or option both set {', '.join(sorted(twice))}")
    return {**given, **arguments}


def _traced(net: str, shape: object, arguments: dict[str, object]) -> Graph:
    try:
        from netcalc.pytorch.trace import trace_net
    except ModuleNotFoundError as problem:
        raise InputError(
            f"{net}: tracing needs {problem.name}; pip install 'netcalc-nn[torch]'"
        ) from None
    return trace_net(net, shape, **arguments)


def _parted(net: str) -> tuple[str, str]:
    name, _, rest = net.partition("@")
    return name, rest


def _arguments(net: str, rest: str, keep: bool) -> dict[str, str]:
    """The arguments behind the @; ``keep`` leaves their names as they are."""
    given: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        key = key.strip() if keep else key.strip().replace("-", "_")
        if not equals or not value:
            raise InputError(f"{net!r}: write arguments as name=value, not {part!r}")
        if key in given:
            raise InputError(f"{net!r} sets {key} twice")
        given[key] = value.strip()
    return given
