"""netcalc compare"""

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


@click.command("compare")
@click.argument("nets", nargs=-1, type=Net(), metavar="A B [C ...]")
@strict_option
@network_options
@output_options
def command(
    nets: tuple[str, ...],
    strict: bool,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> int:
    """Put networks side by side, with ratios; for two, what their difference is made of.

    Layers of two networks stand for one another by what they are and how they are connected,
    whatever they are called. Every difference has its worth in parameters and MACs, and these add
    up to the whole. Of three to ten, every two have their ratio of parameters and of MACs.

    \b
    netcalc compare naive reduced
    netcalc compare googlenet torchvision:googlenet
    netcalc compare googlenet googlenet@width=0.5 googlenet-torchvision

    --input, --batch, --aux and --kwargs apply to each of them. The exit code is 0 whatever is
    found, unless --strict asks for a rule for every operator.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse, compare
    from netcalc.loading import load_on
    from netcalc.report.comparison import comparison_report

    arguments = made_with(aux, kwargs)
    analyses = [analyse(load_on(net, input_shape, **arguments), input_shape, batch) for net in nets]
    emit(comparison_report(compare(*analyses).comparison), fmt, output)
    return 1 if strict and any(a.result.unknown for a in analyses) else 0
