"""netcalc sweep"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from netcalc.cli._options import emit, format_option, split


@click.command("sweep")
@click.argument("space", type=click.Path(path_type=Path), metavar="SPACE")
@click.option(
    "--pareto",
    callback=split,
    metavar="A,B",
    help="Show the candidates that no other one beats in all of these: params,macs. With a minus"
    " more is better: -channels.",
)
@click.option("--top", type=click.IntRange(1), metavar="N", help="Show the first N.  [default: 20]")
@click.option(
    "--by", metavar="QUANTITY", help="What --top, or a front, goes by; with a minus the most first."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write all rows there, a Parquet file for each chunk.",
)
@click.option("--resume", is_flag=True, help="Go on with what -o DIR has of this sweep.")
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Look at N candidates of the space."
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Which N.  [default: 0]")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Processes.  [default: one for each core, where it is worth it]",
)
@click.option("--dask", metavar="ADDRESS", help="Send the chunks to a Dask scheduler, tcp://...")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw the front of --pareto (.svg, .png, .pdf), with GoogLeNet's modules where they fit.",
)
@format_option
def command(space: Path, fmt: str, **options: Any) -> None:
    """Work out all candidates of a space of networks, exactly.

    SPACE is a file that says which network, what varies in it and what a candidate must keep to:

    \b
    net: reduced
    input: 28
    vary:
      c1: {from: 16, to: 256, multiple: 16}
      r3: {from: 32, to: 256, factor: 2}
      c3: [96, 128, 192]
    constraints:
      - r3 <= c3
    budgets:
      - channels == 480
      - params <= 500k

    Candidates that no layer can be made of are left out and counted by reason. A sweep that is
    stopped leaves the files of its finished chunks in DIR.

    \b
    netcalc sweep space.yaml --pareto params,macs
    netcalc sweep space.yaml --top 20 --by macs -o out/ --jobs 8
    """  # noqa: D301  (click reads the escape)
    from netcalc.sweeping import SHOWN, Wanted, read_space, run_sweep

    wanted = Wanted(**options)
    if not wanted.pareto and not wanted.top:
        wanted = wanted._replace(top=SHOWN)
    emit(run_sweep(read_space(space), wanted).report(), fmt, None)
