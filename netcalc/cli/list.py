"""netcalc list"""

from __future__ import annotations

from pathlib import Path

import click

from netcalc.cli._options import emit, output_options


@click.command("list")
@output_options
def command(fmt: str | None, output: Path | None) -> None:
    """List the networks that ship with netcalc, by family.

    Parameters and MACs are those on the network's default input.
    """
    from netcalc.core.analyse import analyse
    from netcalc.report.listing import Listed, listing_report
    from netcalc.zoo import entries

    networks = [
        Listed(analyse(e.make()), e.family, e.year, e.source, tuple(e.parameters()))
        for e in entries().values()
    ]
    emit(listing_report(networks), fmt, output)
