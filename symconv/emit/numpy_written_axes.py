"""An axis along which the taps of a window write (`numpy_written_lines`): which residues its taps
have, and which places each of them writes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.emit.numpy_window import Window
from symconv.ir import Access


@dataclass(frozen=True, slots=True)
class WrittenAxis:
    """Tap number a of `turns` writes place stride*i + step*a + start < extent for all i < count."""

    place: str
    tap: str
    stride: int
    step: int
    start: int
    count: int
    turns: int
    extent: int

    @property
    def phases(self) -> int:
        return self.stride // math.gcd(self.stride, self.step)

    @property
    def shift(self) -> int:
        """How far along the line the next tap of a residue lies."""
        return self.step // math.gcd(self.stride, self.step)

    @property
    def reach(self) -> int:
        return self.shift * (-(-self.turns // self.phases) - 1)

    @property
    def size(self) -> int:
        return self.count + self.reach

    @property
    def residues(self) -> range:
        return range(min(self.phases, self.turns))

    def taps(self, residue: int) -> int:
        return len(range(residue, self.turns, self.phases))

    def places(self, residue: int) -> tuple[range, range]:
        """The places of the target that the taps of a residue write, and those of the line."""
        first = self.step * residue + self.start
        low = max(0, -(first // self.stride))
        high = max(low, min(self.size, -(-(self.extent - first) // self.stride)))
        return (range(self.stride * low + first, self.stride * high + first, self.stride),
                range(low, high))


def written_axis(window: Window, place: str) -> WrittenAxis | None:
    """How one tap moves a place of the target; None where anything else does, or backwards."""
    frame = window.frame
    target = Access(frame.definition.target.name, frame.plan.target)
    pairs = [(sub, extent.constant) for sub, extent in zip(
        frame.plan.target, frame.definition.target.logical, strict=True) if place in sub.names()]
    taps = [tap for tap in window.loops if any(tap in sub.names() for sub, _ in pairs)]
    if len(pairs) != 1 or len(taps) != 1 or not all(
            window.is_bounded_by(span, target) for span in frame.plan.spans if span.name == place):
        return None
    ((subscript, extent),), (tap,) = pairs, taps
    stride, step = (subscript.coefficient(name).constant for name in (place, tap))
    count, turns = (window.extents[name].constant for name in (place, tap))
    start = subscript.without((place, tap)).constant
    if start is None or not (stride and step and count and turns and extent) or min(
            stride, step) < 0 or sum(tap in sub.names() for sub in frame.plan.target) != 1:
        return None
    return WrittenAxis(place, tap, stride, step, start, count, turns, extent)
