"""One row: a part of a case, timed beside its peers and compared with float64."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.bench.kernels import Run, kernel_calls, settled
from symconv.bench.layers import Array, Case
from symconv.bench.machine import Limits
from symconv.bench.peers import Peer
from symconv.bench.reference import error, exact
from symconv.bench.timing import turns

OWN = "symconv"
IDIOM = "numpy "                                # idioms of NumPy: the fastest of them is shown
PATIENCE = 2.0
"""Seconds: who takes longer than this in the first call, and five times as long as symconv, has no
other."""
EMITTED = ("symconv", "symconv bound", "symconv packed", "symconv numpy")
APART = ("torch channels_last", "onnxruntime bound")
"""Peers that are shown and never the best one: another layout, and calls that are no plain ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds (medians) and relative errors by candidate; `limit` is the least time possible.
    Who was slow was called `once`; who is too `large` was not called at all."""

    case: Case
    part: str
    limit: float
    seconds: dict[str, float]
    errors: dict[str, float]
    once: frozenset[str] = frozenset()
    large: tuple[str, ...] = ()

    def best(self, candidates: Sequence[str] | None = None) -> str | None:
        """The fastest peer by plain calls in the layout N,C,spatial, among those named if there are
        names."""
        rivals = [name for name in self.seconds if name not in (*EMITTED, *APART)
                  and (candidates is None or name in candidates)]
        return min(rivals, key=self.seconds.__getitem__, default=None)

    def ratio(self, name: str) -> float:
        """How many times as long as symconv the candidate takes; emitted NumPy is the measure of
        NumPy."""
        own = "symconv numpy" if name == IDIOM.strip() else OWN
        return self.seconds[name] / self.seconds[own]


def rows(case: Case, peers: Mapping[str, Peer], limits: Limits,
         seconds: float) -> Iterator[Row]:
    """The rows of a case, one by one."""
    arrays = case.arrays()
    for part in case.parts:
        runs: dict[str, Run] = kernel_calls(case, part, arrays, "c")
        settle: dict[str, Callable[[object], Array]] = dict.fromkeys(runs, settled)
        large: list[str] = []
        for peer in peers.values():
            offered = peer.prepare(case, part, arrays)
            large += [name for name, run in offered.items() if run is None]
            made = {name: run for name, run in offered.items() if run is not None}
            runs |= made
            settle |= dict.fromkeys(made, peer.settled)
        wanted = exact(case, part, arrays)
        first: dict[str, float] = {}
        errors: dict[str, float] = {}
        for name, run in runs.items():
            begin = time.process_time()
            result = run()
            first[name] = time.process_time() - begin
            errors[name] = error(settle[name](result), wanted)
        slow = {name: [taken] for name, taken in first.items()
                if taken > max(PATIENCE, 5 * first[OWN])}
        times = slow | turns({name: run for name, run in runs.items() if name not in slow},
                             seconds)
        medians = {name: statistics.median(times[name]) for name in runs}
        shown = _shown(medians)
        yield Row(case, part, limits.seconds(case, part),
                  {text: medians[name] for text, name in shown.items()},
                  {text: errors[name] for text, name in shown.items()},
                  frozenset(text for text, name in shown.items() if len(times[name]) == 1),
                  tuple(large))


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _shown(seconds: Mapping[str, float]) -> dict[str, str]:
    """The candidates that are shown, with their names: of the idioms the fastest one alone."""
    idioms = [name for name in seconds if name.startswith(IDIOM)]
    best = min(idioms, key=seconds.__getitem__, default=None)
    return {name: name for name in seconds if name not in idioms} | (
        {} if best is None else {IDIOM.strip(): best})
