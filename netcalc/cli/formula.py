"""netcalc formula"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import Net, split, write


@click.command("formula")
@click.argument("net", type=Net())
@click.option(
    "--symbols",
    callback=split,
    metavar="A,B=w,...",
    help="Arguments of NET that stay symbols: c_in, width=w, input=32*n (height and width)."
    "  [default: all that are sizes, else input=n]",
)
@click.option(
    "--quantity",
    type=click.Choice(["params", "macs", "activations", "output"]),
    default="params",
    show_default=True,
    help="What to give a formula for.",
)
@click.option("--at", "path", default="", metavar="PATH", help="Of a layer or module alone.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "latex", "python"]),
    default="text",
    show_default=True,
    help="How to print it; python is a function.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file.",
)
def command(
    net: str,
    symbols: tuple[str, ...] | None,
    quantity: str,
    path: str,
    fmt: str,
    output: Path | None,
) -> None:
    """Print a quantity of NET as a closed formula, with what it assumes.

    \b
    netcalc formula reduced
    netcalc formula googlenet --symbols width=w
    netcalc formula googlenet --symbols input=32*n --quantity macs
    netcalc formula googlenet --symbols input=H --quantity output --at pool4
    netcalc formula reduced --format python
    """  # noqa: D301  (click reads the escape)
    from netcalc.formulas import formula

    found = formula(net, symbols, quantity, path.strip("/"))
    from netcalc.symbolic.writing import FORMATS

    write(FORMATS[fmt](found), output)
