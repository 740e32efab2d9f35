"""How long emission takes and how large the object gets, against the volume of the window."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from symconv.bench.cost import children_seconds
from symconv.bench.kernels import operator, shapes
from symconv.bench.layers import Case, Layer
from symconv.bench.suites import SUITES
from symconv.compiler import OPTIONAL_FLAGS, accepted_flags, find_compiler, run_compiler
from symconv.emission import emit
from symconv.errors import BuildError
from symconv.libraries import FAST_FLAGS

LIMIT_KIB, LIMIT_SECONDS = 256.0, 5.0

WINDOWS: tuple[Case, ...] = (
    *(Layer(f"1-D, {k}", (1, 16, 512), 16, k, 1, k // 2) for k in (1, 3, 9, 31, 101, 255)),
    *(Layer(f"2-D, {k}x{k}", (1, 16, 56, 56), 16, k, 1, k // 2) for k in (1, 3, 5, 7, 11, 15)),
    *(Layer(f"3-D, {k}x{k}x{k}", (1, 16, 12, 24, 24), 16, k, 1, k // 2) for k in (1, 3, 5, 7)))


@dataclass(frozen=True, slots=True)
class Size:
    """Seconds of the processor to derive and emit all passes in C, and to compile them; the size of
    the object in KiB."""

    case: Case
    emission: float
    compilation: float
    object: float

    @property
    def held(self) -> bool:
        return self.emission < LIMIT_SECONDS and self.object < LIMIT_KIB


def cases() -> tuple[Case, ...]:
    """The windows, then every case of the other suites, each shape once."""
    every = [*WINDOWS, *(case for suite in SUITES.values() for case in suite)]
    return tuple({(case.text, case.dtype): case for case in reversed(every)}.values())[::-1]


def sizes(chosen: Sequence[Case]) -> Iterator[Size]:
    """One after the other, as many at a time as there are processors."""
    # an interruption is for this process, which then waits for what has begun
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), signal.signal,
                               (signal.SIGINT, signal.SIG_IGN))
    try:
        yield from pool.map(measure, chosen)
    finally:
        pool.shutdown(cancel_futures=True)


def measure(case: Case) -> Size:
    """Emit and compile a case; seconds are of the processor."""
    compiler = find_compiler()
    accepted = accepted_flags(compiler)
    flags = [flag for flag in FAST_FLAGS if flag not in OPTIONAL_FLAGS or flag in accepted]
    begin = time.process_time()
    files = emit(operator(case), targets=("c",), name="kernel", dtype=case.dtype,
                 shapes=shapes(case))
    emission = time.process_time() - begin
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        begin = children_seconds()
        status, output = run_compiler(
            compiler, [*flags, "-c", "kernel.c", "-o", "kernel.o"], Path(folder))
        if status:
            raise BuildError(f"{case.text}: {output[:500]}")
        return Size(case, emission, children_seconds() - begin,
                    (Path(folder) / "kernel.o").stat().st_size / 1024)


def table(found: Sequence[Size]) -> str:
    """The report."""
    over = [size for size in found if not size.held]
    return "\n".join([
        "# Suite sizes", "",
        "All passes of each layer in C for its shapes: seconds of the processor to derive and emit "
        f"them (at most {LIMIT_SECONDS:g}) and to compile them, and the size of the object (at "
        f"most {LIMIT_KIB:g} KiB).", "",
        "| layer | dtype | taps | emission s | compilation s | object KiB | |",
        "|---|---|--:|--:|--:|--:|---|", *map(_line, found), "",
        f"- {len(over) or 'none'} of {len(found)} over a limit",
        f"- the longest emission: {max(size.emission for size in found):.2f} s; the largest "
        f"object: {max(size.object for size in found):.0f} KiB", ""])


def _line(size: Size) -> str:
    taps = size.case.kernel ** (len(size.case.shape) - 2)
    return (f"| {size.case.name}: {size.case.text} | {size.case.dtype} | {taps} "
            f"| {size.emission:.2f} | {size.compilation:.1f} | {size.object:.0f} "
            f"| {'' if size.held else 'over the limit'} |")
