"""Fitting a network into a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from netcalc.errors import InputError, SpecError, UnknownNameError, did_you_mean
from netcalc.loading import file_of, made_by
from netcalc.report.table import Column, Report, Table
from netcalc.report.units import grouped
from netcalc.sweeping import net_of
from netcalc.view import View
from netcalc.zoo import canonical, find

if TYPE_CHECKING:
    from netcalc.sweep.fit import Choice, Fitting
    from netcalc.sweep.knobs import Knob
    from netcalc.sweep.space import Net

STEP = "0.001"


def fit(
    net: str,
    *,
    max_params: int | str | None = None,
    max_macs: int | str | None = None,
    vary: Sequence[str] | None = None,
    round: int | None = None,  # noqa: A002  (the argument of the network)
    step: str | float | Fraction = STEP,
    input_step: int = 1,
) -> Fit:
    """The largest width and input size with which a network keeps to a budget, exactly.

    ``vary`` names an argument of the network (``width``, or a size), ``input`` (height and width of
    it), or both; unless given, ``input``, and ``width`` where the network has one. A width is a
    multiple of ``step``, an input of ``input_step``; with ``round`` the network's channels are
    multiples of that. Of all choices of which no knob can be turned up, the ``best`` one is nearest
    to the network itself: the smaller of its two ratios to the own width and input is the largest.
    ``frontier`` has others. Widths are exact, as a Fraction.

    Raises InputError where nothing fits, the largest value that is looked at (an input of 8192, or
    2^20 times an argument) still fits, or a budget is no number.
    """
    from netcalc.sweep.fit import fitting

    if round is not None:
        net += f"{',' if '@' in net else '@'}round={round}"
    budget = _budget(params=max_params, macs=max_macs)
    found = net_of(net)
    if vary is None:
        vary = ("width", "input") if "width" in _own(found.name) else ("input",)
    knobs = _knobs(found, vary, step, input_step)
    return Fit(net, budget, fitting(found, knobs, budget))


class Fit(View):
    """What fits: ``best``, the ``frontier`` of choices; ``net`` and ``side`` of the best one."""

    def __init__(self, base: str, budget: Mapping[str, int], fitting: Fitting) -> None:
        self.base, self.budget, self.fitting = base, budget, fitting

    @property
    def best(self) -> Choice:
        """The choice that is nearest to the network itself."""
        return self.fitting.best

    @property
    def frontier(self) -> tuple[Choice, ...]:
        """Choices of which nothing can be turned up, the widest last."""
        return self.fitting.frontier

    @property
    def net(self) -> str:
        """The best choice as NET."""
        given = [f"{k}={_plain(v)}" for k, v in self.best.values.items() if k != "input"]
        return self.base + ("," if "@" in self.base else "@") * bool(given) + ",".join(given)

    @property
    def side(self) -> int | None:
        """Height and width of its input; None where that stays as it is."""
        side = self.best.values.get("input")
        return None if side is None else int(side)

    @property
    def verify(self) -> str:
        """The command that holds the best choice against PyTorch."""
        return f"netcalc verify {self.net}" + (f" --input {self.side}" if self.side else "")

    def report(self) -> Report:
        """The choices, and the steps that are too much."""
        columns = [Column(n, n) for n in self.best.values]
        columns += [Column("params", "params", show=grouped), Column("macs", "MACs", show=grouped)]
        columns.append(Column("best", "", right=False))
        choices = self.frontier or (self.best,)
        rows = tuple(
            (
                *map(_plain, c.values.values()),
                c.costs["params"],
                c.costs["macs"],
                _mark(c, self.best),
            )
            for c in choices
        )
        told = " and ".join(f"{limit:,} {_UNITS[name]}" for name, limit in self.budget.items())
        notes = [f"the network itself: {_costs(self.fitting.own)}", *self._steps()]
        notes += self.fitting.notes
        title = f"{self.base}: at most {told}"
        return Report(title, (Table(tuple(columns), rows),), (*notes, self.verify), self._document)

    def _steps(self) -> list[str]:
        lines = []
        for name, (value, costs) in self.best.next.items():
            over = [
                f"{costs[k] - limit:,} {_UNITS[k]} too many"
                for k, limit in self.budget.items()
                if costs[k] > limit
            ]
            lines.append(f"{name} {_plain(value)} does not fit: {' and '.join(over)}")
        for name, (value, why) in self.best.refused.items():
            lines.append(f"{name} {_plain(value)} cannot be: {why}")
        return lines

    def _document(self) -> dict[str, Any]:
        return {
            "net": self.net,
            "input": self.side,
            "budget": dict(self.budget),
            "best": _told(self.best),
            "next": [
                {"knob": name, "value": _plain(value), **costs}
                for name, (value, costs) in self.best.next.items()
            ],
            "refused": [
                {"knob": name, "value": _plain(value), "why": why}
                for name, (value, why) in self.best.refused.items()
            ],
            "frontier": [_told(choice) for choice in self.frontier],
            "verify": self.verify,
        }


_UNITS = {"params": "parameters", "macs": "MACs"}


def _mark(choice: Choice, best: Choice) -> str:
    return "nearest to the network itself" if choice == best and len(best.values) > 1 else ""


def _told(choice: Choice) -> dict[str, Any]:
    return {**{k: _plain(v) for k, v in choice.values.items()}, **choice.costs}


def _costs(costs: Mapping[str, int]) -> str:
    return ", ".join(f"{costs[name]:,} {unit}" for name, unit in _UNITS.items())


def _plain(value: Any) -> str:
    from netcalc.zoo._arguments import plain

    return plain(value)


def _budget(**given: int | str | None) -> dict[str, int]:
    from netcalc.sweep.reading import amount

    found = {}
    for name, limit in given.items():
        if limit is not None:
            try:
                found[name] = int(amount(str(limit)) // 1)
            except SpecError as problem:
                raise InputError(f"max_{name} {problem}") from None
    if not found:
        raise InputError(
            "a budget is needed: --max-params 5M, --max-macs 1G, or both"
            " (in Python max_params, max_macs)"
        )
    return found


def _knobs(
    net: Net, vary: Sequence[str], step: str | float | Fraction, input_step: int
) -> tuple[Knob, ...]:
    from netcalc.sweep.knobs import LARGEST_SIDE, Knob

    if type(input_step) is not int or not 1 <= input_step <= LARGEST_SIDE:
        whole = f"a whole number from 1 to {LARGEST_SIDE:,}"
        raise InputError(f"the step of the input must be {whole}, got {input_step!r}")
    arguments = [name for name in dict.fromkeys(vary) if name != "input"]
    if len(arguments) > 1 or not vary:
        raise InputError("vary takes an argument of the network, input, or both: width,input")
    knobs = []
    for name in arguments:
        own = _own(net.name).get(name)
        if own is None:
            known = ["input", *_own(net.name)]
            near = did_you_mean(name, known)
            hint = near or f"use --vary {known[0]}" + "".join(f", or {k}" for k in known[1:])
            raise UnknownNameError(f"{net.name} has no {name!r} that is a size or a ratio; {hint}")
        knobs.append(Knob(name, own, 1 if isinstance(own, int) else _step(step)))
    if "input" in vary:
        knobs.append(Knob("input", _side(net), input_step))
    return tuple(knobs)


def _step(text: str | float | Fraction) -> Fraction:
    try:
        step = Fraction(str(text))
    except (ValueError, ZeroDivisionError):
        step = Fraction(0)
    if not 0 < step <= 1:
        raise InputError(f"step must be a number above 0 and up to 1, such as {STEP}, got {text!r}")
    return step


def _own(net: str) -> dict[str, int | Fraction]:
    """The arguments of a network that are sizes or ratios, with their defaults."""
    file = file_of(net)
    if file:
        from netcalc.spec import sizes_of

        return {k: v for k, v in sizes_of(file[0]).items() if k not in file[1]}
    if made_by(net):
        return {}
    name, _, rest = net.partition("@")
    taken = {canonical(part.partition("=")[0].strip()) for part in rest.split(",")}
    parameters = find(name.strip()).parameters()
    return {
        k: p.default
        for k, p in parameters.items()
        if str(p.annotation) in ("Num", "Fraction") and canonical(k) not in taken
    }


def _side(net: Net) -> int:
    """Height of the network's own input."""
    dims: Any = next(iter(net.make().inputs.values())).dims
    if len(dims) != 4:
        raise InputError(f"{net.name} takes no images: vary a size or ratio of it alone")
    return int(dims[2])
