"""netcalc table"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from netcalc.cli._options import (
    InputShapes,
    Net,
    emit,
    made_with,
    network_options,
    output_options,
    split,
    strict_option,
)
from netcalc.errors import InputError


@click.command("table")
@click.argument("net", type=Net())
@click.option(
    "--layout",
    type=click.Choice(["paper", "modules", "layers"]),
    help="The paper's own table (default where there is one), or a line for each module or layer.",
)
@click.option(
    "--depth",
    type=click.IntRange(1),
    metavar="N",
    help="Path components of a module's line.  [default: 1]",
)
@click.option(
    "--columns",
    callback=split,
    metavar="A,B,...",
    help="Which columns: type, fields, input, output, params, weights, biases, buffers, trainable,"
    " macs, flops, ops, add, mul, div, cmp, exp, pow, params%, macs%, receptive_field,"
    " receptive_field_min, effective_stride, effective_padding, activations, activation_bytes,"
    " saved_bytes, live_bytes, bytes_moved, intensity; with --as,"
    " counted.",
)
@click.option("--share", is_flag=True, help="Add each row's share of all parameters and MACs.")
@click.option(
    "--optimizer",
    type=click.Choice(["sgd", "momentum", "adam"]),
    help="Add the memory of inference, and of training with this optimizer (columns on memory add"
    " them too, with adam).",
)
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32", "float16", "bfloat16"]),
    help="Type of inputs and parameters, for bytes.  [default: float32]",
)
@click.option(
    "--as",
    "convention",
    metavar="NAME",
    help="Count as another counter does, without it: fvcore, torchinfo, thop, ptflops-pytorch,"
    " ptflops-aten, calflops-macs, calflops-flops, flopcountermode-cpu, flopcountermode-meta,"
    " torchprofile, flopth, torchscan-macs, torchscan-flops, torchlens.",
)
@strict_option
@network_options
@output_options
def command(
    net: str,
    layout: str | None,
    depth: int | None,
    columns: tuple[str, ...] | None,
    share: bool,
    optimizer: str | None,
    dtype: str | None,
    convention: str | None,
    strict: bool,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> None:
    """Print the table of NET: output sizes, parameters and MACs, and exact totals below.

    \b
    netcalc table googlenet                       Table 1 of the paper, derived
    netcalc table googlenet --layout layers       every layer
    netcalc table googlenet --columns params,weights,biases,macs%
    netcalc table googlenet --columns receptive_field,effective_stride
    netcalc table googlenet --optimizer adam --batch 32
    netcalc table googlenet --input 3,160,160 -o small.csv

    --format json has a row for each layer, whatever the layout.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse
    from netcalc.loading import load_on
    from netcalc.report.network import network_report

    arguments = made_with(aux, kwargs)
    counted = None
    if convention is not None:
        from netcalc.counting import count_as

        if dtype is not None:
            raise InputError("--as and --dtype do not go together: say the type with --input")
        counted = count_as(net, convention, input_shape, batch, **arguments)
        result = counted.result
    else:
        graph = load_on(net, input_shape, **arguments)
        result = analyse(graph, input_shape, batch, dtype).result
    report = network_report(result, layout, depth, columns, share, optimizer, counted)
    emit(report, fmt, output)
    if strict and result.unknown:
        sys.exit(1)
