"""The public functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netcalc.analysis import Analysis
from netcalc.core.analyse import Result
from netcalc.core.analyse import analyse as _analyse
from netcalc.core.crops import SCALES, plan
from netcalc.core.graph import Graph
from netcalc.core.inputs import Shape, inputs_of
from netcalc.core.tensor import type_name
from netcalc.errors import InputError, NetcalcError, shown
from netcalc.loading import graph_on, is_module, load, made_by, moved
from netcalc.views import Audit, Comparison, Crops, Verified

if TYPE_CHECKING:
    import torch
    from torch import nn

    from netcalc.published.cells import Load
    from netcalc.published.model import PublishedTable
    from netcalc.pytorch.witness import Witnessed


def analyse(
    net: Graph | str | nn.Module,
    input: Shape | Mapping[str, Shape] | Any = None,  # noqa: A002  (the field's word)
    batch: int | None = None,
    dtype: str | torch.dtype | None = None,
) -> Analysis:
    """Analyse a network: a graph, what ``load`` takes, or an nn.Module, which is traced.

    ``input`` is a shape (with several inputs, a mapping from their names), each network's own
    unless given; a ``Tensor`` says its type too, as ``Tensor((1, 16), "int64")``, and so does a
    tensor of PyTorch. A module needs one: a shape with all axes, a tensor, or a tuple of these for
    its arguments. ``batch`` sets the number of images, ``dtype`` (float64, float32, float16 or
    bfloat16) the type of inputs and parameters, on which bytes depend. Raises SpecError, which
    names the layer and the numbers, where the network cannot run on that input.
    """
    graph = graph_on(net, input, "analyse")
    inputs = inputs_of(graph, None if is_module(net) else input, batch, dtype)
    if graph.retrace is not None and (dtype is not None or inputs != dict(graph.inputs)):
        graph = graph.retrace(inputs, type_name(dtype))
    return Analysis(_analyse(graph, inputs))


def trace(model: nn.Module, *args: Any, **kwargs: Any) -> Graph:
    """The graph of a PyTorch model's forward pass on example inputs.

    One pass in inference and eval mode, on a copy of the model on the meta device: no weights are
    allocated, nothing is computed, and the model stays as it is. ``args`` and ``kwargs`` are those
    of its forward method; only the shapes and types of their tensors matter. On another input of
    the same kind the model is traced again where it is analysed.

    Raises InputError where PyTorch is missing or the model cannot be copied, NetcalcError where its
    forward pass raises.
    """
    try:
        from netcalc.pytorch.trace import trace as traced
    except ModuleNotFoundError as problem:
        raise InputError(f"tracing needs {problem.name}; pip install 'netcalc-nn[torch]'") from None
    return traced(model, *args, **kwargs)


def export(net: Analysis | Graph | str, to: str = "yaml") -> str:
    """The text of a file (``yaml`` or ``json``) that ``load`` reads as the same network.

    ``net`` is an analysis (whose input the file then has), a graph or what ``load`` takes. Raises
    InputError for another format.
    """
    from netcalc.core.graph import renamed
    from netcalc.spec.export import export as written

    result = (net if isinstance(net, Analysis) else analyse(net)).result
    return written(renamed(result.graph, inputs=result.inputs), to)


def compare(*networks: Analysis | Graph | str) -> Comparison:
    """Compare two or more networks, given as analyses, graphs or what ``load`` takes."""
    from netcalc.core.compare import compare as side_by_side

    if len(networks) < 2:
        raise InputError(f"comparing takes at least two networks, got {len(networks)}")
    analyses = [n if isinstance(n, Analysis) else analyse(n) for n in networks]
    return Comparison(side_by_side(*(a.result for a in analyses)))


def crops(
    net: Analysis | Graph | str,
    scales: Sequence[int] = SCALES,
    models: int = 1,
    image: Sequence[int] | None = None,
) -> Crops:
    """The crops of an image that a network is tested on, and the cost of running it on them.

    An image is resized so that its short side is each of ``scales`` (pixels, none below the
    network's input); of each size, the squares at the ends and in the middle are taken; of each
    square, the corners and the center of the input's size, and the square resized to it; each also
    mirrored (Szegedy et al. 2014, arXiv:1409.4842, section 7). ``image`` is a width and height in
    pixels: with it, ``boxes`` says where the crops lie. ``models`` networks of this size run on
    each. MACs are of what the main output needs: training heads are not run.

    Raises InputError for a network that does not take square images, or a number that cannot be.
    """
    result = (net if isinstance(net, Analysis) else analyse(net)).result
    return Crops(plan(result, scales, models, image))


def audit(*tables: str | Path) -> Audit:
    """Hold published tables against the derivation, cell by cell.

    ``tables`` are names of netcalc's own tables (all of them unless given; ``all`` shows every
    cell of all) or files of yours. Each derivable cell is ``exact``, ``rounds`` (to what is
    printed), ``explained`` (an executable hypothesis reproduces its row) or ``off``; other cells
    are ``input`` (what the spec is built from) or ``not derivable``.

    Raises InputError for a table that there is not or a file that cannot be read, SpecError (with
    the line) for what is wrong in one.
    """
    from netcalc.published.audit import audit_table
    from netcalc.published.tables import built_in, read_table, told_apart

    for table in tables:
        if not isinstance(table, str | Path):
            raise InputError(f"audit takes names of tables and files, got {table!r}")
    names = [str(table) for table in tables if table != "all"]
    if names and len(names) < len(tables):
        raise InputError(f"all tables are asked for, and {', '.join(names)} too; leave one out")
    read = told_apart([read_table(name) for name in names or built_in()])
    return Audit(tuple(audit_table(t, _beside(t)) for t in read), whole=bool(tables))


def _beside(table: PublishedTable) -> Load:
    """Analyses a NET; its file is looked for beside the table's first."""

    def near(file: str) -> str:
        beside = Path(table.file).parent / file
        return str(beside) if not table.built_in and beside.is_file() else file

    return lambda net, shape: analyse(moved(net, near), shape).result


def new_table(
    net: Analysis | Graph | str,
    columns: Sequence[str] = ("output", "params", "macs"),
    input: Shape | Mapping[str, Shape] | None = None,  # noqa: A002  (the field's word)
    folder: str | Path = "",
) -> str:
    """The file of a table for ``audit``, with a row for each stage of a network, to change.

    ``columns`` are quantities; cells of which there is none stay empty. ``input`` is as
    of ``analyse``, the network's own unless given. ``folder`` is where the file will lie, from
    where that of the network is named. Raises UnknownNameError for a column that is no quantity,
    InputError for columns that are no list or a network that goes by no name.
    """
    from netcalc.published.skeleton import skeleton

    listed = isinstance(columns, Sequence) and not isinstance(columns, str)
    if not listed or not all(isinstance(name, str) for name in columns):
        raise InputError(f"columns are a list of quantities, as ['params'], got {columns!r}")
    name = net if isinstance(net, str) else _name_of(net)
    made = net if isinstance(net, Analysis) and input is None else analyse(name, input)
    return skeleton(made.result, moved(name, lambda file: _from(file, folder)), columns)


def _from(file: str, folder: str | Path) -> str:
    """The path of a file as seen from a folder."""
    if not Path(file).is_file() or Path(file).is_absolute() or not str(folder):
        return file
    return Path(relpath(file, folder)).as_posix()


def _name_of(net: Analysis | Graph) -> str:
    """The NET that makes the same graph."""
    if not isinstance(net, Analysis | Graph):
        raise InputError(f"new_table takes a network or the name of one, got {shown(net)}")
    graph = net.graph if isinstance(net, Analysis) else net
    name, _, rest = graph.factory.removesuffix(")").partition("(")
    name = f"{name}@{rest}".replace("=True", "=true").replace("=False", "=false").rstrip("@")
    try:
        same = load(name).nodes == graph.nodes
    except NetcalcError:
        same = False
    if not same:
        raise InputError(
            f"no NET makes {graph.label}; write it to a file with export and give that one's path"
        )
    return name


def verify(
    net: Analysis | Graph | str,
    model: nn.Module | Witnessed | str | None = None,
    device: str = "auto",
) -> Verified:
    """Hold every number of a network against PyTorch.

    ``net`` is an analysis, a graph or what ``load`` takes. ``model`` is an nn.Module or the name of
    one (``torchvision:googlenet``); without it, the model is built from the network itself. A model
    of another make is held against by value too; one that ``trace`` made the graph of, by what runs
    in it. It is only read: everything runs on copies.
    ``device`` is where the forward pass runs (auto, cpu, cuda, meta).

    Raises InputError where PyTorch or the device is missing, NetcalcError where the model cannot
    run on the network's input.
    """
    try:
        from netcalc.pytorch.sources import model_of
        from netcalc.pytorch.undisturbed import undisturbed
        from netcalc.pytorch.verify import verify as hold
    except ModuleNotFoundError as problem:
        raise InputError(
            f"verifying needs {problem.name}; pip install 'netcalc-nn[torch]'"
        ) from None

    _can_be_held(model)
    result = (net if isinstance(net, Analysis) else analyse(net)).result
    again: Any = result.graph.retrace
    if again is not None and (model is None or type(model) is type(again.twin)):
        return _held_against_itself(result, model, device)
    name = type(model).__name__ if model is not None else ""
    if isinstance(model, str):
        name = model
        with undisturbed():
            made = made_by(model)
            model = model_of(made[0], **made[1]) if made else _built(model, result)
    return Verified(hold(result, model, name, device))


def _can_be_held(model: object) -> None:
    """What a network is held against must be a model, what witnesses saw of one, or a name."""
    from netcalc.pytorch.witness import Witnessed

    if model is None or isinstance(model, str | Witnessed) or is_module(model):
        return
    name = getattr(model, "__name__", "")
    made = f"{name}, which makes one; call it: {name}()" if callable(model) and name else ""
    raise InputError(f"verify takes a model, an nn.Module or a name, got {made or shown(model)}")


COPIES = 2
"""Of a model's weights, while it is held against itself."""


def _held_against_itself(result: Result, model: Any, device: str) -> Verified:
    """A traced model, made anew if it is not given, against its own derivation."""
    from netcalc.pytorch.hold_trace import hold_traced
    from netcalc.pytorch.machine import memory_here
    from netcalc.pytorch.undisturbed import undisturbed
    from netcalc.pytorch.verify import chosen

    again: Any = result.graph.retrace
    if model is None and again.anew is None:
        raise InputError("give verify the model too: verify(graph, model)")
    device = chosen(device)
    if model is not None or device == "meta":
        return Verified(hold_traced(result, model or again.twin, device))
    needed, memory = COPIES * result.totals.param_bytes, memory_here()
    if needed > memory:
        raise InputError(
            f"{result.graph.label}: {COPIES} copies of its weights take {needed:,} bytes, more than"
            f" the {memory:,} of this machine; use --device meta (in Python device='meta')"
        )
    with undisturbed():
        return Verified(hold_traced(result, again.anew(True), device))


def _built(net: str, result: Result) -> nn.Module:
    """Another network of the zoo, on the inputs of an analysed one."""
    from netcalc.pytorch.build import build

    return build(_analyse(_fitting(load(net), result)))


def _fitting(graph: Graph, result: Result) -> Graph:
    """A network on the inputs of another, if they have as many channels as its own."""
    inputs = dict(zip(graph.inputs, result.inputs.values(), strict=False))
    for name, x in inputs.items():
        own = graph.inputs[name].dims
        if len(own) != len(x.dims) or own[1:2] != x.dims[1:2]:
            raise InputError(f"{graph.factory} takes {graph.inputs[name]}, not {x}")
    return replace(graph, inputs={**graph.inputs, **inputs})
