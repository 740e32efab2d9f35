"""A product of two operands over the taps of a window, as the NumPy emitter sees it: which axes its
operands and its target have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.emit.numpy_frame import Frame
from symconv.emit.numpy_integers import Code
from symconv.emit.numpy_matmul import Labelled
from symconv.emit.numpy_scalars import product
from symconv.emit.numpy_views import view
from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.ir import Access, Number, Tensor
from symconv.slicing import Span


@dataclass(frozen=True, slots=True)
class Window:
    """The plan of a definition whose loops run over taps. `first` tells whether its sum makes the
    target, `factor` stands before the product, and with `inside` ranges alone keep reads inside
    arrays."""

    frame: Frame
    first: bool
    factor: Number
    inside: bool = True

    @property
    def spans(self) -> dict[str, Span]:
        """All indices as whole axes, those of the loops too."""
        plan = self.frame.plan
        return {span.name: Span(span.name, span.extent, Int.of(0), span.extent)
                for span in (*plan.loops, *plan.spans)}

    @property
    def extents(self) -> dict[str, Int]:
        return {name: span.extent for name, span in self.spans.items()}

    @property
    def loops(self) -> list[str]:
        return [loop.name for loop in self.frame.plan.loops]

    def moved(self, subscripts: Sequence[Int]) -> list[str]:
        """The indices that share a subscript with a loop: places, where loops are taps."""
        spans = self.frame.spans
        return [name for subscript in subscripts if subscript.names() & {*self.loops}
                for name in spans if name in subscript.names()]

    def is_bounded_by(self, span: Span, access: Access) -> bool:
        """Whether an index takes every value for which an access stays inside its array, so that
        zeros around the array are all that is left out."""
        lows, highs = self._reach(span.name, access)
        return span.low in (Int.of(0), *lows, *(largest(0, low) for low in lows)) and (
            span.high in (span.extent, *highs, *(smallest(span.extent, high) for high in highs)))

    def is_read_whole(self, name: str, access: Access) -> bool:
        """Whether an access stays inside its array for no other values than an index has."""
        lows, highs = self._reach(name, access)
        return Int.of(0) in lows and self.extents[name] in highs

    def _reach(self, name: str, access: Access) -> tuple[list[Int], list[Int]]:
        """Where an index begins and ends for each axis that it moves along, inside the array."""
        lows, highs = list[Int](), list[Int]()
        extents = self.frame.scope.tensors[access.tensor].logical
        for subscript, extent in zip(access.subscripts, extents, strict=True):
            factor, rest = subscript.coefficient(name), subscript.without((name,))
            first, last = -rest, extent - 1 - rest
            if (factor.constant or 0) < 0:
                factor, first, last = -factor, -last, -first
            if factor:
                lows.append(ceil_div(first, factor))
                highs.append(floor_div(last, factor) + 1)
        return lows, highs

    def scaled(self, value: str) -> str:
        return product([self.factor], self.frame.reader(), Code(value)).text

    def plain(self, access: Access) -> Labelled | None:
        tensor = self.frame.scope.tensors[access.tensor]
        axes = self._plain_axes(tensor, access.subscripts)
        if axes is None:
            return None
        return Labelled(view(tensor, access.subscripts, self.spans, ()).raw(), axes)

    def target_axes(self) -> tuple[str, ...] | None:
        """The indices of the target; None where elements of it have no index, as taps outside."""
        target, subscripts = self.frame.definition.target, self.frame.plan.target
        if any(subscript.constant is not None and extent.constant != 1
               for subscript, extent in zip(subscripts, target.logical, strict=True)):
            return None
        return self._plain_axes(target, subscripts)

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
