"""Windows of stride 1 over one array: behind zeros (or what a maximum ignores) it is one line.

    line[P*i + j] = x[i,j]          y[i,j] = max over a, e of line[P*i + j + P*a + e]

Every tap is a shift of the line, however short the rows are, and 2*m taps of a maximum are m taps
twice. What lies between the rows of the result belongs to no place and is left behind. The line of
some maps stays in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from symconv.emit.numpy_frame import EMPTY, INTEGER, Frame, allocation, identity
from symconv.emit.numpy_scalars import split
from symconv.emit.numpy_sheet_axes import SheetAxis, sheet_axis
from symconv.ir import Access, Definition, Program, Tensor
from symconv.slicing import Slices
from symconv.vectorise import arrange

_BLOCK = 1 << 16        # elements of a line
_LEAST = 1 << 12        # elements that hide what it takes to make a line
_LONG = 512             # elements of a row that lose nothing by being apart


@dataclass(frozen=True, slots=True)
class Sheets:
    """The array, how many maps it holds, and the axes of a map."""

    name: str
    maps: int
    axes: tuple[SheetAxis, ...]
    high: bool | None                           # a maximum, a minimum, or neither: a sum

    @staticmethod
    def of(definition: Definition, plan: Slices, tensor: Callable[[str], Tensor]) -> Sheets | None:
        """None where windows are none of stride 1, or lines would spare nothing."""
        number, over, under = split((plan.body,))
        match over, under:
            case [Access() as read], [] if number.numerator == 1 and (
                    number == 1 or definition.reduction == "sum"):
                pass
            case _:
                return None
        spans = {span.name: span for span in plan.spans}
        target, source = definition.target.logical, tensor(read.tensor)
        if plan.masks or plan.tests or not plan.loops or source.kind != "real" or len(
                plan.target) != len(read.subscripts) or {*spans} != {
                sub.name for sub in plan.target}:
            return None
        axes = list[SheetAxis]()
        for subscript, place, extent, count in zip(read.subscripts, plan.target, source.logical,
                                                   target, strict=True):
            axis = sheet_axis(plan.loops, spans.get(place.name or ""), subscript, extent.constant,
                              count.constant)
            if axis is None:
                return None
            axes.append(axis)
        taps = [axis.tap for axis in axes if axis.tap is not None]
        if sorted(taps) != sorted(loop.name for loop in plan.loops):
            return None
        lead = [*takewhile(lambda axis: axis.alone, axes)]
        reduction = definition.reduction
        sheets = Sheets(read.tensor, math.prod(axis.count for axis in lead),
                        tuple(axes[len(lead):]),
                        None if reduction == "sum" else reduction.endswith("max"))
        return sheets if sheets._spares() else None

    def _spares(self) -> bool:
        last, volume = self.axes[-1], math.prod(axis.size for axis in self.axes)
        return (last.turns > 1 and last.count < _LONG and self.maps * volume >= _LEAST
                and volume <= _BLOCK)

    def _pitch(self, place: int) -> int:
        return math.prod(axis.size for axis in self.axes[place + 1:])

    def reduced(self, frame: Frame) -> list[str]:
        """target = the sum, maximum or minimum of all taps."""
        line, best = frame.name("line"), frame.name("best")
        return self._blocks(
            frame, line, frame.scope.type_of(frame.definition), lambda count, part: [
                *self._shifts(frame, line, best), f"{part} = {self._view(best, count)}"])

    def ranked(self, frame: Frame, taps: Sequence[str]) -> list[str]:
        """target = how many taps come before the first that reaches the extremum. What is around
        the array reaches an infinite one, too, and NaN reaches none: `taps` do it then."""
        names = "line", "best", "rank", "waiting", "at", "wild"
        line, best, rank, waiting, at, wild = map(frame.name, names)
        moved = [(axis, self._pitch(place)) for place, axis in enumerate(self.axes) if axis.tap]
        order = [loop.name for loop in frame.plan.loops]
        moved.sort(key=lambda pair: order.index(pair[0].tap or ""))
        shift = " + ".join(axis.shift(pitch) for axis, pitch in moved)
        kind = f"np.int{8 if math.prod(axis.turns for axis, _ in moved) < 1 << 7 else 16}"
        indent = "    " * len(moved)
        loops = [f"{'    ' * depth}for {axis.tap} in range({axis.turns}):"
                 for depth, (axis, _) in enumerate(moved)]
        least, sign = ("min", ">") if self.high else ("max", "<")

        def inside(count: str, part: str) -> list[str]:
            return [*self._shifts(frame, line, best),
                    f"{wild} |= not {self._view(best, count)}.{least}() {sign} "
                    f"{identity(frame.definition)}",
                    f"{rank} = np.zeros({best}.size, dtype={kind})",
                    f"{waiting} = np.ones({best}.size, dtype=bool)", *loops,
                    f"{indent}{at} = {shift}",
                    f"{indent}{waiting} &= {line}[{at} : {at} + {best}.size] != {best}",
                    f"{indent}{rank} += {waiting}",
                    f"{part} = {self._view(rank, count)}"]

        return [f"{wild} = False", *self._blocks(frame, line, INTEGER, inside),
                f"if {wild}:", *(f"    {tap}" for tap in taps)]

    def _blocks(self, frame: Frame, line: str, dtype: str,
                inside: Callable[[str, str], list[str]]) -> list[str]:
        """A new target, and for some maps at a time the line and what is `inside` of the loop: it
        is given the text for how many they are, and for their part of the target."""
        into, sizes = frame.definition.target, [axis.size for axis in self.axes]
        parts = -(-self.maps * math.prod(sizes) // _BLOCK)
        block = -(-self.maps // parts)
        low, high, maps = frame.name("low"), frame.name("high"), frame.name("maps")
        whole = block >= self.maps
        cut = ":" if whole else f"{low}:{high}"
        ends = "".join(f", {axis.seen}" for axis in self.axes)
        shape = ", ".join(str(axis.extent) for axis in self.axes)
        lines = [f"{maps} = {self.name}.reshape({self.maps}, {shape})",
                 f"{into.name} = {allocation(into, dtype, EMPTY)}"]
        written = ", ".join(str(axis.count) for axis in self.axes)
        count = str(self.maps) if whole else f"{high} - {low}"
        part = f"{into.name}.reshape({self.maps}, {written})[{cut}]"

        if all(axis.filled for axis in self.axes):
            body = [f"{line} = np.ascontiguousarray({maps}[{cut}]).reshape(-1)"]
        else:
            wide = ", ".join(map(str, (block, *sizes)))
            room = frame.name("room")
            fill = "zeros" if self.high is None else "full"
            value = "" if self.high is None else f", {identity(frame.definition)}"
            lines.append(f"{room} = np.{fill}(({wide}){value}, dtype={self.name}.dtype)")
            lines.append(f"{line} = {room}.reshape(-1)")
            items = "".join(f", {axis.places}" for axis in self.axes)
            body = [f"{room}[:{count}{items}] = {maps}[{cut}{ends}]"]
        body += inside(count, part)
        if whole:
            return [*lines, *body]
        return [*lines, f"for {low} in range(0, {self.maps}, {block}):",
                f"    {high} = min({low} + {block}, {self.maps})", *(f"    {one}" for one in body)]

    def _shifts(self, frame: Frame, line: str, best: str) -> list[str]:
        """Statements that reduce one axis after the other."""
        lines, seen = list[str](), line
        for place, axis in reversed([*enumerate(self.axes)]):
            step = abs(axis.step) * self._pitch(place)
            if self.high is None:
                lines += _added(frame, seen, best, step, axis.turns)
                seen = best if axis.turns > 1 else seen
                continue
            width = 1
            while width < axis.turns:
                more = min(width, axis.turns - width)
                lines.append(f"{best} = np.{'max' if self.high else 'min'}imum("
                             f"{seen}[:-{more * step}], {seen}[{more * step}:])")
                seen, width = best, width + more
        return lines

    def _view(self, name: str, maps: str) -> str:
        """The places of the target in an array that is as long as the line without its reach."""
        counts = ", ".join(str(axis.count) for axis in self.axes)
        steps = [self._pitch(place) for place in range(-1, len(self.axes))]
        strides = ", ".join(f"{step}*{name}.itemsize" if step > 1 else f"{name}.itemsize"
                            for step in steps)
        return f"np.ndarray(({maps}, {counts}), {name}.dtype, {name}, 0, ({strides}))"


def are_sheets(definition: Definition, program: Program) -> bool:
    """Whether a definition is a window over such a line."""
    if definition.reduction not in ("sum", "max", "min") or len(definition.terms) != 1:
        return False
    return any(isinstance(plan, Slices) and Sheets.of(definition, plan, program.tensor) is not None
               for plan in arrange(definition, program))


def sheets(frame: Frame) -> Sheets | None:
    """The line for the plan of a frame."""
    return Sheets.of(frame.definition, frame.plan, frame.scope.tensors.__getitem__)


def _added(frame: Frame, seen: str, total: str, step: int, turns: int) -> list[str]:
    """total = the sum of `turns` shifts of what is seen."""
    if turns == 1:
        return []
    if turns == 2:
        return [f"{total} = {seen}[:-{step}] + {seen}[{step}:]"]
    part = frame.name("part")
    far, tap = (turns - 1) * step, frame.name("tap")
    size = f"{part}.size"
    begin = f"{step}*{tap}" if step > 1 else tap
    return [f"{part} = {seen}[:-{far}] + {seen}[{step}:-{far - step}]",
            f"for {tap} in range(2, {turns}):",
            f"    {part} += {seen}[{begin} : {begin} + {size}]", f"{total} = {part}"]
