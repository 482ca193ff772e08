"""The command line: what users mistype, and what must never happen to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

import netcalc as nc
from netcalc.cli import cli
from netcalc.report.columns import COLUMNS
from netcalc.report.table import Column, Table
from netcalc.report.text import text_table
from netcalc.zoo import entries
from tests.commands import netcalc, process

HEAVY = ("torch", "numpy", "pandas", "tabulate", "sympy", "yaml", "fvcore")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("table googlnet", "there is no network called 'googlnet'; did you mean googlenet"),
        ("table nothinglikeit", "see `netcalc list`"),
        ("table @aux=true", "names no network"),
        ("table googlenet@widht=0.5", "no argument 'widht'; did you mean width?"),
        ("table googlenet@width", "write arguments as name=value, not 'width'"),
        ("table googlenet@width=wide", "width must be a number such as 0.5 or 1/2, got 'wide'"),
        ("table googlenet@width=1/0", "width must be a number"),
        ("table googlenet@width=-1", "width must be positive, got -1"),
        ("table googlenet@width=0.5,width=1", "sets width twice"),
        ("table googlenet@aux=true --aux", "both set aux"),
        ("table googlenet@head=x", "head must be pool or fc, got 'x'"),
        ("table googlenet@aux=maybe", "aux must be true or false, got 'maybe'"),
        ("table googlenet@round=1.5", "round must be an integer of at most 15 digits, got '1.5'"),
        ("table naive --aux", "naive has no argument 'aux'"),
        (
            "table bn_inception@width=1",
            "bn_inception has no argument 'width'; did you mean widths? it takes widths, stem",
        ),
        ("table bn_inception@widths=foo", "widths must be corrected or printed, got 'foo'"),
        ("table bn_inception@stem=1", "stem must be plain or separable, got '1'"),
        ("table conv3x3_twice@k=3", "conv3x3-twice has no argument 'k'; it takes c"),
        ("table separable3x3@c=0", "must be from 1 to"),
        ("table naive@c1=-5", "branch1x1/conv: out_channels must be a positive integer, got -5"),
        ("table naive@c1=0", "out_channels must be a positive integer, got 0"),
        ("table googlenet --input 10", "a window of 3 does not fit an input of 1 with padding 0"),
        (
            "table googlenet --input 3,0,224",
            "1,000,000,000,000,000, got 1x3x0x224",
        ),
        ("table googlenet --input big", "--input takes a shape such as 3,224,224"),
        ("table googlenet --input 1,2", "input has 4 axes"),
        ("table googlenet --input 2,3,224,224 --batch 4", "has a batch already, not 4"),
        ("table googlenet --batch 0", "0 is not in the range 1<=x"),
        ("table googlenet --depth 0", "0 is not in the range x>=1"),
        ("explain googlenet --depth 0", "0 is not in the range x>=1"),
        ("table resnet18 --layout paper", "resnet18 follows no published table"),
        ("sweep nowhere.yaml", "nowhere.yaml: there is no such file"),
        (
            "table googlenet --as fvcore --layout paper",
            "no other counter counts (--as) in the layout",
        ),
        ("table googlenet@width=1e400", "width must be a number such as 0.5 or 1/2, got '1e400'"),
        (f"table googlenet@round=1{'0' * 5000}", "round must be an integer of at most 15 digits"),
        (f"table naive --input 1{'0' * 5000}", "--input takes a shape such as"),
        (f"explain googlenet conv1 --input 1{'0' * 17}", "every axis must be from 1 to"),
        ("table googlenet --layout layers --depth 3", "a depth goes with the layout modules"),
        ("table googlenet --layout paper --share", "the layout paper has the paper's columns"),
        ("table googlenet --columns ,", "no column is named; choose from layer, type"),
        ("table googlenet --batch x", "'x' is not a valid integer"),
        ("table googlenet --layout rows", "'rows' is not one of 'paper', 'modules', 'layers'"),
        ("table naive --layout paper", "naive follows no published table; use modules or layers"),
        ("table googlenet --columns parms", "there is no column 'parms'; did you mean params?"),
        ("table googlenet --format xml", "'xml' is not one of 'text', 'markdown'"),
        ("table googlenet --colour", "No such option '--colour'"),
        ("table", "Missing argument 'NET'"),
        ("tabel googlenet", "there is no command 'tabel'; did you mean table?"),
        ("table googlenet -o table.xyz", "no format goes by that ending"),
        ("table googlenet -o no/such/folder/x.json", "cannot write no/such/folder/x.json: No such"),
        ("compare naive", "comparing takes at least two networks, got 1"),
        ("compare naive reducd", "did you mean reduced?"),
        ("explain googlenet inception_9z", "has no layer or module 'inception_9z'; did you mean"),
        ("explain googlenet --quantity speed", "'speed' is not one of 'params', 'macs'"),
    ],
)
def test_a_mistake_is_told_in_one_line(args: str, told: str) -> None:
    ran = netcalc(*args.split())
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("netcalc: ")
    assert told in ran.err


def test_the_smallest_input_is_31() -> None:
    """floor((31 + 6 - 7)/2) + 1 = 16, then pools, rounded up: 8, 4, 2, 1. From 30: 15, 7, 3, 1."""
    codes = {n: netcalc("table", "googlenet", "--input", str(n)).code for n in range(25, 40)}
    assert [n for n, code in codes.items() if code == 0] == list(range(31, 40))
    assert "pool4: MaxPool2d" in netcalc("table", "googlenet", "--input", "30").err


def test_a_layer_that_groups_do_not_divide() -> None:
    net = nc.network(nc.chain(mix=nc.Conv2d(9, 3, groups=3)), input=(1, 16, 9, 9))
    with pytest.raises(nc.NetcalcError, match=r"mix: Conv2d.*16 input channels are not divisible"):
        nc.analyse(net)


@pytest.mark.parametrize("kernel", [-5, 0, 2.5, "3", None, True, (3, -1), (3, 3, 3)])
def test_a_wrong_kernel_is_refused(kernel: object) -> None:
    with pytest.raises(nc.NetcalcError, match="kernel"):
        nc.analyse(nc.network(nc.chain(a=nc.Conv2d(8, kernel)), input=(1, 16, 9, 9)))


def test_an_unwritable_output_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "table.json"
    target.mkdir()
    ran = netcalc("table", "naive", "-o", str(target))
    assert ran.code == 2
    assert list(target.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "table.json"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    ran = netcalc("table", "naive", "-o", str(target))
    assert ran.code == 2
    assert "No space left on device" in ran.err
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.json"]


def test_a_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert netcalc("table", "naive", "-o", str(pipe)).code == 0
        assert reader.communicate()[0].startswith("layer,type,output")
    assert pipe.is_fifo()


def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    old, new = tmp_path / "old.csv", tmp_path / ("n" * 240 + ".csv")
    old.touch()
    old.chmod(0o640)
    mask = os.umask(0o022)
    try:
        for path in (old, new):
            assert netcalc("table", "naive", "-o", str(path)).code == 0
    finally:
        os.umask(mask)
    assert [p.stat().st_mode & 0o777 for p in (old, new)] == [0o640, 0o644]


def test_a_symbolic_link_to_itself_is_told(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    ran = netcalc("list", "-o", str(loop))
    assert (ran.code, ran.err.count("\n")) == (2, 1)


@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["list", "table naive", "--help", "--version"])
def test_an_output_that_cannot_be_written(command: str, where: str) -> None:
    shell = f"{sys.executable} -m netcalc {command} {where}"
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in ran.stderr
    assert ran.returncode in (0, 2)
    assert (ran.returncode == 2) == ("full" in where)
    assert ran.stderr.count("\n") == ran.returncode // 2


@pytest.mark.parametrize("command", ["table googlenet --layout layers", "list", "table --help"])
def test_a_closed_pipe_is_no_error(command: str) -> None:
    """As in ``netcalc ... | head -1``: quiet, exit code 0."""
    shell = f"{sys.executable} -u -m netcalc {command} | true; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert ran.stderr == ""


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "2> >(true)"])
def test_bad_input_ends_with_2_though_nobody_hears_why(where: str) -> None:
    shell = f"{sys.executable} -m netcalc table nope {where}"
    assert subprocess.run(["bash", "-c", shell], timeout=60, check=False).returncode == 2


def test_words_are_broken_only_where_that_makes_room() -> None:
    """10 + 1 + 12 letters in 30 columns, with 8 digits and with 20, which never fit."""
    columns = (Column("name", "name", right=False), Column("n", "n", right=False), Column("x", "x"))
    for digits, name in ((6, "convolution of"), (30, "convolution")):
        table = Table(columns, (("convolution of layers", "a", 10**digits - 1),))
        lines = text_table(table, 24).splitlines()
        assert lines[2].startswith(f"{name} ")
        assert "convolution" in lines[2].split()
        assert (max(map(len, lines)) <= 24) == (digits == 6)
    narrow = text_table(Table(columns, (("a" * 14, "b", 1),)), 14).splitlines()
    assert [line.split()[0] for line in narrow[2:]] == ["a" * 10, "a" * 4]  # there is no other way


def test_what_has_nothing_to_derive_says_so() -> None:
    told = netcalc("explain", "googlenet", "lrn1").out
    wanted = "nothing to derive: no parameters, no MACs and an output of the size of its input"
    assert wanted in " ".join(told.split())
    assert (
        "nothing to derive: no MACs\n"
        in netcalc(*("explain", "googlenet", "lrn1", "--quantity", "macs")).out
    )


def test_a_terminal_without_unicode_still_gets_the_table() -> None:
    ran = process(
        "-m", "netcalc", "table", "naive", env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert ran.returncode == 0
    assert "1,089,536 params" in ran.stdout


IMPORTED = """
import sys
from netcalc.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported(*args: str) -> set[str]:
    return set(process("-c", IMPORTED, *args).stderr.split())


def test_the_table_imports_nothing_heavy() -> None:
    assert not imported("table", "googlenet") & set(HEAVY)


def test_the_check_of_imports_can_fail() -> None:
    """Its twin: markdown is made by tabulate, and that is seen."""
    assert imported("table", "googlenet", "--format", "markdown") & set(HEAVY) == {"tabulate"}


def test_list_has_a_line_for_every_network() -> None:
    out = netcalc("list").out
    for name in entries():
        assert re.search(rf"^  {re.escape(name)} +\d{{4}} ", out, re.M)


def test_list_groups_by_family_and_year() -> None:
    table = netcalc("list").out.split("\n\n")[1].splitlines()[2:]
    headings = [line for line in table if not line.startswith("  ")]
    assert headings[:3] == ["LeNet-5, 1998", "AlexNet, 2012 and 2014", "Network in Network, 2013"]
    assert len(set(headings)) == len(headings)
    years = [int(re.findall(r"\d{4}", heading)[0]) for heading in headings]
    assert years == sorted(years)
    at = table.index("VGG, 2014")
    assert [line.split()[:2] for line in table[at + 1 : at + 5]] == [
        [f"vgg{n}", "2014"] for n in (11, 13, 16, 19)
    ]
    assert table[at + 5] in headings


def test_list_names_the_family_in_other_formats() -> None:
    document = json.loads(netcalc("list", "--format", "json").out)
    assert {n["network"]: n["family"] for n in document["networks"]} == {
        name: e.family for name, e in entries().items()
    }
    rows = netcalc("list", "--format", "csv").out.splitlines()
    assert rows[0] == "family,name,year,input,params,macs"
    assert rows[2].startswith("AlexNet,alexnet,2012,")


def test_list_tells_who_takes_the_same_arguments_in_one_line() -> None:
    out = netcalc("list").out
    assert "resnet50, resnet101, resnet152 take stride\n" in out
    assert "bn_inception takes widths, stem\n" in out


def test_aux_is_short_for_the_argument() -> None:
    short = json.loads(netcalc("table", "googlenet", "--aux", "--format", "json").out)
    long = json.loads(netcalc("table", "googlenet@aux=true", "--format", "json").out)
    assert short == long
    assert short["totals"]["params"] == 13_378_280
    assert short["factory"] == "googlenet(aux=True)"


@pytest.mark.parametrize("shape", ["3,192,192", "3x192x192", "192", "1,3,192,192", "1x3x192x192"])
def test_input_is_written_in_any_of_five_ways(shape: str) -> None:
    ran = netcalc("table", "googlenet", "--input", shape, "--batch", "2", "--format", "json")
    assert json.loads(ran.out)["inputs"][0]["shape"] == [2, 3, 192, 192]


def test_names_take_dash_and_underscore() -> None:
    assert (
        netcalc("table", "googlenet_torchvision").out
        == netcalc("table", "GoogLeNet-torchvision").out
    )


def test_every_column_is_named_in_the_help() -> None:
    words = set(re.findall(r"[a-z_%]+", netcalc("table", "--help").out))
    assert set(COLUMNS) - {"layer"} <= words


def test_columns_on_receptive_fields() -> None:
    """Araujo et al. 2019: VGG-16 sees 212 pixels, 32 apart, 90 of them before the image."""
    names = "receptive_field,receptive_field_min,effective_stride,effective_padding"
    rows = netcalc("table", "vgg16", "--columns", names, "--format", "csv").out.split()
    assert "pool5,212,212,32,90" in rows
    assert "fc6,404,404,-,90" in rows


def test_columns_on_memory_add_its_lines() -> None:
    """By hand: 256x32x32 and 128x32x32 floats, a 1x1 convolution from one to the other."""
    names = "activations,activation_bytes,saved_bytes,live_bytes,bytes_moved,intensity"
    ran = netcalc("table", "naive", "--layout", "layers", "--columns", names, "--format", "csv")
    x, y, w = 4 * 256 * 1024, 4 * 128 * 1024, 4 * 256 * 128
    row = f"branch1x1/conv,{y // 4},{y},{x},{x + y},{x + y + w},{256 * y // 4 / (x + y + w):.2f}"
    assert row in ran.out.split()
    text = netcalc("table", "naive", "--columns", "saved_bytes").out
    assert "memory of inference: 4.36 MB parameters + " in text
    assert "memory" not in netcalc("table", "naive", "--columns", "params").out


def test_optimizers_and_types() -> None:
    of = {
        optimizer: json.loads(
            netcalc(
                *("table", "naive", "--optimizer", optimizer, "--dtype", "float16"),
                *("--format", "json"),
            ).out
        )["memory"]
        for optimizer in ("sgd", "momentum", "adam")
    }
    params = 1_089_536
    assert [of[name]["optimizer_state"] for name in of] == [0, 2 * params, 4 * params + 3 * 4]
    assert all(m["weights"] == m["gradients"] == 2 * params for m in of.values())
    assert netcalc("table", "naive", "--optimizer", "lion").code == 2
    assert netcalc("table", "naive", "--dtype", "int8").code == 2


def test_columns_and_shares() -> None:
    ran = netcalc("table", "naive", "--columns", "weights,macs%", "--format", "csv")
    assert ran.out.splitlines()[:2] == ["layer,weights,macs%", "branch1x1,32768,3.0%"]
    shares = netcalc("table", "naive", "--share").out
    assert re.search(r"^branch5x5 .* 614,400 +56.4% +629,145,600 +56.4%$", shares, re.M)


def test_version_and_help() -> None:
    assert netcalc("--version").out == f"netcalc {nc.__version__}\n"
    for command in ("list", "table", "compare", "explain"):
        ran = netcalc(command, "--help")
        assert ran.code == 0
        assert ran.out.startswith(f"Usage: netcalc {command}")
        assert command in netcalc("--help").out


def test_the_shell_completes_networks() -> None:
    complete = BashComplete(cli, {}, "netcalc", "_NETCALC_COMPLETE")
    assert "googlenet-torchvision" in {
        c.value for c in complete.get_completions(["table"], "googlenet")
    }
    assert {c.value for c in complete.get_completions([], "ta")} == {"table"}


def test_unknown_names_of_the_package() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Conv9d'"):
        nc.Conv9d  # noqa: B018
    assert "Conv2d" in dir(nc)
