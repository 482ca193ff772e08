"""The pages in reports/ are those that `make reports` would write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reports import PAGES, REPORTS

GENERATED_ELSEWHERE = {
    *("benchmarks.md", "cuda.md"),  # timings: no test compares them
    "models.md",  # by `make test-all`; tests/test_all_models.py looks at some of its lines
}


def stale(folder: Path) -> list[str]:
    return [
        name
        for name, make in PAGES.items()
        if not (folder / name).exists() or (folder / name).read_text("utf-8") != make()
    ]


def test_reports_are_current() -> None:
    assert stale(REPORTS) == [], "run `make reports`"


def test_a_stale_report_is_noticed(tmp_path: Path) -> None:
    for name, make in PAGES.items():
        (tmp_path / name).write_text(make(), "utf-8")
    page = tmp_path / "naive-reduced.md"
    page.write_text(page.read_text("utf-8").replace("346,112", "346,113"), "utf-8")
    assert stale(tmp_path) == ["naive-reduced.md"]


def test_no_report_is_left_out() -> None:
    assert {p.name for p in REPORTS.glob("*.md")} - GENERATED_ELSEWHERE == set(PAGES)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "counters.md"])
def test_nothing_in_them_changes_by_itself(name: str) -> None:
    text = (REPORTS / name).read_text("utf-8")
    assert not re.search(r"\b20\d\d-\d\d|\d+(\.\d+)? ?ms\b|version|cuda|GPU|0\.1\.0", text)
