"""The ``netcalc`` command. Each subcommand lies in a file of its name and loads when it is run."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from netcalc import __version__
from netcalc.errors import NetcalcError, did_you_mean, printable

BAD_INPUT = 2


class Commands(click.Group):
    """The subcommands, found by their files."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(p.stem.replace("_", "-") for p in Path(__file__).parent.glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            hint = did_you_mean(args[0], names) or f"choose from {', '.join(names)}"
            raise click.UsageError(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="netcalc", message="%(prog)s %(version)s")
def cli() -> None:
    """Parameters, FLOPs and output sizes of neural networks, with their working shown.

    \b
    netcalc list                                what there is
    netcalc table googlenet                     the paper's Table 1, derived
    netcalc explain googlenet inception_3a      how each of its numbers came about
    netcalc compare naive reduced               two networks and their difference
    netcalc crops googlenet --models 7          the cost of testing on crops
    netcalc audit googlenet_table1              what a paper prints, held to it
    netcalc export resnet50 -o my_net.yaml      a network as a file, to change

    A network (NET) is a name from `netcalc list`, with arguments behind an @ where it takes any:
    googlenet@aux=true,width=0.5; a YAML or JSON file: my_net.yaml; or a PyTorch model:
    torchvision:resnet50, timm:NAME, hf:CONFIG.json, package.module:factory or file.py:factory.
    Every command has its own --help.
    """  # noqa: D301  (click reads the escape)


def main(args: list[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 a check failed, 2 bad input or usage."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: write into nothing
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  (for good)
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that has no "·" still gets the rest
    try:
        code = cli.main(args=args, prog_name="netcalc", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        code = _reader_has_left()
    except SystemExit:
        # click's own way with a pipe that is closed while it prints help
        if type(sys.stdout).__name__ != "_PacifyFlushWrapper":
            raise
        code = _reader_has_left()
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message())
        code = BAD_INPUT
    except click.ClickException as problem:
        code = _refuse(_usage(problem))
    except NetcalcError as problem:
        code = _refuse(str(problem))
    except OSError as problem:
        code = _refuse(f"cannot write the output: {problem.strerror or problem}")
    except (KeyboardInterrupt, click.Abort):
        code = _refuse("interrupted") and 130
    sys.exit(code if isinstance(code, int) else 0)


def _reader_has_left() -> int:
    from netcalc.cli._options import reader_has_left

    reader_has_left()
    return 0


def _usage(problem: click.ClickException) -> str:
    """Click's message in one line, with where to look."""
    text = " ".join(problem.format_message().split())
    if isinstance(problem, click.UsageError) and problem.ctx is not None:
        return f"{text.rstrip('.')} (see `{problem.ctx.command_path} --help`)"
    return text


def _refuse(message: str) -> int:
    try:
        click.echo(f"netcalc: {printable(' '.join(message.split()))}", err=True)
    except OSError:  # full, or nobody reads it: the exit code says it still
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    return BAD_INPUT
