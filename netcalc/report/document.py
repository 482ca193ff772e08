"""A network as a document for machines: what ``--format json`` prints."""

from __future__ import annotations

from typing import Any

from netcalc.core.analyse import Counts, Result, Row, Totals
from netcalc.core.counters import CountedAs
from netcalc.core.memory import bytes_moved
from netcalc.core.receptive import Field
from netcalc.core.tensor import Tensor
from netcalc.report.columns import Network, activation_bytes, activations
from netcalc.report.columns import counted as counted_of
from netcalc.report.heads import heads_document
from netcalc.report.memory import memory_document


def document(
    result: Result, optimizer: str | None = None, counted: CountedAs | None = None
) -> dict[str, Any]:
    """The document for machines: schema 1, exact integers, a row for each layer."""
    network = Network(result, optimizer, counted)
    of_all = {"counted": counted.counted.value} if counted else {}
    return {
        "schema": 1,
        **({"convention": counted.convention} if counted else {}),
        **header_document(result),
        "rows": [_row(row, network) for row in result.rows],
        "totals": {**totals_document(result.totals), **of_all},
        **heads_document(result),
        "unknown": [
            {"operator": operator, "count": len(names), "layers": names}
            for operator, names in result.unknown.items()
        ],
        "memory": memory_document(network),
    }


def header_document(result: Result) -> dict[str, Any]:
    """What was made, with its inputs and outputs, for machines."""
    return {
        "network": result.graph.name,
        "factory": result.graph.factory,
        "inputs": [_tensor(n, x) for n, x in result.inputs.items()],
        "outputs": [_tensor(n, x) for n, x in result.outputs.items()],
    }


def totals_document(t: Totals) -> dict[str, Any]:
    """The totals for machines."""
    return {
        **_counts(t),
        "depth": t.depth,
        "depth_with_pools": t.depth_with_pools,
        "layers": t.layers,
        "param_bytes": t.param_bytes,
        **({"cache_bytes": t.cache_bytes} if t.cache_bytes else {}),
    }


def _tensor(name: str, x: Tensor) -> dict[str, Any]:
    return {"name": name, "shape": list(x.dims), "dtype": x.dtype}


def _row(row: Row, network: Network) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": row.type,
        "group": row.node.group(),
        "attrs": row.node.op.attrs(),
        "inputs": [ref if i == 0 else f"{ref}:{i}" for ref, i in row.node.inputs],
        "input_shapes": [list(x.dims) for x in row.ins],
        "output_shapes": [list(x.dims) for x in row.outs],
        **_counts(row.counts),
        **({"counted": counted_of((row,), network)} if network.counted else {}),
        "activations": activations((row,)),
        "activation_bytes": activation_bytes((row,)),
        "saved_bytes": network.memory.saved[row.name],
        "live_bytes": network.memory.live[row.name],
        "bytes_moved": bytes_moved(row),
        "receptive_field": _fields(network.fields_of(row.name)),
    }


def _fields(fields: tuple[Field, ...]) -> dict[str, list[int | None]]:
    """A receptive field on the first input, axis by axis; null where outputs differ in it."""
    return {
        "min": [f.least for f in fields],
        "max": [f.size for f in fields],
        "stride": [f.stride for f in fields],
        "padding": [f.padding for f in fields],
    }


def _counts(c: Counts) -> dict[str, Any]:
    return {
        "params": c.params,
        "trainable": c.trainable,
        "weights": c.weights,
        "biases": c.biases,
        "buffers": c.buffers,
        "macs": c.macs,
        "flops": c.flops,
        "ops": dict(c.ops),
    }
