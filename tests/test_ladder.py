"""Tracing beyond plain meta: values that are read, writes into parts, operators with a rule."""

from __future__ import annotations

import random
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.core.rules import RULES, name_of
from netcalc.pytorch.writes import Place, overlap

from .commands import netcalc


def nodes(graph: nc.Graph) -> dict[str, nc.Graph]:
    return {node.name: node for node in graph.nodes}


# --- values that are read ---------------------------------------------------------------


class Counts(nn.Module):
    """Makes a mask as long as the number of ids that are not padding says."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.linear = nn.Linear(4, 6)
        self.register_buffer("pad", torch.tensor(0))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        length = int((ids != self.pad).sum().item())
        kept = torch.arange(length, device=self.embed.weight.device)
        return self.linear(self.embed(ids[:, kept]))


def test_values_of_whole_numbers_are_computed() -> None:
    graph = nc.trace(Counts(), torch.tensor([[3, 5, 1, 0, 0]]))
    assert "but for values that its forward pass reads" in graph.remarks[0]
    result = nc.analyse(graph).result
    assert result.totals.macs == 3 * 4 * 6
    assert result.totals.params == 10 * 4 + 4 * 6 + 6
    assert nodes(graph)["linear"].inputs == (("embed", 0),)


def test_what_is_not_computed_stays_where_it_is() -> None:
    """Sent to the device of a real tensor, which has values, it stays on meta."""

    class Model(nn.Module):
        def forward(self, ids: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            if ids.max() > 2:
                x = x.to(ids.device)
            return x * ids

    graph = nc.trace(Model(), torch.tensor([1, 2, 3]), torch.rand(4, 3))
    assert "but for values" in graph.remarks[0]
    assert nodes(graph)["mul"].inputs == (("x", 0), ("ids", 0))


class Picks(nn.Module):
    """Takes the positive entries of what a layer gives, so its sizes are those of its values."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        return y[y > 0].sum() + y.sum()


def test_values_of_weights_are_computed_on_the_cpu() -> None:
    model = Picks()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    graph = nc.trace(model, torch.ones(2, 4))
    assert graph.remarks[0].startswith("run on the CPU with real tensors: ")
    assert nc.analyse(graph).totals.macs == 2 * 4 * 6
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled()


def test_attention_on_the_cpu_is_not_one_fused_operator() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: torch.Tensor) -> Any:
            y = self.layer(x)
            return y, float(y.sum())

    graph = nc.trace(Model(), torch.rand(1, 5, 8))
    assert graph.remarks[0].startswith("run on the CPU")
    result = nc.analyse(graph).result
    assert result.unknown == {}
    assert result.totals.macs == 5 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 5 * 8


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_scripted_model_runs_on_the_cpu() -> None:
    graph = nc.trace(torch.jit.script(nn.Sequential(nn.Linear(4, 3), nn.ReLU())), torch.rand(2, 4))
    assert "a ScriptModule cannot be put on the meta device" in graph.remarks[0]
    totals = nc.analyse(graph).totals
    assert (totals.macs, totals.params) == (2 * 4 * 3, 4 * 3 + 3)


def test_ties_stay_on_the_cpu() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Embedding(10, 4), nn.Embedding(10, 4)
            self.b.weight = self.a.weight

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            x = self.a(ids) + self.b(ids)
            return x * float(x.sum())

    graph = nc.trace(Model(), torch.tensor([1, 2]))
    assert graph.remarks[0].startswith("run on the CPU")
    assert nc.analyse(graph).totals.params == 10 * 4


def test_a_model_too_large_to_run_says_so() -> None:
    with torch.device("meta"):
        model = Picks()
        model.large = nn.Linear(2**20, 2**20)
    with pytest.raises(nc.InputError, match=r"reads values .* too large to run here"):
        nc.trace(model, torch.ones(2, 4))


def test_a_mistake_of_the_model_is_told_at_once() -> None:
    with pytest.raises(nc.NetcalcError, match=r"^Linear cannot run: RuntimeError: .*\[3, 5\]"):
        nc.trace(nn.Linear(4, 2), torch.empty(3, 5))


def test_the_header_says_how_a_model_was_traced(tmp_path: Any) -> None:
    (tmp_path / "made.py").write_text(
        "import torch\n"
        "class M(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.f = torch.nn.Linear(4, 4)\n"
        "        self.rates = torch.linspace(0, 1, 3).tolist()\n"
        "    def forward(self, x):\n"
        "        return self.f(x).mean().item() + x\n"
    )
    ran = netcalc("table", f"{tmp_path / 'made.py'}:M", "--input", "3,4,4")
    assert ran.code == 0, ran.err
    assert "made with its weights alone on the meta device" in ran.out
    assert "run on the CPU with real tensors" in ran.out


class Holds(nn.Module):
    """Holds what has no copy, and a weight that is computed from others before any pass."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.linear = nn.Linear(4, 3)
        self.scaled = self.linear.weight * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            return nn.functional.linear(self.linear(x), self.scaled.t())


def test_what_cannot_be_copied_is_shared() -> None:
    model = Holds()
    graph = nc.trace(model, torch.rand(2, 4))
    assert nc.analyse(graph).totals.macs == 2 * 2 * 4 * 3
    assert nc.analyse(graph).totals.params == 4 * 3 + 3
    assert not model.scaled.is_meta


def test_padding_masks_of_an_encoder_make_no_nested_tensors() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)

        def forward(self, x: torch.Tensor, mask: torch.Tensor) -> Any:
            return self.encoder(x, src_key_padding_mask=mask)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = nc.trace(Model(), torch.rand(3, 5, 8), torch.zeros(3, 5, dtype=torch.bool))
    assert graph.remarks[0] == "traced on the meta device"
    each = 5 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 5 * 5 * 8
    assert nc.analyse(graph).totals.macs == 2 * 3 * each


@pytest.mark.parametrize("transposed", [False, True])
def test_the_general_convolution(transposed: bool) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = (
                nn.Parameter(torch.rand(4, 2, 3, 3)),
                nn.Parameter(torch.rand(4)),
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            at = ((2, 2), (1, 1), (1, 1), transposed, (0, 0), 2)
            return torch.convolution(x, self.weight, self.bias, *at)

    analysis = nc.analyse(nc.trace(Model(), torch.rand(1, 4, 9, 9)))
    assert analysis.result.unknown == {}
    places = 9 * 9 if transposed else 5 * 5
    assert analysis.totals.macs == places * 4 * 2 * 3 * 3
    assert analysis.totals.params == 4 * 2 * 3 * 3 + 4


# --- writes -----------------------------------------------------------------------------


class Halves(nn.Module):
    """Fills a tensor half by half, and changes one half of another in place."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.zeros(x.shape[0], 4, *x.shape[2:], device=x.device)
        both[:, :2] = self.a(x)
        both[:, 2:] = self.b(x)
        first, second = torch.relu(both).chunk(2, 1)
        first.mul_(2)
        return torch.cat([first, second], 1)


def test_writes_into_parts_reach_the_whole() -> None:
    graph = nc.trace(Halves(), torch.rand(2, 2, 5, 5))
    by_name = nodes(graph)
    assert by_name["written"].inputs == (("zeros", 0), ("a", 0))
    assert by_name["written_2"].inputs == (("written", 0), ("b", 0))
    assert by_name["relu"].inputs == (("written_2", 0),)
    assert by_name["cat"].inputs == (("mul", 0), ("chunk", 1))  # the second half was not written to
    assert nc.analyse(graph).totals.depth == 1


def test_what_out_is_given_is_written() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made, both = torch.zeros_like(x), torch.zeros(2 * len(x), 4, device=x.device)
            torch.mul(self.a(x), 2, out=made)
            torch.cat([made, made], 0, out=both)
            return self.b(both)

    graph = nc.trace(Model(), torch.rand(3, 4))
    assert nc.analyse(graph).totals.depth == 2
    assert nc.analyse(graph).totals.macs == 3 * 4 * 4 + 6 * 4 * 4


def test_an_operator_that_returns_nothing_is_no_zero() -> None:
    library = torch.library.Library("netcalc_void", "DEF")
    try:
        library.define("turn(Tensor(a!) q) -> ()")
        library.impl("turn", lambda q: None, "Meta")

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                q = self.a(x)
                torch.ops.netcalc_void.turn(q)
                return self.b(q)

        analysis = nc.analyse(nc.trace(Model(), torch.rand(3, 4)))
        assert list(analysis.result.unknown) == ["netcalc_void::turn"]
        assert analysis.totals.depth == 2
        nc.register("netcalc_void::turn", lambda q: (q, [nc.Term("turns", "mul", q.dims)]))
        analysis = nc.analyse(nc.trace(Model(), torch.rand(3, 4)))
        assert analysis.result.unknown == {}
        assert analysis.totals.ops["mul"] == 12
        assert analysis.totals.depth == 2
    finally:
        nc.unregister("netcalc_void::turn")
        library._destroy()


def test_names_that_no_layer_may_have() -> None:
    model = nn.Sequential()
    model.add_module("<a b>", nn.Linear(4, 4))
    result = nc.analyse(nc.trace(model, torch.rand(3, 4))).result
    assert [row.name for row in result.rows] == ["_a_b_"]
    assert nc.verify(nc.trace(model, torch.rand(3, 4)), model, device="cpu").ok
    assert result.totals.params == 20


@pytest.mark.parametrize("seed", range(60))
def test_overlap_of_views_is_that_of_their_elements(seed: int) -> None:
    """Against the sets of elements, for views that keep a dense tensor's strides."""
    pick = random.Random(seed)
    shape = [pick.randint(1, 4) for _ in range(pick.randint(1, 4))]
    count = torch.Size(shape).numel()
    whole = torch.arange(count).view(shape)

    def view() -> torch.Tensor:
        found = whole
        for axis in range(len(shape) - 1, -1, -1):
            start = pick.randrange(shape[axis])
            stop = pick.randint(start + 1, shape[axis])
            found = pick.choice(
                [
                    found.select(axis, start),
                    found.narrow(axis, start, stop - start),
                    found,
                ]
            )
        return found

    for _ in range(20):
        a, b = view(), view()
        places = [Place(v.storage_offset(), tuple(v.shape), tuple(v.stride())) for v in (a, b)]
        common = bool({*a.flatten().tolist()} & {*b.flatten().tolist()})
        assert overlap(*places) == common


def test_strided_views_may_be_said_to_overlap_but_never_not_to() -> None:
    whole = torch.arange(24)
    views = [whole[::2], whole[1::2], whole[::3], whole[4:9], whole.view(4, 6)[:, ::5], whole[23:]]
    for a in views:
        for b in views:
            places = [Place(v.storage_offset(), tuple(v.shape), tuple(v.stride())) for v in (a, b)]
            if {*a.flatten().tolist()} & {*b.flatten().tolist()}:
                assert overlap(*places)


# --- operators with a rule --------------------------------------------------------------


@pytest.fixture
def rules() -> Iterator[None]:
    before = dict(RULES)
    yield
    RULES.clear()
    RULES.update(before)


def scan_rule(u: nc.Tensor, decay: nc.Tensor) -> Any:
    batch, length, channels = u.dims
    state = decay.dims[1]
    sizes = (batch, length, channels, state)
    return u, [nc.Term("state", "mac", sizes, ("batch", "length", "channels", "state"))]


@pytest.mark.usefixtures("rules")
def test_an_operator_of_the_dispatcher_gets_a_rule() -> None:
    """It has no kernel for meta and would raise: so it is not called."""
    library = torch.library.Library("netcalc_test", "DEF")
    try:
        library.define("scan(Tensor u, Tensor decay) -> Tensor")

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.inner = nn.Linear(8, 8)
                self.decay = nn.Parameter(torch.ones(8, 16))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.ops.netcalc_test.scan(self.inner(x), self.decay).relu()

        with pytest.raises(nc.NetcalcError, match="netcalc_test::scan"):
            nc.trace(Model(), torch.rand(2, 5, 8))
        nc.register(torch.ops.netcalc_test.scan, scan_rule)
        analysis = nc.analyse(nc.trace(Model(), torch.rand(2, 5, 8)))
        assert analysis.result.unknown == {}
        assert analysis.totals.macs == 2 * 5 * 8 * 8 + 2 * 5 * 8 * 16
        assert analysis.totals.params == 8 * 8 + 8 + 8 * 16
        assert "2*5*8*16" in str(analysis.explain("netcalc_test.scan"))
    finally:
        library._destroy()


@pytest.mark.usefixtures("rules")
def test_a_python_function_gets_a_rule_wherever_it_was_imported_to() -> None:
    """As a CUDA extension that no dispatcher sees; a name bound early is replaced too."""
    home, user = types.ModuleType("netcalc_fast"), types.ModuleType("netcalc_user")

    def scan(u: Any, decay: Any) -> Any:
        raise RuntimeError("needs a GPU")

    scan.__module__, scan.__qualname__ = "netcalc_fast", "scan"
    home.scan = user.renamed = scan
    sys.modules |= {"netcalc_fast": home, "netcalc_user": user}
    try:

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.decay = nn.Parameter(torch.ones(8, 16))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return user.renamed(home.scan(x, self.decay), decay=self.decay).relu()

        nc.register("netcalc_fast.scan")(scan_rule)
        graph = nc.trace(Model(), torch.rand(2, 5, 8))
        assert nc.analyse(graph).totals.macs == 2 * 2 * 5 * 8 * 16
        assert nodes(graph)["relu"].inputs == (("netcalc_fast.scan_2", 0),)
        assert home.scan is user.renamed is scan
    finally:
        del sys.modules["netcalc_fast"], sys.modules["netcalc_user"]


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda x: x, "must return outputs, work"),
        (lambda x: (x.dims, []), "its outputs must be Tensors"),
        (lambda x: (x, [1]), "its work must be Terms"),
        (lambda x: (x, [nc.Term("w", "weight", (1,))]), "its work must be Terms of kind mac"),
        (lambda x: x.shape, "AttributeError"),
        (lambda: None, "TypeError"),
    ],
)
def test_a_wrong_rule_is_told(rule: Any, said: str) -> None:
    nc.register("aten::special_i0e", rule)
    with pytest.raises(nc.SpecError, match=said):
        nc.trace(I0e(), torch.rand(3))


class I0e(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.i0e(x)


@pytest.mark.usefixtures("rules")
def test_methods_with_rules_are_left_as_they_were() -> None:
    class Base:
        @staticmethod
        def scan(u: Any) -> Any:
            return u

        @classmethod
        def made(cls, u: Any) -> Any:
            return cls, u

    class Derived(Base):
        pass

    home = types.ModuleType("netcalc_classes")
    home.Base, home.Derived = Base, Derived
    sys.modules["netcalc_classes"] = home
    before = dict(vars(Base)), dict(vars(Derived))
    try:
        for name in ("Base.scan", "Base.made", "Derived.scan"):
            nc.register(f"netcalc_classes.{name}", lambda u: (u, []))
        nc.trace(nn.Linear(4, 4), torch.rand(2, 4))
    finally:
        del sys.modules["netcalc_classes"]
    assert (dict(vars(Base)), dict(vars(Derived))) == before


@pytest.mark.usefixtures("rules")
def test_rules_are_replaced_and_taken_away() -> None:
    def rule(macs: int) -> Any:
        return lambda x: (x, [nc.Term("w", "mac", (macs,))])

    for macs in (3, 5):
        nc.register("aten::special_i0e", rule(macs))
        assert nc.analyse(nc.trace(I0e(), torch.rand(3))).totals.macs == macs
    nc.unregister("aten::special_i0e")
    nc.unregister("aten::special_i0e")
    assert nc.analyse(nc.trace(I0e(), torch.rand(3))).totals.macs == 0


def test_names_of_operators() -> None:
    assert name_of(torch.ops.aten.relu) == "aten::relu"
    assert name_of(torch.ops.aten.add.Tensor) == "aten::add"
    assert name_of(scan_rule) == f"{__name__}.scan_rule"
    for wrong in ("", "relu", "a b.c", 3, None):
        with pytest.raises(nc.InputError, match="register takes an operator"):
            name_of(wrong)
