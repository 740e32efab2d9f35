"""The equations between extents: the value of every size, from the shapes of some operands.

A stored axis tells two things: its extent, and that this is the product of its logical extents.
Each is solved once a single free size in it is unknown and it is affine in that one; a derived
size is computed as soon as its own equation holds known values alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from symconv.errors import ShapeError
from symconv.integers import Int, evaluate, product
from symconv.ir import Program, Size


def solve_sizes(program: Program, given: Mapping[str, tuple[int, ...]],
                values: dict[str, int]) -> None:
    """Add the value of every size to `values`, which has those of the parameters; `given` are
    stored shapes. Raises ShapeError where some sizes stay unknown."""
    equations = [(tensor.name, place, side, extent)
                 for tensor in program.inputs if tensor.name in given
                 for place, (axis, extent) in enumerate(zip(tensor.axes, given[tensor.name],
                                                            strict=True))
                 for side in (axis.stored, product(axis.logical))]
    equations.sort(key=lambda equation: equation[2].name is None)    # plain names first
    free = {size.name for size in program.sizes if size.value is None}
    progress = True
    while progress:
        progress = False
        for size in program.sizes:
            if size.name not in values and size.value is not None \
                    and size.value.names() <= values.keys():
                values[size.name] = _derived(size, size.value, values)
                progress = True
        for operand, place, side, extent in equations:
            unknown = side.names() - values.keys()
            if len(unknown) == 1 and unknown <= free:
                found = _unknown(side, next(iter(unknown)), extent, values)
                if found is not None:
                    values[next(iter(unknown))] = _whole(found, operand, place, side, extent)
                    progress = True
    missing = [size.name for size in program.sizes if size.name not in values]
    if missing:
        absent = [tensor.name for tensor in program.inputs if tensor.name not in given]
        remedy = f"give the shape of {' or '.join(absent)}" if absent else \
            "write these sizes as extents of an operand of their own"
        raise ShapeError(f"the shapes given do not determine {', '.join(missing)}: {remedy}")


def _derived(size: Size, value: Int, values: Mapping[str, int]) -> int:
    try:
        return evaluate(value, values)
    except ZeroDivisionError:
        raise ShapeError(f"{size.name} = {value} divides by 0 for "
                         f"{listing(value.names(), values)}") from None


def _unknown(side: Int, name: str, extent: int,
             values: Mapping[str, int]) -> tuple[int, int] | None:
    """(numerator, denominator) of `name` in side = extent; None where it is not affine."""
    known = side.substitute({n: Int.of(v) for n, v in values.items()})
    if not known.is_affine((name,)):
        return None
    factor, rest = known.coefficient(name).constant, known.without((name,)).constant
    return None if not factor or rest is None else (extent - rest, factor)


def _whole(fraction: tuple[int, int], operand: str, place: int, side: Int, extent: int) -> int:
    """The quotient; ShapeError where it is no integer of at least 0."""
    numerator, denominator = fraction
    value, rest = divmod(numerator, denominator)
    if rest or value < 0:
        raise ShapeError(f"{operand}, axis {place}: extent {extent} given, needed is {side}, "
                         f"as for {extent - rest}" if rest and value >= 0 else
                         f"{operand}, axis {place}: extent {extent} given, which is too small for "
                         f"{side}")
    return value


def listing(names: frozenset[str], values: Mapping[str, int]) -> str:
    """The values of some names, for a message."""
    return ", ".join(f"{name} = {values[name]}" for name in sorted(names)) or "a constant"
