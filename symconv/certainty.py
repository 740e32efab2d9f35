"""Exact values with bounds on the error of a kernel: what is certain of them, and of a result."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from symconv.precision import CONTEXT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGER = 1 + 2.0 ** -30         # covers the rounding of a bound itself
_INF = math.inf


class Bounded(NamedTuple):
    """The exact value and a bound on the distance of any kernel's result from it."""

    value: Decimal
    error: float


def equal(a: Bounded, b: Bounded) -> bool:
    """Certainly equal in the kernel: one stored element, or two exact equal numbers."""
    return a is b or (a.error == b.error == 0.0 and a.value == b.value)


def apart(a: Bounded, b: Bounded) -> bool:
    """Certainly different in the kernel, and ordered as the exact values are."""
    error = a.error + b.error
    if error == 0.0:
        return a.value != b.value
    if not (math.isfinite(error) and a.value.is_finite() and b.value.is_finite()):
        return False
    distance = CONTEXT.subtract(a.value, b.value).copy_abs()
    return distance > Decimal(error * LARGER)


def nearest(reference: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The values of a bounded array as float64."""
    import numpy as np

    return np.array([float(value) for value, _ in reference.ravel().tolist()],
                    dtype=np.float64).reshape(reference.shape)


def worst(result: npt.ArrayLike, reference: npt.NDArray[Any]) -> float:
    """The largest |result - value| / error over all elements: a kernel is right if it is <= 1.

    Equal numbers, NaN at NaN and anything where the error is infinite count as 0; a difference
    where the error is 0 counts as infinity.
    """
    import numpy as np

    found = np.asarray(result)
    if found.shape != reference.shape:
        return _INF
    return max((_ratio(float(r), v, e) for r, (v, e) in zip(
        found.ravel().tolist(), reference.ravel().tolist(), strict=True)), default=0.0)


def _ratio(result: float, value: Decimal, error: float) -> float:
    if error == _INF:
        return 0.0
    if math.isnan(result) or value.is_nan():
        return 0.0 if math.isnan(result) and value.is_nan() else _INF
    number = Decimal(result)
    if number == value:
        return 0.0
    distance = abs(float(CONTEXT.subtract(number, value)))
    return distance / error if error else _INF
