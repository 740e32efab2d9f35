"""Results in float64 that every timed result is compared with; NumPy alone computes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from symconv.bench.idioms import Geometry, taps_forward, taps_grad_input, taps_grad_weight
from symconv.bench.layers import Array, Arrays, Case, Pool


def exact(case: Case, part: str, arrays: Arrays) -> Array:
    """The result of a part in float64; for indices the maxima themselves."""
    wide = arrays.doubled()
    if isinstance(case, Pool):
        return _pooled(case, wide) if part != "grad_input" else _pool_gradient(case, wide)
    run = {"forward": taps_forward, "grad_input": taps_grad_input,
           "grad_weight": taps_grad_weight}[part]
    return run(Geometry(case), wide.x, wide.weights, wide.dy)


def error(result: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest absolute value."""
    if result.shape != wanted.shape:
        raise RuntimeError(f"a result has the shape {result.shape} in place of {wanted.shape}")
    scale = float(np.abs(wanted).max()) or 1.0
    return float(np.abs(result - wanted).max()) / scale


def _pooled(case: Pool, arrays: Arrays) -> Array:
    parts = np.stack([padded(case, arrays.x)[..., rows, columns]
                      for rows, columns in windows(case)])
    return np.asarray(parts.max(axis=0) if case.kind == "max" else parts.mean(axis=0))


def _pool_gradient(case: Pool, arrays: Arrays) -> Array:
    """Every output gives its cotangent to the first maximum of its window, or equal shares."""
    source, low = padded(case, arrays.x), case.padding
    made = np.zeros_like(source)
    best, waiting = _pooled(case, arrays), np.ones(arrays.dy.shape, dtype=bool)
    for rows, columns in windows(case):
        if case.kind == "average":
            made[..., rows, columns] += arrays.dy / case.kernel ** 2
        else:
            wins = waiting & (source[..., rows, columns] == best)
            made[..., rows, columns] += np.where(wins, arrays.dy, 0)
            waiting &= ~wins
    return made[..., low:low + case.shape[2], low:low + case.shape[3]]


def padded(case: Pool, x: Array) -> Array:
    sides = ((0, 0), (0, 0), (case.padding,) * 2, (case.padding,) * 2)
    return np.pad(x, sides, constant_values=-np.inf if case.kind == "max" else 0.0)


def windows(case: Pool) -> Iterator[tuple[slice, slice]]:
    """For each tap, the places of the padded input that the outputs meet."""
    for tap in itertools.product(range(case.kernel), repeat=2):
        rows, columns = (slice(t, t + case.stride * (size - 1) + 1, case.stride)
                         for t, size in zip(tap, case.output_shape[2:], strict=True))
        yield rows, columns
