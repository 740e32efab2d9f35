"""Small shapes on which an operator can be tried, when nobody names any.

The sizes are searched for, in a fixed order: they satisfy every requirement of the operator, and
sizes are preferred that leave a remainder where outputs are computed by a division (the last rows
of a strided convolution are where faults hide) and that differ from axis to axis.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from symconv.errors import ShapeError
from symconv.integers import Floor, evaluate
from symconv.ir import Program
from symconv.rewrite import accesses
from symconv.shapes import Shape, bind, stored_shape

_LONG = (7, 8, 9, 6, 10, 11, 5, 13, 16, 4)
_LONG_OF_MANY = (4, 5, 6, 7, 8, 9, 10, 3, 11, 13)        # the interpreter tries every point
_MANY = 3
_SHORT = (3, 2, 1, 4, 5)
_SMALL = (1, 2, 3, 4, 5, 6, 7, 8, 9)
_PLAIN = (2, 3, 4, 6, 8, 5, 12, 1)
_STARTS = 3
_TRIES = 3000
_TRIES_FOR_REMAINDER = 200


def example_shapes(program: Program) -> dict[str, Shape]:
    """Operand -> shape, small and valid. ShapeError where the search finds none."""
    found: dict[str, Shape] | None = None
    budget = _TRIES
    for values in _assignments(program, _likely(program)):
        budget -= 1
        if budget < 0:
            break
        shapes = {tensor.name: stored_shape(tensor, values) for tensor in program.inputs}
        with suppress(ShapeError):
            bound = bind(program, shapes)
            if _are_distinct(program, bound) and _leaves_remainder(program, bound):
                return shapes
            if found is None:
                found, budget = shapes, min(budget, _TRIES_FOR_REMAINDER)
    if found is None:
        raise ShapeError("no small shapes fit this operator; give them with --shape, one for each "
                         f"of {', '.join(tensor.name for tensor in program.inputs)}")
    return found


def likely_shapes(program: Program) -> Iterator[dict[str, Shape]]:
    """Operand -> shape: small and valid ones, in the order in which they are searched."""
    return _valid(program, _likely(program))


def smallest_shapes(program: Program) -> Iterator[dict[str, Shape]]:
    """Operand -> shape: valid ones, those with the smallest sum of sizes first."""
    return _valid(program, [_SMALL] * len(_free(program)))


def _valid(program: Program, choices: Sequence[tuple[int, ...]]) -> Iterator[dict[str, Shape]]:
    for values in itertools.islice(_assignments(program, choices), _TRIES):
        shapes = {tensor.name: stored_shape(tensor, values) for tensor in program.inputs}
        with suppress(ShapeError):
            bind(program, shapes)
            yield shapes


def _free(program: Program) -> list[str]:
    return [size.name for size in program.sizes if size.value is None]


def _likely(program: Program) -> list[tuple[int, ...]]:
    """The values of each free size that are tried, likely ones first. Sizes of one role start at
    different values, so that axes cannot be mistaken for each other."""
    free = _free(program)
    long, short = _roles(program)
    lengths = _LONG_OF_MANY if len(long.intersection(free)) >= _MANY else _LONG
    choices: list[tuple[int, ...]] = []
    for name in free:
        values = lengths if name in long else _SHORT if name in short else _PLAIN
        turn = sum(set(values) == set(other) for other in choices) % _STARTS
        choices.append(values[turn:] + values[:turn])
    return choices


def _assignments(program: Program,
                 choices: Sequence[tuple[int, ...]]) -> Iterator[dict[str, int]]:
    """Values of all sizes: the first choices of the free sizes first, derived ones computed."""
    free = _free(program)
    for ranks in _by_total([len(choice) for choice in choices]):
        found = {name: choice[rank] for name, choice, rank
                  in zip(free, choices, ranks, strict=True)}
        with suppress(ZeroDivisionError, KeyError):
            _derive(program, found)
            if _split(program, found):
                _derive(program, found)
            if all(value >= 0 for value in found.values()):
                yield found


def _derive(program: Program, found: dict[str, int]) -> None:
    """Add the sizes that are computed from others."""
    for size in program.sizes:
        if size.value is not None:
            found[size.name] = evaluate(size.value, found)


def _split(program: Program, found: dict[str, int]) -> bool:
    """Correct the free sizes of axes that do not split as they are; whether there were any."""
    derived = {size.name: size.value for size in program.sizes if size.value is not None}
    corrected = False
    for axis in (axis for tensor in program.inputs for axis in tensor.axes):
        name = axis.stored.name
        if len(axis.logical) < 2 or name is None or name in derived:
            continue
        from_it = {size for size, value in derived.items() if name in value.names()}
        open_parts = [part for part in axis.logical if part.names() & from_it]
        rest = math.prod(evaluate(part, found) for part in axis.logical if part not in open_parts)
        if not open_parts and found[name] != rest:
            found[name], corrected = rest, True
        elif open_parts and rest > 0 and found[name] % rest:
            found[name], corrected = found[name] * rest, True
    return corrected


def _by_total(lengths: list[int]) -> Iterator[tuple[int, ...]]:
    """All tuples of ranks, those with a small sum first."""
    for total in range(sum(lengths) - len(lengths) + 1):
        yield from _with_sum(lengths, total)


def _with_sum(lengths: list[int], total: int) -> Iterator[tuple[int, ...]]:
    if not lengths:
        if total == 0:
            yield ()
        return
    for rank in range(min(lengths[0] - 1, total), -1, -1):
        for rest in _with_sum(lengths[1:], total - rank):
            yield (rank, *rest)


def _roles(program: Program) -> tuple[frozenset[str], frozenset[str]]:
    """Sizes of axes that are read at compound subscripts, and extents of the taps inside."""
    long: set[str] = set()
    short: set[str] = set()
    for definition in program.definitions:
        for term in definition.terms:
            extents = {index.name: index.extent for index in term.bound}
            for access in accesses(term.body):
                for subscript, extent in zip(access.subscripts, program.tensor(
                        access.tensor).logical, strict=True):
                    if subscript.name is None:
                        long |= extent.names()
                        short |= {name for index in subscript.names() & extents.keys()
                                  for name in extents[index].names()}
    return frozenset(long), frozenset(short - long)


def _are_distinct(program: Program, values: Mapping[str, int]) -> bool:
    """Whether no two axes that windows slide over have one size, so that no swap goes unseen."""
    long, _ = _roles(program)
    found = [values[size.name] for size in program.sizes
             if size.name in long and size.value is None]
    return len(set(found)) == len(found)


def _leaves_remainder(program: Program, values: Mapping[str, int]) -> bool:
    """Whether every division by more than 1 leaves a remainder, those of split axes aside."""
    exact = {name for tensor in program.inputs for axis in tensor.axes if len(axis.logical) > 1
             for extent in axis.logical for name in extent.names()}
    for size in program.sizes:
        if size.value is None or size.name in exact:
            continue
        for atom in itertools.chain.from_iterable(monomial for monomial, _ in size.value.terms):
            if isinstance(atom, Floor):
                divisor = evaluate(atom.denominator, values)
                if divisor > 1 and evaluate(atom.numerator, values) % divisor == 0:
                    return False
    return True
