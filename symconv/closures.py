"""Bodies, rows and integer expressions as Python closures over the current index values.

The interpreter's inner loop: every expression is turned once per term into nested functions that
read the index values from a list. An access checks each subscript against its logical extent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from symconv.arithmetic import Arithmetic, Value
from symconv.errors import ParameterError, ShapeError
from symconv.integers import Atom, Element, Extremum, Floor, Int
from symconv.ir import (
    Access,
    Apply,
    AtLeast,
    Bracket,
    Divides,
    Equal,
    Number,
    Plus,
    Power,
    Row,
    Scalar,
    Times,
    Whole,
)
from symconv.rewrite import row_expressions


@dataclass(frozen=True, slots=True)
class Store:
    """The elements of a tensor in row-major order of its logical axes."""

    extents: tuple[int, ...]
    data: list[Any]


class Closures:
    """Compiles expressions of one term; `env[slots[name]]` is the current value of an index."""

    def __init__(self, slots: Mapping[str, int], env: list[int], values: Mapping[str, int],
                 stores: Mapping[str, Store], arithmetic: Arithmetic) -> None:
        self._slots = slots
        self._env = env
        self._numbers = {name: Int.of(value) for name, value in values.items()}
        self._stores = stores
        self._arithmetic = arithmetic

    def depth(self, row: Row) -> int:
        """How many indices must have values before the row can be tested."""
        names = frozenset[str]().union(*(e.names() for e in row_expressions(row)))
        return max((self._slots[name] + 1 for name in names if name in self._slots), default=0)

    def reads(self, row: Row) -> bool:
        """Whether the row reads an integer tensor."""
        return any(e.elements() for e in row_expressions(row))

    def row(self, row: Row) -> Callable[[], bool]:
        match row:
            case Equal(expression):
                value = self.integer(expression)
                return lambda: value() == 0
            case AtLeast(expression):
                value = self.integer(expression)
                return lambda: value() >= 0
            case Divides(modulus, expression):
                divisor, value = self.integer(modulus), self.integer(expression)
                return lambda: value() % divisor() == 0

    def integer(self, expression: Int) -> Callable[[], int]:
        """The value of an integer expression; affine ones take a short cut."""
        expression = expression.substitute(self._numbers)
        env = self._env
        constant = 0
        affine: list[tuple[int, int]] = []
        for monomial, coefficient in expression.terms:
            match monomial:
                case ():
                    constant = coefficient
                case (str() as name,):
                    affine.append((coefficient, self._slot(name)))
                case _:
                    return self._polynomial(expression)
        match affine:
            case []:
                return lambda: constant
            case [(1, slot)] if constant == 0:
                return lambda: env[slot]
            case [(p, slot)]:
                return lambda: p * env[slot] + constant
            case [(p, slot), (q, other)]:
                return lambda: p * env[slot] + q * env[other] + constant
        return lambda: constant + sum([p * env[slot] for p, slot in affine])

    def scalar(self, body: Scalar) -> Callable[[], Value]:
        """The value of a body in the arithmetic."""
        arithmetic = self._arithmetic
        match body:
            case Number(value):
                number = arithmetic.number(value)
                return lambda: number
            case Whole(whole):
                count = self.integer(whole)
                return lambda: arithmetic.number(Fraction(count()))
            case Access(tensor, subscripts):
                return self._access(tensor, subscripts)
            case Plus(arguments):
                parts = [self.scalar(argument) for argument in arguments]
                return lambda: arithmetic.total([part() for part in parts])
            case Times(arguments):
                parts = [self.scalar(argument) for argument in arguments]
                return lambda: arithmetic.product([part() for part in parts])
            case Power(base, exponent):
                inner = self.scalar(base)
                return lambda: arithmetic.power(inner(), exponent)
            case Apply(function, arguments, constants):
                parts = [self.scalar(argument) for argument in arguments]
                return lambda: arithmetic.apply(function, [part() for part in parts], constants)
            case Bracket(rows):
                tests = [self.row(row) for row in rows]
                one, zero = arithmetic.number(Fraction(1)), arithmetic.number(Fraction(0))
                return lambda: one if all(test() for test in tests) else zero

    def _slot(self, name: str) -> int:
        if name not in self._slots:
            raise ParameterError(f"{name} has no value: give the sizes that `bind` computes")
        return self._slots[name]

    def _access(self, tensor: str, subscripts: Sequence[Int]) -> Callable[[], Any]:
        store = self._stores[tensor]
        if len(subscripts) != len(store.extents):
            raise ShapeError(f"{tensor}: {len(subscripts)} subscripts for {len(store.extents)} "
                             "logical axes")
        data = store.data
        places = [(self.integer(subscript), extent)
                  for subscript, extent in zip(subscripts, store.extents, strict=True)]

        def read() -> Any:
            offset = 0
            for place, extent in places:
                value = place()
                if not 0 <= value < extent:
                    raise _outside(tensor, subscripts, [p() for p, _ in places], store.extents)
                offset = offset * extent + value
            return data[offset]
        return read

    def _polynomial(self, expression: Int) -> Callable[[], int]:
        monomials = [(coefficient, [self._atom(atom) for atom in monomial])
                     for monomial, coefficient in expression.terms]
        return lambda: sum([coefficient * prod([atom() for atom in atoms])
                            for coefficient, atoms in monomials])

    def _atom(self, atom: Atom) -> Callable[[], int]:
        match atom:
            case str():
                env, slot = self._env, self._slot(atom)
                return lambda: env[slot]
            case Floor(numerator, denominator):
                top, bottom = self.integer(numerator), self.integer(denominator)
                return lambda: top() // bottom()
            case Extremum(kind, arguments):
                parts = [self.integer(argument) for argument in arguments]
                choose = min if kind == "min" else max
                return lambda: choose([part() for part in parts])
            case Element(tensor, subscripts):
                return self._access(tensor, subscripts)


def _outside(tensor: str, subscripts: Sequence[Int], places: Sequence[int],
             extents: Sequence[int]) -> ShapeError:
    shown = ", ".join(map(str, subscripts))
    return ShapeError(f"{tensor}[{shown}] reads outside: place {list(places)} of extents "
                      f"{list(extents)}; add a row to the relation, or correct the subscript")
