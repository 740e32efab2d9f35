"""A derivation as a story: numbered steps, each with a rule, a sentence and formulas.

The formats print a `Story` and decide nothing themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from symconv.confirmation import confirm
from symconv.differentiate import Derived, Step
from symconv.errors import ParameterError
from symconv.gather import solved
from symconv.ir import Apply, Definition, Divides, Program, Scalar
from symconv.report.formula import SPACED, Formula, aligned, definition_formula
from symconv.report.style import PLAIN, Style
from symconv.report.symbols import Notation, Scope, integer_tex, name_tex, range_tex
from symconv.report.words import LANGUAGES, Words
from symconv.rewrite import accesses, row_names, scalar_children
from symconv.text import definition_text

DEPTHS = ("result", "steps", "full")


@dataclass(frozen=True, slots=True)
class Line:
    """One step: formulas in LaTeX (an aligned body), and in the definition language."""

    number: int
    rule: str
    title: str
    sentence: str
    formula: str
    text: tuple[str, ...]
    ranges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A whole report. `sizes` are pairs (LaTeX, text); `conventions` are sentences about the
    formulas, `fixed` those of them that plain text needs too."""

    lang: str
    kind: str
    wrt: tuple[str, ...]
    title: str
    lines: tuple[Line, ...]
    sizes: tuple[tuple[str, str], ...]
    conventions: tuple[str, ...]
    fixed: tuple[str, ...]


def story(derivation: Derived, lang: str = "en", depth: str = "steps",
          style: Style = PLAIN) -> Story:
    """The story of a derivation in a language ("en", "zh").

    Depth "result": the final formulas alone; "steps": the main steps; "full": the chain rule
    with every delta as well. Raises ParameterError for other values, and ConfirmationError where
    the interpreter does not confirm a step: such a story is not told.
    """
    words = _words(lang)
    if depth not in DEPTHS:
        raise ParameterError(f"depth is {depth!r}, but must be one of {', '.join(DEPTHS)}")
    full = solved(derivation)
    confirm(full)
    chosen = _chosen(full, depth)
    teller = _Teller(full, words, style, set(), {}, {})
    lines = tuple(teller.line(number, step, depth) for number, step in enumerate(chosen, 1))
    title = {"vjp": words.vjp, "jvp": words.jvp, "jacobian": words.jacobian}[full.kind]
    return Story(lang, full.kind, full.wrt, title.format(wrt=words.comma.join(full.wrt)), lines,
                 teller.sizes(), (*teller.used, *teller.fixed()), teller.fixed())


def _words(lang: str) -> Words:
    if lang not in LANGUAGES:
        raise ParameterError(f"lang is {lang!r}, but must be one of {', '.join(LANGUAGES)}")
    return LANGUAGES[lang]


def _chosen(derivation: Derived, depth: str) -> tuple[Step, ...]:
    """The steps that a depth shows, each with the definitions that it shows."""
    if depth == "result":
        last = derivation.steps[-1]
        return (replace(last, changed=last.program.outputs),)
    return tuple(step for step in derivation.steps if depth == "full" or step.rule != "chain")


@dataclass(frozen=True, slots=True)
class _Teller:
    """Collects, while lines are made, the ranges told so far and the conventions used."""

    derivation: Derived
    words: Words
    style: Style
    told: set[tuple[str, str]]
    used: dict[str, None]
    slopes: dict[str, None]

    def line(self, number: int, step: Step, depth: str) -> Line:
        notation = Notation.of(step.program, self.derivation.source, self.style,
                               _splits(self.derivation))
        definitions = [step.program.definition(name) for name in step.changed]
        formulas = [definition_formula(d, notation, self.words.otherwise) for d in definitions]
        for definition, formula in zip(definitions, formulas, strict=True):
            self._note(definition, formula)
        joined = step.rule == "contract" and depth == "steps"
        return Line(number, step.rule, self.words.titles["chain" if joined else step.rule],
                    "" if depth == "result" else self._sentence(step, definitions, joined),
                    aligned(formulas), tuple(definition_text(d, step.program) for d in definitions),
                    tuple(self._ranges(definitions, notation)))

    def sizes(self) -> tuple[tuple[str, str], ...]:
        """The defining equation of every derived size."""
        scope = Scope({}, display=True)
        return tuple((f"{name_tex(size.name)} = {integer_tex(size.value, scope)}",
                      f"{size.name} = {size.value}")
                     for size in self.derivation.source.sizes if size.value is not None)

    def fixed(self) -> tuple[str, ...]:
        """What is taken for the derivatives at kinks and of frozen statements."""
        frozen = [d.target.name for d in self.derivation.source.definitions if d.frozen]
        return (*self.slopes, *(self.words.frozen.format(name=name) for name in frozen))

    def _sentence(self, step: Step, definitions: Iterable[Definition], joined: bool) -> str:
        """Why a step holds; `joined` where it stands for the chain rule and the contraction."""
        rules = self.words.rules
        if joined:
            return self.words.space.join((rules[f"chain-{self.derivation.kind}"],
                                          rules["contract"]))
        match step.rule:
            case "selector":
                return rules[f"selector-{_ties(step.program)}"]
            case "chain":
                return rules[f"chain-{self.derivation.kind}"]
            case "gather":
                kind = _solution(definitions)
                strided = kind != "unit" and self._is_product(definitions)
                return self.words.space.join((rules[f"gather-{kind}"],
                                              *((rules["transposed"],) if strided else ())))
        return rules[step.rule]

    def _is_product(self, definitions: Iterable[Definition]) -> bool:
        """Whether a gradient sums products with another operand, as that of a convolution."""
        others = {tensor.name for tensor in self.derivation.source.inputs
                  if tensor.name not in self.derivation.wrt}
        return self.derivation.kind == "vjp" and any(
            access.tensor in others for definition in definitions for term in definition.terms
            for access in accesses(term.body))

    def _note(self, definition: Definition, formula: Formula) -> None:
        if formula.outside:
            self.used[self.words.outside] = None
        if "[" in formula.tex().replace(SPACED, ""):
            self.used[self.words.bracket] = None
        for term in definition.terms:
            for function, value in _slopes(term.body):
                told = self.words.slope.format(function=function, value=value)
                self.slopes[told] = None

    def _ranges(self, definitions: Iterable[Definition], notation: Notation) -> Iterable[str]:
        """The ranges of free indices that were not told with the same extent before."""
        for definition in definitions:
            for index in definition.free:
                key = (index.name, str(index.extent))
                if key not in self.told:
                    self.told.add(key)
                    yield range_tex(index, notation.scope(()))


def _splits(derivation: Derived) -> dict[str, int]:
    """How many axes of a Jacobian are those of the output, by its name."""
    if derivation.kind != "jacobian":
        return {}
    operand = derivation.source.tensor(derivation.wrt[0])
    return {name: len(derivation.result.tensor(name).logical) - len(operand.logical)
            for name in derivation.result.outputs}


def _ties(program: Program) -> str:
    """Which tie rule the selectors of a program follow."""
    found = {d.ties for d in program.definitions if d.reduction in ("argmax", "argmin")}
    if any(d.frozen and d.reduction in ("max", "min") for d in program.definitions):
        found.add("even")
    return found.pop() if len(found) == 1 else "mixed"


def _solution(definitions: Iterable[Definition]) -> str:
    """What the solved equations look like: "unit", "quotient" or "classes"."""
    kind = "unit"
    for definition in definitions:
        for term in definition.terms:
            for row in term.rows:
                if isinstance(row, Divides):
                    local = row_names(row) & {index.name for index in term.bound}
                    if row.modulus.constant is None or local:
                        return "quotient"
                    kind = "classes"
    return kind


def _slopes(body: Scalar) -> Iterable[tuple[str, str]]:
    match body:
        case Apply("relu_slope" | "abs_slope" as function, _, (value,)):
            yield function.removesuffix("_slope"), str(value)
    for child in scalar_children(body):
        yield from _slopes(child)


