"""Models of Hugging Face's transformers from a config.json that lies here: nothing is downloaded.

transformers is imported where a model is made. The class is the first of the config's
``architectures``, of transformers' own code; a model whose code lies beside its config is refused.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netcalc.errors import InputError, NetcalcError, UnknownNameError, did_you_mean

PREFIX = "hf:"
IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")
"""Which of several ways of computing the same a model takes: given as fields of a config are."""


def is_config(net: str) -> bool:
    """Whether a NET names a config: ``hf:PATH``."""
    return net.startswith(PREFIX)


def make(net: str, **overrides: Any) -> nn.Module:
    """The model of a config, in the config's dtype (float32 without one), with fields overridden.

    Raises InputError for a file that is no config, for one that needs code of its own, and where
    transformers is missing; UnknownNameError for a field that the config does not have.
    """
    library = transformers(net)
    with offline():
        config, held = _config(library, net, overrides)
        kind = _class(library, net, config, held)
        text = config.get_text_config() if hasattr(config, "get_text_config") else config
        dtype = config.dtype or getattr(text, "dtype", None) or torch.float32
        chosen = {name: held[name] for name in IMPLEMENTATIONS if held.get(name)}
        model: nn.Module = kind._from_config(config, dtype=dtype, **chosen)
    return model


def transformers(net: str) -> Any:
    """The library; InputError where it is missing."""
    try:
        with offline():
            import transformers as library
    except ImportError:
        raise InputError(f"{net} needs transformers; pip install 'netcalc-nn[hf]'") from None
    return library


def left_alone(net: str) -> AbstractContextManager[None]:
    """``offline`` for a model of a config, nothing for others."""
    return offline() if is_config(net) else nullcontext()


@contextmanager
def offline() -> Iterator[None]:
    """Nothing is fetched for a while, and the library's remarks are not printed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from huggingface_hub import constants
        except ImportError:  # then transformers is missing too, which is told where it is needed
            yield
            return
        before, log = constants.HF_HUB_OFFLINE, logging.getLogger("transformers")
        level = log.level
        constants.HF_HUB_OFFLINE = True
        log.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            constants.HF_HUB_OFFLINE = before
            log.setLevel(level)


def told(model: nn.Module) -> str:
    """The class of a model, and what of its config was left aside."""
    config: Any = model.config
    kind = type(model).__name__
    parts = []
    named = (config.architectures or [kind])[0]
    if named != kind:
        parts.append(f"transformers has no {named}")
    if getattr(config, "quantization_config", None):
        parts.append("its quantization_config is left aside")
    return f"{kind} ({'; '.join(parts)})" if parts else kind


def check(net: str, overrides: Mapping[str, Any]) -> None:
    """Raise what is wrong with a config before a model is made of it."""
    library = transformers(net)
    with offline():
        try:
            config, held = _config(library, net, overrides)
            _class(library, net, config, held)
        except NetcalcError:
            raise
        except Exception as problem:  # each class checks its fields in its own way
            said = " ".join(str(problem).split())[:200]
            raise InputError(f"{net}: {type(problem).__name__}: {said}") from problem


def _config(library: Any, net: str, overrides: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The config of a NET with fields overridden, and what it was made of."""
    written = _read(net)
    kind = written.get("model_type")
    if not isinstance(kind, str) or kind not in library.CONFIG_MAPPING:
        raise _unknown_type(library, net, written)
    maker = library.CONFIG_MAPPING[kind]
    given = {maker.attribute_map.get(k, k): v for k, v in overrides.items()}
    if "torch_dtype" in given:
        given["dtype"] = given.pop("torch_dtype")
    known = {*written, *maker().to_dict(), *maker.attribute_map, *IMPLEMENTATIONS, "dtype"}
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or "see the file for its fields"
            raise UnknownNameError(f"{net}: a config of {kind} has no field {name!r}; {hint}")
    held = _merged(written, given)
    if isinstance(held.get("architectures"), str):
        held["architectures"] = [held["architectures"]]
    dtype = held.get("dtype")
    if dtype is not None and not isinstance(getattr(torch, str(dtype), None), torch.dtype):
        raise InputError(f"{net}: its dtype is {dtype!r}; use float32, bfloat16 or float16")
    fields = {k: v for k, v in held.items() if k not in (*IMPLEMENTATIONS, "auto_map")}
    if fields.get("use_pretrained_backbone"):
        fields["use_pretrained_backbone"] = False  # its weights would be downloaded
    return maker.from_dict(fields), held


def _unknown_type(library: Any, net: str, written: Mapping[str, Any]) -> NetcalcError:
    kind = written.get("model_type")
    if not isinstance(kind, str):
        return InputError(f"{net} has no model_type, so it is no config of a transformers model")
    if written.get("auto_map"):
        return _foreign(net, f"model_type {kind!r}")
    hint = did_you_mean(kind, library.CONFIG_MAPPING.keys()) or "a newer transformers may"
    return UnknownNameError(
        f"{net}: transformers {library.__version__} has no model_type {kind!r}; {hint}"
    )


def _foreign(net: str, what: str) -> InputError:
    return InputError(
        f"{net}: {what} is code of the model's own repository (auto_map), which netcalc does not"
        " run; load the model yourself and give it to netcalc.trace"
    )


def _class(library: Any, net: str, config: Any, held: Mapping[str, Any]) -> Any:
    """The class of a config's model: what it names, else transformers' own for such configs."""
    names = held.get("architectures") or [None]
    named = names[0] if isinstance(names, list) else names
    found = getattr(library, str(named), None)
    if isinstance(found, type) and issubclass(found, library.PreTrainedModel):
        return found
    if named is not None and held.get("auto_map"):
        raise _foreign(net, str(named))
    if type(config) not in library.MODEL_MAPPING:
        raise InputError(f"{net}: transformers has no model {named!r} and none for such a config")
    bare = library.MODEL_MAPPING[type(config)]
    return bare[0] if isinstance(bare, tuple) else bare


def _read(net: str) -> dict[str, Any]:
    """What a config.json holds, its dtype under that name."""
    path = Path(net.removeprefix(PREFIX))
    if path.is_dir():
        path = path / "config.json"
    if not path.is_file():
        raise InputError(
            f"{net}: there is no file {path}; give the path of a config.json, nothing is downloaded"
        )
    try:
        written = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise InputError(f"{path} is no JSON that can be read: {problem}") from None
    if not isinstance(written, dict):
        raise InputError(f"{path} holds a {type(written).__name__}, not the fields of a config")
    if "torch_dtype" in written:
        written.setdefault("dtype", written.pop("torch_dtype"))
    if written.get("dtype") == "auto":
        del written["dtype"]
    return written


def _merged(written: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with others in their place; of a config inside a config, those that are given."""
    held = dict(written)
    for name, value in given.items():
        inner = held.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        held[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return held
