"""netcalc verify"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import (
    InputShapes,
    Net,
    emit,
    made_with,
    network_options,
    output_options,
    strict_option,
)


@click.command("verify")
@click.argument("net", type=Net())
@click.option(
    "--against",
    metavar="NET",
    help="Another model: a network of the zoo, torchvision:NAME, timm:NAME, hf:CONFIG.json,"
    " package.module:factory or path/to/file.py:factory. Without it, the model is built from NET"
    " itself.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "meta"]),
    default="auto",
    help="Where the forward pass runs; auto takes a GPU where there is one.",
)
@strict_option
@network_options
@output_options
def command(
    net: str,
    against: str | None,
    device: str,
    strict: bool,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> int:
    """Hold every number of NET against PyTorch.

    \b
    netcalc verify googlenet
    netcalc verify googlenet-torchvision --against torchvision:googlenet

    Each layer's fields, tensors, output size and MACs are held against its module, the operators it
    dispatches, a forward pass, FlopCounterMode and fvcore; with --against, what both models compute
    too. The exit code is 1 if anything differs without a known cause.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse, verify
    from netcalc.loading import load_on
    from netcalc.report.verification import verification_report

    graph = load_on(net, input_shape, **made_with(aux, kwargs))
    analysis = analyse(graph, input_shape, batch)
    found = verify(analysis, against, device)
    emit(verification_report(found.verification), fmt, output)
    return 0 if found.ok and not (strict and analysis.result.unknown) else 1
