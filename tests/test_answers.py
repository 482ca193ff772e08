"""The operators that netcalc's rules answer for while tracing, held against PyTorch's kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import netcalc as nc
from netcalc.pytorch import answers, watch
from netcalc.pytorch.answers import ANSWERS
from netcalc.pytorch.events import signature


def e(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def spread(x: torch.Tensor) -> list[torch.Tensor]:
    """A tensor as it may lie in memory: by rows, turned, by channels, a part of one, repeated."""
    n = x.dim()
    found = [x]
    if n >= 2:
        found.append(x.transpose(-1, -2).contiguous().transpose(-1, -2))
        found.append(x.transpose(0, 1).contiguous().transpose(0, 1))
        found.append(torch.cat([x, x], -1)[..., : x.shape[-1]])
    if n == 4:
        found.append(x.contiguous(memory_format=torch.channels_last))
        found.append(x[:, :1].expand(x.shape))
    return found


IMAGE, TOKENS = (2, 8, 6, 6), (2, 5, 8)
B8 = (e(8), e(8))
CALLS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    **{
        name: (getattr(torch.ops.aten, name), [IMAGE, TOKENS, (3,)])
        for name in ("gelu", "hardsigmoid", "hardswish", "hardtanh", "relu", "sigmoid", "silu")
    },
    "tanh": (torch.tanh, [IMAGE, TOKENS]),
    "batch_norm": (lambda x: F.batch_norm(x, *B8, *B8), [IMAGE, (2, 8), (2, 8, 3, 4, 5)]),
    "layer_norm": (lambda x: F.layer_norm(x, x.shape[-1:]), [IMAGE, TOKENS, (8,)]),
    "group_norm": (lambda x: F.group_norm(x, 4), [IMAGE, (2, 8), (2, 8, 3)]),
    "softmax": (lambda x: F.softmax(x, -1), [IMAGE, TOKENS]),
    "mean": (lambda x: x.mean((2, 3)), [IMAGE]),
    "mean kept": (lambda x: x.mean(1, keepdim=True), [IMAGE, TOKENS]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 2), [IMAGE]),
    "adaptive_avg_pool2d to 1": (lambda x: F.adaptive_avg_pool2d(x, 1), [IMAGE]),
    "conv2d": (lambda x: F.conv2d(x, e(4, 8, 3, 3), e(4), 2, 1), [IMAGE]),
    "conv2d grouped": (lambda x: F.conv2d(x, e(8, 1, 1, 1), groups=8), [IMAGE, (8, 6, 6)]),
    "conv2d of one channel": (lambda x: F.conv2d(x[:, :1], e(4, 1, 3, 3)), [IMAGE]),
    "conv2d channel by channel": (
        lambda x: F.conv2d(x, e(4, 8, 3, 3).contiguous(memory_format=torch.channels_last)),
        [IMAGE],
    ),
    "conv2d as depthwise weights lie": (
        lambda x: F.conv2d(x, e(8, 3, 3, 1).permute(0, 3, 1, 2), groups=8),
        [IMAGE],
    ),
    "roll": (lambda x: x.roll((1, 2), (0, 1)), [IMAGE, TOKENS]),
    "masked_fill": (
        lambda x: x.masked_fill(e(*x.shape, dtype=torch.bool), 0.0),
        [IMAGE, TOKENS],
    ),
    "masked_fill by rows": (
        lambda x: x.masked_fill(e(x.shape[-2], 1, dtype=torch.bool), 0.0),
        [IMAGE, TOKENS],
    ),
    "mul by a number": (lambda x: x * 0.5, [IMAGE, TOKENS]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), [IMAGE, (8, 6, 6)]),
    "linear": (lambda x: F.linear(x, e(4, x.shape[-1]), e(4)), [IMAGE, TOKENS, (2, 8), (8,)]),
    "linear without bias": (lambda x: F.linear(x, e(4, x.shape[-1])), [TOKENS, (2, 8), (8,)]),
    "add": (lambda x: x + x, [IMAGE, TOKENS]),
    "add a number": (lambda x: x + 2, [IMAGE, TOKENS]),
    "add a scalar": (lambda x: x + e(), [IMAGE, TOKENS]),
    "sub": (lambda x: x - e(*x.shape), [IMAGE, TOKENS]),
    "mul": (lambda x: x * e(x.shape[0], x.shape[1], *(1,) * (x.dim() - 2)), [IMAGE, TOKENS]),
    "mul smaller first": (lambda x: e(x.shape[-1]) * x, [IMAGE, TOKENS]),
    "div": (lambda x: x / e(*x.shape[1:]), [IMAGE, TOKENS]),
    "matmul": (lambda x: x @ e(*x.shape[:-2], x.shape[-1], 3), [IMAGE, TOKENS, (4, 8)]),
    "matmul of one matrix": (lambda x: x @ e(x.shape[-1], 3), [IMAGE, TOKENS]),
    "matmul turned": (lambda x: x @ x.transpose(-1, -2), [IMAGE, TOKENS]),
    "matmul vector": (lambda x: x @ e(x.shape[-1]), [IMAGE, TOKENS, (8,)]),
    "matmul broadcast": (lambda x: e(4, x.shape[-2]) @ x, [IMAGE, TOKENS]),
    "cat": (lambda x: torch.cat([x, x], 1), [IMAGE, TOKENS]),
    "scaled_dot_product_attention": (
        lambda x: F.scaled_dot_product_attention(x, x, x),
        [IMAGE, TOKENS],
    ),
    "scaled_dot_product_attention masked": (
        lambda x: F.scaled_dot_product_attention(x, x, x, e(x.shape[-2], x.shape[-2])),
        [IMAGE],
    ),
    "relu_": (lambda x: x.clone().relu_(), [IMAGE]),
    "add_": (lambda x: x.clone().add_(e(x.shape[-1])), [IMAGE, TOKENS]),
    "mul_": (lambda x: x.clone().mul_(e(*x.shape)), [IMAGE, TOKENS]),
}


class Compared(TorchDispatchMode):
    """Asks PyTorch and the rule, and notes what each gave where the rule answered."""

    def __init__(self) -> None:
        super().__init__()
        self.answered: list[tuple[str, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        seen = watch.Watch(nn.Identity())
        said = signature(func)
        event = watch.Event(said.name, "", seen._arguments(said, args, kwargs or {}), (), "")
        mine = answers.answer(event, said, args, kwargs)
        theirs = func(*args, **(kwargs or {}))
        if mine is not None:
            self.answered.append((said.name, facts(mine), facts(theirs)))
        return theirs


def facts(x: torch.Tensor) -> tuple[Any, ...]:
    """What of a tensor another operator can see: also how it lies in memory, where that matters."""
    strides = [s for d, s in zip(x.shape, x.stride(), strict=True) if d > 1]
    return tuple(x.shape), x.dtype, strides, x.device.type


def compared(call: Callable[..., Any], x: torch.Tensor) -> list[tuple[str, Any, Any]]:
    with torch.inference_mode(), Compared() as found:
        call(x)
    return found.answered


@pytest.mark.parametrize("name", CALLS)
def test_the_rule_answers_as_the_kernel_does(name: str) -> None:
    call, shapes = CALLS[name]
    count = 0
    for shape in shapes:
        for x in spread(e(*shape)):
            for operator, mine, theirs in compared(call, x):
                assert mine == theirs, (operator, shape, x.stride())
                count += operator == name.split()[0]
    assert count


def test_another_type_is_asked_for_from_pytorch() -> None:
    x = e(*TOKENS, dtype=torch.bfloat16)
    assert not compared(lambda x: F.softmax(x, -1, dtype=torch.float32), x)
    for call in (
        lambda x: torch.cat([x, x.to(torch.float32)]),
        lambda x: x + x.to(torch.float64),
        lambda x: torch.tanh(x.to(torch.int64)),
    ):
        assert not [name for name, *_ in compared(call, x) if name != "to"]


def test_every_answer_is_held() -> None:
    assert {name.split()[0].removesuffix("_") for name in CALLS} == set(ANSWERS)


@pytest.mark.parametrize("wrong", ["shape", "strides"])
def test_a_wrong_answer_is_noticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make = {
        "shape": lambda args, out: e(*out.dims, 1),
        "strides": lambda args, out: e(*reversed(out.dims)).permute(3, 2, 1, 0),
    }[wrong]
    monkeypatch.setitem(ANSWERS, "relu", make)
    monkeypatch.setattr(answers, "_KNOWN", {})
    ((_, mine, theirs),) = compared(torch.relu, e(*IMAGE))
    assert mine != theirs


def test_what_the_rule_refuses_pytorch_is_asked() -> None:
    with pytest.raises(nc.NetcalcError, match="must have same reduction dim"):
        nc.trace(nn.Linear(4, 2), torch.empty(3, 5))


def test_an_answer_is_remembered_for_the_same_tensors_only() -> None:
    """Anything of an argument that the output depends on makes another question of it."""
    known = answers._KNOWN
    known.clear()
    for x in (e(2, 8), e(2, 8, 3, 4), e(2, 8, 4, 3), e(2, 8, 3, 4).permute(0, 1, 3, 2)):
        for call in (torch.relu, lambda x: x + 1, lambda x: x + True, lambda x: x + 1.0):
            for operator, mine, theirs in (*compared(call, x), *compared(call, x)):
                assert mine == theirs, operator
    for dtype in (torch.float16, torch.float64):
        ((_, mine, theirs),) = compared(torch.relu, e(2, 8, dtype=dtype))
        assert mine == theirs
    adds = {key for key in known if key[0] == "add"}
    assert len(adds) == 12  # True, 1 and 1.0 are three questions


def test_a_remembered_answer_is_what_the_rule_said() -> None:
    answers._KNOWN.clear()
    layer = nn.Conv2d(8, 4, 3, stride=2)
    first, second = (nc.trace(layer, e(2, 8, 6, 6)).nodes for _ in range(2))
    assert answers._KNOWN
    assert first == second
