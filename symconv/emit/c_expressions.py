"""Expressions in C: integers, rows and scalar bodies of the loop IR.

Integers are `ptrdiff_t`; quotients round towards minus infinity through a helper, because C's
`/` truncates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

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

_LIBM = ("exp", "log", "sqrt", "tanh")
_MOST_FACTORS = 64


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the names of one emitted file are written.

    `prefix` stands before every symbol, `dtype` is "float32" or "float64", `extents` gives the
    logical extents of each array, in the order of the subscripts that are kept: an intermediate
    in the workspace has lost its `dropped` leading axes.
    """

    prefix: str
    dtype: str
    extents: Mapping[str, tuple[Int, ...]]
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def real(self) -> str:
        return "float" if self.dtype == "float32" else "double"

    def integer(self, value: Int, factor: bool = False) -> str:
        """The expression; in parentheses where it is a `factor` and has several terms."""
        pieces: list[str] = []
        ordered = sorted(value.terms, key=lambda term: (not term[0], term[1] < 0))
        for monomial, coefficient in ordered:
            factors = [self._atom(atom) for atom in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+"
            body = "*".join(factors)
            pieces.append(f" {sign} {body}" if pieces else f"-{body}" if sign == "-" else body)
        shown = "".join(pieces) or "0"
        return f"({shown})" if factor and (len(pieces) > 1 or shown.startswith("-")) else shown

    def offset(self, tensor: str, subscripts: tuple[Int, ...]) -> str:
        """The flat position, by Horner's rule: ((n*C + c)*H + u)*W + v."""
        extents, flat = self.extents[tensor], ""
        for extent, subscript in zip(extents, subscripts[self.dropped.get(tensor, 0):],
                                     strict=True):
            if flat in ("", "0"):
                flat = self.integer(subscript)
                continue
            simple = flat.replace("_", "").isalnum()
            head = f"{flat if simple else f'({flat})'}*{self.integer(extent, factor=True)}"
            shown = self.integer(subscript)
            if shown == "0":
                flat = head
            else:
                flat = f"{head} - {shown[1:]}" if shown.startswith("-") else f"{head} + {shown}"
        return flat or "0"

    def element(self, tensor: str, subscripts: tuple[Int, ...]) -> str:
        return f"{tensor}[{self.offset(tensor, subscripts)}]"

    def row(self, row: Row) -> str:
        """A condition that is true where the row holds."""
        match row:
            case Equal(expression):
                left, right = _sides(expression)
                return f"{self.integer(left)} == {self.integer(right)}"
            case AtLeast(expression):
                left, right = _sides(expression)
                return f"{self.integer(left)} >= {self.integer(right)}"
            case Divides(modulus, expression):
                return f"{self.integer(expression, True)} % {self.integer(modulus, True)} == 0"

    def rows(self, rows: tuple[Row, ...]) -> str:
        return " && ".join(self.row(row) for row in rows)

    def scalar(self, body: Scalar) -> str:
        """The body as an expression of the kernel's type, fit to stand as a factor."""
        match body:
            case Number(value):
                return self.number(value)
            case Whole(value):
                return f"({self.real})({self.integer(value)})"
            case Access(tensor, subscripts):
                return self.element(tensor, subscripts)
            case Plus(arguments):
                return "(" + self.top(Plus(arguments)) + ")"
            case Times(arguments):
                return self._product(arguments)
            case Power(base, exponent):
                return self._power(base, exponent)
            case Apply(function, arguments, constants):
                return self._apply(function, arguments, constants)
            case Bracket(rows):
                one, zero = self.number(Fraction(1)), self.number(Fraction(0))
                return f"({self.rows(rows)} ? {one} : {zero})"

    def top(self, body: Scalar) -> str:
        """The body without outer parentheses."""
        if not isinstance(body, Plus):
            return self.scalar(body)
        shown = self.scalar(body.arguments[0])
        for argument in body.arguments[1:]:
            term = self.scalar(argument)
            shown += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
        return shown

    def number(self, value: Fraction) -> str:
        """A literal that the compiler rounds once; 17 digits identify any double."""
        suffix = "f" if self.dtype == "float32" else ""
        if value.denominator == 1 and abs(value) < 10**15:
            return f"{value.numerator}.0{suffix}"
        shown = f"{float(value):.17g}"
        return f"{shown if '.' in shown or 'e' in shown else shown + '.0'}{suffix}"

    def _product(self, arguments: tuple[Scalar, ...]) -> str:
        above, below, sign = list[str](), list[str](), ""
        for argument in arguments:
            if argument == Number(Fraction(-1)):
                sign = "" if sign else "-"
            elif isinstance(argument, Power) and argument.exponent < 0:
                below.append(self._power(argument.base, -argument.exponent))
            else:
                above.append(self.scalar(argument))
        above = above or [self.number(Fraction(1))]
        shown = sign + " * ".join(above)
        for divisor in below:
            shown += f" / {divisor}"
        return f"({shown})" if below or sign else shown

    def _power(self, base: Scalar, exponent: Fraction) -> str:
        shown = self.scalar(base)
        shown = f"({shown})" if isinstance(base, Times) else shown
        if exponent < 0:
            return f"({self.number(Fraction(1))} / {self._power(base, -exponent)})"
        if exponent == 1:
            return shown
        if exponent.denominator == 1 and exponent <= _MOST_FACTORS:
            return f"{self.prefix}_power({shown}, {exponent.numerator})"
        suffix = "f" if self.dtype == "float32" else ""
        if exponent == Fraction(1, 2):
            return f"sqrt{suffix}({shown})"
        return f"pow{suffix}({shown}, {self.number(exponent)})"

    def _apply(self, function: str, arguments: tuple[Scalar, ...],
               constants: tuple[Fraction, ...]) -> str:
        shown = [self.top(argument) for argument in arguments]
        suffix = "f" if self.dtype == "float32" else ""
        if function in _LIBM:
            return f"{function}{suffix}({', '.join(shown)})"
        if function == "abs":
            return f"fabs{suffix}({shown[0]})"
        if function.endswith("_power") and _whole_power(function, constants[0]):
            body = arguments[0] if constants[0] % 2 == (function == "signed_power") else Apply(
                "abs", arguments, (Fraction(0),))
            return self._power(body, constants[0])
        if function.endswith(("_slope", "_share", "_power")):
            shown += [self.number(value) for value in constants]
        return f"{self.prefix}_{function}({', '.join(shown)})"

    def _atom(self, atom: Atom) -> str:
        match atom:
            case str():
                return atom
            case Floor(numerator, denominator):
                return (f"{self.prefix}_floordiv({self.integer(numerator)}, "
                        f"{self.integer(denominator)})")
            case Extremum(kind, arguments):
                shown = self.integer(arguments[0])
                for argument in arguments[1:]:
                    shown = f"{self.prefix}_{kind}({shown}, {self.integer(argument)})"
                return shown
            case Element(tensor, subscripts):
                return f"(ptrdiff_t){self.element(tensor, subscripts)}"


def _whole_power(function: str, exponent: Fraction) -> bool:
    """Whether a power of |x| is a product of a few factors; the sign must come with them."""
    return exponent.denominator == 1 and 1 <= exponent <= _MOST_FACTORS and (
        function == "abs_power" or exponent % 2 == 1)


def _sides(expression: Int) -> tuple[Int, Int]:
    """Split e = left - right so that both sides have positive coefficients where possible."""
    left = Int(tuple(term for term in expression.terms if term[1] > 0))
    return left, left - expression

