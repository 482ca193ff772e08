"""netcalc crops"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from netcalc.cli._options import (
    InputShape,
    InputShapes,
    Net,
    emit,
    kwargs_option,
    output_options,
    shapes,
)
from netcalc.errors import InputError


class Integers(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic from click 8.3
    """Integers apart by a comma or another of ``marks``, as many as asked for (0: any number)."""

    name = "integers"

    def __init__(self, option: str, example: str, marks: str = ",", count: int = 0) -> None:
        self.option, self.example = option, example
        self.marks, self.count = marks, count

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        parts = re.split(f"[{self.marks}]", str(value).lower())
        integers = all(re.fullmatch(r"\s*-?\d{1,18}\s*", part) for part in parts)
        if not integers or self.count not in (0, len(parts)):
            raise InputError(f"{self.option} takes {self.example}, got {str(value)[:60]!r}")
        return tuple(map(int, parts))


@click.command("crops")
@click.argument("net", type=Net())
@click.option(
    "--scales",
    type=Integers("--scales", "sizes such as 256,288,320,352"),
    default="256,288,320,352",
    metavar="A,B,...",
    show_default=True,
    help="Short sides, in pixels, that an image is resized to.",
)
@click.option(
    "--models",
    type=click.IntRange(1, 10**15),
    default=1,
    metavar="N",
    show_default=True,
    help="Models whose outputs are averaged.",
)
@click.option(
    "--image",
    type=Integers("--image", "a width and height such as 500,375 or 500x375", ",x", 2),
    metavar="W,H",
    help="An image's width and height: list the box of each crop.",
)
@click.option(
    "--input",
    "input_shape",
    type=InputShape(),
    multiple=True,
    callback=shapes,
    metavar="SHAPE",
    help="Size of a crop: 3,224,224 or 3x224x224 or 224; the network's own input else.",
)
@kwargs_option
@output_options
def command(
    net: str,
    scales: tuple[int, ...],
    models: int,
    image: tuple[int, ...] | None,
    input_shape: InputShapes,
    kwargs: dict[str, object],
    fmt: str | None,
    output: Path | None,
) -> None:
    """Count the crops of an image that NET is tested on, and what running it on them costs.

    \b
    netcalc crops googlenet --models 7            its paper's test: 1,008 passes
    netcalc crops googlenet --image 500,375 -o boxes.csv

    An image is resized to each scale; of each size, three squares are taken; of each square, the
    corners and the center, and the square made as small as these; each also mirrored.
    """  # noqa: D301  (click reads the escape)
    from netcalc.api import analyse, crops
    from netcalc.loading import load_on

    analysis = analyse(load_on(net, input_shape, **kwargs), input_shape)
    emit(crops(analysis, scales, models, image).report(), fmt, output)
