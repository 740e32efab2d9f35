"""Which operands fit a program, and what follows from their shapes alone.

Every combination of shapes is asked for once: sizes, the shapes of results and the entries of
passes stay in a `Fit`. Calls in a row mostly repeat the last shapes, which is tried first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple, NoReturn

import numpy as np

from symconv.arrays import (
    Array,
    DType,
    Shape,
    expect_shape,
    expect_values,
    readable,
    writable,
    zeros,
)
from symconv.backends import Entry
from symconv.errors import ParameterError, shown
from symconv.integers import evaluate
from symconv.ir import Program
from symconv.packed import PackedOperand
from symconv.shapes import bind, output_shapes, stored_shape
from symconv.shortcut import Made, Shortcut

INTEGER: DType = np.dtype(np.int64)


@dataclass(frozen=True, slots=True)
class Fit:
    """What depends on the shapes of the operands.

    `values` are all sizes, `shapes` those of operands and outputs as the kernel sees them, and
    `outside` as the caller does, without the batch axis that an unbatched call lacks. Elements of
    the operands of `stops`, (name, place, stop), are at least 0 and below the stop. Contiguous
    operands that are as `direct` says, (name, element type, shape), need no other check; it is
    empty where that is not enough. `entries` are the passes by name, as they come to be used, and
    `shortcuts` the short ways of calls, None for those that have none.
    """

    values: Mapping[str, int]
    shapes: Mapping[str, Shape]
    outside: Mapping[str, Shape]
    unbatched: bool
    stops: tuple[tuple[str, int, int], ...] = ()
    direct: tuple[tuple[str, DType, Shape], ...] = ()
    entries: dict[str, Entry] = field(default_factory=dict)
    shortcuts: dict[object, Shortcut | Made | None] = field(default_factory=dict)


class Call(NamedTuple):
    """Operands that have been checked, in the order of the program, and those given packed."""

    arrays: list[Array]
    fit: Fit
    packed: Mapping[str, PackedOperand]

    @property
    def ranged(self) -> list[tuple[str, Array, int]]:
        """The operands whose elements must stay below a stop."""
        return [(name, self.arrays[place], stop) for name, place, stop in self.fit.stops]


class Operands:
    """The operands of a program for one element type; the rest is as in `Kernel`."""

    def __init__(self, source: Program, dtype: DType, fixed: Mapping[str, int] | None,
                 batched: frozenset[str], packs: Sequence[str]) -> None:
        self._source, self._fixed, self._batched = source, fixed, batched
        self._packs = packs
        self._types = {tensor.name: dtype if tensor.kind == "real" else INTEGER
                       for tensor in source.inputs}
        self._fit = lru_cache(maxsize=64)(self._fitted)
        self.last = Fit({}, {}, {}, False)

    def call(self, inputs: Mapping[str, object]) -> Call:
        """The operands of a call by name, as arrays that a kernel takes.

        Raises ParameterError, DTypeError, ShapeError.
        """
        arrays: list[Array] = []
        fit, packed = self.last, self._packed(inputs) if self._packs else {}
        if packed:
            inputs = {**inputs, **{name: one.array for name, one in packed.items()}}
        for name, dtype, shape in fit.direct if len(inputs) == len(fit.direct) else ():
            array = inputs.get(name)
            if (type(array) is not np.ndarray or array.dtype is not dtype or array.shape != shape
                    or not (flags := array.flags).c_contiguous or not flags.aligned):
                break
            arrays.append(array)
        else:
            if arrays:
                return Call(arrays, fit, packed)
        return self._checked(inputs, packed)

    def pack(self, name: str, given: object) -> PackedOperand:
        """An operand of a kernel for fixed shapes, to be given in many calls.

        Raises DTypeError, ShapeError.
        """
        array = readable(name, given, self._types[name])
        expect_shape(name, array.shape, stored_shape(self._source.tensor(name), self._fixed or {}),
                     "that of the kernel")
        return PackedOperand(self, name, array)

    def _packed(self, inputs: Mapping[str, object]) -> Mapping[str, PackedOperand]:
        """The inputs that these operands have packed; any other is an array."""
        return {name: given for name in self._packs
                if isinstance(given := inputs.get(name), PackedOperand)
                and given.belongs(self, name)}

    def _checked(self, inputs: Mapping[str, object],
                 packed: Mapping[str, PackedOperand]) -> Call:
        """The same for arrays of any layout, and for other shapes than those of the last call."""
        if inputs.keys() != self._types.keys():
            self._misnamed(inputs)
        arrays = [readable(name, inputs[name], kind) for name, kind in self._types.items()]
        self.last = fit = self._fit(tuple([array.shape for array in arrays]))
        if fit.unbatched:
            arrays = [array[np.newaxis] if name in self._batched else array
                      for name, array in zip(self._types, arrays, strict=True)]
        call = Call(arrays, fit, packed)
        for name, array, stop in call.ranged:
            expect_values(name, array, stop)
        return call

    def _misnamed(self, inputs: Mapping[str, object]) -> NoReturn:
        listing = ", ".join(self._types)
        for name in inputs:
            if name not in self._types:
                raise ParameterError(f"{name}: no operand has this name; give {listing} by name")
        missing = next(name for name in self._types if name not in inputs)
        raise ParameterError(f"operand {missing} is missing; give {listing} by name")

    def _fitted(self, given: tuple[Shape, ...]) -> Fit:
        """The fit of operands with these shapes. Raises ShapeError."""
        shapes = dict(zip(self._types, given, strict=True))
        batched = [name for name in self._types if name in self._batched]
        unbatched = bool(batched) and all(
            len(shapes[name]) == len(self._source.tensor(name).axes) - 1 for name in batched)
        if unbatched:
            shapes.update({name: (1, *shapes[name]) for name in batched})
        values = self._sizes(shapes)
        shapes = {**output_shapes(self._source, values), **shapes}
        outside = {name: shape[1:] if unbatched and name in self._batched else shape
                   for name, shape in shapes.items()}
        stops = tuple((one.tensor, [*self._types].index(one.tensor), evaluate(one.stop, values))
                      for one in self._source.value_ranges)
        direct = () if unbatched or stops else tuple(
            (name, kind, shapes[name]) for name, kind in self._types.items())
        return Fit(values, shapes, outside, unbatched, stops, direct)

    def _sizes(self, shapes: Mapping[str, Shape]) -> Mapping[str, int]:
        if self._fixed is None:
            return bind(self._source, shapes)
        for tensor in self._source.inputs:
            expect_shape(tensor.name, shapes[tensor.name], stored_shape(tensor, self._fixed),
                         "this kernel was built for fixed shapes; build it without shapes, "
                         "or for these")
        return self._fixed


def cotangents(call: Call, dy: object, names: Sequence[str], dtype: DType) -> list[Array]:
    """One array per output of these names; an array alone is that of the only one."""
    if isinstance(dy, Mapping):
        return directions(call, "d", dy, names, dtype)
    if len(names) > 1:
        raise ParameterError("dy: there are several outputs, so give a dict with the keys "
                             f"{', '.join(names)}")
    return [direction(call.fit, "d", names[0], dy, dtype)]


def directions(call: Call, letter: Literal["d", "t", "v"], given: object, names: Sequence[str],
               dtype: DType) -> list[Array]:
    """One array per name, shaped like the tensor of that name; zeros for those not given.

    The letter tells cotangents (d), tangents (t) and the directions of a double gradient (v).
    """
    if not isinstance(given, Mapping):
        raise ParameterError(f"{_MEANING[letter]}s: {type(given).__name__} given, a dict with "
                             f"keys among {', '.join(names)} is needed")
    for key in given:
        if key not in names:
            raise ParameterError(f"{shown(key)} is none of {', '.join(names)}, which have a "
                                 f"{_MEANING[letter]}")
    return [direction(call.fit, letter, name, given[name], dtype) if name in given
            else zeros(f"{letter}{name}", call.fit.shapes[name], dtype) for name in names]


def direction(fit: Fit, letter: str, name: str, given: object, dtype: DType) -> Array:
    """An array that the caller has shaped like the tensor of this name."""
    label, outside = f"{letter}{name}", fit.outside[name]
    array = readable(label, given, dtype)
    if array.shape != outside:
        expect_shape(label, array.shape, outside, f"that of {name}")
    return array.reshape(fit.shapes[name]) if fit.unbatched else array


def targets(fit: Fit, out: object, names: Sequence[str],
            types: Mapping[str, DType]) -> list[Array]:
    """The arrays of a caller that the outputs of these names and element types are written to.

    Raises ParameterError, DTypeError, ShapeError.
    """
    given = [out] if len(names) == 1 else list(out) if isinstance(out, tuple | list) else []
    if len(given) != len(names):
        raise ParameterError(f"out: a tuple of {len(names)} arrays is needed, "
                             f"for {', '.join(names)}")
    arrays = [writable(f"out for {name}", array, fit.outside[name], types[name])
              for name, array in zip(names, given, strict=True)]
    for place, target in enumerate(arrays):
        if any(np.may_share_memory(target, other) for other in arrays[:place]):
            raise ParameterError("out: the arrays of two outputs overlap; give separate ones")
    return arrays


_MEANING = {"d": "cotangent", "t": "tangent", "v": "direction"}
