"""The operands of a Winograd product (`winograd`), X and K, as windows that are transformed.

Along every axis of the product an operand is a row of windows of one size, which overlap where they
are larger than the step from one to the next. What a window has beyond the valid subscripts counts
as zero and is not read.
"""

from __future__ import annotations

from dataclasses import dataclass

from symconv.contraction import Span
from symconv.integers import Int


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of an operand in windows: `window` elements from subscript start + step*tile on,
    the last one first where it is `reversed`. Only subscripts within `valid` are read. A window
    holds `strands` tiles that begin side by side, with elements `gap` apart; they move by `move`
    from one phase to the next."""

    start: int
    step: int
    window: int
    reversed: bool
    valid: tuple[int, int]
    stride: int
    gap: int
    strands: int
    move: int

    def size(self, tiles: int) -> int:
        """The elements of so many windows in a row."""
        return self.step * (tiles - 1) + self.window


@dataclass(frozen=True, slots=True)
class Guard:
    """A subscript outside the windows; the operand is zero unless low <= place < stop."""

    place: Int
    low: int
    stop: int


@dataclass(frozen=True, slots=True)
class Side:
    """An operand of the product. Vectors of its transform run along `across`, whose values are
    `apart` elements from each other. Rows are the values of `depth`, which are `deep` elements
    from each other, or the tiles of a band where that is None. `base` is the place of subscripts 0
    in all other variables, `room` the elements of the operand. `is_patch`: it is X, not K."""

    tensor: str
    room: int
    across: Span
    apart: int
    depth: Span | None
    deep: int
    base: Int
    axes: tuple[Axis, ...]
    guards: tuple[Guard, ...]
    is_patch: bool
