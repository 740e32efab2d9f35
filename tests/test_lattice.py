"""The solutions that the Hermite form describes are all solutions, and each once."""

from __future__ import annotations

import itertools
import random

import pytest

from symconv.lattice import Matrix, lattice


def product(left: Matrix, right: Matrix) -> Matrix:
    return tuple(tuple(sum(a * b for a, b in zip(row, column, strict=True))
                       for column in zip(*right, strict=True)) for row in left)


def determinant(matrix: Matrix) -> int:
    if not matrix:
        return 1
    return sum((-1) ** place * value * determinant(
        tuple(row[:place] + row[place + 1:] for row in matrix[1:]))
        for place, value in enumerate(matrix[0]))


def enumerated(matrix: Matrix, rests: tuple[int, ...],
               extents: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The solutions in a box as loops reach them: pivots, then free unknowns within ranges."""
    form = lattice(matrix)
    known: list[int] = []
    for number, rest in enumerate(rests):
        left = rest - sum(z * f for z, f in zip(known, form.echelon[number], strict=False))
        if number in form.pivots:
            divisor = form.echelon[number][len(known)]
            if left % divisor:
                return []
            known.append(left // divisor)
        elif left:
            return []
    found: list[tuple[int, ...]] = []

    def loop(columns: list[int]) -> None:
        free = len(columns) - len(form.pivots)
        if free == len(form.ranges):
            point = tuple(sum(a * z for a, z in zip(row, columns, strict=True))
                          for row in form.transform)
            if all(0 <= x < extent for x, extent in zip(point, extents, strict=True)):
                found.append(point)
            return
        row = form.transform[form.ranges[free]]
        assert not any(row[len(columns) + 1:])
        start = sum(a * z for a, z in zip(row, columns, strict=False))
        step = row[len(columns)]
        assert step > 0
        for z in range(-(start // step), (extents[form.ranges[free]] - 1 - start) // step + 1):
            loop([*columns, z])

    loop(known)
    return found


def systems() -> list[Matrix]:
    """Every equation in two unknowns with small coefficients, and larger systems at random."""
    small = [((a, b),) for a, b in itertools.product(range(-3, 5), repeat=2) if a or b]
    rng = random.Random(0)
    return small + [
        tuple(tuple(rng.randint(-4, 4) for _ in range(unknowns)) for _ in range(equations))
        for equations, unknowns in [(1, 3), (2, 2), (2, 3), (3, 2), (3, 3), (2, 4)]
        for _ in range(40)]


@pytest.mark.parametrize("extents", [(3, 4, 2, 3), (1, 5, 4, 2)])
def test_loops_reach_every_solution_once(extents: tuple[int, ...]) -> None:
    for matrix in systems():
        box = extents[:len(matrix[0])]
        by_rest: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for point in itertools.product(*(range(extent) for extent in box)):
            rest = tuple(sum(a * x for a, x in zip(row, point, strict=True)) for row in matrix)
            by_rest.setdefault(rest, []).append(point)
        for rest, points in by_rest.items():
            assert sorted(enumerated(matrix, rest, box)) == points, (matrix, rest)
            moved = (rest[0] + 1, *rest[1:])
            assert sorted(enumerated(matrix, moved, box)) == by_rest.get(moved, [])


def test_the_form_is_a_unimodular_transform_into_echelon_form() -> None:
    for matrix in systems():
        form = lattice(matrix)
        assert product(matrix, form.transform) == form.echelon
        assert abs(determinant(form.transform)) == 1
        for column, pivot in enumerate(form.pivots):
            assert form.echelon[pivot][column] > 0
            assert not any(row[column] for row in form.echelon[:pivot])
        rank = len(form.pivots)
        assert not any(value for row in form.echelon for value in row[rank:])
        assert len(form.ranges) == len(matrix[0]) - rank
