"""GoogLeNet with its two training heads, from the paper (arXiv:1409.4842).

Table 1 gives kernels, strides, widths and output sizes; Figure 3 the places of the local response
normalisations and which pools are "same" (stride 1, padding 1); section 5 the heads. Convolutions
have biases; pools of stride 2 round up, as the 112 -> 56 -> 28 -> 14 -> 7 of Table 1 needs without
padding.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Inception(nn.Module):
    """Figure 2 (b), with the six widths in the order of Table 1's columns."""

    def __init__(
        self, n_in: int, n1: int, n3_reduce: int, n3: int, n5_reduce: int, n5: int, proj: int
    ) -> None:
        super().__init__()
        self.one = nn.Conv2d(n_in, n1, kernel_size=1)
        self.three_reduce = nn.Conv2d(n_in, n3_reduce, kernel_size=1)
        self.three = nn.Conv2d(n3_reduce, n3, kernel_size=3, padding=1)
        self.five_reduce = nn.Conv2d(n_in, n5_reduce, kernel_size=1)
        self.five = nn.Conv2d(n5_reduce, n5, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.pool_proj = nn.Conv2d(n_in, proj, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        one = F.relu(self.one(x))
        three = F.relu(self.three(F.relu(self.three_reduce(x))))
        five = F.relu(self.five(F.relu(self.five_reduce(x))))
        pooled = F.relu(self.pool_proj(self.pool(x)))
        return torch.cat([one, three, five, pooled], dim=1)


class Auxiliary(nn.Module):
    """Section 5: average pool 5x5/3, 128 1x1 filters, 1024 units, dropout 70 %, 1000 classes."""

    def __init__(self, n_in: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv = nn.Conv2d(n_in, 128, kernel_size=1)
        self.hidden = nn.Linear(128 * 4 * 4, 1024)
        self.drop = nn.Dropout(0.7)
        self.classes = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(self.pool(x)))
        x = F.relu(self.hidden(torch.flatten(x, 1)))
        return self.classes(self.drop(x))


class GoogLeNet(nn.Module):
    """Returns the main output, and with ``heads`` those of the two heads after it."""

    def __init__(self, heads: bool = False) -> None:
        super().__init__()
        self.conv7x7 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.pool_a = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm_a = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.conv1x1 = nn.Conv2d(64, 64, kernel_size=1)
        self.conv3x3 = nn.Conv2d(64, 192, kernel_size=3, padding=1)
        self.norm_b = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75)
        self.pool_b = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.i3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.i3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.pool_c = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.i4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.head1 = Auxiliary(512) if heads else None
        self.i4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.i4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.i4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.head2 = Auxiliary(528) if heads else None
        self.i4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.pool_d = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.i5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.i5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.4)
        self.linear = nn.Linear(1024, 1000)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        x = self.norm_a(self.pool_a(F.relu(self.conv7x7(x))))
        x = F.relu(self.conv3x3(F.relu(self.conv1x1(x))))
        x = self.pool_b(self.norm_b(x))
        x = self.pool_c(self.i3b(self.i3a(x)))
        x = self.i4a(x)
        first = self.head1(x) if self.head1 is not None else None
        x = self.i4d(self.i4c(self.i4b(x)))
        second = self.head2(x) if self.head2 is not None else None
        x = self.pool_d(self.i4e(x))
        x = self.i5b(self.i5a(x))
        x = self.dropout(torch.flatten(self.global_pool(x), 1))
        main = torch.softmax(self.linear(x), dim=1)
        return main if first is None or second is None else (main, first, second)
