"""Random convolutions and pools against torch: what comes out, and what is refused.

At least 2,000 cases a run. A refusal of ours that the meta device does not share is checked on the
CPU, where torch looks closer.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netcalc.core.ops import adaptive, pool
from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv
from netcalc.core.tensor import Tensor
from netcalc.core.window import Window
from tests.reference import Shapes, meta_shape, torch_macs, torch_module, torch_shape

CASES = 800
relaxed = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=True,  # CI sees the same cases as a developer
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def numbers(low: int, high: int, n: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(low, high)] * n)


@st.composite
def convolutions(draw: Any) -> tuple[Op, Shapes]:
    n = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    channels = draw(st.sampled_from([groups, 2 * groups, 3 * groups, 5]))
    out = draw(st.sampled_from([groups, 4 * groups, 7]))
    padding = draw(st.one_of(numbers(0, 3, n), st.sampled_from(["same", "valid"])))
    stride = (1,) * n if padding == "same" and draw(st.booleans()) else draw(numbers(1, 3, n))
    op = Conv(
        out,
        draw(numbers(1, 5, n)),
        stride,
        padding,
        draw(numbers(1, 3, n)),
        groups,
        draw(st.booleans()),
    )
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    return op, ((*batch, channels, *draw(numbers(1, 12, n))),)


@st.composite
def pools(draw: Any) -> tuple[Op, Shapes]:
    n = draw(st.integers(1, 3))
    kernel, stride = draw(numbers(1, 6, n)), draw(numbers(1, 4, n))
    padding, ceil = draw(numbers(0, 3, n)), draw(st.booleans())
    op: Op
    if draw(st.booleans()):
        op = pool.MaxPool(kernel, stride, padding, draw(numbers(1, 3, n)), ceil)
    else:
        op = pool.AvgPool(kernel, stride, padding, ceil, draw(st.booleans()))
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    return op, ((*batch, draw(st.integers(1, 3)), *draw(numbers(1, 12, n))),)


@st.composite
def adaptive_pools(draw: Any) -> tuple[Op, Shapes]:
    n = draw(st.integers(1, 3))
    kind = draw(st.sampled_from([adaptive.AdaptiveAvgPool, adaptive.AdaptiveMaxPool]))
    output = draw(st.tuples(*[st.one_of(st.integers(1, 7), st.none())] * n))
    return kind(output), ((draw(st.integers(1, 2)), 3, *draw(numbers(1, 9, n))),)


def agrees(op: Op, shapes: Shapes) -> None:
    ins = tuple(Tensor(s) for s in shapes)
    refused = next((g.message for g in op.conditions(*ins) if not all(g.holds)), None)
    if refused is None:
        assert op.shape(*ins)[0].dims == torch_shape(op, shapes)
    else:
        theirs = meta_shape(op, shapes)
        assert theirs is None or torch_shape(op, shapes) is None, refused


@given(convolutions())
@relaxed
def test_convolutions(case: tuple[Op, Shapes]) -> None:
    agrees(*case)


@given(convolutions())
@settings(relaxed, max_examples=200)
def test_convolutions_cost_what_flop_counter_mode_counts(case: tuple[Op, Shapes]) -> None:
    op, shapes = case
    ins = tuple(Tensor(s) for s in shapes)
    if any(not all(g.holds) for g in op.conditions(*ins)):
        return
    terms = op.terms(ins, op.shape(*ins))
    assert sum(t.value for t in terms if t.kind == "mac") == torch_macs(op, shapes)
    numel = sum(p.numel() for p in torch_module(op, shapes).parameters())
    assert sum(t.value for t in terms if t.operand) == numel


@given(pools())
@relaxed
def test_pools(case: tuple[Op, Shapes]) -> None:
    agrees(*case)


@given(adaptive_pools())
@settings(relaxed, max_examples=CASES // 2)
def test_adaptive_pools(case: tuple[Op, Shapes]) -> None:
    agrees(*case)


def test_there_are_legal_and_refused_cases_of_each() -> None:
    """The strategies reach both sides of every kind, so that neither check is idle."""
    for strategy in (convolutions(), pools()):
        seen: set[bool] = set()

        @given(strategy)
        @settings(relaxed, max_examples=100)
        def look(case: tuple[Op, Shapes]) -> None:
            op, shapes = case
            ins = tuple(Tensor(s) for s in shapes)
            seen.add(all(all(g.holds) for g in op.conditions(*ins)))  # noqa: B023  (runs at once)

        look()
        assert seen == {True, False}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w, i: (i + w.before + w.after - w.span) // w.stride + 1,  # ceil forgotten
        lambda w, i: -(-(i + w.before + w.after - w.span) // w.stride) + 1,  # last window kept
        lambda w, i: (i + 2 * w.before - w.kernel) // w.stride + 1,  # dilation forgotten
    ],
    ids=["ceil forgotten", "window in the padding kept", "dilation forgotten"],
)
def test_wrong_rules_are_found(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Window, "size", wrong)
    with pytest.raises((AssertionError, ExceptionGroup)):
        test_pools()


def test_ceil_rule_is_pytorchs_on_every_small_window() -> None:
    """Exhaustive: input 1-24, kernel 1-5, stride 1-4, padding 0-2, dilation 1-2, by stepping.

    PyTorch's own wording of the rule (Pool.h): round up, then drop the last window if it would
    start in the padding after the input.
    """
    from itertools import product

    compared = 0
    for i, k, s, p, d in product(range(1, 25), range(1, 6), range(1, 5), range(3), (1, 2)):
        span = d * (k - 1) + 1
        if 2 * p > span:
            continue
        starts = [t for t in range(-p, i + p, s) if t + span <= i + p]
        reached = -p + (len(starts) - 1) * s + span if starts else -p
        partial = -p + len(starts) * s
        expected = len(starts) + (reached < i + p and partial < i)
        window = Window(k, s, p, p, d, ceil=True)
        if window.size(i) >= 1:
            assert window.size(i) == expected, (i, k, s, p, d)
            compared += 1
    assert compared > 2000
