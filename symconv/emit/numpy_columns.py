"""Windows as matrix products: one `np.matmul` in place of a product per tap.

Where the loops of a plan run over the taps of a window and the body is a product A*B, either

    gather   an operand is read through the window:     windows[..., a, ..., i] = x[..., i + a]
                                                         y = w @ windows
    scatter  the target is written through the window:  products = w.T @ dy
                                                         dx[..., i + a] += products[..., a, ..., i]

(a scatter with stride 1 is a gather of the other operand, dx[..., u] = sum of dy[..., u - a] * w,
which is taken where it costs less; one of few channels is a sum along lines), both in blocks that
stay in the cache (`numpy_blocks`). The windows are a view; a block of them is copied when it
becomes a matrix. Where the relation has no point they hold zeros. There 0 * inf would be NaN, so
that weights or results that are not all finite go tap by tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.emit.numpy_batch import batch_last
from symconv.emit.numpy_blocks import Blocks
from symconv.emit.numpy_frame import EMPTY, Frame, allocation, shape_text
from symconv.emit.numpy_lines import write_lines
from symconv.emit.numpy_matmul import Groups, Labelled, transposed, volume
from symconv.emit.numpy_padding import strided
from symconv.emit.numpy_scalars import split
from symconv.emit.numpy_scattering import Writing
from symconv.emit.numpy_shifts import Gather
from symconv.emit.numpy_turning import by_shifts, turned
from symconv.emit.numpy_views import view
from symconv.emit.numpy_window import Window
from symconv.ir import Access, Number


def write_windows(frame: Frame, first: bool, taps: Sequence[str]) -> list[str] | None:
    """target += sum of products through matrices; None where the plan is no such window.

    `taps` are the statements that do the same tap by tap; with `first` both make the target.
    """
    plan = frame.plan
    if not plan.loops or plan.tests or plan.masks or not all(loop.whole for loop in plan.loops):
        return None
    number, over, under = split((plan.body,))
    match over, under:
        case [Access() as one, Access() as two], []:
            factor = Number(number)
        case _:
            return None
    window = _Reading(frame, first, factor)
    for moving, fixed in ((one, two), (two, one)):
        lines = window.gathered(moving, fixed, taps) or window.turned(moving, fixed, taps)
        if lines is not None:
            return lines
    return Writing(frame, first, factor).scattered(one, two, taps)


_SMALL = 64             # places of a map
_LARGE = 1 << 14        # places of a map whose copies cost more than calls of NumPy
_LONG = 1 << 9         # terms of a sum that cost more than to transpose it
_TAPS = 12              # taps, each of which reads both maps again


@dataclass(frozen=True, slots=True)
class _Reading(Window):
    """A window through which an operand is read."""

    def gathered(self, moving: Access, fixed: Access, taps: Sequence[str],
                 shifts: bool = False) -> list[str] | None:
        """The windows of `moving`, times `fixed`; with `shifts` only where taps are shifts."""
        frame, names, extents = self.frame, self.loops, self.extents
        source = frame.reader().view(moving)
        moved = self.moved(moving.subscripts)
        weights, target = self.plain(fixed), self.target_axes()
        if weights is None or target is None or not moved or not all(
                self.is_bounded_by(span, moving) for span in frame.plan.spans) or not {*names} <= (
                set().union(*(subscript.names() for subscript in moving.subscripts))):
            return None
        kept = moved[0] in target
        if not kept and self._are_dots(target, moved):
            return None
        filled = self.inside and all(frame.spans[name].whole for name in source.axes)
        outer = source.axes[0] if source.axes[0] not in moved and (
            source.axes[0] in target) == kept else None
        gather = Gather(frame, extents, moving, weights, target, source.axes, tuple(names),
                        tuple(moved), outer, filled, self.first)
        if self.first and not kept and self.factor.value == 1:
            dots = write_lines(gather, taps)
            if dots is not None:
                return dots
        lines = gather.shifted() if self.factor.value == 1 else None
        if lines is None and not shifts:
            lines = self._columns(gather)
        if lines is None:
            return None
        if filled:
            return lines
        if self.first and (not self._is_less(weights.axes, target) if kept
                           else self._is_less(target, weights.axes)):
            made = frame.definition.target.name
            return [*lines, f"if not np.isfinite(np.vdot({made}, {made})):",
                    *(f"    {line}" for line in taps)]
        return [f"if np.isfinite(np.vdot({weights.text}, {weights.text})):",
                *(f"    {line}" for line in lines), "else:", *(f"    {line}" for line in taps)]

    def _are_dots(self, target: Sequence[str], moved: Sequence[str]) -> bool:
        """Whether each of a few taps is one sum of products over large maps: those cost less where
        maps lie than copies of them."""
        rest, taps, places = (volume(names, self.extents).constant or 0 for names in (
            [name for name in target if name not in self.loops], self.loops, moved))
        return rest == 1 and taps <= _TAPS and places >= _LARGE

    def _columns(self, gather: Gather) -> list[str] | None:
        """All windows as columns of one matrix."""
        frame, moving, extents, weights = self.frame, gather.moving, self.extents, gather.weights
        names, moved, target, outer = gather.loops, gather.moved, gather.axes, gather.outer
        kept, source = moved[0] in target, gather.source
        axes = (*source, *names)
        groups = Groups.of(weights.axes, axes, target)
        if groups is None:
            return None
        joined = self._joined(groups, gather) if kept else None
        apart = None if kept else self._apart(gather, axes)
        groups = joined or apart or groups
        ours = groups.rows if groups.swapped else groups.columns
        theirs = groups.columns if groups.swapped else groups.rows
        pair = (ours, groups.summed) if source[-1] in groups.summed else (groups.summed, ours)
        order = (*(name for name in groups.batch if name in axes), *pair[0], *pair[1])
        made = strided(frame, moving, order, extents, gather.filled)
        if made is None:
            return None
        if not kept and len(moved) == 1 and volume(theirs, extents).constant == 1:
            return None                         # dot products of slices as they lie in memory
        deep = [name for name in order if name != outer and name not in moved]
        blocks = Blocks.of(
            frame, extents, (outer, moved[0], moved[1:]),
            (deep, 1) if kept else ((*theirs, *deep), 2), (theirs, 8 if kept else 16))
        lines, windows = made
        cut = blocks.extents(extents)
        factors, columns = groups.matrices(
            blocks.cut_labelled(weights), blocks.cut_labelled(Labelled(windows, order)), cut)
        left, right = frame.name("factors"), frame.name("columns")
        inside = [f"{right} = {columns}"]
        if factors != weights.text:             # a matrix for all blocks is made once
            known = groups.matrices(weights, Labelled(windows, order), extents)[0] == factors
            (lines if known else inside).append(f"{left} = {factors}")
            factors = left
        into = frame.definition.target
        parts = [None if subscript.constant is not None else subscript.name
                 for subscript in frame.plan.target]
        shape = shape_text([extent if name is None else cut[name]
                            for name, extent in zip(parts, into.logical, strict=True)])
        ending = "" if apart is None else ".sum(axis=0)"
        value = self.scaled(f"{groups.multiplied(factors, right)}{ending}.reshape({shape})")
        after = list[str]()
        if not kept and apart is None and self.first and self.factor.value == 1 and (
                groups.is_long(extents)):
            inside[0] = f"{right} = {transposed(columns)}"
            value = f"np.matmul({right}, {transposed(factors)})"
            after = [f"{into.name} = np.ascontiguousarray({into.name}.T).reshape({shape})"]
        if joined is not None:
            value = groups.reordered(groups.multiplied(factors, right), target, cut)
        if self.first and kept and blocks.header is not None:
            lines.append(f"{into.name} = " + allocation(
                into, frame.scope.type_of(frame.definition), EMPTY))
        if not self.first:
            inside.append(f"{blocks.cut(into.name, parts)} += {value}")
        elif blocks.header is not None and self.factor.value == 1 and joined is None and all(
                blocks.ends_of(name) is None for group in (groups.rows, groups.columns)
                for name in group[1:]) and kept:        # axes that are cut come first: a view
            matrix = groups.result(Labelled(blocks.cut(into.name, parts, "0"), target), cut)
            inside.append(groups.multiplied(factors, right, "np.matmul", matrix))
        elif kept or blocks.header is None:
            inside.append(f"{blocks.cut(into.name, parts)} = {value}")
        else:                                   # zeros to begin with would be a pass over them
            part = frame.name("part")
            inside += [f"{part} = {value}",
                       f"{into.name} = {into.name} + {part} if {blocks.later} else {part}"]
        return [*lines, *blocks.looped(inside), *after]

    def _apart(self, gather: Gather, axes: Sequence[str]) -> Groups | None:
        """A product for each place of a batch that is summed, where that is so small that to add
        them costs less than to move the axes of the weights."""
        lead = gather.outer
        if lead is None or lead in gather.axes or gather.weights.axes[0] != lead:
            return None
        groups = Groups.of(gather.weights.axes, axes, (lead, *gather.axes))
        if groups is None or groups.batch != (lead,) or groups.swapped:
            return None
        ours, summed = (volume(names, self.extents).constant
                        for names in (groups.columns, groups.summed))
        return groups if ours and summed and 2 * ours <= summed else None

    def _joined(self, groups: Groups, gather: Gather) -> Groups | None:
        """The batch among the columns, where maps are so small that a product for each of them
        would spend its time on reading the factors; the result has to be turned back."""
        target, lead = gather.axes, groups.batch[:1]
        if not self.first or groups.swapped or self.factor.value != 1 or lead != target[:1] or (
                lead[:1] == gather.weights.axes[:1]) or (
                len(target) != len(self.frame.definition.target.logical)):
            return None
        count, places, rows = (volume(names, self.extents).constant or 0
                               for names in (lead, groups.columns, groups.rows))
        if count < 2 or not 0 < places <= _SMALL < rows:
            return None
        return replace(groups, batch=groups.batch[1:], columns=(*lead, *groups.columns))

    def turned(self, moving: Access, fixed: Access, taps: Sequence[str]) -> list[str] | None:
        """A scatter as a gather, where no more is gathered than scattered (or copied, with shifts)
        and no matrix of weights has to be turned that is large beside the columns."""
        frame, extents = self.frame, self.extents
        found, weights = turned(frame), self.plain(fixed)
        if found is None or weights is None:
            return None
        plan, values = found
        read = set[str]().union(*(subscript.names() for subscript in moving.subscripts))
        if not all(self.is_read_whole(name, moving) for name in read.intersection(values)):
            return None
        shared = {*frame.target.axes}.intersection(
            *(view(frame.scope.tensors[access.tensor], access.subscripts, self.spans, ()).axes
              for access in (moving, fixed)))
        ours = volume([name for name in weights.axes if name not in shared
                       and name not in self.loops and name not in frame.summed], extents).constant
        theirs = volume(frame.summed, extents).constant
        places = volume(list(values), extents).constant
        if ours is None or theirs is None or places is None:
            shifts = False if shared else None
        else:
            apart = Frame(frame.definition, frame.plan, frame.scope)    # its names are not used
            turns = self.first and batch_last(
                apart, (moving, fixed), self.moved(frame.plan.target)) is not None
            wide = volume([span.name for span in plan.spans if span.name not in extents],
                          {span.name: span.extent for span in plan.spans})
            count = extents[self.loops[0]].constant or 0
            shifts = by_shifts((ours, places), (theirs, wide.constant or 0), count, turns)
            if shifts and ours * count <= theirs:       # no more products than would be copied
                lines = Writing(frame, self.first, self.factor).by_lines(moving, fixed, taps, turns)
                if lines is not None:
                    return lines
        if shifts is None:
            return None
        window = _Reading(Frame(frame.definition, plan, frame.scope), self.first, self.factor,
                          False)
        return window.gathered(replace(moving, subscripts=tuple(
            subscript.substitute(values) for subscript in moving.subscripts)), fixed, taps, shifts)

    def _is_less(self, one: Sequence[str], two: Sequence[str]) -> bool:
        """Whether an array is certainly smaller than another."""
        sizes = [volume(axes, self.extents).constant for axes in (one, two)]
        return sizes[0] is not None and sizes[1] is not None and sizes[0] < sizes[1]
