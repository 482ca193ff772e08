"""LSTM, GRU and RNN against PyTorch's cells run step by step, and what is known of their memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import netcalc as nc
from netcalc.core.memory import memory
from netcalc.core.ops.base import Op
from netcalc.core.ops.recurrent import GRU, LSTM, RNN
from netcalc.core.tensor import Tensor
from netcalc.pytorch.build import build
from netcalc.pytorch.lower import module
from tests.reference import meta_macs, quiet
from tests.storages import peaks, saved

CELLS: dict[type[Op], Any] = {LSTM: nn.LSTMCell, GRU: nn.GRUCell, RNN: nn.RNNCell}


class Unrolled(nn.Module):
    """A recurrent layer as a loop over steps, with PyTorch's cell of each layer and direction.

    A cell is two linear layers, which FlopCounterMode counts wherever they run; of nn.LSTM on the
    CPU it sees nothing.
    """

    def __init__(self, whole: nn.RNNBase, op: Any) -> None:
        super().__init__()
        self.op = op
        self.cells = nn.ModuleDict()
        more = {"nonlinearity": op.nonlinearity} if isinstance(op, RNN) else {}
        for layer in range(op.num_layers):
            for end in ("", "_reverse")[: op.directions]:
                into = getattr(whole, f"weight_ih_l{layer}{end}").shape[1]
                cell = CELLS[type(op)](into, op.hidden_size, op.bias, **more)
                for name in [name for name, _ in cell.named_parameters()]:
                    setattr(cell, name, getattr(whole, f"{name}_l{layer}{end}"))
                self.cells[f"{layer}{end}"] = cell

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The sequence of hidden states and the last states, for a sequence of batches."""
        last: list[tuple[torch.Tensor, ...]] = []
        for layer in range(self.op.num_layers):
            ways = []
            for end, way in (("", 1), ("_reverse", -1))[: self.op.directions]:
                h: Any = None
                outs = []
                for step in range(len(x))[::way]:
                    h = self.cells[f"{layer}{end}"](x[step], h)
                    outs.append(h[0] if isinstance(h, tuple) else h)
                ways.append(torch.stack(outs[::way]))
                last.append(h if isinstance(h, tuple) else (h,))
            x = torch.cat(ways, -1)
        return (x, *(torch.stack(states) for states in zip(*last, strict=True)))


LAYERS: list[Op] = [
    LSTM(32),
    LSTM(6, 3, bias=False),
    LSTM(6, 2, bidirectional=True),
    GRU(32),
    GRU(6, 2, bidirectional=True),
    RNN(32),
    RNN(6, 2, bidirectional=True, nonlinearity="relu"),
]
X = Tensor((10, 2, 16))


def macs(op: Op, x: Tensor = X) -> int:
    return sum(t.value for t in op.terms((x,), op.shape(x)) if t.kind == "mac")


@pytest.mark.parametrize("op", LAYERS, ids=str)
def test_macs_are_those_of_the_cells(op: Op) -> None:
    """The loop gives the layer's outputs to the last digits, and its products are counted."""
    torch.manual_seed(0)
    whole: Any = module(op, (X,)).eval().double()
    loop = Unrolled(whole, op)
    x = torch.randn(X.dims, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in zip(loop(x), whole(x), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    assert meta_macs(loop, x) == macs(op)


def test_numbers_worked_out_by_hand() -> None:
    """10 steps of a batch of 2, with 4, 3 and 1 gates on inputs of 16 and states of 32."""
    assert macs(LSTM(32)) == 10 * 2 * 4 * 32 * (16 + 32) == 122_880
    assert macs(GRU(32)) == 92_160
    assert macs(RNN(32)) == 30_720
    assert macs(LSTM(32, proj_size=8)) == 10 * 2 * (4 * 32 * (16 + 8) + 32 * 8)


def test_the_counter_is_blind_on_the_cpu() -> None:
    """Why cells are the witness: PyTorch's fused LSTM counts nothing."""
    with quiet():
        assert meta_macs(module(LSTM(32), (X,)).eval(), torch.randn(X.dims)) == 0


def test_a_wrong_count_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GRU, "GATES", 4)
    with pytest.raises(AssertionError):
        test_macs_are_those_of_the_cells(GRU(32))


def text_network() -> nc.Graph:
    layers = nc.chain(
        embed=nc.Embedding(50, 16),
        rnn=nc.LSTM(32, 2, batch_first=True, bidirectional=True),
        again=nc.GRU(8, batch_first=True),
        norm=nc.LayerNorm(8),
        cell=nc.use(nc.Linear(5), "rnn:2"),
    )
    tokens = {"tokens": Tensor((3, 7), "int64")}
    return nc.network(layers, input=tokens, outputs={"cell": "cell", "all": "norm"})


def test_every_output_can_be_taken() -> None:
    result = nc.analyse(text_network()).result
    assert {name: x.dims for name, x in result.outputs.items()} == {
        "cell": (4, 3, 5),
        "all": (3, 7, 8),
    }
    built = build(result)
    with quiet(), torch.no_grad():
        cell, whole = built(torch.randint(0, 50, (3, 7)))
    assert (tuple(cell.shape), tuple(whole.shape)) == ((4, 3, 5), (3, 7, 8))
    params = sum(p.numel() for p in built.parameters())
    assert result.totals.params == params
    assert result.totals.param_bytes == 4 * params


def test_a_table_is_read_row_by_row() -> None:
    from netcalc.core.memory import bytes_moved

    row = nc.analyse(text_network()).result.rows[0]
    assert bytes_moved(row) == 8 * 21 + 2 * 4 * 21 * 16


BIG = Tensor((20, 8, 64))


@pytest.mark.parametrize("op", [LSTM(128), LSTM(128, 2), GRU(128, 2), RNN(128)], ids=str)
def test_lower_bounds_are_near(op: Op) -> None:
    """What is saved and held is never less than said, and what is saved not three times as much."""
    layers = nc.chain(layer=op)
    result = nc.analyse(nc.network(layers, input=BIG.dims, batched=False)).result
    found = memory(result)
    assert found.at_least == ("layer",)
    with quiet():
        built = build(result)
        kept = saved(built, result, [torch.randn(BIG.dims)])["layer"]
        live = peaks(built.eval(), result, [torch.randn(BIG.dims)])["layer"]
    assert found.saved["layer"] <= kept < 3 * found.saved["layer"]
    assert found.live["layer"] <= live


def test_a_lower_bound_is_marked() -> None:
    a = nc.analyse(text_network())
    table = a.table(columns=("layer", "live_bytes"))
    assert "lower bounds" in table
    assert table.count(">=") == 4  # the peak and what is saved, and the sums of which they are part
    assert a.to_dict()["memory"]["at_least"] == ["rnn", "again"]
    assert "163 kB float32" in str(nc.analyse(text_network()))  # not the type of the indices


def test_verified_and_the_blind_counter_named() -> None:
    layers = nc.chain(rnn=nc.LSTM(6, 2, bidirectional=True), again=nc.GRU(4), last=nc.RNN(3))
    found = nc.verify(nc.network(layers, input=(5, 2, 3), batched=False), device="cpu")
    assert found.ok
    causes = {(c.row, c.witness): c.cause for c in found.differences}
    calls = 5 * 2  # steps and sequences
    lstm = calls * 2 * (4 * 6 * (3 + 6) + 4 * 6 * (2 * 6 + 6))  # 2 ways, 2 layers
    gru, rnn = calls * 3 * 4 * (2 * 6 + 4), calls * 3 * (4 + 3)
    told = {"rnn": f"1 x LSTM = -{lstm:,}", "again": f"1 x GRU = -{gru:,}"}
    told |= {"last": f"1 x RNN = -{rnn:,}"}
    told[""] = f"1 x GRU and 1 x LSTM and 1 x RNN = -{lstm + gru + rnn:,}"
    assert causes == {(row, "fvcore"): f"fvcore does not count {t}" for row, t in told.items()}
