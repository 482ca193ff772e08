"""The inputs of a model of transformers: which tensors it takes, and how large they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from netcalc.core.graph import Graph
from netcalc.core.inputs import inputs_of
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError

TOKENS, TOKENS_WITHOUT_LIMIT = 4096, 512
"""Tokens that a text model is traced on: at most so many; so many where its config has no limit."""

SIDE, SAMPLES = 224, 16_000
"""An image whose config has no size; a second of sound at 16 kHz."""

LIMITS = (
    *("max_position_embeddings", "n_positions", "max_target_positions"),
    *("max_seq_len", "max_sequence_length", "n_ctx", "seq_length"),
)
"""What configs call the largest number of tokens."""

INTEGERS = ("ids", "mask", "lengths", "labels", "positions")
"""How the names of arguments end that are integers."""


def inputs_for(net: str, model: nn.Module, given: Any) -> tuple[dict[str, Tensor], str]:
    """The inputs of a model by the names of its forward method, and a remark on their size.

    ``given`` is what the user asks for: nothing, a shape, or shapes by name. Unless given: of a
    text model the smaller of 4,096 tokens and its limit, 512 where the config has none; of others
    the size of image or sound in the config.
    """
    takes = inspect.signature(model.forward).parameters
    shapes = given if isinstance(given, Mapping) else {}
    for name in shapes:
        if name not in takes:
            raise InputError(
                f"{net}: {type(model).__name__} takes no {name}; it takes {_some(takes)}"
            )
    main = str(getattr(model, "main_input_name", "input_ids"))
    known = _known(model, main, takes)
    left = shapes.keys() - known.keys()
    known |= {name: _tuple(shapes[name]) for name in takes if name in left}
    if main not in known and given is not None and not shapes:
        known = {main: _tuple(given), **known}
    if main not in known:
        raise InputError(f"{net}: say how large its {main} are, --input {main}=SHAPE")
    defaults = {
        name: Tensor(dims, _dtype(name, model, shapes.get(name, given)))
        for name, dims in known.items()
    }
    graph = Graph(net, (), defaults, {"of": (main, 0)})
    return inputs_of(graph, given), "" if given is not None else _remark(model, defaults)


def _known(model: Any, main: str, takes: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shapes that a config tells."""
    config: Any = model.config
    known: dict[str, tuple[int, ...]] = {}
    dims = _main(model, config, main)
    if dims:
        known[main] = dims
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in takes:
        decoder = getattr(config, "decoder", None) or config
        known["decoder_input_ids"] = (1, _tokens(decoder, True))
    generates = getattr(model, "can_generate", bool)
    beside = main == "input_ids" and getattr(config, "vision_config", None) is not None
    if beside and "pixel_values" in takes and not generates():
        known["pixel_values"] = _image(config)  # two encoders side by side, as CLIP's
    return known


def _main(model: nn.Module, config: Any, main: str) -> tuple[int, ...]:
    if main == "input_ids":
        return 1, _tokens(config) - _offset(model)
    if main == "pixel_values":
        return _image(config)
    bins, frames = getattr(config, "num_mel_bins", 0), getattr(config, "max_source_positions", 0)
    if main == "input_features" and bins and frames:
        return 1, bins, 2 * frames  # its first layers halve them
    if main == "input_values" and bins and getattr(config, "max_length", 0):
        return 1, config.max_length, bins
    if main == "input_values":
        channels = getattr(config, "audio_channels", 0)
        return (1, channels, SAMPLES) if channels else (1, SAMPLES)
    return ()


def _image(config: Any) -> tuple[int, ...]:
    """One image, or one film."""
    sight = getattr(config, "vision_config", None) or getattr(config, "encoder", None) or config
    side = getattr(sight, "image_size", None) or SIDE
    height, width = (side, side) if isinstance(side, int) else tuple(side)[-2:]
    frames = getattr(sight, "num_frames", 0)
    channels = getattr(sight, "num_channels", None) or 3
    return (1, *([frames] if frames else []), channels, height, width)


def _tokens(config: Any, decoder: bool = False) -> int:
    limit = _limit(config, decoder)
    return min(TOKENS, limit) if limit else TOKENS_WITHOUT_LIMIT


def _limit(config: Any, decoder: bool = False) -> int:
    """The largest number of tokens that a config tells; 0 where it tells none."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    names = ("max_target_positions", *LIMITS) if decoder else LIMITS
    found = (getattr(of, name, None) for name in names for of in (text, config))
    return next((n for n in found if isinstance(n, int) and n > 0), 0)


def _offset(model: nn.Module) -> int:
    """Positions that a table of them holds beside those of tokens (RoBERTa counts from padding)."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


def _dtype(name: str, model: nn.Module, given: Any) -> str:
    """The type of an input: the one given with it, else by its name."""
    if isinstance(given, Tensor):
        return given.dtype
    floating = str(getattr(model, "dtype", "float32")).removeprefix("torch.")
    return "int64" if name.endswith(INTEGERS) else floating


def _remark(model: nn.Module, inputs: Mapping[str, Tensor]) -> str:
    """Where the number of tokens comes from, unless it was asked for."""
    ids = inputs.get("input_ids")
    if ids is None:
        return ""
    limit = _limit(model.config) - _offset(model)
    most = f"its limit is {limit:,}" if limit > 0 else "its config has no limit"
    return f"on {ids.dims[1]:,} tokens unless --input says otherwise ({most})"


def _tuple(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, Tensor):
        return _tuple(shape.dims)
    return (shape,) if isinstance(shape, int) else tuple(shape)


def _some(names: Mapping[str, Any]) -> str:
    listed = [name for name, p in names.items() if p.kind is not p.VAR_KEYWORD]
    return ", ".join(listed[:6]) + (", ..." if len(listed) > 6 else "")
