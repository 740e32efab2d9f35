"""`symconv bench`: measure kernels beside their peers."""

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
    from symconv.bench.tables import Report

OTHERS = ("sizes", "cost")


@click.command("bench")
@click.option("--suite", default="peers", show_default=True,
              help="peers, resnet50, mobilenet_v2, photograph, audio, volumes, batch8, float64: "
              "layers; sizes: objects and emission against the window; cost: deriving and "
              "emitting.")
@click.option("--against", default="", metavar="NAMES",
              help="Peers, with commas: torch, onnxruntime, openvino, ncnn, jax, numpy.")
@click.option("--layer", "layers", multiple=True, help="Only this layer of the suite; repeatable.")
@click.option("--seconds", default=1.0, type=options.Seconds(), show_default=True,
              help="How long to measure each row.")
@click.option("--threads", default=1, type=click.IntRange(1), show_default=True,
              help="Measure symconv alone: how much faster so many threads are than one.")
@click.option("--json", "data", default=None, metavar="FILE", help="Write the rows as JSON.")
@click.option("--svg", "picture", default=None, metavar="FILE", help="Write a chart.")
@click.option("--output", "-o", "page", default=None, metavar="FILE", help="Write the Markdown.")
@options.force
def bench_command(suite: str, against: str, layers: Sequence[str], seconds: float, threads: int,
                  data: str | None, picture: str | None, page: str | None, force: bool) -> int:
    """Time fixed-shape kernels, one thread, interleaved with their peers.

    All kernels are compiled first. Every result is compared with one in float64. After an
    interruption the rows that are done are still shown and written.
    """
    for library in ("OPENBLAS", "MKL", "OMP"):      # read when NumPy is first imported
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    from symconv.bench.suites import SUITES
    from symconv.files import expect_writable

    if suite not in (*SUITES, *OTHERS):
        raise ParameterError(f"--suite {suite}: choose among {', '.join((*SUITES, *OTHERS))}")
    if (suite in OTHERS or threads > 1) and (against or data or picture):
        alone = f"--suite {suite}" if suite in OTHERS else "--threads"
        raise ParameterError(f"{alone} measures symconv alone and writes a page; leave out "
                             "--against, --json and --svg")
    if suite in OTHERS and threads > 1:
        raise ParameterError(f"--suite {suite} times no kernels; leave out --threads")
    if suite == "cost" and layers:
        raise ParameterError("--suite cost has no layers; leave out --layer")
    for place in (data, picture, page):
        if place is not None:
            expect_writable(Path(place), force=force)

    def shown(text: str) -> None:
        options.deliver(text, "markdown", page, force)

    if suite == "cost":
        from symconv.bench.cost import report

        text, held = report()
        shown(text)
        return 0 if held else 1
    if suite == "sizes":
        return _sizes(tuple(layers), shown)
    if threads > 1:
        return _scaled(suite, tuple(layers), seconds, threads, shown)
    done, finished = _measured(suite, [name for name in against.split(",") if name],
                               tuple(layers), seconds)
    if done.rows:
        from symconv.bench.chart import svg
        from symconv.bench.tables import json_text, markdown

        shown(markdown(done))
        if data is not None:
            options.deliver(json_text(done), "json", data, force)
        if picture is not None:
            options.deliver(svg(done), "svg", picture, force)
    return 0 if finished else 130


def _measured(suite: str, names: Sequence[str], layers: tuple[str, ...],
              seconds: float) -> tuple[Report, bool]:
    """The rows of a suite, and whether it came to its end."""
    from symconv.bench.kernels import compilations, compiled
    from symconv.bench.machine import described, keep_memory, measured, single_core
    from symconv.bench.measurement import rows
    from symconv.bench.peers import found
    from symconv.bench.suites import chosen
    from symconv.bench.tables import Report

    cases = chosen(suite, layers)
    keep_memory()
    with single_core():
        peers, missing = found(names)
    for name, remedy in missing.items():
        click.echo(f"symconv: {name} is missing: {remedy}", err=True)
    wanted = compilations(cases)
    with _progress(len(wanted) + sum(len(case.parts) for case in cases)) as step:
        for one in compiled(wanted):
            step(f"{one.case.name} compiled")
        with single_core():
            report = Report(suite, described(), measured(), missing, [])
            try:
                for case in cases:
                    for row in rows(case, peers, report.limits, seconds):
                        report.rows.append(row)
                        step(f"{row.case.name} {row.part}")
            except KeyboardInterrupt:
                return report, False
    return report, True


def _scaled(suite: str, names: tuple[str, ...], seconds: float, threads: int,
            shown: Callable[[str], None]) -> int:
    """Show how the passes of a suite scale, or write it; 130 after an interruption."""
    from symconv.bench.machine import described
    from symconv.bench.scaling import Scaling, scalings, table
    from symconv.bench.suites import chosen

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if threads > (cores or 1):
        raise ParameterError(f"--threads {threads}: there are {cores} processors; give at most so "
                             "many")
    for setting, value in (("WAIT_POLICY", "active"), ("PROC_BIND", "true")):   # read with OpenMP
        os.environ.setdefault(f"OMP_{setting}", value)
    cases, done, finished = chosen(suite, names), list[Scaling](), True
    try:
        with _progress(len(cases)) as step:
            for case in cases:
                done += scalings(case, threads, seconds)
                step(case.name)
    except KeyboardInterrupt:
        finished = False
    if done:
        shown(table(done, threads, described()))
    return 0 if finished else 130


def _sizes(names: tuple[str, ...], shown: Callable[[str], None]) -> int:
    """Show the table, or write it; 1 where a limit is passed, and 130 after an interruption."""
    from symconv.bench.sizes import Size, cases, sizes, table

    known = cases()
    for name in names:
        if name not in {case.name for case in known}:
            raise ParameterError(f"--layer {name!r}: there is no such layer in any suite")
    chosen = tuple(case for case in known if not names or case.name in names)
    done: list[Size] = []
    try:
        with _progress(len(chosen)) as step:
            for size in sizes(chosen):
                done.append(size)
                step(size.case.name)
    except KeyboardInterrupt:
        pass
    if done:
        shown(table(done))
    return 130 if len(done) < len(chosen) else 0 if all(size.held for size in done) else 1


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on standard error, on a terminal alone; a call is one step that is done."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("measuring", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)
