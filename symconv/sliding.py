"""Sliding axes: those along which windows slide over an operand X, as Winograd plans need it.

The subscript of X there is s*l + d*m + constant, l outer and m inner, s or d being one, and m
stands alone on an axis of the other operand, K. Each such axis is woven of windows that slide by
one. With l cut into blocks, and p the number of a strand or phase:

    d > s = 1   l = d*l' + p:       X[d * (l' + m) + p]             d strands of tiles
    s > d = 1   m = s*m' + p:       X[s * (l + m') + p]             s phases, for one sum
    many taps   m = r*p + m':       X[(l + m') + r*p],   m' < r     phases, for one sum

and the same with l and m exchanged where m is cut and tiles are summed: then phases are results
of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symconv.contraction import Contraction, Operand, Span
from symconv.places import stride
from symconv.toom import POINTS

_MOST_PHASES = 8        # of one axis


@dataclass(frozen=True, slots=True)
class Weave:
    """The tiles of one axis. In X the elements of a tile are `gap` apart, and `strands` tiles begin
    side by side; their values of the variable that is cut begin side by side, too, and are
    `strands` apart. The values of the variable that is kept come in `phases`, in each of them
    `apart` from each other; from one phase to the next a tile moves by `move` in X, and by `shift`
    in that variable."""

    gap: int = 1
    strands: int = 1
    phases: int = 1
    apart: int = 1
    move: int = 0
    shift: int = 0

    def whole(self, count: int) -> int:
        """How far all phases reach in the variable that is kept, with `count` values each."""
        return self.shift * (self.phases - 1) + self.apart * (count - 1) + 1


@dataclass(frozen=True, slots=True)
class Slide:
    """One sliding axis: ahead * l + along * m in axis `patch` of X, m in axis `kernel` of K."""

    outer: Span
    inner: Span
    ahead: int
    along: int
    patch: int
    kernel: int

    def cut(self, summed: bool) -> Span:
        """The variable that is cut into blocks: m where tiles are `summed`, else l."""
        return self.inner if summed else self.outer

    def kept(self, summed: bool) -> Span:
        """The other one, of which a tile has all values or those of a phase."""
        return self.outer if summed else self.inner

    def weave(self, summed: bool, values: int) -> Weave:
        """How tiles lie that have so many values of the variable that is kept."""
        cut, kept = ((abs(self.along), self.ahead) if summed
                     else (self.ahead, abs(self.along)))
        phases = -(-self.kept(summed).extent // values)
        if cut > 1:
            return Weave(gap=cut, phases=cut, apart=cut, move=1, shift=1)
        return Weave(gap=kept, strands=kept, phases=phases, move=kept * values, shift=values)


def slides_of(contraction: Contraction, x: Operand, k: Operand,
              target: Sequence[int]) -> tuple[Slide, ...]:
    """The sliding axes, slowest first. None at all where an axis with an outer and an inner
    variable has another subscript, or where the outer variables are not neighbours at the end of
    the target."""
    outer = {s.name: s for s in contraction.outer}
    inner = {s.name: s for s in contraction.inner}
    found: list[Slide] = []
    for axis, place in enumerate(x.subscripts):
        names = sorted(place.names())
        slow = [name for name in names if name in outer]
        fast = [name for name in names if name in inner]
        if len(names) != 2 or len(slow) != 1 or len(fast) != 1:
            continue
        alone = [number for number, other in enumerate(k.subscripts)
                 if fast[0] in other.names()]
        ahead, along = (place.factor(name) for name in (slow[0], fast[0]))
        if (ahead < 1 or min(ahead, abs(along)) != 1 or len(alone) != 1
                or k.subscripts[alone[0]].names() != {fast[0]}
                or k.subscripts[alone[0]].factor(fast[0]) not in (1, -1)
                or any(slow[0] in other.names() for other in k.subscripts)
                or any({slow[0], fast[0]} & other.names()
                       for number, other in enumerate(x.subscripts) if number != axis)):
            return ()
        found.append(Slide(outer[slow[0]], inner[fast[0]], ahead, along, axis, alone[0]))
    found.sort(key=lambda s: -stride(contraction.target, target, s.outer.name))
    reach = 1
    for slide in reversed(found):
        if stride(contraction.target, target, slide.outer.name) != reach:
            return ()
        reach *= slide.outer.extent
    return tuple(found)


def schemes_of(slide: Slide, summed: bool) -> Iterator[tuple[int, int]]:
    """Schemes, as outputs and taps of a tile: with all values of the variable that is kept, or with
    those of a phase, where more values of the other one to a tile save products and the window is
    no longer than what it slides along."""
    whole = slide.kept(summed).extent
    most = _MOST_PHASES if whole <= slide.cut(summed).extent else 1
    for points in POINTS:
        n, least = points + 1, math.inf
        for values in range(min(whole, n - 1), 1, -1):
            phases, part = slide.weave(summed, values).phases, n + 1 - values
            if (-(-whole // phases) == values and phases <= most
                    and phases * n < whole * part and phases / part < least):
                least = phases / part
                yield (values, part) if summed else (part, values)
