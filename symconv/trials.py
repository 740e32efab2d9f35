"""Candidates of a pass, tried: compiled, compared with loops in float64, and timed in turns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from symconv.arrays import Array
from symconv.bench.timing import interleaved
from symconv.c_backend import CBackend, aligned_bytes
from symconv.choice import Chosen
from symconv.emission import Order, specialised
from symconv.emit.c import emit_c
from symconv.errors import BuildError, ParameterError
from symconv.ir import Program
from symconv.libraries import compile_library
from symconv.passes import Pass
from symconv.shapes import specialise, stored_shape
from symconv.verification.points import random_point
from symconv.verification.subject import arguments

BOUNDS = {"float32": 1e-6, "float64": 1e-12}
"""The error that plans may have, relative to the largest result, if loops have less."""

TRANSFORMED = 5e-6
"""The same for transforms, which float32 alone has."""

_HOPELESS = 2.0         # times the fastest one of a first call: not timed any further


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a candidate: seconds (a median) and relative error; without seconds it is
    wrong, hopelessly slow or could not be built, as `fault` tells."""

    chosen: Chosen
    seconds: float | None
    error: float
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A pass for fixed shapes on random operands. `wanted` are its results by loops in float64,
    `error` is that of loops in the element type."""

    program: Program
    item: Pass
    dtype: str
    accuracy: str
    inputs: tuple[Array, ...]
    wanted: tuple[Array, ...]
    error: float

    @staticmethod
    def of(order: Order, item: Pass) -> Problem:
        """The problem of a pass, not yet specialised."""
        assert order.fixed is not None
        point = random_point(order.program, order.fixed, order.dtype, seed=0)
        inputs = tuple(_aligned(array) for array in arguments(item, point))
        (fixed,) = specialised([item], order.fixed)
        program = specialise(order.program, order.fixed)
        wide = [array.astype(np.float64) if array.dtype.kind == "f" else array
                for array in inputs]
        found = Problem(program, fixed, order.dtype, order.accuracy, inputs, (), 0.0)
        wanted, _ = found.run(found.sources("float64", "reference"), wide)
        plain, _ = found.run(found.sources(order.dtype, "reference"), inputs)
        return Problem(program, fixed, order.dtype, order.accuracy, inputs, wanted,
                       error(plain, wanted))

    @property
    def transforms(self) -> bool:
        return self.dtype == "float32" and self.accuracy == "default"

    def sources(self, dtype: str, schedule: str, chosen: Chosen | None = None) -> dict[str, str]:
        """The C of the pass alone."""
        choices = {} if chosen is None else {self.item.name: chosen}
        return emit_c("k", self.program, [self.item], dtype, schedule, self.accuracy,
                      choices=choices)

    def run(self, files: dict[str, str],
            inputs: Sequence[Array]) -> tuple[tuple[Array, ...], Callable[[], None]]:
        """The results, and the call that makes them again."""
        real = next((array.dtype for array in inputs if array.dtype.kind == "f"),
                    np.dtype(self.dtype))
        tensors = [self.item.program.tensor(name) for name in self.item.program.outputs]
        outputs = tuple(_aligned(np.zeros(stored_shape(tensor, {}), real if tensor.kind == "real"
                                          else np.dtype(np.int64))) for tensor in tensors)
        entry = CBackend(compile_library(files), "k").entry(self.item.name, {})
        call = entry.bound(inputs, outputs)
        call()
        return outputs, call

    def trials(self, candidates: Sequence[Chosen], seconds: float,
               step: Callable[[], None]) -> list[Trial]:
        """One trial for each candidate; `step` is called whenever one is built and checked."""
        calls: dict[str, Callable[[], None]] = {}
        first: dict[str, float] = {}
        errors: dict[str, float] = {}
        faults: dict[str, str] = {}
        for number, chosen in enumerate(candidates):
            name = str(number)
            try:
                found, call = self.run(self.sources(self.dtype, "auto", chosen), self.inputs)
            except (BuildError, ParameterError) as failure:
                errors[name], faults[name] = math.nan, str(failure).splitlines()[0]
            else:
                errors[name] = error(found, self.wanted)
                if errors[name] <= self._limit(chosen):
                    calls[name], first[name] = call, _once(call)
                else:
                    faults[name] = f"its error is above {self._limit(chosen):.2g}"
            step()
        fastest = min(first.values(), default=0.0)
        promising = {name: call for name, call in calls.items()
                     if first[name] <= _HOPELESS * fastest}
        taken = interleaved(promising, seconds) if promising else {}
        return [Trial(chosen, taken.get(name), errors[name], faults.get(
            name, "" if name in taken else "it takes more than twice as long"))
            for name, chosen in ((str(number), one) for number, one in enumerate(candidates))]

    def _limit(self, chosen: Chosen) -> float:
        limit = max(BOUNDS[self.dtype], self.error)
        texts = [text for _, plans in chosen.plans for text in plans]
        return max(limit, TRANSFORMED) if any(
            text.startswith("winograd") for text in texts) else limit


def error(found: Sequence[Array], wanted: Sequence[Array]) -> float:
    """The largest difference relative to the largest result of the same array; infinity where
    integers differ, or where one is a number and the other is none."""
    worst = 0.0
    for result, reference in zip(found, wanted, strict=True):
        with np.errstate(all="ignore"):
            same = (result == reference) | ((result != result) & (reference != reference))
            apart = np.where(same, 0.0, np.abs(result - reference.astype(np.float64)))
            scale = np.abs(reference, where=np.isfinite(reference), out=np.zeros(reference.shape))
        if not same.all() and reference.dtype.kind == "i":
            return math.inf
        most = float(apart.max(initial=0.0)) / (float(scale.max(initial=0.0)) or 1.0)
        worst = math.inf if math.isnan(most) else max(worst, most)
    return worst


def _once(call: Callable[[], None]) -> float:
    """The shorter time of two calls."""
    taken = []
    for _ in range(2):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return max(min(taken), 1e-6)


def _aligned(array: Array) -> Array:
    """A copy that begins with a cache line, as every candidate's arrays do."""
    room = aligned_bytes(array.nbytes, "an operand")[:array.nbytes]
    made: Array = room.view(array.dtype).reshape(array.shape)
    np.copyto(made, array)
    return made
