"""What the commands share: the options of NET and its input, and of the output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import click

from netcalc.errors import InputError, OutputError

if TYPE_CHECKING:
    from netcalc.core.inputs import Shape
    from netcalc.report.table import Report

FORMATS = ("text", "markdown", "latex", "html", "csv", "json")
CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class Net(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic from click 8.3
    """A network as typed; the shell completes names of the zoo, and files."""

    name = "net"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        from netcalc.zoo import entries

        item = click.shell_completion.CompletionItem
        names = [item(n) for n in entries() if n.startswith(incomplete)]
        return names or [item(incomplete, type="file")]


class InputShape(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # as Net
    """3,224,224 or 3x224x224 or 224 or N,C,H,W; with the name of an input before it, a type behind.

    With a type it is a Tensor.
    """

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Shape]:
        from netcalc.core.inputs import read_shape

        name, _, rest = str(value).rpartition("=")
        return name, read_shape(rest, f"--input {name}" if name else "--input")


InputShapes: TypeAlias = "Shape | dict[str, Shape] | None"
"""What the option --input gives: a shape, several by name, or none."""


def shapes(
    ctx: click.Context, param: click.Parameter, given: tuple[tuple[str, Shape], ...]
) -> InputShapes:
    """One shape without a name, or all by their names."""
    if len(given) == 1 and not given[0][0]:
        return given[0][1]
    if any(not name for name, _ in given):
        raise InputError("--input may be repeated with names only: --input left=3,32,32")
    return dict(given) or None


def arguments(ctx: click.Context, param: click.Parameter, given: str | None) -> dict[str, object]:
    """The arguments in a JSON object."""
    import json  # only where they are given

    if given is None:
        return {}
    example = """--kwargs takes a JSON object such as '{"width": 0.5}'"""
    try:
        read = json.loads(given)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{example}, got {given[:60]!r}: {problem}") from None
    if not isinstance(read, dict):
        raise InputError(f"{example}, got {given[:60]!r}")
    return read


kwargs_option = click.option(
    "--kwargs",
    callback=arguments,
    metavar="JSON",
    help="""Arguments of what makes NET: '{"width": 0.5}'; NET@width=0.5 is short for it.""",
)

strict_option = click.option(
    "--strict", is_flag=True, help="Exit 1 if an operator has no rule, so that totals fall short."
)


def made_with(aux: bool, kwargs: dict[str, object]) -> dict[str, object]:
    """The arguments of NET from --aux and --kwargs."""
    if aux and "aux" in kwargs:
        raise InputError("--aux and --kwargs both set aux")
    return {**kwargs, **({"aux": True} if aux else {})}


def network_options(command: CommandT) -> CommandT:
    """--input, --batch, --aux and --kwargs."""
    for option in (
        kwargs_option,
        click.option(
            "--aux", is_flag=True, help="Short for NET@aux=true: with its training heads."
        ),
        click.option(
            "--batch",
            type=click.IntRange(1, 10**15),
            metavar="N",
            help="Images in a batch (work is of the batch).",
        ),
        click.option(
            "--input",
            "input_shape",
            type=InputShape(),
            multiple=True,
            callback=shapes,
            metavar="SHAPE",
            help="Input size: 3,224,224 or 3x224x224 or 224 or N,C,H,W; with a type all axes,"
            " 1,16:int64; of several inputs NAME=SHAPE, repeated; the network's own else.",
        ),
    ):
        command = option(command)
    return command


def output_options(command: CommandT) -> CommandT:
    """--format and -o."""
    for option in (
        click.option(
            "-o",
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write to a file; its ending sets the format (.txt .md .tex .html .csv .json).",
        ),
        click.option(
            "--format",
            "fmt",
            type=click.Choice(FORMATS),
            help="How to print it.  [default: text]",
        ),
    ):
        command = option(command)
    return command


format_option = click.option(
    "--format",
    "fmt",
    type=click.Choice(["text", "markdown", "csv", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
"""--format, of a command that writes no file of it."""


def split(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """A comma-separated list."""
    return None if value is None else tuple(v.strip() for v in value.split(",") if v.strip())


def terminal_width() -> int:
    """Columns of the terminal; 80 where the output is not one."""
    try:
        columns = int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(1).columns
    except (ValueError, OSError):
        columns = 80
    return max(40, columns)


def format_of(fmt: str | None, output: Path | None) -> str:
    """The format asked for, else that of the file's ending, else text."""
    from netcalc.report.formats import ENDINGS

    if fmt is not None or output is None:
        return fmt or "text"
    if output.suffix.lower() not in ENDINGS:
        raise InputError(
            f"{output}: no format goes by that ending; use one of {' '.join(ENDINGS)} or --format"
        )
    return ENDINGS[output.suffix.lower()]


def emit(report: Report, fmt: str | None, output: Path | None) -> None:
    """Print a report or write it to a file."""
    from netcalc.report.formats import render

    write(render(report, format_of(fmt, output), terminal_width()), output)


def write(text: str, output: Path | None) -> None:
    """Print a text, or write it beside its file and rename, so that no half of it is ever seen.

    What is no regular file (a pipe, a device) is written to as it is.
    """
    try:
        if output is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        elif output.exists() and not output.is_file():
            output.write_text(text, "utf-8")
        else:
            _replace(output.resolve(), text)
    except BrokenPipeError:
        reader_has_left()
    except (OSError, RuntimeError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        where = "the output" if output is None else str(output)
        raise OutputError(f"cannot write {where}: {reason}; choose another place") from None


def reader_has_left() -> None:
    """Nobody reads on (``| head``): that is no error, and what is buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _replace(target: Path, text: str) -> None:
    """Put a file in the place of another, with its permissions, or with the usual ones."""
    import tempfile  # only where a file is written

    mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".netcalc-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
