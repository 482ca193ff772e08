"""Sweeps: against the exact analysis one by one, against PyTorch, and at the end of 64 bits."""

from __future__ import annotations

import contextlib
import itertools
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netcalc as nc
from netcalc.sweep.best import Best, stacked
from netcalc.sweep.candidates import candidates, chunk_size
from netcalc.sweep.chunks import of_vectors
from netcalc.sweep.intervals import Interval
from netcalc.sweep.reasons import without_numbers
from netcalc.sweep.survey import survey
from netcalc.sweeping import read_space
from netcalc.zoo.googlenet import TABLE_1, Inception

WIDTHS = Inception._fields
REDUCED: dict[str, Any] = {
    "net": "reduced@c_in=256",
    "vary": {
        **{name: {"from": 16, "to": 256, "multiple": 48} for name in ("c1", "c3")},
        **{name: {"from": 8, "to": 64, "factor": 2} for name in ("r3", "r5", "c5")},
        "pp": [31, 64],
    },
    "show": ["params", "macs", "activations", "weight_bytes", "channels", "flops", "depth"],
}
PLACES = {
    "c1": "branch1x1/conv",
    "r3": "branch3x3/reduce",
    "c3": "branch3x3/conv",
    "r5": "branch5x5/reduce",
    "c5": "branch5x5/conv",
    "pp": "branch_pool/proj",
}
GOOGLENET: dict[str, Any] = {
    "net": "googlenet",
    "vary": {
        f"m{module[-2:]}_{name}": {
            "of": f"{module}/{PLACES[name]}.out_channels",
            "from": max(8, width // 2),
            "to": 2 * width,
            "multiple": 8,
        }
        for module, row in TABLE_1.items()
        if isinstance(row, Inception)
        for name, width in zip(WIDTHS, row, strict=True)
    },
}


def exactly(graph: nc.Graph, side: int | None = None) -> dict[str, int]:
    a = nc.analyse(graph, side)
    t, out = a.totals, next(iter(a.result.outputs.values()))
    return {
        "params": t.params,
        "macs": t.macs,
        "flops": t.flops,
        "weight_bytes": t.param_bytes,
        "weights": t.weights,
        "biases": t.biases,
        "buffers": t.buffers,
        "depth": t.depth,
        "activations": sum(x.numel for row in a.result.rows for x in row.outs),
        **dict(zip(("channels", "out_height", "out_width"), out.dims[1:], strict=False)),
    }


def some(frame: Any, n: int = 20) -> list[dict[str, Any]]:
    rows = frame.sample(min(n, len(frame)), random_state=0).to_dict("records")
    assert rows
    return list(rows)


# --- agreement -----------------------------------------------------------------------------------


def test_modules_one_by_one() -> None:
    frame = nc.sweep(REDUCED)
    assert len(frame) == 5 * 5 * 4**3 * 2
    assert set(frame.dtypes.astype(str)) == {"int64"}
    for row in some(frame):
        found = exactly(nc.load("reduced", c_in=256, **{name: row[name] for name in WIDTHS}))
        assert {name: row[name] for name in REDUCED["show"]} == {
            name: found[name] for name in REDUCED["show"]
        }


def test_memory_and_receptive_fields() -> None:
    space = {
        "net": "googlenet",
        "vary": {
            "round": [8, 16],
            "input": [96, 224],
            "c": {"of": "inception_5b/branch1x1/conv.out_channels", "values": [1, 384]},
            "k": {"of": "conv1.kernel", "values": [5, 7]},
        },
        "show": ["peak_bytes", "inference_bytes", "training_bytes", "receptive_field", "macs"],
    }
    frame = nc.sweep(space)
    assert len(frame) == 16
    own = nc.analyse("googlenet", 224)
    row = frame[(frame["round"] == 8) & (frame.input == 224) & (frame.c == 384) & (frame.k == 7)]
    memory = own.memory()
    assert row.peak_bytes.item() == memory.peak
    assert row.inference_bytes.item() == memory.inference
    assert row.training_bytes.item() == memory.training
    assert len(set(frame.receptive_field)) > 1
    most = int(frame.peak_bytes.median())
    fewer = nc.sweep({**space, "budgets": [f"peak_bytes <= {most}"]})
    assert fewer.equals(frame[frame.peak_bytes <= most])


def changed(graph: nc.Graph, row: dict[str, Any]) -> nc.Graph:
    new = {}
    for name, module in GOOGLENET["vary"].items():
        new[module["of"].partition(".")[0]] = row[name]
    nodes = tuple(
        n._replace(op=replace(n.op, out_channels=new[n.name])) if n.name in new else n  # type: ignore[call-arg, type-var]
        for n in graph.nodes
    )
    return replace(graph, nodes=nodes)


def test_whole_googlenets_one_by_one_and_in_pytorch() -> None:
    frame = nc.sweep(GOOGLENET, sample=500, seed=3)
    assert len(frame) == 500
    graph = nc.load("googlenet")
    for row in some(frame, 10):
        found = exactly(changed(graph, row))
        assert (row["params"], row["macs"]) == (found["params"], found["macs"])
    verified = nc.verify(changed(graph, some(frame, 1)[0]), device="meta")
    assert verified.ok
    with pytest.raises(nc.InputError, match="take a sample"):
        nc.sweep(GOOGLENET)


def test_modules_in_pytorch() -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from netcalc.pytorch.build import build

    for row in some(nc.sweep(REDUCED), 3):
        graph = nc.load("reduced", c_in=256, **{name: row[name] for name in WIDTHS})
        assert nc.verify(graph, device="meta").ok
        module: Any = build(nc.analyse(graph).result)
        assert sum(p.numel() for p in module.parameters()) == row["params"]
        with FlopCounterMode(display=False) as counted:
            out = module(torch.zeros(1, 256, 32, 32))
        assert out.shape[1] == row["channels"]
        assert counted.get_total_flops() == 2 * row["macs"]


FILE = """\
input: [1, 4, 20, 20]
parameters: [c=8, k=3, g=1]
layers:
  - conv: {type: Conv2d, out_channels: 2*c, kernel: k, groups: g}
  - pool: {type: MaxPool2d, kernel: k}
  - again: {type: Conv2d, out_channels: c, kernel: k}
"""


def test_a_file_with_static_and_swept_parameters(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(FILE)
    (tmp_path / "space.yaml").write_text(
        "net: net.yaml\nvary:\n  k: [1, 2, 3, 5]\n  c: {from: 1, to: 9}\n  g: [1, 2, 4, 3]\n"
        "  input: [4, 9, 20, 33]\nshow: [params, macs, out_height, buffers, biases]\n"
    )
    space = read_space(tmp_path / "space.yaml")
    assert [axis.swept for axis in space.axes] == [False, True, True, True]  # a pool's k is static
    frame = nc.sweep(tmp_path / "space.yaml")
    legal = {}
    for k, c, g, side in itertools.product(
        (1, 2, 3, 5), range(1, 10), (1, 2, 4, 3), (4, 9, 20, 33)
    ):
        try:
            graph = nc.load(str(tmp_path / "net.yaml"), k=k, c=c, g=g)
            legal[k, c, g, side] = exactly(graph, side)
        except nc.SpecError:
            continue
    rows = frame.to_dict("records")
    assert [(r["k"], r["c"], r["g"], r["input"]) for r in rows] == list(legal)
    for row, found in zip(rows, legal.values(), strict=True):
        assert all(row[name] == found[name] for name in read_space(tmp_path / "space.yaml").shown)
    left_out = frame.attrs["left_out"]
    assert sum(left_out.values()) == frame.attrs["examined"] - len(legal) == 576 - len(legal)
    assert any("groups=N" in reason for reason in left_out), left_out
    assert any("a window of N does not fit" in reason for reason in left_out), left_out


def test_static_arguments_multiply_graphs() -> None:
    frame = nc.sweep(
        {
            "net": "googlenet",
            "vary": {"width": {"from": 0.5, "to": 1, "step": 0.25}, "head": ["pool", "fc"]},
        }
    )
    assert frame["width"].tolist() == [0.5, 0.5, 0.75, 0.75, 1, 1]
    for row in frame.to_dict("records"):
        found = exactly(nc.load("googlenet", width=row["width"], head=row["head"]))
        assert (row["params"], row["macs"]) == (found["params"], found["macs"])


def test_a_traced_model() -> None:
    space = {
        "net": "torchvision:squeezenet1_1",
        "vary": {"c": {"of": "classifier/1.out_channels", "values": [10, 1000]}},
    }
    try:
        frame = nc.sweep(space)
    except nc.UnknownNameError as problem:
        pytest.skip(str(problem))
    assert frame["params"].diff().iloc[1] == 990 * 513


# --- the end of 64 bits --------------------------------------------------------------------------


def wide(*c_in: int) -> Any:
    vary = {"c_in": list(c_in), **{name: [1] for name in ("r3", "c3", "r5", "c5", "pp")}}
    return {"net": "reduced", "input": 1, "vary": {**vary, "c1": [2**40]}}


def test_numbers_beyond_64_bits_are_exact() -> None:
    # weights: c_in * (c1 + 3) + 9 + 25
    at = (2**63 - 1 - 34) // (2**40 + 3)
    inside, beyond = nc.sweep(wide(1, at)), nc.sweep(wide(1, at + 1))
    assert survey(read_space(wide(1, at)), 0).fits
    assert not survey(read_space(wide(1, at + 1)), 0).fits
    assert inside["params"].dtype == np.int64
    assert inside["params"].tolist() == [2**40 + 37, at * (2**40 + 3) + 34]
    assert inside["params"].iloc[1] < 2**63 <= beyond["params"].iloc[1]
    assert beyond["params"].tolist() == [2**40 + 37, (at + 1) * (2**40 + 3) + 34]
    largest = nc.sweep(wide(10**15))["params"].iloc[0]
    assert largest == 10**15 * (2**40 + 3) + 34
    assert type(largest) is int


def test_a_bound_is_no_smaller_than_what_comes_out() -> None:
    space = read_space(REDUCED)
    frame = nc.sweep(REDUCED)
    bounds = survey(space, 0).bounds
    assert all(bounds[name] >= frame[name].max() for name in space.shown)
    assert bounds["params"] == frame["params"].max()  # all fields at their largest


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 9)), min_size=3, max_size=3))
def test_intervals_hold_what_comes_out(ends: list[tuple[int, int]]) -> None:
    def rule(a: Any, b: Any, c: Any) -> list[Any]:
        d = abs(c) + 1
        return [
            a + b,
            a - b,
            3 - a,
            a * b,
            a // d,
            7 // d,
            a % d,
            7 % d,
            abs(a),
            -a,
            (a * 2 - b) // d,
        ]

    peak = [0]
    found = rule(*(Interval(lo, lo + n, peak) for lo, n in ends))
    for values in itertools.product(*({lo, lo + n // 2, lo + n} for lo, n in ends)):
        for interval, x in zip(found, rule(*values), strict=True):
            assert interval.lo <= x <= interval.hi
            assert abs(x) <= peak[0]
            assert (interval >= x + 1) is not True
            assert (interval <= x - 1) is not True


def test_memory_beyond_64_bits_is_exact() -> None:
    vary = {"c1": [2**32], "c_in": [2**31, 2**30]}
    frame = nc.sweep({"net": "reduced", "vary": vary, "show": ["params", "training_bytes"]})
    for row in frame.to_dict("records"):
        graph = nc.load("reduced", c1=row["c1"], c_in=row["c_in"])
        assert row["training_bytes"] == nc.analyse(graph).memory().training > 2**63


# --- what is left out ----------------------------------------------------------------------------


@pytest.mark.parametrize("c_in", [1, 9 * 10**14])
def test_a_division_by_zero_keeps_to_nothing(c_in: int) -> None:
    widths = [1, 2, 126, 127, 128, 129, 256]
    for text, holds in {
        "c1 % (c1 - 128) == 0": lambda c: c % (c - 128) == 0,
        "c1 // (128 - c1) < 9": lambda c: c // (128 - c) < 9,
        "1 >= (7 - c1 * 0) // (c1 - 1)": lambda c: 7 // (c - 1) <= 1,
    }.items():
        space = {"net": "reduced", "vary": {"c1": widths, "c_in": [c_in]}, "constraints": [text]}
        frame = nc.sweep(space)
        expected = []
        for c in widths:
            with contextlib.suppress(ZeroDivisionError):
                expected += [c] if holds(c) else []
        assert 0 < len(expected) < len(widths)
        assert frame["c1"].tolist() == expected
        assert sum(frame.attrs["left_out"].values()) == len(widths) - len(expected)


def test_a_division_by_zero_of_what_is_static(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(FILE)
    space = {"net": str(tmp_path / "net.yaml"), "vary": {"k": [1, 2, 3], "c": [4, 5]}}
    frame = nc.sweep({**space, "constraints": ["c % (k - 1) == 0"]})
    assert frame[["k", "c"]].values.tolist() == [[2, 4], [2, 5], [3, 4]]
    assert frame.attrs["left_out"] == {"excluded by c % (k - 1) == 0": 3}


def test_reasons_are_told_once() -> None:
    space = {"net": "bn_inception", "vary": {"input": {"from": 32, "to": 100}}, "show": ["macs"]}
    frame = nc.sweep(space)
    found: dict[str, int] = {}
    for side in range(32, 101):
        try:
            nc.analyse("bn_inception", side)
            assert side in set(frame["input"])
        except nc.SpecError as problem:
            layer = str(problem).split(":")[0]
            found[layer] = found.get(layer, 0) + 1
    left_out = frame.attrs["left_out"]
    assert {why.split(":")[0]: n for why, n in left_out.items()} == found
    assert len(left_out) == len(found)
    why = "input N is NxNxNxN, which differs from input N, NxNxNxN, outside axis N"
    assert set(left_out) == {f"{layer}: {why}" for layer in found}


def test_numbers_are_taken_out_of_names_no_more_than_of_sizes() -> None:
    for text, told in (
        ("a.yaml:3: stage/1/conv3x3: 1x3x224x224 in 2,048 (-7)", "NxNxNxN in N (N)"),
        ("inception_3a/conv: Conv2d of 1.5", "Conv2d of N"),
    ):
        where = text.split(": ")[:-1]
        assert without_numbers(text) == ": ".join([*where, told])


def test_constraints_and_budgets() -> None:
    limits = ["params <= 200.5k", "weight_bytes >= 100kB", "channels == 239", "macs != 3"]
    space = {**REDUCED, "constraints": ["r3 <= c3", "2*c1 > c3 + 1"], "budgets": limits}
    every, frame = nc.sweep(REDUCED), nc.sweep(space)
    kept = every[(every.r3 <= every.c3) & (2 * every.c1 > every.c3 + 1)]
    told = frame.attrs["left_out"]
    assert sum(n for why, n in told.items() if "excluded by" in why) == len(every) - len(kept)
    kept = kept[(kept.params <= 200_500) & (kept.weight_bytes >= 10**5) & (kept.channels == 239)]
    assert len(kept)
    assert frame.equals(kept[frame.columns])
    assert frame.index.equals(kept.index)
    none = nc.sweep({**REDUCED, "budgets": ["channels == 480.5"]})
    assert none.empty
    assert none.attrs["left_out"] == {"beyond channels == 480.5": len(every)}


def test_tied_weights_of_two_shapes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "input: [1, 4, 8, 8]\nparameters: [a=4, b=4]\nlayers:\n"
        "  - one: {type: Conv2d, out_channels: a, kernel: 1, bias: false}\n"
        "  - mid: {type: Conv2d, out_channels: 4, kernel: 1, bias: false}\n"
        "  - two: {type: Conv2d, out_channels: b, kernel: 1, bias: false,"
        " tensors: {weight: one.weight}}\n"
    )
    frame = nc.sweep({"net": str(tmp_path / "net.yaml"), "vary": {"a": [3, 4, 5], "b": [3, 4, 5]}})
    assert frame[["a", "b"]].values.tolist() == [[3, 3], [4, 4], [5, 5]]
    assert frame["params"].tolist() == [12 + 12, 16 + 16, 20 + 20]


# --- fronts --------------------------------------------------------------------------------------


def brute(points: list[tuple[int, ...]]) -> dict[tuple[int, ...], int]:
    return {
        p: points.count(p)
        for p in points
        if not any(q != p and all(a <= b for a, b in zip(q, p, strict=True)) for q in points)
    }


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(1, 4), st.integers(1, 3000), st.integers(2, 60))
def test_fronts_against_brute_force(data: Any, keys: int, n: int, values: int) -> None:
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    points = [tuple(draw.randrange(values) for _ in range(keys)) for _ in range(n)]
    names = tuple("abcd"[:keys])
    dtype = draw.choice([np.int64, object])
    table = {
        name: np.array(column, dtype)
        for name, column in zip(names, zip(*points, strict=True), strict=True)
    }
    table["candidate"] = np.arange(n)
    best = Best(names)
    half = n // 2
    parts = [{k: v[:half] for k, v in table.items()}, {k: v[half:] for k, v in table.items()}]
    joined = best.joined([best.of(parts[1]), best.of(parts[0])])  # whatever comes first
    for found in (best.of(table), joined):
        rows = list(zip(*(found[name].tolist() for name in names), strict=True))
        expected = brute(sorted(set(points)))
        assert rows == sorted(expected)
        assert found["same"].tolist() == [points.count(p) for p in rows]
        assert found["candidate"].tolist() == [points.index(p) for p in rows]


def test_a_large_front() -> None:
    draw = np.random.default_rng(0)
    table = {name: draw.integers(0, 10**6, 10**5) for name in "abc"}
    table["d"] = -(table["a"] + table["b"] + table["c"])  # so that none is beaten
    rows = np.stack([table[name] for name in "abcd"], axis=1)
    worse = np.unique(rows, axis=0) + np.array([0, 0, 1, 0])  # each by another one
    both = {name: np.concatenate([table[name], w]) for name, w in zip("abcd", worse.T, strict=True)}
    for name in "abcd":
        both[name] = both[name].astype(object) * 10**20  # beyond 64 bits
    both["candidate"] = np.arange(len(both["a"]))
    found = Best(("a", "b", "c", "d")).of(both)
    assert sorted(found["candidate"].tolist()) == sorted(
        np.unique(rows, axis=0, return_index=True)[1]
    )
    assert found["same"].sum() == len(rows)


def test_fronts_of_a_sweep() -> None:
    every = nc.sweep(REDUCED)
    front = nc.sweep(REDUCED, pareto=["params", "-channels"])
    points = list(zip(every["params"], -every["channels"], strict=True))
    assert [(p, -c) for p, c in zip(front["params"], front["channels"], strict=True)] == sorted(
        brute(sorted(set(points)))
    )
    top = nc.sweep(REDUCED, top=7, by="-macs")
    expected = every.sort_values("macs", ascending=False, kind="stable").head(7)
    assert top.index.tolist() == expected.index.tolist()
    both = nc.sweep(REDUCED, pareto=["params", "-channels"], top=2, by="-channels")
    assert both["channels"].tolist() == sorted(front["channels"])[:-3:-1]
    by = nc.sweep(REDUCED, pareto="params,-channels", by="-channels")
    assert by["channels"].tolist() == sorted(front["channels"])[::-1]


# --- candidates ----------------------------------------------------------------------------------


def test_chunks_are_the_grid_in_order() -> None:
    vary = {"c1": list(range(1, 8)), "r3": [5, 6], "c3": list(range(1, 301)), "r5": [4, 1, 2]}
    space = read_space({"net": "reduced", "vary": {**vary, "c5": {"from": 1, "to": 61}}})
    size = chunk_size(space)
    whole = list(itertools.product(*(axis.values for axis in space.swept)))
    assert len(whole) > 2 * size
    for chunk in range(-(-len(whole) // size)):
        columns, n = candidates(space, None, 0, 0, chunk)
        rows = list(zip(*(columns[axis.name].tolist() for axis in space.swept), strict=True))
        assert rows == whole[chunk * size : chunk * size + n]


RANGES: list[tuple[dict[str, Any], list[Any]]] = [
    ({"from": 3, "to": 7}, [3, 4, 5, 6, 7]),
    ({"from": 16, "to": 100, "step": 40}, [16, 56, 96]),
    ({"from": 10, "to": 40, "multiple": 8}, [16, 24, 32, 40]),
    ({"from": 16, "to": 300, "factor": 2}, [16, 32, 64, 128, 256]),
    ({"from": 10, "to": 40, "factor": 1.5}, [10, 15, 23, 34]),
    ({"from": 8, "to": 64, "factor": 1.5, "multiple": 8}, [8, 16, 24, 40, 64]),
]


@pytest.mark.parametrize(("given_", "values"), RANGES)
def test_ranges(given_: dict[str, Any], values: list[int]) -> None:
    space = read_space({"net": "reduced", "vary": {"c1": given_}})
    assert list(space.axes[0].values) == values


def test_what_python_and_numpy_count_with() -> None:
    space = {"net": "reduced", "vary": {"c1": range(1, 4), "c3": np.arange(1, 3)}}
    space["vary"]["r3"] = [np.int64(4)]  # type: ignore[index]
    plain = {"net": "reduced", "vary": {"c1": [1, 2, 3], "c3": [1, 2], "r3": [4]}}
    assert nc.sweep(space).equals(nc.sweep(plain))
    some_of_them = nc.sweep(plain, sample=np.int64(3), top=np.int64(2))  # type: ignore[arg-type]
    assert len(some_of_them) == 2
    with pytest.raises(nc.InputError, match=r"space: \{1\} is no number"):
        nc.sweep({"net": "reduced", "vary": {"c1": {1}}})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"top": "2"}, "top must be a whole number, got '2'"),
    ({"top": True}, "top must be a whole number, got True"),
    ({"sample": 2.5}, "sample must be a whole number, got 2.5"),
    ({"pareto": 3}, "pareto must be names of quantities, got 3"),
    ({"by": "macs"}, "give top too, such as 20"),
]


@pytest.mark.parametrize(("options", "told"), WRONG)
def test_wrong_arguments(options: dict[str, Any], told: str) -> None:
    with pytest.raises(nc.InputError, match=told):
        nc.sweep(REDUCED, **options)


def test_given_vectors() -> None:
    draw = np.random.default_rng(0)
    columns = {name: draw.integers(1, 300, 300_000) for name in WIDTHS}
    vary = {name: {"from": 1, "to": 300} for name in WIDTHS}
    found = stacked(list(of_vectors(read_space({"net": "reduced", "vary": vary}), columns)))
    c1, r3, c3, r5, c5, pp = columns.values()
    params = 256 * (c1 + r3 + r5 + pp) + 9 * r3 * c3 + 25 * r5 * c5
    assert np.array_equal(found["params"], params)
    assert np.array_equal(found["macs"], 1024 * params)
    assert found["candidate"].tolist() == list(range(300_000))


def test_samples() -> None:
    frame = nc.sweep(REDUCED, sample=1000, seed=1)
    widths = list(WIDTHS)
    assert len(frame) == len(frame[widths].drop_duplicates()) == frame.attrs["examined"] == 1000
    assert frame.equals(nc.sweep(REDUCED, sample=1000, seed=1))
    assert not frame.equals(nc.sweep(REDUCED, sample=1000, seed=2))
    every = nc.sweep(REDUCED)
    assert nc.sweep(REDUCED, sample=10**6).equals(every)
    assert len(frame.merge(every)) == 1000
    for name in widths:
        assert set(frame[name]) == set(every[name])


def test_the_function_stays_when_the_folder_is_imported() -> None:
    import netcalc.sweep.best

    assert callable(nc.sweep)
    assert netcalc.sweep is nc.sweep
