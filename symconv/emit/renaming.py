"""Names of a program that mean something else in the emitted text get an underscore.

No name of a definition ends in an underscore, so the new names are free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from symconv.integers import Atom, Element, Extremum, Floor, Int, floor_div, largest, smallest
from symconv.ir import (
    Access,
    Definition,
    Index,
    Program,
    Requirement,
    Scalar,
    Size,
    Tensor,
    Term,
    ValueRange,
)
from symconv.names import fresh, names_of
from symconv.rewrite import map_integers, map_row, map_scalar, substitute_tensor


def rename(program: Program, is_reserved: Callable[[str], bool]) -> Program:
    """The program with every reserved name (tensor, size or index) replaced by a new one."""
    used = names_of(program)
    clashes = sorted(filter(is_reserved, used))
    if not clashes:
        return program
    return _Renamed({name: fresh(f"{name}_", used) for name in clashes}).program(program)


class _Renamed:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.sizes = {old: Int.of(new) for old, new in names.items()}

    def program(self, program: Program) -> Program:
        return replace(
            program, inputs=tuple(map(self._tensor, program.inputs)),
            definitions=tuple(map(self._definition, program.definitions)),
            outputs=tuple(self.names.get(name, name) for name in program.outputs),
            sizes=tuple(Size(self.names.get(size.name, size.name),
                             None if size.value is None else self._int(size.value))
                        for size in program.sizes),
            requirements=tuple(Requirement(map_row(item.row, self._int), item.message)
                               for item in program.requirements),
            value_ranges=tuple(ValueRange(self.names.get(item.tensor, item.tensor),
                                          self._int(item.stop))
                               for item in program.value_ranges))

    def _definition(self, definition: Definition) -> Definition:
        return replace(definition, target=self._tensor(definition.target),
                       free=tuple(map(self._index, definition.free)),
                       terms=tuple(map(self._term, definition.terms)))

    def _term(self, term: Term) -> Term:
        return Term(tuple(map(self._index, term.bound)),
                    tuple(map_row(row, self._int) for row in term.rows),
                    map_scalar(map_integers(term.body, self._int), self._access),
                    None if term.witness is None else self._int(term.witness))

    def _tensor(self, tensor: Tensor) -> Tensor:
        return replace(substitute_tensor(tensor, self.sizes),
                       name=self.names.get(tensor.name, tensor.name))

    def _index(self, index: Index) -> Index:
        return Index(self.names.get(index.name, index.name), self._int(index.extent))

    def _access(self, scalar: Scalar) -> Scalar | None:
        if isinstance(scalar, Access):
            return Access(self.names.get(scalar.tensor, scalar.tensor), scalar.subscripts)
        return None

    def _int(self, expression: Int) -> Int:
        return expression.rebuild(self._atom)

    def _atom(self, atom: Atom) -> Int:
        match atom:
            case str():
                return Int.of(self.names.get(atom, atom))
            case Floor(numerator, denominator):
                return floor_div(self._int(numerator), self._int(denominator))
            case Extremum(kind, arguments):
                fold = smallest if kind == "min" else largest
                return fold(*map(self._int, arguments))
            case Element(tensor, subscripts):
                return Int.atom(Element(self.names.get(tensor, tensor),
                                        tuple(map(self._int, subscripts))))
