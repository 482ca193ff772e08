"""Modules for what PyTorch has as functions only, or not at all."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def typed(dtype: str) -> torch.dtype:
    """PyTorch's element type of that very name; raises ValueError for another."""
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype) or f"torch.{dtype}" != str(found):
        raise ValueError(f"there is no element type {dtype}")
    return found


class Cat(nn.Module):
    """torch.cat as a module."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        """The inputs one after the other along ``dim``."""
        return torch.cat(xs, self.dim)


class Sum(nn.Module):
    """Addition as a module."""

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        """The sum of the inputs."""
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total


class IndexSelect(nn.Module):
    """Entries picked along an axis."""

    def __init__(self, indices: tuple[int, ...], dim: int) -> None:
        super().__init__()
        self.indices = indices
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The entries of ``x`` at ``indices`` along ``dim``."""
        where = torch.tensor(self.indices, device="cpu" if x.is_meta else x.device)
        return x.index_select(self.dim, where.to(x.device))


class RBF(nn.Module):
    """Squared distances to fixed centres (LeCun et al. 1998, equation 7)."""

    centers: torch.Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.register_buffer("centers", torch.randn(out_features, in_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The distance of each row of ``x`` to each centre."""
        return (x.unsqueeze(-2) - self.centers).square().sum(-1)


class Held(nn.Module):
    """A stored tensor by itself."""

    value: torch.Tensor

    def __init__(self, size: tuple[int, ...], dtype: torch.dtype, learned: bool) -> None:
        super().__init__()
        value = torch.zeros(size, dtype=dtype)
        if learned:
            self.value = nn.Parameter(value)
        else:
            self.register_buffer("value", value)

    def forward(self) -> torch.Tensor:
        """The tensor."""
        return self.value


class LearnedTensor(Held):
    """A parameter by itself."""

    def __init__(self, size: tuple[int, ...], dtype: torch.dtype) -> None:
        super().__init__(size, dtype, learned=True)


class FixedTensor(Held):
    """A buffer by itself."""

    def __init__(self, size: tuple[int, ...], dtype: torch.dtype) -> None:
        super().__init__(size, dtype, learned=False)


class FlatLSTM(nn.LSTM):
    """nn.LSTM with its states as inputs and outputs of their own."""

    def forward(self, x: Any, *states: Any) -> Any:
        """The sequence of hidden states, the last hidden state, the last cell state."""
        given: Any = states or None
        out, last = super().forward(x, given)
        return (out, *last)


class Times(nn.Module):
    """Multiplication by a constant as a module."""

    def __init__(self, other: float) -> None:
        super().__init__()
        self.other = other

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` times the constant."""
        return x * self.other


class SoftmaxIn(nn.Softmax):
    """nn.Softmax of its input in another element type."""

    def __init__(self, dim: int, dtype: str) -> None:
        super().__init__(dim)
        self.dtype = dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The softmax of ``x``, cast first."""
        return nn.functional.softmax(x, self.dim, dtype=typed(self.dtype))


class Product(nn.Module):
    """torch.matmul as a module."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The matrix product."""
        return torch.matmul(left, right)


class GroupedProduct(nn.Module):
    """torch.nn.functional.grouped_mm as a module."""

    def forward(
        self, left: torch.Tensor, right: torch.Tensor, ends: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The products of the groups; ``ends`` says where each of them ends."""
        return nn.functional.grouped_mm(left, right, offs=ends)


class Attention(nn.Module):
    """torch.nn.functional.scaled_dot_product_attention as a module; it drops in training only."""

    def __init__(
        self, dropout_p: float, is_causal: bool, scale: float | None, enable_gqa: bool
    ) -> None:
        super().__init__()
        self.dropout_p = nn.Dropout(dropout_p).p  # which refuses what is no probability
        self.is_causal = is_causal
        self.scale = scale
        self.enable_gqa = enable_gqa

    def forward(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The values that each query sees, weighted."""
        return nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            mask,
            self.dropout_p if self.training else 0.0,
            self.is_causal,
            scale=self.scale,
            enable_gqa=self.enable_gqa,
        )


class EinsteinSum(nn.Module):
    """torch.einsum as a module."""

    def __init__(self, equation: str) -> None:
        super().__init__()
        self.equation = equation

    def forward(self, *xs: torch.Tensor) -> torch.Tensor:
        """What the equation makes of the inputs."""
        return torch.einsum(self.equation, *xs)
