"""Programs of every kind that the language admits, and what must hold of each.

`programs` is a strategy that writes definition *text*: several statements, equalities between
indices, skewed and negative coefficients, nested reductions, integer reads. `hold` derives and
emits every pass of a program and compares

    lowering      both targets with the interpreter, exactly, on small integers in float64;
    derivation    the interpreter on the derived programs with quotients of differences of the
                  interpreter on the definition, in exact rationals.

Arrays lie between NaNs, so that a read outside them shows; results start as NaN, so that an
element that is not written shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import strategies as st

from symconv.backends import CBackend, NumpyBackend
from symconv.bounded import bounded, worst
from symconv.differentiate import vjp
from symconv.emit.c import emit_c
from symconv.emit.numpy import emit_numpy
from symconv.evaluate import evaluate
from symconv.integers import evaluate as integer
from symconv.ir import Power, Program, Scalar, Tensor
from symconv.libraries import compile_library
from symconv.passes import Pass, all_passes
from symconv.rewrite import scalar_children
from symconv.shapes import bind, specialise, stored_shape

FLAGS = ("-O1", "-std=c11", "-ffp-contract=off")
_LARGEST = 2 ** 40                      # of a result: below, every sum in a double is exact
_SMALL = Fraction(1, 2 ** 900)          # step of a difference: squares of it do not count
_CLOSE = Fraction(1, 2 ** 500)          # what two equal derivatives may differ by
_APRON = 37                             # NaNs on either side of an array

Arrays = Mapping[str, np.ndarray]


# --- what must hold ---------------------------------------------------------------------------


def hold(program: Program, values: Mapping[str, int], *, fixed: bool = False,
         labels: int = 3, seed: int = 0, targets: Sequence[str] = ("c", "numpy")) -> None:
    """Every pass agrees with the interpreter in every target, and every derivative is one.

    Raises what the interpreter raises where the data leave an extremum empty, or tied within
    the rounding of a quotient.
    """
    passes = all_passes(program)
    derivatives_hold(program, values, passes, labels, seed)
    arrays = _integers(passes, values, labels, seed)
    wanted = {item.name: _exactly(item, arrays, values) for item in passes}
    if fixed:
        passes = tuple(Pass(item.name, specialise(item.program, values)) for item in passes)
        program, values = specialise(program, values), {}
    runners = [_runner(target, program, passes) for target in targets]
    for item in passes:
        inputs = [arrays[tensor.name] for tensor in item.program.inputs]
        for target, run in zip(targets, runners, strict=True):
            outputs = [_results(item.program.tensor(name), values)
                       for name in item.program.outputs]
            run(item.name, inputs, outputs, values)
            for name, found in zip(item.program.outputs, outputs, strict=True):
                _agree(found, wanted[item.name][name], f"{target}, {item.name}, {name}")


def derivatives_hold(program: Program, values: Mapping[str, int], passes: Sequence[Pass],
                     labels: int, seed: int) -> None:
    """<dy, (f(x + h v) - f(x))/h> = <vjp, v> = <dy, jvp>, and the same of the VJP itself."""
    named = {item.name: item.program for item in passes}
    arrays = _rationals(passes, values, labels, seed)
    operands = [t.name for t in program.inputs if t.kind == "real"]
    outputs = [name for name in program.outputs if program.tensor(name).kind == "real"]
    if not operands or not outputs:
        return
    first = evaluate(program, arrays, values)
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


def _exactly(item: Pass, arrays: Arrays, values: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The outputs in rationals; with bounds on rounding where they are not all small integers."""
    inputs = {tensor.name: arrays[tensor.name] for tensor in item.program.inputs}
    every = evaluate(item.program, inputs, values, all_tensors=True)
    divided = any(_divides(term.body) for d in item.program.definitions for term in d.terms)
    if not divided and all(Fraction(v).denominator == 1 and abs(v) < _LARGEST
           for array in every.values() for v in array.ravel()):
        return {name: every[name] for name in item.program.outputs}
    return evaluate(item.program, inputs, values, bounded("float64"))


def _divides(body: Scalar) -> bool:
    return (isinstance(body, Power) and body.exponent < 0) or any(
        _divides(child) for child in scalar_children(body))


def _runner(target: str, program: Program, passes: Sequence[Pass]) -> Callable[..., None]:
    if target == "numpy":
        module = ModuleType("emitted")
        exec(compile(emit_numpy("k", passes, "k"), "k.py", "exec"), module.__dict__)
        return NumpyBackend(module).run
    free = [size.name for size in program.sizes if size.value is None]
    library = compile_library(emit_c("k", program, passes, "float64"), flags=FLAGS)
    return CBackend(library, "k", free).run


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


# --- programs ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A definition as text, with a value for every size that it leaves open."""

    text: str
    sizes: tuple[tuple[str, int], ...]

    def values(self, program: Program) -> dict[str, int]:
        """All sizes. Raises ShapeError where they do not fit the program."""
        given = dict(self.sizes)
        shapes = {tensor.name: tuple(integer(axis.stored, given) for axis in tensor.axes)
                  for tensor in program.inputs}
        return bind(program, shapes)


SIZES = (3, 2, 4, 1)
EXTENTS = ("N", "M", "K", "2", "3", "4", "N+1", "2*N-1", "M-1", "N+M-1")
REDUCTIONS = ("sum",) * 6 + ("max", "min", "max_last", "min_last", "mean", "max_even")


class _Writer:
    """Draws one program, statement by statement."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        names = ("i", "j", "l", "a", "b", "e")
        self.extents = {name: self.pick(EXTENTS) for name in names}
        self.tensors = {"x": self.some(("N", "M", "3", "N"), 1, 2)}
        if self.chance(2):
            self.tensors["w"] = self.some(("K", "M", "2", "N"), 0, 2)
        self.labels = self.some(("N", "K", "M"), 1, 1) if self.chance(3) else []
        self.lines: list[str] = []

    def pick(self, options: Sequence[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    def chance(self, out_of: int) -> bool:
        return bool(self.draw(st.integers(0, out_of - 1)) == 0)

    def some(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.draw(st.lists(st.sampled_from(options), min_size=least, max_size=most))

    def different(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.draw(st.lists(st.sampled_from(options), min_size=least,
                                  max_size=min(most, len(options)), unique=True))

    def program(self) -> Written:
        count = self.pick((1, 1, 1, 2, 2, 3, 4, 5))
        targets = [f"y{number}" for number in range(1, count)] + ["y"]
        for target in targets:
            self.statement(target)
        head = [f"{name}: [{', '.join(axes)}]" for name, axes in self.tensors.items()
                if name[0] != "y"]
        head += [f"k: int[{', '.join(self.labels)}]"] if self.labels else []
        used = " ".join(self.lines)
        ranges = [f"{name} < {extent}" for name, extent in self.extents.items()
                  if f"{name}," in used or f"{name}]" in used]
        ending = [f"return {', '.join(targets[-2:])}"] if count > 1 and self.chance(4) else []
        text = "; ".join((*head, *ranges, *self.lines, *ending))
        sizes = tuple((name, self.pick(SIZES)) for name in ("N", "M", "K"))
        for name, number in sizes:                      # the extent of no operand
            if not re.search(rf"\b{name}\b", "; ".join(head)):
                text = re.sub(rf"\b{name}\b", str(number), text)
        return Written(text, sizes)

    def statement(self, target: str) -> None:
        free = self.different(("i", "j", "l"), 0, 2)
        body = self.expression(free, 2)
        self.lines.append(f"{target}{'[' + ','.join(free) + ']' if free else ''} = {body}")
        self.tensors[target] = [self.extents[name] for name in free]

    def expression(self, scope: list[str], depth: int) -> str:
        """A sum of reductions; where nothing is reduced, every read must be in range."""
        first = self.reduction(scope, depth)
        form = self.draw(st.integers(0, 9))
        if form == 0:
            return f"{first} + {self.reduction(scope, depth)}"
        if form == 1:
            return f"{first} * {self.reduction(scope, depth)}"
        if form == 2:
            return f"relu({first})"
        if form == 3:
            return f"maximum({first}, {self.reduction(scope, depth)})"
        if form == 4:
            return f"{self.pick(('2', '-1', '-3'))}*{first}"
        return first

    def reduction(self, scope: list[str], depth: int) -> str:
        rest = [name for name in self.extents if name not in scope]
        bound = self.different(rest, 1, 3 if depth == 2 else 1)
        inside = [*scope, *bound]
        kind = self.pick(REDUCTIONS)
        inside_range = kind != "sum" and not self.chance(6)     # an empty window has no value
        factors = [self.read(inside, inside_range) for _ in range(self.pick((1, 1, 2, 2, 3)))]
        if depth > 1 and self.chance(5):
            factors.append(self.reduction(inside, 1))
        if self.chance(6):
            factors.append(f"({self.affine(inside)})")
        if self.chance(10):
            factors[0] += "**2"
        rows = 0 if inside_range else self.pick((0, 0, 0, 1, 1, 2))
        factors += [f"[{self.row(inside)}]" for _ in range(rows)]
        return f"{kind}[{','.join(bound)}]({' * '.join(factors)})"

    def read(self, scope: list[str], inside: bool) -> str:
        name = self.pick(sorted(self.tensors))
        if not self.tensors[name]:
            return str(name)
        subscript = self.clamped if inside else self.subscript
        return f"{name}[{', '.join(subscript(scope, axis) for axis in self.tensors[name])}]"

    def clamped(self, scope: list[str], axis: str) -> str:
        fitting = [name for name in scope if self.extents[name] == axis]
        if fitting and not self.chance(3):
            return self.pick((f"{fitting[-1]}", f"{axis}-1-{fitting[-1]}"))
        return f"min(max({self.affine(scope)}, 0), {axis}-1)"

    def subscript(self, scope: list[str], axis: str) -> str:
        form = self.draw(st.integers(0, 11))
        if form < 3 and scope:
            return str(self.pick(scope))
        if form == 3:
            return f"{axis}-1-{self.pick(scope)}"
        if form == 4 and self.labels:
            return self.label(scope)
        if form == 5:
            return f"({self.affine(scope)})//{self.pick((2, 3))}"
        if form == 6:
            return f"{self.pick(('min', 'max'))}({self.affine(scope)}, {self.pick(('1', '2'))})"
        return self.affine(scope)

    def label(self, scope: list[str]) -> str:
        return f"k[{self.pick(scope)}]"

    def affine(self, scope: list[str]) -> str:
        names = self.different(scope, 1, 3)
        terms = [f"{self.pick((1, 1, 1, 2, 2, 3, -1, -1, -2, -3, 4, 6))}*{name}"
                 for name in names]
        constant = self.pick((0, 0, 1, 2, -1, -2, 3))
        return " + ".join((*terms, *([str(constant)] if constant else [])))

    def row(self, scope: list[str]) -> str:
        form = self.draw(st.integers(0, 7))
        if form < 4:
            return f"{self.affine(scope)} == {self.affine(scope) if self.chance(2) else '1'}"
        if form == 4 and self.labels:
            return f"{self.label(scope)} {self.pick(('==', '<', '>='))} {self.pick(scope)}"
        if form == 5:
            return f"({self.affine(scope)}) % {self.pick((2, 3, 4))} == 0"
        return f"{self.affine(scope)} {self.pick(('<', '<=', '>', '>='))} {self.pick(scope)}"


@st.composite
def programs(draw: Callable[[Any], Any]) -> Written:
    """A program as text, with sizes between 2 and 4."""
    return _Writer(draw).program()
