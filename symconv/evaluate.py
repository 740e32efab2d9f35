"""The reference interpreter: what a program means, by trying every point.

For every element of every target, all values of the bound indices are run through in order; a
row is tested as soon as the indices that it names have values (rows that read integer tensors
also wait for the rows before them), and at the points where all rows hold the body is computed.
Nothing is solved, reordered or vectorised, and nothing of what derives, lowers or emits is used,
so agreement with an emitted kernel is evidence. Reading outside a tensor at such a point raises.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv.arithmetic import EXACT, Arithmetic, Value, exact
from symconv.closures import Closures, Store
from symconv.errors import ParameterError, ShapeError
from symconv.integers import Int
from symconv.integers import evaluate as integer
from symconv.ir import Definition, Program, Tensor, Term

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A term as closures: `points` calls its argument at each point of the current element."""

    points: Callable[[Callable[[], None]], None]
    body: Callable[[], Value]
    witness: Callable[[], int] | None


def evaluate(program: Program, inputs: Mapping[str, Any], sizes: Mapping[str, int] | None = None,
             arithmetic: Arithmetic = EXACT, *, all_tensors: bool = False) -> dict[str, Array]:
    """The outputs (or every tensor) of a program, by name, in stored shape.

    `inputs` are arrays or nested lists in stored shape; `sizes` gives every size and parameter
    (`shapes.bind`). Real tensors come as object arrays of the arithmetic's values, integer ones
    as int64. Raises ShapeError where an input has another shape, an extremum has no point, or a
    definition reads outside a tensor; ParameterError where the arithmetic cannot decide.
    """
    values = dict(sizes or {})
    stores: dict[str, Store] = {}
    for tensor in program.inputs:
        if tensor.name not in inputs:
            raise ParameterError(f"operand {tensor.name} has no value: give an array for it")
        stores[tensor.name] = _read(tensor, inputs[tensor.name], values, arithmetic)
    for definition in program.definitions:
        stores[definition.target.name] = _define(definition, stores, values, arithmetic)
    names = stores if all_tensors else program.outputs
    return {name: _array(program.tensor(name), stores[name], values) for name in names}


def _shape(extents: Sequence[Int], values: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(integer(extent, values) for extent in extents)


def _read(tensor: Tensor, given: Any, values: Mapping[str, int], arithmetic: Arithmetic) -> Store:
    """The elements of an input, converted one by one."""
    import numpy as np

    array = given if isinstance(given, np.ndarray) else np.array(given, dtype=object)
    needed = _shape([axis.stored for axis in tensor.axes], values)
    if array.shape != needed:
        raise ShapeError(f"{tensor.name}: shape {array.shape} given, {needed} is needed")
    convert = arithmetic.read if tensor.kind == "real" else _place
    return Store(_shape(tensor.logical, values), [convert(entry) for entry in array.ravel()])


def _place(entry: object) -> int:
    value = exact(entry)
    if value.denominator != 1:
        raise ParameterError(f"{entry!r} given where an integer is needed (labels, indices)")
    return value.numerator


def _array(tensor: Tensor, store: Store, values: Mapping[str, int]) -> Array:
    import numpy as np

    shape = _shape([axis.stored for axis in tensor.axes], values)
    if tensor.kind == "integer":
        return np.array(store.data, dtype=np.int64).reshape(shape)
    array: npt.NDArray[np.object_] = np.empty(len(store.data), dtype=object)
    for place, value in enumerate(store.data):
        array[place] = Fraction(value) if isinstance(value, int) else value
    return array.reshape(shape)


def _define(definition: Definition, stores: Mapping[str, Store], values: Mapping[str, int],
            arithmetic: Arithmetic) -> Store:
    """Every element of a target, in row-major order."""
    extents = _shape(definition.target.logical, values)
    if len(extents) != len(definition.free):
        raise ShapeError(f"{definition.target.name}: {len(definition.free)} indices for "
                         f"{len(extents)} logical axes; one index per axis is needed")
    if definition.target.kind == "integer" and definition.reduction in ("sum", "max", "min"):
        arithmetic = EXACT
    free = [index.name for index in definition.free]
    compiled = []
    slots: list[list[int]] = []
    for term in definition.terms:
        env = [0] * (len(free) + len(term.bound))
        slots.append(env)
        compiled.append(_compile(term, free, env, stores, values, arithmetic))
    data: list[Any] = []
    for place in itertools.product(*(range(extent) for extent in extents)):
        for env in slots:
            env[:len(free)] = place
        data.append(_reduce(definition, compiled, place, arithmetic))
    return Store(extents, data)


def _compile(term: Term, free: Sequence[str], env: list[int], stores: Mapping[str, Store],
             values: Mapping[str, int], arithmetic: Arithmetic) -> _Compiled:
    names = [*free, *(index.name for index in term.bound)]
    closures = Closures({name: slot for slot, name in enumerate(names)}, env, values, stores,
                        arithmetic)
    tests: list[list[Callable[[], bool]]] = [[] for _ in range(len(term.bound) + 1)]
    latest = 0
    for row in term.rows:
        depth = max(0, closures.depth(row) - len(free))
        latest = max(latest, depth)
        tests[latest if closures.reads(row) else depth].append(closures.row(row))

    def points(found: Callable[[], None]) -> None:
        run = found
        for level in range(len(term.bound) - 1, -1, -1):
            run = _loop(env, len(free) + level, integer(term.bound[level].extent, values),
                        tests[level + 1], run)
        if all(test() for test in tests[0]):
            run()

    witness = None if term.witness is None else closures.integer(term.witness)
    return _Compiled(points, closures.scalar(term.body), witness)


def _loop(env: list[int], slot: int, extent: int, tests: Sequence[Callable[[], bool]],
          inner: Callable[[], None]) -> Callable[[], None]:
    """Run `inner` for every value of an index at which the tests hold."""
    def run() -> None:
        for value in range(extent):
            env[slot] = value
            for test in tests:
                if not test():
                    break
            else:
                inner()
    return run


def _reduce(definition: Definition, compiled: Sequence[_Compiled], place: tuple[int, ...],
            arithmetic: Arithmetic) -> Any:
    """One element: collect the bodies at all points, then reduce them."""
    found: list[Value] = []
    witnesses: list[int] = []
    for term in compiled:
        term.points(_collect(term, found, witnesses))
    if definition.reduction == "sum":
        return arithmetic.total(found)
    kind = "max" if definition.reduction in ("max", "argmax") else "min"
    if not found:
        raise ShapeError(f"{definition.target.name}: the {definition.reduction} at {list(place)} "
                         "has no point; reduce the padding or enlarge the input, or give other "
                         "values to the integer operands that its relation reads")
    if definition.reduction in ("max", "min"):
        return arithmetic.extremum(kind, found)
    return witnesses[arithmetic.place(kind, found, definition.ties == "last")]


def _collect(term: _Compiled, found: list[Value], witnesses: list[int]) -> Callable[[], None]:
    """What to do at a point: note the body, and the witness where there is one."""
    body, witness = term.body, term.witness

    def note() -> None:
        found.append(body())
        if witness is not None:
            witnesses.append(witness())
    return note
