"""Single elements of a derivative: for sizes at which all of them would take too long.

A gradient of n elements costs the interpreter about n times what the forward pass costs. At a few
places it costs a few times that, and a direction t that is zero elsewhere still asks the whole
forward pass about them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from symconv.errors import ParameterError
from symconv.integers import Int, evaluate
from symconv.ir import Axis, Definition, Equal, Index
from symconv.rewrite import accesses, row_names, substitute_term

if TYPE_CHECKING:
    from symconv.ir import Program

_MANY = 3_000_000            # points of the interpreter, about half a second
_MOST = 3_000_000            # and of one forward pass, some ten of which are needed
_INNER = 1                   # places beside the first and the last


def chosen_places(programs: tuple[Program, ...], count: int,
                  sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The flat positions to look at among `count` elements: all, or the first, the last and a few
    between them where the programs are long."""
    if count <= _INNER + 2 or sum(points(program, sizes) for program in programs) <= _MANY:
        return tuple(range(count))
    inner = random.Random("places").sample(range(1, count - 1), _INNER)
    return (0, *sorted(inner), count - 1)


def at_place(program: Program, output: str, axes: int, place: int,
             sizes: Mapping[str, int]) -> Program:
    """The program with one output alone, whose last `axes` indices are fixed; `place` is their
    flat position. An output that something else reads stays whole."""
    definition = program.definition(output)
    if any(access.tensor == output for other in program.definitions for term in other.terms
           for access in accesses(term.body)):
        return replace(program, outputs=(output,))
    kept, fixed = definition.free[:len(definition.free) - axes], definition.free[-axes:]
    at: dict[str, Int] = {}
    for index in reversed(fixed if axes else ()):
        place, rest = divmod(place, evaluate(index.extent, sizes))
        at[index.name] = Int.of(rest)
    free = (*kept, *(Index(name, Int.of(1)) for name in at))
    target = replace(definition.target, axes=tuple(
        Axis(index.extent, (index.extent,)) for index in free))
    narrow = replace(definition, target=target, free=free, terms=tuple(
        substitute_term(term, at) for term in definition.terms))
    return replace(program, outputs=(output,), definitions=tuple(
        narrow if other is definition else other for other in program.definitions
        if other is definition or other.target.name not in program.outputs))


def expect_affordable(source: Program, sizes: Mapping[str, int]) -> None:
    """ParameterError where one forward pass is beyond the interpreter at these sizes."""
    needed = points(source, sizes)
    if needed > _MOST:
        raise ParameterError(
            f"the smallest sizes that fit this definition need about {needed} points of the "
            f"interpreter to confirm its derivation, and at most {_MOST} are tried; write large "
            "extents as names, or smaller")


def points(program: Program, sizes: Mapping[str, int]) -> int:
    """About how many points the interpreter tries."""
    return sum(_points(definition, sizes) for definition in program.definitions)


def _points(definition: Definition, sizes: Mapping[str, int]) -> int:
    """An equality ends all but one turn of the loop at which it can be tested."""
    total = 0
    for term in definition.terms:
        known, reached, tried = {index.name for index in definition.free}, 1, 1
        bound = {index.name for index in term.bound}
        rows = [row_names(row) for row in term.rows if isinstance(row, Equal)]
        for index in term.bound:
            extent = evaluate(index.extent, sizes)
            tried += reached * extent
            known.add(index.name)
            if not any(index.name in names and names & bound <= known for names in rows):
                reached *= extent
        total += tried
    return total * math.prod(evaluate(index.extent, sizes) for index in definition.free)
