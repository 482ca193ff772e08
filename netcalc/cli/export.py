"""netcalc export"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import InputShapes, Net, made_with, network_options, write


@click.command("export")
@click.argument("net", type=Net())
@click.option(
    "--to", type=click.Choice(["yaml", "json"]), help="The kind of file.  [default: yaml]"
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file; its ending sets the kind (.yaml .yml .json).",
)
@network_options
def command(
    net: str,
    to: str | None,
    output: Path | None,
    input_shape: InputShapes,
    batch: int | None,
    aux: bool,
    kwargs: dict[str, object],
) -> None:
    """Write NET out as a file, to change and use in its place.

    \b
    netcalc export resnet50 -o my_net.yaml
    netcalc table my_net.yaml

    NET may be a traced model too. The file gives back the same layers, shapes and counts.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse, export
    from netcalc.errors import InputError
    from netcalc.loading import load_on

    if to is None and output is not None:
        to = output.suffix.lower().lstrip(".").replace("yml", "yaml")
        if to not in ("yaml", "json"):
            raise InputError(f"{output}: use an ending of .yaml .yml .json, or --to")
    graph = load_on(net, input_shape, **made_with(aux, kwargs))
    write(export(analyse(graph, input_shape, batch), to or "yaml"), output)
