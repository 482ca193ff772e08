"""The python blocks of these pages and of README.md run as tests.

All blocks of a page are one test, since each goes on from those before it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).resolve().parent.parent

examples = Sybil(
    parsers=[PythonCodeBlockParser()],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md"],
)


class Page(pytest.File):
    """A page with python blocks."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test, where there is a block."""
        if any(examples.parse(self.path)):
            yield Blocks.from_parent(self, name="blocks")


class Blocks(pytest.Item):
    """The python blocks of a page, in order, in one namespace."""

    def runtest(self) -> None:
        """Evaluate them."""
        for example in examples.parse(self.path):
            example.evaluate()

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """The line of the page, and what went wrong there."""
        frames = traceback.extract_tb(excinfo.tb)
        lines = [f.lineno for f in frames if f.filename == str(self.path)]
        told = "".join(traceback.format_exception_only(excinfo.value))
        return f"{self.path}:{lines[-1] if lines else 1}\n{told}"


class Collector:
    """Makes a test of every page that has python blocks."""

    @staticmethod
    def pytest_collect_file(
        file_path: Path, parent: pytest.Collector
    ) -> Page | None:
        """The page, if it is one."""
        if not examples.should_parse(file_path):
            return None
        return Page.from_parent(parent, path=file_path)


def pytest_configure(config: pytest.Config) -> None:
    """A conftest.py is asked about its own folder; README.md lies above it."""
    config.pluginmanager.register(Collector(), "python-blocks")
