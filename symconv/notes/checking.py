"""What the checks of the notes are written with. Everything is exact.

`run` and `gradient` evaluate an operator and its derived gradient on given numbers; `agree`
compares two definitions on random exact inputs; `identity` compares SymPy expressions;
`derivative_holds` compares a derived gradient with differences of the interpreter. An operator is
given as itself, as a function that makes it, or as text in the definition language.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from symconv.operator import Operator, parse

if TYPE_CHECKING:
    import sympy

    from symconv.ir import Program

Given: TypeAlias = Operator | str | Callable[[], Operator]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

TRIALS = 3
_SPREAD = 9                                    # random integers lie between -9 and 9


def operator_of(given: Given) -> Operator:
    """The operator that is meant."""
    if isinstance(given, Operator):
        return given
    return parse(given) if isinstance(given, str) else given()


def run(given: Given, params: Mapping[str, int] | None = None, /, **inputs: Any) -> Any:
    """The output of an operator on numbers (nested lists), as nested lists of integers and
    Fractions; a dictionary by name where there are several outputs."""
    program, arrays, sizes = _bound(given, inputs, params)
    return _single(_evaluate(program, arrays, sizes))


def gradient(given: Given, wrt: str, dy: Any, params: Mapping[str, int] | None = None, /,
             **inputs: Any) -> Any:
    """The gradient of <dy, y> with respect to `wrt`, by the derived program."""
    program, arrays, sizes = _bound(given, inputs, params)
    from symconv.differentiate import vjp

    derived = vjp(program, (wrt,)).result
    arrays = {**arrays, derived.inputs[0].name: _array(dy)}
    return _single(_evaluate(derived, arrays, sizes))


def jacobian(given: Given, wrt: str, params: Mapping[str, int] | None = None, /,
             **inputs: Any) -> list[list[Any]]:
    """The Jacobian as a matrix (rows are outputs, columns inputs, C order), by the derivation."""
    from symconv.differentiate import jacobian as derive

    program, arrays, sizes = _bound(given, inputs, params)
    (found,) = _evaluate(derive(program, wrt).result, arrays, sizes).values()
    columns = math.prod(arrays[wrt].shape)
    return [[_plain(entry) for entry in row] for row in found.reshape(-1, columns)]


def agree(left: Given, right: Given, shapes: Shapes,
          params: Mapping[str, int] | None = None) -> bool:
    """Whether two definitions with the same operands give the same on random exact inputs.

    Outputs are compared in order, whatever they are called."""
    one, other = operator_of(left).for_shapes(shapes), operator_of(right).for_shapes(shapes)
    for seed in range(TRIALS):
        inputs = sample(one.definition, shapes, seed, params)
        values = []
        for operator in (one, other):
            names = {tensor.name for tensor in operator.definition.inputs}
            program, arrays, sizes = _bound(
                operator, {name: array for name, array in inputs.items() if name in names},
                _known(operator.definition, params))
            values.append([array.tolist() for array in _evaluate(program, arrays, sizes).values()])
        if not same(*values):
            return False
    return True


def derivative_holds(given: Given, wrt: str, shapes: Shapes) -> bool:
    """Whether the derived gradient agrees with differences of the interpreter."""
    from symconv.confirmation import refuted_step
    from symconv.differentiate import vjp

    program = operator_of(given).for_shapes(shapes).definition
    return refuted_step(vjp(program, (wrt,)), shapes, _known(program, None)) is None


def identity(*sides: Any) -> bool:
    """Whether SymPy expressions (or equal-shaped matrices, or numbers) are all the same: their
    differences simplify to 0, and vanish at random rational points too."""
    first, *others = map(_symbolic, sides)
    return all(_vanishes(first - other) for other in others)


def _symbolic(side: Any) -> Any:
    """A side of an identity as SymPy has it: an expression or a matrix itself, or a number."""
    import sympy

    from symconv.arithmetic import SYMBOLIC

    return side if isinstance(side, sympy.MatrixBase) else SYMBOLIC.read(side)


def same(left: Any, right: Any) -> bool:
    """Whether numbers, or nested lists (tuples, arrays) of numbers, are exactly equal."""
    left, right = _listed(left), _listed(right)
    if isinstance(left, list) or isinstance(right, list):
        return (isinstance(left, list) and isinstance(right, list) and len(left) == len(right)
                and all(map(same, left, right)))
    return bool(left == right)


def sample(program: Program, shapes: Shapes, seed: int,
           params: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Random integers for every operand, distinct within an operand, so that maxima have no ties;
    integer operands take every value in their range."""
    from symconv.confirmation.trials import filled, integers
    from symconv.shapes import bind, stored_shape

    sizes = bind(program, dict(shapes), _known(program, params))
    generator = random.Random(f"notes {seed}")
    found: dict[str, Any] = {}
    for tensor in program.inputs:
        shape = stored_shape(tensor, sizes)
        count = math.prod(shape)
        spread = max(_SPREAD, count)
        found[tensor.name] = integers(program, tensor, sizes, generator) \
            if tensor.kind == "integer" else filled(shape, generator.sample(
                [n for n in range(-spread, spread + 1) if n], count))
    return found


def drawn(draw: random.Random, *shape: int) -> Any:
    """An object array of random integers from -9 to 9."""
    from symconv.confirmation.trials import filled

    return filled(shape, [draw.randint(-_SPREAD, _SPREAD) for _ in range(math.prod(shape))])


def _known(program: Program, params: Mapping[str, int] | None) -> dict[str, int]:
    return {name: value for name, value in (params or {}).items() if name in program.parameters}


def _bound(given: Given, inputs: Mapping[str, Any],
           params: Mapping[str, int] | None) -> tuple[Program, dict[str, Any], dict[str, int]]:
    from symconv.shapes import bind

    arrays = {name: _array(value) for name, value in inputs.items()}
    shapes = {name: tuple(array.shape) for name, array in arrays.items()}
    operator = operator_of(given).for_shapes(shapes)
    full, _ = operator.batched(shapes)
    arrays = {name: array.reshape(full[name]) for name, array in arrays.items()}
    program = operator.definition
    return program, arrays, bind(program, full, _known(program, params))


def _array(value: Any) -> Any:
    import numpy as np

    return np.array(value, dtype=object)


def _evaluate(program: Program, arrays: Mapping[str, Any],
              sizes: Mapping[str, int]) -> dict[str, Any]:
    from symconv.evaluate import evaluate

    return evaluate(program, arrays, sizes)


def _single(found: Mapping[str, Any]) -> Any:
    values = {name: _listed(array) for name, array in found.items()}
    return next(iter(values.values())) if len(values) == 1 else values


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_listed(entry) for entry in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _vanishes(difference: sympy.Basic) -> bool:
    import sympy

    entries = list(difference) if isinstance(difference, sympy.MatrixBase) else [difference]
    for entry in entries:
        if entry == 0:
            continue
        if sympy.simplify(entry) != 0:
            return False
        generator = random.Random("identity")
        names = sorted(entry.free_symbols, key=str)
        point = {name: sympy.Rational(generator.randint(1, 40), 41) for name in names}
        value = entry.subs(point)
        if not (value.equals(0) or abs(sympy.N(value, 30)) < 1e-20):
            return False
    return True
