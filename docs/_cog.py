"""What the generated blocks of the pages are made with.

All of it is real output, 80 columns wide. ``cog -r README.md docs/*.md`` writes
the blocks anew, ``cog --check`` tells whether one is stale.
"""

from __future__ import annotations

import ast
import dataclasses
import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "docs" / "examples"
WIDTH = 80
_PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
_FILE_BLOCK = re.compile(r"^```yaml\n(# (\S+\.yaml)\n.*?)^```$", re.M | re.S)


def run(command: str) -> str:
    """A console block: ``netcalc COMMAND`` and all that it prints.

    The line is given to a shell, so it may go on with a pipe or with ``&&``. It
    runs in a folder that holds nothing but the files shown above it (the yaml
    blocks whose first line is a comment with a name, ``# my_net.yaml``), the
    configs in tests/models and the files in docs/examples.
    """
    python = shlex.quote(sys.executable)
    script = f'netcalc() {{ {python} -m netcalc "$@"; }}\nnetcalc {command}'
    with tempfile.TemporaryDirectory() as folder:
        for text, name in _FILE_BLOCK.findall(_above()):
            Path(folder, name).write_text(text, "utf-8")
        for config in (ROOT / "tests" / "models").glob("*.json"):
            shutil.copy(config, folder)
        for shown in EXAMPLES.iterdir():
            shutil.copy(shown, folder)
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

    out = io.StringIO()
    namespace: dict[str, object] = {}
    for block in _PYTHON_BLOCK.findall(_above()):
        shown = block.startswith(">>>")
        source = doctest.script_from_examples(block) if shown else block
        code = compile(source, cog.inFile, "exec", dont_inherit=True)
        out = io.StringIO()
        with redirect_stdout(out):
            exec(code, namespace)  # noqa: S102  (the page's own code)
    return fenced(out.getvalue(), "text")


def _above() -> str:
    """The page down to the block that is being written."""
    import cog

    page = Path(cog.inFile).read_text("utf-8").splitlines(keepends=True)
    return "".join(page[: cog.firstLineNum])


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
        lines += _wrapped(text, " " * 18)
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


def example(name: str) -> str:
    """A block with one of the files in docs/examples."""
    return fenced((EXAMPLES / name).read_text("utf-8"), "yaml")


def folded(path: str) -> str:
    """A block with a YAML file of the package, its long lines folded."""
    import yaml

    text = (ROOT / path).read_text("utf-8")
    lines = "\n".join(_folded(line) for line in text.splitlines())
    assert yaml.safe_load(lines) == yaml.safe_load(text)
    return fenced(lines, "yaml")


def _folded(line: str) -> str:
    """A line that goes on, four columns further in, behind a comma."""
    indent = len(line) - len(line.lstrip())
    if len(line) <= WIDTH:
        return line
    at = line.rindex(", ", 0, WIDTH) + 1
    return f"{line[:at]}\n{_folded(' ' * (indent + 4) + line[at:].lstrip())}"


def layer_types() -> str:
    """A block with the types of layer that a file may name, and their fields.

    Types of one kind, which differ in their number of axes, stand together.
    """
    from netcalc.core.ops import types

    alike: dict[Any, list[str]] = {}
    for name, (kind, _) in types().items():
        alike.setdefault(kind, []).append(name)
    lines = []
    for kind, names in alike.items():
        least, most = kind.ARITY
        count = f" ({_number_of(least, most)} inputs)" if most != 1 else ""
        lines += [f"{', '.join(names)}{count}"]
        for text in (
            ", ".join(_fields(kind, names[0])) or "no fields",
            kind.__doc__.partition("\n")[0].replace("``", ""),
        ):
            lines += _wrapped(f"    {text}", "    ")
    return fenced("\n".join(lines), "text")


def _number_of(least: int, most: int | None) -> str:
    """How many inputs there may be."""
    if most is None:
        return f"{least} or more"
    return f"{least}" if most == least else f"{least} to {most}"


def _fields(kind: Any, name: str) -> Iterator[str]:
    """The fields of a type, with what they are unless given."""
    from netcalc.core.fields import plain
    from netcalc.spec.kinds import known_kinds

    defaults = {f.name: f.default for f in dataclasses.fields(kind)}
    known = known_kinds()[name]
    for field in known.fields:
        if field in known.required:
            yield field
        elif defaults[field] is dataclasses.MISSING:
            yield f"{field}=kernel"  # the stride of a pool
        else:
            yield f"{field}={str(plain(defaults[field])).lower()}"


def activations() -> str:
    """A table of the types that are short for a Pointwise."""
    from netcalc.spec.kinds import ACTIVATIONS

    lines = ["| type | fields | function |", "| ---- | ------ | -------- |"]
    for name, short in ACTIVATIONS.items():
        fields = [f"`{k}={v}`" for k, v in short.numbers.items()]
        if short.variants:
            fields = ["`approximate=none`"]
        told = " or ".join(short.variants.values()) or short.function
        shown = ", ".join(fields).replace("=None", "")
        lines.append(f"| `{name}` | {shown} | {told} |")
    return "\n".join(lines) + "\n"


_TAKES = {
    "Num": "a number, or arithmetic on parameters",
    "int": "a number, or arithmetic on parameters",
    "int | None": "a number or arithmetic, or `none`",
    "bool": "`true` or `false`",
    "float": "a number, with decimals or without: `0.75`, `1e-4`",
    "float | None": "such a number, or `none`",
    "tuple[Num, ...]": "one number, or a list of them: `3`, `[1, 7]`",
    "tuple[int, ...]": "one number, or a list of them: `3`, `[1, 7]`",
    "tuple[int | None, ...]": "the same, with `none` for an axis that stays",
    "tuple[Num, ...] | str": "the same, or `same` or `valid`",
    "Indices": "a list of integers, or one",
    "Indices | None": "a list of integers, or one, or `none`",
    "str": "text",
    "str | None": "text, or `none`",
}
"""For each annotation of a field, what the field takes in a file."""


def field_values() -> str:
    """A list of what the fields of the types of layer take."""
    from netcalc.core.ops import types
    from netcalc.spec.kinds import known_kinds

    takes: dict[str, dict[str, list[str]]] = {}
    for name in types():
        for field, annotation in known_kinds()[name].fields.items():
            told = takes.setdefault(field, {})
            told.setdefault(_TAKES[annotation], []).append(name)
    rows: dict[str, list[str]] = {text: [] for text in _TAKES.values()}
    for field, told in takes.items():
        usual = max(told, key=lambda text: len(told[text]))
        for text, names in told.items():
            only = "" if text == usual else f" of {', '.join(names)}"
            rows[text].append(f"`{field}`{only}")
    lines = []
    for text, fields in rows.items():
        lines += _wrapped(f"- {', '.join(sorted(fields))}: {text}", "  ")
    return "\n".join(lines) + "\n"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent)


def said_of(keys: Iterable[str]) -> None:
    """Fail where this page has no row of a table for one of some keys."""
    import cog

    page = Path(cog.inFile).read_text("utf-8")
    missing = [key for key in keys if f"\n| `{key}`" not in page]
    assert not missing, f"the tables of {cog.inFile} lack {missing}"


def fenced(text: str, language: str) -> str:
    """A fenced block of markdown, without blanks at the ends of lines."""
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
    return f"```{language}\n{lines}\n```\n"
