"""The python blocks of these pages and of README.md run as tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).resolve().parent.parent

examples = Sybil(
    parsers=[PythonCodeBlockParser()],
    path=str(ROOT),
    patterns=["README.md", "docs/*.md"],
)


class Collector:
    """Makes a test of every python block, wherever in the project its page lies."""

    pytest_collect_file = staticmethod(examples.pytest())


def pytest_configure(config: pytest.Config) -> None:
    """A conftest.py is asked about its own folder only, but README.md lies above it."""
    config.pluginmanager.register(Collector(), "python-blocks")
