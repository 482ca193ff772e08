"""netcalc compare"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import InputShapes, Net, emit, network_options, output_options


@click.command("compare")
@click.argument("nets", nargs=-1, type=Net(), metavar="A B [C ...]")
@network_options
@output_options
def command(
    nets: tuple[str, ...],
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    fmt: str | None,
    output: Path | None,
) -> None:
    """Put networks side by side, with ratios; for two, what their difference is made of.

    Of three to ten, every two have their ratio of parameters and of MACs.

    \b
    netcalc compare naive reduced
    netcalc compare googlenet googlenet@width=0.5 googlenet-torchvision

    --input, --batch and --aux apply to each of them. The exit code is 0 whatever is found.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse, compare
    from netcalc.loading import load_on
    from netcalc.report.comparison import comparison_report

    arguments = {"aux": True} if aux else {}
    analyses = [analyse(load_on(net, input_shape, **arguments), input_shape, batch) for net in nets]
    emit(comparison_report(compare(*analyses).comparison), fmt, output)
