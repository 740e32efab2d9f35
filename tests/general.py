"""What must hold of every program that the language admits (`written` makes random ones).

`hold` derives and emits every pass of a program and compares

    lowering      both targets with the interpreter, exactly, on small integers in float64;
    derivation    the interpreter on the derived programs with quotients of differences of the
                  interpreter on the definition, in exact rationals.

Arrays lie between NaNs, so that a read outside them shows; results start as NaN, so that an
element that is not written shows. A target refuses what the interpreter refuses for the same data
(an extremum without a point), and nothing else; `refused_for_a_reason` judges refusals of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np

from symconv.backends import Backend
from symconv.bounded import bounded
from symconv.c_backend import CBackend
from symconv.certainty import worst
from symconv.differentiate import vjp
from symconv.emission import specialised
from symconv.emit.c import emit_c
from symconv.emit.numpy import emit_numpy
from symconv.errors import ParameterError, ShapeError
from symconv.evaluate import evaluate
from symconv.integers import Int
from symconv.integers import evaluate as integer
from symconv.ir import (
    AtLeast,
    Axis,
    Definition,
    Number,
    Power,
    Program,
    Scalar,
    Tensor,
)
from symconv.libraries import compile_library
from symconv.numpy_backend import NumpyBackend
from symconv.passes import Pass, all_passes, emitted_passes
from symconv.rewrite import accesses, row_expressions, scalar_children
from symconv.shapes import specialise, stored_shape

FLAGS = ("-O1", "-std=c11", "-ffp-contract=off")
_LARGEST = 2 ** 40                      # of a result: below, every sum in a double is exact
_SMALL = Fraction(1, 2 ** 900)          # step of a difference: squares of it do not count
_CLOSE = Fraction(1, 2 ** 500)          # what two equal derivatives may differ by
_APRON = 37                             # NaNs on either side of an array

Arrays = Mapping[str, np.ndarray]


# --- what must hold ---------------------------------------------------------------------------


def hold(program: Program, values: Mapping[str, int], *, fixed: bool = False,
         labels: int = 3, seed: int = 0, targets: Sequence[str] = ("c", "numpy")) -> int:
    """Every pass agrees with the interpreter in every target, and every derivative is one.

    Where the data leave an extremum of a pass without a point, the interpreter and every target
    refuse it. Returns the number of such passes.
    """
    passes, emitted = all_passes(program), emitted_passes(program)
    derivatives_hold(program, values, passes, labels, seed)
    arrays = _integers(passes, values, labels, seed)
    wanted = {item.name: _expected(item, arrays, values) for item in passes}
    if fixed:
        passes = tuple(Pass(item.name, specialise(item.program, values)) for item in passes)
        emitted = specialised(emitted, values)
        program, values = specialise(program, values), {}
    runners = [_runner(target, program, emitted) for target in targets]
    for item in passes:
        inputs = [arrays[tensor.name] for tensor in item.program.inputs]
        for target, run in zip(targets, runners, strict=True):
            outputs = [_results(item.program.tensor(name), values)
                       for name in item.program.outputs]
            where, expected = f"{target}, {item.name}", wanted[item.name]
            refusal = _refusal(run, item.name, inputs, outputs, values)
            if refusal is not None:
                assert expected is None, f"{where} refuses what has a value: {refusal}"
                assert "has no point" in refusal, f"{where} gives no reason: {refusal}"
                continue
            assert expected is not None, f"{where} makes up {outputs}"
            for name, found in zip(item.program.outputs, outputs, strict=True):
                if name in expected:
                    _agree(found, expected[name], f"{where}, {name}")
    return sum(expected is None for expected in wanted.values())


def _refusal(run: Callable[..., None], *arguments: object) -> str | None:
    """What a target says when it refuses to run; None where it runs."""
    try:
        run(*arguments)
    except ShapeError as error:
        return str(error)
    return None


def refused_for_a_reason(program: Program, sizes: Mapping[str, int], refusal: ShapeError) -> None:
    """Sizes that `bind` refuses are outside of the definition, and the message is about it.

    They give an output without elements, a negative extent, an extremum or a mean without a
    point, or a read outside of a reduction that is out of range.
    """
    values = dict(sizes)
    for size in program.sizes:
        if size.value is not None:
            values[size.name] = integer(size.value, values)
    targets = [definition.target for definition in program.definitions]
    shapes = {tensor.name: stored_shape(tensor, values) for tensor in targets}
    empty = [name for name in program.outputs if min(shapes[name], default=1) < 1]
    negative = [name for name, shape in shapes.items() if min(shape, default=0) < 0]
    if empty or negative:
        assert any(name in str(refusal) for name in (*empty, *negative)), refusal
        return
    outside = [need.message for need in program.requirements
               if isinstance(need.row, AtLeast) and integer(need.row.expression, values) < 0]
    lacking = [d.target.name for d in program.definitions if _lacks_points(d, program, values)]
    assert any(reason in str(refusal) for reason in outside) or \
        any(str(refusal).startswith(f"{name}: the m") for name in lacking), \
        f"a wrong refusal: {refusal}; in truth {[*outside, *lacking]}"


def _lacks_points(definition: Definition, program: Program, values: Mapping[str, int]) -> bool:
    """Whether an element of an extremum or of a count that divides has no point whatever the data.

    An axis without elements counts as one of one element.
    """
    if definition.reduction == "sum" and definition.target.name not in _divisors(program):
        return False
    name, shape = definition.target.name, stored_shape(definition.target, values)
    free = tuple(replace(index, extent=Int.of(max(extent, 1)))
                 for index, extent in zip(definition.free, shape, strict=True))
    counted = Definition(
        Tensor(name, tuple(Axis(index.extent, (index.extent,)) for index in free), "integer"),
        free, tuple(replace(term, body=Number(Fraction(1)), witness=None, rows=tuple(
            row for row in term.rows
            if not any(e.elements() for e in row_expressions(row)))) for term in definition.terms))
    alone = replace(program, inputs=(), definitions=(counted,), outputs=(name,))
    return not np.all(evaluate(alone, {}, values)[name])


def derivatives_hold(program: Program, values: Mapping[str, int], passes: Sequence[Pass],
                     labels: int, seed: int) -> None:
    """<dy, (f(x + h v) - f(x))/h> = <vjp, v> = <dy, jvp>, and the same of the VJP itself."""
    named = {item.name: item.program for item in passes}
    arrays = _rationals(passes, values, labels, seed)
    operands = [t.name for t in program.inputs if t.kind == "real"]
    outputs = [name for name in program.outputs if program.tensor(name).kind == "real"]
    if not operands or not outputs:
        return
    try:
        first = evaluate(program, arrays, values)
    except ShapeError:                      # no value, so that there is nothing to differentiate
        return
    slopes = {}
    for name in operands:
        moved = evaluate(program, _moved(arrays, name, arrays[f"v{name}"]), values)
        slopes[name] = sum(_dot(arrays[f"d{y}"], (moved[y] - first[y]) / _SMALL)
                           for y in outputs)
        (gradient,) = evaluate(named[f"vjp_{name}"], arrays, values).values()
        close = abs(_dot(gradient, arrays[f"v{name}"]) - slopes[name])
        assert close < _CLOSE, f"vjp_{name} is no derivative: off by {float(close)}"
    tangents = {f"t{name}": arrays[f"v{name}"] for name in operands}
    along = evaluate(named["jvp"], {**arrays, **tangents}, values)
    total = sum(_dot(arrays[f"d{y}"], along[f"t{y}"]) for y in outputs)
    assert abs(total - sum(slopes.values())) < _CLOSE, "jvp is no derivative"
    gradients = vjp(program, operands).result
    first = evaluate(gradients, arrays, values)
    for name in (*(f"d{y}" for y in outputs), *operands):
        step = arrays[f"e{name}"]
        moved = evaluate(gradients, _moved(arrays, name, step), values)
        slope = sum(_dot(arrays[f"v{x}"], (moved[g] - first[g]) / _SMALL)
                    for x, g in zip(operands, gradients.outputs, strict=True))
        (second,) = evaluate(named[f"double_vjp_{name}"], arrays, values).values()
        assert abs(_dot(second, step) - slope) < _CLOSE, f"double_vjp_{name} is no derivative"


def _agree(found: np.ndarray, wanted: np.ndarray, where: str) -> None:
    if found.dtype == np.int64:
        assert np.array_equal(found, wanted), where
    elif all(isinstance(value, Fraction) for value in wanted.ravel()):
        expected = np.array([float(v) for v in wanted.ravel()]).reshape(wanted.shape)
        assert np.array_equal(found, expected), f"{where}: {found} instead of {expected}"
    else:
        assert worst(found, wanted) <= 1, f"{where}: {found}"


def _expected(item: Pass, arrays: Arrays, values: Mapping[str, int]
              ) -> dict[str, np.ndarray] | None:
    """The outputs in rationals; with bounds on rounding where they are not all small integers.

    None where an extremum has no point; no outputs where rounding may decide between ties.
    """
    inputs = {tensor.name: arrays[tensor.name] for tensor in item.program.inputs}
    try:
        every = evaluate(item.program, inputs, values, all_tensors=True)
    except ShapeError:
        return None
    divided = any(_divides(term.body) for d in item.program.definitions for term in d.terms)
    if not divided and all(Fraction(v).denominator == 1 and abs(v) < _LARGEST
           for array in every.values() for v in array.ravel()):
        return {name: every[name] for name in item.program.outputs}
    try:
        return evaluate(item.program, inputs, values, bounded("float64"))
    except ParameterError as error:
        if "is not decided" not in str(error):
            raise
        return {}


def _divides(body: Scalar) -> bool:
    return (isinstance(body, Power) and body.exponent < 0) or any(
        _divides(child) for child in scalar_children(body))


def _divisors(program: Program) -> list[str]:
    """The tensors of which a power with a negative exponent stands in a body."""
    def below(body: Scalar) -> set[str]:
        names = set().union(*map(below, scalar_children(body)))
        return names | ({a.tensor for a in accesses(body.base)}
                        if isinstance(body, Power) and body.exponent < 0 else set())

    return sorted(set().union(*(
        below(term.body) for d in program.definitions for term in d.terms)))


def _runner(target: str, program: Program, passes: Sequence[Pass]) -> Callable[..., None]:
    if target == "numpy":
        module = ModuleType("emitted")
        exec(compile(emit_numpy("k", passes, "k"), "k.py", "exec"), module.__dict__)
        return _run_by(NumpyBackend(module))
    free = [size.name for size in program.sizes if size.value is None]
    library = compile_library(emit_c("k", program, passes, "float64"), flags=FLAGS)
    return _run_by(CBackend(library, "k", free))


def _run_by(backend: Backend) -> Callable[..., None]:
    return lambda name, inputs, outputs, sizes: backend.entry(name, sizes).run(inputs, outputs)


# --- arrays -----------------------------------------------------------------------------------


def _apart(array: np.ndarray) -> np.ndarray:
    """The same array between NaNs (between large integers, where it holds integers)."""
    bad = np.nan if array.dtype.kind == "f" else 2 ** 40
    wide = np.full(array.size + 2 * _APRON, bad, dtype=array.dtype)
    inside = wide[_APRON:_APRON + array.size].reshape(array.shape)
    inside[...] = array
    return inside


def _results(tensor: Tensor, values: Mapping[str, int]) -> np.ndarray:
    shape = stored_shape(tensor, values)
    return _apart(np.full(shape, np.nan) if tensor.kind == "real"
                  else np.full(shape, 2 ** 40, dtype=np.int64))


def _tensors(passes: Sequence[Pass]) -> dict[str, Tensor]:
    return {tensor.name: tensor for item in passes for tensor in item.program.inputs}


def _integers(passes: Sequence[Pass], values: Mapping[str, int], labels: int,
              seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    found = {}
    for name, tensor in _tensors(passes).items():
        shape = stored_shape(tensor, values)
        found[name] = _apart(rng.integers(0, labels, shape) if tensor.kind == "integer"
                             else rng.integers(-2, 3, shape).astype(float))
    return found


def _rationals(passes: Sequence[Pass], values: Mapping[str, int], labels: int,
               seed: int) -> dict[str, np.ndarray]:
    """Generic numbers: no two different expressions tie."""
    rng = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {}
    tensors = _tensors(passes)
    for name, tensor in {**tensors, **{f"e{n}": t for n, t in tensors.items()}}.items():
        shape = stored_shape(tensor, values)
        if tensor.kind == "integer":
            found[name] = rng.integers(0, labels, shape)
        else:
            found[name] = _fractions(rng.integers(-2 ** 20, 2 ** 20, shape))
    return found


def _fractions(numbers: np.ndarray) -> np.ndarray:
    array = np.empty(numbers.shape, dtype=object)
    for place in np.ndindex(numbers.shape):
        array[place] = Fraction(int(numbers[place]), 2 ** 18)
    return array


def _moved(arrays: Arrays, name: str, step: np.ndarray) -> dict[str, np.ndarray]:
    moved = np.empty(step.shape, dtype=object)
    for place in np.ndindex(step.shape):
        moved[place] = arrays[name][place] + _SMALL * step[place]
    return {**arrays, name: moved}


def _dot(left: np.ndarray, right: np.ndarray) -> Any:
    return sum((a * b for a, b in zip(np.ravel(left), np.ravel(right), strict=True)), Fraction(0))
