"""How LayerNorm's fields may be written."""

from __future__ import annotations

from typing import Any

import pytest

import netcalc as nc
from netcalc.core.ops.layernorm import LayerNorm, RMSNorm


def test_one_number_stands_for_one_axis() -> None:
    """As in PyTorch, but (5, 5) is not 5."""
    one: Any = 8
    assert LayerNorm(one) == LayerNorm((8,))
    assert RMSNorm(one).normalized_shape == (8,)
    assert repr(LayerNorm((5, 5))) == "LayerNorm(normalized_shape=(5, 5))"
    with pytest.raises(nc.SpecError, match="normalized_shape"):
        LayerNorm("8")  # type: ignore[arg-type]


def test_without_weights_there_is_no_bias() -> None:
    """PyTorch's module has none then, so that verifying it finds no difference."""
    assert LayerNorm((8,), elementwise_affine=False) == LayerNorm((8,), 1e-5, False, False)
    plain = nc.network(LayerNorm((8,), elementwise_affine=False), input=(2, 5, 8))
    assert nc.analyse(plain).totals.params == 0
    assert nc.verify(plain, device="cpu").ok


def test_messages_name_the_numbers() -> None:
    with pytest.raises(nc.SpecError, match=r"input 2x8x5 are not normalized_shape 8"):
        nc.analyse(nc.network(LayerNorm((8,)), input=(2, 8, 5)))
    with pytest.raises(nc.SpecError, match="5x6 has more axes than the input 6"):
        nc.analyse(nc.network(LayerNorm((5, 6)), input=(6,), batched=False))
