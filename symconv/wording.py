"""The words of the definition language: bodies, rows, terms and statements as text.

Parentheses are minimal, and chosen so that the parser's normal form reads back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.functions import FUNCTIONS
from symconv.integers import Int
from symconv.integers import text as integer_text
from symconv.ir import (
    Access,
    Apply,
    Bracket,
    Definition,
    Number,
    Plus,
    Power,
    Row,
    Scalar,
    Term,
    Times,
    Whole,
)
from symconv.spelling import (
    ATOM,
    POWER,
    PRODUCT,
    SUM,
    is_quotient,
    number_text,
    row_text,
    tightness,
)

_ONE = Number(Fraction(1))


@dataclass(frozen=True, slots=True)
class Wording:
    """How tensors are split into stored axes, what is a parameter, and the order of indices."""

    groups: Mapping[str, tuple[int, ...]]
    parameters: frozenset[str]
    indices: tuple[str, ...]

    # --- statements -------------------------------------------------------------------------

    def definition(self, definition: Definition) -> str:
        """y[i] = ..."""
        subscripts = tuple(Int.of(index.name) for index in definition.free)
        value = (self._sum(definition.terms) if definition.reduction == "sum"
                 else self._extremum(definition))
        if definition.frozen:
            value = f"frozen({value})"
        return f"{self.access(definition.target.name, subscripts)} = {value}"

    def _sum(self, terms: Sequence[Term]) -> str:
        if not terms:
            return "0"
        related = any(term.bound or term.rows for term in terms)
        pieces: list[str] = []
        for place, term in enumerate(terms):
            if term.bound or term.rows or len(terms) > 1:
                negative, shown = self._term(term)
            else:
                negative, shown = False, self.scalar(term.body)
            # a + in front keeps terms apart that would otherwise be one body, and the reverse
            apart = (_is_sum(term) or not related) if len(terms) > 1 else (
                not related and _looks_split(term.body))
            if place == 0 and apart:
                shown = f"({shown})" if len(terms) == 1 else shown
                pieces.append(("+-" if negative else "+") + shown)
            elif place == 0:
                pieces.append("-" + shown if negative else shown)
            else:
                pieces.append((" - " if negative else " + ") + shown)
        return "".join(pieces)

    def _term(self, term: Term) -> tuple[bool, str]:
        """The sign of a term, and the term without it, as a product."""
        negative, body = _split_sign(term.body)
        if not term.bound:
            return negative, self._product(term.rows, body)
        bound = ",".join(index.name for index in term.bound)
        inside = self._product(term.rows, body) if term.rows else self.scalar(body)
        return negative, f"sum[{bound}]({inside})"

    def _extremum(self, definition: Definition) -> str:
        term = definition.terms[0]
        rule = "" if definition.ties == "first" else f"_{definition.ties}"
        name = f"{definition.reduction}{rule}"
        bound = tuple(index.name for index in term.bound)
        negative, body = _split_sign(term.body)
        inside = ("-" if negative else "") + self._product(term.rows, body) \
            if term.rows or negative else self.scalar(term.body)
        if term.witness is not None and bound != (term.witness.name,):
            inside += f", {self.integer(term.witness)}"
        return f"{name}[{','.join(bound)}]({inside})" if bound else inside

    def _product(self, rows: Sequence[Row], body: Scalar) -> str:
        """Brackets times a body."""
        pieces = [self.bracket((row,)) for row in rows]
        if body == _ONE and pieces:
            return " * ".join(pieces)
        return self._times(pieces, body.arguments if isinstance(body, Times) else (body,))

    # --- bodies -----------------------------------------------------------------------------

    def scalar(self, body: Scalar) -> str:
        return self._scalar(body)[0]

    def _held(self, body: Scalar, least: int) -> str:
        """The text of a body, in parentheses where it does not hold together tightly enough."""
        text, tight = self._scalar(body)
        return text if tight >= least else f"({text})"

    def _scalar(self, body: Scalar) -> tuple[str, int]:
        match body:
            case Number(value):
                text = number_text(value)
                return text, SUM if value < 0 else PRODUCT if is_quotient(value) else ATOM
            case Whole(value):
                return self.integer(value), tightness(value)
            case Access(tensor, subscripts):
                return self.access(tensor, subscripts), ATOM
            case Plus(arguments):
                return self._plus(arguments), SUM
            case Times(arguments):
                negative, rest = _split_sign(body)
                if negative:
                    return "-" + self._held(rest, PRODUCT), SUM
                return self._times([], arguments), PRODUCT
            case Power(base, exponent):
                if exponent == -1:
                    return f"1/{self._held(base, POWER)}", PRODUCT
                shown = number_text(exponent)
                if exponent < 0 or exponent.denominator != 1:
                    shown = f"({shown})"
                return f"{self._held(base, ATOM)}**{shown}", POWER
            case Apply(function, arguments, constants):
                given = [self.scalar(argument) for argument in arguments]
                given += [f"{constant.name}={number_text(value)}" for constant, value in
                          zip(FUNCTIONS[function].constants, constants, strict=True)
                          if value != constant.default]
                return f"{function}({', '.join(given)})", ATOM
            case Bracket(rows):
                return self.bracket(rows), ATOM

    def _plus(self, arguments: Sequence[Scalar]) -> str:
        pieces: list[str] = []
        for argument in arguments:
            negative, rest = _split_sign(argument)
            if not pieces:
                pieces.append(self.scalar(argument))
                continue
            tight = PRODUCT if negative or not isinstance(rest, Whole) else SUM
            pieces.append((" - " if negative else " + ") + self._held(rest, tight))
        return "".join(pieces)

    def _times(self, pieces: list[str], arguments: Sequence[Scalar]) -> str:
        text = " * ".join(pieces)
        for argument in arguments:
            if not text:
                text = self._held(argument, PRODUCT)
                continue
            match argument:
                case Number(value) if value.numerator == 1 and value.denominator > 1:
                    text += f"/{number_text(Fraction(value.denominator))}"
                case Number(value) if is_quotient(value):
                    text += f"*{number_text(value)}"
                case Power(base, exponent) if exponent == -1:
                    text += f"/{self._held(base, POWER)}"
                case Whole(value) if tightness(value) == PRODUCT:
                    text += f"*{self.integer(value)}"
                case _:
                    held = self._held(argument, POWER)
                    text += (" * " if " " in text + held else "*") + held
        return text

    # --- integers ---------------------------------------------------------------------------

    def integer(self, value: Int) -> str:
        return integer_text(value, self.indices)

    def access(self, tensor: str, subscripts: Sequence[Int]) -> str:
        """x[n,c, s*i + a], with a tuple for each split axis; a tensor of rank 0 is its name."""
        shown: list[str] = []
        start = 0
        for size in self.groups.get(tensor) or (1,) * len(subscripts):
            parts = [self._subscript(subscript) for subscript in subscripts[start:start + size]]
            shown.append(parts[0] if size == 1 else f"({_listed(parts)})")
            start += size
        return f"{tensor}[{_listed(shown)}]" if shown else tensor

    def _subscript(self, value: Int) -> str:
        """A parameter alone gets a + so that it is not taken for an index."""
        return ("+" if value.name in self.parameters else "") + self.integer(value)

    def bracket(self, rows: Sequence[Row]) -> str:
        return f"[{', '.join(row_text(row, self.indices) for row in rows)}]"


def _split_sign(body: Scalar) -> tuple[bool, Scalar]:
    """-body as (True, body), where the text of the body starts with a minus."""
    match body:
        case Number(value) if value < 0:
            return True, Number(-value)
        case Whole(value) if all(coefficient < 0 for _, coefficient in value.terms):
            return True, Whole(-value)
        case Times((Number(value), second, *rest)) if value < 0:
            if value != -1:
                return True, Times((Number(-value), second, *rest))
            return True, Times((second, *rest)) if rest else second
        case Times((Whole(value), *rest)) if all(c < 0 for _, c in value.terms):
            return True, Times((Whole(-value), *rest))
    return False, body


def _is_sum(term: Term) -> bool:
    """A plain term whose body is a sum: without a mark it would fall apart into terms."""
    return not term.bound and not term.rows and isinstance(term.body, Plus)


def _looks_split(body: Scalar) -> bool:
    """A sum with a bracket as a factor would be read as terms with rows."""
    return isinstance(body, Plus) and any(
        isinstance(part, Bracket) for argument in body.arguments
        for part in (argument.arguments if isinstance(argument, Times) else (argument,)))


def _listed(parts: Sequence[str]) -> str:
    """n,c, s*i + a: names close together, expressions apart."""
    text = ""
    for before, part in zip(("", *parts), parts, strict=False):
        apart = " " in before or " " in part
        text += (", " if apart and before else "," if before else "") + part
    return text
