"""Arguments of what makes a model, inputs by name, outputs of any kind, and --strict."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torchvision
from torch import nn

import netcalc as nc
from netcalc.loading import is_module, made_by
from netcalc.pytorch.outputs import opened
from netcalc.pytorch.trace import trace
from tests.commands import netcalc
from tests.reference import meta_macs

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


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(10, 4), nn.Linear(4, 3)

    def forward(self, ids, scale=None):
        x = self.table(ids)
        return self.out(x if scale is None else x * scale)


class Half(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3, dtype=torch.bfloat16)

    def forward(self, x):
        return self.out(x)


def films():
    return nn.Conv3d(3, 8, 3, padding=1)


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
        (("table", "torchvision:resnet18@bogus=1"), "torchvision:resnet18 has no argument 'bogus'"),
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


# --- inputs with a type -------------------------------------------------------------------------


def described(*args: str) -> Any:
    ran = netcalc("table", *args, "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


@pytest.mark.parametrize("given", ["1,16:int64", "1x16:int64", "ids=1,16:int32"])
def test_whole_numbers_are_an_input_by_their_type(given: str, file: str) -> None:
    """Of 10 x 4 + 4 x 3 + 3 parameters in float32; a product for each of 16 tokens."""
    document = described(f"{file}:Tokens", "--input", given)
    (x,) = document["inputs"]
    assert (x["name"], x["shape"]) == ("ids", [1, 16])
    assert x["dtype"] == given.rpartition(":")[2]
    totals = document["totals"]
    assert (totals["params"], totals["macs"]) == (40 + 12 + 3, 16 * 4 * 3)
    assert netcalc("verify", f"{file}:Tokens", "--input", given, "--device", "cpu").code == 0
    longer = described(f"{file}:Tokens", "--input", given, "--batch", "8")
    assert longer["inputs"][0]["shape"] == [8, 16]


def test_only_some_inputs_need_a_type(file: str) -> None:
    given = ("--input", "ids=2,16:int64", "--input", "scale=2,16,1")
    found = [(x["shape"], x["dtype"]) for x in described(f"{file}:Tokens", *given)["inputs"]]
    assert found == [([2, 16], "int64"), ([2, 16, 1], "float32")]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_a_floating_type_is_that_of_the_parameters(dtype: str, file: str) -> None:
    """PyTorch runs a layer on tensors of its own type only; of networks of the zoo it is so too."""
    wanted = sum(p.nbytes for p in nn.Conv3d(3, 8, 3).to(getattr(torch, dtype)).parameters())
    x = nc.Tensor((1, 3, 4, 8, 8), dtype)
    made = nc.analyse(f"{file}:films", input=x)
    assert made.totals.param_bytes == wanted
    assert list(made.outputs.values()) == [nc.Tensor((1, 8, 4, 8, 8), dtype)]
    assert nc.verify(made, device="cpu").ok
    assert nc.analyse(made.result.graph, dtype="float32").totals.param_bytes == 4 * (81 * 8 + 8)
    zoo = nc.analyse("lenet5", input=nc.Tensor((1, 1, 32, 32), dtype))
    assert zoo.totals.param_bytes == nc.analyse("lenet5", dtype=dtype).totals.param_bytes


def test_a_model_that_is_made_in_another_type(file: str) -> None:
    given = ("--input", "2,4:bfloat16")
    document = described(f"{file}:Half", *given)
    assert [x["dtype"] for x in (*document["inputs"], *document["outputs"])] == ["bfloat16"] * 2
    assert netcalc("verify", f"{file}:Half", *given, "--device", "cpu").code == 0


def test_five_axes_are_taken_as_they_are(file: str) -> None:
    document = described(f"{file}:films", "--input", "1,3,4,8,8")
    assert document["inputs"][0]["shape"] == [1, 3, 4, 8, 8]
    assert document["totals"]["macs"] == 8 * 4 * 8 * 8 * 3 * 27
    given = ("--input", "1,3,16,112,112")
    with torch.device("meta"):
        model = torchvision.models.video.r3d_18(weights=None).eval().requires_grad_(False)
        x = torch.empty(1, 3, 16, 112, 112)
    totals = described("torchvision:r3d_18", *given)["totals"]
    assert totals["params"] == sum(p.numel() for p in model.parameters())
    assert totals["macs"] == meta_macs(model, x)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (":Tokens --input 1,16", "say the type of its input: --input 1,16:int64"),
        (":Tokens", "say which input it takes, --input 3,224,224 or 1,16:int64"),
        (":Tokens --input 1,16:int46", "there is no element type 'int46'; did you mean int64?"),
        (":Tokens --input ids=1,16:", "--input ids: there is no element type ''; use one of float"),
        (":Tokens --input 1,sixteen:int64", "--input takes a shape such as 3,224,224"),
        (":Tokens --input 0,16:int64", "--input: every axis must be from 1 to"),
        (":Tokens --input 2,16:int64 --batch 4", "has a batch already, not 4"),
        (":films --input 1,3,4,8,8,8", "cannot run"),
    ],
)
def test_a_wrong_type_is_told_in_one_line(args: str, said: str, file: str) -> None:
    ran = netcalc("table", *f"{file}{args}".split())
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


@pytest.mark.parametrize(
    ("given", "dtype", "said"),
    [
        (nc.Tensor((1, 1, 32, 32), "int64"), None, "input is float32 in lenet5, not int64"),
        (nc.Tensor((1, 1, 32, 32), "float16"), "float64", "as float16, and dtype as float64"),
        (nc.Tensor((32,), "float16"), None, "input has 4 axes (default 1x1x32x32); give all of"),
        (nc.Tensor((1, 1, 32, 32), "half"), None, "there is no element type 'half'"),
        (nc.Tensor((1, 1, 32.5, 32), "float16"), None, "input must be an integer, got 32.5"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_tensor_is_refused(given: Any, dtype: str | None, said: str) -> None:
    with pytest.raises(nc.InputError) as raised:
        nc.analyse("lenet5", input=given, dtype=dtype)
    assert said in str(raised.value)


# --- no inputs ----------------------------------------------------------------------------------


class Alone(nn.Module):
    """Makes something of its weights alone, or of nothing."""

    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 4)) if weights else None

    def forward(self) -> torch.Tensor:
        return torch.zeros(3) if self.weight is None else self.weight @ self.weight


@pytest.mark.parametrize("weights", [True, False])
def test_a_model_may_have_no_input(weights: bool) -> None:
    """In every output; what needs an input is refused in one line."""
    model = Alone(weights)
    analysis = nc.analyse(trace(model))
    assert list(analysis.outputs.values()) == [nc.Tensor(tuple(model().shape))]
    assert (analysis.totals.params, analysis.totals.macs) == (16 * weights, 64 * weights)
    for shown in (analysis.table(), analysis.explain()):
        assert str(shown).splitlines()[0] == "Alone without an input"
    explained = str(analysis.explain())
    assert (":  ->" in explained, ": -> 4x4" in explained) == (False, weights)
    assert "0 MACs" in analysis.table() or weights
    assert analysis.to_dict()["inputs"] == []
    assert analysis.table(columns=["receptive_field", "intensity", "live_bytes"])
    assert nc.compare(analysis, analysis).table()
    half = nc.analyse(trace(model), dtype="float16")
    assert half.totals.param_bytes == 2 * 16 * weights
    found = nc.verify(analysis, model, device="cpu")
    assert found.ok
    assert "verified" in str(found)
    with pytest.raises(nc.SpecError, match="cannot be written as a file: it has no input"):
        nc.export(analysis)
    with pytest.raises(nc.InputError, match="takes no input: only images"):
        nc.crops(analysis)


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


# --- modules where a network is taken ----------------------------------------------------------


class Sum(nn.Module):
    """Two inputs, and a number."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 8), nn.Linear(5, 8)

    def forward(self, a: torch.Tensor, b: torch.Tensor, times: int = 1) -> torch.Tensor:
        return times * (self.left(a) + self.right(b))


IMAGE = (1, 3, 64, 64)
GIVEN: dict[str, Any] = {
    "a shape": IMAGE,
    "a list": [*IMAGE],
    "a side": 64,
    "a tensor": torch.ones(IMAGE),
    "a tensor in a tuple": (torch.ones(IMAGE),),
    "netcalc's own": nc.Tensor(IMAGE),
    "by name": {"x": IMAGE},
}


@pytest.mark.parametrize("how", GIVEN)
def test_a_module_is_traced_on_its_input(how: str) -> None:
    model = torchvision.models.resnet18(weights=None)
    a = nc.analyse(model, input=GIVEN[how])
    assert a.totals.params == sum(p.numel() for p in model.parameters())
    image = torch.empty(IMAGE, device="meta")
    assert a.totals.macs == meta_macs(model.eval().requires_grad_(False).to("meta"), image)


def test_a_module_of_several_inputs() -> None:
    """2 rows of 4 and of 5 values, to 8 each."""
    for given in (
        ((2, 4), (2, 5)),
        [torch.ones(2, 4), (2, 5)],
        {"a": (2, 4), "b": (2, 5)},
        {"a": (2, 4), "b": (2, 5), "times": 3},
    ):
        assert nc.analyse(Sum(), given).totals.macs == 2 * 8 * (4 + 5)
    assert nc.analyse(Sum(), ((1, 4), (1, 5)), batch=3).totals.macs == 3 * 8 * (4 + 5)
    half = nc.analyse(Sum().half(), ((1, 4), (1, 5)))
    assert {x.dtype for x in half.result.inputs.values()} == {"float16"}


def test_types_of_pytorch() -> None:
    a = nc.analyse("naive", dtype=torch.float16)
    assert a.totals.param_bytes == 2 * a.totals.params
    assert nc.Tensor((1, 2), torch.int64) == nc.Tensor((1, 2), "int64")
    assert nc.Cast(torch.float64) == nc.Cast("float64")
    whole = nc.analyse(nn.Embedding(7, 3), input=nc.Tensor((1, 2), torch.int64))
    assert whole.outputs.popitem()[1].dims == (1, 2, 3)
    wide = nc.analyse("resnet18", input=torch.empty(2, 3, 64, 64))
    assert wide.result.inputs["input"] == nc.Tensor((2, 3, 64, 64))


CALLS: dict[str, Any] = {
    "analyse": nc.analyse,
    "compare": lambda model: nc.compare(model, "resnet18"),
    "export": nc.export,
    "crops": nc.crops,
    "verify": nc.verify,
    "count_as": lambda model: nc.count_as(model, "thop"),
    "load": nc.load,
    "formula": nc.formula,
    "fit": lambda model: nc.fit(model, max_params=5),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_module_without_an_input_is_told_what_to_do(call: str) -> None:
    model = torchvision.models.resnet18(weights=None)
    with pytest.raises(nc.InputError, match=r"nc\.trace\(model, \*inputs\)") as raised:
        CALLS[call](model)
    assert len(str(raised.value)) < 150
    assert "\n" not in str(raised.value)


def test_what_is_no_model_is_told() -> None:
    with pytest.raises(nc.InputError, match=r"resnet18, which makes one; call it: resnet18\(\)"):
        nc.verify("resnet18", torchvision.models.resnet18)
    with pytest.raises(nc.InputError, match="trace takes tensors"):
        nc.trace(torchvision.models.resnet18(weights=None), IMAGE)
    with pytest.raises(nc.InputError, match="got a list"):
        nc.sweep([nn.Linear(3, 4)] * 3)


def test_a_question_for_a_module_does_not_import_pytorch() -> None:
    """Its twin: a module is one."""
    code = """
import sys
import netcalc as nc
nc.analyse("naive")
try:
    nc.analyse(5)
except nc.InputError:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert is_module(nn.Linear(3, 4))


# --- what is told of NETs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "told"),
    [
        ("torchvision:resnet18@aux=true", "torchvision:resnet18 has no argument 'aux'; it takes "),
        ("torchvision:resnet18@num_clases=3", "no argument 'num_clases'; did you mean num_classes"),
        ("timm:resnet18@num_clases=3", "no argument 'num_clases'; did you mean num_classes"),
    ],
)
def test_arguments_that_are_handed_on_are_told_too(net: str, told: str) -> None:
    ran = netcalc("table", net)
    assert ran.code == 2
    assert told in ran.err
    assert "TypeError" not in ran.err


def test_a_sequence_is_no_image(tmp_path: Path) -> None:
    """A hint where a shape got a batch axis that its model cannot run with, and no other time."""
    file = tmp_path / "made.py"
    file.write_text(
        "from torch import nn\n"
        "class Sequence(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.lstm = nn.LSTM(10, 20)\n"
        "    def forward(self, tokens):\n"
        "        return self.lstm(tokens)[0]\n"
    )
    ran = netcalc("table", f"{file}:Sequence", "--input", "2,5,10")
    assert ran.code == 2
    assert "--input 2,5,10:float32, or a name, tokens=2,5,10" in ran.err
    for shape in ("2,5,10:float32", "tokens=2,5,10"):
        assert netcalc("table", f"{file}:Sequence", "--input", shape).code == 0
    ran = netcalc("table", f"{file}:Sequence", "--input", "2,5,11")
    assert "without its batch" not in ran.err


def test_titles_are_the_same_whoever_counts() -> None:
    title = netcalc("table", "torchvision:alexnet").out.splitlines()[0]
    assert title == "torchvision:alexnet() on 3x224x224 float32"
    assert netcalc("table", "torchvision:alexnet", "--as", "thop").out.splitlines()[0] == title
    counted = nc.count_as("lenet5", "thop").result.graph
    assert (counted.name, counted.factory) == ("lenet5", "lenet5()")
