"""What integer expressions are made of, their text and their value.

A polynomial (`symconv.integers.Int`) is a sum of monomials, a monomial a product of atoms. Atoms
and monomials are ordered by their text, which makes the order of a polynomial canonical.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from symconv.integers import Int


@dataclass(frozen=True, slots=True)
class Floor:
    """floor(numerator / denominator), rounding towards minus infinity; denominator > 0."""

    numerator: Int
    denominator: Int


@dataclass(frozen=True, slots=True)
class Extremum:
    """The smallest ("min") or largest ("max") of two or more integers."""

    kind: str
    arguments: tuple[Int, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an integer tensor, such as a label or the place of a maximum."""

    tensor: str
    subscripts: tuple[Int, ...]


Atom: TypeAlias = "str | Floor | Extremum | Element"
Monomial: TypeAlias = tuple[Atom, ...]


def parts(atom: Atom) -> tuple[Int, ...]:
    """The integer expressions directly inside an atom; none for a name."""
    match atom:
        case Floor(numerator, denominator):
            return (numerator, denominator)
        case Extremum(_, arguments):
            return arguments
        case Element(_, subscripts):
            return subscripts
    return ()


@lru_cache(maxsize=65536)
def names(expression: Int) -> frozenset[str]:
    """All names inside, those in floors, extrema and subscripts of elements included."""
    found: set[str] = set()
    for monomial, _ in expression.terms:
        for atom in monomial:
            if isinstance(atom, str):
                found.add(atom)
            for part in parts(atom):
                found |= names(part)
    return frozenset(found)


def elements(expression: Int) -> tuple[Element, ...]:
    """The integer accesses inside, each once, in the order of the canonical form."""
    found: dict[Element, None] = {}
    for monomial, _ in expression.terms:
        for atom in monomial:
            if isinstance(atom, Element):
                found[atom] = None
            for part in parts(atom):
                found.update(dict.fromkeys(elements(part)))
    return tuple(found)


def text(expression: Int, indices: tuple[str, ...] = ()) -> str:
    """Python syntax, parseable again; monomials with `indices` come first, in their order."""
    ranks = {name: rank for rank, name in enumerate(indices)}

    def rank(monomial: Monomial) -> int:
        return min((ranks.get(atom, len(ranks)) for atom in monomial if isinstance(atom, str)),
                   default=len(ranks))

    ordered = sorted(expression.terms, key=lambda term: (rank(term[0]), not term[0]))
    if len(ordered) > 1 and ordered[0][1] < 0:          # lead with a positive term if any
        ordered.sort(key=lambda term: term[1] < 0)
    pieces: list[str] = []
    for monomial, coefficient in ordered:
        factors = sorted(monomial, key=lambda atom: ranks.get(atom, -1)
                         if isinstance(atom, str) else -1)
        shown = "*".join(atom_text(atom, indices) for atom in factors)
        size = abs(coefficient)
        body = f"{size}*{shown}" if shown and size != 1 else shown or str(size)
        sign = "-" if coefficient < 0 else "+"
        pieces.append(f" {sign} {body}" if pieces else ("-" if sign == "-" else "") + body)
    return "".join(pieces) or "0"


def atom_text(atom: Atom, indices: tuple[str, ...] = ()) -> str:
    """An atom in Python syntax, safe as a factor of a product."""
    match atom:
        case str():
            return atom
        case Floor(numerator, denominator):
            top, bottom = text(numerator, indices), text(denominator, indices)
            top = f"({top})" if numerator.name is None else top
            simple = denominator.name is not None or denominator.constant is not None
            return f"({top}//{bottom if simple else f'({bottom})'})"
        case Extremum(kind, arguments):
            return f"{kind}({', '.join(text(argument, indices) for argument in arguments)})"
        case Element(tensor, subscripts):
            shown = ", ".join(text(sub, indices) for sub in subscripts)
            return f"{tensor}[{shown}]" if subscripts else tensor


@lru_cache(maxsize=65536)
def monomial_key(monomial: Monomial) -> tuple[bool, tuple[str, ...]]:
    """The order of monomials in a polynomial: the constant comes last."""
    return (not monomial, tuple(atom_key(atom) for atom in monomial))


def atom_key(atom: Atom) -> str:
    """The order of factors in a monomial."""
    return atom if isinstance(atom, str) else atom_text(atom)


def evaluate(expression: Int, values: Mapping[str, int],
             element: Callable[[str, tuple[int, ...]], int] | None = None) -> int:
    """The integer that an expression stands for.

    `values` gives every name; `element(tensor, subscripts)` reads integer tensors. Raises
    KeyError for a name without a value.
    """
    total = 0
    for monomial, coefficient in expression.terms:
        for atom in monomial:
            match atom:
                case str():
                    coefficient *= values[atom]
                case Floor(numerator, denominator):
                    coefficient *= (evaluate(numerator, values, element)
                                    // evaluate(denominator, values, element))
                case Extremum(kind, arguments):
                    found = [evaluate(argument, values, element) for argument in arguments]
                    coefficient *= min(found) if kind == "min" else max(found)
                case Element(tensor, subscripts):
                    if element is None:
                        raise KeyError(tensor)
                    coefficient *= element(
                        tensor, tuple(evaluate(sub, values, element) for sub in subscripts))
        total += coefficient
    return total
