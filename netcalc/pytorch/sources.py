"""The PyTorch model that a NET names: to verify against."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from netcalc.errors import InputError, UnknownNameError, did_you_mean

TORCHVISION: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
"""Arguments that torchvision's builders need to make the network itself, without its heads."""


def model_of(net: str) -> nn.Module:
    """The model that ``torchvision:NAME``, ``timm:NAME``, ``package.module:factory`` or
    ``path/to/file.py:factory`` names, in eval mode.

    Raises UnknownNameError or InputError where there is none.
    """
    source, _, name = net.rpartition(":")
    if source in ("torchvision", "timm"):
        return _from_library(source, name)
    made = _factory(source, name)()
    if not isinstance(made, nn.Module):
        raise InputError(f"{net} made a {type(made).__name__}, not an nn.Module")
    return made.eval()


def _from_library(source: str, name: str) -> nn.Module:
    try:
        library = importlib.import_module(
            "torchvision.models" if source == "torchvision" else source
        )
    except ImportError:
        raise InputError(f"{source}:{name} needs {source}; pip install {source}") from None
    known = library.list_models()
    if name not in known:
        hint = did_you_mean(name, known, 3) or f"see {library.__name__}.list_models()"
        raise UnknownNameError(f"{source} has no model {name!r}; {hint}")
    if source == "timm":
        made = library.create_model(name, pretrained=False)
    else:
        made = library.get_model(name, weights=None, **TORCHVISION.get(name, {}))
    model: nn.Module = made.eval()
    return model


def _factory(source: str, name: str) -> Callable[[], Any]:
    """A function (or class) of a module by its dotted name or its file."""
    module = _file(Path(source)) if source.endswith(".py") else _module(source)
    if not hasattr(module, name):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise UnknownNameError(
            f"{source} has no {name!r}; {did_you_mean(name, public)}".rstrip("; ")
        )
    found: Callable[[], Any] = getattr(module, name)
    if not callable(found):
        raise InputError(f"{source}:{name} is no function or class; a model is made by calling one")
    return found


def _module(name: str) -> Any:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise InputError(f"cannot import {name}: {problem}") from None


def _file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.exists():
        raise InputError(f"{path}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
