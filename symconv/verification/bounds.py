"""The kernel against the interpreter, within the running error bound of the interpreter.

The bound is derived from the definition: what rounding may do to the result of any kernel that
evaluates it in the precision (`symconv.bounded`). It is finite for every element, or the check
does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from symconv.arrays import Array
from symconv.bounded import bounded
from symconv.certainty import nearest, worst
from symconv.errors import ParameterError, ShapeError
from symconv.verification.attempt import attempt
from symconv.verification.points import Point, random_point
from symconv.verification.subject import Subject
from symconv.verification.verdict import Check

_SEEDS = range(4)

References: TypeAlias = Mapping[str, tuple[Array, ...]]


def numeric_point(subject: Subject) -> Point:
    """Numbers at which the forward pass has finite values and bounds.

    Raises ParameterError where no such numbers are found.
    """
    reason = "some results have no finite bound"
    for positive in (False, True):
        for seed in _SEEDS:
            point = random_point(subject.program, subject.values, subject.dtype, seed, positive)
            try:
                found = subject.reference(subject.passes[0], point, bounded(subject.dtype))
            except ParameterError as error:
                reason = str(error)
                continue
            if all(is_bounded(array) for array in found):
                return point
    raise ParameterError(f"{subject.operator.name}: no inputs found to check it at: {reason}")


def interpret(subject: Subject, point: Point, references: dict[str, tuple[Array, ...]],
              say: Callable[[str], None]) -> list[Check | str]:
    """Put the values of all passes into `references`; a check for each pass that has none.

    A derived pass that reads outside its operands has failed, and then no kernel must run: it
    might read there, too. A note is returned for what has no finite bound at the point.
    """
    found: list[Check | str] = []
    for item in subject.passes:
        name = f"interpreter: {item.name}"
        say(name)
        try:
            values = subject.reference(item, point, bounded(subject.dtype))
        except ShapeError as error:
            if item.name == "forward":
                raise
            found.append(Check(name, "no value", "a value", False, str(error)))
        except ParameterError as error:
            found.append(f"{name}: {error}")
        else:
            if all(is_bounded(array) for array in values):
                references[item.name] = values
            else:
                found.append(f"{name}: some results have no finite bound at the inputs chosen")
    return found


def interpreter_checks(subject: Subject, point: Point,
                       references: References) -> Iterator[Check]:
    """One check per pass that has a reference."""
    for item, values in references.items():
        name = f"interpreter: {item}"
        yield attempt(name, partial(_compared, name, subject, item, point, values))


def _compared(name: str, subject: Subject, item: str, point: Point,
              values: Sequence[Array]) -> Check:
    return bounded_check(name, subject.result(item, point), values,
                         "kernel and interpreter on random numbers")


def bounded_check(name: str, results: Sequence[Array], references: Sequence[Array],
                  detail: str) -> Check:
    """Every element within its bound; the figure is the error where it is worst."""
    passed, count = True, 0
    shown = (-1.0, 0.0, 0.0)
    for result, reference in zip(results, references, strict=True):
        count += result.size
        if reference.dtype.kind == "i":
            passed = passed and bool(np.array_equal(result, reference))
            continue
        passed = passed and worst(result, reference) <= 1
        if result.shape == reference.shape and result.size:
            shown = max(shown, _worst_place(result, reference))
    _, error, bound = shown
    return Check(name, _short(error), _short(bound), passed, f"{detail}, {count} elements")


def is_bounded(reference: Array) -> bool:
    """Whether all values are finite with finite bounds."""
    return reference.dtype.kind == "i" or all(
        value.is_finite() and math.isfinite(error) for value, error in reference.ravel().tolist())


def errors(reference: Array) -> Array:
    """The bounds of a bounded array."""
    return np.array([error for _, error in reference.ravel().tolist()],
                    dtype=np.float64).reshape(reference.shape)


def _worst_place(result: Array, reference: Array) -> tuple[float, float, float]:
    """(ratio, error, bound) at the element that is worst."""
    with np.errstate(all="ignore"):
        distance = np.abs(result.astype(np.float64) - nearest(reference)).ravel()
    limits = errors(reference).ravel()
    distance = np.where(np.isnan(distance), math.inf, distance)
    ratios = np.where(distance <= limits * 1e-9, 0.0, distance / np.maximum(limits, 1e-300))
    place = int(np.lexsort((limits, ratios))[-1])
    return float(ratios[place]), float(distance[place]), float(limits[place])


def _short(number: float) -> str:
    return f"{number:.2g}"

