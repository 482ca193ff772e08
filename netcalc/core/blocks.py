"""The blocks that networks are built from.

A block is written the way a paper's table is read: a ``chain`` of named layers, ``branches`` that
are joined, ``head``s that leave the main path; ``use`` takes inputs from elsewhere, by name.
``network`` turns it into a flat ``Graph`` whose node names are paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from netcalc.core.graph import NO_TYPES, OWN
from netcalc.core.ops import exported
from netcalc.core.ops.base import Op
from netcalc.core.ops.merge import Concat
from netcalc.errors import SpecError, shown


@dataclass(slots=True)
class Chain:
    """Named layers or blocks, one after the other."""

    layers: Mapping[str, Layer]


@dataclass(slots=True)
class Branches:
    """Named blocks on one input, whose outputs ``join`` puts together."""

    join: Op
    branches: Mapping[str, Layer]


@dataclass(slots=True)
class Head:
    """A block that leaves the main path: its end is an output of the network."""

    block: Layer


@dataclass(slots=True)
class Block:
    """A block with named inputs of its own; names inside it mean only what lies in it."""

    inputs: tuple[str, ...]
    body: Layer


@dataclass(slots=True)
class Use:
    """A layer or block with what is said of this one use of it.

    ``inputs`` names what it acts on, if not what stands before it: an earlier layer or block beside
    it or beside one that it lies in, a path below such a one, or an input of the network or block;
    ``/name`` is looked for in the outermost chain only, ``name:1`` is a second output. None is what
    stands before it, and for a layer of a kind without inputs nothing. ``unit``, ``tensors``,
    ``frozen``, ``operands``, ``types`` and ``place`` are those of its nodes (see Node).
    """

    layer: Layer
    inputs: tuple[str, ...] | None = None
    unit: str = ""
    tensors: Mapping[str, str | None] = OWN
    frozen: frozenset[str] = frozenset()
    place: str = ""
    operands: tuple[str, ...] = ()
    types: Mapping[str, str] = NO_TYPES


Layer: TypeAlias = Op | tuple[Op, ...] | Chain | Branches | Head | Block | Use
"""What may stand in a chain. In a tuple, the first layer has the name and the others act on its
output and are counted with it: ``conv1=(Conv2d(64, 7), ReLU())`` gives conv1 and conv1_relu."""


def chain(layers: Mapping[str, Layer] | None = None, /, *unnamed: Layer, **named: Layer) -> Chain:
    """Layers in the order given, by keyword or, for names that are no keywords, from a dict.

    Raises SpecError for a layer without a name, or what is no layer.
    """
    if isinstance(layers, Op) or unnamed:
        kinds = [str(getattr(x, "type", x)) for x in (layers, *unnamed) if x is not None]
        told = ", ".join(f"{kind.lower()}={kind}(...)" for kind in kinds)
        raise SpecError(f"the layers of a chain need names: chain({told})")
    if layers is not None and not isinstance(layers, Mapping):
        raise SpecError(f"chain takes named layers or a mapping of them, got {layers!r}")
    return Chain(_checked("chain", {**(layers or {}), **named}))


def branches(
    *given: Op | Mapping[str, Layer],
    **named: Layer,
) -> Branches:
    """Blocks side by side, joined by a Concat over channels unless another layer is given first.

    An empty ``chain()`` as a branch passes the input on, as the shortcut of a residual block does.
    """
    join: Op = Concat()
    layers: dict[str, Layer] = {}
    for thing in given:
        if isinstance(thing, Op):
            join = thing
        elif isinstance(thing, Mapping):
            layers |= thing
        else:
            raise SpecError(f"branches takes a layer that joins and named blocks, got {thing!r}")
    most = join.ARITY[1]
    if most is not None and most < 2:
        raise SpecError(
            f"branches are joined by a layer of several inputs, and {join.type} takes {most};"
            f" if it is a branch, give it a name: branches(name={join!r})"
        )
    return Branches(join, _checked("branches", {**layers, **named}))


def _checked(block: str, layers: dict[str, Layer]) -> dict[str, Layer]:
    """The layers of a block, if they are layers."""
    for name, layer in layers.items():
        if isinstance(layer, _LAYERS):
            continue
        made = getattr(layer, "__name__", "")
        kind = callable(layer) and made in exported()
        told = f"{made}, a kind of layer: write {made}(...)" if kind else shown(layer)
        raise SpecError(f"{block}: {name} must be a layer or a block, got {told}")
    return layers


_LAYERS = (Op, tuple, Chain, Branches, Head, Block, Use)


def head(layers: Mapping[str, Layer] | None = None, /, **named: Layer) -> Head:
    """A chain beside the main path that ends in an output of its own (an auxiliary classifier)."""
    return Head(chain(layers, **named))


def use(layer: Layer, /, *inputs: str) -> Use:
    """A layer or block on named inputs: ``use(Concat(), "up4", "enc4")``.

    A name means the nearest earlier layer or block of that name, looked for in the chain that this
    stands in, then in those around it; ``enc4/conv1`` is a layer inside one.
    """
    return Use(layer, inputs or None)
