"""The view of one network: what ``analyse`` returns, and what ``explain`` returns of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netcalc.core.analyse import Result, Row, Totals, total
from netcalc.core.graph import Graph
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, UnknownNameError, did_you_mean
from netcalc.view import rendered

if TYPE_CHECKING:
    import pandas as pd

    from netcalc.core.memory import Memory
    from netcalc.core.receptive import Fields
    from netcalc.report.table import Report

DEFAULT_QUANTITIES = ("params", "macs", "output")


class Analysis:
    """A network on given inputs: what each layer costs, in total and with the working.

    ``rows`` has an entry for each layer (``name``, ``type``, ``ins``, ``outs``, ``counts``,
    ``terms``), ``totals`` the sums (``params``, ``weights``, ``biases``, ``buffers``, ``macs``,
    ``flops``, ``ops``, ``depth``, ...); ``analysis["conv1"]`` has those of a layer or module, and
    its ``output``. Parameters are scalars, work is per forward pass of the whole batch; FLOPs are
    2 x MACs. In a notebook it shows as a table.
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

    def __getitem__(self, path: str) -> Part:
        """A layer or module by its path, also as PyTorch writes it (``layer1.0.conv1``).

        Raises UnknownNameError for one that the network does not have.
        """
        if not isinstance(path, str):
            raise InputError(f"a layer or module goes by its path, such as 'conv1', got {path!r}")
        rows = self.result.under(path) or self.result.under(path.replace(".", "/"))
        if not rows:
            from netcalc.core.explain import no_such_path

            raise UnknownNameError(no_such_path(self.result, path))
        return Part(path, rows)

    def memory(self, optimizer: str = "adam") -> Memory:
        """Bytes of inference and of a training step with an optimizer (sgd, momentum, adam).

        ``inference``, ``training``, ``peak`` and what they are made of; ``live`` and ``saved`` by
        layer. Raises InputError for another optimizer.
        """
        from netcalc.core.memory import memory

        return memory(self.result, optimizer)

    def receptive_fields(self) -> dict[str, Fields]:
        """For each layer, its field on each axis (``("input", 2)``) behind an input's channels.

        ``size`` (with all branches), ``least`` (along the narrowest path), ``stride`` and
        ``padding``, in positions of the input.
        """
        from netcalc.core.receptive import receptive_fields

        return receptive_fields(self.result)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row for each layer."""
        from netcalc.report.frames import rows_frame

        return rows_frame(self.result)

    def to_dict(self, optimizer: str = "adam") -> dict[str, Any]:
        """The document that ``netcalc table --format json`` prints."""
        from netcalc.report.document import document

        return document(self.result, optimizer)

    def table(
        self,
        format: str = "text",  # noqa: A002  (the option's name)
        *,
        layout: str | None = None,
        depth: int | None = None,
        columns: Sequence[str] | str | None = None,
        share: bool = False,
        optimizer: str | None = None,
        width: int = 80,
    ) -> str:
        """The table as ``netcalc table`` prints it, with the same options.

        An ``optimizer`` adds the lines on memory, as columns on memory do.
        """
        from netcalc.report.network import network_report

        if isinstance(columns, str):
            columns = [name.strip() for name in columns.split(",")]
        chosen = tuple(columns) if columns is not None else None
        report = network_report(self.result, layout, depth, chosen, share, optimizer)
        return rendered(report, format, width)

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


class Part:
    """A layer or module of an analysis: the sums over its ``rows``, and what comes out of it.

    ``params``, ``weights``, ``biases``, ``buffers`` and ``trainable`` are numbers of values,
    ``macs`` and ``flops`` (2 x MACs) those of a forward pass, ``ops`` its other work by kind.
    """

    def __init__(self, path: str, rows: tuple[Row, ...]) -> None:
        self.path = path
        self.rows = rows
        self.counts = total(row.counts for row in rows)

    @property
    def output(self) -> Tensor:
        """The first output of its last layer: ``dims`` and ``dtype``."""
        return self.rows[-1].outs[0]

    def __getattr__(self, name: str) -> Any:
        if name in COUNTED:
            return getattr(self.counts, name)
        hint = did_you_mean(name, COUNTED) or f"it has {', '.join(COUNTED)}, output, rows"
        raise AttributeError(f"a part of an analysis has no {name!r}; {hint}")

    def __repr__(self) -> str:
        c = self.counts
        told = f"{c.params:,} params, {c.macs:,} MACs, output {self.output}"
        return f"<{self.path or 'network'}: {told}>"


COUNTED = ("params", "weights", "biases", "buffers", "trainable", "macs", "flops", "ops")


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
