"""Passes of the default kernel that use Winograd plans, within a worst-case bound of their own.

All other checks run a kernel with direct sums. Where the default one transforms, it is built as
well and compared with the interpreter. For an output of a tile, with the matrices of `toom`,

    y = A^T sum ((G g) * (B^T d)),    |error| <= gamma_n |A^T| sum ((|G| |g|) * (|B^T| |d|)),

where gamma_n = n u / (1 - n u) and n counts the roundings on the longest way from an operand to a
result (Higham, Accuracy and Stability of Numerical Algorithms, chapter 3). That is at most
gamma_n kappa max|d| sum|g|, with

    kappa = product over the axes of  max over i, j of  sum over p, s of  |A[i,p]| |G[p,j]| |B[p,s]|

from the exact matrices: it holds for every element as long as nothing underflows, and is far above
what random inputs reach. The terms that are not transformed add the interpreter's own bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np

from symconv.arrays import Array
from symconv.certainty import nearest
from symconv.contraction import Contraction, Operand
from symconv.emission import specialised
from symconv.integers import Int
from symconv.integers import evaluate as number
from symconv.loops import Transformed
from symconv.lower import lower
from symconv.passes import Pass, emitted_passes
from symconv.shapes import logical_shape
from symconv.toom import Scheme, fraction, quietest
from symconv.verification.attempt import attempt
from symconv.verification.bounds import References, errors
from symconv.verification.points import Point
from symconv.verification.subject import Subject, arguments, make_subject
from symconv.verification.verdict import Check
from symconv.winograd import schemes_text

_UNIT = Fraction(1, 2**24)      # float32, the only type that is transformed by default


@dataclass(frozen=True, slots=True)
class Transforms:
    """The default kernel for fixed shapes, and the plan of each pass in which it transforms."""

    subject: Subject
    nodes: Mapping[str, Transformed]


def default_transforms(subject: Subject, schedule: str = "auto") -> Transforms | None:
    """What a caller gets for these shapes if nothing is said of accuracy; None where no pass of
    it transforms, as the loops of the pass tell."""
    if subject.target != "c" or subject.dtype != "float32":
        return None
    passes = specialised([item for item in emitted_passes(subject.program)
                          if len(item.program.definitions) == 1], subject.values)
    nodes = {item.name: node for item in passes
             for node in lower(item, schedule, True).body if isinstance(node, Transformed)}
    if not nodes:
        return None
    own = make_subject(subject.operator, subject.target, subject.dtype, subject.values,
                       tuple(item for item in subject.passes if item.name in nodes), fixed=True,
                       accuracy="default", schedule=schedule)
    return Transforms(own, nodes)


def transform_checks(transforms: Transforms, point: Point,
                     references: References) -> Iterator[Check]:
    """One check for each pass that transforms and has a reference."""
    for item in transforms.subject.passes:
        if item.name in references:
            name = f"transforms: {item.name}"
            yield attempt(name, partial(_compared, name, transforms, item, point,
                                        references[item.name][0]))


def _compared(name: str, transforms: Transforms, item: Pass, point: Point,
              reference: Array) -> Check:
    (found,) = transforms.subject.result(item.name, point)
    node = transforms.nodes[item.name]
    inputs = {tensor.name: array.astype(np.float64).reshape(
        logical_shape(tensor, transforms.subject.values))
        for tensor, array in zip(item.program.inputs, arguments(item, point), strict=True)}
    distance = np.abs(found.astype(np.float64) - nearest(reference).astype(np.float64))
    error = float(distance.max(initial=0))
    bound = transform_error(node, inputs) + float(errors(reference).max(initial=0))
    schemes = schemes_text(node.plan)
    return Check(name, f"{error:.2g}", f"{bound:.2g}", error <= bound < math.inf,
                 f"default kernel with {schemes} and interpreter, worst case gamma_n kappa max|d| "
                 f"sum|g|, {found.size} elements")


def transform_error(node: Transformed, inputs: Mapping[str, Array]) -> float:
    """The bound above for the transformed term, from operands in logical shape."""
    plan = node.plan
    contraction = plan.contraction
    schemes = [found for found in (quietest(*pair) for pair in plan.schemes) if found is not None]
    patch, other = ((plan.vector, plan.scalar) if plan.vector.is_patch
                    else (plan.scalar, plan.vector))
    terms = plan.depth * (plan.parts if plan.summed else 1) * math.prod(
        span.extent for span in plan.rest)
    # the sum over chunks, the factor and its product, the sum with another term
    count = terms + 4 + sum(_roundings(scheme) for scheme in schemes)
    gamma = count * _UNIT / (1 - count * _UNIT)
    kappa = math.prod((_kappa(scheme) for scheme in schemes), start=Fraction(1))
    # where one tensor is both operands, either may be g; g is never read outside
    weight = max(_most_taps(contraction, operand, inputs[operand.tensor])
                 for operand in contraction.operands
                 if operand.tensor == other.tensor and not any(operand.guarded))
    reach = float(np.abs(inputs[patch.tensor]).max(initial=0))
    return float(gamma * kappa * abs(contraction.factor)) * reach * weight


def _kappa(scheme: Scheme) -> Fraction:
    """How much the matrices of one axis may enlarge |d| |g|, in rational arithmetic."""
    a, g, b = ([[abs(fraction(value)) for value in matrix.row(row)] for row in range(matrix.rows)]
               for matrix in (scheme.a, scheme.g, scheme.b))
    return max(sum((row[p] * g[p][j] * sum(b[p]) for p in range(scheme.n)), Fraction(0))
               for row in a for j in range(scheme.r))


def _roundings(scheme: Scheme) -> int:
    """The roundings of one element on its way through the three matrices of an axis: a constant,
    its product and the sums of a row; two factors, rounded constants, for an odd denominator."""
    count = 0
    for matrix in (scheme.a, scheme.g, scheme.b):
        count += max(sum(1 for value in matrix.row(row) if value)
                     for row in range(matrix.rows)) + 1
        odd = any(fraction(value).denominator & (fraction(value).denominator - 1)
                  for value in matrix)
        count += 4 if odd else 0
    return count


def _most_taps(contraction: Contraction, operand: Operand, array: Array) -> float:
    """The largest sum of |g| that one element of the result meets, borders disregarded."""
    used = {name for place in operand.subscripts for name in place.names()}
    outer = [span for span in contraction.outer if span.name in used]
    spans = [*outer, *contraction.inner]
    grids = np.meshgrid(*(np.arange(span.low, span.stop) for span in spans), indexing="ij",
                        sparse=True)
    places = {span.name: grid for span, grid in zip(spans, grids, strict=True)}
    shape = tuple(span.extent for span in spans)
    subscripts = tuple(np.broadcast_to(_along(place, places), shape)
                       for place in operand.subscripts)
    sums = np.abs(array)[subscripts].sum(axis=tuple(range(len(outer), len(spans))))
    return float(np.max(sums, initial=0))


def _along(place: Int, places: Mapping[str, Array]) -> Array:
    """An affine subscript for arrays of values."""
    names = sorted(place.names())
    origin = number(place, dict.fromkeys(names, 0))
    found: Array = np.asarray(origin)
    for name in names:
        found = found + (place.coefficient(name).constant or 0) * places[name]
    return found
