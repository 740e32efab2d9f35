"""What kind of function a program is: of which degree in its operands, and with which kinks.

A function of degree at most 2 in an operand has central differences without truncation error, at
any step that crosses no kink. Nothing is differentiated here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from symconv.functions import FUNCTIONS
from symconv.ir import Access, Apply, Index, Plus, Power, Program, Scalar, Times
from symconv.rewrite import scalar_children

KINKED = ("abs", "relu", "maximum", "minimum")
_ALL = ""                       # stands for all operands together

Kinks: TypeAlias = Literal["none", "operands", "inside"]
_Degrees: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Structure:
    """`degree` in each operand alone and `joint` in all together, infinite where the function is
    no polynomial between its kinks. `kinks`: none; between elements of operands (or one and 0)
    only; or where computed values meet, too."""

    degree: Mapping[str, float]
    joint: float
    kinks: Kinks


def structure(program: Program, operands: Collection[str]) -> Structure:
    """The structure of the outputs as functions of these operands, the others held fixed."""
    known: dict[str, _Degrees] = {
        tensor.name: {tensor.name: 1.0, _ALL: 1.0} if tensor.name in operands else {}
        for tensor in program.inputs}
    for definition in program.definitions:
        known[definition.target.name] = (
            _largest([_degrees(term.body, known) for term in definition.terms])
            if definition.target.kind == "real" else {})
    outputs = _largest([known[name] for name in program.outputs])
    arguments = [argument for argument in kink_arguments(program)
                 if any(_degrees(argument, known).values())]
    kinks: Kinks = "none" if not arguments else "operands" if all(
        isinstance(a, Access) and a.tensor in operands for a in arguments) else "inside"
    return Structure({name: outputs.get(name, 0.0) for name in operands},
                     outputs.get(_ALL, 0.0), kinks)


def kink_arguments(program: Program) -> Iterator[Scalar]:
    """The bodies that are compared with each other or with 0."""
    for definition in program.definitions:
        for term in definition.terms:
            if definition.reduction != "sum":
                yield term.body
            yield from (argument for part in parts(term.body) if isinstance(part, Apply)
                        and (part.function in KINKED or FUNCTIONS[part.function].frozen)
                        for argument in part.arguments)


def parts(body: Scalar) -> Iterator[Scalar]:
    """A body and everything inside it."""
    yield body
    for child in scalar_children(body):
        yield from parts(child)


def work(program: Program) -> int:
    """How many steps the interpreter takes at most on a program without open sizes."""
    return sum(_box(definition.free) * sum(1 + _box(term.bound) for term in definition.terms)
               for definition in program.definitions)


def _box(indices: tuple[Index, ...]) -> int:
    return math.prod(index.extent.constant or 0 for index in indices)


def _degrees(body: Scalar, known: Mapping[str, _Degrees]) -> _Degrees:
    match body:
        case Access(tensor, _):
            return known[tensor]
        case Plus(arguments):
            return _largest([_degrees(argument, known) for argument in arguments])
        case Times(arguments):
            return _sum([_degrees(argument, known) for argument in arguments])
        case Power(base, exponent):
            inner = _degrees(base, known)
            if exponent.denominator == 1 and exponent >= 0:
                return {name: degree * exponent.numerator for name, degree in inner.items()}
            return _endless(inner)
        case Apply(function, arguments, _):
            inner = _largest([_degrees(argument, known) for argument in arguments])
            if function in KINKED:
                return inner
            return {} if FUNCTIONS[function].frozen else _endless(inner)
    return {}


def _largest(found: list[_Degrees]) -> _Degrees:
    return {name: max(degrees.get(name, 0.0) for degrees in found)
            for name in dict.fromkeys(name for degrees in found for name in degrees)}


def _sum(found: list[_Degrees]) -> _Degrees:
    return {name: sum(degrees.get(name, 0.0) for degrees in found)
            for name in dict.fromkeys(name for degrees in found for name in degrees)}


def _endless(degrees: _Degrees) -> _Degrees:
    return {name: math.inf if degree else 0.0 for name, degree in degrees.items()}
