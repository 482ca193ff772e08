"""netcalc list"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import emit, output_options


@click.command("list")
@output_options
def command(fmt: str | None, output: Path | None) -> None:
    """List the networks that ship with netcalc, one line each.

    Parameters and MACs are those on the network's default input.
    """
    from netcalc.core.analyse import analyse
    from netcalc.report.listing import listing_report
    from netcalc.zoo import entries

    networks = [
        (analyse(entry.make()), entry.year, entry.source, tuple(entry.parameters()))
        for entry in entries().values()
    ]
    emit(listing_report(networks), fmt, output)
