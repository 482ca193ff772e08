"""Work and parameters counted one by one, in loops that know nothing of netcalc's rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netcalc.core.ops.adaptive import (
    AdaptiveAvgPool,
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool,
    AdaptiveMaxPool2d,
)
from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv, Conv1d, Conv2d, Conv3d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.groupnorm import GroupNorm, InstanceNorm, InstanceNorm1d, InstanceNorm2d
from netcalc.core.ops.layernorm import LayerNorm, RMSNorm
from netcalc.core.ops.merge import Add
from netcalc.core.ops.move import Select
from netcalc.core.ops.norm import BatchNorm, BatchNorm2d, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU, Scale, Softmax, Tanh
from netcalc.core.ops.pool import (
    AvgPool,
    AvgPool2d,
    AvgPool3d,
    MaxPool,
    MaxPool1d,
    MaxPool2d,
)
from netcalc.core.ops.rbf import EuclideanRBF
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.core.tensor import Tensor
from tests import counted

LOOPS: dict[type[Op], Callable[[Any, Any], int]] = {
    Conv: counted.conv,
    Linear: counted.linear,
    MaxPool: counted.max_pool,
    AvgPool: counted.avg_pool,
    AdaptiveAvgPool: counted.adaptive_avg,
    AdaptiveMaxPool: counted.adaptive_max,
    BatchNorm: counted.batch_norm,
    LocalResponseNorm: counted.local_response_norm,
    LayerNorm: counted.layer_norm,
    RMSNorm: counted.rms_norm,
    GroupNorm: counted.group_norm,
    InstanceNorm: counted.instance_norm,
    ReLU: counted.relu,
    Scale: counted.scale,
    Softmax: counted.softmax,
    Dropout: counted.nothing,
    Flatten: counted.nothing,
    Tanh: counted.tanh,
    Select: counted.nothing,
    EuclideanRBF: counted.rbf,
    LSTM: counted.lstm,
    GRU: counted.gru,
    RNN: counted.rnn,
}

CASES: list[tuple[Op, tuple[int, ...]]] = [
    (Conv2d(6, 3, padding=1), (4, 5, 6)),
    (Conv2d(6, (1, 4), stride=(2, 1), padding=(0, 2), groups=2, bias=False), (4, 5, 6)),
    (Conv2d(4, 2, dilation=(2, 3), groups=4), (4, 5, 7)),
    (Conv2d(3, 7, stride=2, padding=3), (3, 9, 9)),
    (Conv1d(2, 3, stride=2, padding=1), (2, 7)),
    (Conv3d(2, 2, padding=1), (1, 2, 3, 3)),
    (Linear(3), (5,)),
    (Linear(4, bias=False), (2, 3, 5)),
    (MaxPool2d(3, 2, ceil_mode=True), (2, 6, 8)),
    (MaxPool2d((2, 3), stride=1, padding=1, dilation=(2, 1)), (2, 5, 5)),
    (MaxPool1d(2, 4, padding=1, ceil_mode=True), (1, 5)),
    (AvgPool2d(3, 2, padding=1), (2, 5, 6)),
    (AvgPool2d(2, 3, ceil_mode=True, count_include_pad=False), (2, 7, 6)),
    (AvgPool3d(2), (1, 4, 4, 4)),
    (AdaptiveAvgPool2d(1), (3, 7, 7)),
    (AdaptiveAvgPool2d((3, None)), (2, 7, 4)),
    (AdaptiveAvgPool1d(5), (2, 3)),
    (AdaptiveMaxPool2d((2, 3)), (2, 5, 7)),
    (BatchNorm2d(), (3, 4, 5)),
    (BatchNorm2d(affine=False), (3, 4, 5)),
    (LocalResponseNorm(5), (7, 2, 3)),
    (LocalResponseNorm(2), (3, 2, 2)),
    (LayerNorm((6,)), (3, 6)),
    (LayerNorm((4, 5), bias=False), (3, 4, 5)),
    (LayerNorm((5,), elementwise_affine=False), (3, 5)),
    (RMSNorm((6,)), (3, 6)),
    (RMSNorm((4, 5), elementwise_affine=False), (3, 4, 5)),
    (GroupNorm(2), (6, 3, 2)),
    (GroupNorm(3, affine=False), (6, 4)),
    (InstanceNorm2d(), (3, 4, 5)),
    (InstanceNorm1d(affine=True), (3, 4)),
    (InstanceNorm2d(affine=True, track_running_stats=True), (3, 4, 5)),
    (ReLU(), (3, 4, 5)),
    (Scale(0.17), (3, 4, 5)),
    (Softmax(-1), (3, 6)),
    (Softmax(-2), (2, 4, 3)),
    (Dropout(), (3, 4)),
    (Flatten(), (3, 4, 5)),
    (Tanh(), (3, 4)),
    (Select((2, 0)), (3, 4, 5)),
    (EuclideanRBF(4), (5,)),
    (LSTM(4, batch_first=True), (3, 5)),
    (LSTM(4, 2, bias=False, batch_first=True, bidirectional=True), (3, 5)),
    (LSTM(4, 3, batch_first=True, proj_size=2), (2, 3)),
    (GRU(4, batch_first=True), (3, 5)),
    (GRU(3, 2, batch_first=True, bidirectional=True), (2, 5)),
    (RNN(4, batch_first=True), (3, 5)),
    (RNN(3, 2, bias=False, batch_first=True, nonlinearity="relu"), (2, 5)),
]


def tally(op: Op, shape: tuple[int, ...]) -> tuple[dict[str, int], int]:
    """What the loops do for one image, and how many learnable numbers they read."""
    counted.Counted.tally.clear()
    params = LOOPS[type(op)](counted.array(*shape), op)
    return dict(counted.Counted.tally), params


def derived(op: Op, shape: tuple[int, ...], batch: int) -> tuple[dict[str, int], int]:
    ins = (Tensor((batch, *shape)),)
    assert all(all(g.holds) for g in op.conditions(*ins))
    work: dict[str, int] = {}
    params = 0
    for term in op.terms(ins, op.shape(*ins)):
        if term.kind in ("weight", "bias"):
            params += term.value
        elif term.kind != "buffer":
            work[term.kind] = work.get(term.kind, 0) + term.value
    return {kind: n for kind, n in work.items() if n}, params


@pytest.mark.parametrize(("op", "shape"), CASES, ids=[f"{op} on {s}" for op, s in CASES])
def test_work_and_parameters(op: Op, shape: tuple[int, ...]) -> None:
    work, params = tally(op, shape)
    assert derived(op, shape, 1) == (work, params)
    assert derived(op, shape, 3) == ({kind: 3 * n for kind, n in work.items()}, params)


def test_addition() -> None:
    counted.Counted.tally.clear()
    a, b, c = (counted.array(2, 3).ravel() for _ in range(3))
    for x, y, z in zip(a, b, c, strict=True):
        x + y + z
    ins = (Tensor((2, 3)),) * 3
    assert {t.kind: t.value for t in Add().terms(ins, Add().shape(*ins))} == {
        "add": counted.Counted.tally["add"]
    }


def test_a_wrong_count_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = ReLU.terms
    monkeypatch.setattr(ReLU, "terms", lambda self, i, o: right(self, i, o) * 2)
    with pytest.raises(AssertionError):
        test_work_and_parameters(ReLU(), (3, 4))
