"""The names of a program's operands and outputs.

Operands of a named operator are c1_w, c1_b; those of others keep their names, and repeats are
numbered: w, w_2, w_3. The output of every program with one output is y.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from symconv.errors import ParameterError
from symconv.language.names import derived_names
from symconv.operator import Operator


@dataclass(slots=True)
class Names:
    """Names of operands: each is used once, repeats are numbered."""

    taken: set[str]

    def new(self, wish: str) -> str:
        stem, number = re.sub(r"_\d+$", "", wish), 2
        name = wish
        while name in self.taken:
            name = f"{stem}_{number}"
            number += 1
        self.taken.add(name)
        return name

    def parameters(self, operator: Operator, operands: Sequence[str],
                   bare: bool = False) -> tuple[str, ...]:
        """The names of an operator's own operands; a `bare` first one is left as it is."""
        return tuple(self.new(
            f"{operator.name}_{one}" if operator.named and not (bare and place == 0) else one)
            for place, one in enumerate(operands))


def output_names(results: Sequence[tuple[Operator, str]], names: Names) -> list[str]:
    """y for one output; for several, their own names behind those of named operators."""
    if len(results) == 1:
        return [names.new("y")]
    return [names.new(f"{operator.name}_{output}" if operator.named else output)
            for operator, output in results]


def check_names(inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """No operand has the name of a derivative of another, or of an output."""
    for other, is_output in [*((one, False) for one in inputs), *((one, True) for one in outputs)]:
        for name in inputs:
            if name in derived_names(other, is_output) or (is_output and name == other):
                raise ParameterError(
                    f"program: the operand {name} has the name of a derivative or output of "
                    f"{other}; rename the tensor or the operator")
