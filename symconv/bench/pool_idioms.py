"""The usual ways to write a pooling in NumPy: a loop over the window, or strided windows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from symconv.bench.layers import Array, Arrays, Pool
from symconv.bench.reference import padded, windows


def pool_idioms(case: Pool, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    """The calls by name; the places of maxima are left to the gradient."""
    if part == "forward":
        return {"taps": partial(_by_taps, case, arrays.x),
                "axes": partial(_by_axes, case, arrays.x),
                "windows": partial(_by_windows, case, arrays.x)}
    if part == "grad_input" and case.kind == "average":
        return {"taps": partial(_shares, case, arrays.x, arrays.dy)}
    if part == "grad_input":
        return {"taps": partial(_winners, case, arrays.x, arrays.dy),
                "places": partial(_places, case, arrays.x, arrays.dy)}
    return {}


def _by_taps(case: Pool, x: Array) -> Array:
    source = padded(case, x) if case.padding else x
    first, *others = (source[..., rows, columns] for rows, columns in windows(case))
    made = first.copy()
    for seen in others:
        if case.kind == "max":
            np.maximum(made, seen, out=made)
        else:
            made += seen
    return made if case.kind == "max" else made / np.float32(case.kernel ** 2)


def _by_axes(case: Pool, x: Array) -> Array:
    """The rows of a window first, then its columns."""
    made = padded(case, x) if case.padding else x
    for axis in (2, 3):
        size, taps = case.output_shape[axis], list[Array]()
        for tap in range(case.kernel):
            places = [slice(None)] * 4
            places[axis] = slice(tap, tap + case.stride * (size - 1) + 1, case.stride)
            taps.append(made[tuple(places)])
        operation = np.maximum if case.kind == "max" else np.add
        made = operation(taps[0], taps[1])
        for seen in taps[2:]:
            operation(made, seen, out=made)
    if case.kind == "average":
        made /= case.kernel ** 2
    return made


def _by_windows(case: Pool, x: Array) -> Array:
    seen = np.lib.stride_tricks.sliding_window_view(
        padded(case, x), (case.kernel,) * 2, (2, 3))[:, :, ::case.stride, ::case.stride]
    return np.asarray(seen.max(axis=(4, 5)) if case.kind == "max" else seen.mean(axis=(4, 5)))


def _shares(case: Pool, x: Array, dy: Array) -> Array:
    made, share = np.zeros_like(padded(case, x)), dy / np.float32(case.kernel ** 2)
    for rows, columns in windows(case):
        made[..., rows, columns] += share
    return _inner(case, made)


def _winners(case: Pool, x: Array, dy: Array) -> Array:
    source, best = padded(case, x), _by_taps(case, x)
    made, waiting = np.zeros_like(source), np.ones(dy.shape, dtype=bool)
    for rows, columns in windows(case):
        wins = waiting & (source[..., rows, columns] == best)
        made[..., rows, columns] += wins * dy
        waiting &= ~wins
    return _inner(case, made)


def _places(case: Pool, x: Array, dy: Array) -> Array:
    """Every element of dy added once, at the place of its maximum."""
    source, best = padded(case, x), _by_axes(case, x)
    made, waiting = np.zeros_like(source), np.ones(dy.shape, dtype=bool)
    rank = np.zeros(dy.shape, dtype=np.int8)
    for rows, columns in windows(case):
        waiting &= source[..., rows, columns] != best
        rank += waiting
    n, c, i, j = np.ogrid[tuple(map(slice, dy.shape))]
    inside = np.arange(case.kernel)[:, None] * made.shape[3] + np.arange(case.kernel)
    corner = ((n * made.shape[1] + c) * made.shape[2] + i * case.stride) * made.shape[3]
    place = inside.take(rank) + (corner + j * case.stride)
    np.add.at(made.reshape(-1), place.reshape(-1), dy.reshape(-1))
    return _inner(case, made)


def _inner(case: Pool, made: Array) -> Array:
    low = case.padding
    return made[..., low:low + case.shape[2], low:low + case.shape[3]]
