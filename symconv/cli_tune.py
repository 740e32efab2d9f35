"""`symconv tune`: time the plans of an operator's passes and keep the fastest in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from symconv import cli_options as options
from symconv.errors import ParameterError

if TYPE_CHECKING:
    from symconv.trials import Trial


@click.command("tune", cls=options.Words, context_settings=options.OPEN)
@options.operand
@options.shape
@click.option("-o", "output", required=True, metavar="FILE", help="The file to add the plans to.")
@click.option("--pass", "names", multiple=True, metavar="PASS",
              help="Only this pass, such as forward or vjp_x. Repeatable.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32")
@click.option("--accuracy", type=click.Choice(["default", "strict"]), default="default",
              help="strict: direct sums alone; default: float32 may take transforms.")
@click.option("--candidates", default=8, type=click.IntRange(1), show_default=True,
              help="How many plans to try in a round.")
@click.option("--seconds", default=1.0, type=options.Seconds(), show_default=True,
              help="How long to time a round.")
@options.force
def tune_command(op: str, words: Sequence[str], settings: Sequence[str], texts: Sequence[str],
                 output: str, names: Sequence[str], dtype: str, accuracy: str, candidates: int,
                 seconds: float, force: bool) -> int:
    """Time the plans of OP for one shape on this machine, and keep the fastest in FILE.

    Each pass is settled in rounds: the plans that the model of time likes best are built, compared
    with plain loops in float64, and timed in turns on one core (processor time, medians). FILE is
    for `symconv emit --tuning FILE`; what it holds for other passes and shapes stays. After an
    interruption the passes that are done are in it.
    """
    from symconv.emission import ordered
    from symconv.files import expect_writable
    from symconv.invocation import operator_for, shapes
    from symconv.passes import emitted_passes
    from symconv.tuning import read_tuning

    place, given = Path(output), shapes(texts)
    if not given:
        raise ParameterError("plans are for one shape: give --shape for the operands")
    expect_writable(place, force=force)
    if place.exists() and not force:
        read_tuning(place)
    order = ordered(operator_for(op, words, settings), None, dtype, given, accuracy=accuracy)
    passes = emitted_passes(order.program)
    for name in names:
        if name not in {item.name for item in passes}:
            raise ParameterError(f"--pass {name}: choose among "
                                 f"{', '.join(item.name for item in passes)}")
    for library in ("OPENBLAS", "MKL", "OMP"):      # read when NumPy is first imported
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    from symconv.bench.machine import single_core
    from symconv.trials import Problem
    from symconv.tuner import tune
    from symconv.tuning import Key, add_entry

    with single_core(), _progress() as progress:
        for item in passes:
            if names and item.name not in names:
                continue
            problem = Problem.of(order, item)
            chosen = tune(problem, candidates, seconds, _shown(item.name), progress)
            add_entry(place, Key.of(problem.item, dtype, accuracy), chosen, force)
    return 0


def _shown(name: str) -> Callable[[str, int, Sequence[Trial], Trial], None]:
    """Prints the trials of a round: the plan in which they differ, the best with a star."""
    def report(target: str, number: int, trials: Sequence[Trial], winner: Trial) -> None:
        click.echo(f"{name}: {target}{f', sum {number + 1}' if number else ''}")
        for trial in trials:
            taken = "" if trial.seconds is None else f"{trial.seconds * 1e6:.4g} us"
            plans = dict(trial.chosen.plans)[target]
            fault = f"  ({trial.fault})" if trial.fault else ""
            click.echo(f"{'*' if trial is winner else ' '} {taken:>12}  {trial.error:7.1e}  "
                       f"{plans[min(number, len(plans) - 1)]}{fault}")
    return report


@contextmanager
def _progress() -> Iterator[Callable[[str, int], Callable[[], None]]]:
    """A bar on standard error, on a terminal alone. It is drawn between the trials and never
    during one: its time would count."""
    if not sys.stderr.isatty():
        yield lambda text, total: lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task("tuning", total=None)

        def begin(text: str, total: int) -> Callable[[], None]:
            bar.reset(task, total=total, description=text)
            bar.refresh()
            return step

        def step() -> None:
            bar.update(task, advance=1)
            bar.refresh()

        yield begin
