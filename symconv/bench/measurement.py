"""One row: a part of a case, timed beside its peers and compared with float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from symconv.bench.kernels import Run, kernel_calls, settled
from symconv.bench.layers import Array, Case
from symconv.bench.machine import Limits
from symconv.bench.peers import Peer
from symconv.bench.reference import error, exact
from symconv.bench.timing import interleaved

OWN = "symconv"
IDIOM = "numpy "                                # idioms of NumPy: the fastest of them is shown
EMITTED = ("symconv", "symconv bound", "symconv packed", "symconv numpy")
APART = ("torch channels_last", "onnxruntime bound")
"""Peers that are shown and never the best one: another layout, and calls that are no plain ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds (medians) and relative errors by candidate; `limit` is the least time possible."""

    case: Case
    part: str
    limit: float
    seconds: dict[str, float]
    errors: dict[str, float]

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
        for peer in peers.values():
            made = peer.prepare(case, part, arrays)
            runs |= made
            settle |= dict.fromkeys(made, peer.settled)
        wanted = exact(case, part, arrays)
        errors = {name: error(settle[name](run()), wanted) for name, run in runs.items()}
        taken = interleaved(runs, seconds)
        yield Row(case, part, limits.seconds(case, part), *_fastest_idiom(taken, errors))


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _fastest_idiom(seconds: dict[str, float],
                   errors: dict[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Both with the fastest idiom alone, as "numpy"."""
    idioms = [name for name in seconds if name.startswith(IDIOM)]
    if idioms:
        best = min(idioms, key=seconds.__getitem__)
        for table in (seconds, errors):
            found = table[best]
            for name in idioms:
                del table[name]
            table[IDIOM.strip()] = found
    return seconds, errors
