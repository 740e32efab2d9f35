"""How kernels scale: the time on the clock of one thread, and of several.

What runs is the driver that `emit --openmp` puts beside every function: the tasks of a pass in as
many ranges as there are threads. Calls with one thread and with all of them take turns by blocks,
of which the first call is not counted, since its data lie in the caches of other cores. A quarter
of the calls was faster than the time shown: on a machine with other work, what interrupts one of
the threads delays all of them.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symconv.bench.kernels import operator, shapes
from symconv.bench.layers import Array, Case
from symconv.bench.measurement import geometric_mean
from symconv.emission import ordered, sources, specialised
from symconv.libraries import FAST_FLAGS, compile_library, load_library
from symconv.passes import Pass, forward_passes, vjp_passes
from symconv.shapes import stored_shape

ENOUGH = 1e-4
"""Seconds of one thread that are worth several."""

_BLOCK = 6              # calls
_LINE = 64              # bytes


@dataclass(frozen=True, slots=True)
class Scaling:
    """A pass of a case: how many tasks it has, and its seconds by the number of threads."""

    case: Case
    part: str
    tasks: int
    seconds: Mapping[int, float]

    @property
    def ratio(self) -> float:
        """How many times as fast all threads are."""
        return self.seconds[1] / self.seconds[max(self.seconds)]


def scalings(case: Case, threads: int, seconds: float) -> Iterator[Scaling]:
    """The passes of a case, compiled first. Raises BuildError where the compiler has no OpenMP."""
    order = replace(ordered(operator(case), "k", case.dtype, shapes(case)), openmp=True)
    passes = [item for item in specialised(
        (*forward_passes(order.program), *vjp_passes(order.program)), order.fixed)
        if item.name.removeprefix("vjp_") in ("forward", "x", "w")]
    library = load_library(compile_library(sources("c", order, passes),
                                           flags=(*FAST_FLAGS, "-fopenmp")))
    for item in passes:
        yield _scaling(library, case, item, threads, seconds)


def table(rows: Sequence[Scaling], threads: int, machine: Mapping[str, str]) -> str:
    """The rows, and what they come to."""
    lines = [f"# {threads} threads", "",
             "Time on the clock in microseconds, lower quartiles; the tasks of a pass in as many "
             "ranges as there are threads, by the driver of `symconv emit --openmp`.", "",
             *(f"- {key}: {value}" for key, value in machine.items()), "",
             f"| layer | pass | tasks | one thread | {threads} threads | times as fast |",
             "|---|---|--:|--:|--:|--:|"]
    lines += [f"| {row.case.name} | {row.part} | {row.tasks} | {row.seconds[1] * 1e6:.1f} | "
              f"{row.seconds[threads] * 1e6:.1f} | {row.ratio:.2f} |" for row in rows]
    work = [row for row in rows if row.seconds[1] > ENOUGH]
    if work:
        below = [f"{row.case.name} {row.part} {row.ratio:.2f}" for row in work
                 if row.ratio < 0.95 * threads]
        lines += ["", f"- where one thread takes more than {ENOUGH * 1e6:.0f} us: "
                  f"{geometric_mean([row.ratio for row in work]):.2f} times as fast (geometric "
                  f"mean of {len(work)} rows)",
                  f"- of these below {0.95 * threads:.2f}: {', '.join(below) or 'none'}"]
    return "\n".join(lines) + "\n"


def _scaling(library: ctypes.CDLL, case: Case, item: Pass, threads: int,
             seconds: float) -> Scaling:
    tasks, room = (getattr(library, f"k_{item.name}_{what}") for what in ("tasks", "workspace"))
    tasks.restype, room.restype = ctypes.c_ssize_t, ctypes.c_size_t
    work = _aligned(threads * room())
    arrays = [*(_operand(stored_shape(tensor, {}), case.dtype) for tensor in (
        *item.program.inputs, *map(item.program.tensor, item.program.outputs))), work]
    run = getattr(library, f"k_{item.name}_parallel")
    given = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
    taken: dict[int, list[float]] = {1: [], threads: []}
    begin = time.perf_counter()
    while not taken[1] or time.perf_counter() - begin < seconds:
        for count, times in taken.items():
            for turn in range(_BLOCK):
                start = time.perf_counter()
                run(*given, count)
                times += [time.perf_counter() - start] if turn else []
    return Scaling(case, item.name, tasks(), {
        count: statistics.quantiles(times, n=4)[0] for count, times in taken.items()})


def _operand(shape: tuple[int, ...], dtype: str) -> Array:
    return np.random.default_rng(0).standard_normal(shape, np.dtype(dtype).type)


def _aligned(size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Bytes that begin at a cache line."""
    raw = np.zeros(size + _LINE, np.uint8)
    return raw[-raw.ctypes.data % _LINE:]
