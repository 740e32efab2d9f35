"""Jacobians by differences of the reference interpreter alone: no derivation is involved."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import numpy as np

from symconv.arithmetic import EXACT
from symconv.bounded import bounded
from symconv.evaluate import evaluate
from symconv.ir import Program

STEP = Fraction(1, 1024)            # well below the distances between the sampled inputs
SMOOTH_STEP = 2.0 ** -40            # truncation about 1e-24 of values kept to 60 digits


def brute_jacobian(program: Program, wrt: str, inputs: Mapping[str, np.ndarray],
                   sizes: Mapping[str, int], exact: bool) -> np.ndarray:
    """d output / d wrt[q], output axes first: exact rationals, or floats good to 1e-13.

    `exact`: every output is affine in each single element of `wrt` within a STEP, so that the
    difference quotient is the derivative. Otherwise the quotient is central.
    """
    (output,) = program.outputs
    base = inputs[wrt]
    columns = []
    for place in np.ndindex(base.shape):
        if exact:
            low = _run(program, inputs, sizes, output)
            high = _run(program, _moved(inputs, wrt, place, STEP), sizes, output)
            columns.append((high - low) / STEP)
        else:
            low, high = (_run_smooth(program, _moved(inputs, wrt, place, step), sizes, output)
                         for step in (-SMOOTH_STEP, SMOOTH_STEP))
            with localcontext(prec=60):
                columns.append(np.asarray((high - low) / Decimal(2 * SMOOTH_STEP), dtype=float))
    stacked = np.stack([np.asarray(column) for column in columns], axis=-1)
    return stacked.reshape(stacked.shape[:-1] + base.shape)


def _moved(inputs: Mapping[str, np.ndarray], wrt: str, place: tuple[int, ...],
           step: Any) -> dict[str, np.ndarray]:
    moved = inputs[wrt].astype(object)
    moved[place] = type(step)(moved[place]) + step
    return {**inputs, wrt: moved}


def _run(program: Program, inputs: Mapping[str, np.ndarray], sizes: Mapping[str, int],
         output: str) -> np.ndarray:
    return evaluate(program, inputs, sizes, EXACT)[output]


def _run_smooth(program: Program, inputs: Mapping[str, np.ndarray], sizes: Mapping[str, int],
                output: str) -> np.ndarray:
    found = evaluate(program, inputs, sizes, bounded("float64"))[output]
    values = np.empty(found.shape, dtype=object)
    for place in np.ndindex(found.shape):
        values[place] = found[place].value
    return values
