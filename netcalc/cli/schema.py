"""netcalc schema"""

from __future__ import annotations

import json
from pathlib import Path

import click

from netcalc.cli._options import write


@click.command("schema")
@click.option("--example", is_flag=True, help="Print GoogLeNet as such a file instead.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file.",
)
def command(example: bool, output: Path | None) -> None:
    """Print the JSON Schema of spec files, by which editors complete and check them.

    \b
    netcalc schema -o netcalc.schema.json
    netcalc schema --example -o my_net.yaml

    A first line `# yaml-language-server: $schema=netcalc.schema.json` in a YAML file tells editors
    where it lies.
    """  # noqa: D301  (click reads the escape)
    from netcalc.spec import EXAMPLE
    from netcalc.spec.schema import schema

    text = EXAMPLE.read_text("utf-8") if example else json.dumps(schema(), indent=2) + "\n"
    write(text, output)
