"""What every kind of layer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, fields
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeAlias,
)

from netcalc.core.fields import CHECKS, plain
from netcalc.core.tensor import Tensor
from netcalc.core.term import Guard, Term

if TYPE_CHECKING:
    from netcalc.core.window import Window

__all__: list[str] = []


class Working(NamedTuple):
    """How one number of an output came about.

    ``steps`` are expressions in plain arithmetic with floor and ceil, each equal to ``value``.
    """

    label: str
    steps: tuple[str, ...]
    value: Any
    remark: str = ""


class Saved(NamedTuple):
    """What PyTorch's autograd keeps of one call until the backward pass, parameters aside.

    ``inputs`` and ``outputs`` are positions among those of the layer; ``extra`` are tensors that
    nothing else holds, such as the indices of a max pool. ``merged`` are positions of inputs whose
    leading axes become one first, for which a view that has others than its tensor is copied.
    Of a product (``crossed``) each input is kept for the gradients of the others alone. ``instead``
    is what is kept where an input of that position needs a gradient.
    """

    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    extra: tuple[Tensor, ...] = ()
    merged: tuple[int, ...] = ()
    crossed: bool = False
    instead: tuple[int, Saved] | None = None


Coupling: TypeAlias = "Window | Literal['each', 'all', 'uneven']"
"""How outputs along an axis depend on the inputs along it: each on the one at its place, through a
sliding window, on all of them, or otherwise."""


Passes: TypeAlias = Literal["", "inference", "always", "stored"]


class Example(NamedTuple):
    """A layer and input shapes to try it on, legal or not: PyTorch must agree either way.

    ``dtypes`` are those of the first inputs where these are no float32.
    """

    op: Op
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...] = ()

    @property
    def ins(self) -> tuple[Tensor, ...]:
        """The inputs."""
        named = (*self.dtypes, *("float32",) * (len(self.shapes) - len(self.dtypes)))
        return tuple(map(Tensor, self.shapes, named))


def example(op: Op, *shapes: tuple[int, ...], dtypes: tuple[str, ...] = ()) -> Example:
    """An example of ``op`` on inputs of the given shapes (and types, float32 unless said)."""
    return Example(op, shapes, dtypes)


class Op:
    """A kind of layer: its fields, and the rules that follow from them.

    Fields annotated ``Num`` may hold arrays or symbols; all others are static. A rule sees the
    shapes as PyTorch has them, batch included, and treats leading axes alike.
    """

    __slots__ = ()

    ARITY: ClassVar[tuple[int, int | None]] = (1, 1)
    """How many inputs, at least and at most (None: any number)."""

    DEPTH: ClassVar[int] = 0
    """1 for the layers that papers count in a network's depth (convolution, linear)."""

    POOL: ClassVar[int] = 0
    """1 for pooling layers, which some count too."""

    PASSES: ClassVar[Passes] = ""
    """When the output is the input itself or a view of it, or a stored tensor: nothing is computed
    and no memory taken then."""

    LEARNED: ClassVar[bool] = False
    """Whether the output is a parameter."""

    TRAINING: ClassVar[bool] = False
    """Whether it acts in training alone, so that no field of it matters in eval mode."""

    STATED: ClassVar[bool] = False
    """Whether the output's shape is a field, so that the rule can only check it."""

    UNKNOWN: ClassVar[bool] = False
    """Whether the kind stands for operators whose work is not known."""

    UNREAD: ClassVar[frozenset[str]] = frozenset()
    """Operands that are stored but that no forward pass of inference reads."""

    AT_LEAST: ClassVar[bool] = False
    """Whether ``saves`` and ``scratch`` are lower bounds: libraries run such a layer in their own
    ways, with workspace that no tensor shows."""

    GATHERED: ClassVar[frozenset[str]] = frozenset()
    """Tables of which a pass reads the rows that it puts out and no others."""

    def __post_init__(self) -> None:
        for name, plan in _plans(type(self)):
            value = getattr(self, name)
            checked = plan(name, value)
            if checked is not value:
                object.__setattr__(self, name, checked)

    @property
    def type(self) -> str:
        """The name of the PyTorch module that this is."""
        return type(self).__name__

    def limits(self) -> Iterator[Guard]:
        """Conditions on the fields alone, whatever the input; the other rules rely on them."""
        yield from ()

    def guards(self, *ins: Tensor) -> Iterator[Guard]:
        """Conditions on the inputs, cheapest first; the shape rule may rely on them."""
        yield from ()

    def conditions(self, *ins: Tensor) -> Iterator[Guard]:
        """All conditions of legality."""
        yield from self.limits()
        yield from self.guards(*ins)

    def shape(self, *ins: Tensor) -> tuple[Tensor, ...]:
        """The outputs for the given inputs."""
        raise NotImplementedError

    def terms(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Term, ...]:
        """Work and storage of one call."""
        return ()

    def working(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> tuple[Working, ...]:
        """How the sizes that this layer changes come about (for plain integers)."""
        return ()

    def coupling(self, axis: int, ins: tuple[Tensor, ...]) -> Coupling:
        """How outputs depend on inputs along an axis of the input behind its channels."""
        return "each"

    def axis_after(self, axis: int, ins: tuple[Tensor, ...]) -> int | None:
        """Where an axis of the input is found in the output; None where it is gone."""
        return axis

    def through(self, i: int, axis: int, ins: tuple[Tensor, ...]) -> tuple[Coupling, int | None]:
        """How outputs depend on an axis of input ``i``, and where they have that axis.

        Inputs are alike unless a kind says otherwise. An axis that is summed over is nowhere: every
        output sees all of it, so 0 will do.
        """
        ordered = (ins[i], *ins[:i], *ins[i + 1 :])
        return self.coupling(axis, ordered), self.axis_after(axis, ordered)

    def saves(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> Saved:
        """What autograd keeps of a call in training, as PyTorch has it on the CPU."""
        return Saved()

    def scratch(self, ins: tuple[Tensor, ...], outs: tuple[Tensor, ...]) -> int:
        """Bytes that a call of inference takes beside its inputs and outputs, at its peak."""
        return 0

    def layers(self, learned: Sequence[bool]) -> int:
        """How many layers it counts for in a network's depth; ``learned`` are the inputs that are
        made of parameters alone.
        """
        return self.DEPTH

    @classmethod
    def examples(cls) -> Iterator[Example]:
        """What the contract suite tries this kind of layer on."""
        raise NotImplementedError

    def attrs(self) -> dict[str, Any]:
        """The fields, an axis-by-axis field with equal entries as one number.

        The number of axes is left out: the type says it.
        """
        fields = _fields(type(self))
        return {f.name: _shown(f, getattr(self, f.name)) for f in fields if f.name != "n"}

    def __repr__(self) -> str:
        shown = {
            f.name: value
            for f in _fields(type(self))
            if f.name != "n" and _is_news(f, value := _shown(f, getattr(self, f.name)))
        }
        return f"{self.type}({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


def _shown(field: Field[Any], value: Any) -> Any:
    """A field's value, where it stands for each axis and these agree as one number."""
    return value if str(field.type).startswith("Indices") else plain(value)


def _is_news(field: Field[Any], value: Any) -> bool:
    """Whether a field is worth showing: it has no default, or not its default."""
    if field.default is MISSING:
        return True
    changed = value != plain(field.default)
    return changed if isinstance(changed, bool) else True


def _fields(kind: Any) -> tuple[Field[Any], ...]:
    return fields(kind)


_PLANS: dict[Any, tuple[tuple[str, Callable[[str, Any], Any]], ...]] = {}


def _plans(kind: Any) -> tuple[tuple[str, Callable[[str, Any], Any]], ...]:
    """For each field of a kind, how its value is checked and made canonical."""
    if kind not in _PLANS:
        annotations = {f.name: str(f.type) for f in _fields(kind)}
        unknown = [name for name, text in annotations.items() if text not in CHECKS]
        if unknown:
            known = ", ".join(CHECKS)
            raise TypeError(f"{kind.__name__}: annotate {', '.join(unknown)} as one of {known}")
        _PLANS[kind] = tuple((name, CHECKS[text]) for name, text in annotations.items())
    return _PLANS[kind]
