"""What the generated blocks of the pages are made with.

All of it is real output, 80 columns wide. ``cog -r README.md docs/*.md`` writes
the blocks anew, ``cog --check`` tells whether one is stale.
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

    The line is given to a shell in an empty folder, so it may go on with a pipe
    or with ``&&``.
    """
    python = shlex.quote(sys.executable)
    script = f'netcalc() {{ {python} -m netcalc "$@"; }}\nnetcalc {command}'
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(  # noqa: S603  (the commands are the pages' own)
            ["/bin/sh", "-c", script],
            cwd=folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
    return fenced(f"$ netcalc {command}\n{ran.stdout}", "console")


def _environment() -> dict[str, str]:
    """That of this process, with this checkout's netcalc and a fixed width."""
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "COLUMNS": str(WIDTH),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUTF8": "1",
    }


def printed() -> str:
    """A block with what the python block before it prints.

    All python blocks of the page down to here run in order, in one namespace.
    """
    import cog  # exists only while cog runs

    page = Path(cog.inFile).read_text("utf-8").splitlines(keepends=True)
    out = io.StringIO()
    namespace: dict[str, object] = {}
    for block in _PYTHON_BLOCK.findall("".join(page[: cog.firstLineNum])):
        shown = block.startswith(">>>")
        source = doctest.script_from_examples(block) if shown else block
        code = compile(source, cog.inFile, "exec", dont_inherit=True)
        out = io.StringIO()
        with redirect_stdout(out):
            exec(code, namespace)  # noqa: S102  (the page's own code)
    return fenced(out.getvalue(), "text")


def rooms() -> str:
    """A block with the files of the package and what each says of itself."""
    lines = []
    package = ROOT / "netcalc"
    for path in sorted(package.rglob("*.py"), key=_files_first):
        told = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        room = path.parent.relative_to(package).as_posix() + "/"
        name = f"  {path.name}"
        if path.stem == "__init__":
            name = room.removeprefix("./") or "netcalc/"
        text = f"{name:<17} {told.partition(chr(10))[0]}"
        lines += textwrap.wrap(text, WIDTH, subsequent_indent=" " * 18)
    return fenced("\n".join(lines), "text")


def _files_first(path: Path) -> tuple[tuple[str, ...], bool, str]:
    """The order of a listing: a folder's own files, then the folders in it."""
    return path.parent.parts, path.name != "__init__.py", path.name


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
