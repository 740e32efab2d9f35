"""What a derivation is tried on: parameters, small shapes, and random operands."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv.errors import ParameterError, ShapeError
from symconv.integers import Int, evaluate
from symconv.rewrite import substitute_program
from symconv.sampling import example_shapes
from symconv.shapes import Shape, bind, stored_shape

if TYPE_CHECKING:
    from symconv.ir import Program, Tensor

_LIKELY = (2, 1, 3)                 # values of parameters: strides and dilations above 1 first
_COMBINATIONS = 100


@dataclass(frozen=True, slots=True)
class Draw:
    """How operands are drawn: multiples of 1/parts from -reach or 0 to reach, none of them 0 and
    no two of an operand the same. Where `rational`, values are exact throughout."""

    reach: int
    parts: int
    positive: bool
    rational: bool


# Integers give exact values and few ties. Functions without rational values take moderate
# numbers, for which no exponential vanishes, and a logarithm takes positive ones.
DRAWS = (Draw(999, 1, False, True), Draw(9999, 1, False, True), Draw(3, 256, False, False),
         Draw(2, 4096, False, False), Draw(3, 256, True, False), Draw(2, 4096, True, False))


def trial_sizes(program: Program) -> tuple[dict[str, int], dict[str, Shape]]:
    """Values for the parameters, and shapes. ShapeError where no small ones fit."""
    for params in itertools.islice(_parameters(program.parameters), _COMBINATIONS):
        try:
            fixed = substitute_program(program, {name: Int.of(value)
                                                 for name, value in params.items()})
            shapes = example_shapes(fixed)
            bind(program, shapes, params)
        except (ShapeError, ParameterError, ZeroDivisionError):
            continue
        return params, shapes
    raise ShapeError("no small shapes fit this definition, so no line of its derivation can be "
                     "confirmed by evaluation; give parameters and extents that some do")


def _parameters(names: tuple[str, ...]) -> Iterator[dict[str, int]]:
    ranks = itertools.product(range(len(_LIKELY)), repeat=len(names))
    for chosen in sorted(ranks, key=sum) if len(names) <= 6 else ranks:
        yield {name: _LIKELY[rank] for name, rank in zip(names, chosen, strict=True)}


def operands(program: Program, shapes: Mapping[str, Shape], params: Mapping[str, int],
             draw: Draw, seed: int) -> dict[str, Any]:
    """Random values for every operand; integer operands take values in their range."""
    sizes = bind(program, dict(shapes), dict(params))
    generator = random.Random(f"operands {seed}")
    return {tensor.name: integers(program, tensor, sizes, generator)
            if tensor.kind == "integer" else
            _drawn(stored_shape(tensor, sizes), draw, generator) for tensor in program.inputs}


def integers(program: Program, tensor: Tensor, sizes: Mapping[str, int],
             generator: random.Random) -> Any:
    """Values of an integer operand, below the stop that the program declares."""
    stop = next((evaluate(limit.stop, sizes) for limit in program.value_ranges
                 if limit.tensor == tensor.name), 1)
    shape = stored_shape(tensor, sizes)
    return filled(shape, [generator.randrange(stop) for _ in range(math.prod(shape))])


def direction(shape: Shape, seed: int, longest: int = 2 ** 16) -> Any:
    """Random integers from -longest to longest without 0."""
    generator = random.Random(f"direction {seed}")
    return filled(shape, [generator.choice((-1, 1)) * generator.randint(1, longest)
                          for _ in range(math.prod(shape))])


def filled(shape: Shape, entries: list[Any]) -> Any:
    """An object array of a shape with the entries in C order."""
    import numpy as np

    array: Any = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def _drawn(shape: Shape, draw: Draw, generator: random.Random) -> Any:
    count = math.prod(shape)
    top = max(draw.reach * draw.parts, count)
    chosen = generator.sample(range(1, 2 * top + 1) if draw.positive else
                              [n for n in range(-top, top + 1) if n], count)
    scale = 2 * draw.parts if draw.positive else draw.parts
    return filled(shape, [n if scale == 1 else Fraction(n, scale) for n in chosen])
