"""A tap that shifts rows (`numpy_shifts`): which rows of a matrix it reads.

Tap a reads row s*i + d*a for place i. With g = gcd(s, d) and s/g residues that is row i + n//(s/g)
of residue n%(s/g), where n = (d/g)*a: neighbours stay neighbours within a residue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.integers import Int


@dataclass(frozen=True, slots=True)
class RowShift:
    """Tap number a of `count` begins `step`*a rows (`back`: from the last one), counted over the
    residues: row n is row n//phases of residue n%phases, and `reach` rows lie behind the places.

    `start` is the subscript of the first row of all, `gap` lies between rows.
    """

    tap: str
    axis: int
    start: Int
    count: int
    step: int
    gap: int
    phases: int
    back: bool

    @property
    def reach(self) -> int:
        return self.step * (self.count - 1) // self.phases

    def taken(self, columns: str, row: str, length: str, tap: str | int) -> str:
        """The columns for one tap: `row` elements for each row, `length` in all."""
        last = self.step * (self.count - 1)
        if isinstance(tap, int):
            number = last - self.step * tap if self.back else self.step * tap
            residue, low = str(number % self.phases), str(number // self.phases)
        else:
            low = tap if self.step == 1 else f"{self.step}*{tap}"
            low, residue = f"{last} - {low}" if self.back else low, ""
            if self.phases > 1:
                part = f"({low})" if " " in low or "*" in low else low
                residue, low = f"{part} % {self.phases}", f"({part}//{self.phases})"
            elif self.back:
                low = f"({low})"
        first = "0" if low == "0" else low if row == "1" else f"{row}*{low}"
        ends = f":{length}" if first == "0" else f"{first} : {first} + {length}"
        return f"{columns}[{f'{residue}, ' if self.phases > 1 else ''}..., {ends}]"


def row_shift(subscripts: Sequence[Int], place: str, loops: Sequence[str],
              extents: Mapping[str, Int], filled: bool) -> RowShift | None:
    """The shift of the rows `place` by one of the taps `loops`, in subscripts that are read; None
    where several taps move them or residues end apart. `filled`: no row lies outside the array."""
    axis = next(n for n, subscript in enumerate(subscripts) if place in subscript.names())
    taps = [name for name in loops if name in subscripts[axis].names()]
    if len(taps) != 1 or sum(taps[0] in subscript.names() for subscript in subscripts) != 1:
        return None
    stride, step = (subscripts[axis].coefficient(name).constant for name in (place, taps[0]))
    count = extents[taps[0]].constant
    if not stride or stride < 0 or not step or count is None:
        return None
    gap = math.gcd(stride, step)
    phases = stride // gap
    if 2 * phases > count or (phases > 1 and filled):
        return None                         # residues may end behind the array
    start = subscripts[axis].without((taps[0],)) + min(0, step * (count - 1))
    return RowShift(taps[0], axis, start, count, abs(step) // gap, gap, phases, step < 0)
