"""Every classification model of torchvision and one of each family of timm, counted exactly.

A sample runs by default; ``pytest -m all`` runs all, and ``make test-all`` makes a page of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

import netcalc as nc
from netcalc.core.analyse import Result
from tests import models_report
from tests.every_model import NETS, SAMPLE, TIMM, Facts, asked, described, facts, known, witnessed


def held(net: str) -> Facts:
    if not known(net):
        pytest.skip(f"timm {timm.__version__} has no such model")
    return facts(net)


@pytest.mark.all
@pytest.mark.parametrize("net", NETS)
def test_every_model(net: str, record_property: Callable[[str, object], None]) -> None:
    found = held(net)
    record_property(models_report.PROPERTY, json.dumps(found._asdict()))
    assert found.problems == ()


@pytest.mark.parametrize("net", SAMPLE)
def test_some_of_them_and_what_the_page_says(net: str) -> None:
    found = held(net)
    assert found.problems == ()
    page = (models_report.REPORTS / models_report.PAGE).read_text("utf-8")
    lines = [[cell.strip() for cell in line.split("|")[1:]] for line in page.splitlines()]
    told = [line for line in lines if line and line[0] == found.net.partition(":")[2]]
    counts = list(models_report.cells(found)[:5])
    assert counts in [line[:5] for line in told], "run `make test-all`"


def test_the_families_of_timm_are_different_ones() -> None:
    families = [
        module for module in timm.list_modules() if set(timm.list_models(module=module)) & {*TIMM}
    ]
    assert len(families) == len([name for name in TIMM if timm.is_model(name)]) >= 60


# --- twins: what is wrong is noticed -------------------------------------------------------------


X = torch.empty(1, 3, 64, 64, device="meta")


def resnet() -> nn.Module:
    with torch.device("meta"):
        return torchvision.models.resnet18().eval()


def traced(model: nn.Module) -> Result:
    return nc.analyse(nc.trace(model, X)).result


def against(mine: Result, model: nn.Module) -> tuple[str, ...]:
    """The problems of an analysis that is held against a model."""
    return described("a model", mine, asked(model, X), witnessed(model, X)).problems


def test_a_model_is_held_against_itself_without_a_problem() -> None:
    assert against(traced(resnet()), resnet()) == ()


def more_macs(result: Result, total: int) -> Result:
    """One MAC more in one layer, and ``total`` more in the sum."""
    first, *others = result.rows
    first = first._replace(counts=replace(first.counts, macs=first.counts.macs + 1))
    totals = replace(result.totals, macs=result.totals.macs + total)
    return result._replace(rows=(first, *others), totals=totals)


def test_a_wrong_count_is_noticed() -> None:
    right, model = traced(resnet()), resnet()
    assert against(more_macs(right, 0), model) == ("MACs: the layers do not add up to the total",)
    (told,) = against(more_macs(right, 1), model)
    assert (
        told == f"MACs: {right.totals.macs + 1:,}, but FlopCounterMode counts {right.totals.macs:,}"
    )


def test_a_layer_too_few_is_noticed() -> None:
    model = resnet()
    model.layer1[0].conv2 = nn.Identity()
    told = [problem.partition(":")[0] for problem in against(traced(model), resnet())]
    assert told == ["parameters", "MACs", "shapes"]


def test_a_wrong_shape_is_noticed() -> None:
    right = traced(resnet())
    wrong = tuple(
        row._replace(outs=(nc.Tensor((1, 64, 32, 33)),)) if row.name == "conv1" else row
        for row in right.rows
    )
    (told,) = against(right._replace(rows=wrong), resnet())
    assert told == "shapes: 1 layers differ where PyTorch is asked, conv1 first"
    outputs = {"fc": nc.Tensor((1, 1001))}
    (told,) = against(right._replace(outputs=outputs), resnet())
    assert told == "outputs: ((1, 1001),), but the model has ((1, 1000),)"


class Call(nn.Module):
    """A function as a model."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


def test_an_operator_without_a_rule_is_noticed() -> None:
    model = Call(lambda x: torch.fft.fft(x).real)
    assert "fft" in against(traced(model), model)[0]


def test_what_the_counter_leaves_out_is_told_with_its_cause() -> None:
    model = Call(lambda x: x @ torch.empty(64, device="meta"))
    found = described("a model", traced(model), asked(model, X), witnessed(model, X))
    assert found.problems == ()
    assert models_report.cells(found)[4] == "does not count 1 x MatMul with a vector = -12,288"


# --- the page ------------------------------------------------------------------------------------


def test_the_page_tells_what_failed_and_what_did_not_run(tmp_path: Any) -> None:
    good = described("timm:a", traced(resnet()), asked(resnet(), X), witnessed(resnet(), X))
    bad = good._replace(net="timm:b", counted=1, problems=("MACs: 3, but 1",))
    shown = {f.net: json.dumps(f._asdict()).replace('"', "&quot;") for f in (good, bad)}
    noted = '<properties><property name="facts" value="{}"/></properties>'
    case = '<testcase name="test_every_model[{}]">{}</testcase>'
    cases = (
        case.format("timm:a", noted.format(shown["timm:a"])),
        case.format("timm:b", noted.format(shown["timm:b"]) + '<failure message="assert"/>'),
        case.format("timm:c", '<failure message="Boom: it | broke&#10;down"/>'),
        case.format("timm:d", '<skipped message="timm has no such model"/>'),
    )
    run = tmp_path / "run.xml"
    run.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", "utf-8")
    page = models_report.page(models_report.of_run(run))
    assert "1 of 3 exact, 1 did not run" in page
    lines = {line.split()[1]: line for line in page.splitlines() if line.startswith("| ")}
    assert lines["a"].rstrip(" |").endswith("yes")
    assert "**no**: MACs: 3, but 1" in lines["b"]
    assert "**no**: Boom: it / broke down" in lines["c"]
    assert "did not run: timm has no such model" in lines["d"]
