"""Two descriptions of a set of points, compared by the judge that can.

isl decides where everything is linear. Elsewhere, as with symbolic strides, every point names its
partner on the other side (`_partner`), so that z3 need not search for it: the partner meets the
rows there and has the same coordinates, and a point is determined by its coordinates. A wrong
partner can only lose a proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from symconv.integers import Int
from symconv.ir import Equal, Row
from symconv.prove.by_isl import same_points
from symconv.prove.by_z3 import Formula, Reader, both, either, implied
from symconv.prove.pieces import Piece
from symconv.prove.statement import Judgement, NotLinear, Undecided, every
from symconv.rewrite import substitute_row


def compared(reference: Sequence[Piece], pieces: Sequence[Piece],
             known: Sequence[Row]) -> Judgement:
    """The same coordinates, each of them once on either side.

    Variables that all pieces name alike are coordinates too; if that fails because a name has
    changed its meaning, isl decides without them.
    """
    common = _common((*reference, *pieces))
    here, there = ([p.beside(common) for p in side] for side in (reference, pieces))
    try:
        answer = same_points(here, there, known)
        return answer if answer or not common else same_points(reference, pieces, known)
    except NotLinear:
        return every(_both_ways(here, there, known))


def _both_ways(forward: Sequence[Piece], gather: Sequence[Piece],
               known: Sequence[Row]) -> Iterator[Judgement]:
    for here, there in ((forward, gather), (gather, forward)):
        for piece in here:
            yield _covered(piece, there, known)
        apart = [_renamed(piece, f"{number}!") for number, piece in enumerate(here)]
        for number, piece in enumerate(apart):
            yield _determined(piece, _renamed(piece, "again!"), known)
            for other in apart[number + 1:]:
                yield _disjoint(piece, other, known)


def _covered(piece: Piece, there: Sequence[Piece], known: Sequence[Row]) -> Judgement:
    """Each point of the piece has a partner with the same coordinates on the other side."""
    reader, choices = Reader(), []
    for other in there:
        partner = _partner(piece, other)
        meets = tuple(coordinate.substitute(partner) for coordinate in other.coordinates)
        rows = [substitute_row(row, partner) for row in other.rows]
        choices.append(both(reader.rows(rows), reader.equal(piece.coordinates, meets)))
    return implied(reader, [reader.rows((*known, *piece.rows))], either(choices))


def _determined(piece: Piece, again: Piece, known: Sequence[Row]) -> Judgement:
    """Points with the same coordinates are the same."""
    reader = Reader()
    same = reader.equal(tuple(map(Int.of, piece.variables)), tuple(map(Int.of, again.variables)))
    return implied(reader, _meeting(reader, piece, again, known), same)


def _disjoint(piece: Piece, other: Piece, known: Sequence[Row]) -> Judgement:
    """No point of one has the coordinates of a point of the other."""
    reader = Reader()
    return implied(reader, _meeting(reader, piece, other, known), either(()))


def _meeting(reader: Reader, one: Piece, other: Piece, known: Sequence[Row]) -> list[Formula]:
    return [reader.rows((*known, *one.rows, *other.rows)),
            reader.equal(one.coordinates, other.coordinates)]


def _partner(piece: Piece, other: Piece) -> dict[str, Int]:
    """For each variable of `other`, the value at which it meets a point of `piece`.

    It is read off a coordinate that is the variable alone, or solved from one in which it has
    the coefficient 1 or -1 and everything else is known.
    """
    found: dict[str, Int] = {}
    for wanted, given in zip(other.coordinates, piece.coordinates, strict=True):
        if wanted.name in other.variables and wanted.name is not None:
            found.setdefault(wanted.name, given)
    progress = True
    while progress and len(found) < len(other.variables):
        progress = False
        for name in other.values:
            value = _fixed(name, other.rows, found, other.variables)
            if name not in found and value is not None:
                found[name], progress = value, True
        for wanted, given in zip(other.coordinates, piece.coordinates, strict=True):
            missing = [v for v in other.variables if v in wanted.names() and v not in found]
            if len(missing) != 1 or not wanted.is_affine(missing):
                continue
            factor = wanted.coefficient(missing[0]).constant
            if factor in (1, -1):
                found[missing[0]] = (given - wanted.without(missing).substitute(found)) * factor
                progress = True
    if len(found) < len(other.variables):
        raise Undecided("the places of the arrays do not tell the values of "
                        + ", ".join(v for v in other.variables if v not in found))
    return found


def _fixed(name: str, rows: Sequence[Row], found: Mapping[str, Int],
           variables: Sequence[str]) -> Int | None:
    """The value that an equality gives to a constant of the loops, from what is known."""
    for row in rows:
        if isinstance(row, Equal) and name in row.expression.names() and (
                row.expression.is_affine((name,))):
            rest, factor = row.expression.without((name,)), row.expression.coefficient(name)
            known = all(v in found for v in variables if v in rest.names())
            if known and factor.constant in (1, -1):
                return rest.substitute(found) * -factor
    return None


def _renamed(piece: Piece, stem: str) -> Piece:
    mapping = {name: Int.of(stem + name) for name in piece.variables}
    return replace(piece, variables=tuple(stem + name for name in piece.variables),
                   rows=tuple(substitute_row(row, mapping) for row in piece.rows),
                   coordinates=tuple(c.substitute(mapping) for c in piece.coordinates))


def _common(pieces: Sequence[Piece]) -> list[str]:
    names = [set(piece.variables) - set(piece.values) for piece in pieces]
    return [v for v in pieces[0].variables if all(v in known for known in names)]
