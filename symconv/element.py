"""The size of an element. Registers and caches have room for so many bytes; plans count elements.

A vector of float32 has 16 of them and one of float64 has 8, both fill a cache line, and both take
an instruction: so what a plan costs for each vector, line or instruction is the same for either.
"""

from __future__ import annotations

from dataclasses import dataclass

BEYOND = 1_600_000
"""Bytes that L2 has room for."""

PANEL = 36_864
"""Bytes of the vector operand that stay in L1 while all rows pass."""

# what a copy may have at most, fitted to times of float32 and of float64: of larger elements there
# may be more bytes than of small ones, and fewer elements
_COPIED = 374_784   # bytes
_BESIDES = 4_608    # elements

_LINE = 64      # bytes of a cache line, and of the widest vector register
_PAGE = 2048    # bytes; strides that are multiples of a page compete for the same cache sets


@dataclass(frozen=True, slots=True)
class Element:
    """What arrays consist of: `size` bytes each."""

    size: int

    @property
    def line(self) -> int:
        """The elements of a cache line, or of the widest vector."""
        return _LINE // self.size

    def spread(self, stride: int) -> int:
        """A stride, a line more where its multiples would compete for the same cache sets."""
        return stride + self.line if stride % self.within(_PAGE) == 0 else stride

    def within(self, room: int) -> int:
        """How many elements so many bytes have room for."""
        return room // self.size


FLOAT32 = Element(4)
FLOAT64 = Element(8)


def most_copied(element: Element) -> int:
    """Elements of the packed operand that one band and part may have: they should stay in L2."""
    return element.within(_COPIED) + _BESIDES


def element_of(dtype: str) -> Element:
    """The element of an array of reals, "float32" or "float64"."""
    return FLOAT32 if dtype == "float32" else FLOAT64
