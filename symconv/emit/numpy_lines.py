"""Sums over maps as products of lines: no tap of a window is copied.

A map with zeros around it is a line of numbers, in which every tap is one shift:

    line[P*i + j] = x[i,j]          dw[a,e] = sum over i, j of dy[i,j] * x[i + a, j + e]
                                            = row . line[P*a + e : P*a + e + L]

where row is dy with the pitch P of the line and zeros in the places between. With a stride s there
is a line for each residue, as s*i + a = s*(i + a//s) + a%s. Between the rows 0 * inf would be NaN:
a result that is not finite is computed again tap by tap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from symconv.emit.numpy_blocks import Blocks
from symconv.emit.numpy_frame import EMPTY, Frame, allocation, shape_text
from symconv.emit.numpy_integers import plain
from symconv.emit.numpy_matmul import volume
from symconv.emit.numpy_padding import strided
from symconv.emit.numpy_shifts import Gather
from symconv.integers import Int
from symconv.ir import Axis, Tensor

_FEW = 32               # channels on each side; the taps of more are better one large product


@dataclass(frozen=True, slots=True)
class _Axis:
    """A place that a tap moves: tap number a begins step*a//phases places later, in the residue
    step*a % phases; the line has `size` places, `count` of which are summed."""

    place: str
    tap: str
    step: int
    gap: int
    phases: int
    count: int
    size: int

    @property
    def residue(self) -> str:
        number = self.tap if self.step == 1 else f"{self.step}*{self.tap}"
        return f"{number} % {self.phases}"

    def shift(self, pitch: int) -> str:
        """How far a tap is moved along the line."""
        if self.phases == 1:
            factor = self.step * pitch
            return self.tap if factor == 1 else f"{factor}*{self.tap}"
        number = self.tap if self.step == 1 else f"({self.step}*{self.tap})"
        part = f"{number}//{self.phases}"
        return part if pitch == 1 else f"{pitch}*({part})"


def write_lines(gather: Gather, taps: Sequence[str]) -> list[str] | None:
    """The statements where a sum over maps, each with few channels, gives the taps of a window of
    two or more axes; None for other plans. `taps` do the same tap by tap."""
    moved, target = gather.moved, gather.axes
    batch, other = gather.weights.axes[:-len(moved)], gather.source[:-len(moved)]
    shared = tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1],
                                               zip(batch, other, strict=False)))
    rows, columns = batch[len(shared):], other[len(shared):]
    axes = [axis for place in moved if (axis := _axis(gather, place)) is not None]
    kept = (*(name for name in shared if name in target), *rows, *columns)
    if len(moved) < 2 or len(axes) < len(moved) or {axis.tap for axis in axes} != {*gather.loops}:
        return None
    if not shared or len(shared) > 2 or shared[-1] not in target or kept != tuple(
            name for name in target if name not in gather.loops) or (
            *batch, *moved) != gather.weights.axes or (*other, *moved) != gather.source:
        return None
    lines = _Lines(gather, shared, rows, columns, axes)
    return lines.written(taps) if lines.are_few else None


def _axis(gather: Gather, place: str) -> _Axis | None:
    """How one tap moves a place; None where anything else does, or backwards."""
    subscripts = [sub for sub in gather.moving.subscripts if place in sub.names()]
    taps = [tap for tap in gather.loops if any(tap in sub.names() for sub in subscripts)]
    if len(subscripts) != 1 or len(taps) != 1:
        return None
    (subscript,), (tap,) = subscripts, taps
    stride, step = (subscript.coefficient(name).constant for name in (place, tap))
    count, turns = (gather.extents[name].constant for name in (place, tap))
    if sum(tap in sub.names() for sub in gather.moving.subscripts) != 1 or not (
            stride and step and count and turns) or stride < 0 or step < 0:
        return None
    gap = math.gcd(stride, step)
    step, phases = step // gap, stride // gap
    return _Axis(place, tap, step, gap, phases, count, count + step * (turns - 1) // phases)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Maps for all places of `shared` (a batch, groups), and in each of them for `rows` and for
    `columns`; the axes of a map."""

    gather: Gather
    shared: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    axes: Sequence[_Axis]

    @property
    def are_few(self) -> bool:
        """Whether the products are so small that copies of all taps would take longer than they."""
        return 0 < max(self._count(self.rows), self._count(self.columns)) <= _FEW

    def _count(self, names: Sequence[str]) -> int:
        return volume(names, self.gather.extents).constant or 0

    def written(self, taps: Sequence[str]) -> list[str]:
        gather, frame = self.gather, self.gather.frame
        sizes = {axis.place: Int.of(axis.size * axis.phases) for axis in self.axes}
        sizes[self.axes[0].place] *= self._count(self.rows) + self._count(self.columns)
        outer = self.shared[0] if len(self.shared) > 1 else None
        blocks = Blocks.of(frame, gather.extents | sizes,
                           (outer, self.shared[-1], [axis.place for axis in self.axes]),
                           ((), 1), ((), 1))
        into, single = frame.definition.target, outer is None or outer in gather.axes
        made = allocation(into, frame.scope.type_of(frame.definition), EMPTY if single else None)
        return [f"{into.name} = {made}", *blocks.looped(self._block(blocks, single)),
                f"if not np.isfinite(np.vdot({into.name}, {into.name})):",
                *(f"    {line}" for line in taps)]

    def _block(self, blocks: Blocks, single: bool) -> list[str]:
        """The products of all taps for some maps."""
        gather, frame = self.gather, self.gather.frame
        lines, columns = self._columns(blocks)
        length = 1 + sum((axis.count - 1) * self._pitch(place)
                         for place, axis in enumerate(self.axes))
        more, rows = self._rows(blocks, length)
        at, loops = frame.name("at"), [
            f"{'    ' * depth}for {axis.tap} in range({gather.extents[axis.tap]}):"
            for depth, axis in enumerate(self.axes)]
        shift = " + ".join(axis.shift(self._pitch(place)) for place, axis in enumerate(self.axes))
        residues = "".join(f"{axis.residue}, " for axis in self.axes if axis.phases > 1)
        taken = f"{columns}[{residues}..., {at} : {at} + {length}].swapaxes(-1, -2)"
        value = f"np.matmul({rows}, {taken})"
        if self.shared[0] not in gather.axes:
            value += ".sum(axis=0)"
        into, cut = frame.definition.target, blocks.extents(gather.extents)
        known = ["" if subscript.constant is not None else str(subscript.name)
                 for subscript in frame.plan.target]
        items = ", ".join(name if name in gather.loops else blocks.cut("", [name])[1:-1] or ":"
                          for name in known)
        shape = shape_text([cut.get(name, extent) for name, extent in zip(
            known, into.logical, strict=True) if name not in gather.loops])
        indent, sign = "    " * len(loops), "=" if single else "+="
        return [*lines, *more, *loops, f"{indent}{at} = {shift}",
                f"{indent}{into.name}[{items}] {sign} {value}.reshape({shape})"]

    def _rows(self, blocks: Blocks, length: int) -> tuple[list[str], str]:
        """Statements that give the other operand the pitch of the lines, and its name."""
        gather, cut = self.gather, blocks.extents(self.gather.extents)
        made, name = gather.frame.name("rows"), gather.moving.tensor
        first, *inner = self.axes
        shape = [cut[one] for one in (*self.shared, *self.rows)]
        shape += [Int.of(size) for size in (first.count, *(axis.size for axis in inner))]
        ends = ", ".join(f":{axis.count}" for axis in inner)
        matrix = [*(plain(cut[one]) for one in self.shared), str(self._count(self.rows)),
                  str(first.count * self._pitch(0))]
        return [f"{made} = np.zeros({shape_text(shape)}, dtype={name}.dtype)",
                f"{made}[..., {ends}] = {blocks.cut_labelled(gather.weights).text}",
                f"{made} = {made}.reshape({', '.join(matrix)})[..., :{length}]"], made

    def _pitch(self, place: int) -> int:
        return math.prod(axis.size for axis in self.axes[place + 1:])

    def _columns(self, blocks: Blocks) -> tuple[list[str], str]:
        """Statements that make the lines of a block, and their name."""
        gather, frame = self.gather, self.gather.frame
        tensor, access, lines = frame.scope.tensors[gather.moving.tensor], gather.moving, []
        cut = blocks.extents(gather.extents)
        if blocks.header is not None:
            parts = [subscript.name for subscript in access.subscripts]
            name = frame.name("maps")
            lines.append(f"{name} = {blocks.cut(tensor.name, [one or '' for one in parts])}")
            extents = [cut[part] if part in self.shared else extent
                       for part, extent in zip(parts, tensor.logical, strict=True)]
            tensor = Tensor(name, tuple(Axis(extent, (extent,)) for extent in extents))
            access = replace(access, tensor=name)
        wide, order, subscripts = dict(cut), list[str](), list(access.subscripts)
        for axis in self.axes:
            wide[axis.place] = Int.of(axis.size)
            place = next(n for n, sub in enumerate(subscripts) if axis.place in sub.names())
            subscripts[place] = subscripts[place].without((axis.tap,))
            if axis.phases > 1:
                order.append(frame.name("residue"))
                wide[order[-1]] = Int.of(axis.phases)
                subscripts[place] = subscripts[place] + Int.of(order[-1]) * axis.gap
        scope = replace(frame.scope, tensors={**frame.scope.tensors, tensor.name: tensor})
        inside = Frame(frame.definition, frame.plan, scope)
        filled = gather.filled and all(axis.phases == 1 for axis in self.axes)
        made = strided(inside, replace(access, subscripts=tuple(subscripts)),
                       (*order, *self.shared, *self.columns, *gather.moved),
                       {name: extent for name, extent in wide.items() if name not in gather.loops},
                       filled)
        assert made is not None                 # strides were numbers before
        columns = frame.name("columns")
        shape = [*(str(axis.phases) for axis in self.axes if axis.phases > 1),
                 *(plain(cut[name]) for name in self.shared), str(self._count(self.columns)),
                 str(math.prod(axis.size for axis in self.axes))]
        return [*lines, *made[0], f"{columns} = {made[1]}.reshape({', '.join(shape)})"], columns
