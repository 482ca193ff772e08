"""netcalc fit"""

from __future__ import annotations

import click

from netcalc.cli._options import Net, emit, format_option, split


@click.command("fit")
@click.argument("net", type=Net())
@click.option("--max-params", metavar="N", help="At most so many parameters: 5M, 5e6, 5000000.")
@click.option("--max-macs", metavar="N", help="At most so many MACs of one image: 1G.")
@click.option(
    "--vary",
    callback=split,
    metavar="A,B",
    help="What may change: an argument of NET, input (its height and width), or both.  [default:"
    " width,input, or input where NET has no width]",
)
@click.option("--round", "multiple", type=click.IntRange(1), metavar="N", help="NET@round=N.")
@click.option(
    "--step", default="0.001", show_default=True, metavar="X", help="Widths are multiples of it."
)
@click.option(
    "--input-step",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Inputs are multiples of it.",
)
@format_option
def command(
    net: str,
    max_params: str | None,
    max_macs: str | None,
    vary: tuple[str, ...] | None,
    multiple: int | None,
    step: str,
    input_step: int,
    fmt: str,
) -> None:
    """Find the largest width and input size with which NET keeps to a budget.

    \b
    netcalc fit googlenet --max-params 5M --max-macs 1G
    netcalc fit googlenet --max-macs 1G --vary input
    netcalc fit googlenet --max-params 5M --round 8 --input-step 32

    Counts are exact. Of every choice that is shown, no width or input one step larger fits. The
    last line is the command that builds the best choice in PyTorch and holds all its numbers
    against that.
    """  # noqa: D301  (click reads the escape)
    from netcalc.fitting import fit

    found = fit(
        net,
        max_params=max_params,
        max_macs=max_macs,
        vary=vary,
        round=multiple,
        step=step,
        input_step=input_step,
    )
    emit(found.report(), fmt, None)
