"""The user's view of a derivation: its steps, its result as an operator, and its printed forms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symconv.differentiate import Derived, Step
from symconv.errors import ShapeError
from symconv.gather import solved
from symconv.operator import Operator, shape_of
from symconv.shapes import bind, stored_shape

if TYPE_CHECKING:
    import sympy

    from symconv.report import Style

_MOST_ENTRIES = 200_000     # of a Jacobian written out, which takes seconds


@dataclass(frozen=True, slots=True)
class Derivation:
    """How an operator's derivative follows from its definition.

    `derived` holds the programs; `source` is the operator that was differentiated.
    """

    derived: Derived
    source: Operator

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step with its rule and the program after it; the last is in gather form."""
        return solved(self.derived).steps

    @property
    def result(self) -> Operator:
        """The derivative, as an operator that can be built or differentiated again."""
        derived = self.derived
        name = "_".join((self.source.name, derived.kind, *(
            derived.wrt if derived.kind != "jvp" else ())))
        return Operator(derived.result, name=name)

    def latex(self, lang: str = "en", depth: str = "steps",
              style: Style | None = None) -> str:
        r"""A fragment for \input. `lang` "en" or "zh"; `depth` "result", "steps" or "full"; `style`
        tells where indices start and which axes of a Jacobian come first."""
        from symconv import report

        return report.latex(self.derived, lang=lang, depth=depth,
                            style=style or report.Style())

    def markdown(self, lang: str = "en", depth: str = "steps",
                 style: Style | None = None) -> str:
        """Markdown with formulas; parameters as in `latex`."""
        from symconv import report

        return report.markdown(self.derived, lang=lang, depth=depth,
                               style=style or report.Style())

    def html(self, lang: str = "en", depth: str = "steps",
             style: Style | None = None) -> str:
        """A page of HTML; parameters as in `latex`."""
        from symconv import report

        return report.html(self.derived, lang=lang, depth=depth,
                           style=style or report.Style())

    def text(self, lang: str = "en", depth: str = "steps") -> str:
        """Plain text in the definition language; parameters as in `latex`."""
        from symconv import report

        return report.text(self.derived, lang=lang, depth=depth)

    def __str__(self) -> str:
        return str(self.result)

    def _repr_latex_(self) -> str | None:
        return self.result._repr_latex_()

    def _repr_html_(self) -> str:
        from symconv import report

        return report.html_fragment(self.derived)


@dataclass(frozen=True, slots=True)
class Jacobian(Derivation):
    """The derivation of a Jacobian, which can also be written out as a matrix."""

    def matrix(self, **operands: Any) -> sympy.Matrix:
        """The matrix for given shapes: rows are outputs, columns inputs, both in C order.

        Each operand is given as a shape, and then its elements are symbols such as w[0,0,0,1],
        or as a NumPy array of numbers (a maximum needs those). ShapeError where the shapes
        contradict each other; ParameterError where symbols would have to be compared.
        """
        import sympy

        from symconv.arithmetic import SYMBOLIC
        from symconv.evaluate import evaluate

        source, program = self.source.definition, self.derived.result
        shapes, _ = self.source.batched({
            name: shape_of(name, getattr(given, "shape", given))
            for name, given in operands.items()})
        values = bind(source, shapes)
        entries = math.prod(stored_shape(program.tensor(program.outputs[0]), values))
        if entries > _MOST_ENTRIES:
            raise ShapeError(f"the Jacobian for {shapes} has {entries} entries, at most "
                             f"{_MOST_ENTRIES} are written out; give smaller shapes")
        inputs = {}
        for tensor in program.inputs:
            given = operands.get(tensor.name)
            shape = stored_shape(tensor, values)
            inputs[tensor.name] = (_symbols(tensor.name, shape) if given is None
                                   or not hasattr(given, "reshape") else given.reshape(shape))
        found = evaluate(program, inputs, values, SYMBOLIC)[program.outputs[0]]
        columns = math.prod(stored_shape(source.tensor(self.derived.wrt[0]), values))
        rows = found.size // columns if columns else 0
        return sympy.Matrix(rows, columns, [SYMBOLIC.read(entry) for entry in found.ravel()])


def _symbols(name: str, shape: tuple[int, ...]) -> Any:
    """An array of the elements name[0,0], name[0,1], ...; of one symbol where it has no axes."""
    import numpy as np
    import sympy

    array = np.empty(shape, dtype=object)
    base = sympy.IndexedBase(name)
    for place in np.ndindex(*shape):
        array[place] = base[place] if place else sympy.Symbol(name)
    return array
