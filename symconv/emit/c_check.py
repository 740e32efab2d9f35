"""NAME_check in C: the tests that sizes must pass, and the codes of functions with their messages.

Code 0 is success. A size that is not given is computed from those that are, where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from symconv.admission import Condition, conditions, divisors, windows
from symconv.emit.c_body import Body, Locals
from symconv.emit.c_cascade import CascadeNames
from symconv.emit.c_expressions import Spelling
from symconv.emit.c_lines import words
from symconv.ir import Program
from symconv.names import names_of


@dataclass(frozen=True, slots=True)
class Check:
    """The body of NAME_check, and the texts of the codes from 1 on."""

    body: list[str]
    messages: list[str]


@dataclass(frozen=True, slots=True)
class Codes:
    """What functions return where they refuse, from 1 on, with a message each."""

    messages: list[str] = field(default_factory=list)

    def new(self, message: str) -> int:
        """The next code."""
        self.messages.append(message)
        return len(self.messages)

    def shared(self, message: str) -> int:
        """The code of a message, which several functions may share."""
        if message in self.messages:
            return self.messages.index(message) + 1
        return self.new(message)

    def literals(self) -> list[str]:
        """The messages, each as the inside of a C string."""
        return [_literal(message) for message in self.messages]


def check_lines(program: Program, spelling: Spelling, codes: Codes) -> list[str]:
    """The body of NAME_check: divisors, then conditions one after the other, then the windows
    of every extremum."""
    own = Locals.beside(names_of(program))

    def tests(found: Iterable[Condition]) -> Iterator[str]:
        for condition in found:
            yield from (f"if (!({spelling.row(condition.row)})) {{",
                        f"    return {codes.new(condition.message)};", "}")

    opening = list(tests(divisors(program)))
    if opening:
        opening = ["{", *(f"    {line}" for line in (
            *sizes_used(program, opening, spelling, own), *opening)), "}"]
    lines = list(tests(conditions(program)))
    for window in windows(program):
        lines += Body(spelling, own, CascadeNames.beside(names_of(program)), frozenset(),
                      codes.new).lines(window)
    return [*opening, *sizes_used(program, lines, spelling, own), *lines, "return 0;"]


def sizes_used(program: Program, lines: Sequence[str], spelling: Spelling,
               own: Locals) -> list[str]:
    """Locals for the sizes that the lines use, derived ones after what they need."""
    used, opening = words(lines), list[str]()
    for size in reversed(program.sizes):
        if size.name not in used:
            continue
        value = (f"{own.sizes}->{size.name}" if size.value is None
                 else spelling.integer(size.value))
        opening.insert(0, f"const ptrdiff_t {size.name} = {value};")
        used |= set() if size.value is None else words([value])
    if not opening and program.sizes:
        opening = [f"(void){own.sizes};"]
    return opening


def _literal(message: str) -> str:
    """ASCII, and nothing that ends a string or starts a trigraph."""
    safe = message.encode("ascii", "replace").decode()
    return safe.replace("\\", "\\\\").replace('"', '\\"').replace("??", '?" "?').replace("\n", " ")
