"""Windows as matrix products: one `np.matmul` in place of a product per tap.

Where the loops of a plan run over the taps of a window and the body is a product A*B, either

    gather   an operand is read through the window:     columns[..., a, ..., i] = x[..., i + a]
                                                         y = w @ columns
    scatter  the target is written through the window:  products = w.T @ dy
                                                         dx[..., i + a] += products[..., a, ..., i]

Columns hold zeros where the relation has no point. There 0 * inf would be NaN, so that weights
that are not all finite go tap by tap, as do arrays too large to be written out once per tap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.emit.numpy_frame import EMPTY, Frame, allocation, place, shape_text
from symconv.emit.numpy_integers import Code
from symconv.emit.numpy_matmul import Groups, Labelled, volume, volume_text
from symconv.emit.numpy_scalars import product, split
from symconv.emit.numpy_views import align, view
from symconv.integers import Int
from symconv.ir import Access, Axis, Number, Tensor
from symconv.slicing import Span

LARGEST = 25                                    # log2 of the elements that are worth writing out


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
            window = _Window(frame, first)
        case _:
            return None
    for moving, fixed in ((one, two), (two, one)):
        made = window.gathered(moving, fixed)
        if made is not None:
            break
    else:
        made = window.scattered(one, two)
    if made is None:
        return None
    value = product([Number(number)], frame.reader(), Code(made.value)).text
    return made.written(value, taps)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Statements around a value, and what has to hold for them: how many elements are written
    out, and which array must be finite."""

    before: list[str]
    value: str
    after: str
    elements: tuple[str, Int]
    finite: str | None
    rest: list[str]

    def written(self, value: str, taps: Sequence[str]) -> list[str] | None:
        text, elements = self.elements
        known = elements.constant
        if known is not None and known >> LARGEST:
            return None
        tests = [] if known is not None else [f"{text} < 2**{LARGEST}"]
        lines = [*self.before, f"{self.after}{value}", *self.rest]
        if self.finite is not None:
            tests.append(f"np.isfinite(np.vdot({self.finite}, {self.finite}))")
        if not tests:
            return lines
        return [f"if {' and '.join(tests)}:", *(f"    {line}" for line in lines),
                "else:", *(f"    {line}" for line in taps)]


@dataclass(frozen=True, slots=True)
class _Window:
    frame: Frame
    first: bool

    @property
    def spans(self) -> dict[str, Span]:
        """All indices as whole axes, those of the loops too."""
        plan = self.frame.plan
        return {span.name: Span(span.name, span.extent, Int.of(0), span.extent)
                for span in (*plan.loops, *plan.spans)}

    @property
    def extents(self) -> dict[str, Int]:
        return {name: span.extent for name, span in self.spans.items()}

    def gathered(self, moving: Access, fixed: Access) -> _Plan | None:
        """Columns of `moving`, times `fixed`."""
        frame = self.frame
        source, names = frame.reader().view(moving), [loop.name for loop in frame.plan.loops]
        weights, target = self._plain(fixed), self._plain_axes(
            frame.definition.target, frame.plan.target)
        covered = frame.spans.keys() - set(source.axes)
        if weights is None or target is None or not source.axes or not all(
                frame.spans[name].whole for name in covered) or not {*names} <= set().union(
                    *(subscript.names() for subscript in moving.subscripts)):
            return None
        axes = (*source.axes, *names)
        groups = Groups.of(weights.axes, axes, target)
        if groups is None:
            return None
        parts = self._parts(weights.axes, source.axes, groups)
        if parts is not None:
            groups = Groups.of(weights.axes, axes, (parts, *target)) or groups
        ours = groups.rows if groups.swapped else groups.columns
        pair = (ours, groups.summed) if source.axes[-1] in groups.summed else (groups.summed, ours)
        order = (*(name for name in groups.batch if name in axes), *pair[0], *pair[1])
        columns = self._tensor("columns", order)
        part = view(columns, [Int.of(name) for name in order], frame.spans, frame.first)
        filled = all(frame.spans[name].whole for name in source.axes)
        made = allocation(columns, frame.scope.type_of(frame.definition), EMPTY)
        tap = [f"{place(part)} = {align(source.raw(), source.axes, part.axes)}"]
        if not filled:
            items = [name if name in names else ":" for name in order]
            while items[-1] == ":":
                items.pop()
            tap.insert(0, f"{columns.name}[{', '.join(items)}] = 0")
        lines = [f"{columns.name} = {made}", *frame.nest(tap)]
        value = groups.product(weights, Labelled(columns.name, order), self.extents)
        if parts in groups.batch:
            value += ".sum(axis=0)"
        shape = shape_text(frame.definition.target.logical)
        known = frame.definition.target.name
        return _Plan(lines, f"{value}.reshape({shape})", f"{known} {'' if self.first else '+'}= ",
                     self._elements(order), None if filled else weights.text, [])

    def scattered(self, one: Access, two: Access) -> _Plan | None:
        """The products of all taps, added where the target has them."""
        frame = self.frame
        first, second = self._plain(one), self._plain(two)
        inner, names = frame.target.axes, [loop.name for loop in frame.plan.loops]
        if first is None or second is None or not inner or not {*names} <= set().union(
                *(subscript.names() for subscript in frame.plan.target)):
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
        order = (*batch, *(name for name in (*first.axes, *second.axes)
                           if name in axes and name not in batch))
        order = tuple(dict.fromkeys(order))
        groups = Groups.of(first.axes, second.axes, order)
        if groups is None or {*order} != axes:
            return None
        products = self._tensor("products", order)
        part = view(products, [Int.of(name) for name in order], frame.spans, frame.first)
        target = frame.definition.target
        lines = [f"{target.name} = {allocation(target, frame.scope.type_of(frame.definition))}"]
        value = groups.product(first, second, self.extents)
        added = f"{place(frame.target)} += {align(part.raw(), part.axes, inner)}"
        return _Plan(lines if self.first else [],
                     f"{value}.reshape({shape_text(products.logical)})", f"{products.name} = ",
                     self._elements(order), None, frame.nest([added]))

    def _parts(self, one: Sequence[str], two: Sequence[str], groups: Groups) -> str | None:
        """A summed index for which there is a product each, added up afterwards: the first axis
        of both, where these products are smaller than the columns. BLAS is slow at few rows and
        columns with a long sum, and no operand has to be transposed."""
        name = one[0]
        if name != two[0] or len(groups.summed) < 2 or name not in groups.summed:
            return None
        long = volume(groups.summed, self.extents).constant
        few = volume((name, *min(groups.rows, groups.columns, key=len)), self.extents).constant
        return name if long is not None and few is not None and few <= long else None

    def _elements(self, order: Sequence[str]) -> tuple[str, Int]:
        return volume_text(order, self.extents), volume(order, self.extents)

    def _plain(self, access: Access) -> Labelled | None:
        tensor = self.frame.scope.tensors[access.tensor]
        axes = self._plain_axes(tensor, access.subscripts)
        if axes is None:
            return None
        return Labelled(view(tensor, access.subscripts, self.spans, ()).raw(), axes)

    def _plain_axes(self, tensor: Tensor, subscripts: Sequence[Int]) -> tuple[str, ...] | None:
        """The indices of an array that is used whole: each runs along an axis of its own."""
        axes: list[str] = []
        for subscript, extent in zip(subscripts, tensor.logical, strict=True):
            if subscript.constant is not None:
                continue
            name = subscript.name
            if name is None or name in axes or self.extents.get(name) != extent:
                return None
            axes.append(name)
        return tuple(axes)

    def _tensor(self, stem: str, order: Sequence[str]) -> Tensor:
        """A new array with an axis for each index."""
        return Tensor(self.frame.name(stem), tuple(
            Axis(self.extents[name], (self.extents[name],)) for name in order))
