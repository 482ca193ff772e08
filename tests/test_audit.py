"""The audit: verdicts from papers, hypotheses that are run, every printed cell that counts.

Expected values are those of the papers, of arithmetic written out here and of brute force.
"""

from __future__ import annotations

import csv
import random
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

import netcalc as nc
from netcalc.core.analyse import Result
from netcalc.published.audit import DERIVABLE, VERDICTS, Audited, audit_table
from netcalc.published.formula import evaluate
from netcalc.published.model import PublishedTable
from netcalc.published.printed import WAYS, judge, ranges, shown
from netcalc.published.reading import read
from netcalc.published.record import FILE, changes, recorded
from netcalc.published.tables import built_in, read_table
from netcalc.sweep.suggest import suggest

TABLES = list(built_in())


@cache
def analysed(net: str, shape: tuple[int, ...] | None) -> Result:
    return nc.analyse(net, shape).result


@cache
def audited(name: str) -> Audited:
    return audit_table(read_table(name), analysed)


# --- printed numbers -----------------------------------------------------------------------------

K = {"K": (Fraction(1024), Fraction(1000))}


@pytest.mark.parametrize(
    ("text", "number", "digit", "unit", "factor"),
    [
        ("2.7K", "2.7", "0.1", "K", 1024),
        ("1,089,536", "1089536", "1", "", 1),
        ("1.5 billion", "1.5", "0.1", "billion", 10**9),
        ("3.8×10^9", "3.8", "0.1", "", 10**9),
        ("1.8e9", "1.8", "0.1", "", 10**9),
        ("-3.45%", "-3.45", "0.01", "%", Fraction(1, 100)),
        ("over 12x", "12", "1", "x", 1),
        ("about 100", "100", "1", "", 1),
        (".75", "0.75", "0.01", "", 1),
        ("less than 25 million", "25", "1", "million", 10**6),
        ("29MB", "29", "1", "MB", 10**6),
        ("60kB", "60", "1", "kB", 1000),
        ("12.3 GFLOPs", "12.3", "0.1", "GFLOPs", 10**9),
        ("4.1 GMACs", "4.1", "0.1", "GMACs", 10**9),
        ("2.7 Kparams", "2.7", "0.1", "Kparams", 1024),
        ("13.6 Million", "13.6", "0.1", "Million", 10**6),
        ("13.6M.", "13.6", "0.1", "M", 10**6),
        ("13.6M¹", "13.6", "0.1", "M", 10**6),
        ("13.6M [3]", "13.6", "0.1", "M", 10**6),
        ("1.36 × 10⁷", "1.36", "0.01", "", 10**7),
        ("5.0 × 10^{6}", "5", "0.1", "", 10**6),
        ("10**6", "1", "1", "", 10**6),
        ("13.", "13", "1", "", 1),
        ("13,649,000 params", "13649000", "1", "params", 1),
        ("5.0 × 10^6 params", "5", "0.1", "params", 10**6),
        ("ca. 13.6M", "13.6", "0.1", "M", 10**6),
        ("∼13.6M", "13.6", "0.1", "M", 10**6),
        ("no more than 25M", "25", "1", "M", 10**6),
        ("25M+", "25", "1", "M", 10**6),
        ("25M or more", "25", "1", "M", 10**6),
    ],
)
def test_numbers_are_read_as_printed(
    text: str, number: str, digit: str, unit: str, factor: Any
) -> None:
    printed = read(text, K)
    assert (printed.number, printed.digit) == (Fraction(number), Fraction(digit))
    assert (printed.unit, printed.factors[0]) == (unit, factor)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "K", "about", "n/a", "null", "5 apples", "1,08", "7x7/2", "1e400", "9" * 70),
        *("60 M five", "1 to 2M", "5M per image", "3M and 4M", "1-2M", "5 ± 1"),
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(nc.SpecError):
        read(text, K)


ROUNDINGS = {"nearest": ROUND_HALF_UP, "truncate": ROUND_DOWN, "up": ROUND_UP}


def test_verdicts_are_those_of_the_decimal_module() -> None:
    """Numbers rounded by Python's own decimals come back as rounded, their neighbours do not."""
    rng = random.Random(6)
    for _ in range(2000):
        value = rng.randrange(1, 10 ** rng.randrange(2, 12))
        unit, suffix = rng.choice([(10**3, "k"), (10**6, "M"), (1024, "Ki"), (1, "")])
        places = Decimal(1).scaleb(-rng.randrange(0, 4))
        way = rng.choice(WAYS)
        exact = Decimal(value) / unit
        text = format(exact.quantize(places, ROUNDINGS[way]), "f")
        judged = judge(read(f"{text}{suffix}", {}), Fraction(value), (way,))
        same = Fraction(text) * unit == value
        assert judged.verdict == ("exact" if same else "rounds"), (value, text, way)
        for step in (-2, 2):
            other = format(Decimal(text) + step * places, "f")
            wrong = judge(read(f"{other}{suffix}", {}), Fraction(value), (way,))
            assert wrong.verdict == "off"
            assert abs(wrong.off) > 1


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        ("160", "159.5", "rounded"),
        ("159", "159.5", "truncated"),
        ("158", "158.5", "rounded"),  # to the even digit
        ("-160", "-159.5", "rounded"),
        ("-159", "-159.5", "truncated"),
        ("-158", "-158.5", "rounded"),
    ],
)
def test_halves_go_up_or_to_the_even_digit(text: str, value: str, how: str) -> None:
    assert judge(read(text, {}), Fraction(value)).how == how
    verdict = judge(read(text, {}), Fraction(value), ("nearest",)).verdict
    assert verdict == ("rounds" if how == "rounded" else "off")


def test_ranges_are_all_numbers_that_a_printed_one_may_stand_for() -> None:
    for text in ("3K", "0.4K", "2.7K", "-2"):
        printed = read(text, K)
        for ways in (WAYS[:1], WAYS[1:2], WAYS[:2], WAYS[2:]):
            inside = {n for first, last in ranges(printed, ways) for n in range(first, last + 1)}
            judged = {
                n for n in range(-5000, 5000) if judge(printed, Fraction(n), ways).verdict != "off"
            }
            assert inside == judged, (text, ways)


def test_bounds_hold_or_do_not() -> None:
    bound = read("less than 25 million", {}, Fraction(5))
    assert judge(bound, Fraction(23_834_568)).verdict == "rounds"
    assert judge(bound, Fraction(25_100_000)).verdict == "off"
    assert judge(bound, Fraction(19_000_000)).verdict == "off"  # it would be less than 20 then


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        *(("at most 5", "<="), ("no more than 5", "<="), ("⩽ 5", "<="), ("5 or fewer", "<=")),
        *(("more than 5", ">"), ("not less than 5", ">="), ("5K+", ">="), ("5 or more", ">=")),
        *(("fewer than 5", "<"), ("about 5", ""), ("only 5", "")),
    ],
)
def test_words_that_make_a_bound(text: str, bound: str) -> None:
    assert read(text, K).bound == bound


def test_a_bound_in_steps_is_the_next() -> None:
    bound = read("less than 3.5%", {}, Fraction(1, 2))
    assert judge(bound, Fraction("0.033")).verdict == "rounds"
    assert judge(bound, Fraction("0.01")).verdict == "off"  # it would be less than 1.5 then
    assert judge(read("less than 3.5%", {}), Fraction("0.01")).verdict == "rounds"


def test_an_exact_number_goes_before_a_rounded_one() -> None:
    judged = judge(read("10K", K), Fraction(10_000))
    assert (judged.verdict, judged.how) == ("exact", "K = 1000")


@pytest.mark.parametrize(
    ("text", "value", "way", "expected"),
    [
        ("13.6M", 13_649_000, "nearest", "13.649M"),
        ("13.7M", 13_649_999, "nearest", "13.649999M"),
        ("12%", Fraction("0.1249"), "nearest", "12.49%"),
        ("9.9M", 9_999_999, "truncate", "9.999999M"),
        ("100.0K", 99_949, "nearest", "99.949K"),
        ("1.50M", 1_494_999, "nearest", "1.494999M"),
        ("less than 25 million", 24_999_999, "nearest", "24.999999 million"),
        ("61K", 12, "nearest", "0.01K"),
        ("1e-50", 3, "nearest", "3"),
    ],
)
def test_what_is_shown_is_judged_as_the_number(
    text: str, value: Any, way: str, expected: str
) -> None:
    printed = read(text, {"K": (Fraction(1000),)})
    judged = judge(printed, Fraction(value), (way,))
    assert shown(Fraction(value), printed, judged) == expected


def test_what_is_shown_rounds_as_the_number_does() -> None:
    """By brute force: rounded by hand, the shown number is the printed one exactly if it rounds."""
    rng = random.Random(7)
    for _ in range(3000):
        value, places = Fraction(rng.randrange(10**7), 1000), rng.randrange(3)
        near = Decimal(value.numerator) / value.denominator
        digit = Decimal(1).scaleb(-places)
        text = near.quantize(digit, ROUND_HALF_UP) + digit * rng.choice((-1, 0, 0, 0, 1))
        printed = read(format(text, "f"), {})
        judged = judge(printed, value, ("nearest",))
        derived = Decimal(shown(value, printed, judged).replace(",", ""))
        rounds = derived.quantize(digit, ROUND_HALF_UP) == text
        even = derived.quantize(digit, ROUND_HALF_EVEN) == text
        assert (rounds or even) == (judged.verdict != "off"), (value, text, derived)


def test_derived_numbers_have_the_digits_that_tell_them_apart() -> None:
    cases = {
        ("159K", 163_328): "159.5K",
        ("112K", 114_688): "112K",
        ("170M", 169_996_288): "169.996M",
        ("1.5 billion", 1_582_671_872): "1.58 billion",
        ("1.8e9", 1_814_073_344): "1.81e9",
        ("358M", 271_351_808): "271.4M",
    }
    for (text, value), expected in cases.items():
        assert shown(Fraction(value), read(text, K)) == expected


class Numbers:
    """Names of a formula for a test."""

    def quantity(self, name: str) -> Fraction:
        return {"macs": Fraction(12), "params": Fraction(5)}[name]

    def other(self, net: str, path: str, name: str) -> Fraction:
        return Fraction(len(net) + 100 * len(path) + 10_000 * len(name))

    def cell(self, row: str, column: str) -> Fraction:
        return Fraction(f"0.{len(row)}{len(column)}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("macs / params", "12/5"),
        ("2*macs - -params // 2", "27"),
        ("(macs + 1.5) * 2", "27"),
        ("ab.macs", 40_002),
        ("ab['x/y'].macs", 40_302),
        ('row["ten"].top5 * 100', 34),
    ],
)
def test_formulas(text: str, value: Any) -> None:
    assert evaluate(text, Numbers()) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "macs +", "macs / 0", "f(macs)", "macs.real.x", "[macs]", "a < b", "'x'"),
        *("macs ** 99", "__import__('os')", "macs if macs else 1", "(" * 300, "1" * 500, "True"),
    ],
)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(nc.SpecError):
        evaluate(text, Numbers())


# --- netcalc's own tables ------------------------------------------------------------------------


def test_every_cell_has_a_verdict() -> None:
    for name in TABLES:
        table = read_table(name)
        printed = [(row.name, column) for row in table.rows for column in row.printed]
        cells = audited(name).cells
        assert [(c.row, c.column) for c in cells] == printed
        assert {c.verdict for c in cells} <= set(VERDICTS)
        assert all(c.derived for c in cells if c.verdict in DERIVABLE)
    assert sum(audited(n).summary[v] for n in TABLES for v in DERIVABLE) >= 240


@pytest.mark.parametrize("name", TABLES)
def test_every_verdict_is_the_recorded_one(name: str) -> None:
    """``python -m tests.record`` writes the record, when each change of it is understood."""
    assert changes(audited(name)) == ()


def test_the_record_has_every_table_and_no_other() -> None:
    rows = list(csv.reader(StringIO(FILE.read_text("utf-8"))))[1:]
    titles = [read_table(name).title for name in TABLES if audited(name).cells]
    assert list(dict.fromkeys(row[0] for row in rows)) == titles
    assert len(set(titles)) == len(TABLES)
    assert recorded(audited(name) for name in TABLES) == FILE.read_text("utf-8")


def test_a_changed_rule_shows_as_a_change_of_the_record() -> None:
    def wrong(net: str, shape: tuple[int, ...] | None) -> Result:
        return nc.analyse(net, 256 if net == "googlenet" else shape).result

    told = changes(audit_table(read_table("googlenet_table1"), wrong))
    said = "conv2, ops: 360M (rounds, 359.7M derived), rounded is recorded, now 360M (off"
    assert said in " ".join(told)


def test_a_changed_word_shows_as_a_change_of_the_record() -> None:
    """What a table of netcalc's own says of a cell is looked at by a human too."""
    table = audited("googlenet_table1")
    cells = tuple(c._replace(how=c.how.replace("truncated", "rounded")) for c in table.cells)
    told = changes(table._replace(cells=cells))
    assert {line.partition(":")[0] for line in told} == {
        "inception (3a), params",
        "inception (4a), ops",
    }


def test_a_table_of_another_title_has_no_record() -> None:
    table = read_table("googlenet_table1")._replace(title="mine")
    assert changes(audit_table(table, analysed)) == ()


def altered(text: str) -> str:
    """A printed cell with another first digit, or another first letter."""
    for i, c in enumerate(text):
        if c.isdigit():
            return f"{text[:i]}{(int(c) + 1) % 10}{text[i + 1 :]}"
    return f"{'x' if text[0] != 'x' else 'y'}{text[1:]}"


def with_cell(table: PublishedTable, row: str, column: str, text: str) -> PublishedTable:
    rows = tuple(
        r._replace(printed={**r.printed, column: text}) if r.name == row else r for r in table.rows
    )
    return table._replace(rows=rows)


@pytest.mark.parametrize("name", TABLES)
def test_any_changed_cell_is_noticed(name: str) -> None:
    """In the summary, which counts changes too; where something is derived in the verdict too."""
    before = audited(name)
    for cell in before.cells:
        table = with_cell(before.table, cell.row, cell.column, altered(cell.printed))
        now = audit_table(table, analysed)
        assert changes(now), cell
        mine = now.cell(cell.row, cell.column)
        if cell.verdict == "explained":
            assert mine.verdict != cell.verdict
        elif cell.verdict in ("exact", "rounds", "input"):
            unheld = cell.verdict == "input" and not cell.derived
            assert mine.verdict == ("input" if unheld else "off"), (cell, mine)
            assert unheld or now.summary != before.summary
        elif cell.verdict == "off":
            assert mine.how != cell.how, cell


@pytest.mark.parametrize("name", TABLES)
def test_every_hypothesis_is_run(name: str) -> None:
    """It explains a cell, or stands there as refuted, with what comes out instead."""
    table, told = audited(name).table, [c.told for c in audited(name).cells]
    for row in table.rows:
        for hypothesis in (*row.hypotheses, *table.hypotheses):
            runs = (f"{hypothesis.says}: ", f"refuted: {hypothesis.says} gives ")
            assert any(run in t for t in told for run in runs), (row.name, hypothesis)


def test_no_hypothesis_but_those_known_to_fail_is_refuted() -> None:
    refuted = {n for n in TABLES for c in audited(n).cells if "refuted" in c.told}
    assert refuted == {
        *("bn_inception_claims", "cs231n_vgg16", "efficientnet_table2", "googlenet_quoted"),
        *("inception_v3_claims", "inception_v3_table1", "inception_v3_table3"),
        "inception_v4_figures",
    }


def test_a_wrong_hypothesis_is_refuted() -> None:
    table = read_table("googlenet_table1")
    (first, *rest) = table.rows
    (hypothesis,) = first.hypotheses
    wrong = hypothesis._replace(settings={**hypothesis.settings, "net": table.settings["net"]})
    now = audit_table(table._replace(rows=(first._replace(hypotheses=(wrong,)), *rest)), analysed)
    assert now.cell("conv1", "params").verdict == "off"
    assert "refuted: a separable first convolution" in now.cell("conv1", "params").told


# --- what is to come out -------------------------------------------------------------------------

TABLE_1 = {
    "conv1": ("explained", "explained"),
    "conv2": ("exact", "rounds"),
    "inception (3a)": ("rounds", "rounds"),
    "inception (3b)": ("off", "rounds"),
    "inception (4a)": ("off", "rounds"),
    "inception (4b)": ("off", "rounds"),
    "inception (4c)": ("off", "rounds"),
    "inception (4d)": ("off", "rounds"),
    "inception (4e)": ("off", "rounds"),
    "inception (5a)": ("off", "off"),
    "inception (5b)": ("off", "rounds"),
    "linear": ("exact", "rounds"),
}


def test_11_of_the_24_cells_of_table_1_do_not_follow_from_its_widths() -> None:
    found = {
        row: tuple(audited("googlenet_table1").cell(row, c).verdict for c in ("params", "ops"))
        for row in TABLE_1
    }
    assert found == TABLE_1
    verdicts = [v for pair in found.values() for v in pair]
    assert (len(verdicts), sum(v in ("off", "explained") for v in verdicts)) == (24, 11)


def test_the_first_row_is_a_separable_convolution() -> None:
    a = audited("googlenet_table1")
    weights = 7 * 7 * 3 * 8 + 3 * 8 * 64
    assert weights == 2_712
    assert f"{weights:,} = 2.71K" in a.cell("conv1", "params").told
    assert f"{weights * 112 * 112:,} = 34.02M" in a.cell("conv1", "ops").told
    claim = audited("googlenet_claims").cell("multiply-adds at inference", "printed")
    total = 1_582_671_872 - 7 * 7 * 3 * 64 * 112 * 112 + weights * 112 * 112
    assert (claim.verdict, total) == ("explained", 1_498_677_248)
    assert f"{total:,}" in claim.told


def test_four_rows_contradict_themselves() -> None:
    """Weights times places are MACs, whatever the widths: 463 x 1024 x 14 x 14 is no 100 M."""
    a = audited("googlenet_table1")
    found = {c.row for c in a.cells if "contradicts" in c.told}
    assert found == {f"inception ({m})" for m in ("4c", "4d", "4e", "5b")}
    assert "463K x 196 places = 92.9M" in a.cell("inception (4c)", "params").told
    assert 463 * 1024 * 196 == 92_925_952


def test_notes_on_cells_that_are_off() -> None:
    a = audited("googlenet_table1")
    assert a.cell("inception (4a)", "params").how == "by -2.8, -0.7%"  # 364 - 366.75
    assert a.cell("inception (5a)", "ops").how == "by +2.9, +5.7%"  # 54 - 51.08
    assert a.cell("inception (3a)", "params").how == "truncated, K = 1024"  # 159.5


def test_sums_that_a_listing_does_not_have() -> None:
    """CS231n's column of memory adds up to 15.2 million, not to 24."""
    a = audited("cs231n_vgg16")
    maps = [(224, 2 * 64), (112, 64 + 2 * 128), (56, 128 + 3 * 256), (28, 256 + 3 * 512)]
    maps += [(14, 512 + 3 * 512), (7, 512)]
    total = 224 * 224 * 3 + sum(side * side * c for side, c in maps) + 2 * 4096 + 1000
    cell = a.cell("total", "memory")
    assert (cell.value, total, cell.verdict) == (total, 15_237_608, "off")


def test_widths_that_the_figures_of_inception_resnet_v2_misprint() -> None:
    """What is added must be as wide as what comes in: 1152 and 2144 channels."""
    a = audited("inception_v4_figures")
    found = {c.row: c.value for c in a.cells if c.verdict == "off"}
    reduction_a = 384 + 384 + 384
    assert found == {
        "Figure 17, Inception-ResNet-B of v2": reduction_a,
        "Figure 19, Inception-ResNet-C of v2": 384 + 288 + 320 + reduction_a,
    }


@pytest.mark.parametrize(
    ("table", "row", "column", "how"),
    [
        ("googlenet_table1", "inception (3a)", "params", "truncated, K = 1024"),
        ("googlenet_table1", "inception (4a)", "ops", "truncated"),
        ("googlenet_table1", "conv2", "params", "K = 1024"),
        ("alexnet_claims", "parameters", "printed", "truncated"),
        ("resnet_table1", "50-layer", "flops", "truncated"),
        ("resnet_table1", "101-layer", "flops", "rounded"),
    ],
)
def test_how_a_number_was_rounded_is_said(table: str, row: str, column: str, how: str) -> None:
    """366.75 K, 73.6 M, 112 x 1024, 60.97 M, 3.86 and 7.57 x 10^9 by hand."""
    assert audited(table).cell(row, column).how == how


# --- suggestions ---------------------------------------------------------------------------------


def module_5a(c_in: int = 832, r3: int = 160, out: int = 320) -> tuple[int, int]:
    weights = c_in * (256 + r3 + 32 + 128) + 9 * r3 * out + 25 * 32 * 128
    return weights, 49 * weights


def fits_5a(weights: int, macs: int) -> bool:
    """1072K, rounded or truncated in either K, and 54M."""
    k = any(
        abs(Fraction(weights, k) - 1072) <= Fraction(1, 2) or weights // k == 1072
        for k in (1000, 1024)
    )
    return k and (abs(Fraction(macs, 10**6) - 54) <= Fraction(1, 2) or macs // 10**6 == 54)


def test_suggestions_are_all_that_fit() -> None:
    found = {
        (s.place, s.field): s
        for s in suggest(audited("googlenet_table1")).suggestions
        if s.row == "inception (5a)"
    }
    channels = found["", "input channels"]
    assert channels.values == tuple(
        c for c in range(1, 4097) if fits_5a(*module_5a(c_in=c)) and c != 832
    )
    reduce = found["inception_5a/branch3x3/reduce", "out_channels"]
    assert reduce.values == tuple(
        r for r in range(1, 4097) if fits_5a(*module_5a(r3=r)) and r != 160
    )
    assert (channels.best, reduce.best, len(found)) == (928, 175, 2)
    assert module_5a(c_in=928)[0] == 1072 * 1024
    assert [c.verdict for c in channels.cells] == ["exact", "rounds"]
    assert channels.contradicts == ("the output of pool4, 7x7x832",)
    assert reduce.contradicts == ("#3x3 reduce 160",)


def test_the_exact_suggestion_comes_first() -> None:
    rows = [s for s in suggest(audited("googlenet_table1")).suggestions if "5a" in s.row]
    assert [(s.field, s.exact) for s in rows] == [("input channels", 1), ("out_channels", 0)]


def test_rows_without_a_suggestion_are_named() -> None:
    rows = [f"inception ({m})" for m in ("4c", "4d", "4e", "5b")]
    assert suggest(audited("googlenet_table1")).none == tuple(rows)


WIDE = """
title: One convolution
nets:
  one:
    input: [1, 8, 12, 12]
    layers: [{conv: {type: Conv2d, out_channels: 16, kernel: 3, padding: 1, bias: false}}]
columns:
  - output
  - weights
  - macs
rows:
  - {row: conv, covers: conv, printed: [12x12x16, "WEIGHTS", "MACS"]}
"""


@pytest.mark.parametrize(
    ("weights", "macs", "expected"),
    [
        (16 * 8 * 25, 16 * 8 * 25 * 144, {("kernel", 5)}),
        (16 * 2 * 9, 16 * 2 * 9 * 144, {("groups", 4), ("input channels", 2)}),
        (16 * 12 * 9, 16 * 12 * 9 * 144, {("input channels", 12)}),
        (16 * 6 * 9, 16 * 6 * 9 * 144, {("input channels", 6)}),  # 12 x 8: another size
    ],
)
def test_every_field_is_tried(
    weights: int, macs: int, expected: set[tuple[str, int]], tmp_path: Path
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(WIDE.replace("WEIGHTS", f"{weights:,}").replace("MACS", f"{macs:,}"), "utf-8")
    found = nc.audit(str(file)).suggestions()
    assert {(s.field, s.best) for s in found.suggestions} == expected
