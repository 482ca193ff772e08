"""Counting as others do: other counters' conventions, and these counters beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netcalc.analysis import Analysis
from netcalc.api import analyse
from netcalc.core.counters import CountedAs, Reconciled
from netcalc.core.graph import Graph
from netcalc.core.inputs import Shape
from netcalc.core.tensor import Tensor
from netcalc.errors import InputError, shown
from netcalc.loading import is_module, load_on, made_by, without_input
from netcalc.view import View

if TYPE_CHECKING:
    from netcalc.pytorch.counters.reconcile import Subject
    from netcalc.report.table import Report

Model = "str | Graph | Analysis | nn.Module"


class Reconciliation(View):
    """Other counters beside their conventions: ``lines`` has an entry for each.

    ``counter``, ``version``, ``printed`` (None where it failed: ``error``), ``derived`` (from the
    convention alone; None where nothing follows: ``error``), ``terms`` (cause and value, from the
    true MACs to ``derived``) and ``residual``.
    """

    def __init__(self, reconciled: Reconciled) -> None:
        self.reconciled = reconciled

    @property
    def lines(self) -> tuple[Any, ...]:
        """An entry for each counter."""
        return self.reconciled.lines

    def report(self) -> Report:
        """What ``netcalc reconcile`` prints."""
        from netcalc.report.reconciled import reconciled_report

        return reconciled_report(self.reconciled)

    def __repr__(self) -> str:
        told = ", ".join(f"{line.counter} {line.printed}" for line in self.lines)
        return f"<Reconciliation of {self.reconciled.name}: {told}>"


def reconcile(
    net: Any,
    input: Shape | Mapping[str, Shape] | Sequence[Any] | None = None,  # noqa: A002
    batch: int | None = None,
    counters: Sequence[str] | None = None,
    timeout: float = 300,
    **arguments: Any,
) -> Reconciliation:
    """Run other counters on a model, beside what follows from their conventions.

    ``net`` is what ``load`` takes, an analysis, a graph, or an nn.Module, whose ``input`` is then
    as ``analyse`` takes it. ``counters`` are names (all unless given); each runs on a copy, in a
    process of its own, for at most ``timeout`` seconds. ``arguments`` are those of what makes the
    model.

    Raises UnknownNameError for a counter that there is not, InputError where PyTorch is missing or
    a model cannot be sent to another process, NetcalcError where it cannot run.
    """
    subject = _subject(net, input, batch, arguments, sent=True)
    from netcalc.pytorch.counters.reconcile import reconcile as run

    return Reconciliation(run(subject, counters, timeout))


def count_as(
    net: Any,
    counter: str,
    input: Shape | Mapping[str, Shape] | Sequence[Any] | None = None,  # noqa: A002
    batch: int | None = None,
    **arguments: Any,
) -> CountedAs:
    """A model counted by a counter's convention, without that counter.

    ``counted`` has the ``value`` that the counter prints, the ``terms`` that lead to it from the
    true MACs, and ``by_layer`` the part of each of netcalc's layers, which are in ``result``. Takes
    and raises what ``reconcile`` does.
    """
    subject = _subject(net, input, batch, arguments)
    from netcalc.pytorch.counters.reconcile import count_as as run

    convention, recording, counted = run(subject, counter)
    return CountedAs(convention.name, convention.version, recording.result, counted)


def _subject(
    net: Any, shape: Any, batch: int | None, arguments: dict[str, Any], sent: bool = False
) -> Subject:
    """The model, on the inputs asked for; one that is ``sent`` runs in other processes too."""
    try:
        from netcalc.pytorch.build import build
        from netcalc.pytorch.counters.reconcile import given, named
        from netcalc.pytorch.named import called_with, empty
    except ModuleNotFoundError as problem:
        raise InputError(
            f"counting as others do needs {problem.name}; pip install 'netcalc-nn[torch]'"
        ) from None
    made = made_by(net) if isinstance(net, str) else None
    if made is not None:
        return named(made[0], shape, {**made[1], **arguments}, batch)
    if not isinstance(net, str | Graph | Analysis):
        if not is_module(net):
            raise InputError(f"a model is an nn.Module or the name of one, got {shown(net)}")
        if shape is None:
            raise without_input(net)
        return given(type(net).__name__, net, *called_with(net, shape), sent)
    if isinstance(net, str):
        net = load_on(net, shape, **arguments)
    result = (net if isinstance(net, Analysis) else analyse(net, shape, batch)).result
    inputs = tuple(empty(Tensor(x.dims, x.dtype)) for x in result.inputs.values())
    return given(result.graph.factory, build(result), inputs, {}, sent)
