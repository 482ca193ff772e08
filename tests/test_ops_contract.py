"""What every kind of layer must keep, on every one of its examples.

A new kind needs only its class and its row in pytorch/lower.py to be held to all of this.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from typing import Any

import numpy as np
import pytest
import sympy

from netcalc.core.analyse import analyse
from netcalc.core.explain import explain
from netcalc.core.graph import Graph, Node
from netcalc.core.ops import kinds
from netcalc.core.ops.adaptive import AdaptiveAvgPool1d
from netcalc.core.ops.base import (
    Example,
    Op,
)
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.pointwise import ReLU
from netcalc.core.tensor import Tensor
from netcalc.core.term import STORAGE, WORK
from netcalc.core.window import Window
from netcalc.pytorch.lower import LOWERINGS
from netcalc.report import expression
from tests.reference import torch_macs, torch_module, torch_outputs
from tests.strict import Strict, StrictCond

EXAMPLES = [(kind, example) for kind in kinds() for example in kind.examples()]
IDS = [f"{e.op} on {' '.join(map(str, e.ins)) or 'nothing'}" for _, e in EXAMPLES]
every_example = pytest.mark.parametrize(("kind", "example"), EXAMPLES, ids=IDS)
every_kind = pytest.mark.parametrize("kind", kinds(), ids=lambda k: k.__name__)


def refusal(op: Op, ins: tuple[Tensor, ...]) -> str | None:
    """The message of the first guard that does not hold."""
    return next((g.message for g in op.conditions(*ins) if not all(g.holds)), None)


def tensors(example: Example) -> tuple[Tensor, ...]:
    return example.ins


def legal(example: Example) -> bool:
    return refusal(example.op, tensors(example)) is None


LEGAL = [(k, e) for k, e in EXAMPLES if legal(e)]
every_legal = pytest.mark.parametrize(
    ("kind", "example"), LEGAL, ids=[i for i, (_, e) in zip(IDS, EXAMPLES, strict=True) if legal(e)]
)


@every_kind
def test_has_a_row_in_lower_and_examples_of_its_own(kind: type[Op]) -> None:
    assert kind in LOWERINGS
    own = list(kind.examples())
    assert any(legal(e) for e in own)
    assert all(type(e.op) is kind for e in own)
    assert {f.name for f in dataclasses.fields(kind)} - {"n"} == set(LOWERINGS[kind].fields)


@every_kind
def test_every_field_is_varied_by_an_example(kind: type[Op]) -> None:
    for field in dataclasses.fields(kind):
        values = {repr(getattr(e.op, field.name)) for e in kind.examples()}
        assert len(values) > 1, f"{kind.__name__}.{field.name} has one value in all examples"


@every_kind
def test_says_what_it_is(kind: type[Op]) -> None:
    doc = inspect.getdoc(kind) or ""
    assert len(doc) > 40
    assert "(" + kind.__name__ not in doc  # not the signature that dataclass writes by itself


@every_example
def test_refuses_what_torch_refuses_and_nothing_else(kind: type[Op], example: Example) -> None:
    theirs = torch_outputs(example.op, tensors(example))
    ours = refusal(example.op, tensors(example))
    assert (ours is None) == (theirs is not None), f"torch: {theirs}, netcalc: {ours}"


@every_legal
def test_shape_is_torchs(kind: type[Op], example: Example) -> None:
    """Of every output, with its type."""
    outs = example.op.shape(*tensors(example))
    theirs = torch_outputs(example.op, tensors(example))
    assert [(y.dims, y.dtype) for y in outs] == [(y.dims, y.dtype) for y in theirs or ()]


@every_legal
def test_tensors_are_those_of_the_module(kind: type[Op], example: Example) -> None:
    built = torch_module(example.op, example.shapes)
    params = {n: tuple(p.shape) for n, p in built.named_parameters()}
    buffers = {n: (tuple(b.shape), str(b.dtype)) for n, b in built.named_buffers()}
    stored = [t for t in terms(example) if t.operand]
    assert {t.operand: t.shape for t in stored if t.kind != "buffer"} == params
    ours = {
        t.operand: (t.shape, f"torch.{t.dtype or 'float32'}") for t in stored if t.kind == "buffer"
    }
    assert ours == buffers
    sizes = {n: p.numel() for n, p in (*built.named_parameters(), *built.named_buffers())}
    assert {t.operand: t.value for t in stored} == sizes
    assert all(("bias" in t.operand) == (t.kind == "bias") for t in stored)


@every_legal
def test_macs_are_those_of_flop_counter_mode(kind: type[Op], example: Example) -> None:
    macs = sum(t.value for t in terms(example) if t.kind == "mac")
    assert macs == torch_macs(example.op, example.shapes, tensors(example))


@every_legal
def test_terms_are_well_formed(kind: type[Op], example: Example) -> None:
    for term in terms(example):
        assert term.kind in (*WORK, *STORAGE)
        assert bool(term.operand) == (term.kind in STORAGE)
        assert len(term.names) <= len(term.factors)


@every_legal
def test_explanation_evaluates_to_the_value(kind: type[Op], example: Example) -> None:
    result = analyse(one_node(example))
    section = explain(result, "layer", ("params", "macs", "output", "ops"))
    for part in section.walk():
        for d in part.derivations:
            for step in d.steps:
                assert expression.evaluate(step) == d.value, f"{d.label}: {step}"
                assert expression.latex(step)
    macs = [d.value for d in section.derivations if d.label == "MACs"]
    assert sum(macs) == result.totals.macs


@every_legal
def test_working_derives_the_output(kind: type[Op], example: Example) -> None:
    """Every size that differs between input and output is derived."""
    ins = tensors(example)
    outs = example.op.shape(*ins)
    derived = {w.value for w in example.op.working(ins, outs)}
    first = ins[0].dims if ins else ()
    for out in outs:
        if len(out.dims) == len(first):
            changed = {b for a, b in zip(first, out.dims, strict=True) if a != b}
            assert changed <= derived
        else:
            assert set(out.dims) - set(first) <= derived


def test_the_windows_of_adaptive_pools_are_summed_in_closed_form() -> None:
    for length in range(1, 40):
        for size in range(1, 40):
            bounds = [(j * length // size, -(-(j + 1) * length // size)) for j in range(size)]
            op = AdaptiveAvgPool1d(size)
            assert op.taps(Tensor((1, 1, length))) == (sum(b - a for a, b in bounds),)


@every_legal
def test_rules_only_calculate(kind: type[Op], example: Example) -> None:
    op = with_numbers(example.op, Strict)
    ins = tuple(Tensor(tuple(Strict(d) for d in x.dims), x.dtype) for x in tensors(example))
    assert all(holds(c) for g in op.conditions(*ins) for c in g.holds)
    outs = op.shape(*ins)
    plain_outs = example.op.shape(*tensors(example))
    assert [unwrapped(y.dims) for y in outs] == [y.dims for y in plain_outs]
    values = [unwrapped([t.value])[0] for t in op.terms(ins, outs)]
    assert values == [t.value for t in terms(example)]


@every_legal
def test_rules_run_on_arrays(kind: type[Op], example: Example) -> None:
    """Three candidates at once: each agrees with what the integers give, refusals included."""
    shift = np.array([0, 1, 2])
    op = with_numbers(example.op, lambda v: v + shift)
    ins = tuple(Tensor(tuple(d + shift for d in x.dims), x.dtype) for x in tensors(example))
    fine = np.array([True] * 3)
    for guard in op.conditions(*ins):
        for cond in guard.holds:
            fine &= cond
    outs = op.shape(*ins)
    found = op.terms(ins, outs)
    for i in range(3):
        single = with_numbers(example.op, lambda v, i=i: v + i)
        single_ins = tuple(Tensor(tuple(d + i for d in x.dims), x.dtype) for x in tensors(example))
        assert fine[i] == (refusal(single, single_ins) is None)
        if fine[i]:
            single_outs = single.shape(*single_ins)
            assert [picked(y.dims, i) for y in outs] == [y.dims for y in single_outs]
            expected = [t.value for t in single.terms(single_ins, single_outs)]
            assert list(picked([t.value for t in found], i)) == expected
    assert fine[0]


@every_legal
def test_rules_run_on_symbols(kind: type[Op], example: Example) -> None:
    values: dict[Any, int] = {}

    def symbol(v: int) -> Any:
        s = sympy.Symbol(f"x{len(values)}", integer=True, positive=True if v > 0 else None)
        values[s] = v
        return s

    op = with_numbers(example.op, symbol)
    ins = tuple(Tensor(tuple(symbol(d) for d in x.dims), x.dtype) for x in tensors(example))
    for guard in op.conditions(*ins):
        assert all(bool(sympy.sympify(c).subs(values)) for c in guard.holds)
    outs = op.shape(*ins)
    numbers = [tuple(int(sympy.sympify(d).subs(values)) for d in y.dims) for y in outs]
    assert numbers == [y.dims for y in example.op.shape(*tensors(example))]
    found = [int(sympy.sympify(t.value).subs(values)) for t in op.terms(ins, outs)]
    assert found == [t.value for t in terms(example)]


@every_legal
def test_factors_are_leaves(kind: type[Op], example: Example) -> None:
    """No factor hides a product of dimensions: on symbols, none is a multiplication."""
    op = with_numbers(example.op, lambda v: sympy.Symbol(f"f{v}", positive=True, integer=True))
    names = (tuple(f"d{i}_{j}" for j in range(len(s))) for i, s in enumerate(example.shapes))
    dims = [tuple(sympy.Symbol(n, positive=True, integer=True) for n in each) for each in names]
    ins = tuple(Tensor(d, x.dtype) for d, x in zip(dims, example.ins, strict=True))
    for term in op.terms(ins, op.shape(*ins)):
        for factor in term.factors:
            free = getattr(factor, "free_symbols", set())
            assert not (isinstance(factor, sympy.Mul) and len(free) > 1), f"{term.label}: {factor}"


# --- the checks themselves can fail -------------------------------------------------------------


def test_strict_refuses_what_rules_must_not_do() -> None:
    x = Strict(3)
    for wrong in (
        lambda: x == 3,
        lambda: x / 2,
        lambda: int(x),
        lambda: min(x, x),
        lambda: bool(x),
        lambda: 1 if x > 2 else 0,
        lambda: range(x),
    ):
        with pytest.raises(TypeError):
            wrong()


@pytest.mark.parametrize("off", [-1, 1])
def test_a_wrong_window_is_noticed(off: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Window.size
    monkeypatch.setattr(Window, "size", lambda self, length: right(self, length) + off)
    example = Example(Conv2d(16, 3, padding=1), ((1, 8, 12, 12),))
    with pytest.raises(AssertionError):
        test_shape_is_torchs(type(example.op), example)


def test_a_wrong_factor_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(Conv2d(1, 1))
    right = kind.terms
    monkeypatch.setattr(kind, "terms", lambda self, i, o: right(self, i, o)[:1] * 2)
    example = Example(Conv2d(16, 3), ((1, 8, 12, 12),))
    with pytest.raises(AssertionError):
        test_macs_are_those_of_flop_counter_mode(kind, example)
    with pytest.raises(AssertionError):
        test_tensors_are_those_of_the_module(kind, example)


def test_a_kind_that_branches_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReLU, "shape", lambda self, x: (x,) if x.dims[0] else ())
    with pytest.raises(TypeError, match="branched"):
        test_rules_only_calculate(ReLU, Example(ReLU(), ((2, 3),)))


def test_core_imports_the_standard_library_only() -> None:
    """Also said in the import rules; here by reading, so that no configuration can hide it."""
    import sys
    from pathlib import Path

    import netcalc.core

    for path in Path(netcalc.core.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top == "netcalc" or top in sys.stdlib_module_names, f"{path}: {name}"


# --- helpers -------------------------------------------------------------------------------------


def terms(example: Example) -> list[Any]:
    ins = tensors(example)
    return list(example.op.terms(ins, example.op.shape(*ins)))


def one_node(example: Example) -> Graph:
    inputs = {f"input{i}": x for i, x in enumerate(tensors(example))}
    node = Node("layer", example.op, tuple((name, 0) for name in inputs), "layer")
    return Graph("one", (node,), inputs, {"layer": ("layer", 0)})


def with_numbers(op: Op, wrap: Any) -> Op:
    """The layer with every field that may be swept made another kind of number."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, field.name)
        if "Num" in str(field.type) and not isinstance(value, str):
            each = tuple(wrap(v) for v in value) if isinstance(value, tuple) else wrap(value)
            changes[field.name] = each
    return dataclasses.replace(op, **changes)  # type: ignore[type-var]


def unwrapped(values: Any) -> tuple[Any, ...]:
    return tuple(v.value if isinstance(v, Strict) else v for v in values)


def holds(cond: Any) -> bool:
    return cond.holds if isinstance(cond, StrictCond) else bool(cond)


def picked(values: Any, i: int) -> tuple[int, ...]:
    return tuple(int(v[i]) if isinstance(v, np.ndarray) else int(v) for v in values)
