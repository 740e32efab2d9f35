"""Integer expressions: polynomials with integer coefficients over atoms.

Subscripts, bounds, extents and the rows of relations are all of this one type. An atom is a
name (an index, a size or a parameter), a floor of a quotient, a minimum or maximum, or an
element of an integer tensor. An `Int` is kept in canonical form, so equal polynomials compare
equal, and its text never depends on the order in which it was built.

    >>> i, a = Int.of("i"), Int.of("a")
    >>> print(2 * i + a - 1)
    a + 2*i - 1
    >>> print(floor_div(2 * Int.of("H") + 5, 2))
    H + 2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import TypeAlias

from symconv.atoms import (
    Atom,
    Element,
    Extremum,
    Floor,
    Monomial,
    atom_key,
    elements,
    evaluate,
    monomial_key,
    names,
    parts,
    text,
)
from symconv.errors import ParameterError

__all__ = ["Atom", "Element", "Extremum", "Floor", "Int", "IntLike", "Monomial", "ceil_div",
           "evaluate", "floor_div", "largest", "parts", "product", "smallest", "text"]

IntLike: TypeAlias = "Int | int | str"


@dataclass(frozen=True, slots=True)
class Int:
    """A polynomial: pairs of a sorted monomial and its nonzero integer coefficient.

    The constant term has the empty monomial. Build one with `Int.of`, the operators + - *,
    `floor_div`, `ceil_div`, `smallest` and `largest`; never from `terms` directly.
    """

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def of(value: IntLike) -> Int:
        """An integer, a name, or an `Int` unchanged."""
        if isinstance(value, Int):
            return value
        if isinstance(value, str):
            return Int((((value,), 1),))
        return Int((((), int(value)),)) if value else Int(())

    @staticmethod
    def atom(atom: Atom) -> Int:
        return Int((((atom,), 1),))

    def __add__(self, other: IntLike) -> Int:
        other = Int.of(other)
        if not self.terms or not other.terms:
            return self if self.terms else other
        merged = dict(self.terms)
        for monomial, coefficient in other.terms:
            merged[monomial] = merged.get(monomial, 0) + coefficient
        return _collect(merged)

    __radd__ = __add__

    def __neg__(self) -> Int:
        return Int(tuple((monomial, -coefficient) for monomial, coefficient in self.terms))

    def __sub__(self, other: IntLike) -> Int:
        return self + -Int.of(other)

    def __rsub__(self, other: IntLike) -> Int:
        return Int.of(other) + -self

    def __mul__(self, other: IntLike) -> Int:
        other = Int.of(other)
        for one, factor in ((self, other.constant), (other, self.constant)):
            if factor == 1:
                return one
            if factor is not None:
                return Int(tuple((m, c * factor) for m, c in one.terms)) if factor else Int(())
        product: dict[Monomial, int] = {}
        for left, p in self.terms:
            for right, q in other.terms:
                monomial = tuple(sorted(left + right, key=atom_key))
                product[monomial] = product.get(monomial, 0) + p * q
        return _collect(product)

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        """False for the constant 0 alone."""
        return bool(self.terms)

    def __str__(self) -> str:
        return text(self)

    @property
    def constant(self) -> int | None:
        """The value, where the expression is a plain number; None otherwise."""
        match self.terms:
            case ():
                return 0
            case (((), value),):
                return value
        return None

    @property
    def name(self) -> str | None:
        """The name, where the expression is a single name with coefficient 1."""
        match self.terms:
            case (((str() as name,), 1),):
                return name
        return None

    def names(self) -> frozenset[str]:
        """All names inside, those in floors, extrema and subscripts of elements included."""
        return names(self)

    def elements(self) -> tuple[Element, ...]:
        """The integer accesses inside, each once, in the order of the canonical form."""
        return elements(self)

    def coefficient(self, name: str) -> Int:
        """The factor of `name` in a polynomial that is affine in it."""
        return _collect({tuple(f for f in monomial if f != name): c
                         for monomial, c in self.terms if name in monomial})

    def factor(self, name: str) -> int:
        """That of a polynomial in which `name` is multiplied by a number alone; otherwise 0."""
        found = 0
        for monomial, coefficient in self.terms:
            if name in monomial:
                if len(monomial) > 1:
                    return 0
                found = coefficient
        return found

    def is_affine(self, indices: Iterable[str]) -> bool:
        """Whether each index occurs at most once per monomial, alone, and inside no atom."""
        wanted = set(indices)
        for monomial, _ in self.terms:
            if sum(factor in wanted for factor in monomial if isinstance(factor, str)) > 1:
                return False
            if any(part.names() & wanted for atom in monomial for part in parts(atom)):
                return False
        return True

    def without(self, names: Iterable[str]) -> Int:
        """The monomials in which none of the names is a factor."""
        dropped = set(names)
        return Int(tuple(term for term in self.terms if not dropped.intersection(
            factor for factor in term[0] if isinstance(factor, str))))

    def substitute(self, values: Mapping[str, Int]) -> Int:
        """Replace names, everywhere at once, by expressions."""
        if not self.names() & values.keys():
            return self
        return self.rebuild(lambda atom: _substitute_inside(atom, values)
                            if not isinstance(atom, str)
                            else values[atom] if atom in values else Int.of(atom))

    def rebuild(self, leaf: Callable[[Atom], Int]) -> Int:
        """The same polynomial with `leaf(atom)` in place of each atom."""
        total: dict[Monomial, int] = {}
        for monomial, coefficient in self.terms:
            replaced = reduce(mul, map(leaf, monomial)) if monomial else Int.of(1)
            for key, value in replaced.terms:
                total[key] = total.get(key, 0) + value * coefficient
        return _collect(total)


def floor_div(numerator: IntLike, denominator: IntLike) -> Int:
    """floor(numerator / denominator), simplified as far as divisibility is certain.

    Raises ParameterError where the denominator is a number below 1.
    """
    top, bottom = Int.of(numerator), Int.of(denominator)
    divisor = bottom.constant
    if divisor is not None and divisor < 1:
        raise ParameterError(f"division by {divisor}: a divisor must be at least 1")
    if divisor is None:
        return Int.of(0) if not top else Int.atom(Floor(top, bottom))
    whole = _collect({m: c // divisor for m, c in top.terms if not m or c % divisor == 0})
    rest = top - whole * divisor
    if rest.constant is not None:
        return whole                      # 0 <= rest < divisor, as Python's // floors
    common = math.gcd(divisor, *(c for m, c in rest.terms if m))
    if common > 1:                        # floor((g*A + r)/(g*D)) = floor((A + floor(r/g))/D)
        rest = _collect({m: c // common for m, c in rest.terms})
        divisor //= common
    return whole + Int.atom(Floor(rest, Int.of(divisor)))


def ceil_div(numerator: IntLike, denominator: IntLike) -> Int:
    """ceil(numerator / denominator) = -floor(-numerator / denominator)."""
    return -floor_div(-Int.of(numerator), denominator)


def smallest(*arguments: IntLike) -> Int:
    """min(arguments); arguments that differ by a known constant are compared at once."""
    return _extremum("min", arguments)


def largest(*arguments: IntLike) -> Int:
    """max(arguments); arguments that differ by a known constant are compared at once."""
    return _extremum("max", arguments)


def product(factors: Iterable[Int]) -> Int:
    """The product of any number of factors; 1 of none."""
    return reduce(mul, factors, Int.of(1))


def _extremum(kind: str, arguments: tuple[IntLike, ...]) -> Int:
    kept: list[Int] = []
    for argument in map(Int.of, arguments):
        for place, other in enumerate(kept):
            difference = (argument - other).constant
            if difference is not None:
                if (difference < 0) == (kind == "min"):
                    kept[place] = argument
                break
        else:
            kept.append(argument)
    if len(kept) == 1:
        return kept[0]
    return Int.atom(Extremum(kind, tuple(sorted(kept, key=str))))


def _collect(terms: Mapping[Monomial, int]) -> Int:
    present = [term for term in terms.items() if term[1]]
    if len(present) > 1:
        present.sort(key=lambda term: monomial_key(term[0]))
    return Int(tuple(present))


def _substitute_inside(atom: Atom, values: Mapping[str, Int]) -> Int:
    match atom:
        case Floor(numerator, denominator):
            return floor_div(numerator.substitute(values), denominator.substitute(values))
        case Extremum(kind, arguments):
            return _extremum(kind, tuple(argument.substitute(values) for argument in arguments))
        case Element(tensor, subscripts):
            return Int.atom(Element(tensor, tuple(sub.substitute(values) for sub in subscripts)))
    return Int.of(atom)
