"""What one core of this machine can do at most, measured, and what the machine is."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from symconv.bench.layers import Case
from symconv.compiler import find_compiler
from symconv.libraries import compile_library, load_library

# working sets in bytes, source and target together, that fit the level
LEVELS = {"L1": 16 << 10, "L2": 512 << 10, "L3": 8 << 20, "DRAM": 512 << 20}

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4             # as malloc.h names them

_SOURCE = """\
#include <stddef.h>

/* Twelve independent sums hide the latency of a fused multiply-add. */
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define BEGIN(i) a##i = x + i;
#define STEP(i) a##i = a##i * x + y;
#define ADD(i) y += a##i;
#define PEAK(T, name) \\
typedef T name##_vector __attribute__((vector_size(WIDTH))); \\
double name(long rounds) { \\
    name##_vector a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, x, y; \\
    for (int k = 0; k < (int)(WIDTH / sizeof(T)); k++) { x[k] = (T)0.999; y[k] = (T)0.001; } \\
    ALL(BEGIN) \\
    for (long r = 0; r < rounds; r++) { ALL(STEP) } \\
    ALL(ADD) \\
    return y[0]; \\
}
PEAK(float, peak_float32)
PEAK(double, peak_float64)

typedef float block __attribute__((vector_size(WIDTH)));

void copies(block *restrict to, const block *restrict from, size_t blocks, long rounds) {
    for (long r = 0; r < rounds; r++) {
        for (size_t i = 0; i < blocks; i += 4) {
            block a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3];
            to[i] = a; to[i + 1] = b; to[i + 2] = c; to[i + 3] = d;
            __asm__ volatile("" : : : "memory");
        }
    }
}
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations per second by element type, and bytes per second, read and written together,
    that a copy moves in each level of the memory."""

    operations: dict[str, float]
    bandwidth: dict[str, float]

    def seconds(self, case: Case, part: str) -> float:
        """The least time for a part: its arithmetic in the direct form, or its bytes moved once,
        whichever is longer. Fewer operations (Winograd, skipped padding) may beat it."""
        moved = case.transfer(part)
        level = next((name for name, size in LEVELS.items() if moved <= 2 * size), "DRAM")
        return max(case.operations(part) / self.operations[case.dtype],
                   moved / self.bandwidth[level])


@contextmanager
def single_core() -> Iterator[None]:
    """One core for everything in this process, threads that libraries start included."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def keep_memory() -> None:
    """Have the C library, where it can, keep what is freed for the next call.

    Otherwise it is chance, and not the same for all candidates, whether a result lies on pages that
    are fresh, which takes longer to write than many layers take to compute.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if tune is not None:
        for setting, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1)):
            tune(setting, value)


def measured() -> Limits:
    """The best of several runs of each."""
    width = _vector_bytes()
    library = load_library(compile_library(
        {"limits.c": f"#define WIDTH {width}\n{_SOURCE}"}))
    operations = {name: _peak(getattr(library, f"peak_{name}"), width // size)
                  for name, size in (("float32", 4), ("float64", 8))}
    return Limits(operations, {name: _copy(library, size, width) for name, size in LEVELS.items()})


def described() -> dict[str, str]:
    """The processor by name, those of its flags that matter to kernels, and the compiler."""
    name, flags = platform.processor() or platform.machine(), list[str]()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() in ("flags", "Features"):
                flags = [flag for flag in value.split() if flag.startswith(
                    ("avx", "fma", "sse4", "asimd", "sve", "amx"))]
    return {"processor": name, "flags": " ".join(flags), "compiler": find_compiler().version}


def _vector_bytes() -> int:
    flags = described()["flags"].split()
    return 64 if "avx512f" in flags else 32 if "avx" in flags else 16


def _peak(function: ctypes._NamedFuncPointer, lanes: int, rounds: int = 50_000) -> float:
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
    return 24.0 * lanes * rounds / _best(lambda: function(rounds))


def _copy(library: ctypes.CDLL, size: int, width: int) -> float:
    library.copies.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
    half = size // 2
    rounds, places = max(1, (8 << 20) // size), list[int]()
    room = [np.ones(half + 4096, dtype=np.uint8) for _ in range(2)]
    for place in (array.ctypes.data for array in room):
        places.append(place + -place % 4096)    # vectors are aligned
    source, target = places
    seconds = _best(lambda: library.copies(target, source, half // width, rounds),
                    200 if size < 64 << 20 else 20)
    return float(size) * rounds / seconds


def _best(run: Callable[[], object], times: int = 200) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        found.append(time.perf_counter() - begin)
    return min(found)
