"""The PyTorch model that a NET names: to verify against."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from netcalc.errors import (
    InputError,
    NetcalcError,
    UnknownNameError,
    did_you_mean,
    no_such_argument,
)
from netcalc.pytorch.hugging import is_config
from netcalc.pytorch.hugging import make as hugging_model

TORCHVISION: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
"""Arguments that torchvision's builders need to make the network itself, without its heads."""


def model_of(net: str, /, **arguments: Any) -> nn.Module:
    """The model that a NET with a colon names, in eval mode, made with ``arguments``.

    ``torchvision:NAME``, ``timm:NAME``, ``hf:PATH`` of a config.json, ``package.module:factory`` or
    ``path/to/file.py:factory``. Nothing is downloaded, and what the building prints goes to
    standard error. Raises UnknownNameError or InputError where there is no such model or it cannot
    be made.
    """
    source, _, name = net.partition(":") if is_config(net) else net.rpartition(":")
    if not source or not name:
        raise InputError(f"{net!r} names no model: write SOURCE:NAME, such as torchvision:resnet50")
    with _undisturbed_path(source), redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            make = _maker(net, source, name)
            _check(net, make, arguments)
            made = make(**arguments)
        except NetcalcError:
            raise
        except TypeError as problem:
            raise _misnamed(net, arguments, problem) or _failed(net, problem) from problem
        except (Exception, SystemExit) as problem:  # whatever somebody else's code does
            raise _failed(net, problem) from problem
    if not isinstance(made, nn.Module):
        raise InputError(f"{net} made a {type(made).__name__}, not an nn.Module")
    return made.eval()


def _failed(net: str, problem: BaseException) -> InputError:
    told = " ".join(str(problem).split())[:200]
    return InputError(f"{net}: {type(problem).__name__}: {told}")


def _misnamed(net: str, arguments: dict[str, Any], problem: TypeError) -> UnknownNameError | None:
    """The error for an argument that a function handed on to one that does not take it."""
    said = _UNEXPECTED.search(str(problem))
    if said is None or said["argument"] not in arguments:
        return None
    at = problem.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    seen = {} if at is None else {**at.tb_frame.f_globals, **at.tb_frame.f_locals}
    called = (x for x in seen.values() if getattr(x, "__name__", "") == said["called"])
    try:
        parameters = inspect.signature(next(called)).parameters.values()
    except (StopIteration, TypeError, ValueError):
        return UnknownNameError(f"{net} has no argument {said['argument']!r}")
    known = [p.name for p in parameters if p.default is not p.empty]
    return no_such_argument(net, said["argument"], known)


_UNEXPECTED = re.compile(
    r"(?P<called>\w+)(\.__init__)?\(\) got an unexpected keyword argument '(?P<argument>\w+)'"
)


def input_of(net: str, model: nn.Module) -> tuple[int, ...] | None:
    """The shape of an image that a library's model takes, without the batch; None elsewhere.

    timm's from the model's configuration; torchvision's from its ``image_size``, else from the crop
    of its first weights.
    """
    source, _, name = net.rpartition(":")
    if source == "timm":
        size: tuple[int, ...] = tuple(getattr(model, "default_cfg", {}).get("input_size", ()))
        return size or None
    if source != "torchvision":
        return None
    from torchvision.models import get_model_weights

    crops = [
        getattr(w.transforms, "keywords", {}).get("crop_size") for w in get_model_weights(name)
    ]
    side = getattr(model, "image_size", None) or next((c for c in crops if c), None)
    return (3, side, side) if isinstance(side, int) else None


LIBRARIES = ("torchvision", "timm")


def _maker(net: str, source: str, name: str) -> Callable[..., Any]:
    if is_config(net):
        return partial(hugging_model, net)
    return _library(source, name) if source in LIBRARIES else _factory(source, name)


def _check(net: str, make: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Refuse arguments that the function does not take, and a function that needs others."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature
        return
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for key in arguments:
            if key not in {p.name for p in named}:
                raise no_such_argument(net, key, [p.name for p in named])
    missing = [p.name for p in named if p.default is p.empty and p.name not in arguments]
    if missing:
        raise InputError(
            f"{net} needs {', '.join(missing)}: write {net}@{missing[0]}=..., or --kwargs"
        )


def _library(source: str, name: str) -> Callable[..., Any]:
    where = "torchvision.models" if source == "torchvision" else source
    try:
        library = importlib.import_module(where)
    except ImportError:
        raise InputError(f"{source}:{name} needs {source}; pip install {source}") from None
    known = library.list_models()
    if name not in known:
        hint = did_you_mean(name, known, 3) or f"see {where}.list_models()"
        raise UnknownNameError(f"{source} has no model {name!r}; {hint}")
    if source == "timm":
        return lambda **given: library.create_model(name, pretrained=False, **given)
    options = dict(TORCHVISION.get(name, {}))
    if "weights_backbone" in inspect.signature(library.get_model_builder(name)).parameters:
        options["weights_backbone"] = None  # would be downloaded otherwise
    return lambda **given: library.get_model(name, **{"weights": None, **options, **given})


def _factory(source: str, name: str) -> Callable[..., Any]:
    """A function (or class) of a module by its dotted name or its file."""
    module = _file(Path(source)) if source.endswith(".py") else importlib.import_module(source)
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith("_")]
        hint = did_you_mean(name, public)
        raise UnknownNameError(f"{source} has no {name!r}; {hint}".rstrip("; "))
    found: Any = getattr(module, name)
    if isinstance(found, nn.Module):
        return lambda: found
    if not callable(found):
        raise InputError(f"{source}:{name} is no function or class; a model is made by calling one")
    called: Callable[..., Any] = found
    return called


def _file(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    name = f"netcalc_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@contextmanager
def _undisturbed_path(source: str) -> Iterator[None]:
    """The current folder, and that of a file, are importable for a while.

    What a file imports from its own folder goes before a file of another one is imported, which may
    have modules of the same names.
    """
    before = list(sys.path)
    folder = str(Path(source).resolve().parent) if source.endswith(".py") else ""
    for name in [name for name, other in _BESIDE.items() if folder not in ("", other)]:
        sys.modules.pop(name, None)
        del _BESIDE[name]
    known = set(sys.modules)
    sys.path[:0] = [p for p in (folder, str(Path.cwd())) if p]
    try:
        yield
    finally:
        sys.path[:] = before
        new = [name for name in sys.modules if name not in known] if folder else []
        _BESIDE.update({name: folder for name in new if _lies_in(Path(folder), name)})


_BESIDE: dict[str, str] = {}
"""The modules that lie beside a file that was imported, each with the folder."""


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a module was found in a folder itself, and not in an environment below it."""
    module, top = sys.modules[name], name.partition(".")[0]
    places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
    return any(
        Path(place) == folder / f"{top}.py" or Path(place).is_relative_to(folder / top)
        for place in places
        if place
    )
