"""The text of a definition: its limits, its tokens, and errors that point at a place.

Everything that could make Python's parser slow or exhaust its stack is refused here, by one
linear scan: length, lines, statements, bracket depth, operators and signs in a row, and the
size of literals. What the scan lets through is small enough for `ast.parse`.
"""

from __future__ import annotations

import ast
import keyword
import re
from dataclasses import dataclass
from fractions import Fraction

from symconv.errors import ParseError
from symconv.language import names

LONGEST_TEXT = 100_000
MOST_LINES = 2_000
MOST_STATEMENTS = 1_000
MOST_OPERATORS = 400       # in one statement
DEEPEST = 40               # brackets inside brackets
MOST_SIGNS = 8             # signs in a row
MOST_DIGITS = 19           # of an integer, as 64 bits have; of a decimal fraction twice as many
LARGEST_EXPONENT = 400     # of ten, in a literal such as 1e-5

_TOKEN = re.compile(r"""
    (?P<comment>\#[^\n]*) | (?P<newline>\n) | (?P<space>[ \t\f]+)
  | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<operator>\*\*|//|==|<=|>=|!=|[-+*/%()\[\],:;=<>])
  | (?P<other>.)""", re.VERBOSE | re.DOTALL)
_PYTHON_WORDS = re.compile(rf"\b({'|'.join(w for w in keyword.kwlist if w[0] in names.DERIVED)})\b")
_WINDOW = 96               # characters of a long line shown around the caret
_HINTS = {
    "'": "text in quotes has no place in a definition", '"': "text in quotes has no place in a "
    "definition", "\\": "to go on in the next line, put the expression in parentheses",
    ".": "there are no attributes; a decimal needs a digit beside its point",
    "^": "a power is written **", "{": "use [ ] for Iverson brackets and ( ) for grouping",
    "}": "use [ ] for Iverson brackets and ( ) for grouping",
    "&": "write several conditions as [a, b], or as the product [a] * [b]",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The lines without comments and indentation; literals and identifiers found in them."""

    lines: tuple[str, ...]
    numbers: dict[tuple[int, int], str]
    identifiers: frozenset[str]

    def tree(self) -> ast.Module:
        """Python's tree of the text; errors are Python's.

        Derived names that Python keeps for itself (del, the gradient of el) are hidden from its
        parser behind names of the same length that no definition has (_el).
        """
        module = ast.parse("\n".join(
            _PYTHON_WORDS.sub(lambda word: f"_{word[0][1:]}", line) for line in self.lines))
        hidden = {f"_{word[1:]}": word for word in keyword.kwlist if word[0] in names.DERIVED}
        for node in ast.walk(module):
            if isinstance(node, ast.Name):
                node.id = hidden.get(node.id, node.id)
        return module

    def number(self, node: ast.Constant) -> Fraction:
        """The exact value of a literal: 0.01 is 1/100."""
        return Fraction(self.numbers[node.lineno, node.col_offset])

    def error(self, node: ast.AST, what: str, rule: str, remedy: str) -> ParseError:
        """The error to raise at a node."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        return self.error_at(line, column, what, rule, remedy)

    def error_at(self, line: int, column: int, what: str, rule: str, remedy: str) -> ParseError:
        """The error to raise at a line (from 1) and a column (from 0)."""
        return _error(self.lines[line - 1] if 0 < line <= len(self.lines) else "",
                      line, column, what, rule, remedy)


def scan(text: str, derived: bool) -> Source:
    """Check limits, characters, names and literals; drop comments and indentation.

    Where the text is that of a derived program, names of derivatives may be keywords.
    """
    if len(text) > LONGEST_TEXT:
        raise _error(text.partition("\n")[0], 1, 0, f"the text has {len(text)} characters",
                     f"a definition has at most {LONGEST_TEXT}", "split the program")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    raw = text.split("\n")
    if len(raw) > MOST_LINES:
        raise _error(raw[MOST_LINES], MOST_LINES + 1, 0, f"the text has {len(raw)} lines",
                     f"a definition has at most {MOST_LINES}", "split the program")
    return _Scanner(raw, derived).run(text)


class _Scanner:
    """One pass over the tokens, counting what must stay within limits."""

    def __init__(self, raw: list[str], derived: bool) -> None:
        self.raw = raw
        self.derived = derived
        self.lines: list[str] = [""]
        self.numbers: dict[tuple[int, int], str] = {}
        self.identifiers: set[str] = set()
        self.start = 0                       # where the raw line was when it began
        self.depth = self.signs = self.operators = self.statements = 0

    def run(self, text: str) -> Source:
        after_number = False
        for match in _TOKEN.finditer(text):
            kind, token = match.lastgroup, match.group()
            if kind == "name" and after_number:
                raise self.error(f"'{token}' follows a number directly",
                                 "a product needs its sign",
                                 f"write {match.string[:match.start()].split()[-1][-20:]}*{token}"
                                 if len(token) < 20 else "put * between them")
            after_number = kind == "number"
            match kind:
                case "comment":
                    continue
                case "newline":
                    self._end_of_line()
                    continue
                case "space":
                    if self.lines[-1] or self.depth:
                        self.lines[-1] += token.replace("\f", " ").replace("\t", " ")
                    continue
                case "number":
                    self._number(token)
                case "name":
                    self._name(token)
                case "operator":
                    self._operator(token)
                case _:
                    raise self.error(f"{token!r} is not part of the language",
                                     "a definition consists of ASCII names, numbers, brackets "
                                     "and the signs + - * / // % ** = < > , : ;",
                                     _HINTS.get(token, "remove it; comments start with #, and may "
                                                "hold anything"))
            self.lines[-1] += token
        return Source(tuple(line.rstrip() for line in self.lines), self.numbers,
                      frozenset(self.identifiers))

    def error(self, what: str, rule: str, remedy: str) -> ParseError:
        line = len(self.lines)
        shown = self.raw[line - 1]
        indent = 0 if self.depth else len(shown) - len(shown.lstrip())
        return _error(shown[indent:], line, len(self.lines[-1]), what, rule, remedy)

    def _end_of_line(self) -> None:
        self.lines.append("")
        if self.depth == 0:
            self._end_of_statement()

    def _end_of_statement(self) -> None:
        self.operators = self.signs = 0
        self.statements += self.lines[-1] != "" or (len(self.lines) > 1 and self.lines[-2] != "")
        if self.statements > MOST_STATEMENTS:
            raise self.error("too many statements", f"at most {MOST_STATEMENTS}",
                             "split the program")

    def _number(self, token: str) -> None:
        self.signs = 0
        digits = sum(character.isdigit() for character in re.split("[eE]", token)[0])
        limit = MOST_DIGITS if token.isdigit() else 2 * MOST_DIGITS
        exponent = re.split("[eE]", token)[1].lstrip("+-0") if "e" in token.lower() else "0"
        if digits > limit or len(exponent) > 3 or int(exponent or "0") > LARGEST_EXPONENT:
            raise self.error(f"the number {token[:20]}... is too long" if digits > limit
                             else f"the exponent of {token[:20]} is too large",
                             f"at most {limit} digits, exponents of ten up to "
                             f"{LARGEST_EXPONENT}", "write a shorter number")
        if len(token) > 1 and token.isdigit() and token[0] == "0":
            raise self.error(f"the number {token} starts with 0", "integers have no leading "
                             "zeros", f"write {int(token)}")
        self.numbers[len(self.lines), len(self.lines[-1])] = token

    def _name(self, token: str) -> None:
        self.signs = 0
        fault = names.fault(token)
        if fault is not None and not (self.derived and names.is_derived(token)):
            raise self.error(fault, "names are ASCII identifiers that C and Python both accept, "
                             f"of at most {names.LONGEST} characters, without leading, trailing "
                             "or double underscores", _KEYWORDS.get(token, "choose another name"))
        self.identifiers.add(token)

    def _operator(self, token: str) -> None:
        if token == ";" and self.depth == 0:
            self._end_of_statement()
            return
        self.signs = self.signs + 1 if token in "+-" else 0
        self.operators += token not in "()[]"
        if self.signs > MOST_SIGNS:
            raise self.error("too many signs in a row", f"at most {MOST_SIGNS}",
                             "two minus signs cancel: remove them in pairs")
        if self.operators > MOST_OPERATORS:
            raise self.error("the statement is too long", f"a statement has at most "
                             f"{MOST_OPERATORS} operators and commas",
                             "split it into several statements")
        if token in "([":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.error("brackets are nested too deeply", f"at most {DEEPEST} levels",
                                 "give the inner part a statement of its own")
        elif token in ")]":
            if self.depth == 0:
                raise self.error(f"'{token}' closes nothing", "brackets come in pairs",
                                 f"remove it, or open it with '{'(' if token == ')' else '['}'")
            self.depth -= 1


_KEYWORDS = {
    "and": "write several conditions as [a, b], or as the product [a] * [b]",
    "or": "add the cases: [a] + [b] - [a] * [b]",
    "not": "write the opposite comparison, or 1 - [a == b]",
    "if": "multiply by an Iverson bracket: [a < i] * x[a]",
    "for": "an index on the left runs over its whole range; bind others with sum[a](...)",
    "lambda": "give the expression a statement of its own: h[i] = ...; and use h[i]",
    "float": "operands are real unless declared int: x: [N, C]",
    "double": "operands are real unless declared int: x: [N, C]",
    "in": "compare integers: [0 <= a, a < K]",
    "is": "compare integers with ==",
}


def _error(shown: str, line: int, column: int, what: str, rule: str, remedy: str) -> ParseError:
    shown = shown.rstrip()
    start = max(0, column - _WINDOW * 2 // 3) if len(shown) > _WINDOW else 0
    part = "".join(c if c.isprintable() else "?" for c in shown[start:start + _WINDOW])
    if start:
        part, start = "..." + part, start - 3
    if start + _WINDOW + 3 < len(shown):
        part += "..."
    return ParseError(f"line {line}: {what}\n    {part}\n    {' ' * (column - start)}^\n"
                      f"rule: {rule}\nremedy: {remedy}")
