"""Networks that users write down in YAML or JSON, and graphs written out as such files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netcalc.core.blocks import Layer
from netcalc.core.building import network
from netcalc.core.fields import axes, number
from netcalc.core.frozen import FrozenDict
from netcalc.core.graph import Graph, renamed
from netcalc.core.tensor import BYTES, Tensor
from netcalc.errors import InputError, SpecError, nearest, no_such_argument, printable
from netcalc.spec import values
from netcalc.spec.definitions import Parameter, parameters
from netcalc.spec.layers import Maker
from netcalc.spec.messages import LocatedError, said_of
from netcalc.spec.reader import Fields, Items, Text, Value, read_file

KEYS = (
    *("name", "input", "inputs", "layers", "branches", "join", "blocks", "parameters"),
    *("outputs", "cache", "loss_weights", "paper", "batched", "$schema"),
)
"""What a file may say of its network."""

NAME = 100
"""Characters of a network's name."""

EXAMPLE = Path(__file__).parent / "examples" / "googlenet.yaml"


def load_file(path: str, **arguments: Any) -> Graph:
    """The network of a file, with the file's parameters as given.

    Raises InputError where there is no such file, UnknownNameError for a parameter that it does
    not have, SpecError with file, line and layer for what is wrong in it.
    """
    file = Path(path)
    try:
        exists, regular = file.exists(), file.is_file()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise InputError(f"{printable(path[:100])}: {reason}") from None
    if exists and not regular:
        raise InputError(f"{path}: this is no regular file")
    if not exists:
        beside = {p.stem: p.name for p in _beside(file)}  # all have one of few endings
        near = "".join(f"; did you mean {beside[stem]}?" for stem in nearest(file.stem, beside))
        raise InputError(f"{path}: there is no such file{near}")
    return network_of(read_file(file), path, arguments)


def sizes_of(path: str, arguments: Mapping[str, Any] | None = None) -> dict[str, int]:
    """The parameters of a file's network that are whole numbers, with their defaults.

    Those in ``arguments`` are given and left out. Raises as ``load_file`` does.
    """
    given = dict(arguments or {})
    load_file(path, **given)  # for what is wrong with it
    value = read_file(Path(path))
    assert isinstance(value, Fields)
    maker = Maker(path)
    known = value.entries.get("parameters")
    found = _given(maker, parameters(maker, known), given) if known is not None else {}
    return {k: size for k, size in found.items() if type(size) is int and k not in given}


def network_of(value: Value, file: str, arguments: dict[str, Any]) -> Graph:
    """The network that the value of a file describes."""
    maker = Maker(file)
    if not isinstance(value, Fields):
        raise SpecError(f"{file}:{value.line}: a network is a mapping with input and layers")
    maker.check_keys(value, KEYS, "a network")
    top = value.entries
    if "blocks" in top:
        with maker.at(value.lines["blocks"]):
            maker.define(values.fields_of(top["blocks"], "blocks"))
    given = parameters(maker, top["parameters"]) if "parameters" in top else ()
    names = _given(maker, given, arguments)
    header = _header(maker, value, names)
    body = _body(maker, value, names)
    try:
        graph = network(body, input=_inputs(maker, value, names), **header)
    except LocatedError:
        raise
    except SpecError as problem:
        at = "" if str(problem).startswith(f"{file}:") else f"{file}: "
        raise SpecError(f"{at}{problem}") from None
    shown = ", ".join(f"{k}={v}" for k, v in arguments.items())
    return renamed(graph, factory=f"{printable(file)}({shown})")


def _body(maker: Maker, top: Fields, names: values.Names) -> Layer:
    """The layers, or the branches of a network that is one module."""
    own = {k: v for k, v in top.entries.items() if k in ("layers", "branches", "join")}
    if "layers" not in own and "branches" not in own:
        raise maker.wrong(top.line, "a network needs layers, a list")
    return maker.layer(Fields(own, top.lines, top.line), "", names)


def _given(maker: Maker, known: tuple[Parameter, ...], arguments: dict[str, Any]) -> dict[str, Any]:
    """The values of a file's parameters: as given (as text or numbers), or their defaults."""
    for name in arguments:
        if name not in [p.name for p in known]:
            raise no_such_argument(maker.file, name, [p.name for p in known])
    found: dict[str, Any] = {}
    for p in known:
        default = p.value(maker, found)
        if p.name in arguments:
            found[p.name] = _argument(maker.file, p.name, arguments[p.name], default)
        elif p.default is None:
            raise InputError(f"{maker.file} needs {p.name}: write {maker.file}@{p.name}=...")
        else:
            found[p.name] = default
    return found


def _argument(file: str, name: str, value: Any, default: Any) -> Any:
    try:
        if not isinstance(value, str):
            return _given_value(value, default)
        return values.parameter_meaning(default)(Text(value, 1), {})
    except SpecError as problem:
        raise InputError(f"{file}: {said_of(name, str(problem).strip())}") from None


def _given_value(value: Any, default: Any) -> Any:
    """A parameter's value from Python: a number (or array or symbol), a list of them, a flag."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise SpecError(f"must be true or false, got {value!r}")
        return value
    if isinstance(default, str) and isinstance(value, float):
        return value
    if isinstance(value, list | tuple):
        return tuple(number("", v) for v in value)
    return number("", value)


def _header(maker: Maker, top: Fields, names: values.Names) -> dict[str, Any]:
    """Name, paper, outputs, weights of heads: what ``network`` takes beside layers and inputs."""
    found: dict[str, Any] = {"name": printable(Path(maker.file).stem)[:NAME]}
    for key, value in top.entries.items():
        with maker.at(top.lines[key], key):
            if key in ("name", "paper"):
                found[key] = _line(value)
            elif key == "batched":
                found[key] = values.flag(value, names)
            elif key == "outputs":
                found[key] = _outputs(value)
            elif key == "cache":
                found[key] = values.words(value)
            elif key == "loss_weights":
                weights = values.fields_of(value, key).entries
                found[key] = FrozenDict({k: values.real(v, names) for k, v in weights.items()})
    return found


def _line(value: Value) -> str:
    text = values.word(value, {})
    if not (0 < len(text) <= NAME and text.isprintable()):
        raise SpecError(f"must be one line of at most {NAME} characters")
    return text


def _outputs(value: Value) -> dict[str, str]:
    if isinstance(value, Fields):
        return {key: values.words(inner)[0] for key, inner in value.entries.items()}
    return {name: name for name in values.words(value)}


def _inputs(maker: Maker, top: Fields, names: values.Names) -> dict[str, Tensor]:
    """The inputs by name, from ``input`` or ``inputs``."""
    given = [key for key in ("input", "inputs") if key in top.entries]
    if len(given) != 1:
        hint = "input: [1, 3, 224, 224], or inputs: with a name for each"
        raise SpecError(f"{maker.file}:{top.line}: a network needs {hint}")
    (key,) = given
    value = top.entries[key]
    if key == "input":
        with maker.at(top.lines[key], key):
            return {"input": _tensor(maker, value, names)}
    with maker.at(top.lines[key]):
        named = values.fields_of(value, "inputs")
    found = {}
    for name, inner in named.entries.items():
        with maker.at(named.lines[name], name):
            found[name] = _tensor(maker, inner, names)
    return found


def _tensor(maker: Maker, value: Value, names: values.Names) -> Tensor:
    """A shape, or a shape with a dtype."""
    dtype = "float32"
    if isinstance(value, Fields):
        maker.check_keys(value, ("shape", "dtype"), "an input")
        dtype = values.word(value.entries.get("dtype", Text(dtype, value.line)), names)
        if dtype not in BYTES:
            raise SpecError(f"dtype must be one of {', '.join(BYTES)}, got {dtype!r}")
        value = value.entries.get("shape", value)
    if not isinstance(value, Items) or not value.items:
        raise SpecError("must be a shape such as [1, 3, 224, 224]")
    dims = tuple(values.integer(item, names) for item in value.items)
    return Tensor(axes("shape", dims), dtype)


def _beside(file: Path) -> list[Path]:
    try:
        return [p for p in sorted(file.parent.iterdir()) if p.suffix in (".yaml", ".yml", ".json")]
    except OSError:
        return []
