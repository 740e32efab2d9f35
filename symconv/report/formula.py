"""Definitions in LaTeX.

A row that only keeps a read inside its operand is not shown: the convention, stated in a
sentence beside the formula, is that what reads outside an operand counts as absent. Every other
row is: as a bracket in a sum, below the operator in a maximum. Terms that belong to the residue
classes of one expression are shown as cases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symconv.integers import Int
from symconv.ir import (
    AtLeast,
    Definition,
    Divides,
    Index,
    Number,
    Plus,
    Program,
    Row,
    Term,
)
from symconv.report.bodies import factor, scalar_tex, signed
from symconv.report.classes import Classes, classes
from symconv.report.rows import conditions
from symconv.report.style import PLAIN, Style, restyled
from symconv.report.symbols import (
    Notation,
    Scope,
    access_tex,
    integer_tex,
    name_tex,
    range_tex,
)
from symconv.rewrite import accesses, row_expressions, scalar_integers

_WIDE = 70          # characters in print, about a line
_WIDEST = 76        # width of a line, where a sum takes three and its limits nothing
_BREAK = " \\\\\n&\\quad "
SPACED = r"\\[6pt]"    # the end of a case that holds sums, whose limits need room
_SOFT = "\0"         # a place where a wide term may be broken
_SCRIPT = re.compile(r"[_^]\{(?:[^{}]|\{[^{}]*\})*\}")
_SILENT = re.compile(r"\\(?:(?:begin|end)\{\w+\}|mathrm|displaystyle|text|left|right|[,;! ])")
_SUM = re.compile(r"\\sum_\{(?:[^{}]|\{[^{}]*\})*\}\^\{(?:[^{}]|\{[^{}]*\})*\}")


@dataclass(frozen=True, slots=True)
class Formula:
    """One definition: left side, right side, and whether reads outside operands occur."""

    left: str
    pieces: tuple[str, ...]
    outside: bool

    def tex(self) -> str:
        """The equation as an `aligned` body, broken before a piece where it would be wide."""
        wide = _length(self.left + "".join(self.pieces)) - _length(self.left) > _WIDE
        joint = _BREAK if wide else " "
        return f"{self.left} &= {joint.join(map(_folded, self.pieces))}"


def _length(tex: str) -> int:
    return len(re.sub(r"\\[A-Za-z]+|[{}_^\\\0]", "", tex))


def printed_width(tex: str) -> int:
    """About how many letters wide the widest line of a formula is in print."""
    widths = [0]
    for line in tex.split("\\\\"):
        line = _SUM.sub("SSS", line)
        scripts = "".join(_SCRIPT.findall(line))
        widths.append(_letters(_SCRIPT.sub("", line)) + 2 * _letters(scripts) // 3)
    return max(widths)


def _letters(tex: str) -> int:
    return len(re.sub(r"[\s{}&_^]", "", re.sub(r"\\[A-Za-z]+", "c", _SILENT.sub("", tex))))


def _folded(piece: str) -> str:
    """A term, broken between its factors where it is wider than a line."""
    parts = piece.split(_SOFT)
    if _length(_SUM.sub("SSS", piece)) <= _WIDEST:
        return "".join(parts)
    lines, width = [parts[0]], _length(_SUM.sub("SSS", parts[0]))
    for part in parts[1:]:
        width += _length(part)
        if width > _WIDEST:
            lines.append(part)
            width = _length(part)
        else:
            lines[-1] += part
    return _BREAK.join(line.removesuffix(r"\, ") for line in lines)


def definition_formula(definition: Definition, notation: Notation,
                       otherwise: str = "otherwise") -> Formula:
    """The formula of one definition; `otherwise` names the residue classes without a solution."""
    definition = restyled(definition, notation.style, notation.splits.get(definition.target.name))
    free = tuple(index.name for index in definition.free)
    base = notation.style.base
    left = access_tex(definition.target.name, tuple(Int.of(name) - base for name in free),
                      notation.scope(free))
    outside = any(len(_shown_rows(term, notation)) < len(term.rows) for term in definition.terms)
    if definition.reduction != "sum":
        pieces = [_extremum(definition, notation)]
    else:
        plain, split = classes(definition)
        pieces = []
        for term in plain:
            pieces.append(_joined(_term(term, definition.free, notation, ()), bool(pieces)))
        if split is not None:
            shown = _cases(split, definition.free, notation, otherwise)
            pieces.append(f"+ {shown}" if pieces else shown)
    return Formula(left, tuple(pieces) or ("0",), outside)


def program_formula(program: Program, style: Style = PLAIN) -> str:
    """All definitions of a program, as one displayed formula without delimiters."""
    notation = Notation.of(program, style=style)
    return aligned([definition_formula(d, notation) for d in program.definitions])


def program_latex(program: Program) -> str:
    """All definitions of a program, as one displayed formula with its delimiters."""
    return f"$$\n{program_formula(program, PLAIN)}\n$$"


def aligned(formulas: Sequence[Formula]) -> str:
    """Formulas below each other, aligned at the equality sign."""
    body = " \\\\\n".join(formula.tex() for formula in formulas)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _scope(term: Term, free: tuple[Index, ...], notation: Notation) -> Scope:
    return notation.scope([index.name for index in (*free, *term.bound)],
                          tuple(row for row in term.rows if isinstance(row, Divides)))


def _joined(piece: tuple[bool, str], later: bool) -> str:
    negative, shown = piece
    if later:
        return f"- {shown}" if negative else f"+ {shown}"
    return f"-{shown}" if negative else shown


def _term(term: Term, free: tuple[Index, ...], notation: Notation,
          hidden: tuple[Row, ...]) -> tuple[bool, str]:
    """Whether a term of a sum starts with a minus sign, and the rest of it."""
    scope = _scope(term, free, notation)
    base = notation.style.base
    sums = "".join(rf"\sum_{{{name_tex(index.name)}={base}}}"
                   rf"^{{{integer_tex(index.extent - 1 + base, scope)}}}" for index in term.bound)
    rows = [row for row in _shown_rows(term, notation) if row not in hidden]
    brackets = [f"[{shown}]" for shown in conditions(rows, scope)]
    negative, body = signed(term.body)
    summed = isinstance(body, Plus) and (sums or brackets)
    inside = factor(body, scope) if summed else scalar_tex(body, scope)
    if brackets and body == Number(Fraction(1)):
        inside = ""
    first, *others = [part for part in (*brackets, inside) if part]
    return negative, rf"\, {_SOFT}".join([f"{sums} {first}" if sums else first, *others])


def _cases(split: Classes, free: tuple[Index, ...], notation: Notation,
           otherwise: str) -> str:
    lines, spaced = [], False
    scope = notation.scope([index.name for index in free])
    for residues, members in split.cases:
        shown = ""
        for term, rows in members:
            shown += (" " if shown else "") + _joined(_term(term, free, notation, rows),
                                                      bool(shown))
        condition = r",\ ".join(
            rf"{integer_tex(expression, scope)} \equiv {residue}\ (\mathrm{{mod}}\ "
            rf"{modulus})" for (modulus, expression), residue
            in zip(split.keys, residues, strict=True))
        shown = shown.replace(_SOFT, "")
        spaced = spaced or r"\sum" in shown
        lines.append(rf"\displaystyle {shown} & {condition}")
    if not split.complete:
        lines.append(rf"0 & \text{{{otherwise}}}")
    joint = f" {SPACED}\n" if spaced else " \\\\\n"
    return "\\begin{cases}\n" + joint.join(lines) + "\n\\end{cases}"


def _extremum(definition: Definition, notation: Notation) -> str:
    (term,) = definition.terms
    scope = _scope(term, definition.free, notation)
    ranges = [range_tex(index, scope) for index in term.bound]
    below = r" \\ ".join([*ranges, *conditions(_shown_rows(term, notation), scope)])
    below = rf"\substack{{{below}}}" if r"\\" in below else below
    body = factor(term.body, scope) if isinstance(term.body, Plus) \
        else scalar_tex(term.body, scope)
    if term.witness is None:
        return rf"\{definition.reduction}_{{{below}}} {body}"
    operator = "arg\\,max" if definition.reduction == "argmax" else "arg\\,min"
    ties = "last" if definition.ties == "last" else "first"
    found = (rf"\mathop{{\mathrm{{{operator}}}^{{\mathrm{{{ties}}}}}}}\limits_{{{below}}} "
             f"{body}")
    if len(term.bound) == 1 and \
            (term.witness + scope.base).name == term.bound[0].name:
        return found
    places = ", ".join(name_tex(index.name) for index in term.bound)
    places = f"({places})" if len(term.bound) > 1 else places
    return rf"\left. {integer_tex(term.witness + scope.base, scope)} \right|_{{{places} = {found}}}"


def _shown_rows(term: Term, notation: Notation) -> list[Row]:
    """The rows that say more than that every read is inside its operand."""
    implied: set[Int] = set()
    reads: list[tuple[str, tuple[Int, ...]]] = [
        (access.tensor, access.subscripts) for access in accesses(term.body)]
    integers = [*scalar_integers(term.body), *(() if term.witness is None else (term.witness,)),
                *(e for row in term.rows for e in row_expressions(row))]
    reads += [(element.tensor, element.subscripts)
              for expression in integers for element in expression.elements()]
    for tensor, subscripts in reads:
        if tensor in notation.tensors:
            for subscript, extent in zip(subscripts, notation.tensors[tensor].logical, strict=True):
                implied |= {subscript, extent - 1 - subscript}
    return [row for row in term.rows
            if not (isinstance(row, AtLeast) and row.expression in implied)]
