"""Every format of every table: its form against goldens, its numbers by adding them up again.

Goldens hold the form only; where the numbers come from is tested elsewhere. After a wanted change
of form: ``NETCALC_GOLDENS=write pytest tests/test_formats.py``, and read the diff.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from netcalc.report.formats import ENDINGS, FORMATS
from tests.commands import netcalc

GOLDENS = Path(__file__).parent / "goldens"
COMMANDS = {
    "paper": ("table", "googlenet"),
    "modules": ("table", "googlenet-torchvision"),
    "layers": ("table", "reduced", "--layout", "layers", "--share"),
    "compare": ("compare", "naive", "reduced"),
    "compare-many": ("compare", "naive", "reduced", "googlenet"),
    "explain": ("explain", "googlenet", "inception_3a"),
    "list": ("list",),
    "crops": ("crops", "googlenet", "--models", "7"),
    "boxes": ("crops", "googlenet", "--scales", "256", "--image", "500,375"),
}
NETS = ("googlenet", "googlenet@aux=true", "googlenet@head=fc", "googlenet-torchvision", "reduced")


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("name", COMMANDS)
def test_golden(name: str, fmt: str) -> None:
    ran = netcalc(*COMMANDS[name], "--format", fmt)
    assert (ran.code, ran.err) == (0, "")
    path = GOLDENS / f"{name}.{fmt}"
    if os.environ.get("NETCALC_GOLDENS") == "write":
        path.write_text(ran.out)
    assert ran.out == path.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_text_fits_80_columns(name: str) -> None:
    for line in netcalc(*COMMANDS[name]).out.splitlines():
        assert len(line) <= 80, line


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layout", ["modules", "layers"])
def test_text_of_every_network_fits(net: str, layout: str) -> None:
    for line in netcalc("table", net, "--layout", layout).out.splitlines():
        assert len(line) <= 80, line


def test_text_leaves_out_what_its_headings_say() -> None:
    from netcalc.report.table import Column, Report, Table

    columns = (
        Column("a", "kind", in_sections=True),
        Column("b", "name", right=False),
        Column("c", "n"),
    )
    rows = (("x", "one", 1), ("x", "two", 2), ("y", "three", 3))
    table = Table(columns, rows, "", {0: "X", 1: "X", 2: "Y"}, {(1, 2): "*"})
    report = Report("", (table,), (), dict)
    assert FORMATS["text"](report, 80).splitlines() == [
        *("name     n", "------- --", "X", "  one    1", "  two   2*", "Y", "  three  3"),
    ]
    assert "|      x | two    | 2\\* |" in FORMATS["markdown"](report, 80)


def test_wide_terminals_get_full_headings() -> None:
    assert "#3x3\n" not in netcalc("table", "googlenet").out
    wide = netcalc("table", "googlenet", columns=160).out.splitlines()
    assert wide[3].split()[:3] == ["type", "size/stride", "size"]


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("layout", ["modules", "layers"])
def test_printed_columns_add_up_to_printed_totals(net: str, layout: str) -> None:
    out = netcalc("table", net, "--layout", layout, columns=160).out
    params, macs, totals = read_text(out)
    assert (sum(params), sum(macs)) == totals


def test_adding_up_notices_a_changed_cell() -> None:
    out = netcalc("table", "reduced", "--layout", "layers").out
    params, macs, totals = read_text(out.replace("16,384", "16,385", 1))
    assert (sum(params), sum(macs)) != totals


def read_text(out: str) -> tuple[list[int], list[int], tuple[int, int]]:
    """The params and MACs columns of a printed table, and the totals printed below it."""
    cells = re.findall(r"x\d+ +([\d,]+) +([\d,]+)$| \d+ +([\d,]+) +([\d,]+)$", out, re.M)
    rows = [[int(v.replace(",", "")) for v in row if v] for row in cells]
    total = re.search(r"^([\d,]+) params .* ([\d,]+) MACs", out, re.M)
    assert total
    assert len(rows) >= 4
    sums = (int(total[1].replace(",", "")), int(total[2].replace(",", "")))
    return [r[0] for r in rows], [r[1] for r in rows], sums


def test_stages_of_a_comparison_add_up() -> None:
    out = netcalc("compare", "naive", "reduced").out
    tables = out.split("\n\n")
    for unit in ("params", "MACs"):
        total = re.search(rf"^{unit} +([\d,]+) +([\d,]+) +(\S+)", tables[1], re.M)
        assert total
        stages = next(t for t in tables if t.startswith(f"{unit} by stage"))
        lines = [line.split()[1:] for line in stages.splitlines()[3:]]
        numbers = [[int(v.replace(",", "")) for v in line] for line in lines]
        sums = [sum(column) for column in zip(*numbers, strict=True)]
        assert sums == [int(v.replace(",", "")) for v in total.groups()]


@pytest.mark.parametrize("net", NETS)
def test_json_is_one_row_per_layer_and_adds_up(net: str) -> None:
    documents = [
        json.loads(netcalc("table", net, "--layout", layout, "--format", "json").out)
        for layout in ("modules", "layers")
    ]
    assert documents[0] == documents[1]
    doc = documents[0]
    assert doc["schema"] == 1
    assert doc["unknown"] == []
    for key in ("params", "trainable", "weights", "biases", "buffers", "macs", "flops"):
        assert sum(row[key] for row in doc["rows"]) == doc["totals"][key]
    assert doc["totals"]["flops"] == 2 * doc["totals"]["macs"]
    for kind, n in doc["totals"]["ops"].items():
        assert sum(row["ops"].get(kind, 0) for row in doc["rows"]) == n
    names = {row["name"] for row in doc["rows"]} | {i["name"] for i in doc["inputs"]}
    assert all(ref in names for row in doc["rows"] for ref in row["inputs"])


def test_json_has_the_fields_of_the_contract() -> None:
    doc = json.loads(netcalc("table", "googlenet", "--format", "json").out)
    assert list(doc) == [
        *("schema", "network", "factory", "inputs", "outputs", "rows", "totals", "unknown"),
        "memory",
    ]
    assert doc["inputs"] == [{"name": "input", "shape": [1, 3, 224, 224], "dtype": "float32"}]
    row = doc["rows"][0]
    assert list(row)[:7] == [
        *("name", "type", "group", "attrs", "inputs", "input_shapes", "output_shapes")
    ]
    assert row["attrs"] == {
        "out_channels": 64,
        "kernel": 7,
        "stride": 2,
        "padding": 3,
        "dilation": 1,
        "groups": 1,
        "bias": True,
    }
    assert row["output_shapes"] == [[1, 64, 112, 112]]
    for key in ("params", "trainable", "weights", "biases", "buffers", "macs", "flops", "ops"):
        assert key in row
        assert key in doc["totals"]
    assert row["receptive_field"] == {"min": [7, 7], "max": [7, 7], "stride": [2, 2]} | {
        "padding": [3, 3]
    }
    assert row["activation_bytes"] == 4 * 64 * 112 * 112
    assert doc["memory"]["gradients"] == 4 * doc["totals"]["params"]
    assert (doc["totals"]["depth"], doc["totals"]["layers"]) == (22, 58)


def test_csv_is_exact_and_ungrouped() -> None:
    out = netcalc("table", "googlenet", "--layout", "layers", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert sum(int(r["params"]) for r in rows) == 6_998_552
    assert sum(int(r["macs"]) for r in rows) == 1_582_671_872
    assert "inception_3a/branch3x3/reduce" in {r["layer"] for r in rows}


def test_markdown_and_latex_escape() -> None:
    from netcalc.report.formats import escape_latex, escape_markdown

    assert escape_markdown("a|b*c") == "a\\|b\\*c"
    assert escape_latex("a_b & 5% -> c · #1") == r"a\_b \& 5\% $\to$ c $\cdot$ \#1"


def test_html_is_well_formed() -> None:
    class Balance(HTMLParser):
        open: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(netcalc("compare", "naive", "reduced", "--format", "html").out)
    assert parser.open == []


@pytest.mark.parametrize("ending", [".txt", ".md", ".tex", ".html", ".csv", ".json"])
def test_the_ending_sets_the_format(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{ending}"
    ran = netcalc("table", "naive", "-o", str(path))
    assert (ran.code, ran.out) == (0, "")
    assert path.read_text() == netcalc("table", "naive", "--format", ENDINGS[ending]).out
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing else is left there
