"""A contraction of two arrays as one `np.matmul`: axes grouped to [batch, rows, K] @ [batch, K,
columns], where K are the summed axes.

A transposition that only swaps the two groups is free (BLAS reads either order); any other
one copies the array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_integers import plain
from symconv.integers import Int

_LONG = 1 << 9          # terms of a sum that cost more than to transpose it


@dataclass(frozen=True, slots=True)
class Labelled:
    """The text of an array and the index that each of its axes belongs to."""

    text: str
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The axes of a result, batch + rows + columns in this order, and those summed over.

    The left operand holds rows and K, the right one K and columns; each may lack axes of the batch.
    """

    batch: tuple[str, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    summed: tuple[str, ...]
    swapped: bool                               # the second operand stands on the left

    @staticmethod
    def of(first: Sequence[str], second: Sequence[str],
           target: Sequence[str]) -> Groups | None:
        """The groups for operands with these axes; None where it is no matrix product.

        Columns are the last axes of the target that one operand alone has, rows those before
        them that only the other one has.
        """
        summed = tuple(name for name in first if name not in target)
        if not target or not summed or set(summed) != {*second} - {*target} or not (
                {*target} <= {*first, *second}):
            return None
        swapped = target[-1] not in second
        left, right = (second, first) if swapped else (first, second)
        if swapped:
            summed = tuple(name for name in left if name in summed)
        rest, columns = _tail(target, right, left)
        batch, rows = _tail(rest, left, right)
        return Groups(batch, rows, columns, summed, swapped) if rows or columns else None

    def is_small(self, extents: Mapping[str, Int]) -> bool:
        """Whether a product has no more than half the elements of its operands."""
        rows, columns, summed = (volume(names, extents).constant or 0
                                 for names in (self.rows, self.columns, self.summed))
        return 2 * rows * columns <= (rows + columns) * summed

    def is_long(self, extents: Mapping[str, Int]) -> bool:
        """Whether a product of few rows with many columns sums so much that it should be one of
        many rows with few columns, for which BLAS takes less time, and be transposed behind."""
        rows, columns, summed = (volume(names, extents).constant or 0
                                 for names in (self.rows, self.columns, self.summed))
        return not self.batch and not self.swapped and 1 < rows < columns and (
            summed >= max(_LONG, 8 * rows))

    def product(self, first: Labelled, second: Labelled, extents: Mapping[str, Int]) -> str:
        """The text of the product, with one axis for rows and one for columns."""
        return self.multiplied(*self.matrices(first, second, extents))

    def matrices(self, first: Labelled, second: Labelled,
                 extents: Mapping[str, Int]) -> tuple[str, str]:
        """The texts of both operands, each with an axis for what is summed and one for the rest."""
        left, right = (second, first) if self.swapped else (first, second)
        pair = (self._arranged(left, self.rows, self.summed, extents),
                self._arranged(right, self.summed, self.columns, extents))
        return pair[::-1] if self.swapped else pair

    def factor(self, array: Labelled, extents: Mapping[str, Int]) -> str:
        """The text of the operand on the left as matrices."""
        return self._arranged(array, self.rows, self.summed, extents)

    def multiplied(self, first: str, second: str, function: str = "np.matmul",
                   into: str | None = None) -> str:
        """The product of two operands that are matrices already, written `into` a third."""
        left, right = (second, first) if self.swapped else (first, second)
        return f"{function}({left}, {right}{f', out={into}' if into else ''})"

    def result(self, array: Labelled, extents: Mapping[str, Int]) -> str:
        """An array with the axes of the product as matrices."""
        return self._arranged(array, self.rows, self.columns, extents)

    def reordered(self, product: str, target: Sequence[str], extents: Mapping[str, Int]) -> str:
        """A product whose rows and columns are not in the order of the target, in that order."""
        names = (*self.batch, *self.rows, *self.columns)
        shape = ", ".join(plain(extents[name]) for name in names)
        order = ", ".join(str(names.index(name)) for name in target)
        return f"np.ascontiguousarray({product}.reshape(({shape})).transpose({order}))"

    def _arranged(self, array: Labelled, one: tuple[str, ...], two: tuple[str, ...],
                  extents: Mapping[str, Int]) -> str:
        """The array with the axes batch, one, two."""
        own = tuple(name for name in self.batch if name in array.axes)
        text, turned = array.text, False
        if array.axes == (*own, *two, *one):
            one, two, turned = two, one, bool(one)
            if not two:                         # a single row or column has no order
                one, two, turned = two, one, False
        elif array.axes != (*own, *one, *two):
            places = ", ".join(str(array.axes.index(name)) for name in (*own, *one, *two))
            text = f"{text}.transpose({places})"
        outer = self.batch[self.batch.index(own[0]):] if own else ()
        if outer != own or len(one) != 1 or len(two) != 1:
            shape = [plain(extents[name]) if name in own else "1" for name in outer]
            shape += [plain(extents[group[0]]) if len(group) == 1 else volume_text(group, extents)
                      for group in (one, two)]
            text += f".reshape({', '.join(shape)})"
        if turned:
            text += ".swapaxes(-1, -2)" if own else ".T"
        return text


def transposed(matrix: str) -> str:
    """The text of a matrix with rows and columns exchanged."""
    return matrix.removesuffix(".T") if matrix.endswith(".T") else f"{matrix}.T"


def plain_product(first: Labelled, second: Labelled, target: Sequence[str],
                  extents: Mapping[str, Int], whole: bool) -> str | None:
    """The contraction to the axes `target` where no axis has to move. Axes of `whole` operands are
    taken together if none that is kept is shared: a product for each of its places would be small.

    An index that leads both operands may be summed last, over products of their own, which must
    be small beside the operands where axes are taken together: their sum would cost more than to
    move the axes.
    """
    groups = Groups.of(first.axes, second.axes, target)
    if groups is None:
        return None
    ending, lead = "", first.axes[0]
    if lead == second.axes[0] and lead in groups.summed and len(groups.summed) > 1:
        groups, ending = Groups.of(first.axes, second.axes, (lead, *target)), ".sum(axis=0)"
    text = "" if groups is None else groups.product(first, second, extents) + ending
    shared = {*first.axes} & {*second.axes} & {*target}
    if groups is None or ".transpose(" in text or (
            ".reshape(" in text and (shared or not whole or (
                ending and not groups.is_small(extents)))):
        return None
    if len(groups.rows) != 1 or len(groups.columns) != 1:
        text += f".reshape({', '.join(plain(extents[name]) for name in target)})"
    return text


def volume(names: Sequence[str], extents: Mapping[str, Int]) -> Int:
    """How many points a box has."""
    return math.prod((extents[name] for name in names), start=Int.of(1))


def volume_text(names: Sequence[str], extents: Mapping[str, Int]) -> str:
    """The same as Python text, the sizes in the order of the names."""
    numbers = [extents[name].constant for name in names]
    number = math.prod(value for value in numbers if value is not None)
    factors = [plain(extents[name]) if extents[name].name else f"({plain(extents[name])})"
               for name in names if extents[name].constant is None]
    return "*".join([str(number), *factors] if number != 1 or not factors else factors)


def _tail(target: Sequence[str], inside: Sequence[str],
          outside: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The target without, and only, the last axes that `inside` has and `outside` lacks."""
    count = 0
    for name in reversed(target):
        if name not in inside or name in outside:
            break
        count += 1
    cut = len(target) - count
    return tuple(target[:cut]), tuple(target[cut:])
