"""What all views have in common: they print as the tables of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netcalc.errors import InputError

if TYPE_CHECKING:
    from netcalc.report.table import Report


class View:
    """What prints as the tables of its ``report``."""

    def report(self) -> Report:
        """The tables, the lines below them, and the document."""
        raise NotImplementedError

    def table(self, format: str = "text", *, width: int = 80) -> str:  # noqa: A002
        """What the command of the same name prints."""
        return rendered(self.report(), format, width)

    def to_dict(self) -> dict[str, Any]:
        """The document that the command prints with ``--format json``."""
        return self.report().document()

    def __str__(self) -> str:
        return self.table().rstrip("\n")

    def _repr_html_(self) -> str:
        from netcalc.report.formats import html_fragment

        return html_fragment(self.report())


def rendered(report: Report, format: str, width: int) -> str:  # noqa: A002
    """A report in one of the formats; raises InputError for another."""
    from netcalc.report.formats import FORMATS, render

    if format not in FORMATS:
        raise InputError(f"there is no format {format!r}; choose from {', '.join(FORMATS)}")
    return render(report, format, width)
