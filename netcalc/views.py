"""What the public functions return beside analyses: thin views of their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netcalc.view import View

if TYPE_CHECKING:
    import pandas as pd

    from netcalc.core import compare as core_compare
    from netcalc.core import crops as core_crops
    from netcalc.core.checks import Check, Verification
    from netcalc.published.audit import Audited
    from netcalc.published.suggestion import Suggested, Suggestion
    from netcalc.report.table import Report


class Comparison(View):
    """Networks side by side.

    ``comparison`` holds the ``stages`` and, for two networks, the ``pairs`` of layers and the
    ``differences``, each with its ``params`` and ``macs``.
    """

    def __init__(self, comparison: core_compare.Comparison) -> None:
        self.comparison = comparison

    def report(self) -> Report:
        """What ``netcalc compare`` prints."""
        from netcalc.report.comparison import comparison_report

        return comparison_report(self.comparison)

    def __repr__(self) -> str:
        names = ", ".join(result.graph.label for result in self.comparison.results)
        return f"<Comparison of {names}>"


class Verified(View):
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

    def report(self) -> Report:
        """What ``netcalc verify`` prints."""
        from netcalc.report.verification import verification_report

        return verification_report(self.verification)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        from netcalc.report.verification import verdict

        return f"<{self.verification.network}: {verdict(self.verification)}>"


class Crops(View):
    """The crops of an image that a network is tested on, and what that costs.

    ``boxes`` has an entry for each crop (``scale``, ``square``, ``crop``, ``mirror``, ``x0``,
    ``y0``, ``x1``, ``y1``) where the image's size was given, ``costs`` one for 1, 10 and all crops
    by one model and by all (``models``, ``crops``, ``forward_passes``, ``macs``). All of it is
    ``plan``.
    """

    def __init__(self, plan: core_crops.Plan) -> None:
        self.plan = plan

    @property
    def boxes(self) -> tuple[core_crops.Box, ...]:
        """Where each crop lies, in pixels of the resized image; empty without an image."""
        return self.plan.boxes

    @property
    def costs(self) -> tuple[core_crops.Cost, ...]:
        """Forward passes and MACs for one image; the last entry is all models on all crops."""
        return self.plan.costs

    @property
    def crops_per_image(self) -> int:
        """Scales x squares x crops x mirrors."""
        return self.plan.crops_per_image

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row for each box."""
        from netcalc.report.frames import boxes_frame

        return boxes_frame(self.plan)

    def report(self) -> Report:
        """What ``netcalc crops`` prints."""
        from netcalc.report.crops import crops_report

        return crops_report(self.plan)

    def __repr__(self) -> str:
        name, last = self.plan.result.graph.factory, self.costs[-1]
        return f"<Crops of {name}: {last.crops} crops, {last.forward_passes:,} forward passes>"


class Audit(View):
    """Published tables with the verdicts of their cells.

    ``tables`` has an entry for each (``table``, ``cells``, ``summary``), ``summary`` counts all,
    ``changed`` says what of netcalc's own tables is not as recorded, ``problems`` what is wrong.
    """

    def __init__(self, tables: tuple[Audited, ...], whole: bool = True) -> None:
        from netcalc.published.record import changes

        self.tables = tables
        self.whole = whole
        self.changed = tuple(line for each in tables for line in changes(each))

    @property
    def summary(self) -> dict[str, int]:
        """How many cells have each verdict."""
        from netcalc.published.audit import summed

        return summed(cell for each in self.tables for cell in each.cells)

    @property
    def problems(self) -> tuple[str, ...]:
        """The cells of files that are off, and the verdicts that are not the recorded ones."""
        from netcalc.published.audit import problems
        from netcalc.published.record import changes

        own = [each for each in self.tables if each.table.built_in]
        others = [each for each in self.tables if not each.table.built_in]
        recorded = [f"{each.table.name}: {line}" for each in own for line in changes(each)]
        return (*recorded, *problems(others))

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems

    def suggestions(self) -> Suggestions:
        """Which single change of each row that is off gives all that the row prints."""
        from netcalc.sweep.suggest import suggest

        return Suggestions(tuple(suggest(each) for each in self.tables))

    def report(self) -> Report:
        """What ``netcalc audit`` prints."""
        from netcalc.report.audit import audit_report

        return audit_report(self.tables, self.changed, self.whole)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in self.summary.items() if n)
        tables = "1 table" if len(self.tables) == 1 else f"{len(self.tables)} tables"
        return f"<Audit of {tables}: {counts}>"


class Suggestions(View):
    """Hypotheses for rows that are off: ``tables`` has for each its ``suggestions``.

    Each is a change of one field of a layer, or of the channels that come in, under which every
    count and the output size of the row come out as printed.
    """

    def __init__(self, tables: tuple[Suggested, ...]) -> None:
        self.tables = tables

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """All suggestions, those of a row with the most exact and least odd first."""
        return tuple(s for table in self.tables for s in table.suggestions)

    def report(self) -> Report:
        """What ``netcalc audit --suggest`` prints."""
        from netcalc.report.suggestions import suggestions_report

        return suggestions_report(self.tables)

    def __repr__(self) -> str:
        n = len(self.suggestions)
        return f"<{n} suggestion{'' if n == 1 else 's'}>"
