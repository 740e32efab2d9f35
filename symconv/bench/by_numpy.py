"""NumPy: the module that symconv emits beside the usual idioms (`idioms`), each by its name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from symconv.bench.idioms import suited
from symconv.bench.kernels import kernel_calls, settled
from symconv.bench.layers import Arrays, Case, Layer
from symconv.bench.pool_idioms import pool_idioms

__all__ = ["prepare", "settled"]


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    """Every idiom that runs the case within reason."""
    runs: dict[str, Callable[[], object]] = kernel_calls(case, part, arrays, "numpy")
    if isinstance(case, Layer):
        runs |= {f"numpy {name}": partial(run, arrays.x, arrays.weights, arrays.dy)
                 for name, run in suited(case, part).items()}
    else:
        runs |= {f"numpy {name}": run for name, run in pool_idioms(case, part, arrays).items()}
    return runs
