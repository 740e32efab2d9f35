"""Whether every element of a max, min, arg max, arg min or mean has a point, for fixed shapes.

A mean over a relation divides by a count, a statement of its own: where such a count is 0, the
mean has no value.

Rows connect the indices that they name; the relation is a product over the connected components,
so each component is tested alone, by trying all of its values (a pooling window: the pairs of an
output index and a tap). It is tested beside an empty axis, too: a window without a value is wrong
for every batch, that of size zero included. Rows that read integer tensors depend on data and are
left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from symconv.errors import ShapeError
from symconv.integers import Extremum, Floor, Int
from symconv.ir import (
    Access,
    AtLeast,
    Definition,
    Divides,
    Equal,
    Index,
    Number,
    Power,
    Program,
    Row,
    Scalar,
    Times,
)
from symconv.rewrite import row_expressions, row_names, scalar_children

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values: TypeAlias = npt.NDArray[np.int64]

_AT_ONCE = 1 << 22


def check_windows(program: Program) -> None:
    """Raise ShapeError where an extremum or a mean of a program of fixed shapes has an empty
    window."""
    for definition in windowed(program):
        for term in definition.terms:
            rows = [row for row in term.rows
                    if not any(e.elements() for e in row_expressions(row))]
            constant = [row for row in rows if not row_names(row)]
            if not all(_row(row, {}) for row in constant):
                raise _no_value(definition, "its element", ())
            for component in components((*definition.free, *term.bound), rows):
                _check(definition, component, [
                    row for row in rows if row_names(row) & {i.name for i in component}])


def windowed(program: Program) -> tuple[Definition, ...]:
    """The definitions whose every element needs a point: extrema, and counts that divide."""
    divisors: set[str] = set()
    for definition in program.definitions:
        for term in definition.terms:
            divisors |= _divisors(term.body)
    return tuple(d for d in program.definitions if d.reduction != "sum" or (
        d.target.name in divisors and len(d.terms) == 1 and d.terms[0].bound
        and d.terms[0].body == Number(Fraction(1))))


def _divisors(body: Scalar) -> set[str]:
    """The tensors that a body divides by."""
    if isinstance(body, Power) and body.exponent < 0:
        factors = body.base.arguments if isinstance(body.base, Times) else (body.base,)
        return {factor.tensor for factor in factors if isinstance(factor, Access)}
    return set().union(*map(_divisors, scalar_children(body)))


def components(indices: Sequence[Index], rows: Sequence[Row]) -> list[list[Index]]:
    """The indices, grouped by the rows that connect them; both in their given order."""
    groups = [[index] for index in indices]
    for row in rows:
        names = row_names(row)
        touched = [group for group in groups if any(index.name in names for index in group)]
        if len(touched) > 1:
            groups = [group for group in groups if group not in touched]
            groups.append([index for group in touched for index in group])
    return groups


def _check(definition: Definition, component: Sequence[Index], rows: Sequence[Row]) -> None:
    free = [index for index in component if index in definition.free]
    bound = [index for index in component if index not in definition.free]
    if not rows:
        for index in bound:
            if _number(index.extent) < 1:
                raise ShapeError(f"{definition.target.name}: the {_kind(definition)} runs over "
                                 f"{index.name} of extent 0; it needs at least one value")
        return
    place = _empty(free, bound, rows)
    if place is not None:
        where = ", ".join(f"{index.name} = {v}" for index, v in zip(free, place, strict=True))
        raise _no_value(definition, where or "its element", bound)


def _no_value(definition: Definition, where: str, bound: Sequence[Index]) -> ShapeError:
    taps = ", ".join(f"{index.name} < {index.extent}" for index in bound)
    return ShapeError(
        f"{definition.target.name}: the {_kind(definition)} at {where} has no value inside "
        f"the input (none of {taps or 'its points'}); "
        "reduce the padding or the dilation, or enlarge the input")


def _kind(definition: Definition) -> str:
    return "mean" if definition.reduction == "sum" else definition.reduction


def _empty(free: Sequence[Index], bound: Sequence[Index],
           rows: Sequence[Row]) -> tuple[int, ...] | None:
    """The first values of the free indices at which no values of the bound ones fit."""
    import numpy as np

    indices = [*free, *bound]
    shape = [_number(index.extent) for index in indices]
    volume = 1
    for extent in shape[1:]:
        volume *= max(extent, 1)
    step = max(1, _AT_ONCE // volume) if free else max(shape[0], 1)
    for start in range(0, max(shape[0], 1), step):
        ranges = [np.arange(start, min(start + step, shape[0])),
                  *(np.arange(extent) for extent in shape[1:])]
        grid = dict(zip((index.name for index in indices),
                        np.meshgrid(*ranges, indexing="ij", sparse=True), strict=True))
        holds = np.ones([len(values) for values in ranges], dtype=bool)
        for row in rows:
            holds &= _row(row, grid)
        lacking = np.argwhere(~np.any(holds, axis=tuple(range(len(free), len(indices)))))
        if len(lacking):
            first = [int(v) for v in lacking[0]]
            return tuple(v + (start if k == 0 else 0) for k, v in enumerate(first))
    return None


def _row(row: Row, grid: Mapping[str, Values]) -> Any:
    match row:
        case Equal(expression):
            return _value(expression, grid) == 0
        case AtLeast(expression):
            return _value(expression, grid) >= 0
        case Divides(modulus, expression):
            return _value(expression, grid) % _value(modulus, grid) == 0


def _value(expression: Int, grid: Mapping[str, Values]) -> Any:
    """`integers.evaluate` over arrays of index values."""
    import numpy as np

    total: Any = 0
    for monomial, coefficient in expression.terms:
        product: Any = coefficient
        for atom in monomial:
            match atom:
                case str():
                    product = product * grid[atom]
                case Floor(numerator, denominator):
                    product = product * (_value(numerator, grid) // _value(denominator, grid))
                case Extremum(kind, arguments):
                    choose = np.minimum if kind == "min" else np.maximum
                    found = _value(arguments[0], grid)
                    for argument in arguments[1:]:
                        found = choose(found, _value(argument, grid))
                    product = product * found
        total = total + product
    return total


def _number(extent: Int) -> int:
    if extent.constant is None:
        raise ShapeError(f"the extent {extent} has no value: bind all sizes first")
    return extent.constant
