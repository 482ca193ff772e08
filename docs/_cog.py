"""What the generated blocks of the pages are made with: real output, 80 columns wide.

``cog -r README.md docs/*.md`` writes the blocks anew, ``cog --check`` says whether any is stale.
"""

from __future__ import annotations

import ast
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from contextlib import redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 80
_PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def run(command: str) -> str:
    """A console block: ``netcalc COMMAND`` and all that it prints.

    The line is given to a shell, in an empty folder, so it may go on with a pipe or with ``&&``.
    """
    start = f'netcalc() {{ {shlex.quote(sys.executable)} -m netcalc "$@"; }}\nnetcalc {command}'
    path = os.pathsep.join(
        filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    )
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(  # noqa: S603  (the commands are those of the pages)
            ["/bin/sh", "-c", start],
            cwd=folder,
            env={
                **os.environ,
                "COLUMNS": str(WIDTH),
                "PYTHONPATH": path,
                "PYTHONUTF8": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
    return fenced(f"$ netcalc {command}\n{ran.stdout}", "console")


def printed() -> str:
    """A block with what the python block before it prints.

    All python blocks of the page down to here run in order, in one namespace.
    """
    import cog  # exists only while cog runs

    lines = Path(cog.inFile).read_text("utf-8").splitlines(keepends=True)
    out = io.StringIO()
    namespace: dict[str, object] = {}
    for block in _PYTHON_BLOCK.findall("".join(lines[: cog.firstLineNum])):
        out = io.StringIO()
        code = (
            doctest.script_from_examples(block)
            if block.startswith(">>>")
            else block
        )
        with redirect_stdout(out):
            exec(
                compile(code, cog.inFile, "exec", dont_inherit=True), namespace
            )  # noqa: S102
    return fenced(out.getvalue(), "text")


def rooms() -> str:
    """A block with the folders and files of the package and what each says of itself first."""
    lines = []
    package = ROOT / "netcalc"
    for path in sorted(package.rglob("*.py"), key=_files_first):
        told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        room = path.parent.relative_to(package).as_posix() + "/"
        name = (
            room.removeprefix("./")
            if path.stem == "__init__"
            else f"  {path.name}"
        )
        first = told.partition("\n")[0]
        lines += textwrap.wrap(
            f"{name or 'netcalc/':<17} {first}",
            WIDTH,
            subsequent_indent=" " * 18,
        )
    return fenced("\n".join(lines), "text")


def layers() -> str:
    """A block with the order of the import rules, the highest room first."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    order = next(c["layers"] for c in contracts if c["type"] == "layers")
    return fenced("\n".join(order), "text")


def fenced(text: str, language: str) -> str:
    """A fenced block of markdown, without blanks at the ends of lines."""
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return f"```{language}\n{lines}\n```\n"


def _files_first(path: Path) -> tuple[tuple[str, ...], bool, str]:
    """The order of a listing: a folder's own files before those of the folders in it."""
    return path.parent.parts, path.name != "__init__.py", path.name
