"""Integer expressions and rows as Python text that works on integers and on arrays of them.

How an index, an integer element and an access are spelled depends on the plan (slices or
points), which is a `Reader`; all else is the same for both and stands here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from symconv.integers import Atom, Element, Extremum, Floor, Int, Monomial
from symconv.ir import Access, AtLeast, Divides, Equal, Row
from symconv.rewrite import row_expressions

COMPARISON, SUM, PRODUCT, POWER, ATOM = range(5)


@dataclass(frozen=True, slots=True)
class Code:
    """Python text and how tightly its outermost operator binds."""

    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """The text, in parentheses where it binds less than `level`."""
        return self.text if self.level >= level else f"({self.text})"


class Reader(Protocol):
    """How a plan spells its leaves.

    `dtype` is the text of the element type; the names in `first` lead in sums of integers.
    """

    @property
    def dtype(self) -> str: ...

    @property
    def first(self) -> Sequence[str]: ...

    def varies(self, expression: Int) -> bool:
        """Whether the expression is an array, and no Python integer."""

    def index(self, name: str) -> str:
        """An index as an array (one that varies) or a Python integer."""

    def element(self, element: Element) -> str:
        """An element of an integer tensor."""

    def access(self, access: Access) -> str:
        """An element of a real tensor."""


@dataclass(frozen=True, slots=True)
class _Plain:
    """Names that are Python integers."""

    first: Sequence[str]
    dtype: str = ""

    def varies(self, expression: Int) -> bool:
        return False

    def index(self, name: str) -> str:
        return name

    def element(self, element: Element) -> str:
        raise RuntimeError(f"{element.tensor} is an array")

    def access(self, access: Access) -> str:
        raise RuntimeError(f"{access.tensor} is an array")


def integer(expression: Int, reader: Reader) -> Code:
    """An integer expression; floors, minima and maxima element by element."""
    ranks = {name: rank for rank, name in enumerate(reader.first)}

    def rank(term: tuple[Monomial, int]) -> tuple[int, bool]:
        place = min((ranks.get(atom, len(ranks)) for atom in term[0] if isinstance(atom, str)),
                    default=len(ranks))
        return place, not term[0]

    ordered = sorted(expression.terms, key=rank)
    if ordered and ordered[0][1] < 0:               # lead with a positive term if there is one
        ordered.sort(key=lambda term: term[1] < 0)
    pieces = [_monomial(monomial, abs(coefficient), reader) for monomial, coefficient in ordered]
    if not pieces:
        return Code("0")
    if len(pieces) == 1 and ordered[0][1] > 0:
        return pieces[0]
    text = "".join(f" {'-' if coefficient < 0 else '+'} {piece.at(PRODUCT)}"
                   for piece, (_, coefficient) in zip(pieces, ordered, strict=True))
    if text.startswith(" - "):                      # -a//b would be (-a)//b
        return Code(f"-{pieces[0].at(POWER)}{text[3 + len(pieces[0].at(PRODUCT)):]}", SUM)
    return Code(text[3:], SUM)


def plain(expression: Int, first: Sequence[str] = ()) -> str:
    """An expression in Python integers; monomials with the names in `first` come first."""
    return integer(expression, _Plain(first)).text


def _monomial(monomial: Monomial, size: int, reader: Reader) -> Code:
    ranks = {name: rank for rank, name in enumerate(reader.first)}
    ordered = sorted(monomial, key=lambda atom: ranks.get(atom, -1)
                     if isinstance(atom, str) else -1)
    factors = [_atom(atom, reader) for atom in ordered]
    if size != 1 or not factors:
        factors.insert(0, Code(str(size)))
    if len(factors) == 1:
        return factors[0]
    return Code("*".join(factor.at(POWER) for factor in factors), PRODUCT)


def _atom(atom: Atom, reader: Reader) -> Code:
    match atom:
        case str():
            return Code(reader.index(atom))
        case Element():
            return Code(reader.element(atom))
        case Floor(numerator, denominator):
            return Code(f"{integer(numerator, reader).at(POWER)}"
                        f"//{integer(denominator, reader).at(POWER)}", PRODUCT)
        case Extremum(kind, arguments):
            shown = [integer(argument, reader).text for argument in arguments]
            if not any(reader.varies(argument) or argument.elements() for argument in arguments):
                return Code(f"{kind}({', '.join(shown)})")
            folded = shown[0]
            for text in shown[1:]:
                folded = f"np.{kind}imum({folded}, {text})"
            return Code(folded)


def row(condition: Row, reader: Reader) -> Code:
    """A row as a comparison: what is subtracted stands on the right."""
    if isinstance(condition, Divides):
        modulus = integer(condition.modulus, reader).at(POWER)
        return Code(f"{integer(condition.expression, reader).at(POWER)} % {modulus} == 0",
                    COMPARISON)
    terms = condition.expression.terms
    left = Int(tuple(term for term in terms if term[1] > 0))
    right = -Int(tuple(term for term in terms if term[1] < 0))
    operator = "==" if isinstance(condition, Equal) else ">="
    if isinstance(condition, Equal) and right.elements() and not left.elements():
        left, right = right, left
    elif isinstance(condition, AtLeast):
        if dict(right.terms).get(()) == 1:
            right, operator = right - 1, ">"
        if left.constant is not None or (right.elements() and not left.elements()):
            left, right, operator = right, left, operator.replace(">", "<")
    return Code(f"{integer(left, reader).text} {operator} {integer(right, reader).text}",
                COMPARISON)


def rows(conditions: Iterable[Row], reader: Reader) -> Code:
    """All rows at once: joined by `and`, or by `&` where one is an array."""
    listed = list(conditions)
    shown = [row(condition, reader) for condition in listed]
    if len(shown) == 1:
        return shown[0]
    if any(row_varies(condition, reader) for condition in listed):
        return Code(" & ".join(code.at(SUM) for code in shown), COMPARISON)
    return Code(" and ".join(code.text for code in shown), COMPARISON)


def row_varies(condition: Row, reader: Reader) -> bool:
    """Whether a row is an array of truth values."""
    return any(reader.varies(e) or e.elements() for e in row_expressions(condition))
