"""The derivative of |x|, relu, maximum and minimum at their kinks, and at NaN.

Each such function of a program is tried alone, as y[i] = f(x[i]), or as the operator itself where
it is nothing else. Its slopes must be the stated ones (see `functions`): at_zero at 0, `share` at
equal arguments, and lie between the one-sided derivatives, which are differences on integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from symconv.arrays import Array
from symconv.integers import Int
from symconv.ir import Access, Apply, Axis, Definition, Index, Program, Tensor, Term
from symconv.operator import Operator
from symconv.shapes import specialise
from symconv.verification.structure import KINKED, parts
from symconv.verification.subject import Subject, make_subject
from symconv.verification.verdict import Check

_LENGTH = 36
_GAP = 8
_NAMES = ("a", "b")
_VALUES = (0.0, 1.0, -1.0, 2.0, -2.0, math.nan)


def slope_checks(subject: Subject) -> Iterator[Check]:
    """Three checks for every kinked function that the program differentiates."""
    for function in _functions(subject.program):
        alone = _alone(subject, function)
        yield _slopes(alone, function)
        yield _one_sided(alone, function)
        yield _nan(alone, function)


def _functions(program: Program) -> list[Apply]:
    """Each function with its constants once; its arguments are those where it comes first."""
    found: dict[tuple[str, object], Apply] = {}
    for definition in program.definitions:
        for term in () if definition.frozen else definition.terms:
            for part in parts(term.body):
                if isinstance(part, Apply) and part.function in KINKED:
                    found.setdefault((part.function, part.constants), part)
    return list(found.values())


def _alone(subject: Subject, function: Apply) -> Subject:
    """The subject itself where it is this function of its operands, element by element."""
    if _is_plain(subject.program, function) and _sizes(subject)[0] >= _LENGTH:
        return subject
    axes = (Axis(Int.of(_LENGTH), (Int.of(_LENGTH),)),)
    names = _NAMES[:len(function.arguments)]
    place = (Int.of("i"),)
    body = Apply(function.function, tuple(Access(name, place) for name in names),
                 function.constants)
    program = Program(tuple(Tensor(name, axes) for name in names), (Definition(
        Tensor("y", axes), (Index("i", Int.of(_LENGTH)),), (Term((), (), body),)),), ("y",))
    return make_subject(Operator(program, f"{function.function}_alone"), subject.target,
                        subject.dtype, {}, (), fixed=True)


def _is_plain(program: Program, function: Apply) -> bool:
    if len(program.definitions) != 1:
        return False
    (definition,) = program.definitions
    free = tuple(Int.of(index.name) for index in definition.free)
    names = [a.tensor for a in function.arguments if isinstance(a, Access)]
    return (definition.terms == (Term((), (), function),) and definition.reduction == "sum"
            and all(isinstance(a, Access) and a.subscripts == free for a in function.arguments)
            and names == [tensor.name for tensor in program.inputs])


def _sizes(subject: Subject) -> list[int]:
    program = specialise(subject.program, subject.values)
    return [math.prod(_shape(tensor)) for tensor in program.inputs]


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(axis.stored.constant or 0 for axis in tensor.axes)


def _operands(subject: Subject, values: Sequence[Sequence[float]]) -> dict[str, Array]:
    """Arrays that run through the values; those of two operands through all pairs of them."""
    program = specialise(subject.program, subject.values)
    return {tensor.name: np.resize(np.asarray(column, subject.dtype), _shape(tensor))
            for tensor, column in zip(program.inputs, values, strict=True)}


def _columns(arity: int, values: Sequence[float]) -> list[list[float]]:
    if arity == 1:
        return [list(values)]
    return [[a for a in values for _ in values], [b for _ in values for b in values]]


def _gradients(subject: Subject, operands: Mapping[str, Array]) -> list[Array]:
    (output,) = subject.program.outputs
    ones = np.ones_like(next(iter(operands.values())))
    return list(subject.vjp({output: ones}, operands).values())


def _slopes(subject: Subject, function: Apply) -> Check:
    """The slopes where arguments are below, at and above the kink."""
    operands = _operands(subject, _columns(len(function.arguments), _VALUES[:-1]))
    wrong, count = _count_wrong(subject, function, operands)
    return Check(f"kink: {function.function} slopes", f"{wrong} of {count} wrong", "0", wrong == 0,
                 f"gradient and the stated slopes, {_constants(function)} at the kink")


def _nan(subject: Subject, function: Apply) -> Check:
    """The value and the slopes where arguments are NaN, among others that are not."""
    operands = _operands(subject, _columns(len(function.arguments), _VALUES))
    (y,) = subject.forward(operands)
    expected = np.logical_or.reduce([np.isnan(array) for array in operands.values()])
    misplaced = int(np.sum(np.isnan(y) != expected))
    wrong, count = _count_wrong(subject, function, operands)
    return Check(f"kink: {function.function} NaN", f"{misplaced + wrong} of {count} wrong", "0",
                 misplaced + wrong == 0, "NaN in, NaN out; gradient and the stated slopes")


def _one_sided(subject: Subject, function: Apply) -> Check:
    """jvp(v) between the one-sided derivatives, at integers on and around the kink."""
    rng = np.random.default_rng(37)
    columns = _columns(len(function.arguments), [_GAP * value for value in _VALUES[:-1]])
    operands = _operands(subject, columns)
    outside = count = 0
    for _ in range(4):
        v = {name: rng.integers(-3, 4, array.shape).astype(array.dtype)
             for name, array in operands.items()}
        (here,), (found,) = subject.forward(operands), subject.jvp(v, operands)
        (up,) = subject.forward({name: operands[name] + v[name] for name in v})
        (down,) = subject.forward({name: operands[name] - v[name] for name in v})
        low, high = np.minimum(up - here, here - down), np.maximum(up - here, here - down)
        slack = 6 * float(np.finfo(subject.dtype).eps)
        outside += int(np.sum(~((found >= low - slack) & (found <= high + slack))))
        count += found.size
    return Check(f"kink: {function.function} one-sided", f"{outside} of {count} outside", "0",
                 outside == 0, "jvp(v) and the interval of the one-sided derivatives along v")


def _count_wrong(subject: Subject, function: Apply,
                 operands: Mapping[str, Array]) -> tuple[int, int]:
    """How many gradient elements are not the stated slopes; constants may be rounded."""
    constant = float(function.constants[0])
    expected = [_stated(function.function, *place, constant) for place in zip(*(
        array.ravel().tolist() for array in operands.values()), strict=True)]
    slack = 2 * float(np.finfo(subject.dtype).eps) if constant * 64 % 1 else 0.0
    wrong = count = 0
    for place, gradient in enumerate(_gradients(subject, operands)):
        wanted = np.array([slopes[place] for slopes in expected])
        wrong += int(np.sum(~(np.abs(gradient.ravel() - wanted) <= slack)))
        count += gradient.size
    return wrong, count


def _stated(function: str, a: float, *rest: float) -> tuple[float, ...]:
    """The slopes that the definition language states, by argument; the last number is the
    constant."""
    *others, constant = rest
    match function:
        case "abs":
            return (0.0 if math.isnan(a) else constant if a == 0 else math.copysign(1, a),)
        case "relu":
            return (1.0 if math.isnan(a) else constant if a == 0 else float(a > 0),)
    (b,) = others
    if math.isnan(a) or math.isnan(b):
        share = float(math.isnan(a))
    elif a == b:
        share = constant
    else:
        share = float((a > b) == (function == "maximum"))
    return share, 1 - share


def _constants(function: Apply) -> str:
    return ", ".join(f"{value}" for value in function.constants)
