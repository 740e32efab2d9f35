"""How long emission takes and how large the object gets, against the volume of the window."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    """Seconds of the processor to derive and emit all passes in C, seconds to compile them, and
    the size of the object in KiB."""

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


def sizes(chosen: tuple[Case, ...]) -> Iterator[Size]:
    """One after the other."""
    compiler = find_compiler()
    accepted = accepted_flags(compiler)
    flags = [flag for flag in FAST_FLAGS if flag not in OPTIONAL_FLAGS or flag in accepted]
    for case in chosen:
        begin = time.process_time()
        files = emit(operator(case), targets=("c",), name="kernel", dtype=case.dtype,
                     shapes=shapes(case))
        emission = time.process_time() - begin
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            begin = time.perf_counter()
            status, output = run_compiler(
                compiler, [*flags, "-c", "kernel.c", "-o", "kernel.o"], Path(folder))
            if status:
                raise BuildError(f"{case.text}: {output[:500]}")
            yield Size(case, emission, time.perf_counter() - begin,
                       (Path(folder) / "kernel.o").stat().st_size / 1024)


HEAD = ("| layer | dtype | taps | emission s | compilation s | object KiB | |\n"
        "|---|---|--:|--:|--:|--:|---|")


def line(size: Size) -> str:
    """One line of the table."""
    taps = size.case.kernel ** (len(size.case.shape) - 2)
    return (f"| {size.case.name}: {size.case.text} | {size.case.dtype} | {taps} "
            f"| {size.emission:.2f} | {size.compilation:.1f} | {size.object:.0f} "
            f"| {'' if size.held else 'over the limit'} |")
