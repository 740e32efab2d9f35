"""The integer points of a system of linear equations, by the Hermite normal form.

    A x = r      A: m equations in n unknowns, numbers;  r: known integers

Column operations over the integers (a unimodular U) bring A into lower echelon form A U = H:
the first k columns of H have their first nonzero entries, all positive, in rows p_1 < ... < p_k,
the other columns are 0. With x = U z the equations are H z = r, solved from the top:

    z_j = (r[p_j] - sum over l < j of H[p_j,l] z_l) / H[p_j,j]         which must be exact
    sum over l of H[q,l] z_l = r[q]                                    in every other row q
    z_j free                                                           for j > k

The columns of U behind k are a basis of the solutions of A x = 0. They are brought into echelon
form too, so that free unknown number f is the last one in some row: there the range of one x
gives the range of z_f once z of smaller number are known, and loops over them need no search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Matrix: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Lattice:
    """x = `transform` z, where `echelon` z = r.

    `pivots` are the rows that give z_1 .. z_k; `ranges` are for each free z the unknown whose
    row of `transform` ends in it.
    """

    transform: Matrix
    echelon: Matrix
    pivots: tuple[int, ...]
    ranges: tuple[int, ...]


def lattice(matrix: Sequence[Sequence[int]]) -> Lattice:
    """The Hermite form of a system with at least one unknown."""
    unknowns = len(matrix[0])
    unit = [[int(row == column) for column in range(unknowns)] for row in range(unknowns)]
    system = [list(row) for row in matrix]
    pivots = _reduce(system, unit, 0, len(system))
    rank = len(pivots)
    ranges = _reduce(unit, [], rank, unknowns)
    return Lattice(_frozen(unit), _frozen(system), pivots, ranges)


def _reduce(table: list[list[int]], beside: list[list[int]], first: int,
            rows: int) -> tuple[int, ...]:
    """Bring the columns from `first` on into echelon form, in place, with what stands `beside`
    along; entries before a pivot become 0 .. pivot - 1. Returns the rows of the pivots."""
    found: list[int] = []
    width = len(table[0])
    for row in range(rows):
        place = first + len(found)
        while True:
            there = [c for c in range(place, width) if table[row][c]]
            if not there:
                break
            least = min(there, key=lambda c: (abs(table[row][c]), c))
            _swap((*table, *beside), place, least)
            if table[row][place] < 0:
                _add((*table, *beside), place, place, -2)
            if len(there) == 1:
                for column in range(place):
                    _add((*table, *beside), column, place,
                         -(table[row][column] // table[row][place]))
                found.append(row)
                break
            for column in range(place + 1, width):
                _add((*table, *beside), column, place, -(table[row][column] // table[row][place]))
    return tuple(found)


def _swap(rows: Sequence[list[int]], one: int, other: int) -> None:
    for row in rows:
        row[one], row[other] = row[other], row[one]


def _add(rows: Sequence[list[int]], target: int, source: int, times: int) -> None:
    for row in rows:
        row[target] += times * row[source]


def _frozen(rows: Sequence[Sequence[int]]) -> Matrix:
    return tuple(tuple(row) for row in rows)
