"""Testing with many crops: which parts of an image a network is run on, and what that costs.

Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, section 7: the image is resized
so that its short side is each of four scales; of each, the squares at both ends and in the middle
are taken; of each square, the four corners and the center at the network's input size, and the
square resized to it; all of them also mirrored. 4 x 3 x 6 x 2 = 144. Sizes and offsets are those of
torchvision's ``Resize``, ``center_crop`` and ``five_crop``, in integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from netcalc.core.analyse import Result, analyse
from netcalc.core.fields import LARGEST, number
from netcalc.core.graph import Graph
from netcalc.core.heads import without
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, SpecError

SCALES = (256, 288, 320, 352)
SQUARES = {False: ("left", "center", "right"), True: ("top", "center", "bottom")}
"""The squares of an image, of one that is higher than wide under True."""

CROPS = ("top_left", "top_right", "bottom_left", "bottom_right", "center", "resized")
MIRROR = (False, True)
TEN = len(CROPS[:5]) * len(MIRROR)
"""Corners and center of one square, mirrored too, as AlexNet was tested."""


class Box(NamedTuple):
    """A crop in pixels of the image resized to ``scale``; ``x1`` and ``y1`` are the first outside.

    ``crop`` "resized" is the whole square, which is made as small as the others. A mirrored crop is
    flipped after it is cut out: its box is that of the other.
    """

    scale: int
    square: str
    crop: str
    mirror: bool
    x0: int
    y0: int
    x1: int
    y1: int


class Cost(NamedTuple):
    """Forward passes, and their MACs, of some models on some crops of one image."""

    models: int
    crops: int
    forward_passes: int
    macs: int


class Plan(NamedTuple):
    """A network, run on one crop (``result``), and how many crops and models it is tested with.

    ``image`` is a width and height; without it there are no ``boxes``. ``left_out`` names outputs
    beside the main one, which are not run.
    """

    result: Result
    scales: tuple[int, ...]
    models: int
    image: tuple[int, int] | None
    boxes: tuple[Box, ...]
    left_out: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The side of a crop: the network's input."""
        return _side(self.result.graph, self.result.inputs)

    @property
    def crops_per_image(self) -> int:
        """Scales x squares x crops x mirrors."""
        return len(self.scales) * len(SQUARES[False]) * len(CROPS) * len(MIRROR)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """By one model and by all, on one crop, on ten and on all; the last is the whole test."""
        macs = self.result.totals.macs
        counts = product(dict.fromkeys((1, self.models)), (1, TEN, self.crops_per_image))
        return tuple(Cost(m, c, m * c, m * c * macs) for m, c in counts)


def plan(
    result: Result, scales: Sequence[int] = SCALES, models: int = 1, image: Any = None
) -> Plan:
    """How a network is tested on crops of the size of its input.

    Only what the main output needs is run, and the batch of the analysis plays no part. Raises
    InputError where the input is not a square image, a scale is below its side, or a number is not
    a positive integer.
    """
    side = _side(result.graph, result.inputs)
    sizes = _scales(scales, side)
    count = _positive("models", models)
    size = None if image is None else _image(image)
    boxes = () if size is None else tuple(_boxes(size, sizes, side))
    inputs = {name: Tensor((1, *x.dims[1:]), x.dtype) for name, x in result.inputs.items()}
    _, *beside = result.graph.outputs
    one = analyse(without(result.graph, beside), inputs)
    return Plan(one, sizes, count, size, boxes, tuple(beside))


def resized(image: tuple[int, int], scale: int) -> tuple[int, int]:
    """Width and height with the short side at ``scale`` and the long one rounded down."""
    width, height = image
    short, long = min(image), scale * max(image) // min(image)
    return (scale if width == short else long, scale if height == short else long)


def _boxes(image: tuple[int, int], scales: Iterable[int], side: int) -> Iterator[Box]:
    portrait = image[1] > image[0]
    for scale in scales:
        long = max(resized(image, scale))
        for square, at in zip(SQUARES[portrait], _offsets(long - scale), strict=True):
            left, top = (0, at) if portrait else (at, 0)
            for crop, (x, y, size) in zip(CROPS, _crops(scale, side), strict=True):
                x0, y0 = left + x, top + y
                for mirror in MIRROR:
                    yield Box(scale, square, crop, mirror, x0, y0, x0 + size, y0 + size)


def _crops(square: int, side: int) -> list[tuple[int, int, int]]:
    """Offsets and side of the crops of a square, in the order of CROPS."""
    start, middle, end = _offsets(square - side)
    corners = [(x, y, side) for y in (start, end) for x in (start, end)]
    return [*corners, (middle, middle, side), (0, 0, square)]


def _offsets(room: int) -> tuple[int, int, int]:
    """Where a window that has so much room lies at the start, in the middle and at the end."""
    half_up = room % 4 == 3  # a half goes to the even side, as Python's round has it
    return 0, room // 2 + half_up, room


def _side(graph: Graph, inputs: Mapping[str, Tensor]) -> int:
    """Height and width of the only input."""
    shapes = ", ".join(str(x) for x in inputs.values())
    dims = [x.dims for x in inputs.values()]
    if [len(axes) for axes in dims] != [4] or not graph.batched:
        told = shapes or "no input"
        raise InputError(f"{graph.name} takes {told}: only images (N,C,H,W) have crops")
    ((_, _, side, width),) = dims
    if not isinstance(side, int) or side != width:
        raise InputError(f"{graph.name} takes {shapes}: crops are square; give a square input")
    return side


def _scales(scales: Any, side: int) -> tuple[int, ...]:
    if isinstance(scales, str) or not isinstance(scales, Iterable):
        raise InputError(f"scales must be integers such as 256, 288, got {scales!r}")
    sizes = tuple(_positive("every scale", scale) for scale in scales)
    if not sizes:
        raise InputError("no scale is given; name at least one, such as 256")
    for scale, times in Counter(sizes).items():
        if scale < side:
            raise InputError(
                f"scale {scale}: a crop of {side}x{side} does not fit a square of {scale}x{scale};"
                f" use scales from {side} on"
            )
        if times > 1:
            raise InputError(f"scale {scale} is given {times} times; name it once")
    return sizes


def _image(image: Any) -> tuple[int, int]:
    if isinstance(image, str) or not isinstance(image, Sequence) or len(image) != 2:
        raise InputError(f"image must be a width and a height such as (500, 375), got {image!r}")
    width, height = image
    return _positive("the image's width", width), _positive("the image's height", height)


def _positive(name: str, value: Any) -> int:
    try:
        n = number(name, value)
    except SpecError as problem:
        raise InputError(str(problem)) from None
    if not isinstance(n, int) or not 1 <= n <= LARGEST:
        raise InputError(f"{name} must be an integer from 1 to {LARGEST:,}, got {value!r}")
    return n
