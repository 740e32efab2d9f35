"""What it takes to run an emitted pass, however that is done (`c_backend`, `numpy_backend`).

A backend gives the entry of a pass, by its name, for given sizes; the entry is called with arrays
that have been checked: inputs in the order of the pass, then the outputs to be written. A kernel
does not know which way it is. A call of a small kernel should cost what its arrays cost, so that
an entry holds whatever depends on sizes alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from symconv.arrays import Array

Pointer: TypeAlias = "ctypes.Array[ctypes.c_char] | ctypes.c_void_p | None"
Direct: TypeAlias = Callable[[Sequence[Pointer]], None]
"""A pass for places of memory."""
Fresh: TypeAlias = Callable[[Sequence[Array]], Sequence[Array]]
"""A pass that makes its outputs."""


class Entry(Protocol):
    """A pass for given sizes: it takes contiguous, aligned, native arrays of the right shapes."""

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array | None]) -> None:
        """Write every element of the outputs; the inputs stay as they are.

        None for an output, of a pass with entries, leaves it out.
        """

    def bound(self, inputs: Sequence[Array],
              outputs: Sequence[Array | None]) -> Callable[[], None]:
        """A call that runs on these arrays, which it keeps alive; one thread at a time."""

    def direct(self) -> Direct | None:
        """The pass for places of memory, inputs and then outputs, or None where it takes none."""

    def fresh(self) -> Fresh | None:
        """The pass as a function of its inputs that returns all outputs in new arrays, or None
        where there is none."""


class Backend(Protocol):
    """Gives the passes of an operator."""

    def entry(self, pass_name: str, sizes: Mapping[str, int]) -> Entry:
        """A pass for sizes that the kernel accepts. Raises ShapeError, BuildError."""

    def packs(self, pass_name: str, operand: str) -> bool:
        """Whether there is a pass PASS_packed that takes the operand packed."""

    def pack(self, pass_name: str, operand: str, array: Array) -> Array:
        """The packed operand for such a pass."""
