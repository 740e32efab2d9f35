"""Interleaved timing: every candidate takes its turn in every round, so that a noisy machine
treats all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(candidates: Mapping[str, Callable[[], object]], seconds: float = 1.0,
                least: int = 7, most: int = 200) -> dict[str, float]:
    """The median time of each candidate in seconds.

    Rounds go on for about `seconds`, at least `least` and at most `most` of them, after one that
    is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    started = time.perf_counter()
    for turn in range(most):
        if turn >= least and time.perf_counter() - started > seconds:
            break
        for name, run in candidates.items():
            begin = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in taken.items()}
