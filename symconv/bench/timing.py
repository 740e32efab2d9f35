"""Interleaved timing: every candidate takes its turn in every round, so that a noisy machine
treats all alike.

What is read is the processor time of the whole process, all its threads together: on one core it
is what a clock shows on an idle machine, and other processes that interrupt a long call do not
count against it.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping


def interleaved(candidates: Mapping[str, Callable[[], object]],
                seconds: float) -> dict[str, float]:
    """The median time of each candidate in seconds; they have been called once before."""
    return {name: statistics.median(times) for name, times in turns(candidates, seconds).items()}


def turns(candidates: Mapping[str, Callable[[], object]], seconds: float = 1.0,
          least: int = 5, most: int = 200) -> dict[str, list[float]]:
    """The time of each turn of each candidate.

    Rounds go on for about `seconds`, at least `least` and at most `most` of them. A turn is a
    call that is not counted, which brings caches and the allocator into the state that calls in
    a row have, and calls for about 100 microseconds that are; the order changes from round to
    round. A candidate that takes more than five times as long as the fastest one, and would fill
    `seconds` alone, has one call that counts.
    """
    order, first = random.Random(0), {name: _once(run) for name, run in candidates.items()}
    hopeless = max(5 * min(first.values()), seconds / (2 * least))
    taken = {name: [once] if once > hopeless else [] for name, once in first.items()}
    names = [name for name, once in first.items() if once <= hopeless]
    repeats = {name: max(1, min(100, int(100e-6 / max(first[name], 1e-9)))) for name in names}
    started = time.perf_counter()
    for turn in range(most):
        if turn >= least and time.perf_counter() - started > seconds:
            break
        order.shuffle(names)
        for name in names:
            run, count = candidates[name], range(repeats[name])
            run()
            begin = time.process_time()
            for _ in count:
                run()
            taken[name].append((time.process_time() - begin) / len(count))
    return taken


def _once(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin
