"""Tables of users: what their files may say, what is refused, what a skeleton has, suggestions.

Expected values are arithmetic written out here and brute force.
"""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml

import netcalc as nc
from netcalc.published.audit import DERIVABLE
from netcalc.published.quantities import NUMBERS, TEXTS
from netcalc.published.tables import built_in
from netcalc.zoo import entries
from tests.commands import netcalc

OWN = """
title: Our network, Table 2
source: our paper
net: reduced
columns:
  - {key: module, given: true, quantity: label}
  - {key: output, heading: output size}
  - {key: params}
  - {key: macs, units: {M: 1e6}}
  - {key: top1, heading: top-1, quantity: none}
rows:
  - {row: the 3x3 branch, covers: branch3x3, printed: ["", 32x32x192, 127K, 130M, ""]}
  - {row: all, printed: ["", 32x32x480, "346,112", 354M, 71.2%]}
"""


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    weights = 256 * 64 + 9 * 64 * 192
    assert (weights, weights * 1024) == (126_976, 130_023_424)
    file = tmp_path / "ours.yaml"
    file.write_text(OWN, "utf-8")
    done = netcalc("audit", str(file))
    assert (done.code, done.err) == (0, "")
    file.write_text(OWN.replace("130M", "131M"), "utf-8")
    done = netcalc("audit", str(file))
    assert done.code == 1
    assert done.err == (
        f"netcalc: {file}: the 3x3 branch, macs: 131M is printed and 130M derived\n"
    )
    document = json.loads(netcalc("audit", str(file), "--format", "json").out)
    assert document["schema"] == 1
    assert document["summary"] == {
        "exact": 3,
        "rounds": 2,
        "explained": 0,
        "off": 1,
        "input": 0,
        "not derivable": 1,
        "changed": 0,
    }
    (wrong,) = (c for c in document["tables"][0]["cells"] if c["verdict"] == "off")
    assert (wrong["row"], wrong["column"], wrong["printed"]) == ("the 3x3 branch", "macs", "131M")
    assert (wrong["derived"], wrong["value"]) == ("130M", 130_023_424)


def test_a_copy_of_one_of_netcalcs_tables_with_a_changed_cell(tmp_path: Path) -> None:
    """Also where the cell was off before, so that the counts of verdicts stay as they are."""
    text = built_in()["googlenet_table1"].read_text("utf-8")
    file = tmp_path / "copied.json"
    file.write_text(text, "utf-8")
    before = json.loads(netcalc("audit", str(file), "--format", "json").out)["summary"]
    file.write_text(text.replace('"364K"', '"365K"'), "utf-8")
    now = json.loads(netcalc("audit", str(file), "--format", "json").out)["summary"]
    assert (before["changed"], now["changed"]) == (0, 1)
    assert before["off"] == now["off"]


@pytest.mark.parametrize("net", ["reduced", "googlenet", "resnet18", "lenet5"])
def test_a_new_table_says_what_netcalc_says(net: str, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    made = netcalc("audit", "--new", net, "--columns", "output,params,macs,depth", "-o", str(file))
    assert (made.code, made.out) == (0, "")
    done = netcalc("audit", str(file))
    assert (done.code, done.err) == (0, "")
    summary = nc.audit(str(file)).summary
    assert summary["exact"] == sum(summary.values()) > 0
    printed = yaml.safe_load(file.read_text("utf-8"))["rows"][-1]["printed"]
    totals = nc.analyse(net).totals
    assert printed[1:3] == [f"{totals.params:,}", f"{totals.macs:,}"]


def test_nets_lie_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(nc.export("reduced"), "utf-8")
    (tmp_path / "table.yaml").write_text(OWN.replace("net: reduced", "net: net.yaml"), "utf-8")
    assert nc.audit(str(tmp_path / "table.yaml")).ok


def test_a_pytorch_model_is_audited(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(
        "net: torchvision:resnet18\ncolumns: [params]\nrows:\n"
        "  - {row: all, printed: 11.7M}\n  - {row: one, covers: layer1, printed: '148k'}\n",
        "utf-8",
    )
    assert [c.verdict for c in nc.audit(str(file)).tables[0].cells] == ["rounds", "rounds"]


BAD = {
    "no such row of the net": ("covers: branch3x3", "covers: branch4", "has no layer or module"),
    "no quantity": ("{key: params}", "{key: weight}", "the column weight needs a quantity"),
    "a wrong quantity": ("quantity: label", "quantity: lable", "there is no quantity 'lable'"),
    "too few cells": ('127K, 130M, ""]', "127K, 130M]", "4 cells for 5 columns"),
    "no unit": ("127K", "127 apples", "there is no unit 'apples'"),
    "no number": ("127K", "many", "'many' is no number"),
    "an unknown key": ("source:", "sauce:", "a table has no 'sauce'"),
    "an unknown net": ("net: reduced", "net: reducd", "reducd"),
    "two rows of a name": ("row: all", "row: the 3x3 branch", "two rows are called"),
    "no rows": ("rows:", "rows: []\nnote:", "rows is empty: there is nothing to audit"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_one_line(case: str, tmp_path: Path) -> None:
    old, new, message = BAD[case]
    assert old in OWN
    file = tmp_path / "bad.yaml"
    text = OWN.replace(old, new, 1)
    if case == "a wrong quantity":
        text = text.replace('printed: ["",', 'printed: ["reduce",', 1)
    file.write_text(text, "utf-8")
    done = netcalc("audit", str(file))
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("googlenet_tabel1",), "did you mean googlenet_table1?"),
        (("nothing.yaml",), "nothing.yaml: "),
        (("--new", "reduced", "--columns", "parms"), "did you mean params?"),
        (("--columns", "params"), "--columns goes with --new NET"),
        (("--new", "reduced", "googlenet_table1"), "--new NET takes --columns, --input and -o"),
        (("--new", "nonet"), "there is no network called 'nonet'"),
    ],
)
def test_bad_arguments(arguments: tuple[str, ...], message: str) -> None:
    done = netcalc("audit", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [(), ("googlenet_table1",), ("all",), ("--suggest",)])
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html", "csv", "json"])
def test_every_format(arguments: tuple[str, ...], form: str) -> None:
    done = netcalc("audit", *arguments, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.strip()
    if form == "text":
        assert max(map(len, done.out.splitlines())) <= 80


# --- what stands in cells ------------------------------------------------------------------------


def audited(tmp_path: Path, text: str, *arguments: str) -> Any:
    file = tmp_path / "t.yaml"
    file.write_text(text, "utf-8")
    return netcalc("audit", str(file), *arguments)


def one_cell(printed: str, **settings: Any) -> str:
    """A table of one cell: LeNet-5's 60,000 parameters, unless settings say otherwise."""
    row = {"row": "a", "printed": {"params": printed}, **settings}
    return json.dumps({"net": "lenet5", "columns": ["params"], "rows": [row]})


def verdict(tmp_path: Path, text: str) -> tuple[str, str]:
    document = json.loads(audited(tmp_path, text, "--format", "json").out)
    (cell,) = document["tables"][0]["cells"]
    return cell["verdict"], cell["note"]


def test_a_users_file_with_the_name_of_a_built_in_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lenet5.yaml").write_text(one_cell("61K"), "utf-8")
    done = netcalc("audit", "lenet5.yaml")
    assert (done.code, done.err) == (
        1,
        "netcalc: lenet5.yaml: a, params: 61K is printed and 60K derived\n",
    )
    assert netcalc("audit", "lenet5").code == 0


@pytest.mark.parametrize(
    "text", ["60K - 80K", "60K-80K", "60K + 5M", "60K / 5", "60 K to 70 K", "60 thousand million"]
)
def test_one_number_to_a_cell(text: str, tmp_path: Path) -> None:
    done = audited(tmp_path, one_cell(text))
    assert (done.code, done.out) == (2, "")
    assert "is a range, a sum or a product; one number to a cell" in done.err
    assert "t.yaml:1" in done.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60 000", "exact"),
        ("60\u202f000", "exact"),
        ("6E-2M", "exact"),
        ("6×10^4", "exact"),
        ("10^6", "off"),
        ("60K*", "exact"),
        ("60K†", "exact"),
        ("60K (in the paper's words)", "exact"),
        ("61K†", "off"),
        ("more than 59K", "rounds"),
        ("over 60K", "off"),  # it is not over 60,000
        ("at least 60K", "rounds"),
        ("≥ 61K", "off"),
        ("less than 60K", "off"),
        ("at most 60K", "rounds"),
        ("<= 59K", "off"),
    ],
)
def test_numbers_in_cells(text: str, expected: str, tmp_path: Path) -> None:
    found, note = verdict(tmp_path, one_cell(text))
    assert found == expected
    assert (note == "a bound that holds") == (expected == "rounds")


def test_a_lower_bound_in_round_numbers_is_the_one_before(tmp_path: Path) -> None:
    assert verdict(tmp_path, one_cell("more than 55K", digit=5))[0] == "rounds"
    assert verdict(tmp_path, one_cell("more than 50K", digit=5))[0] == "off"


@pytest.mark.parametrize("text", ["-", "—", "–", "n/a", "TBD"])
def test_cells_without_a_number_say_how_to_leave_one_out(text: str, tmp_path: Path) -> None:
    done = audited(tmp_path, one_cell(text))
    assert done.code == 2
    assert "a, params: " in done.err
    assert "write '' where nothing is printed, or quantity: none" in done.err


@pytest.mark.parametrize("text", ["9" * 5000, "1,08", "36864 864", "7x7/2"])
def test_no_unit_is_advised_for_what_is_none(text: str, tmp_path: Path) -> None:
    done = audited(tmp_path, one_cell(text))
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "units: {" not in done.err
    assert len(done.err) < 300


def test_a_number_thousands_of_times_as_large_has_no_percentage(tmp_path: Path) -> None:
    found, note = verdict(tmp_path, one_cell("9" * 50))
    assert found == "off"
    assert note == "by more than 1,000,000,000,000, more than 1000 times as much"


@pytest.mark.parametrize("text", ["32X32×480", "32 x 32 x 480", "32*32*480", "32 × 32x480"])
def test_sizes_are_read_however_they_are_written(text: str, tmp_path: Path) -> None:
    table = f"net: reduced\ncolumns: [output]\nrows: [{{row: a, printed: '{text}'}}]"
    assert verdict(tmp_path, table)[0] == "exact"
    wrong = audited(tmp_path, table.replace("480", "479"))
    assert "is printed and 32x32x480 derived" in wrong.err


RANKS = """
nets:
  video:
    input: [1, 3, 8, 32, 10]
    layers: [{conv: {type: Conv3d, out_channels: 8, kernel: 3}}]
  words:
    input: [1, 197, 768]
    layers: [{fc: {type: Linear, out_features: 16}}]
columns: [output, input, channels, height, width]
rows:
  - {row: video, net: video, printed: [6x30x8x8, 8x32x10x3, "8", "30", "8"]}
  - {row: words, net: words, printed: {output: 197x16, input: 197x768}}
"""


def test_sizes_of_other_ranks(tmp_path: Path) -> None:
    assert (8 - 3 + 1, 32 - 3 + 1) == (6, 30)
    done = audited(tmp_path, RANKS)
    assert (done.code, done.err) == (0, "")
    done = audited(tmp_path, RANKS.replace("input: 197x768}", "channels: '16'}"))
    assert done.code == 2
    assert "words, channels: 1x197x16 comes out, which has no channels; use output" in done.err


def test_a_text_of_which_nothing_is_derived(tmp_path: Path) -> None:
    done = audited(tmp_path, "net: lenet5\ncolumns: [window]\nrows: [{row: a, printed: 5x5/1}]")
    assert done.code == 1
    assert "5x5/1 is printed and nothing derived; set layer: the layer whose window" in done.err


# --- hypotheses ----------------------------------------------------------------------------------


def test_a_hypothesis_derives_something(tmp_path: Path) -> None:
    for hypothesis in (
        {"says": "nothing", "quantity": "none"},
        {"says": "nothing", "columns": {"params": {"quantity": "none"}}},
    ):
        done = audited(tmp_path, one_cell("61K", hypotheses=[hypothesis]))
        assert done.code == 2
        assert "t.yaml:1: quantity: none explains nothing" in done.err
    done = audited(tmp_path, one_cell("61K", hypotheses=[{"says": "so", "digit": 1000}]))
    assert (done.code, "t.yaml:1: a hypothesis sets no digit" in done.err) == (2, True)


@pytest.mark.parametrize("formula", ['row["a"].size', "size", "size + 0 * params"])
@pytest.mark.parametrize("where", ["row", "hypothesis"])
def test_a_cell_does_not_explain_itself(formula: str, where: str, tmp_path: Path) -> None:
    row: dict[str, Any] = {"row": "a", "printed": {"size": "61K"}}
    row |= {"quantity": formula} if where == "row" else {"quantity": "params"}
    row |= {} if where == "row" else {"hypotheses": [{"says": "so", "quantity": formula}]}
    done = audited(tmp_path, json.dumps({"net": "lenet5", "columns": ["size"], "rows": [row]}))
    assert done.code == 2
    assert "a, size" in done.err
    assert "the formula for size speaks of this very cell" in done.err
    assert ("'so'" in done.err) == (where == "hypothesis")


def test_arithmetic_on_printed_numbers_is_called_that(tmp_path: Path) -> None:
    explained = one_cell("61K", hypotheses=[{"says": "a sum", "quantity": "60000 + 1000"}])
    assert verdict(tmp_path, explained) == (
        "explained",
        "exact; arithmetic on printed numbers: a sum: 61,000 = 61K",
    )
    derived = one_cell("61K", hypotheses=[{"says": "a sum", "quantity": "params + 1000"}])
    assert verdict(tmp_path, derived) == ("explained", "exact; a sum: 61,000 = 61K")
    alone = one_cell("61K", quantity="61000")
    assert verdict(tmp_path, alone) == ("exact", "arithmetic on printed numbers")


def test_a_hypothesis_on_another_net_has_no_layer_of_the_rows(tmp_path: Path) -> None:
    table = """
net: alexnet
columns: [params]
rows:
  - row: conv1
    covers: conv1
    layer: conv1
    printed: [32,768]
    hypotheses: [{says: a branch, net: reduced, covers: branch1x1}]
"""
    found = verdict(tmp_path, table.replace("[32,768]", "['32,768']"))
    assert (256 * 128, found[0]) == (32_768, "explained")
    done = audited(tmp_path, table.replace("[32,768]", "['1']").replace("branch1x1", "branch9"))
    assert done.code == 2
    assert "t.yaml:5: conv1, params, 'a branch': reduced has no layer or module branch9" in done.err


def test_hypotheses_that_explain_nothing(tmp_path: Path) -> None:
    """A bare number, and two rows that are explained by each other's cells."""
    alone = one_cell("61K", hypotheses=[{"says": "so it is", "quantity": "61000"}])
    done = audited(tmp_path, alone)
    assert (done.code, "the number 61000 alone explains nothing" in done.err) == (2, True)
    circle = """
net: lenet5
columns: [params]
rows:
  - {row: a, printed: 61K, hypotheses: [{says: as b, quantity: 'row["b"].params'}]}
  - {row: b, printed: 61K, hypotheses: [{says: as a, quantity: 'row["a"].params + 0'}]}
"""
    done = audited(tmp_path, circle)
    assert done.code == 2
    assert "t.yaml:5: the hypotheses of a and b explain each other" in done.err
    chain = circle.replace("'row[\"a\"].params + 0'", "'params + 1000'")
    assert (60_000 + 1000, audited(tmp_path, chain).code) == (61_000, 0)


def test_covers_takes_each_layer_once_and_in_order(tmp_path: Path) -> None:
    table = """
net: googlenet
columns: [params, depth, output]
rows:
  - {row: a, covers: [conv1, conv1], printed: ['9,472', '1', 112x112x64]}
  - row: b
    covers: [inception_3a, inception_3a/branch1x1]
    printed: ['163,696', '2', 28x28x256]
  - {row: c, covers: [inception_3b, inception_3a], printed: ['552,432', '4', 28x28x480]}
"""
    weights_3a = 192 * (64 + 96 + 16 + 32) + 9 * 96 * 128 + 25 * 16 * 32
    weights_3b = 256 * (128 + 128 + 32 + 64) + 9 * 128 * 192 + 25 * 32 * 96
    biases = (64 + 96 + 128 + 16 + 32 + 32) + (128 + 128 + 192 + 32 + 96 + 64)
    assert weights_3a + weights_3b + biases == 552_432
    done = audited(tmp_path, table)
    assert (done.code, "9 exact" in done.out) == (0, True)


def test_a_contradiction_needs_one_size_of_map(tmp_path: Path) -> None:
    """Two equal convolutions, on 12x12 and on 6x6: no map has the 90 places between them."""
    table = """
nets:
  one:
    input: [1, 8, 12, 12]
    layers:
      - a: {type: Conv2d, out_channels: 8, kernel: 3, padding: 1, bias: false}
      - p: {type: MaxPool2d, kernel: 2}
      - b: {type: Conv2d, out_channels: 8, kernel: 3, padding: 1, bias: false}
columns: [weights, macs]
rows:
  - {row: both, printed: ['1000', '103,680']}
"""
    assert 8 * 8 * 9 * (144 + 36) == 103_680
    assert "contradicts" not in audited(tmp_path, table).out
    alone = table.replace("row: both,", "row: a, covers: a,").replace("103,680", "82,944")
    assert 8 * 8 * 9 * 144 == 82_944
    assert "contradicts" in audited(tmp_path, alone).out


def test_an_input_that_is_wrong_is_not_explained(tmp_path: Path) -> None:
    """A hypothesis may not explain a row whose own width is another."""
    table = """
net: lenet5
columns:
  - {key: maps, given: true, quantity: channels}
  - params
rows:
  - row: C1
    covers: C1
    printed: ['7', '157']
    hypotheses: [{says: one more, columns: {params: {quantity: params + 1}}}]
"""
    done = audited(tmp_path, table)
    assert (done.code, "0 explained; 2 off" in done.out) == (1, True)
    assert "1 explained; 0 off" in audited(tmp_path, table.replace("'7'", "'6'")).out


def test_rows_quoted_from_memory_are_named(tmp_path: Path) -> None:
    table = one_cell("60K", verified=False)
    assert verdict(tmp_path, table) == ("exact", "quoted from memory")
    assert "quoted from memory: row a; check it" in audited(tmp_path, table).out
    document = json.loads(audited(tmp_path, table, "--format", "json").out)
    assert document["tables"][0]["cells"][0]["verified"] is False
    own = nc.audit("vgg_table2").tables[0]
    rows = {cell.row for cell in own.cells if not cell.verified}
    assert rows == {"weights in (Sermanet et al., 2014)"}


# --- copies of netcalc's tables ------------------------------------------------------------------


def test_a_title_alone_makes_no_copy(tmp_path: Path) -> None:
    done = audited(tmp_path, one_cell("60K").replace("{", '{"title": "LeNet-5", ', 1))
    assert (done.code, "not as recorded" in done.out) == (0, False)


def test_a_copy_with_rows_of_its_own(tmp_path: Path) -> None:
    text = built_in()["lenet5"].read_text("utf-8")
    more = text + "  - {row: mine, printed: ['', '', '60,000', '']}\n"
    assert "not as recorded" not in audited(tmp_path, more).out
    done = audited(tmp_path, more.replace('"122,304"', '"122,305"'))
    assert done.out.count("not as recorded") == 1
    assert "C1, connections" in done.out


# --- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "an infinite number": (one_cell("60K", quantity="1e999"), "too large"),
    "an infinite factor": (one_cell("60K", quantity="params * 1e400"), "too large"),
    "a huge product": (one_cell("60K", quantity="*".join(["1e50"] * 9)), "too large"),
    "a tiny number": (one_cell("60K", quantity="1e-300 * 1e-300"), "too small"),
    "a unit of 1/0": (one_cell("60K", units={"K": "1/0"}), "a positive number, got '1/0'"),
    "a digit of 5/0": (one_cell("60K", digit="5/0"), "a positive number, got '5/0'"),
    "a unit of nothing": (one_cell("60K", units={"K": []}), "an empty list"),
    "no way to round": (one_cell("60K", round=[]), "an empty list"),
    "no layers": (one_cell("60K", covers=[]), "an empty list"),
    "no shape": (one_cell("60K", input=[]), "an empty list"),
    "verified or not": (one_cell("60K", verified="maybe"), "verified must be true or false"),
    "no cells": (one_cell(""), "this row prints nothing to audit"),
    "no rows": ('{"net": "lenet5", "columns": ["params"], "rows": []}', "rows is empty"),
    "no columns": ('{"net": "lenet5", "columns": [], "rows": [{"printed": []}]}', "columns is emp"),
    "crops of another size": (
        one_cell("144", net="inception_v3", quantity="crops"),
        "a, params: crops are of images resized to 256, 288, 320, 352, and scale 256",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_its_line(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    done = audited(tmp_path, text)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert "t.yaml:1" in done.err
    assert message in done.err


@pytest.mark.parametrize("tables", [(None,), (["lenet5"],), (3,)])
def test_audit_takes_names_and_paths(tables: Any, tmp_path: Path) -> None:
    with pytest.raises(nc.InputError, match="audit takes names of tables and files"):
        nc.audit(*tables)
    file = tmp_path / "t.yaml"
    file.write_text(one_cell("60K"), "utf-8")
    assert nc.audit(file).ok
    assert repr(nc.audit(file)) == "<Audit of 1 table: 1 exact>"


def test_all_tables_and_one_of_them() -> None:
    done = netcalc("audit", "all", "lenet5")
    assert (done.code, done.out) == (2, "")
    assert "all tables are asked for, and lenet5 too" in done.err


def test_the_hint_for_an_unknown_table_is_short() -> None:
    done = netcalc("audit", "zzz")
    assert "there is no table called 'zzz'; see `netcalc audit`, or give a .yaml file" in done.err


# --- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tables", [(), ("all",), ("lenet5",), ("nin",), ("googlenet_table2",)])
def test_csv_has_every_cell(tables: tuple[str, ...]) -> None:
    rows = list(csv.reader(StringIO(netcalc("audit", *tables, "--format", "csv").out)))
    assert rows[0] == ["table", "row", "column", "printed", "derived", "verdict", "note"]
    found = nc.audit(*tables).tables
    assert rows[1:] == [
        [t.table.name, c.row, c.column, c.printed, c.derived, c.verdict, c.note]
        for t in found
        for c in t.cells
    ]


def test_csv_of_suggestions() -> None:
    rows = list(csv.reader(StringIO(netcalc("audit", "--suggest", "--format", "csv").out)))
    assert len(rows) == 1 + len(nc.audit().suggestions().suggestions)
    assert rows[0][:5] == ["table", "row", "layer", "field", "before"]
    alone = netcalc("audit", "lenet5", "--suggest", "--format", "csv")
    assert (alone.code, alone.out) == (0, ",".join(rows[0]) + "\n")


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "html"])
@pytest.mark.parametrize("table", ["googlenet_table2", "inception_v4_table1"])
def test_tables_without_derivable_cells_are_shown(table: str, form: str) -> None:
    out = netcalc("audit", table, "--format", form).out
    assert "nothing to show" not in out
    (found,) = nc.audit(table).tables
    assert not any(cell.verdict in DERIVABLE for cell in found.cells)
    assert out.count(found.cells[0].verdict) >= len(found.cells)


def test_the_report_lists_cells_of_every_verdict() -> None:
    text = (Path(__file__).parent.parent / "reports" / "audit.md").read_text("utf-8")
    (found,) = nc.audit("googlenet_table1").tables
    inputs = [cell for cell in found.cells if cell.verdict == "input"]
    section = text.partition("## GoogLeNet, Table 1")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if "| input" in line]
    assert len(lines) == len(inputs) > 80


# --- skeletons -----------------------------------------------------------------------------------

EVERYTHING = ",".join([*TEXTS, *NUMBERS])


@pytest.mark.parametrize("net", entries())
def test_a_skeleton_of_everything_says_what_netcalc_says(net: str, tmp_path: Path) -> None:
    file = tmp_path / "new.yaml"
    made = netcalc("audit", "--new", net, "--columns", EVERYTHING, "-o", str(file))
    assert (made.code, made.err) == (0, "")
    summary = nc.audit(file).summary
    assert summary["exact"] == sum(summary.values()) > len(NUMBERS)


def test_a_skeleton_leaves_out_what_cannot_be_derived(tmp_path: Path) -> None:
    done = netcalc("audit", "--new", "inception_v3", "--columns", "params,crops")
    rows = yaml.safe_load(done.out)["rows"]
    assert all(row["printed"][1] == "" for row in rows)
    done = netcalc("audit", "--new", "inception_v3", "--columns", "crops")
    assert (done.code, done.out) == (2, "")
    assert "inception_v3 has nothing of crops to print" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--columns", "params,params"), "two columns are called 'params'"),
        (("--columns", ","), "a table needs columns"),
        (("-o", "skeleton.json"), "skeleton.json: --new writes YAML"),
        (("--input", "x=3,9,9"), "one input, a shape without a name or a type"),
    ],
)
def test_skeletons_that_are_refused(arguments: tuple[str, ...], message: str) -> None:
    done = netcalc("audit", "--new", "lenet5", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert netcalc("audit", "--input", "3,9,9").code == 2


@pytest.mark.parametrize("columns", ["params", None, [], [3]])
def test_columns_are_a_list(columns: Any) -> None:
    with pytest.raises(nc.InputError):
        nc.new_table("lenet5", columns)


def test_skeletons_of_graphs_and_analyses() -> None:
    expected = nc.new_table("googlenet@aux=true")
    assert nc.new_table(nc.load("googlenet", aux=True)) == expected
    assert nc.new_table(nc.analyse("googlenet@aux=true")) == expected
    assert "input: [1, 3, 256, 256]" in nc.new_table(nc.analyse("googlenet", 256))
    with pytest.raises(nc.InputError, match="takes a network or the name of one"):
        nc.new_table(3)  # type: ignore[arg-type]


FACTORY = """
from torch import nn


def small(c: int = 4):
    return nn.Sequential(nn.Conv2d(3, c, 3), nn.ReLU())
"""


def test_a_skeleton_on_an_input_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the network is named as it lies beside that of the table."""
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    Path("sub/net.py").write_text(FACTORY, "utf-8")
    arguments = ("--input", "3,12,12", "--columns", "output,params,window", "-o", "sub/new.yaml")
    made = netcalc("audit", "--new", "sub/net.py:small@c=5", *arguments)
    assert (made.code, made.err) == (0, "")
    table = yaml.safe_load(Path("sub/new.yaml").read_text("utf-8"))
    assert (table["net"], table["input"]) == ("net.py:small@c=5", [1, 3, 12, 12])
    assert table["rows"][-1]["printed"][:2] == ["10x10x5", str(5 * (27 + 1))]
    for folder in (tmp_path, tmp_path / "sub"):
        monkeypatch.chdir(folder)
        (name,) = (str(p) for p in (Path("new.yaml"), Path("sub/new.yaml")) if p.is_file())
        done = netcalc("audit", name)
        assert (done.code, done.err) == (0, "")


def test_a_skeleton_beside_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
    Path("a/net.yaml").write_text(nc.export("lenet5"), "utf-8")
    assert netcalc("audit", "--new", "a/net.yaml", "-o", "b/new.yaml").code == 0
    assert yaml.safe_load(Path("b/new.yaml").read_text("utf-8"))["net"] == "../a/net.yaml"
    monkeypatch.chdir("b")
    assert netcalc("audit", "new.yaml").code == 0


def test_layers_into_which_nothing_goes(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    done = netcalc("audit", "--new", "torchvision:vit_b_16", "--columns", "depth,in_elements,label")
    assert done.code == 0
    rows = {row["row"]: row["printed"] for row in yaml.safe_load(done.out)["rows"]}
    assert rows["class_token"] == ["0", "", "class_token"]
    table = "net: torchvision:vit_b_16\ncolumns: [in_elements]\nrows: [{covers: class_token,"
    done = audited(tmp_path, table + " printed: ['768']}]")
    assert done.code == 2
    assert "nothing goes into class_token" in done.err
    assert netcalc("audit", "--new", "torchvision:swin_t", "--columns", "depth,input").code == 0


# --- suggestions ---------------------------------------------------------------------------------


def suggested(tmp_path: Path, text: str) -> Any:
    file = tmp_path / "t.yaml"
    file.write_text(text, "utf-8")
    return nc.audit(file).suggestions()


def test_texts_that_match_do_not_keep_a_row_from_being_tried(tmp_path: Path) -> None:
    assert 256 * 96 * 25 + 256 == 614_656
    found = suggested(
        tmp_path,
        "net: alexnet\ncolumns: [window, out_channels, params]\nrows:\n"
        "  - {row: conv2, covers: conv2, layer: conv2, printed: [5x5/1, '256', '614,656']}\n",
    )
    groups = [s for s in found.suggestions if s.field == "groups"]
    assert [(s.before, s.best, s.contradicts) for s in groups] == [(2, 1, ())]


def test_a_change_that_a_text_speaks_against_says_so(tmp_path: Path) -> None:
    assert 256 * 48 * 49 + 256 == 602_368
    found = suggested(
        tmp_path,
        "net: alexnet\ncolumns: [window, params]\nrows:\n"
        "  - {row: conv2, covers: conv2, layer: conv2, printed: [5x5/1, '602,368']}\n",
    )
    kernels = [s for s in found.suggestions if s.field == "kernel"]
    assert [(s.best, s.contradicts) for s in kernels] == [(7, ("window 5x5/1",))]


def test_a_text_that_is_off_must_come_out(tmp_path: Path) -> None:
    text = (
        "nets:\n  one:\n    input: [1, 8, 12, 12]\n"
        "    layers: [{conv: {type: Conv2d, out_channels: 16, kernel: 3, padding: 1}}]\n"
        "columns: [{key: window, given: true}, output, params]\nrows:\n"
        "  - {row: a, covers: conv, layer: conv, printed: [5x5/1, 12x12x16, '3,216']}\n"
    )
    assert 16 * 8 * 25 + 16 == 3_216
    assert [(s.field, s.best) for s in suggested(tmp_path, text).suggestions] == [("kernel", 5)]


def test_a_row_with_only_its_size_off(tmp_path: Path) -> None:
    found = suggested(
        tmp_path, "net: conv3x3\ncolumns: [output]\nrows: [{row: a, printed: 16x16x64}]"
    )
    assert [(s.field, s.best) for s in found.suggestions] == [("stride", 2)]
    assert found.suggestions[0].cells == (("output", "16x16x64", "16x16x64", "exact"),)


@pytest.mark.parametrize("size", ["32x32", "abc", "32x32x64x1", "x"])
def test_sizes_that_nothing_has(size: str, tmp_path: Path) -> None:
    found = suggested(
        tmp_path,
        f"net: conv3x3\ncolumns: [output, params]\nrows: [{{row: a, printed: [{size}, '5']}}]",
    )
    assert (found.suggestions, found.tables[0].none) == ((), ("a",))


UNTRIED = {
    "a formula": ({"quantity": "params + 1"}, "a formula stands behind one of its cells"),
    "many layers": ({"net": "googlenet"}, "more than 40 layers"),
    "no field": ({"quantity": "depth"}, "no single field changes what is off"),
}


@pytest.mark.parametrize("case", UNTRIED)
def test_why_a_row_is_not_tried(case: str, tmp_path: Path) -> None:
    settings, why = UNTRIED[case]
    text = one_cell("3", **settings)
    assert [tuple(row) for row in suggested(tmp_path, text).tables[0].untried] == [("a", why)]
    done = netcalc("audit", str(tmp_path / "t.yaml"), "--suggest")
    assert (done.code, f"not tried, {why}: a" in done.out) == (0, True)


def test_windows_of_a_pool_are_one_suggestion(tmp_path: Path) -> None:
    """All kernels that leave one place on 12, with a stride of 5, by brute force."""
    text = (
        "nets:\n  pool:\n    input: [1, 8, 12, 12]\n"
        "    layers: [{pool: {type: MaxPool2d, kernel: 2, stride: 5}}]\n"
        "columns: [output]\nrows: [{row: a, covers: pool, printed: 1x1x8}]\n"
    )
    found = suggested(tmp_path, text).suggestions
    fits = tuple(k for k in range(1, 13) if (12 - k) // 5 + 1 == 1)
    kernels = [s for s in found if s.field == "kernel"]
    assert [s.values for s in kernels] == [fits]
    assert kernels[0].best == min(fits)
