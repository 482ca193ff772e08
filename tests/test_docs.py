"""The pages in docs/ and README.md: generated blocks, links, width, and the code on them.

Their python blocks run as tests by themselves (docs/conftest.py); here it is shown that they do.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from netcalc.core.ops.base import Op
from netcalc.pytorch.lower import (
    LOWERINGS,
    Lowering,
)
from tests import test_ops_contract as contract
from tests.commands import process

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
VERSION = re.compile(r"\b\d+\.\d+\.\d+\b")
ABSOLUTE = re.compile(r"(?<![\w.:/<\\)])(?<!inputs: )/[A-Za-z_][\w.-]*|\b[A-Z]:\\|(?<!\w)~/")


# --- generated blocks --------------------------------------------------------------------------


def cog(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return process("-m", "cogapp", *args, cwd=cwd)


def test_generated_blocks_are_fresh() -> None:
    ran = cog("--check", "--diff", *(str(p.relative_to(ROOT)) for p in PAGES), cwd=ROOT)
    assert ran.returncode == 0, f"run `make docs`\n{ran.stdout}{ran.stderr}"


def test_a_stale_block_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.md"))
    page = tmp_path / "docs" / "page.md"
    page.write_text(
        "<!-- [[[cog from _cog import printed, run ]]] -->\n<!-- [[[end]]] -->\n"
        "```python\nprint(6 * 7)\n```\n"
        "<!-- [[[cog cog.out(printed() + run('table naive')) ]]] -->\n<!-- [[[end]]] -->\n"
    )
    assert cog("--check", "docs/page.md", cwd=tmp_path).returncode != 0
    assert cog("-r", "docs/page.md", cwd=tmp_path).returncode == 0
    assert cog("--check", "docs/page.md", cwd=tmp_path).returncode == 0
    text = page.read_text()
    assert "```text\n42\n```" in text
    assert "1,089,536 params" in text
    page.write_text(text.replace("1,089,536", "1,089,537"))
    assert cog("--check", "docs/page.md", cwd=tmp_path).returncode != 0


# --- what a page may hold ----------------------------------------------------------------------


def unwanted(text: str) -> list[str]:
    """Version numbers and absolute paths, which would be wrong elsewhere or tomorrow."""
    return [m[0] for pattern in (VERSION, ABSOLUTE) for m in pattern.finditer(text)]


VERSIONED = ("changelog.md", "counters.md")
"""Pages that are about versions: netcalc's own, and those of other counters."""


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.name not in VERSIONED], ids=lambda p: p.name
)
def test_no_version_and_no_absolute_path(page: Path) -> None:
    assert unwanted(page.read_text()) == []


@pytest.mark.parametrize(
    "text", ["since 1.2.3 it does", "see /home/me/x", "`/tmp`", "cd ~/netcalc", r"C:\x", "(/docs)"]
)
def test_a_version_or_an_absolute_path_is_noticed(text: str) -> None:
    assert unwanted(text)


@pytest.mark.parametrize(
    "text",
    [
        "arXiv:1409.4842",
        "7x7/2 and c / g",
        "https://a.org/b/c",
        "</td>",
        "docs/cli.md",
        "inputs: /a",
    ],
)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert not unwanted(text)


def too_wide(text: str) -> list[str]:
    return [line for line in text.splitlines() if len(line) > 80]


@every_page
def test_everything_fits_80_columns(page: Path) -> None:
    """Of README.md, the blocks with output; its text is reflowed by those who show it."""
    text = page.read_text()
    if page.parent == ROOT:
        blocks = [body for kind, body in FENCE.findall(text) if kind in ("console", "text")]
        assert blocks
        text = "\n".join(blocks)
    assert too_wide(text) == []


def test_a_wide_line_is_noticed() -> None:
    assert too_wide(f"{'x' * 80}\n{'x' * 81}\n") == ["x" * 81]


# --- links ---------------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.strip().replace(" ", "-")


def broken(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    found = []
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        known = (
            {slug(h) for h in HEADING.findall(FENCE.sub("", path.read_text()))} if anchor else ()
        )
        if not path.exists() or (anchor and anchor not in known):
            found.append(target)
    return found


@every_page
def test_links_resolve(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        "# First part: 1x1\n[a](a.md) [b](b.md) [c](#first-part-1x1) [d](a.md#second)\n"
        "[e](https://example.org)\n```text\n[f](f.md)\n```\n"
    )
    assert broken(page) == ["b.md", "a.md#second"]


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    assert set(LINK.findall(index.read_text())) == {p.name for p in DOCS} - {"index.md"}


# --- python blocks -------------------------------------------------------------------------------


def test_python_blocks_run_as_tests(tmp_path: Path) -> None:
    """A wrong number on a page fails the suite, in docs/ and in README.md alike."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "conftest.py", tmp_path / "docs")
    block = "```python\n{}assert nc.analyse('naive').totals.params == {}\n```\n"
    first = block.format("import netcalc as nc\n", 1_089_536)
    (tmp_path / "README.md").write_text(block.format("import netcalc as nc\n", 1_089_537))
    (tmp_path / "docs" / "right.md").write_text(first + block.format("", 1_089_536))
    (tmp_path / "docs" / "wrong.md").write_text(first + block.format("", 1))
    (tmp_path / "docs" / "none.md").write_text("# No code\n")
    ran = process("-m", "pytest", "docs", "README.md", "-p", "no:cacheprovider", cwd=tmp_path)
    assert ran.returncode == 1
    assert "2 failed, 1 passed" in ran.stdout
    assert f"{tmp_path / 'README.md'}:3\nAssertionError" in ran.stdout
    assert f"{tmp_path / 'docs' / 'wrong.md'}:6\nAssertionError" in ran.stdout


@pytest.mark.parametrize("name", ["getting-started", "derivation", "conventions"])
def test_pages_have_blocks_that_assert(name: str) -> None:
    blocks = FENCE.findall((ROOT / "docs" / f"{name}.md").read_text())
    assert sum("assert " in body for kind, body in blocks if kind == "python") >= 5


def worked_layer() -> tuple[type[Op], Lowering]:
    """The class and the row that the page on adding a kind of layer ends up with."""
    reader = Sybil(parsers=[PythonCodeBlockParser()], path=str(ROOT))
    page = reader.parse(ROOT / "docs" / "adding-a-layer.md")
    for example in page:
        example.evaluate()
    return page.namespace["ConvTranspose1d"], page.namespace["row"]


def held_to_the_contract(kind: Any) -> set[str]:
    """Run every test of the contract suite on one kind; their names."""
    ran = set()
    for name, check in vars(contract).items():
        for mark in getattr(check, "pytestmark", []):
            if mark.args[0] == "kind":
                check(kind)
                ran.add(name)
            elif mark.args[0] == ("kind", "example"):
                for example in kind.examples():
                    if mark.args[1] is contract.EXAMPLES or contract.legal(example):
                        check(kind, example)
                        ran.add(name)
    return ran


def test_the_worked_layer_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, row = worked_layer()
    monkeypatch.setitem(LOWERINGS, kind, row)
    ran = held_to_the_contract(kind)
    assert {"test_shape_is_torchs", "test_rules_run_on_symbols"} <= ran
    assert len(ran) >= 12
    right = kind.terms
    monkeypatch.setattr(kind, "terms", lambda self, i, o: right(self, i, o)[:1] * 2)
    with pytest.raises(AssertionError):
        held_to_the_contract(kind)
