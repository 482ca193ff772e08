"""Modules for what PyTorch has as functions only, or not at all."""

from __future__ import annotations

import torch
from torch import nn


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


class Times(nn.Module):
    """Multiplication by a constant as a module."""

    def __init__(self, other: float) -> None:
        super().__init__()
        self.other = other

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` times the constant."""
        return x * self.other
