"""Mutation of the rules: ``make mutate`` (about two hours; not part of the suite).

Operators and constants in netcalc/core are changed one at a time; the tests of the core run on
each changed copy. A mutant that they do not notice survives and is printed, with its place.
The unchanged copy runs first, as a control.

Each mutant runs in a process forked after torch is loaded, so that only netcalc loads again.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "netcalc" / "core"
TESTS = ("googlenet", "compare", "brute_force", "ops_contract", "api")
"""What runs first, unless the file has tests of its own."""

OWN_TESTS = {
    "aligning": ("matching",),
    "attention": ("products", "memory", "ops_contract"),
    "bilinear": ("products", "ops_contract"),
    "blocks": ("api", "spec"),
    "checks": ("verify",),
    "broadcast": ("functions", "ops_contract"),
    "contraction": ("memory",),
    "crops": ("crops",),
    "einsum": ("products", "memory", "ops_contract"),
    "explain": ("googlenet", "cli", "formats", "api"),
    "fields": ("api", "spec", "ops_contract"),
    "graph": ("api", "googlenet", "spec", "verify"),
    "heads": ("crops",),
    "inputs": ("api", "cli"),
    "elementwise": ("functions", "ops_contract", "memory"),
    "functions": ("functions", "ops_contract", "memory"),
    "likeness": ("matching",),
    "matching": ("matching", "compare"),
    "matmul": ("products", "memory", "ops_contract"),
    "memory": ("memory",),
    "pairs": ("matching", "compare"),
    "pricing": ("matching",),
    "receptive": ("receptive", "products"),
    "reduce": ("functions", "ops_contract", "memory"),
    "resample": ("functions", "ops_contract"),
    "stages": ("matching", "compare"),
    "structure": ("matching",),
    "subscripts": ("products", "memory"),
    "transposed": ("products", "ops_contract", "receptive"),
}
SECOND = ("googlenet", "api", "ops_contract", "formats", "memory", "crops", "spec")
SECOND += ("window_properties",)
"""What runs on a mutant that the first tests did not notice."""

SKIPPED = "round_trip or flat_form or schema_takes or every_mutant or fields_are or random_graphs"
SKIPPED += " or mutated_files or survive or of_every_layer or of_the_spec or after_an_exception"
SKIPPED += " or small_files or billion or twenty_thousand or bad_files or built_model"
"""The longest tests, which repeat on many networks what others do on one."""

TIME_LIMIT = 300
LOG = Path(tempfile.gettempdir()) / f"netcalc-mutate-{os.getpid()}.log"
"""What the tests of the last mutant printed."""

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LtE: ast.Lt,
    ast.GtE: ast.Gt,
    ast.Lt: ast.LtE,
    ast.Gt: ast.GtE,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitOr: ast.BitAnd,
}


class Mutant(NamedTuple):
    """A changed source, with where and how it was changed."""

    path: Path
    line: int
    what: str
    source: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Every single change of an operator or constant of a file, examples and annotations aside."""
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    places = list(_places(tree))
    for i in range(len(places)):
        changed = copy.deepcopy(tree)
        node = list(_places(changed))[i]
        before = _shown(node)
        _change(node)
        line = getattr(node, "lineno", 0)
        yield Mutant(path, line, f"{before}  ->  {_shown(node)}", ast.unparse(changed))


def _places(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that can be changed, in order; not those in examples, annotations and docstrings."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.FunctionDef) and child.name in ("examples", "__repr__"):
                continue
            if _changeable(child):
                yield child
            yield from _places(child)


def _changeable(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp | ast.BoolOp):
        return type(node.op) in SWAPS
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in SWAPS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Constant) and isinstance(node.value, bool | int)


def _change(node: ast.AST) -> None:
    if isinstance(node, ast.BinOp | ast.BoolOp):
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()  # type: ignore[call-overload]
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool"), [node.operand], [])
    elif isinstance(node, ast.Constant):
        value = node.value
        node.value = (not value) if isinstance(value, bool) else value + 1  # type: ignore[operator]


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:70]


def survives(mutant: Mutant) -> bool:
    """Whether all tests pass on a copy of the package with the changed file."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("netcalc", "tests", "pyproject.toml"):
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(
                    source, Path(folder) / part, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(source, folder)
        (Path(folder) / mutant.path.relative_to(ROOT)).write_text(mutant.source, "utf-8")
        child = os.fork()
        if not child:
            first = OWN_TESTS.get(mutant.path.stem, TESTS)
            os._exit(_run_tests(Path(folder), list(dict.fromkeys((*first, *SECOND)))))
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _run_tests(folder: Path, names: list[str]) -> int:
    """In the child: the tests on the changed copy; 0 if they all pass."""
    signal.alarm(TIME_LIMIT)  # a mutant that loops for ever is killed, which counts
    os.chdir(folder)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.path[:0] = [str(folder)]
    os.environ["PYTHONPATH"] = str(folder)  # for the processes that tests start
    for name in [n for n in sys.modules if n.partition(".")[0] in ("netcalc", "tests")]:
        del sys.modules[name]
    sys.dont_write_bytecode = True
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", f"not ({SKIPPED})"]
    for name in names:  # one file after the other: most mutants do not live to see the second
        if pytest.main([*options, f"tests/test_{name}.py"]):
            return 1
    return 0


def main() -> None:
    """Run all mutants, or a sample, in as many processes as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="only so many, drawn at random")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="*", help="files of netcalc/core; all unless given")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    for name in ("torchvision", "sympy", "pandas", "fvcore.nn"):
        __import__(name)
    paths = [ROOT / f for f in options.files] or sorted(CORE.rglob("*.py"))
    todo = [m for path in paths for m in mutants(path)]
    if options.sample:
        todo = random.Random(0).sample(todo, options.sample)
    control = paths[0].read_text("utf-8")
    if not survives(Mutant(paths[0], 0, "nothing", control)):
        sys.exit(f"the tests fail on what nothing was changed in:\n{LOG.read_text()[-2000:]}")
    workers = [_worker(todo[i :: options.jobs]) for i in range(options.jobs)]
    verdicts = [line for read in workers for line in _lines(read)]
    if len(verdicts) < len(todo):
        sys.exit(f"a worker ended early: {len(verdicts)} of {len(todo)} mutants were tried")
    killed = verdicts.count("killed")
    print(f"{killed} of {len(todo)} mutants killed, {100 * killed / len(todo):.1f} %")


def _worker(share: list[Mutant]) -> int:
    """A process that runs its share; it prints each survivor and pipes a verdict a mutant."""
    read, write = os.pipe()
    if os.fork():
        os.close(write)
        return read
    with os.fdopen(write, "w") as out:
        for i, mutant in enumerate(share):
            survived = survives(mutant)
            if survived:
                place = mutant.path.relative_to(ROOT)
                print(f"survived: {place}:{mutant.line}: {mutant.what}", flush=True)
            out.write("survived\n" if survived else "killed\n")
            print(f"{i + 1}/{len(share)}", end="\r", file=sys.stderr, flush=True)
    os._exit(0)


def _lines(read: int) -> list[str]:
    with os.fdopen(read) as pipe:
        return pipe.read().splitlines()


if __name__ == "__main__":
    main()
