"""What a call computes, as steps: run once, or bound to their arrays and run time and again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from symconv.arrays import Array, expect_values
from symconv.backends import Direct, Entry, Fresh
from symconv.errors import ParameterError
from symconv.fitting import Call
from symconv.packed import PackedOperand

Step: TypeAlias = tuple[Entry, Sequence[Array], Sequence[Array | None]]
Job: TypeAlias = tuple[Call, Sequence[Step], Any]
"""A call, the steps that compute it, and what it returns once they have run."""

Result_co = TypeVar("Result_co", covariant=True)


class Binding(Generic[Result_co]):
    """A call of a kernel that is checked already: `call()` computes from what the operands hold.

    `result` is what the method returns; every call writes the same arrays again and returns them.
    The arrays stay alive as long as the binding. Threads that share a binding take turns.
    """

    __slots__ = ("_calls", "_lock", "_ranged", "result")

    def __init__(self, calls: Sequence[Callable[[], None]], result: Result_co,
                 ranged: Sequence[tuple[str, Array, int]]) -> None:
        self._calls, self._ranged = tuple(calls), tuple(ranged)
        self._lock = threading.Lock()
        self.result = result

    def __call__(self) -> Result_co:
        with self._lock:
            for name, array, stop in self._ranged:      # a kernel takes these for places
                expect_values(name, array, stop)
            for call in self._calls:
                call()
        return self.result


@dataclass(frozen=True, slots=True)
class Copy:
    """An entry that copies arrays, for targets that the steps before it cannot write to."""

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array | None]) -> None:
        for source, target in zip(inputs, outputs, strict=True):
            if target is not None:
                np.copyto(target, source.reshape(target.shape))

    def bound(self, inputs: Sequence[Array],
              outputs: Sequence[Array | None]) -> Callable[[], None]:
        return lambda: self.run(inputs, outputs)

    def direct(self) -> Direct | None:
        return None

    def fresh(self) -> Fresh | None:
        return None


def done(job: Job) -> Any:
    """The result of a job, which is run."""
    _, steps, result = job
    for entry, inputs, outputs in steps:
        entry.run(inputs, outputs)
    return result


def bound(job: Job) -> Binding[Any]:
    """A job to be run as often as it is called."""
    call, steps, result = job
    return Binding([entry.bound(inputs, outputs) for entry, inputs, outputs in steps], result,
                   call.ranged)


def expect_own_memory(given: Iterable[tuple[str, object]]) -> None:
    """Raise ParameterError unless a kernel can read every array where it lies.

    Of an array that has to be copied first, later changes would be lost; a packed operand has
    none.
    """
    for label, value in given:
        if isinstance(value, Mapping):
            expect_own_memory((f"{label} of {key}", array) for key, array in value.items())
        elif not isinstance(value, PackedOperand) and (
                type(value) is not np.ndarray or not value.dtype.isnative
                or not value.flags.c_contiguous or not value.flags.aligned):
            raise ParameterError(f"bind: {label} is no array that is contiguous, aligned and in "
                                 "the byte order of this machine, so that its later values could "
                                 "not be read; give one, as np.ascontiguousarray makes it")
