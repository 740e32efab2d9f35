"""An axis of an array that lies on a line (`numpy_sheets`), with places around it for the taps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.integers import Int, largest, smallest
from symconv.slicing import Span


@dataclass(frozen=True, slots=True)
class SheetAxis:
    """An axis of the array with `extent` places and of the target with `count`; the line begins at
    place `low` of it. `tap` number a of `turns`, if there is one, begins `step`*a places later."""

    extent: int
    count: int
    low: int
    tap: str | None = None
    turns: int = 1
    step: int = 1

    @property
    def reach(self) -> int:
        return abs(self.step) * (self.turns - 1)

    @property
    def size(self) -> int:
        return self.count + self.reach

    @property
    def alone(self) -> bool:
        """Whether nothing moves it."""
        return self.tap is None and self.filled

    @property
    def filled(self) -> bool:
        """Whether the line has what the array has."""
        return self.low == 0 and self.size == self.extent

    @property
    def places(self) -> str:
        """What the array has of the axis in the line."""
        return _range(max(0, -self.low), min(self.size, self.extent - self.low), self.size)

    @property
    def seen(self) -> str:
        """What the line has of the axis in the array."""
        return _range(max(0, self.low), min(self.extent, self.low + self.size), self.extent)

    def shift(self, pitch: int) -> str:
        """How far its tap is moved along a line that has `pitch` elements from place to place."""
        factor = self.step * pitch
        text = str(self.tap) if factor == 1 else f"{factor}*{self.tap}"
        return text if factor > 0 else f"{self.reach * pitch} - {-factor}*{self.tap}"


def sheet_axis(loops: Sequence[Span], span: Span | None, subscript: Int, extent: int | None,
               count: int | None) -> SheetAxis | None:
    """An axis where the points are all those at which the array is read inside of its bounds."""
    if span is None or not extent or not count or span.extent.constant != count:
        return None
    if subscript.coefficient(span.name).constant != 1:
        return None
    taps = [loop for loop in loops if loop.name in subscript.names()]
    rest = subscript.without((span.name,))
    ends = -rest, extent - rest
    if span.low not in (Int.of(0), ends[0], largest(0, ends[0])) or span.high not in (
            span.extent, ends[1], smallest(span.extent, ends[1])):
        return None
    match taps:
        case []:
            start = rest.constant
            return None if start is None else SheetAxis(extent, count, start)
        case [loop] if loop.whole:
            start, step = rest.without((loop.name,)).constant, rest.coefficient(loop.name).constant
            turns = loop.extent.constant
            if start is None or not step or not turns:
                return None
            low = start + min(0, step * (turns - 1))
            if low + count + abs(step) * (turns - 1) <= 0 or low >= extent:
                return None                     # nothing of the array is read
            return SheetAxis(extent, count, low, loop.name, turns, step)
    return None


def _range(low: int, high: int, extent: int) -> str:
    return f"{low or ''}:{high if high != extent else ''}"
