"""The crops that a network is tested on, as people and as programs read them."""

from __future__ import annotations

from typing import Any

from netcalc.core.crops import CROPS, MIRROR, SQUARES, TEN, Box, Cost, Plan, resized
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped, human

SOURCE = "Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842, section 7 and Table 3"


def crops_report(plan: Plan) -> Report:
    """The boxes, where there are any; what testing costs; and how the numbers came about."""
    tables = [_boxes(plan), _costs(plan)] if plan.boxes else [_costs(plan)]
    graph, side = plan.result.graph, plan.size
    on = "" if plan.image is None else f" of an image of {_cross(plan.image)}"
    title = f"{graph.factory} tested on {side}x{side} crops{on}"
    notes = (*_arithmetic(plan), "", *_placement(plan), SOURCE)
    return Report(title, tuple(tables), notes, lambda: document(plan))


def _boxes(plan: Plan) -> Table:
    columns = (
        Column("scale", "scale"),
        Column("square", "square", right=False),
        Column("crop", "crop", right=False),
        Column("mirror", "mirror", right=False, show=lambda flag: "yes" if flag else "no"),
        *(Column(name, name) for name in Box._fields[4:]),
    )
    return Table(columns, plan.boxes)


def _costs(plan: Plan) -> Table:
    columns = (
        Column("models", "models"),
        Column("crops", "crops", show=grouped),
        Column("forward_passes", "forward passes", show=grouped),
        Column("macs", "MACs", show=grouped),
    )
    return Table(columns, plan.costs, title="cost of an image" if plan.boxes else "")


def _arithmetic(plan: Plan) -> list[str]:
    """The products behind the last line of the costs."""
    last, macs = plan.costs[-1], plan.result.totals.macs
    parts = {
        "scale": len(plan.scales),
        "square": len(SQUARES[False]),
        "crop": len(CROPS),
        "mirror": len(MIRROR),
    }
    crops = " x ".join(_many(n, noun) for noun, n in parts.items())
    passes = f"{_many(last.models, 'model')} x {grouped(last.crops)} crops"
    each = f"{grouped(last.forward_passes)} x {grouped(macs)} MACs"
    return [
        f"{crops} = {grouped(last.crops)} crops",
        f"{passes} = {grouped(last.forward_passes)} forward passes",
        f"{each} = {grouped(last.macs)} MACs ({human(last.macs)})",
    ]


def _many(n: int, noun: str) -> str:
    return f"{grouped(n)} {noun}{'' if n == 1 else 's'}"


def _placement(plan: Plan) -> list[str]:
    """What the words mean."""
    scales = ", ".join(map(str, plan.scales))
    wide, high = (", ".join(SQUARES[portrait]) for portrait in (False, True))
    squares = f"{wide}; of an image that is higher than wide {high}"
    notes = [
        f"scales: short sides of the resized image, {scales}",
        f"squares: {squares}",
        f"crops: {', '.join(CROPS)} (the whole square, made {plan.size}x{plan.size})",
        f"{TEN} crops: corners and center of one square, also mirrored; 1 crop: its center",
    ]
    if plan.models > 1:
        notes.append("each model counts as this network; of the paper's seven, one was wider")
    if plan.left_out:
        notes.append(f"not run, as testing needs the main output only: {', '.join(plan.left_out)}")
    return [*notes, *(_coordinates(plan, plan.image) if plan.image else [])]


def _coordinates(plan: Plan, image: tuple[int, int]) -> list[str]:
    """What the boxes are in, and whether some are the same."""
    sizes = {scale: resized(image, scale) for scale in plan.scales}
    told = ", ".join(f"{scale}: {_cross(size)}" for scale, size in sizes.items())
    notes = [f"boxes: pixels of the resized image ({told}); x1 and y1 are the first outside"]
    same = [str(scale) for scale, (width, height) in sizes.items() if width == height]
    if same:
        notes.append(
            f"the image resized to {', '.join(same)} is square: its three squares are the same,"
            " and all count"
        )
    return notes


def _cross(size: tuple[int, int]) -> str:
    return "x".join(map(str, size))


def document(plan: Plan) -> dict[str, Any]:
    """The document for machines."""
    last: Cost = plan.costs[-1]
    return {
        "schema": 1,
        "network": plan.result.graph.name,
        "factory": plan.result.graph.factory,
        "crop_size": plan.size,
        "image": None if plan.image is None else list(plan.image),
        "scales": list(plan.scales),
        "models": plan.models,
        "crops_per_image": plan.crops_per_image,
        "forward_passes": last.forward_passes,
        "macs_per_crop": plan.result.totals.macs,
        "macs": last.macs,
        "costs": [cost._asdict() for cost in plan.costs],
        "boxes": [box._asdict() for box in plan.boxes],
    }
