"""The public functions, and the thin views that they return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netcalc.core.analyse import Result, Row, Totals
from netcalc.core.analyse import analyse as _analyse
from netcalc.core.graph import Graph
from netcalc.core.inputs import Shape, inputs_of
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError
from netcalc.loading import load

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from netcalc.core import compare as core_compare
    from netcalc.core.checks import Check, Verification
    from netcalc.pytorch.witness import Witnessed
    from netcalc.report.table import Report

DEFAULT_QUANTITIES = ("params", "macs", "output")


class Analysis:
    """A network on given inputs: what each layer costs, in total and with the working.

    ``rows`` has an entry for each layer (``name``, ``type``, ``ins``, ``outs``, ``counts``,
    ``terms``), ``totals`` the sums (``params``, ``weights``, ``biases``, ``buffers``, ``macs``,
    ``flops``, ``ops``, ``depth``, ...). Parameters are scalars, work is per forward pass of the
    whole batch; FLOPs are 2 x MACs. In a notebook it shows as a table.
    """

    def __init__(self, result: Result) -> None:
        self.result = result

    @property
    def graph(self) -> Graph:
        """The network."""
        return self.result.graph

    @property
    def rows(self) -> tuple[Row, ...]:
        """One entry for each layer, in the order in which they run."""
        return self.result.rows

    @property
    def totals(self) -> Totals:
        """The sums over all layers, and the depth."""
        return self.result.totals

    @property
    def outputs(self) -> dict[str, Tensor]:
        """The outputs by name, the main one first."""
        return dict(self.result.outputs)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row for each layer."""
        from netcalc.report.frames import rows_frame

        return rows_frame(self.result)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``netcalc table --format json`` prints."""
        from netcalc.report.network import document

        return document(self.result)

    def table(
        self,
        format: str = "text",  # noqa: A002  (the option's name)
        *,
        layout: str | None = None,
        depth: int | None = None,
        columns: Sequence[str] | None = None,
        share: bool = False,
        width: int = 80,
    ) -> str:
        """The table as ``netcalc table`` prints it, with the same options."""
        from netcalc.report.network import network_report

        chosen = tuple(columns) if columns is not None else None
        report = network_report(self.result, layout, depth, chosen, share)
        return _rendered(report, format, width)

    def explain(self, path: str = "", *quantities: str) -> Explanation:
        """How the numbers of a layer or module (the whole network for "") came about.

        ``quantities`` are any of ``params``, ``macs``, ``output``, ``ops``; the first three unless
        given. Raises UnknownNameError for a path that the network does not have.
        """
        if not isinstance(path, str):
            raise InputError(f"explain takes the path of a layer or module, got {path!r}")
        return Explanation(self.result, path.strip("/"), quantities or DEFAULT_QUANTITIES)

    def __repr__(self) -> str:
        t = self.totals
        return f"<Analysis of {self.graph.factory}: {t.params:,} params, {t.macs:,} MACs>"

    def __str__(self) -> str:
        return self.table().rstrip("\n")

    def _repr_html_(self) -> str:
        from netcalc.report.formats import html_fragment
        from netcalc.report.network import network_report

        return html_fragment(network_report(self.result))


class Explanation:
    """A tree of derivations (``section``) that prints as text and gives LaTeX and a document."""

    def __init__(self, result: Result, path: str, quantities: tuple[str, ...]) -> None:
        from netcalc.core.explain import explain

        self.result = result
        self.section = explain(result, path, quantities)

    def report(self, depth: int | None = None) -> Report:
        """The derivations as a table and as a document."""
        from netcalc.report.explanation import explanation_report

        return explanation_report(self.result, self.section, depth)

    def text(self, depth: int | None = None, width: int = 80) -> str:
        """Indented text: ``weights = 3*3*256*192 = 442,368``."""
        from netcalc.report.explanation import explanation_text, fold

        return explanation_text(self.result, fold(self.section, depth), width)

    def latex(self, depth: int | None = None) -> str:
        """LaTeX equations, for amsmath."""
        from netcalc.report.explanation import explanation_latex, fold

        return explanation_latex(self.result, fold(self.section, depth))

    def to_dict(self) -> dict[str, Any]:
        """The document that ``netcalc explain --format json`` prints."""
        return self.report().document()

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    def __repr__(self) -> str:
        return f"<Explanation of {self.section.path}>"

    def _repr_html_(self) -> str:
        from netcalc.report.formats import html_fragment

        return html_fragment(self.report())


class Comparison:
    """Networks side by side; ``comparison`` holds the stages and, for two, the pairs of layers."""

    def __init__(self, comparison: core_compare.Comparison) -> None:
        self.comparison = comparison

    def table(self, format: str = "text", *, width: int = 80) -> str:  # noqa: A002
        """The comparison as ``netcalc compare`` prints it."""
        from netcalc.report.comparison import comparison_report

        return _rendered(comparison_report(self.comparison), format, width)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``netcalc compare --format json`` prints."""
        from netcalc.report.comparison import document

        return document(self.comparison)

    def __str__(self) -> str:
        return self.table().rstrip("\n")

    def __repr__(self) -> str:
        names = ", ".join(result.graph.label for result in self.comparison.results)
        return f"<Comparison of {names}>"

    def _repr_html_(self) -> str:
        from netcalc.report.comparison import comparison_report
        from netcalc.report.formats import html_fragment

        return html_fragment(comparison_report(self.comparison))


def analyse(
    net: Graph | str,
    input: Shape | Mapping[str, Shape] | None = None,  # noqa: A002  (the field's word)
    batch: int | None = None,
) -> Analysis:
    """Analyse a network: a graph, or what ``load`` takes.

    ``input`` is a shape (with several inputs, a mapping from their names), each network's own
    unless given; ``batch`` sets the number of images. Raises SpecError, which names the layer and
    the numbers, where the network cannot run on that input.
    """
    if not isinstance(net, Graph | str):
        raise InputError(f"analyse takes a graph or the name of a network, got {net!r}")
    graph = load(net) if isinstance(net, str) else net
    return Analysis(_analyse(graph, inputs_of(graph, input, batch)))


def compare(*networks: Analysis | Graph | str) -> Comparison:
    """Compare two or more networks, given as analyses, graphs or what ``load`` takes."""
    from netcalc.core.compare import compare as side_by_side

    if len(networks) < 2:
        raise InputError(f"comparing takes at least two networks, got {len(networks)}")
    analyses = [n if isinstance(n, Analysis) else analyse(n) for n in networks]
    return Comparison(side_by_side(*(a.result for a in analyses)))


class Verified:
    """What ``verify`` found: ``ok``, ``checks``, ``coverage``; all of it is ``verification``."""

    def __init__(self, verification: Verification) -> None:
        self.verification = verification

    @property
    def ok(self) -> bool:
        """Whether nothing differs without a known cause."""
        return self.verification.ok

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every number held against every witness, held or not."""
        return self.verification.checks

    @property
    def differences(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return self.verification.differences

    @property
    def coverage(self) -> dict[str, dict[int, int]]:
        """For each quantity, how many layers are confirmed by how many independent witnesses."""
        return self.verification.coverage()

    def table(self, format: str = "text", *, width: int = 80) -> str:  # noqa: A002
        """The findings as ``netcalc verify`` prints them."""
        from netcalc.report.verification import verification_report

        return _rendered(verification_report(self.verification), format, width)

    def to_dict(self) -> dict[str, Any]:
        """The document that ``netcalc verify --format json`` prints."""
        from netcalc.report.verification import document

        return document(self.verification)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.table().rstrip("\n")

    def __repr__(self) -> str:
        from netcalc.report.verification import verdict

        return f"<{self.verification.network}: {verdict(self.verification)}>"

    def _repr_html_(self) -> str:
        from netcalc.report.formats import html_fragment
        from netcalc.report.verification import verification_report

        return html_fragment(verification_report(self.verification))


def verify(
    net: Analysis | Graph | str,
    model: nn.Module | Witnessed | str | None = None,
    device: str = "auto",
) -> Verified:
    """Hold every number of a network against PyTorch.

    ``net`` is an analysis, a graph or what ``load`` takes. ``model`` is an nn.Module or the name of
    one (``torchvision:googlenet``); without it, the model is built from the network itself. A model
    of another make is held against by value too. It is only read: everything runs on copies.
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

    result = (net if isinstance(net, Analysis) else analyse(net)).result
    name = type(model).__name__ if model is not None else ""
    if isinstance(model, str):
        name = model
        with undisturbed():
            model = model_of(model) if ":" in model else _built(model, result)
    return Verified(hold(result, model, name, device))


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


def _rendered(report: Report, format: str, width: int) -> str:  # noqa: A002
    from netcalc.report.formats import FORMATS, render

    if format not in FORMATS:
        raise InputError(f"there is no format {format!r}; choose from {', '.join(FORMATS)}")
    return render(report, format, width)
