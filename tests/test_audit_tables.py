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


@pytest.mark.parametrize("text", ["-", "—", "–", "n/a", "TBD", "null", "~"])
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
    assert (done.code, "exact: 9" in done.out) == (0, True)


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
    assert (done.code, "explained: 0, off: 2" in done.out) == (1, True)
    assert "explained: 1, off: 0" in audited(tmp_path, table.replace("'7'", "'6'")).out


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


@pytest.mark.parametrize("name", ["LENET5", "lenet", "LeNet5"])
def test_the_hint_for_a_table_of_another_case(name: str) -> None:
    done = netcalc("audit", name)
    told = f"there is no table called '{name}'; did you mean lenet5? Or give a .yaml file\n"
    assert (done.code, done.err) == (2, f"netcalc: {told}")


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
    section = text.partition("## googlenet_table1\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if "| input" in line]
    assert len(lines) == len(inputs) > 80


def test_the_report_links_each_table_and_fits_a_page() -> None:
    text = (Path(__file__).parent.parent / "reports" / "audit.md").read_text("utf-8")
    lines = text.splitlines()
    for name in built_in():
        assert f"| [{name}](#{name}) " in text
        assert lines.count(f"## {name}") == 1
    assert "\\`" not in text
    assert max(len(line) for line in lines if not line.startswith("|")) <= 80
    title = nc.audit("lenet5").tables[0].table.title
    assert sum(title in line for line in lines) == 1


NOTES = """
title: Notes
nets: {one: {input: [1, 3, 32, 32], layers: [
  {a: {type: Conv2d, out_channels: 16, kernel: 3, padding: 1, bias: false}}]}}
columns: [{key: window, given: true}, {key: remark, given: true}, output, params,
  {key: year, quantity: none}]
note: From a draft.
rows:
  - {row: first, covers: a, layer: a, printed: [3x3/1, wide, 32x32x16, '864', '2020'],
     hypotheses: [{says: with as many biases, columns: {params: {quantity: 2 * params}}}]}
  - {row: second, covers: a, printed: {output: 16x32x32, params: '433'}, note: a slip}
"""


def test_notes_say_what_they_are_about(tmp_path: Path) -> None:
    """Hypotheses by number, cells by row, column and what they print; what was compared."""
    assert 9 * 3 * 16 == 432
    done = audited(tmp_path, NOTES)
    assert done.code == 1
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "first params 864 432 explained 864 by (1)" in lines
    assert "second params 433 432 off ! by +1, +0.2%" in lines
    notes = lines[lines.index("(1) with as many biases") :]
    assert notes == [
        "(1) with as many biases",
        'second, output "16x32x32": a slip',
        "off by so many of the last printed digit, and in percent",
        "input, held against the spec: 1 cell of window",
        "input, not compared: 1 cell of remark",
        "not derivable, no count gives it: 1 cell of year",
        "exact: 1, rounds: 0, explained: 1, off: 2, input: 2, not derivable: 1",
        "From a draft.",
    ]
    for form, marked in (("markdown", "864 by (1)"), ("latex", "864 by (1)"), ("html", "by (1)")):
        assert marked in audited(tmp_path, NOTES, "--format", form).out
    cells = json.loads(audited(tmp_path, NOTES, "--format", "json").out)["tables"][0]["cells"]
    by_place = {(c["row"], c["column"]): c["note"] for c in cells}
    assert by_place["first", "params"] == "exact; with as many biases: 864"
    assert by_place["second", "output"] == "the axes are in another order, channels first; a slip"


def test_notes_of_several_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(NOTES, "utf-8")
    Path("b.yaml").write_text(one_cell("61K"), "utf-8")
    out = netcalc("audit", "a.yaml", "b.yaml").out.splitlines()
    for line in (
        "a: (1) with as many biases",
        'a: second, output "16x32x32": a slip',
        "a: From a draft.",
        "off by so many of the last printed digit, and in percent",
    ):
        assert out.count(line) == 1


SIZES = [  # a size of 16x16x32, 16x16 or 1x1x10 as printed, and what is said of it
    ("output", "16x16x48", "channels by +16, +50.0%"),
    ("output", "15x8x32", "height by -1, -6.2%; width by -8, -50.0%"),
    ("output", "32x16x16", "the axes are in another order, channels first"),
    ("output", "16x32x16", "the axes are in another order"),
    ("output", "16x16", "2 numbers, and 16x16x32 has 3"),
    ("output", "16-16-32", "write it as 16x16x32"),
    ("output", "abc", ""),
    ("map", "16x17", "width by +1, +6.2%"),
    ("out_channels", "33", "by +1, +3.1%"),
    ("window", "5x3/2", "kernel height by +2, +66.7%; stride by +1, +100.0%"),
    ("vector", "10", "a vector is written 1x1x10"),
    ("vector", "1x1x9", "channels by -1, -10.0%"),
]


@pytest.mark.parametrize(("quantity", "printed", "note"), SIZES)
def test_sizes_that_are_off_say_by_how_much(
    quantity: str, printed: str, note: str, tmp_path: Path
) -> None:
    vector = quantity == "vector"
    table = (
        "nets: {one: {input: [1, 3, 16, 16], layers: [\n"
        "  {a: {type: Conv2d, out_channels: 32, kernel: 3, padding: 1}}, {b: Flatten},"
        " {c: {type: Linear, out_features: 10}}]}}\n"
        f"columns: [{{key: x, quantity: {'output' if vector else quantity}}}]\n"
        f"rows: [{{row: a, covers: {'c' if vector else 'a'}, layer: {'c' if vector else 'a'},"
        f" printed: '{printed}'}}]\n"
    )
    assert verdict(tmp_path, table) == ("off", note)


def columns(line: str) -> int:
    """Those of a terminal, where Chinese characters are two columns wide."""
    return len(line) + sum("\u4e00" <= c <= "\u9fff" or c == "，" for c in line)


def test_chinese_names_fit_a_terminal(tmp_path: Path) -> None:
    name = "卷积层一二三四五六七八九十" * 4
    text = one_cell("60K", row=name, note="，".join([name] * 3))
    done = audited(tmp_path, json.dumps(json.loads(text), ensure_ascii=False))
    lines = [line for line in done.out.splitlines() if "t.yaml" not in line]  # a path stays whole
    assert max(map(columns, lines)) <= 80
    assert done.out.replace("\n  ", "").count(name) >= 4
    first = next(line for line in lines if line.startswith("卷积层") and "60K" in line)
    rule = next(line for line in lines if line.startswith("---"))
    assert columns(first.partition(" ")[0]) <= len(rule.split()[0])
    assert columns(first[: first.index("60K") + 3]) == rule.index(" -------") + 8


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
        (("--input", "x=3,9,9"), "lenet5 has no input 'x'"),
        (("--input", "1,16:int65"), "there is no element type 'int65'; did you mean int64?"),
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


MODELS = """
import torch
from torch import nn


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.last = nn.Embedding(1000, 32), nn.Linear(32, 5)

    def forward(self, x):
        return self.last(self.words(x))


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 4), nn.Embedding(6, 4)

    def forward(self, left, right):
        return self.a(left) + self.b(right)


def vectors():
    return nn.Linear(10, 7)
"""

INPUTS = {  # what --input says, what the file may say in its place, parameters and MACs
    "Tokens": (
        ["1,16:int64"],
        ["1,16:int64", "1x16:int64", "{x: '1,16:int64'}", "{x: 1x16:int64}"],
        (1000 * 32 + 33 * 5, 16 * 32 * 5),
    ),
    "Two": (
        ["left=2,8", "right=2:int64"],
        ["{left: [2, 8], right: 2:int64}", "{left: 2x8:float32, right: '2:int64'}"],
        (8 * 4 + 4 + 6 * 4, 2 * 8 * 4),
    ),
    "vectors": (["3,10:float32"], ["3,10:float32", "3x10:float32"], (10 * 7 + 7, 3 * 10 * 7)),
}


@pytest.mark.parametrize("model", INPUTS)
def test_inputs_with_types_and_names(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file as --input takes them: at the top, beside a net, in a row, in a hypothesis."""
    monkeypatch.chdir(tmp_path)
    Path("models.py").write_text(MODELS, "utf-8")
    options, written, (params, macs) = INPUTS[model]
    net = f"models.py:{model}"
    given = [part for option in options for part in ("--input", option)]
    made = netcalc("audit", "--new", net, *given, "--columns", "params,macs", "-o", "new.yaml")
    assert (made.code, made.err) == (0, "")
    rows = yaml.safe_load(Path("new.yaml").read_text("utf-8"))["rows"]
    assert rows[-1]["printed"] == [f"{params:,}", f"{macs:,}"]
    assert netcalc("audit", "new.yaml").code == 0
    cells = f"columns: [params, macs]\nrows:\n- row: a\n  printed: ['{params}', '{macs}']\n"
    for text in written:
        for table in (
            f"net: {net}\ninput: {text}\n{cells}",
            f"nets:\n  one:\n    net: {net}\n    input: {text}\n{cells}",
            f"net: {net}\ninput: 9,9:int64\n{cells}  input: {text}\n",
        ):
            done = audited(tmp_path, table)
            assert (done.code, done.err, "exact: 2," in done.out) == (0, "", True), table
    if model == "Tokens":
        hypothesis = f"  hypotheses:\n  - says: longer\n    input: {written[0]}\n"
        table = f"net: {net}\ninput: 1,2:int64\n{cells}{hypothesis}"
        assert verdicts(tmp_path, table) == ["exact", "explained"]


def verdicts(tmp_path: Path, text: str) -> list[str]:
    document = json.loads(audited(tmp_path, text, "--format", "json").out)
    return [cell["verdict"] for cell in document["tables"][0]["cells"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "models.py:Tokens: say which input it takes, --input 3,224,224"),
        ("", "in a table's file input: [3, 224, 224] or input: 1,16:int64"),
        ("input: [1, 16]", "in a table's file input: 1,16:int64"),
        ("input: 1,16:int65", "t.yaml:2: input: there is no element type 'int65'; did you mean"),
        ("input: {x: many}", "t.yaml:2: x takes a shape such as 3,224,224"),
        ("input: {x: {y: 3}}", "t.yaml:2: here stands a text"),
        ("input: {}", "t.yaml:2: "),
    ],
)
def test_inputs_that_are_refused(
    given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models.py").write_text(MODELS, "utf-8")
    rows = "columns: [params]\nrows:\n  - {row: a, printed: '32,165'}"
    done = audited(tmp_path, f"net: models.py:Tokens\n{given or '# no input'}\n{rows}")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert message in done.err


def test_a_skeleton_beside_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
    Path("a/net.yaml").write_text(nc.export("lenet5"), "utf-8")
    assert netcalc("audit", "--new", "a/net.yaml", "-o", "b/new.yaml").code == 0
    assert yaml.safe_load(Path("b/new.yaml").read_text("utf-8"))["net"] == "../a/net.yaml"
    monkeypatch.chdir("b")
    assert netcalc("audit", "new.yaml").code == 0


def test_the_example_files() -> None:
    """One of their cells is off: 64 kernels of 3 x 3 x 32 on 16 x 16, and twice that printed."""
    assert 64 * 9 * 32 * 16 * 16 == 4_718_592
    done = netcalc("audit", str(EXAMPLES / "our_table.yaml"))
    (told,) = done.err.splitlines()
    assert (done.code, told.partition("our_table.yaml: ")[2]) == (
        1,
        "body, macs: 9.4M is printed and 4.72M derived",
    )
    for file in EXAMPLES.iterdir():
        assert file.read_text("utf-8").startswith(f"# {file.name}\n")


EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


@pytest.mark.parametrize("name", ["empty.yaml", "blank.yaml"])
def test_an_empty_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("" if name == "empty.yaml" else "# nothing\n\n", "utf-8")
    done = netcalc("audit", str(tmp_path / name))
    assert done.code == 2
    assert "the file is empty; `netcalc audit --new NET` writes a full one" in done.err
    assert "netcalc schema --example" in netcalc("table", str(tmp_path / name)).err


HELPED = "from torch import nn\nfrom {package}helper import W\n\n\ndef make():\n{later}"


@pytest.mark.parametrize("package", ["", "parts."])
@pytest.mark.parametrize("later", [False, True])
def test_files_of_two_folders_with_helpers_of_one_name(
    package: str, later: bool, tmp_path: Path
) -> None:
    """Each folder's factory gets its own, also where it imports only when it is called."""
    made = "    return nn.Linear(10, W, bias=False)\n"
    late = f"    from {package}helper import W\n{made}"
    text = HELPED.format(package=package, later=late if later else made)
    widths = {"a": 7, "b": 14}
    for folder, width in widths.items():
        place = tmp_path / folder / package.rstrip(".")
        place.mkdir(parents=True)
        (place / "helper.py").write_text(f"W = {width}\n", "utf-8")
        file = tmp_path / folder / "net.py"
        if later:
            text = text.replace(f"from {package}helper import W\n\n", "\n", 1)
        file.write_text(text, "utf-8")
        (tmp_path / folder / "t.yaml").write_text(
            f"net: net.py:make\ninput: 1,10:float32\ncolumns: [params]\n"
            f"rows: [{{row: a, printed: '{10 * width}'}}]\n",
            "utf-8",
        )
    files = [str(tmp_path / folder / "t.yaml") for folder in ("a", "b", "a")]
    assert [netcalc("audit", *given).err for given in (files[:2], files[1:], files)] == [""] * 3
    audit = nc.audit(*files[:2])
    assert [c.value for each in audit.tables for c in each.cells] == [70, 140]


def test_files_of_one_name_go_by_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "t.yaml").write_text(one_cell("60K"), "utf-8")
    Path("c.yaml").write_text(one_cell("60K"), "utf-8")
    done = netcalc("audit", "a/t.yaml", "b/t.yaml", "c.yaml")
    assert done.out.startswith("3 tables, 3 derivable cells\n")
    assert all(f"\n{title}\nrow" in done.out for title in ("t (a/t.yaml)", "t (b/t.yaml)", "c"))
    flat = netcalc("audit", "a/t.yaml", "b/t.yaml", "c.yaml", "--format", "csv").out
    assert [row[0] for row in csv.reader(StringIO(flat))][1:] == ["a/t.yaml", "b/t.yaml", "c"]
    Path("lenet5.yaml").write_text(one_cell("60K"), "utf-8")
    names = [each.table.name for each in nc.audit("lenet5", "lenet5.yaml").tables]
    assert names == ["lenet5", "lenet5.yaml"]


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
    assert ((32 + 2 - 3) // 2 + 1, 32 + 2 - 19 + 1) == (16, 16)
    assert [(s.field, s.best) for s in found.suggestions] == [("stride", 2), ("kernel", 19)]
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
