"""netcalc break-even"""

from __future__ import annotations

import click

from netcalc.cli._options import Net


@click.command("break-even")
@click.argument("first", type=Net())
@click.argument("second", type=Net())
@click.option(
    "--over",
    required=True,
    metavar="SYMBOL",
    help="A size that they take; or another symbol, for all sizes that only one of the two takes;"
    " or r=r3,r5,pp for these.",
)
@click.option(
    "--quantity",
    type=click.Choice(["params", "macs", "activations"]),
    default="params",
    show_default=True,
    help="What to compare.",
)
def command(first: str, second: str, over: str, quantity: str) -> None:
    """Say for which sizes SECOND has fewer parameters or MACs than FIRST.

    \b
    netcalc break-even naive reduced --over r
    netcalc break-even naive reduced --over r=r3,r5 --quantity macs
    """  # noqa: D301  (click reads the escape)
    from netcalc.formulas import break_even

    found = break_even(first, second, over, quantity)
    from netcalc.symbolic.breakeven import told

    for line in told(found):
        click.echo(line)
