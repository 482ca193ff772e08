"""netcalc explain"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import (
    InputShapes,
    Net,
    emit,
    format_of,
    made_with,
    network_options,
    output_options,
    strict_option,
    terminal_width,
    write,
)


@click.command("explain")
@click.argument("net", type=Net())
@click.argument("path", default="")
@click.option(
    "--quantity",
    "quantities",
    multiple=True,
    type=click.Choice(["params", "macs", "output", "ops"]),
    help="What to explain (may be repeated); params, macs and output unless given.",
)
@click.option("--depth", type=click.IntRange(1), metavar="N", help="Levels of modules to show.")
@strict_option
@network_options
@output_options
def command(
    net: str,
    path: str,
    quantities: tuple[str, ...],
    depth: int | None,
    strict: bool,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> int:
    """Show how the numbers of NET came about, or those of the layer or module at PATH.

    \b
    netcalc explain googlenet conv1
    netcalc explain googlenet inception_3a --quantity params
    netcalc explain googlenet --depth 1
    netcalc explain reduced branch3x3 --format latex

    Text and LaTeX show the equations; the other formats hold one in each row.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse
    from netcalc.loading import load_on

    graph = load_on(net, input_shape, **made_with(aux, kwargs))
    analysis = analyse(graph, input_shape, batch)
    explanation = analysis.explain(path.strip("/"), *quantities)
    chosen = format_of(fmt, output)
    if chosen == "text":
        write(explanation.text(depth, terminal_width()), output)
    elif chosen == "latex":
        write(explanation.latex(depth), output)
    else:
        emit(explanation.report(depth), chosen, output)
    return 1 if strict and analysis.result.unknown else 0
