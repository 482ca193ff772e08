"""Suggestions for rows that do not follow: all changes of a field over its range, and no other.

Expected values are brute force: loops over the fields of a convolution, and arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

import netcalc as nc
from netcalc.report.suggestions import change
from tests.commands import netcalc

CONVOLUTION = """
nets:
  one:
    input: [1, {c}, {h}, {w}]
    layers: [{{conv: {{type: Conv2d, out_channels: {out}, kernel: {k}, stride: {s}, padding: {p},
      groups: {g}, bias: {b}}}}}]
columns: [output, params, macs]
rows: [{{row: a, printed: {{{printed}}}}}]
"""


class Convolution(NamedTuple):
    """A convolution by its fields, windows by axis, and what papers print of it."""

    c: int
    h: int
    w: int
    out: int
    k: tuple[int, int]
    s: tuple[int, int]
    p: tuple[int, int]
    g: int
    b: bool

    def prints(self) -> dict[str, str] | None:
        sizes = [
            (n + 2 * p - k) // s + 1
            for n, k, s, p in zip((self.h, self.w), self.k, self.s, self.p, strict=True)
        ]
        if min(sizes) < 1 or self.c % self.g or self.out % self.g:
            return None
        weights = self.out * self.c // self.g * self.k[0] * self.k[1]
        macs, params = weights * sizes[0] * sizes[1], weights + self.out * self.b
        size = f"{sizes[0]}x{sizes[1]}x{self.out}"
        return {"output": size, "params": f"{params:,}", "macs": f"{macs:,}"}

    def changed(self) -> Iterator[tuple[str, int, Convolution]]:
        """Every change of a field over its range, written as loops; widths up to 3,000."""
        for value in range(1, 3000):
            yield "input channels", value, self._replace(c=value)
            yield "out_channels", value, self._replace(out=value)
        for value in range(1, self.c + 1):
            yield "groups", value, self._replace(g=value)
        yield "bias", int(not self.b), self._replace(b=not self.b)
        for field, pair in (("kernel", self.k), ("stride", self.s)):
            alike = pair[0] == pair[1]
            for axes, called in (
                [((0, 1), field)]
                if alike
                else [((0,), f"{field} height"), ((1,), f"{field} width")]
            ):
                for value in range(1, 2 * max(self.h, self.w)):
                    new = tuple(value if i in axes else old for i, old in enumerate(pair))
                    one = self._replace(**{field[0]: new})
                    padded = [(self.h, self.w)[i] + 2 * self.p[i] for i in axes]
                    if value <= max(padded):
                        yield called, value, one
                    same = tuple((k - 1) // 2 for k in self.k)
                    if field == "kernel" and any(same) and self.p == same:
                        p = tuple((value - 1) // 2 if i in axes else x for i, x in enumerate(same))
                        yield called, value, one._replace(p=p)


def random_convolution(random: Random) -> Convolution:
    k = random.choice([(3, 3), (1, 1), (1, 7), (5, 2), (16, 16)])
    p = random.choice([(0, 0), ((k[0] - 1) // 2, (k[1] - 1) // 2), (2, 1)])
    s = random.choice([(1, 1), (2, 2), (1, 2), (8, 8)])
    return Convolution(
        random.choice([3, 4, 6]), random.randint(16, 40), random.randint(16, 40), 12, k, s, p,
        random.choice([1, 1, 2, 3]), random.random() < 0.5,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_suggestions_are_those_of_brute_force(seed: int, tmp_path: Path) -> None:
    """What a row prints is that of one changed field; all changes that give it are found."""
    random = Random(seed)
    while True:
        base = random_convolution(random)
        changes = [(f, v, one.prints()) for f, v, one in base.changed()]
        field = random.choice([f for f, _, _ in changes if f not in ("bias", "groups")])
        of_field = [printed for f, v, printed in changes if f == field and printed]
        wanted = random.choice(of_field) if of_field else None
        if base.prints() and wanted and wanted != base.prints():
            break
    columns = random.choice([("output", "params", "macs"), ("params",), ("macs",), ("output",)])
    printed = {column: wanted[column] for column in columns}
    if all((base.prints() or {})[column] == text for column, text in printed.items()):
        return  # nothing is off
    before = {"input channels": base.c, "out_channels": base.out, "groups": base.g, "bias": base.b}
    expected: dict[str, set[int]] = {}
    for f, value, found in changes:
        if (
            value != before.get(f)
            and found
            and all(found[column] == text for column, text in printed.items())
        ):
            expected.setdefault(f, set()).add(value)
    cells = ", ".join(f"{column}: '{text}'" for column, text in printed.items())
    fields = base._asdict() | {"k": list(base.k), "s": list(base.s), "p": list(base.p)}
    text = CONVOLUTION.format(**fields | {"b": str(base.b).lower(), "printed": cells})
    (tmp_path / "one.yaml").write_text(text, "utf-8")
    got = {s.field: s for s in nc.audit(tmp_path / "one.yaml").suggestions().suggestions}
    for f in {*got, *expected}:
        mine = {v for v in got[f].values if v < 3000} if f in got else set()
        assert mine == expected.get(f, set()), (text, f)


BEYOND = {  # a row and what its layer should have been, widths and windows beyond the usual ones
    "stride": ("Conv2d, out_channels: 768, kernel: 16, stride: 8", "[1, 3, 224, 224]",
               {"output": "14x14x768", "macs": str(768 * 3 * 256 * 196)}, ("stride", (15, 16))),
    "kernel": ("Conv2d, out_channels: 768, kernel: 16, stride: 16", "[1, 3, 224, 224]",
               {"params": str(768 * (3 * 32 * 32 + 1))}, ("kernel", (32,))),
    "input features": ("Linear, out_features: 10", "[1, 512]",
                       {"params": str(10 * (6272 + 1))}, ("input features", (6272,))),
    "out_features": ("Linear, out_features: 10", "[1, 512]",
                     {"params": str(10000 * (512 + 1))}, ("out_features", (10000,))),
    "a vocabulary": ("Linear, out_features: 10", "[1, 64]",
                     {"params": str(250_002 * 65)}, ("out_features", (250_002,))),
    "of a sequence": ("Linear, out_features: 10", "[1, 197, 512]",
                      {"macs": str(197 * 768 * 10)}, ("input features", (768,))),
    "1x7 to 1x5": ("Conv2d, out_channels: 16, kernel: [1, 7], padding: [0, 3], bias: false",
                   "[1, 8, 12, 12]", {"output": "12x12x16", "weights": str(16 * 8 * 5)},
                   ("kernel width", (5,))),
    "1x7 to 7x7": ("Conv2d, out_channels: 16, kernel: [1, 7], padding: [0, 3], bias: false",
                   "[1, 8, 12, 12]", {"weights": str(16 * 8 * 49)}, ("kernel height", (7,))),
    "stride of an axis": ("Conv1d, out_channels: 4, kernel: 400, stride: 10", "[1, 2, 16000]",
                          {"output": "4x98"}, ("stride", (160,))),
}  # fmt: skip


@pytest.mark.parametrize("case", BEYOND)
def test_ranges_end_where_nothing_can_come_out(case: str, tmp_path: Path) -> None:
    layer, shape, printed, (field, values) = BEYOND[case]
    table = f"nets: {{one: {{input: {shape}, layers: [{{a: {{type: {layer}}}}}]}}}}\n"
    cells = ", ".join(f"{column}: '{text}'" for column, text in printed.items())
    table += f"columns: [{', '.join(printed)}]\nrows: [{{row: a, printed: {{{cells}}}}}]\n"
    (tmp_path / "one.yaml").write_text(table, "utf-8")
    found = {s.field: s.values for s in nc.audit(tmp_path / "one.yaml").suggestions().suggestions}
    assert found.get(field) == values


def test_the_most_exact_of_many_values_is_shown(tmp_path: Path) -> None:
    """Of all widths that round to what is printed, far from the first."""
    table = (
        "nets: {one: {input: [1, 10], layers: [{a: {type: Linear, out_features: 1, bias: false}}]}}"
        "\ncolumns: [params]\nrows: [{row: a, printed: 30K}]\n"
    )
    (tmp_path / "one.yaml").write_text(table, "utf-8")
    found = {s.field: s for s in nc.audit(tmp_path / "one.yaml").suggestions().suggestions}
    widths = found["out_features"]
    assert (widths.best, widths.exact) == (3000, 1)
    assert widths.values == tuple(range(2950, 3100))  # 29,500 to 30,999


@pytest.mark.parametrize(
    ("printed", "values"),
    [
        ("params: more than 30K", range(3001, 4097)),
        ("params: more than 30K, macs: less than 60K", range(3001, 6000)),
        ("params: more than 30K, macs: 90K", range(8950, 9100)),
        ("params: less than 3", ()),
    ],
)
def test_ranges_of_bounds(printed: str, values: Sequence[int], tmp_path: Path) -> None:
    """A lower bound alone ends nowhere: the first power of two that keeps it is the last."""
    table = (
        "nets: {one: {input: [1, 10], layers: [{a: {type: Linear, out_features: 1, bias: false}}]}}"
        f"\ncolumns: [params, macs]\nrows: [{{row: a, printed: {{{printed}}}}}]\n"
    )
    (tmp_path / "one.yaml").write_text(table, "utf-8")
    found = {s.field: s.values for s in nc.audit(tmp_path / "one.yaml").suggestions().suggestions}
    assert found.get("out_features", ()) == tuple(values)
    out = netcalc("audit", str(tmp_path / "one.yaml"), "--suggest").out
    assert len(out.splitlines()) < 20


def test_values_far_apart_are_counted(tmp_path: Path) -> None:
    """Groups of two: only even widths can be, of which the first few are shown."""
    table = (
        "nets: {one: {input: [1, 2, 4, 4], layers: [{a: {type: Conv2d, out_channels: 2, kernel: 1,"
        " groups: 2, bias: false}}]}}\ncolumns: [params]\nrows: [{row: a, printed: over 900}]\n"
    )
    (tmp_path / "one.yaml").write_text(table, "utf-8")
    found = {s.field: s for s in nc.audit(tmp_path / "one.yaml").suggestions().suggestions}
    shown = ", ".join(str(v) for v in range(904, 920, 2))
    expected = f"a out_channels 2 -> 902 (or {shown}, and {(1024 - 918) // 2} more)"
    assert change(found["out_channels"]) == expected
