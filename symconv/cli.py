"""The command line: arguments, exit codes, and nothing that computes.

Exit status 0: done, and every check held; 1: a check failed; 2: the request was wrong, which one
message on standard error explains; 130: interrupted. Everything heavy is imported by the command
that needs it, so that `symconv --help` and `symconv list` answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from symconv import cli_options as options
from symconv.cli_bench import bench_command
from symconv.cli_derive import derive_command, jacobian_command
from symconv.cli_doctor import doctor_command
from symconv.cli_judge import judge_command
from symconv.cli_notes import notes_command
from symconv.cli_prove import prove_command
from symconv.cli_tune import tune_command
from symconv.errors import ParameterError
from symconv.exits import guarded

if TYPE_CHECKING:
    from symconv.operator import Operator

_RANK = 2               # of an operator for any number of axes, when no shape is given


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="symconv", prog_name="symconv")
def cli() -> None:
    """Derive, emit and check kernels from index-level definitions."""


@cli.command("list")
def list_command() -> None:
    """List the operators of the catalogue."""
    from symconv.operators.catalogue import entries

    found = entries()
    width = max(len(entry.name) for entry in found)
    options.say("".join(f"{entry.name:<{width}}  {entry.summary}\n" for entry in found))


@cli.command("show", cls=options.Words, context_settings=options.OPEN)
@options.operand
def show_command(op: str, words: Sequence[str], settings: Sequence[str]) -> None:
    """Print the definition of OP in the definition language."""
    from symconv.invocation import operator_for

    options.say(f"{operator_for(op, words, settings, 'needed')}".rstrip("\n") + "\n")


@cli.command("emit", cls=options.Words, context_settings=options.OPEN)
@click.argument("words", nargs=-1, metavar="[OP] [PARAMETERS]", type=click.UNPROCESSED)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="A parameter of a .sym file.")
@click.option("--all", "everything", is_flag=True, help="Emit the whole catalogue.")
@click.option("-o", "output", required=True, metavar="DIR", help="The directory to write into.")
@click.option("--target", "targets", multiple=True, type=click.Choice(["c", "numpy"]),
              help="Both by default. Repeatable.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32")
@click.option("--accuracy", type=click.Choice(["default", "strict"]), default="default",
              help="strict: direct sums alone; default: float32 may take transforms.")
@click.option("--tuning", metavar="FILE", help="Plans that `symconv tune` found.")
@click.option("--openmp", is_flag=True,
              help="Beside each C function one that runs its tasks on several threads.")
@click.option("--name", help="Prefix of files and symbols; by default the operator's name.")
@options.shape
@click.option("--pack", multiple=True, metavar="OPERAND",
              help="Also emit C that packs this operand once, for many calls. Repeatable.")
@click.option("--check", is_flag=True, help="Build what is emitted and check it.")
@options.force
def emit_command(words: Sequence[str], settings: Sequence[str], everything: bool, output: str,
                 targets: Sequence[str], dtype: str, accuracy: str, tuning: str | None,
                 openmp: bool, name: str | None, texts: Sequence[str], pack: Sequence[str],
                 check: bool, force: bool) -> int:
    """Emit C and NumPy kernels: forward, gradients, tangents, double backward."""
    from symconv.emission import TARGETS, emit, emit_all
    from symconv.files import write_files
    from symconv.invocation import operator_for, shapes
    from symconv.terminal import working

    if everything:
        if words or settings or targets or name or texts or pack or check or openmp or tuning:
            raise ParameterError("--all emits the catalogue with its defaults: give it -o alone")
        with working("emitting the catalogue"):
            files = emit_all()
        write_files(Path(output), files, force=force)
        options.say(f"{len(files)} files in {output}\n")
        return 0
    if not words or words[0].startswith("-"):
        raise ParameterError("name an operator or a .sym file first, or give --all")
    if check and tuning:
        raise ParameterError("--check looks at the plans of the model, and those of --tuning were "
                             "checked when they were timed: give one of the two")
    operator = operator_for(words[0], words[1:], settings)
    given = shapes(texts)
    chosen = targets or TARGETS
    files = emit(operator, targets=chosen, name=name, dtype=dtype, shapes=given or None,
                 accuracy=accuracy, openmp=openmp, pack=pack, tuning=tuning)
    write_files(Path(output), files, force=force)
    options.say("".join(f"{Path(output) / file}\n" for file in files))
    return _check(operator, chosen, dtype, given) if check else 0


@cli.command("check", cls=options.Words, context_settings=options.OPEN)
@options.operand
@options.shape
@click.option("--target", "targets", multiple=True, type=click.Choice(["c", "numpy"]),
              help="Both by default. Repeatable.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32")
def check_command(op: str, words: Sequence[str], settings: Sequence[str], texts: Sequence[str],
                  targets: Sequence[str], dtype: str) -> int:
    """Build the kernels of OP and check them; without --shape on small shapes of symconv's own."""
    from symconv.emission import TARGETS
    from symconv.invocation import operator_for, shapes

    return _check(operator_for(op, words, settings), targets or TARGETS, dtype, shapes(texts))


prove_command.epilog = options.PARAMETERS
cli.add_command(prove_command)
cli.add_command(bench_command)
cli.add_command(derive_command)
cli.add_command(jacobian_command)
cli.add_command(notes_command)
cli.add_command(judge_command)
cli.add_command(doctor_command)
cli.add_command(tune_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    return guarded(cli, arguments)


def _check(operator: Operator, targets: Sequence[str], dtype: str,
           given: dict[str, tuple[int, ...]]) -> int:
    """Check an operator's kernels and print a line per check; 1 where one fails."""
    from symconv.sampling import example_shapes
    from symconv.terminal import show_verdict, working
    from symconv.verification import verify

    ready = operator.for_shapes(given) if given else operator.with_rank(_RANK)
    shapes = given or example_shapes(ready.definition)
    passed = True
    for target in targets:
        with working(f"checking {ready.name} in {target}"):
            verdict = verify(ready, target=target, dtype=dtype, shapes=shapes)
        show_verdict(verdict, f"{ready.name} in {target}, {dtype}, "
                     + ", ".join(f"{name} {shape}" for name, shape in shapes.items()))
        passed = passed and bool(verdict)
    return 0 if passed else 1
