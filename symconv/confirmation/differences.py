"""How the outputs of a program change along a direction, by the interpreter alone.

The central difference (y(x + h*t) - y(x - h*t)) / 2h is exact where y is affine along t, which
three points tell: for h = 1, which keeps integers, or for an h so small that no kink is crossed.
Elsewhere it is taken with 60 digits at h = 2**-60: for entries of t below 2**17 its truncation
error is of the order of 2**-86.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv.arithmetic import EXACT
from symconv.bounded import bounded
from symconv.certainty import Bounded
from symconv.errors import ParameterError
from symconv.evaluate import evaluate

if TYPE_CHECKING:
    from symconv.ir import Program

_DIGITS = 60
_STEP = Fraction(1, 2 ** 100)
_FINE = Fraction(1, 2 ** 60)
_CLOSE = Decimal("1e-18")
_KINK = Decimal("1e-6")                       # one-sided slopes of a smooth function differ less


class Undecided(Exception):
    """These operands lie at a kink, or outside the domain of a function."""


def values(program: Program, inputs: Mapping[str, Any], sizes: Mapping[str, int],
           rational: bool) -> dict[str, Any]:
    """The real outputs: exact, or with 60 digits. Undecided where that is not possible."""
    return _evaluated(program, inputs, sizes, rational, tuple(
        name for name in program.outputs if program.tensor(name).kind == "real"))


def frozen_values(source: Program, names: Collection[str], inputs: Mapping[str, Any],
                  sizes: Mapping[str, int], rational: bool) -> dict[str, Any]:
    """The values of frozen statements, as fractions, which are read as they are."""
    found = _evaluated(source, inputs, sizes, rational, tuple(names))
    return {name: _mapped(array, Fraction) for name, array in found.items()}


def _evaluated(program: Program, inputs: Mapping[str, Any], sizes: Mapping[str, int],
               rational: bool, names: tuple[str, ...]) -> dict[str, Any]:
    needed = {tensor.name: inputs[tensor.name] for tensor in program.inputs}
    try:
        found = evaluate(program, needed, sizes, EXACT if rational else bounded("float64"),
                         all_tensors=True)
    except ParameterError as error:
        raise Undecided(str(error)) from error
    return {name: found[name] if rational or program.tensor(name).kind == "integer"
            else _mapped(found[name], _finite) for name in names}


def _finite(number: Bounded) -> Decimal:
    if not number.value.is_finite():
        raise Undecided(f"a value is {number.value}")
    return number.value


def along(source: Program, wrt: str, direction: Any, inputs: Mapping[str, Any],
          sizes: Mapping[str, int], rational: bool) -> dict[str, Any]:
    """Output -> its slope along a direction of one operand. Undecided at a kink."""
    import numpy as np

    def moved(step: Fraction | int, exact: bool) -> dict[str, Any]:
        return values(source, {**inputs, wrt: inputs[wrt] + step * direction}, sizes, exact)

    for whole in (1, _STEP) if rational else ():
        low, middle, high = (moved(sign * whole, True) for sign in (-1, 0, 1))
        if all(np.all(high[name] - middle[name] == middle[name] - low[name]) for name in high):
            return {name: _array((high[name] - low[name]) / (2 * whole)) for name in high}
    low, middle, high = (moved(sign * _FINE, False) for sign in (-1, 0, 1))
    with localcontext(prec=_DIGITS):
        step = _decimal(_FINE)
        for name in high:
            right, left = high[name] - middle[name], middle[name] - low[name]
            if not _close(right / step, left / step, _KINK):
                raise Undecided(f"{name} has a kink")
        return {name: _array((high[name] - low[name]) / (2 * step)) for name in high}


def agree(left: Any, right: Any) -> bool:
    """Equal shapes, and equal values: exactly where both are rational."""
    with localcontext(prec=_DIGITS):
        return _close(left, right, _CLOSE)


def inner(left: Any, right: Any, axes: int) -> Any:
    """The sum of left * right over the last `axes` axes of `left` and the first of `right`."""
    import numpy as np

    with localcontext(prec=_DIGITS):
        first, second = _alike((left, right))
        return _array(np.tensordot(first, second, axes))


def total(parts: Iterable[Any]) -> Any:
    """The sum of one or more arrays."""
    with localcontext(prec=_DIGITS):
        return _array(sum(_alike(tuple(parts))))


def unmoved(array: Any) -> Any:
    """Zeros of the shape of an array: the slope of what is held fixed."""
    return _mapped(array, lambda _: 0)


def _alike(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arrays as they are, or all in decimal digits where one is."""
    if any(isinstance(entry, Decimal) for array in arrays for entry in array.flat):
        return tuple(_mapped(array, _decimal) for array in arrays)
    return arrays


def _array(value: Any) -> Any:
    """An object array, also of the one element that NumPy makes of an array without axes."""
    import numpy as np

    return np.asarray(value, dtype=object)


def _close(left: Any, right: Any, tolerance: Decimal) -> bool:
    left, right = _array(left), _array(right)
    if left.shape != right.shape:
        return False
    for one, other in zip(left.flat, right.flat, strict=True):
        if isinstance(one, Decimal) or isinstance(other, Decimal):
            a, b = _decimal(one), _decimal(other)
            if not abs(a - b) <= tolerance * max(Decimal(1), abs(a), abs(b)):
                return False
        elif one != other:
            return False
    return True


def _mapped(array: Any, function: Callable[[Any], Any]) -> Any:
    """An object array of the function's values."""
    import numpy as np

    found: Any = np.empty(array.shape, dtype=object)
    for place in np.ndindex(*array.shape):
        found[place] = function(array[place])
    return found


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(value)
