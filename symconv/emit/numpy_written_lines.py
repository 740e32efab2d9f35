"""Windows that are written, as sums over lines of products: no tap is added by a call of its own.

A map with zeros behind its rows is a line of numbers, along which every tap moves what it writes:

    line[P*i + j] = dy[i,j]                          products = w.T @ line
    dx[i,j] = sum over a, e of products[a, e, P*i + j - P*a - e]

With zeros before and behind each line of products this is the sum of one strided view. With a
stride s and taps d apart there is a sum for each residue: for g = gcd(s, d) the tap
a = q + (s/g)*t writes place s*(i + (d/g)*t) + d*q, so that within q neighbours stay neighbours, and
the place s*m + d*q of the target is place m of the line.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.emit.numpy_frame import EMPTY, allocation, shape_text
from symconv.emit.numpy_matmul import Groups, Labelled, volume
from symconv.emit.numpy_window import Window
from symconv.emit.numpy_written_axes import WrittenAxis, written_axis
from symconv.integers import Int

_BLOCK = 1 << 17        # elements of the products of some maps
_PART = 1 << 18         # the same for rows of one map, which share some with the next block
_MOST = 1 << 22         # more than a block may have where rows that are shared are large
_LEAST = 1 << 7         # elements of a line that hide what it takes to begin one
_THIN = 256             # rows of factors, so few that a block has many places of each


@dataclass(frozen=True, slots=True)
class WrittenLines:
    """`rows` of products (taps and what the target has of the weights) for all places of `batch`,
    summed over `summed`; `maps` maps of the first axis of the batch, and `part` places of the first
    axis of a map, are a block."""

    window: Window
    weights: Labelled
    source: Labelled
    groups: Groups
    axes: tuple[WrittenAxis, ...]
    maps: int
    part: int

    @staticmethod
    def of(window: Window, weights: Labelled, source: Labelled, many: bool) -> WrittenLines | None:
        """None where axes stand in another order, or where lines would spare nothing; `many`: of
        the maps there are so many that they would be turned."""
        frame, inner = window.frame, window.frame.target.axes
        moved = tuple(window.moved(frame.plan.target))
        batch = tuple(name for name in source.axes if name in inner and name not in moved)
        rows = tuple(name for name in weights.axes if name in (*inner, *window.loops)
                     and name not in batch)
        found = [written_axis(window, place) for place in moved]
        axes = tuple(axis for axis in found if axis is not None)
        groups = Groups.of(weights.axes, source.axes, (*batch, *rows, *moved))
        if groups is None or not axes or len(axes) < len(moved) or not batch or (
                groups.batch, groups.rows, groups.columns, groups.swapped) != (
                batch, rows, moved, False):
            return None
        kept = tuple(name for name in rows if name not in window.loops)
        if {axis.tap for axis in axes} != {*window.loops} or not {*window.loops} <= {*rows} or (
                source.axes != (*batch, *groups.summed, *moved)) or (
                inner != (*batch, *kept, *moved)) or not all(
                window.extents[name].constant for name in (*source.axes, *weights.axes)) or not all(
                span.whole for span in frame.plan.spans if span.name not in moved) or not all(
                extent.constant == 1 if sub.constant is not None
                else window.extents.get(sub.name or "") == extent
                for sub, extent in zip(frame.plan.target, frame.definition.target.logical,
                                       strict=True) if not sub.names() & {*moved}):
            return None
        lines = WrittenLines(window, weights, source, groups, axes, 1, axes[0].count)._blocked()
        return lines if lines._spares(many) else None

    def _blocked(self) -> WrittenLines:
        """The same in blocks that stay in the cache. An axis of the batch that the weights have,
        too, is not cut."""
        first, lead = self.axes[0], self.groups.batch[0]
        least = replace(self, maps=1 if lead not in self.weights.axes else self._count((lead,)))
        whole = least._width * (first.count * self._pitch(0) + self._far)
        if whole <= _PART:
            return replace(self, maps=max(least.maps, min(self._count((lead,)), _BLOCK // whole)))
        part = max(1, _PART // (least._width * self._pitch(0)), 4 * first.reach)
        return replace(least, part=-(-first.count // -(-first.count // part)))

    @property
    def _width(self) -> int:
        """How many lines of products a block has."""
        return self.maps * self._count((*self.groups.batch[1:], *self.groups.rows))

    def _spares(self, many: bool) -> bool:
        """Whether taps meet that would be added one by one, and either the additions that are
        spared outweigh the copy of the source, or it would be copied with its batch last."""
        rows, summed = self._count(self.groups.rows), self._count(self.groups.summed)
        sums = math.prod(len(axis.residues) for axis in self.axes)
        spared = rows - sums * rows // self._count(self.window.loops)
        return rows <= _THIN and spared > 0 and (many or 2 * summed <= 3 * spared) and (
            self._length >= _LEAST and self._width * self._length <= _MOST)

    def _count(self, names: Sequence[str]) -> int:
        return volume(names, self.window.extents).constant or 0

    def _pitch(self, place: int) -> int:
        return math.prod(axis.size for axis in self.axes[place + 1:])

    @property
    def _far(self) -> int:
        """How far the last tap of a residue is moved."""
        return sum(axis.reach * self._pitch(place) for place, axis in enumerate(self.axes))

    @property
    def _length(self) -> int:
        """The elements of a line of products."""
        return self.part * self._pitch(0)

    @property
    def _parts(self) -> int:
        return -(-self.axes[0].count // self.part)

    @property
    def _is_clean(self) -> bool:
        """Whether nothing but the source is multiplied by weights."""
        return (all(axis.reach == 0 for axis in self.axes[1:])
                and self.axes[0].count == self.part * self._parts)

    def written(self, taps: Sequence[str]) -> list[str]:
        """The statements; `taps` do the same tap by tap."""
        frame, groups = self.window.frame, self.groups
        room, line, products, step, sums, factors = map(
            frame.name, ("room", "line", "products", "step", "sums", "factors"))
        lead, *others = ([self._count((name,)) for name in groups.batch])
        first, *inner = self.axes
        sizes, wide = [axis.size for axis in inner], self._length + self._far
        rows, summed = self._count(groups.rows), [self._count((name,)) for name in groups.summed]
        height = self._parts * self.part + first.reach + 1
        kept = [self._count((name,)) for name in groups.rows if name not in self.window.loops]
        residues = [*itertools.product(*(axis.residues for axis in self.axes))]
        dtype = frame.scope.type_of(frame.definition)
        made = "empty" if self._parts == 1 else "zeros"
        totals = _shape(len(residues), lead, *others, *kept, height * self._pitch(0))
        lines = [
            f"{factors} = {groups.factor(self.weights, self.window.extents)}",
            f"{room} = np.zeros({_shape(self.maps, *others, *summed, self.part, *sizes)}, "
            f"dtype={dtype})",
            f"{line} = np.zeros({self.maps * math.prod(others) * rows * wide + self._far}, "
            f"dtype={dtype})",
            f"{products} = {line}[{self._far}:].reshape"
            f"{_shape(self.maps, *others, rows, wide)}[..., :{self._length}]",
            f"{step} = {line}.itemsize",
            f"{sums} = np.{made}({totals}, dtype={dtype})"]
        low, high, start, stop = map(frame.name, ("n0", "n1", "start", "stop"))
        loops, cut, filled, indent = list[str](), list[str](), list[str](), ""
        if self.maps < lead:
            loops += [f"for {low} in range(0, {lead}, {self.maps}):",
                      f"    {high} = min({low} + {self.maps}, {lead})"]
            cut, filled, indent = [f"{low}:{high}"], [f":{high} - {low}"], "    "
        along = ":"
        if self._parts > 1:
            loops += [f"{indent}for {start} in range(0, {first.count}, {self.part}):",
                      f"{indent}    {stop} = min({start} + {self.part}, {first.count})"]
            along, indent = f"{start}:{stop}", indent + "    "
        ends = [f":{axis.count}" if axis.reach else ":" for axis in inner]
        over = [":"] * (len(others) + len(summed) + 1 - len(cut))
        into = [*filled, *over, f":{stop} - {start}" if self._parts > 1 else ":", *ends]
        seen = [*cut, *over, along]
        body = [f"{_at(room, into, True)} = {_at(self.source.text, seen)}"]
        if self.part * self._parts != first.count:
            rest = "".join(", :" for _ in inner)
            body.append(f"{room}[..., {stop} - {start}:{rest}] = 0")
        body.append(f"np.matmul({factors}, {room}.reshape"
                    f"{_shape(self.maps, *others, math.prod(summed), self._length)}, "
                    f"out={products})")
        begin, taken = f"{self._pitch(0)}*{start}", f"[{filled[0]}]" if filled else ""
        piece = f"{begin} : {begin} + {wide}" if self._parts > 1 else f":{wide}"
        axes = tuple(place for place, name in enumerate((*groups.batch, *groups.rows))
                     if name in self.window.loops)
        over_taps = axes if len(axes) > 1 else axes[0]
        for number, residue in enumerate(residues):
            part = f"{sums}[{', '.join([str(number), *(cut or [':'])])}, ..., {piece}]"
            view = frame.name("shifted")
            lines.append(f"{view} = {self._shifted(line, step, residue)}")
            body.append(f"{part} {'=' if self._parts == 1 else '+='} "
                        f"{view}{taken}.sum(axis={over_taps})")
        lines += [*loops, *(f"{indent}{one}" for one in body)]
        lines += self._stored(sums, [lead, *others, *kept, height, *sizes], residues)
        if self._is_clean:
            return lines
        return [f"if np.isfinite(np.vdot({self.weights.text}, {self.weights.text})):",
                *(f"    {one}" for one in lines), "else:", *(f"    {one}" for one in taps)]

    def _shifted(self, line: str, step: str, residue: Sequence[int]) -> str:
        """A view of the products in which all that the taps of a residue write to a place stands
        at this place."""
        batch, rows = self.groups.batch, self.groups.rows
        wide, pitches = self._length + self._far, {
            axis.tap: (axis, self._pitch(place)) for place, axis in enumerate(self.axes)}
        numbers = {axis.tap: number for axis, number in zip(self.axes, residue, strict=True)}
        shape, strides, begin = list[int](), list[int](), self._far
        for place, name in enumerate((*batch, *rows)):
            behind = wide * self._count((*batch, *rows)[place + 1:])
            shape.append(self.maps if not place else self._count((name,)))
            if name in pitches:
                axis, pitch = pitches[name]
                begin += numbers[name] * behind
                shape[-1] = axis.taps(numbers[name])
                behind = behind * axis.phases - axis.shift * pitch
            strides.append(behind)
        steps = "".join(f"{stride}*{step}, " for stride in strides)
        return (f"np.ndarray({_shape(*shape, wide)}, {line}.dtype, {line}, {begin}*{step}, "
                f"({steps}{step}))")

    def _stored(self, sums: str, shape: Sequence[int],
                residues: Sequence[Sequence[int]]) -> list[str]:
        """Statements that bring the sums to their places in a new target."""
        frame = self.window.frame
        into, maps = frame.definition.target, frame.name("maps")
        whole = all(sum(len(axis.places(number)[0]) for number in axis.residues) == axis.extent
                    for axis in self.axes)
        made = allocation(into, frame.scope.type_of(frame.definition), EMPTY if whole else None)
        lines = [f"{maps} = {sums}.reshape{_shape(len(residues), *shape)}",
                 f"{into.name} = {made}"]
        for number, residue in enumerate(residues):
            ranges = {axis.place: axis.places(one)
                      for axis, one in zip(self.axes, residue, strict=True)}
            if not all(places for places, _ in ranges.values()):
                continue
            items = ["0" if subscript.constant is not None else next(
                (_slice(ranges[name][0]) for name in ranges if name in subscript.names()), ":")
                for subscript in frame.plan.target]
            cut = ", ".join(_slice(places) for _, places in ranges.values())
            lines.append(f"{into.name}[{', '.join(items)}] = {maps}[{number}, ..., {cut}]")
        return lines


def _shape(*extents: int) -> str:
    return shape_text([Int.of(extent) for extent in extents])


def _slice(places: range) -> str:
    step = f":{places.step}" if places.step > 1 else ""
    return f"{places.start or ''}:{places[-1] + 1}{step}"


def _at(name: str, items: Sequence[str], target: bool = False) -> str:
    """A part of an array; as a target it is never the name alone."""
    if all(item == ":" for item in items):
        return f"{name}[...]" if target else name
    return f"{name}[{', '.join(items)}]"
