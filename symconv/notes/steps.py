"""The steps of a derivation, each confirmed by evaluation.

A rewriting step must leave the value of every output as it is. The derivative itself is held
against differences of the interpreter on the *source*: exactly, where the source is affine in
each single element on a small step (products, sums, maxima away from ties), otherwise with 60
digits and a step of 2**-40, whose truncation error is far below the tolerance. Nothing that
derives is used for the differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv.differentiate import Derivation, Step
from symconv.errors import ParameterError
from symconv.notes.checking import sample

if TYPE_CHECKING:
    from symconv.ir import Program

STEP = Fraction(1, 1024)
_FINE = Fraction(1, 2 ** 40)
_CLOSE = Decimal("1e-18")
_REWRITTEN = frozenset(("selector", "contract", "gather"))


def refuted_step(derivation: Derivation, shapes: Mapping[str, tuple[int, ...]],
                 params: Mapping[str, int] | None = None) -> Step | None:
    """The first step of a derivation that evaluation does not confirm; None where all hold.

    Raises ParameterError for a rule that is unknown here: what cannot be judged is not passed.
    """
    from symconv.shapes import bind

    source = derivation.source
    sizes = bind(source, dict(shapes), dict(params or {}))
    inputs = sample(source, shapes, 0, params)
    derived = {**inputs, **_seeds(derivation, inputs, sizes)}
    previous: dict[str, Any] | None = None
    for step in derivation.steps:
        given = derived if set(step.program.outputs) != set(source.outputs) else inputs
        found = _evaluate(step.program, given, sizes)
        if step.rule in _REWRITTEN:
            held = previous is not None and _close(list(previous.values()), list(found.values()))
        elif step.rule in ("chain", "tangent"):
            held = _close(_by_differences(derivation, derived, sizes), list(found.values()))
        elif step.rule == "definition":
            held = True
        else:
            raise ParameterError(f"no check is known for the rule {step.rule!r}")
        if not held:
            return step
        previous = found
    return None


def derivative_confirmed(derivation: Derivation, shapes: Mapping[str, tuple[int, ...]],
                         params: Mapping[str, int] | None = None) -> bool:
    """Whether every step of a derivation holds."""
    return refuted_step(derivation, shapes, params) is None


def _seeds(derivation: Derivation, inputs: Mapping[str, Any],
           sizes: Mapping[str, int]) -> dict[str, Any]:
    """Random values for the cotangents or tangents, the inputs that the source does not have."""
    import numpy as np

    from symconv.shapes import stored_shape

    program, found = derivation.result, {}
    for place, tensor in enumerate(program.inputs):
        if tensor.name not in inputs:
            shape = stored_shape(tensor, sizes)
            array = np.empty(shape, dtype=object)
            for number, position in enumerate(np.ndindex(*shape)):
                array[position] = (5 * number + 3 * place) % 7 - 3
            found[tensor.name] = array
    return found


def _by_differences(derivation: Derivation, inputs: Mapping[str, Any],
                    sizes: Mapping[str, int]) -> list[Any]:
    """What the outputs of the derivative should be, from differences of the source alone."""
    import numpy as np

    source = derivation.source
    outputs = [name for name in source.outputs if source.tensor(name).kind == "real"]
    slopes = {name: _slopes(source, name, outputs, inputs, sizes) for name in derivation.wrt}
    if derivation.kind == "jacobian":
        return [slopes[derivation.wrt[0]][outputs[0]]]
    seeds = [tensor.name for tensor in derivation.result.inputs
             if tensor.name not in {known.name for known in source.inputs}]
    if derivation.kind == "vjp":
        return [sum(np.tensordot(inputs[seed], slopes[name][output], inputs[seed].ndim)
                    for seed, output in zip(seeds, outputs, strict=True))
                for name in derivation.wrt]
    return [sum(np.tensordot(slopes[name][output], inputs[seed], inputs[seed].ndim)
                for seed, name in zip(seeds, derivation.wrt, strict=True))
            for output in outputs]


def _slopes(source: Program, wrt: str, outputs: list[str], inputs: Mapping[str, Any],
            sizes: Mapping[str, int]) -> dict[str, Any]:
    """output -> array [output axes, operand axes] of partial derivatives."""
    import numpy as np

    base = inputs[wrt]
    columns: dict[str, list[Any]] = {name: [] for name in outputs}
    for place in np.ndindex(*base.shape):
        quotient = _quotient(source, wrt, place, inputs, sizes)
        for name in outputs:
            columns[name].append(quotient[name])
    found = {}
    for name, parts in columns.items():
        stacked = np.stack([np.asarray(part, dtype=object) for part in parts], axis=-1)
        found[name] = stacked.reshape(stacked.shape[:-1] + base.shape)
    return found


def _quotient(source: Program, wrt: str, place: tuple[int, ...], inputs: Mapping[str, Any],
              sizes: Mapping[str, int]) -> dict[str, Any]:
    import numpy as np

    try:
        low, middle, high = (_run(source, wrt, place, step, inputs, sizes)
                             for step in (-STEP, Fraction(0), STEP))
    except ParameterError:                       # a function without rational values
        affine = False
    else:
        affine = all(np.all(high[name] - middle[name] == middle[name] - low[name])
                     for name in high)
    if affine:
        return {name: (high[name] - low[name]) / (2 * STEP) for name in high}
    with localcontext(prec=60):
        below, above = (_run(source, wrt, place, step, inputs, sizes, smooth=True)
                        for step in (-_FINE, _FINE))
        return {name: (above[name] - below[name]) / _decimal(2 * _FINE) for name in above}


def _run(source: Program, wrt: str, place: tuple[int, ...], step: Fraction,
         inputs: Mapping[str, Any], sizes: Mapping[str, int], smooth: bool = False) -> Any:
    moved = inputs[wrt].copy()
    moved[place] = Fraction(moved[place]) + step
    given = {tensor.name: moved if tensor.name == wrt else inputs[tensor.name]
             for tensor in source.inputs}
    return _evaluate(source, given, sizes, smooth)


def _evaluate(program: Program, inputs: Mapping[str, Any], sizes: Mapping[str, int],
              smooth: bool | None = None) -> dict[str, Any]:
    """The real outputs: exact where that is possible, otherwise to 60 digits."""
    import numpy as np

    from symconv.arithmetic import EXACT
    from symconv.bounded import bounded
    from symconv.evaluate import evaluate

    needed = {tensor.name: inputs[tensor.name] for tensor in program.inputs}
    real = [name for name in program.outputs if program.tensor(name).kind == "real"]
    if smooth is not True:
        try:
            found = evaluate(program, needed, sizes, EXACT)
            return {name: found[name] for name in real}
        except ParameterError:
            if smooth is False:
                raise
    found = evaluate(program, needed, sizes, bounded("float64"))
    values: dict[str, Any] = {}
    for name in real:
        kept: Any = found[name]
        values[name] = np.empty(kept.shape, dtype=object)
        for position in np.ndindex(*kept.shape):
            values[name][position] = kept[position].value
    return values


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(value)


def _close(left: list[Any], right: list[Any]) -> bool:
    """Equal shapes, and equal values: exactly where both are rational."""
    import numpy as np

    if len(left) != len(right):
        return False
    for one, other in zip(left, right, strict=True):
        one, other = np.asarray(one, dtype=object), np.asarray(other, dtype=object)
        if one.shape != other.shape:
            return False
        for a, b in zip(one.ravel(), other.ravel(), strict=True):
            if isinstance(a, Decimal) or isinstance(b, Decimal):
                with localcontext(prec=60):
                    a, b = _decimal(a), _decimal(b)
                    scale = max(Decimal(1), abs(a), abs(b))
                    if not abs(a - b) <= _CLOSE * scale:
                        return False
            elif a != b:
                return False
    return True
