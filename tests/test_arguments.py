"""Arguments of what makes a model, inputs by name, outputs of any kind, and --strict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.loading import made_by
from netcalc.pytorch.outputs import opened
from netcalc.pytorch.trace import trace
from tests.commands import netcalc

MADE = """
import torch
from torch import nn


def make(width, names=None, act="relu", *, bias=True):
    layers = [nn.ReLU() for _ in names or []]
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=bias), *layers)


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(4, 8), nn.Linear(5, 8)

    def forward(self, a, *, b):
        return self.left(a) + self.right(b)


class Fft(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).real


made = nn.Linear(3, 4)
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "made.py"
    path.write_text(MADE)
    return str(path)


# --- arguments ---------------------------------------------------------------------------------


def test_arguments_behind_an_at_are_literals() -> None:
    given = "file.py:make@a=1,b=0.5,c=true,d=null,e=None,f=relu,g='x',h-i=False"
    assert made_by(given) == (
        "file.py:make",
        {
            "a": 1,
            "b": 0.5,
            "c": True,
            "d": None,
            "e": None,
            "f": "relu",
            "g": "x",
            "h_i": False,
        },
    )
    assert made_by("hf:a/config.json@n=2") == ("hf:a/config.json", {"n": 2})
    assert made_by("hf:folder@n=2") == ("hf:folder", {"n": 2})
    for other in ("googlenet@width=0.5", "net.yaml@c=1", "C:/nets/net.json"):
        assert made_by(other) is None


def test_an_at_in_a_path_is_no_argument(tmp_path: Path) -> None:
    (tmp_path / "a@b=c").mkdir()
    assert made_by(f"hf:{tmp_path}/a@b=c") == (f"hf:{tmp_path}/a@b=c", {})


def test_a_factory_gets_its_arguments_and_the_header_shows_them(file: str) -> None:
    kwargs = json.dumps({"width": 7, "names": ["a", "b"], "act": None, "bias": False})
    for given in ((f"{file}:make@width=7,bias=false",), (f"{file}:make", "--kwargs", kwargs)):
        ran = netcalc("table", *given, "--input", "8", columns=200)
        assert ran.code == 0
        assert "189 params" in ran.out.replace("\xa0", " ")
        assert "width=7" in ran.out.splitlines()[0]
        assert "bias=False" in ran.out.splitlines()[0]
    assert "names=['a', 'b'], act=None" in ran.out.splitlines()[0]
    assert netcalc("verify", *given, "--input", "8", "--device", "cpu").code == 0
    same = f"{file}:make@width=7,bias=false"
    plain = ("--kwargs", '{"width": 7, "bias": false}', "--input", "8", "--device", "cpu")
    assert netcalc("verify", f"{file}:make", *plain, "--against", same).code == 0


def test_a_library_gets_them_too() -> None:
    ran = netcalc("table", "torchvision:resnet18@num_classes=10", columns=120)
    assert ran.out.startswith("torchvision:resnet18(num_classes=10) on 3x224x224 float32")
    assert nc.load("torchvision:resnet18", num_classes=10).factory in ran.out
    heads = nc.analyse("torchvision:googlenet@aux_logits=true").totals.params
    assert (heads, nc.analyse("torchvision:googlenet").totals.params) == (13_004_888, 6_624_904)


def test_a_network_of_the_zoo_takes_them_as_well() -> None:
    given = netcalc("table", "googlenet", "--kwargs", '{"width": 0.5}')
    assert given.out == netcalc("table", "googlenet@width=0.5").out


@pytest.mark.parametrize(
    ("behind", "args", "said"),
    [
        (":make", [], ":make needs width: write "),
        (":make@wide=7", [], "has no argument 'wide'; did you mean width?"),
        (":make@width=7", ["--kwargs", '{"width": 8}'], "both set width"),
        (":make", ["--kwargs", '{"width": 7'], "--kwargs takes a JSON object such as"),
        (":make", ["--kwargs", "[7]"], "--kwargs takes a JSON object such as"),
        (":made@width=7", [], ":made takes no arguments, got 'width'"),
        (":make@width", [], "write arguments as name=value"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    behind: str, args: list[str], said: str, file: str
) -> None:
    for command in ("table", "explain", "export", "verify"):
        ran = netcalc(command, f"{file}{behind}", *args, "--input", "8")
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        assert ran.err.count("\n") == 1


def test_networks_without_arguments_say_so() -> None:
    for args, said in (
        (("table", "torchvision:resnet18@bogus=1"), "unexpected keyword argument 'bogus'"),
        (("table", "googlenet", "--aux", "--kwargs", '{"aux": true}'), "both set aux"),
        (("crops", "lenet5", "--kwargs", '{"bogus": 1}'), "bogus"),
    ):
        ran = netcalc(*args)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        assert ran.err.count("\n") == 1


# --- inputs by name -----------------------------------------------------------------------------


def test_inputs_by_name_are_those_of_the_forward_method(file: str) -> None:
    given = ("--input", "a=2,4", "--input", "b=2,5")
    ran = netcalc("table", f"{file}:Two", *given, "--format", "json")
    document = json.loads(ran.out)
    assert [(x["name"], x["shape"]) for x in document["inputs"]] == [("a", [2, 4]), ("b", [2, 5])]
    assert document["totals"]["macs"] == 2 * 8 * (4 + 5)
    assert netcalc("verify", f"{file}:Two", *given, "--device", "cpu").code == 0


class Words(nn.Module):
    """Takes integers, a flag, and tensors by name and in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)
        self.out = nn.Linear(4, 4)

    def forward(self, ids: Any, scale: float, *, more: Any, flag: bool = False) -> Any:
        x = self.table(ids) + more[0] + more[1]
        return self.out(x) if flag else x * scale


def test_a_model_is_traced_again_on_what_it_was_called_with() -> None:
    ids, more = torch.zeros(1, 6, dtype=torch.int64), [torch.ones(1, 6, 4), torch.ones(4)]
    graph = trace(Words(), ids, 2.0, more=more, flag=True)
    assert list(graph.inputs) == ["ids", "more.0", "more.1"]
    found = nc.analyse(graph, {"ids": (3, 8), "more.0": (3, 8, 4)})
    assert found.totals.macs == 3 * 8 * 4 * 4
    assert found.result.inputs["ids"].dtype == "int64"
    assert nc.analyse(graph, dtype="float64").totals.param_bytes == 8 * (40 + 20)
    assert nc.analyse(graph).totals.param_bytes == 4 * (40 + 20)


# --- outputs of any kind ------------------------------------------------------------------------


class Layer:
    """A layer of a cache, as transformers has them."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys, self.values = keys, values
        self.is_initialized = True


class KeyValueCache:
    """What a model keeps."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.again = self  # an object may lie in itself
        self.empty = torch.zeros(0)


@dataclass
class Output:
    """An output as a dataclass."""

    logits: torch.Tensor
    kept: Any = None


class Pair(NamedTuple):
    """An output as a named tuple."""

    logits: torch.Tensor
    past_key_values: Any


class Attends(nn.Module):
    """Two layers whose keys are kept."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.key, self.value, self.way = nn.Linear(4, 6), nn.Linear(4, 6), way

    def forward(self, x: torch.Tensor) -> Any:
        keys, values = self.key(x), self.value(x)
        logits = (keys * values).sum(-1)
        if self.way == "dataclass":
            return Output(logits, KeyValueCache([Layer(keys, values)]))
        if self.way == "tuple":
            return Pair(logits, ((keys, values),))
        if self.way == "dict":
            return {"logits": logits, "past_key_values": [keys, values], "loss": None}
        if self.way == "alone":
            return KeyValueCache([Layer(keys, values)])
        return logits


@pytest.mark.parametrize("way", ["dataclass", "tuple", "dict"])
def test_a_cache_is_found_and_is_no_output(way: str) -> None:
    graph = trace(Attends(way), torch.empty(1, 5, 4))
    assert list(graph.outputs) == ["sum"]
    assert graph.cache == (("key", 0), ("value", 0))
    result = nc.analyse(graph, batch=3)
    assert result.totals.cache_bytes == 4 * 2 * 3 * 5 * 6
    assert "240 bytes of KV cache" in nc.analyse(graph).table().replace("\xa0", " ")
    live = result.memory().live
    assert live["sum"] >= result.totals.cache_bytes


def test_a_model_without_a_cache_has_none() -> None:
    result = nc.analyse(trace(Attends(""), torch.empty(2, 5, 4)))
    assert (result.result.graph.cache, result.totals.cache_bytes) == ((), 0)
    assert "cache" not in result.table()
    assert "cache_bytes" not in result.to_dict()["totals"]


def test_what_returns_a_cache_alone_has_it_as_its_output() -> None:
    graph = trace(Attends("alone"), torch.empty(2, 5, 4))
    assert list(graph.outputs) == ["key", "value"]
    assert graph.cache == ()


def test_tensors_are_found_in_order() -> None:
    a, b, c, d = (torch.ones(i) for i in (1, 2, 3, 4))
    returned, kept = opened({"x": [a, (b, None)], "mems": [c], "y": {"z": d}})
    assert [len(t) for t in returned] == [1, 2, 4]
    assert [len(t) for t in kept] == [3]


def test_a_cache_names_layers_that_are_there() -> None:
    graph = nc.load("naive")
    with pytest.raises(nc.SpecError, match="cache: there is no layer or input nothing"):
        nc.core.graph.renamed(graph, cache=(("nothing", 0),))  # type: ignore[attr-defined]


# --- --strict -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["table", "explain", "verify", "compare"])
def test_strict_exits_1_on_every_command(command: str, file: str) -> None:
    nets = [f"{file}:Fft"] * (2 if command == "compare" else 1)
    for net, codes in ((f"{file}:Fft", (1, 0)), ("naive", (0, 0))):
        given = [net] * len(nets)
        where = ["--input", "3,8,8"] if net != "naive" else []
        strict = netcalc(command, *given, *where, "--strict")
        loose = netcalc(command, *given, *where)
        assert (strict.code, loose.code) == codes
        assert strict.out == loose.out
        assert strict.out
