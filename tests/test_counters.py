"""Other counters' conventions, held against numbers that the counters printed.

The numbers stand in tests/counters/; tests.counters.record writes them where the counters are
installed. Here none of them is used.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.pytorch.counters import conventions
from netcalc.pytorch.counters.convention import Convention, Count, counted
from netcalc.pytorch.counters.recording import record
from tests.commands import netcalc
from tests.counters.probes import PROBES
from tests.counters.recorded import NAMES, convention, derived, of_model, of_probe, printed

TWELVE = tuple(
    f"torchvision:{name}"
    for name in (
        *("alexnet", "vgg16", "googlenet", "inception_v3", "resnet50", "resnext50_32x4d"),
        *("densenet121", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_b_16"),
        "swin_t",
    )
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("net", TWELVE)
def test_models_to_the_digit(name: str, net: str) -> None:
    assert derived(name, of_model(net)).value == printed(name)["models"][net]


@pytest.mark.all
@pytest.mark.parametrize("net", [net for net in printed("thop")["models"] if net not in TWELVE])
def test_other_models_to_the_digit(net: str) -> None:
    for name in NAMES:
        number = printed(name)["models"][net]
        if isinstance(number, int):
            off = abs(derived(name, of_model(net)).value - number)
            assert off < (100 if name == "torchprofile" else 1), name


@pytest.mark.parametrize("name", NAMES)
def test_single_layers_to_the_digit(name: str) -> None:
    """Where a counter raises, its convention may give any number."""
    single = convention(name).batch_of_one
    numbers = printed(name)["probes"]
    assert len(set(numbers) & set(PROBES)) > 250
    wrong = {
        probe: (derived(name, of_probe(probe, single)).value, number)
        for probe, number in numbers.items()
        if probe in PROBES
        and isinstance(number, int)
        and derived(name, of_probe(probe, single)).value != number
    }
    assert not wrong


@pytest.mark.parametrize("net", TWELVE[:3])
@pytest.mark.parametrize("name", NAMES)
def test_terms_lead_from_the_true_macs_to_what_is_printed(name: str, net: str) -> None:
    recording = of_model(net)
    found = derived(name, recording)
    assert recording.total + sum(term.value for term in found.terms) == found.value
    assert sum(found.by_layer.values()) == found.value
    assert all(term.value for term in found.terms)
    assert "unexplained" not in [term.cause for term in found.terms]


def test_a_wrong_rule_leaves_a_residual() -> None:
    known = convention("fvcore")

    def wrong(recording: Any) -> Any:
        for count in known.counts(recording):
            yield count._replace(value=count.value + 1)

    found = counted(of_model(TWELVE[0]), known._replace(counts=wrong))
    assert found.value != printed("fvcore")["models"][TWELVE[0]]


def test_what_is_missed_or_counted_twice_is_told() -> None:
    """A counter that counts the first layer twice, and a second one not."""
    model = nn.Sequential(nn.Linear(8, 4, bias=False), nn.Linear(4, 2, bias=False))
    recording = record(model, (torch.empty(3, 8),), {})
    assert recording.total == 3 * (8 * 4 + 4 * 2)
    (first,) = [i for i, name in enumerate(recording.nodes) if name == "0"]
    twice = Count("linear layers counted twice", 96, first, first + 1, True)
    double = Convention("double", "", "", "", lambda _: iter([twice, twice]))
    found = counted(recording, double)
    assert [tuple(term) for term in found.terms] == [
        ("linear layers counted twice", 96, True),
        ("linear layers not counted, in 1 layer", -24, True),
    ]
    assert found.by_layer == {"0": 192}


BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r} or name == "torch.utils.flop_counter":
            raise ImportError(f"{{name}} is not to be imported")
sys.meta_path.insert(0, Blocked())
from netcalc.cli import main
main(["table", "torchvision:resnet18", "--as", sys.argv[1], "--format", "json"])
"""
PACKAGES = [
    *("fvcore", "torchinfo", "ptflops", "thop", "calflops", "torchprofile", "flopth"),
    *("torchscan", "torchlens"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_convention_needs_no_counter(name: str) -> None:
    """The same number with the imports of all counters blocked."""
    script = BLOCKED.format(names=PACKAGES)
    ran = subprocess.run(
        [sys.executable, "-c", script, name], capture_output=True, text=True, check=True
    )
    found = json.loads(ran.stdout)
    assert found["convention"] == name
    expected = nc.count_as("torchvision:resnet18", name).counted
    assert found["totals"]["counted"] == expected.value
    rows = sum(row["counted"] for row in found["rows"])
    assert rows == expected.value - expected.by_layer.get("", 0)


def test_the_block_blocks() -> None:
    script = BLOCKED.format(names=PACKAGES).replace("from netcalc", "import fvcore\nfrom netcalc")
    ran = subprocess.run([sys.executable, "-c", script, "thop"], capture_output=True, text=True)
    assert "is not to be imported" in ran.stderr


def test_the_model_is_left_as_it_was() -> None:
    """Watched names are put back, also where the model raises."""
    before = {name: getattr(torch.Tensor, name) for name in ("matmul", "add")}
    before_f = nn.functional.relu

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ValueError("broken")

    with pytest.raises(nc.NetcalcError):
        record(Broken(), (torch.empty(2),), {})
    assert {name: getattr(torch.Tensor, name) for name in before} == before
    assert nn.functional.relu is before_f
    assert "matmul" not in vars(torch.Tensor)


def test_reconcile_runs_what_is_installed() -> None:
    """fvcore and FlopCounterMode come with netcalc's own extra."""
    done = netcalc(
        *("reconcile", "torchvision:squeezenet1_1", "--format", "json"),
        *("--counters", "fvcore,flopcountermode-meta"),
    )
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["schema"], found["model"]) == (1, "torchvision:squeezenet1_1")
    assert set(found) == {"schema", "model", "input", "params", "macs", "counters"}
    for line in found["counters"]:
        assert line["residual"] == 0
        assert line["error"] is None
        total = found["macs"] + sum(term["value"] for term in line["terms"])
        assert total == line["derived"] == line["printed"]


def test_a_zoo_network_a_batch_and_a_model_of_ones_own() -> None:
    line = nc.reconcile("reduced", batch=2, counters=["fvcore"]).lines[0]
    assert line.printed == line.derived == 2 * 354_418_688
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    (line,) = nc.reconcile(model, (torch.empty(1, 3, 8, 8),), counters=["fvcore"]).lines
    assert line.printed == line.derived == 3 * 4 * 9 * 36 + 2 * 4 * 36
    assert [term.cause for term in line.terms] == ["BatchNorm as 2 per element"]


def test_a_counter_that_takes_too_long_has_a_line() -> None:
    (line,) = nc.reconcile("reduced", counters=["fvcore"], timeout=0.01).lines
    assert (line.printed, line.residual) == (None, None)
    assert line.error == "took longer than 0.01 seconds"
    assert line.derived == 354_418_688


def test_a_counter_that_is_absent_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netcalc.pytorch.counters.reconcile._version", lambda package: "")
    (line,) = nc.reconcile("reduced", counters=["thop"]).lines
    assert line.error.startswith("not installed")
    assert "thop: not installed" in str(nc.reconcile("reduced", counters=["thop"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "reduced", "--as", "fvcor"), "did you mean fvcore?"),
        (("reconcile", "reduced", "--counters", "thopp"), "did you mean thop?"),
        (("table", "reduced", "--columns", "counted"), "goes with --as NAME"),
        (("reconcile", "nonet"), "there is no network called 'nonet'"),
        (("table", "reduced", "--as", "thop", "--dtype", "float16"), "do not go together"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], message: str) -> None:
    done = netcalc(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_the_names_are_those_of_the_files() -> None:
    for name in conventions.NAMES:
        assert conventions.load(name).name == name
