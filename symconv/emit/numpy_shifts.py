"""Windows as matrix products over shifted rows: the taps of the first axis are copied by none.

Rows of places lie one behind the other, so that a tap of the rows is a shift of the matrix:

    columns[c,e,m,j] = x[c, m, j + e]           y[o,i,j] = sum over a of w[a] @ columns[i + a, j]

It holds the taps e alone, K times less than all of them. With a stride s there is a matrix for each
residue, as s*i + a = s*(i + a//s) + a%s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.emit.numpy_blocks import Blocks
from symconv.emit.numpy_frame import EMPTY, Frame, allocation
from symconv.emit.numpy_helpers import CACHE
from symconv.emit.numpy_integers import plain
from symconv.emit.numpy_matmul import Groups, Labelled, volume, volume_text
from symconv.emit.numpy_padding import strided
from symconv.emit.numpy_row_shifts import RowShift, row_shift
from symconv.integers import Int
from symconv.ir import Access

_LEAST = 1 << 17        # elements not copied that hide the calls of NumPy
_THIN = 16              # rows of factors that use a copied column so often that it costs little
_BEGIN = 16             # elements that could be copied while a row begins
_TAPS = 8               # taps, each of which reads both operands again
_WIDE = 8               # rows and columns of a product that reads its operands often enough
_TURN = 8               # the same for an element of a gradient that is written with gaps


@dataclass(frozen=True, slots=True)
class Gather:
    """target[axes] += sum of moving * weights, `moving` being read through a window.

    `loops` are its taps, `source` the other indices of `moving`, `moved` those that taps move,
    in the order of axes.
    """

    frame: Frame
    extents: dict[str, Int]
    moving: Access
    weights: Labelled
    axes: tuple[str, ...]
    source: tuple[str, ...]
    loops: tuple[str, ...]
    moved: tuple[str, ...]
    outer: str | None
    filled: bool
    first: bool

    def shifted(self) -> list[str] | None:
        """The statements; None where no tap is a shift, or where too little is spared."""
        shift = row_shift(self.moving.subscripts, self.moved[0], self.loops, self.extents,
                          self.filled)
        if shift is None:
            return None
        return self._at_places(shift) if self.moved[0] in self.axes else self._at_taps(shift)

    def _at_places(self, shift: RowShift) -> list[str] | None:
        """The target has the places: the product of every tap is added to all of them."""
        names, frame = (*self.source, *self.loops), self.frame
        groups = Groups.of(self.weights.axes, names, self.axes)
        if groups is None or groups.swapped or groups.columns[:1] != self.moved[:1] or (
                shift.tap not in groups.summed):
            return None
        groups = replace(groups, summed=tuple(n for n in groups.summed if n != shift.tap))
        batch = tuple(name for name in groups.batch if name in names)
        if not groups.summed or not self._spares(
                shift, groups.rows, (*batch, *groups.summed, *groups.columns),
                (4 * (shift.count - 1), self.axes), (3, self.weights.axes)):
            return None
        blocks = self._blocks(shift, groups, (groups.summed, 1), 8)
        cut = blocks.extents(self.extents)
        if any(blocks.ends_of(name) is not None
               for name in (*groups.rows[1:], *groups.columns[1:])):
            return None
        factors, here, into = frame.name("factors"), frame.name("here"), frame.definition.target
        lines, columns, inside = self._columns(
            shift, groups.batch, groups.summed, groups.columns, blocks)
        by_tap = replace(groups, batch=(shift.tap, *groups.batch))
        lines.append(f"{factors} = {by_tap.factor(self.weights, self.extents)}")
        if self.first:
            made = allocation(into, frame.scope.type_of(frame.definition), EMPTY)
            lines.append(f"{into.name} = {made}")
        parts = [None if subscript.constant is not None else subscript.name
                 for subscript in frame.plan.target]
        part = groups.result(Labelled(blocks.cut(into.name, parts, "0"), self.axes), cut)
        row = volume_text(groups.columns[1:], cut)
        taken = [shift.taken(columns, row, volume_text(groups.columns, cut), tap)
                 for tap in (0, shift.tap)]
        inside.append(f"{here} = {part}")
        if self.first:
            inside.append(f"np.matmul({factors}[0], {taken[0]}, out={here})")
        return [*lines, *blocks.looped([
            *inside, f"for {shift.tap} in range({'1, ' if self.first else ''}{shift.count}):",
            f"    {here} += np.matmul({factors}[{shift.tap}], {taken[1]})"])]

    def _at_taps(self, shift: RowShift) -> list[str] | None:
        """The target has the taps: a product over all places for each of them."""
        names = tuple(name for name in (*self.source, *self.loops) if name != shift.tap)
        frame, into = self.frame, self.frame.definition.target
        lead = tuple(name for name in self.weights.axes
                     if name not in self.axes and name not in self.moved)
        groups = Groups.of(self.weights.axes, names,
                           (*lead, *(name for name in self.axes if name != shift.tap)))
        if groups is None or groups.swapped or groups.summed != self.moved or (
                shift.tap not in self.axes):
            return None
        batch = tuple(name for name in groups.batch if name in names)
        if not {*lead} <= {*batch}:
            return None
        if len(self.loops) == 1:                # nothing is copied but what is shifted
            if not self._multiplies(shift, groups):
                return None
            blocks = self._blocks(shift, groups, (groups.columns, 1), 8)
        elif not self._spares(
                shift, groups.rows, (*batch, *groups.columns, *groups.summed), (_TURN, self.axes),
                (1 if lead else 0, (*lead, *self.axes))):
            return None
        else:
            blocks = self._blocks(shift, groups, ((*groups.rows, *groups.columns), 2), 16)
        cut = blocks.extents(self.extents)
        lines, columns, inside = self._columns(
            shift, groups.batch, groups.columns, groups.summed, blocks)
        factors = frame.name("factors")
        inside.append(f"{factors} = {groups.factor(blocks.cut_labelled(self.weights), cut)}")
        taken = shift.taken(columns, volume_text(groups.summed[1:], cut),
                            volume_text(groups.summed, cut), shift.tap)
        value = f"np.matmul({factors}, {taken}.swapaxes(-1, -2))"
        if lead:
            value += f".sum(axis={0 if len(lead) == 1 else tuple(range(len(lead)))})"
        known = [None if subscript.constant is not None else subscript.name
                 for subscript in frame.plan.target]
        shape = ", ".join(plain(extent) for name, extent in zip(known, into.logical, strict=True)
                          if name != shift.tap)
        items = ", ".join(shift.tap if name == shift.tap else ":" for name in known)
        single = self.first and blocks.header is None
        made = allocation(into, frame.scope.type_of(frame.definition), EMPTY if single else None)
        return [*lines, *([f"{into.name} = {made}"] if self.first else []), *blocks.looped([
            *inside, f"for {shift.tap} in range({shift.count}):",
            f"    {into.name}[{items}] {'' if single else '+'}= {value}.reshape({shape})"])]

    def _spares(self, shift: RowShift, rows: Sequence[str], copied: Sequence[str],
                *costs: tuple[int, Sequence[str]]) -> bool:
        """Whether copies that are not made outweigh the passes over arrays that take their place
        (`costs`: how many, axes), few rows of factors meet what is copied, and blocks share few."""
        size, row = volume(copied, self.extents).constant, self.extents[copied[-1]]
        thin = volume(rows, self.extents).constant
        deep = volume([name for name in copied if name not in (self.moved[0], self.outer)],
                      self.extents).constant
        if size is None or not row.constant or thin is None or not deep or thin > _THIN or (
                size > 1 << CACHE and 4 * shift.reach * deep > 1 << CACHE):
            return False
        spared = (shift.count - shift.phases) * size * (row.constant + _BEGIN) // row.constant
        return spared >= max(_LEAST, sum(times * (volume(axes, self.extents).constant or 0)
                                         for times, axes in costs))

    def _multiplies(self, shift: RowShift, groups: Groups) -> bool:
        """Whether a product for each of a few taps, of many rows and columns, costs less than
        copies of them for one product."""
        sides = [volume(names, self.extents).constant or 0
                 for names in (groups.rows, groups.columns)]
        return shift.phases == 1 and shift.count <= _TAPS and min(sides) >= _WIDE

    def _blocks(self, shift: RowShift, groups: Groups, depth: tuple[Sequence[str], int],
                least: int) -> Blocks:
        """Blocks of `least` places for each row of the factors, four times the rows that two blocks
        share."""
        rows = volume(groups.rows, self.extents).constant or 1
        shared = 4 * shift.reach * (volume(self.moved[1:], self.extents).constant or 1)
        names, under = depth
        deep = [name for name in (*groups.batch, *names)
                if name != self.outer and name not in self.moved]
        return Blocks.of(self.frame, self.extents, (self.outer, self.moved[0], self.moved[1:]),
                         (deep, under), (groups.rows, max(least, -(-shared // rows))))

    def _columns(self, shift: RowShift, batch: tuple[str, ...], rows: tuple[str, ...],
                 columns: tuple[str, ...], blocks: Blocks) -> tuple[list[str], str, list[str]]:
        """Statements that make the windows, the name of their columns, and statements that copy
        them for a block. An axis of the batch that they lack has extent 1 behind one they have."""
        frame, place = self.frame, self.moved[0]
        own = tuple(name for name in batch if name in (*self.source, *self.loops))
        batch = batch[batch.index(own[0]):] if own else ()
        wide = self.extents | {place: self.extents[place] + shift.reach}
        cut = blocks.extents(self.extents)
        cut[place] = cut[place] + shift.reach
        subscript = shift.start
        if shift.phases > 1:
            phase = frame.name("residue")
            wide[phase] = cut[phase] = Int.of(shift.phases)
            subscript = subscript + Int.of(phase) * shift.gap
            own, batch = (phase, *own), (phase, *batch)
        access = replace(self.moving, subscripts=tuple(
            subscript if axis == shift.axis else one
            for axis, one in enumerate(self.moving.subscripts)))
        order = (*own, *rows, *columns)
        made = strided(frame, access, order, wide, self.filled)
        assert made is not None                 # strides were numbers before
        lines, windows = made
        items = []
        for name in order:
            ends = blocks.ends_of(name)
            extra = f" + {shift.reach}" if name == place else ""
            items.append(":" if ends is None else f"{plain(ends[0])} : {plain(ends[1])}{extra}")
        while items and items[-1] == ":":
            items.pop()
        seen = f"{windows}[{', '.join(items)}]" if items else windows
        text = Groups(batch, rows, columns, (), False).result(Labelled(seen, order), cut)
        if text == seen and shift.phases > 1:
            text = f"np.ascontiguousarray({seen})"
        name = frame.name("columns")
        return lines, name, [f"{name} = {text}"]
