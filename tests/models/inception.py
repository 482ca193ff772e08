"""The two inception modules of the worked example: 256 channels of 32x32, no biases."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Naive(nn.Module):
    """Figure 2 (a): 1x1, 3x3, 5x5 and a 3x3 max pool side by side, all of size 32x32."""

    def __init__(self) -> None:
        super().__init__()
        self.b1 = nn.Conv2d(256, 128, 1, bias=False)
        self.b2 = nn.Conv2d(256, 192, 3, padding=1, bias=False)
        self.b3 = nn.Conv2d(256, 96, 5, padding=2, bias=False)
        self.b4 = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat(
            [F.relu(self.b1(x)), F.relu(self.b2(x)), F.relu(self.b3(x)), self.b4(x)], 1
        )


class Reduced(nn.Module):
    """Figure 2 (b): 64-wide 1x1 reductions before 3x3 and 5x5, and a projection after the pool."""

    def __init__(self) -> None:
        super().__init__()
        self.b1 = nn.Conv2d(256, 128, 1, bias=False)
        self.b2_reduce = nn.Conv2d(256, 64, 1, bias=False)
        self.b2 = nn.Conv2d(64, 192, 3, padding=1, bias=False)
        self.b3_reduce = nn.Conv2d(256, 64, 1, bias=False)
        self.b3 = nn.Conv2d(64, 96, 5, padding=2, bias=False)
        self.b4_pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.b4 = nn.Conv2d(256, 64, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b1 = F.relu(self.b1(x))
        b2 = F.relu(self.b2(F.relu(self.b2_reduce(x))))
        b3 = F.relu(self.b3(F.relu(self.b3_reduce(x))))
        b4 = F.relu(self.b4(self.b4_pool(x)))
        return torch.cat([b1, b2, b3, b4], 1)
