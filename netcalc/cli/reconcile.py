"""netcalc reconcile"""

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
    split,
)


@click.command("reconcile")
@click.argument("net", type=Net())
@click.option(
    "--counters", callback=split, metavar="NAMES", help="Which, by commas.  [default: all]"
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long one counter may take.",
)
@network_options
@output_options
def command(
    net: str,
    counters: tuple[str, ...] | None,
    timeout: float,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> None:
    """Run other counters on NET, and explain each of their numbers.

    \b
    netcalc reconcile torchvision:googlenet
    netcalc reconcile torchvision:vit_b_16 --counters fvcore,thop
    netcalc table torchvision:resnet50 --as fvcore    without that counter

    Every counter that is installed runs on a copy of the model, in a process of its own. Beside
    what it prints stands what follows from its convention alone, and the terms that make up the
    difference from the true number of MACs. What they leave is printed as unexplained.
    """  # noqa: D301  (click reads the escape)
    from netcalc.counting import reconcile

    found = reconcile(net, input_shape, batch, counters, timeout, **made_with(aux, kwargs))
    emit(found.report(), fmt, output)
