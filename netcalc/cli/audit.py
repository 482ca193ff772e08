"""netcalc audit"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import (
    InputShape,
    InputShapes,
    Net,
    emit,
    output_options,
    shapes,
    split,
    write,
)
from netcalc.errors import InputError


@click.command("audit")
@click.argument("tables", nargs=-1, metavar="[TABLE|FILE|all]...")
@click.option("--suggest", is_flag=True, help="Which single change of a row gives what it prints?")
@click.option("--new", "net", type=Net(), metavar="NET", help="Write a table's file for NET.")
@click.option(
    "--columns",
    callback=split,
    metavar="NAMES",
    help="With --new: its columns, such as params,macs.  [default: output,params,macs]",
)
@click.option(
    "--input",
    "input_shape",
    type=InputShape(),
    multiple=True,
    callback=shapes,
    metavar="SHAPE",
    help="With --new: the input, such as 3,224,224 or 224 or 1,16:int64; of several NAME=SHAPE,"
    " repeated; the network's own else.",
)
@output_options
def command(
    tables: tuple[str, ...],
    suggest: bool,
    net: str | None,
    columns: tuple[str, ...] | None,
    input_shape: InputShapes,
    fmt: str | None,
    output: Path | None,
) -> int:
    """Hold published tables against the derivation, cell by cell.

    \b
    netcalc audit                                    all tables, in short
    netcalc audit googlenet_table1                   every cell of one
    netcalc audit googlenet_table1 --suggest         what its rows may have been
    netcalc audit my_paper.yaml                      the table of your own paper
    netcalc audit --new my_net.yaml --columns params,macs -o my_paper.yaml

    A cell is exact, rounds (to what is printed), explained (by a hypothesis that is run), off,
    input (what the spec is built from) or not derivable. The exit code is 1 if a cell of a FILE is
    off, or if a verdict of netcalc's own tables is not the recorded one; with --suggest it is 0.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import audit

    if net is not None:
        if tables or suggest or fmt:
            raise InputError("--new NET takes --columns, --input and -o, and nothing else")
        _new(net, columns, input_shape, output)
        return 0
    if columns is not None:
        raise InputError("--columns goes with --new NET")
    if input_shape is not None:
        raise InputError("--input goes with --new NET; a file says it as input: [3, 224, 224]")
    found = audit(*tables)
    if suggest:
        emit(found.suggestions().report(), fmt, output)
        return 0
    emit(found.report(), fmt, output)
    for problem in found.problems:
        click.echo(f"netcalc: {problem}", err=True)
    return 0 if found.ok else 1


def _new(
    net: str, columns: tuple[str, ...] | None, shape: InputShapes, output: Path | None
) -> None:
    """Write the file of a table that is yet to be published."""
    from netcalc.api import new_table

    special = output is not None and output.exists() and not output.is_file()
    if output is not None and output.suffix.lower() not in (".yaml", ".yml") and not special:
        raise InputError(f"{output}: --new writes YAML; end the name in .yaml")
    names = ("output", "params", "macs") if columns is None else columns
    folder = output.parent if output is not None else ""
    write(new_table(net, names, shape, folder), output)
