"""Rules for operators: what is refused when they are registered, and methods of every kind."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.core.rules import RULES

from .test_ladder import rules, scan_rule  # noqa: F401  (a fixture)
from .test_trace import Call


@pytest.mark.usefixtures("rules")
def test_rules_of_methods_get_what_methods_get() -> None:
    """Of a classmethod the class first, on an instance and of a subclass too, inherited or not."""

    class Base:
        def own(self, u: Any) -> Any:
            return self, u

        @staticmethod
        def scan(u: Any) -> Any:
            return u

        @classmethod
        def made(cls, u: Any) -> Any:
            return cls, u

    class Derived(Base):
        pass

    seen: list[tuple[Any, ...]] = []

    def rule(*args: Any) -> Any:
        seen.append(args)
        return args[-1], [nc.Term("w", "mac", (3,))]

    derived = Derived()
    calls = {
        "Base.own": (lambda u: derived.own(u), (derived,)),
        "Base.made": (lambda u: Derived.made(Base().made(u)), (Base,)),
        "Derived.made": (lambda u: derived.made(u), (Derived,)),
        "Derived.scan": (lambda u: Derived.scan(derived.scan(u)), ()),
    }
    home = types.ModuleType("netcalc_classes")
    home.Base, home.Derived = Base, Derived
    sys.modules["netcalc_classes"] = home
    try:
        for name, (call, first) in calls.items():
            seen.clear()
            nc.register(f"netcalc_classes.{name}", rule)
            graph = nc.trace(Call(call), torch.rand(2, 4))
            nc.unregister(f"netcalc_classes.{name}")
            assert seen[0] == (*first, nc.Tensor((2, 4)))
            assert nc.analyse(graph).totals.macs == 3 * len(seen)
            assert name != "Base.made" or seen[1] == (Derived, nc.Tensor((2, 4)))
    finally:
        del sys.modules["netcalc_classes"]


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("device", ["Meta", "CPU", ""])
def test_an_operator_without_a_kernel_is_to_be_given_a_rule(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for the CPU will do, but not for a model that is too large to run there."""
    library = torch.library.Library("netcalc_kernels", "DEF")
    model = nn.Sequential(nn.Linear(4, 4), Call(lambda u: torch.ops.netcalc_kernels.scan(u)))
    x = torch.rand(2, 4)
    try:
        library.define("scan(Tensor u) -> Tensor")
        if device:
            library.impl("scan", lambda u: torch.empty_like(u), device)
            assert list(nc.analyse(nc.trace(model, x)).result.unknown) == ["netcalc_kernels::scan"]
        if device == "CPU":
            monkeypatch.setattr("netcalc.pytorch.passes.memory_here", lambda: 0)
        if device != "Meta":
            with pytest.raises(nc.NetcalcError) as raised:
                nc.trace(model, x)
            advice = "; give the operator a rule: nc.register('netcalc_kernels::scan', ...)"
            assert str(raised.value).endswith(advice)
            assert ("too large to run here" in str(raised.value)) == bool(device)
        nc.register("netcalc_kernels::scan", lambda u: (u, []))
        assert nc.analyse(nc.trace(model, x)).result.unknown == {}
    finally:
        library._destroy()


@pytest.mark.usefixtures("rules")
def test_a_function_that_calls_a_higher_order_operator() -> None:
    """Attention of 2 heads, 16 tokens and 8 channels: two products of 16x16x8 each."""
    flex = importlib.import_module("torch.nn.attention.flex_attention")

    @nc.register("torch.nn.attention.flex_attention.flex_attention")
    def attend(query: Any, key: Any, value: Any, **_: Any) -> Any:
        _, heads, rows, width = query.dims
        return query, [nc.Term("products", "mac", (2, heads, rows, key.dims[2], width), ("",) * 5)]

    graph = nc.trace(Call(lambda x: flex.flex_attention(x, x, x)), torch.ones(1, 2, 16, 8))
    assert nc.analyse(graph).totals.macs == 2 * 2 * 16 * 16 * 8


WRONG = {
    "netcalc_nowhere.scan": "netcalc_nowhere cannot be imported: ModuleNotFoundError",
    "netcalc_home.scna": "netcalc_home has no scna; did you mean scan?",
    "netcalc_home.inner.scan": "netcalc_home has no inner; check its name",
    "netcalc_home.Scans.turn": "netcalc_home has no Scans; did you mean Scan?",
    "netcalc_home.size": "netcalc_home has no size",
    "netcalc_broken.scan": "netcalc_broken cannot be imported: OSError: libscan.so",
    "netcalc_needs.scan": "netcalc_needs cannot be imported: ImportError: build it first",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module with a function and a class, one that fails, and one that needs another."""
    (tmp_path / "netcalc_home.py").write_text(
        "size = 3\ndef scan(u):\n    return u\nclass Scan:\n    pass\n"
    )
    (tmp_path / "netcalc_broken.py").write_text("raise OSError('libscan.so is missing')\n")
    (tmp_path / "netcalc_needs.py").write_text("raise ImportError('build it first')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("netcalc_home", "netcalc_early"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("rules", "home")
@pytest.mark.parametrize("name", WRONG)
def test_a_function_that_is_not_there_is_refused_and_stops_no_trace(name: str) -> None:
    before = dict(RULES)
    for registered in (lambda: nc.register(name, scan_rule), lambda: nc.register(name)(scan_rule)):
        with pytest.raises(nc.InputError) as raised:
            registered()
        assert f"there is no function {name}" in str(raised.value)
        assert WRONG[name] in str(raised.value)
        assert "\n" not in str(raised.value)
    assert before == RULES
    assert nc.analyse(nc.trace(nn.Linear(4, 4), torch.rand(2, 4))).totals.macs == 2 * 16


@pytest.mark.usefixtures("rules")
def test_a_module_may_register_what_it_is_about_to_define(home: Path) -> None:
    """And what is gone again stops no trace."""
    text = "import netcalc as nc\nnc.register('netcalc_early.scan', lambda u: (u, []))\n"
    (home / "netcalc_early.py").write_text(text + "def scan(u):\n    raise OSError\n")
    early = importlib.import_module("netcalc_early")
    assert nc.analyse(nc.trace(Call(lambda u: early.scan(u)), torch.rand(3))).totals.macs == 0
    del early.scan
    assert nc.analyse(nc.trace(nn.Linear(4, 4), torch.rand(2, 4))).totals.macs == 2 * 16
