"""What a forward pass returned: the tensors of its outputs, and those that it keeps in a cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from netcalc.core.graph import Graph, renamed

KEPT = ("past_key_values", "cache_params", "mems")
"""What transformers calls the fields of an output in which a cache lies."""

Found = Iterator[tuple[torch.Tensor, bool]]


def opened(out: Any) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """The tensors that a model returned, in order, and apart from them those of its caches.

    They may lie in lists, mappings, dataclasses and objects of any other kind. A cache is what a
    class is called so (``DynamicCache`` with its layers' keys and values), or what a field named
    ``past_key_values`` holds. Tensors without elements are not yet anything.
    """
    found = list(_tensors(out, False, set()))
    kept = [tensor for tensor, cached in found if cached and tensor.numel()]
    return [tensor for tensor, cached in found if not cached], kept


def keeping(graph: Graph, count: int) -> Graph:
    """A graph whose last ``count`` outputs are no outputs but its cache."""
    outputs = list(graph.outputs.items())
    if not 0 < count < len(outputs):
        return graph  # a model that returns a cache alone: that is its output
    cache = tuple(ref for _, ref in outputs[-count:])
    return renamed(graph, outputs=dict(outputs[:-count]), cache=cache)


def _tensors(value: Any, cached: bool, seen: set[int]) -> Found:
    if isinstance(value, torch.Tensor):
        yield value, cached
        return
    if isinstance(value, str | bytes | int | float | type | None) or id(value) in seen:
        return
    if isinstance(value, torch.nn.Module) or callable(value):
        return
    seen = seen | {id(value)}  # what lies above: a list may be met twice, but not inside itself
    cached = cached or any("cache" in kind.__name__.lower() for kind in type(value).__mro__)
    for name, held in _parts(value):
        yield from _tensors(held, cached or name in KEPT, seen)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a value consists of, by name where it has names."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        yield from value._asdict().items()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((None, held) for held in value)
    elif dataclasses.is_dataclass(value):
        yield from ((f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value))
    else:
        yield from getattr(value, "__dict__", {}).items()
