"""isl as a judge: sets of integer points over unbounded sizes, decided exactly.

isl decides Presburger arithmetic: linear constraints with floors of constant quotients. What is
not of that kind is refused with `Undecided`, and so is a claim that takes more than a fixed
number of operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import islpy as isl

from symconv.integers import Atom, Element, Extremum, Floor, Int
from symconv.ir import AtLeast, Divides, Equal, Row
from symconv.prove.opaque import Opaque
from symconv.prove.pieces import Piece
from symconv.prove.statement import Judgement, NotLinear, Undecided
from symconv.prove.status import is_linear, row_is_linear
from symconv.rewrite import row_names

OPERATIONS = 20_000_000          # what one claim may cost; counted by isl, so independent of load


def same_points(reference: Sequence[Piece], pieces: Sequence[Piece],
                known: Sequence[Row]) -> Judgement:
    """Both sides have the same points, and each side has each of its points once."""
    def judge(space: _Space) -> Judgement:
        maps = space.maps((*reference, *pieces))
        left, right = maps[:len(reference)], maps[len(reference):]
        for each, side in ((left, "the definition"), (right, "the solved form")):
            if not _once(each):
                return Judgement(False, f"refuted by isl: {side} has a point twice")
        if _union(left) != _union(right):
            return Judgement(False, "refuted by isl: the points differ")
        return Judgement(True, "isl")
    return _judged(known, (*reference, *pieces), judge)


def each_once(pieces: Sequence[Piece], whole: Piece, known: Sequence[Row]) -> Judgement:
    """The pieces together reach every coordinate of `whole`, each by one point alone."""
    return same_points((whole,), pieces, known)


def _judged(known: Sequence[Row], pieces: Iterable[Piece],
            judge: Callable[[_Space], Judgement]) -> Judgement:
    context = isl.DEFAULT_CONTEXT
    space = _Space.over(known, tuple(pieces))
    context.reset_operations()
    context.set_max_operations(OPERATIONS)
    try:
        return judge(space)
    except isl.Error as error:
        raise Undecided(f"isl gave up ({str(error).splitlines()[0][:80]})") from None
    finally:
        context.set_max_operations(0)
        context.reset_operations()


def _once(maps: Sequence[isl.Map]) -> bool:
    """Each map sends different points to different coordinates, and no two maps meet."""
    ranges = [each.range() for each in maps]
    return all(each.is_injective() for each in maps) and all(
        ranges[k].is_disjoint(other) for k in range(len(ranges)) for other in ranges[k + 1:])


def _union(maps: Sequence[isl.Map]) -> isl.Set:
    found = maps[0].range()
    for each in maps[1:]:
        found = found.union(each.range())
    return found


@dataclass(slots=True)
class _Space:
    """Names as isl may read them: parameters p0, p1, ...; variables v0, v1, ..."""

    parameters: dict[str, str]
    known: list[Row]
    local: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def over(known: Sequence[Row], pieces: Sequence[Piece]) -> _Space:
        outside: dict[str, str] = {}
        linear = [row for row in known if row_is_linear(row)]
        for rows in ([*linear], *([*p.rows, *map(Equal, p.coordinates)] for p in pieces)):
            inner = {v for p in pieces for v in p.variables}
            for row in rows:
                for name in sorted(row_names(row) - inner):
                    outside.setdefault(name, f"p{len(outside)}")
        return _Space(outside, linear)

    def maps(self, pieces: Sequence[Piece]) -> list[isl.Map]:
        """From the points of each piece to their coordinates, which must be of one kind."""
        plain = [Opaque("e!").of(piece) for piece in pieces]
        if len({(len(p.coordinates), read) for p, read in plain}) > 1:
            raise Undecided("the two sides read integer arrays in different ways")
        return [self._map(piece) for piece, _ in plain]

    def _map(self, piece: Piece) -> isl.Map:
        self.local = {name: f"v{place}" for place, name in enumerate(piece.variables)}
        rows = [*(self._row(row) for row in self.known), *(self._row(row) for row in piece.rows)]
        places = [f"c{number}" for number in range(len(piece.coordinates))]
        rows += [f"{place} = {self._integer(coordinate)}"
                 for place, coordinate in zip(places, piece.coordinates, strict=True)]
        return isl.Map(f"[{', '.join(self.parameters.values())}] -> "
                       f"{{ [{', '.join(self.local.values())}] -> [{', '.join(places)}] : "
                       f"{' and '.join(rows) or 'true'} }}").coalesce()

    def _row(self, row: Row) -> str:
        match row:
            case Equal(expression):
                return f"{self._integer(expression)} = 0"
            case AtLeast(expression):
                return f"{self._integer(expression)} >= 0"
            case Divides(modulus, expression):
                if modulus.constant is None:
                    raise NotLinear(f"not linear: divisibility by {modulus}")
                return f"({self._integer(expression)}) mod {modulus.constant} = 0"

    def _integer(self, expression: Int) -> str:
        if not is_linear(expression):
            raise NotLinear(f"not linear: {expression}")
        pieces = [f"{coefficient}" + "".join(f"*{self._atom(atom)}" for atom in monomial)
                  for monomial, coefficient in expression.terms]
        return " + ".join(pieces) or "0"

    def _atom(self, atom: Atom) -> str:
        match atom:
            case str():
                return self.local.get(atom) or self.parameters[atom]
            case Floor(numerator, denominator):
                return f"floor(({self._integer(numerator)})/{denominator.constant})"
            case Extremum(kind, arguments):
                return f"{kind}({', '.join(map(self._integer, arguments))})"
            case Element():
                raise Undecided(f"an element of {atom.tensor} decides a size")
