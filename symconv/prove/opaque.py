"""Elements of integer arrays, which isl has no notion of, as new variables."""

from __future__ import annotations

from dataclasses import dataclass, field

from symconv.integers import Atom, Element, Extremum, Floor, Int, floor_div
from symconv.prove.pieces import Piece
from symconv.rewrite import map_row


@dataclass(slots=True)
class Opaque:
    """Elements of integer tensors as new variables, one for each distinct place that is read.

    A point is extended by the value of the element, which any value may be; where two sets of
    extended points agree, so do the sets for every content of the tensor.
    """

    stem: str
    names: dict[Element, str] = field(default_factory=dict)

    def of(self, piece: Piece) -> tuple[Piece, tuple[str, ...]]:
        """The piece without elements, and which tensors were read, in order."""
        rows = tuple(map_row(row, self.clean) for row in piece.rows)
        coordinates = tuple(map(self.clean, piece.coordinates))
        read = sorted(self.names.items(), key=lambda pair: pair[0].tensor)
        places = tuple(c for element, name in read for c in (*element.subscripts, Int.of(name)))
        variables = (*piece.variables, *(name for _, name in read))
        return (Piece(variables, rows, (*coordinates, *places), piece.values),
                tuple(element.tensor for element, _ in read))

    def clean(self, expression: Int) -> Int:
        if not expression.elements():
            return expression
        return expression.rebuild(self._atom)

    def _atom(self, atom: Atom) -> Int:
        match atom:
            case Element(tensor, subscripts):
                plain = Element(tensor, tuple(map(self.clean, subscripts)))
                return Int.of(self.names.setdefault(plain, f"{self.stem}{len(self.names)}"))
            case Floor(numerator, denominator):
                return floor_div(self.clean(numerator), self.clean(denominator))
            case Extremum(kind, arguments):
                return Int.atom(Extremum(kind, tuple(map(self.clean, arguments))))
        return Int.of(atom)
