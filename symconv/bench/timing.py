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


def interleaved(candidates: Mapping[str, Callable[[], object]], seconds: float = 1.0,
                least: int = 5, most: int = 200) -> dict[str, float]:
    """The median time of each candidate in seconds.

    Rounds go on for about `seconds`, at least `least` and at most `most` of them. A turn is a
    call that is not counted, which brings caches and the allocator into the state that calls in
    a row have, and calls for about 100 microseconds that are; the order changes from round to
    round.
    """
    order, taken = random.Random(0), {name: list[float]() for name in candidates}
    names = list(candidates)
    repeats = {name: _repeats(run) for name, run in candidates.items()}
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
    return {name: statistics.median(times) for name, times in taken.items()}


def _repeats(run: Callable[[], object]) -> int:
    """How many calls take 100 microseconds, at most 100."""
    run()
    begin = time.process_time()
    run()
    return max(1, min(100, int(100e-6 / max(time.process_time() - begin, 1e-9))))
