"""The size of an element. Registers and caches have room for so many bytes; plans count elements.

A vector of float32 has 16 of them and one of float64 has 8, both fill a cache line, and both take
an instruction: so what a plan costs for each vector, line or instruction is the same for either.
"""

from __future__ import annotations

from dataclasses import dataclass

_LINE = 64      # bytes of a cache line, and of the widest vector register


@dataclass(frozen=True, slots=True)
class Element:
    """What arrays consist of: `size` bytes each."""

    size: int

    @property
    def line(self) -> int:
        """The elements of a cache line, or of the widest vector."""
        return _LINE // self.size

    def within(self, room: int) -> int:
        """How many elements so many bytes have room for."""
        return room // self.size


FLOAT32 = Element(4)
FLOAT64 = Element(8)


def element_of(dtype: str) -> Element:
    """The element of an array of reals, "float32" or "float64"."""
    return FLOAT32 if dtype == "float32" else FLOAT64
