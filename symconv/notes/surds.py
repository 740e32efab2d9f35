"""Exact values with square roots: the interpreter in SymPy's numbers, on given operands.

`checking.run` and `checking.gradient` stay in the rationals; norms and normalisations need these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symconv.notes.checking import Given, operator_of

if TYPE_CHECKING:
    from symconv.ir import Program


def run(given: Given, /, **inputs: Any) -> Any:
    """The first output of an operator, as nested lists of SymPy numbers."""
    program, arrays = _ready(given, inputs)
    return _evaluate(program, program, arrays)


def gradient(given: Given, wrt: str, dy: Any, /, **inputs: Any) -> Any:
    """The gradient of <dy, y> with respect to `wrt`, by the derived program."""
    import numpy as np

    from symconv.differentiate import vjp

    program, arrays = _ready(given, inputs)
    derived = vjp(program, (wrt,)).result
    arrays[derived.inputs[0].name] = np.array(dy, dtype=object)
    return _evaluate(program, derived, arrays)


def _ready(given: Given, inputs: Mapping[str, Any]) -> tuple[Program, dict[str, Any]]:
    import numpy as np

    arrays = {name: np.array(value, dtype=object) for name, value in inputs.items()}
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    return operator_of(given).for_shapes(shapes).definition, arrays


def _evaluate(source: Program, program: Program, arrays: Mapping[str, Any]) -> Any:
    from symconv.arithmetic import SYMBOLIC
    from symconv.evaluate import evaluate
    from symconv.shapes import bind

    shapes = {tensor.name: tuple(arrays[tensor.name].shape) for tensor in source.inputs}
    found = evaluate(program, arrays, bind(source, shapes), SYMBOLIC)
    return next(iter(found.values())).tolist()
