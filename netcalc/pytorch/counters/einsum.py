"""What numpy prints as the operations of an einsum, which some counters read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def optimized(equation: str, shapes: Sequence[Sequence[int]]) -> int:
    """The "Optimized FLOP count" of numpy, which prints it with four digits."""
    operands = [np.broadcast_to(0.0, tuple(shape)) for shape in shapes]
    told = np.einsum_path(equation.replace(" ", ""), *operands, optimize="optimal")[1]
    line = next(line for line in told.splitlines() if "optimized flop" in line.lower())
    return int(float(line.rpartition(":")[2]))
