"""What flows along the edges of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netcalc.core.numbers import Num, product

BYTES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int64": 8,
    "int32": 4,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""Bytes of one element, by PyTorch's dtype names."""

FLOATS = tuple(dtype for dtype in BYTES if "float" in dtype)
"""The floating ones."""


def type_name(dtype: Any) -> Any:
    """The name of an element type, where it is given as PyTorch's own object for it."""
    told = type(dtype).__module__ == "torch"
    return str(dtype).removeprefix("torch.") if told else dtype


@dataclass(frozen=True, slots=True)
class Tensor:
    """A shape and an element type.

    ``dims`` holds every axis, the batch included, in PyTorch's order. Where an axis came about by
    flattening others, ``parts`` holds the factors of each axis, so that a linear layer on it can
    show ``1024*7*7`` instead of ``50176``.
    """

    dims: tuple[Num, ...]
    dtype: str = "float32"
    parts: tuple[tuple[Num, ...], ...] = ()

    def __post_init__(self) -> None:
        if type(self.dims) is not tuple:
            object.__setattr__(self, "dims", tuple(self.dims))
        if type(self.dtype) is not str:
            object.__setattr__(self, "dtype", type_name(self.dtype))

    def factors(self, start: int | None = None, stop: int | None = None) -> tuple[Num, ...]:
        """The factors of the axes in ``[start:stop]``: their product is the number of elements."""
        if not self.parts:
            return self.dims[start:stop]
        return tuple(factor for axis in self.parts[start:stop] for factor in axis)

    @property
    def numel(self) -> Any:
        """The number of elements."""
        return product(self.dims)

    @property
    def nbytes(self) -> Any:
        """The bytes of its elements."""
        return self.numel * BYTES[self.dtype]

    def __str__(self) -> str:
        return "x".join(str(d) for d in self.dims) or "scalar"
