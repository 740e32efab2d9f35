"""Inputs to check at: random numbers, small integers with many ties, integers far apart.

Everything is drawn from a generator with a fixed seed, so that a verdict can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from symconv.arrays import Array, Shape
from symconv.integers import Element, Int
from symconv.ir import Equal, Program
from symconv.rewrite import accesses, row_expressions, scalar_integers
from symconv.shapes import output_shapes, specialise, stored_shape

SPACING = 4                     # between integers that a step of 1 must not bring together
_Draw = Callable[[Shape], Array]


@dataclass(frozen=True, slots=True)
class Point:
    """The arguments of all passes: operands, cotangents by output, and by operand the tangents
    of the jvp and the directions of the double vjp (the same, so that results compare)."""

    operands: Mapping[str, Array]
    cotangents: Mapping[str, Array]
    tangents: Mapping[str, Array]
    directions: Mapping[str, Array]

    def moved(self, steps: Mapping[str, Array], factor: float = 1) -> dict[str, Array]:
        """The operands with factor * step added to those that have a step."""
        return {name: np.asarray(array + factor * steps[name], array.dtype)
                if name in steps else array for name, array in self.operands.items()}

    def in_type(self, dtype: str) -> Point:
        """The same numbers in another element type."""
        def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
            return {name: array if array.dtype.kind == "i" else array.astype(dtype)
                    for name, array in arrays.items()}
        return Point(cast(self.operands), cast(self.cotangents), cast(self.tangents),
                     cast(self.directions))


def random_point(program: Program, values: Mapping[str, int], dtype: str, seed: int,
                 positive: bool = False) -> Point:
    """Normal numbers, or numbers between 1/2 and 3/2 where operands must be positive.

    Directions are multiples of 2**-8: added to float32 operands in float64 they lose nothing.
    """
    rng = np.random.default_rng(seed)

    def draw(shape: Shape) -> Array:
        return np.asarray(rng.standard_normal(shape), dtype)

    def draw_positive(shape: Shape) -> Array:
        return np.asarray(rng.uniform(0.5, 1.5, shape), dtype)

    def draw_coarse(shape: Shape) -> Array:
        return np.asarray(np.rint(256 * rng.standard_normal(shape)) / 256, dtype)

    return _point(program, values, draw_positive if positive else draw, draw_coarse, rng)


def integer_point(program: Program, values: Mapping[str, int], dtype: str, seed: int,
                  reach: int = 3, factor: int = 1) -> Point:
    """Integers from -reach to reach, times a factor: ties and zeros abound."""
    rng = np.random.default_rng(seed)

    def draw(shape: Shape) -> Array:
        return np.asarray(factor * rng.integers(-reach, reach + 1, shape), dtype)

    return _point(program, values, draw, draw, rng)


def spaced_point(program: Program, values: Mapping[str, int], dtype: str, seed: int) -> Point:
    """Small integers, but the elements of all real operands are SPACING apart and not 0."""
    plain = integer_point(program, values, dtype, seed)
    real = [name for name, array in plain.operands.items() if array.dtype.kind == "f"]
    count = sum(plain.operands[name].size for name in real)
    numbers = np.random.default_rng(seed).permutation(count) - count // 2
    spaced, start = dict(plain.operands), 0
    for name in real:
        size = spaced[name].size
        chosen = SPACING * numbers[start:start + size] + SPACING // 2
        spaced[name] = chosen.reshape(spaced[name].shape).astype(dtype)
        start += size
    return replace(plain, operands=spaced)


def beside(point: Point) -> Point:
    """The point in float64, with operands that differ by about 2**-30 of themselves."""
    rng = np.random.default_rng(3)
    wide = point.in_type("float64")
    return replace(wide, operands={
        name: array if array.dtype.kind == "i" else np.asarray(
            array * (1 + 2.0 ** -30 * rng.standard_normal(array.shape)))
        for name, array in wide.operands.items()})


def steps(shape: Shape, seed: int, units: int = 48, dense: int = 8) -> Iterator[Array]:
    """Directions: all unit vectors or `units` of them, then `dense` ones of entries -1 and 1.

    A fault anywhere escapes a dense direction by chance at most every other time.
    """
    size = int(np.prod(shape))
    rng = np.random.default_rng(seed)
    chosen = range(size) if size <= units else sorted(rng.choice(size, units, replace=False))
    for place in chosen:
        unit = np.zeros(size)
        unit[place] = 1
        yield unit.reshape(shape)
    for _ in range(dense):
        yield np.asarray(rng.choice((-1.0, 1.0), shape))


def _point(program: Program, values: Mapping[str, int], operand: _Draw, direction: _Draw,
           rng: np.random.Generator) -> Point:
    limits = label_limits(program, values)
    operands: dict[str, Array] = {}
    for tensor in program.inputs:
        shape = stored_shape(tensor, values)
        if tensor.kind == "real":
            operands[tensor.name] = operand(shape)
        else:
            low, high = limits[tensor.name]
            operands[tensor.name] = rng.integers(low, high + 1, shape, dtype=np.int64)
    real = {name: array.shape for name, array in operands.items() if array.dtype.kind == "f"}
    outputs = {name: shape for name, shape in output_shapes(program, values).items()
               if program.tensor(name).kind == "real"}
    cotangents = {name: direction(shape) for name, shape in outputs.items()}
    tangents = {name: direction(shape) for name, shape in real.items()}
    return Point(operands, cotangents, tangents, tangents)


def label_limits(program: Program, values: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """For each integer operand the smallest and largest value that every use of it allows."""
    limits = {tensor.name: (0, 2**31) for tensor in program.inputs if tensor.kind == "integer"}
    if limits:
        fixed = specialise(program, values)
        for name, low, high in _uses(fixed):
            if name in limits:
                limits[name] = max(limits[name][0], low), min(limits[name][1], high)
    return {name: (low, high if low <= high < 2**31 else low)
            for name, (low, high) in limits.items()}


def _uses(program: Program) -> Iterator[tuple[str, int, int]]:
    """(integer tensor, low, high) for every equality and subscript that reads one."""
    for definition in program.definitions:
        for term in definition.terms:
            extents = {index.name: index.extent.constant or 1
                       for index in (*definition.free, *term.bound)}
            for row in term.rows:
                if isinstance(row, Equal):
                    yield from _solved(row.expression, extents)
            expressions = [e for row in term.rows for e in row_expressions(row)]
            for access in accesses(term.body):
                yield from _read(access.tensor, access.subscripts, program)
            for expression in (*expressions, *scalar_integers(term.body)):
                for element in expression.elements():
                    yield from _read(element.tensor, element.subscripts, program)


def _read(tensor: str, subscripts: tuple[Int, ...],
          program: Program) -> Iterator[tuple[str, int, int]]:
    for subscript, extent in zip(subscripts, program.tensor(tensor).logical, strict=True):
        match subscript.terms:
            case (((Element(name, _),), 1),):
                yield name, 0, (extent.constant or 1) - 1


def _solved(expression: Int, extents: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    """c*k[...] + rest = 0 with c = 1 or -1: the range of k over the box of the indices."""
    for monomial, coefficient in expression.terms:
        match monomial:
            case (Element(name, _),) if coefficient in (1, -1):
                rest = (expression - coefficient * Int.atom(monomial[0])) * -coefficient
                span = _span(rest, extents)
                if span is not None:
                    yield name, *span


def _span(expression: Int, extents: Mapping[str, int]) -> tuple[int, int] | None:
    low = high = 0
    for monomial, coefficient in expression.terms:
        match monomial:
            case ():
                low, high = low + coefficient, high + coefficient
            case (str() as name,) if name in extents:
                end = coefficient * (extents[name] - 1)
                low, high = low + min(end, 0), high + max(end, 0)
            case _:
                return None
    return low, high


