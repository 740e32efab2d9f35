"""Windows that are written: the products of all taps by one `np.matmul`, added where they belong.

    products = w.T @ dy
    dx[..., i + a] += products[..., a, ..., i]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.emit.numpy_batch import batch_last
from symconv.emit.numpy_blocks import Blocks
from symconv.emit.numpy_frame import EMPTY, Frame, allocation, place, shape_text
from symconv.emit.numpy_matmul import Groups, Labelled, volume
from symconv.emit.numpy_views import align, view
from symconv.emit.numpy_window import Window
from symconv.emit.numpy_written_lines import WrittenLines
from symconv.integers import Int
from symconv.ir import Access, Axis, Tensor

_SMALL = 256            # places of a map


@dataclass(frozen=True, slots=True)
class _Stride:
    """An axis of `extent` places, where tap a of `turns` writes place stride*i + step*a for all
    i < count; all are 0 where that is not known."""

    stride: int
    step: int
    count: int
    turns: int
    extent: int


@dataclass(frozen=True, slots=True)
class Writing(Window):
    """A window through which the target is written."""

    def scattered(self, one: Access, two: Access, taps: Sequence[str]) -> list[str] | None:
        """The products of all taps, added where the target has them; `taps` do it tap by tap."""
        frame, extents = self.frame, self.extents
        last = batch_last(frame, (one, two), self.moved(frame.plan.target)) if self.first else None
        lines = self.by_lines(one, two, taps, last is not None)
        if lines is not None:
            return lines
        if last is not None:
            lines = Writing(last.frame, True, self.factor).scattered(
                last.reads[0], last.reads[1], taps)
            if lines is not None:
                return [last.before, *lines, last.after]
        first, second = self.plain(one), self.plain(two)
        inner, names, moved = frame.target.axes, self.loops, self.moved(frame.plan.target)
        if first is None or second is None or not moved or not {*names} <= set().union(
                *(subscript.names() for subscript in frame.plan.target)) or not all(
                span.whole for span in frame.plan.spans if span.name not in inner):
            return None
        if inner[-1] not in second.axes:
            first, second = second, first
        axes = {*inner, *names}
        both = [name for name in (*inner, *names) if name in first.axes and name in second.axes]
        lead = list(inner)
        while lead and lead[-1] not in first.axes:
            lead.pop()
        early = [name for name in lead if name in second.axes]
        batch = [name for name in (*inner, *names) if name in both or name in early]
        if batch[:1] == [*inner[:1]] and self._joins(batch[0], first, second, moved):
            batch = batch[1:]
        order = (*batch, *(name for name in (*first.axes, *second.axes)
                           if name in axes and name not in batch))
        order = tuple(dict.fromkeys(order))
        groups = Groups.of(first.axes, second.axes, order)
        if groups is None or {*order} != axes:
            return None
        outer = inner[0] if inner[0] not in moved else None
        deep = [name for name in order if name != outer and name not in moved]
        blocks = Blocks.of(frame, extents, (outer, moved[0], moved[1:]), (deep, 4),
                           (groups.summed, 8))
        part = self._blocked(blocks)
        products = self._tensor("products", order, blocks.extents(extents))
        places = [Int.of(name) - (blocks.ends_of(name) or (Int.of(0),))[0] for name in order]
        seen = view(products, places, part.spans, part.first)
        target = frame.definition.target
        cut = blocks.extents(extents)
        pair = groups.matrices(blocks.cut_labelled(first), blocks.cut_labelled(second), cut)
        function = "_matmul" if volume(groups.summed, extents).constant is None else "np.matmul"
        before: list[str] = []
        if blocks.header is not None and pair[0] != first.text and groups.matrices(
                first, second, extents)[0] == pair[0]:
            known = frame.name("factors")
            before, pair = [f"{known} = {pair[0]}"], (known, pair[1])
        value = self.scaled(f"{groups.multiplied(*pair, function)}"
                             f".reshape({shape_text(products.logical)})")
        apart = self.first and self._are_apart()
        added = (f"{place(part.target)} {'' if apart else '+'}= "
                 f"{align(seen.raw(), seen.axes, inner)}")
        fill = EMPTY if apart and self._are_all() else None
        made = f"{target.name} = {allocation(target, frame.scope.type_of(frame.definition), fill)}"
        return [*([made] if self.first else []), *before, *blocks.looped(
            [f"{products.name} = {value}", *part.nest([added])])]

    def by_lines(self, one: Access, two: Access, taps: Sequence[str],
                 many: bool) -> list[str] | None:
        """The same as sums over lines, for either operand as the one that has the taps; `many`:
        else the batch would be last."""
        arrays, moved = (self.plain(one), self.plain(two)), self.moved(self.frame.plan.target)
        for weights, source in (arrays, arrays[::-1]):
            if weights is None or source is None or not self.first or self.factor.value != 1:
                continue
            lines = WrittenLines.of(self, weights, source, many)
            if lines is not None and not self._joins(source.axes[0], weights, source, moved):
                return lines.written(taps)
        return None

    def _are_apart(self) -> bool:
        """Whether no two taps meet: each moves a place by less than places are apart."""
        return all(abs(one.step * (one.turns - 1)) < abs(one.stride) for one in self._strides())

    def _are_all(self) -> bool:
        """Whether taps that do not meet leave no element of the target out."""
        labels, spans = self.frame.target.labels, self.frame.plan.spans
        pairs = zip(self.frame.plan.target, self.frame.definition.target.logical, strict=True)
        return all(span.whole for span in spans) and len(self.frame.target.axes) == len(
            [label for label in labels if label is not None]) and all(
            one.stride == one.turns and one.step == 1 and one.extent == one.stride * one.count
            for one in self._strides()) and all(
            extent.constant == 1 if sub.constant is not None
            else self.extents.get(sub.name or "") == extent
            for sub, extent in pairs if not sub.names() & {*self.loops})

    def _strides(self) -> list[_Stride]:
        """How taps move the axes of the target."""
        found = list[_Stride]()
        for sub, extent in zip(self.frame.plan.target, self.frame.definition.target.logical,
                               strict=True):
            taps = [name for name in self.loops if name in sub.names()]
            if taps:
                places = self.moved([sub])
                known = [sub.coefficient(name).constant for name in (*places, *taps)]
                known += [self.extents[name].constant for name in (*places, *taps)]
                stride, step, count, turns = (
                    (value or 0 for value in known) if len(known) == 4 and None not in known
                    else (0, 0, 0, 0))
                found.append(_Stride(stride, step, count, turns, extent.constant or 0))
        return found

    def _joins(self, lead: str, first: Labelled, second: Labelled, moved: Sequence[str]) -> bool:
        """Whether the maps of a batch are so small that a product for each of them would spend its
        time on reading the other operand."""
        count, places, rows = (volume(names, self.extents).constant or 0 for names in (
            (lead,), moved, [name for name in first.axes if name not in second.axes]))
        return lead not in first.axes and count > 1 and 0 < places <= _SMALL < rows

    def _blocked(self, blocks: Blocks) -> Frame:
        """The same plan for a block alone."""
        frame = self.frame
        if blocks.header is None:
            return frame
        plan = replace(frame.plan, spans=tuple(map(blocks.cut_span, frame.plan.spans)))
        scope = replace(frame.scope, names=frame.scope.names | {*blocks.ends})
        return Frame(frame.definition, plan, scope)

    def _tensor(self, stem: str, order: Sequence[str], extents: dict[str, Int]) -> Tensor:
        """A new array with an axis for each index."""
        return Tensor(self.frame.name(stem), tuple(
            Axis(extents[name], (extents[name],)) for name in order))
