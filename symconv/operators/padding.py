"""Boundary modes as statements of their own, one axis at a time.

A padded axis of extent Hp = H + low + high is the disjoint union of affine pieces: the inside,
where padded position u holds input h = u - low, and the images of the mode. Each piece is a sum
over h under one equality, so the adjoint collects every image of an input, on small inputs too.
Negative padding crops.
"""

from __future__ import annotations

from dataclasses import dataclass

from symconv.integers import Int, ceil_div, largest, smallest
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Requirement
from symconv.operators.window import Axis

MODES = ("reflect", "replicate", "symmetric", "circular")


@dataclass(frozen=True, slots=True)
class Pad:
    """Padding of one axis: its extent, the names that the statement uses, and the amounts."""

    size: str
    padded: str
    index: str
    source: str
    turn: str
    low: Int
    high: Int

    @classmethod
    def of(cls, axis: Axis, source: str, turn: str) -> Pad:
        """The padding of a window's axis; one without padding keeps its names."""
        if axis.low or axis.high:
            return cls(axis.size, f"{axis.size}p", axis.source, source, turn, axis.low, axis.high)
        return cls(axis.size, axis.size, source, source, turn, axis.low, axis.high)

    @property
    def trivial(self) -> bool:
        """Neither padded nor cropped."""
        return not self.low and not self.high

    @property
    def kept(self) -> Int:
        """The extent that cropping leaves: H + min(low, 0) + min(high, 0)."""
        return Int.of(self.size) + smallest(self.low, 0) + smallest(self.high, 0)

    def extent(self) -> tuple[str, ...]:
        whole = Int.of(self.size) + self.low + self.high
        return (f"{self.padded} = {int_text(whole)}", f"{self.index} < {self.padded}")

    def statement(self, mode: str, target: str, operand: str,
                  before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
        """`target` = `operand` padded along this axis; the other axes keep their indices."""
        left = ",".join((*before, self.index, *after))
        read = f"{operand}[{','.join((*before, self.source, *after))}]"
        extra, pieces = self._pieces(mode)
        turn = f",{self.turn}" if extra else ""
        body = " + ".join(f"sum[{self.source}{turn}]({'*'.join(piece)}*{read})"
                          for piece in pieces)
        return (*extra, f"{target}[{left}] = {body}")

    def _pieces(self, mode: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        h, low, size = self.source, self.low, Int.of(self.size)
        u = Int.of(self.index)

        def piece(place: Int, *bounds: str) -> tuple[str, ...]:
            return (f"[{h} == {int_text(place)}]", *bounds)

        inside = [piece(u - low)]
        before, behind = (f"[{self.index} < {int_text(low)}]",
                          f"[{self.index} >= {int_text(size + low)}]")
        left, right = _grows(self.low), _grows(self.high)
        match mode:
            case "replicate":
                return (), (inside + [piece(Int.of(0), before)] * left
                            + [piece(size - 1, behind)] * right)
            case "reflect":
                mirrored = piece(2 * size - 2 + low - u, f"[{h} <= {int_text(size - 2)}]")
                return (), inside + [piece(low - u, f"[{h} >= 1]")] * left + [mirrored] * right
            case "symmetric":
                return (), (inside + [piece(low - 1 - u)] * left
                            + [piece(2 * size - 1 + low - u)] * right)
        period, first = f"{self.size}t", f"{self.size}q"
        turns = ceil_div(largest(low, 0), Int.of(period))
        back = ceil_div(largest(self.high, 0), Int.of(period))
        start = -smallest(low, 0)
        place = (u - largest(low, 0) + start
                 - Int.of(period) * (Int.of(self.turn) - Int.of(first)))
        kept = [f"[{h} >= {int_text(start)}]"] if start else []
        if smallest(self.high, 0):
            kept.append(f"[{h} < {int_text(start + Int.of(period))}]")
        extra = (f"{period} = {int_text(self.kept)}", f"{first} = {int_text(turns)}",
                 f"{self.turn} < {int_text(Int.of(first) + back + 1)}")
        return extra, [piece(place, *kept)]

    def requirements(self, name: str, mode: str) -> tuple[Requirement, ...]:
        """What the mode needs of the input: enough elements to copy from."""
        size = Int.of(self.size)
        spare = {"reflect": 1, "symmetric": 0}
        message = (f"{name}: axis {self.size}: padding_mode='{mode}' needs a larger input or "
                   "less padding")
        rows = ([size - side - spare[mode] for side in (self.low, self.high)]
                if mode in spare else [self.kept - 1])
        if mode == "circular":
            rows += [size - side for side in (self.low, self.high) if _grows(side)]
        return tuple(Requirement(AtLeast(row), message) for row in rows)


def _grows(side: Int) -> bool:
    """Whether a side may add elements: a number of at most 0 adds none."""
    return side.constant is None or side.constant > 0
