"""A built operator: forward, gradients, tangents and double backward on NumPy arrays.

Everything about the arguments is checked here, before any compiled code runs; a `Backend` only
ever sees arrays that fit. The passes are those of `passes.py`; a group of them is loaded (derived,
emitted, compiled) when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from symconv.arrays import (
    Array,
    DType,
    Shape,
    empty,
    expect_shape,
    expect_values,
    is_direct,
    readable,
    writable,
    zeros,
)
from symconv.backends import Backend
from symconv.errors import ParameterError, shown
from symconv.integers import evaluate
from symconv.ir import Program
from symconv.packed import PackedOperand, packed_call
from symconv.shapes import bind, output_shapes, stored_shape

Group: TypeAlias = Literal["forward", "vjp", "jvp", "double"]

_INTEGER: DType = np.dtype(np.int64)
_RESERVED = ("out", "dy", "wrt")


@dataclass(frozen=True, slots=True)
class _Call:
    """Operands that have been checked, with the batch axis that an unbatched call lacks."""

    arrays: tuple[Array, ...]
    shapes: Mapping[str, Shape]
    values: Mapping[str, int]
    unbatched: bool
    packed: Mapping[str, PackedOperand]


class Kernel:
    """The passes of one program for one element type.

    `source` is the program with its sizes; `load(group)` gives the backend of a group of passes.
    `fixed`, as `bind` returned it, holds the values of all sizes of a kernel for fixed shapes.
    `batch_operands` are the operands and outputs whose first axis is the batch: where the arrays
    of all such operands lack one axis, a batch of one is added and dropped again. With `shared`
    one function computes all gradients, and another all double gradients (`passes.shares`). The
    operands `packs` may be given packed.
    """

    def __init__(self, source: Program, load: Callable[[Group], Backend], dtype: str, *,
                 fixed: Mapping[str, int] | None = None,
                 batch_operands: Iterable[str] = (), shared: bool = False,
                 packs: Sequence[str] = ()) -> None:
        if dtype not in ("float32", "float64"):
            raise ParameterError(f"dtype={dtype!r}: a kernel computes in float32 or float64")
        for tensor in source.inputs:
            if tensor.name in _RESERVED:
                raise ParameterError(f"operand {tensor.name}: a kernel has an argument of this "
                                     "name; rename the operand")
        self.source = source
        self.dtype: DType = np.dtype(dtype)
        self._load = lru_cache(maxsize=None)(load)
        self._fixed = dict(fixed) if fixed is not None else None
        self._shared = shared
        self._packs = tuple(packs)
        self._batched = frozenset(batch_operands)
        self._operands = tuple(tensor.name for tensor in source.inputs)
        self._types = {name: self.dtype if source.tensor(name).kind == "real" else _INTEGER
                       for name in (*self._operands, *source.outputs)}
        self._real_inputs = tuple(t.name for t in source.inputs if t.kind == "real")
        self._real_outputs = tuple(name for name in source.outputs
                                   if source.tensor(name).kind == "real")
        self._bind = lru_cache(maxsize=64)(self._bound)

    def forward(self, /, *, out: Array | Sequence[Array] | None = None,
                **inputs: object) -> Array | tuple[Array, ...]:
        """The outputs, a tuple where there are several. With `out` they are written there.

        `out` may have any strides and overlap the operands.
        """
        call = self._call(inputs)
        names = self.source.outputs
        if out is None:
            results = self._run(call, "forward", "forward", call.arrays, names)
            return results[0] if len(names) == 1 else results
        targets = self._targets(call, out)
        buffers = [target.reshape(call.shapes[name]) if is_direct(target, call.arrays)
                   else self._empty(call, name)
                   for name, target in zip(names, targets, strict=True)]
        self._perform(call, "forward", "forward", call.arrays, buffers)
        for target, buffer in zip(targets, buffers, strict=True):
            if not np.may_share_memory(target, buffer):
                np.copyto(target, buffer.reshape(target.shape))
        return out if isinstance(out, np.ndarray) else tuple(out)

    def vjp(self, /, dy: object, wrt: str | Iterable[str] | None = None,
            **inputs: object) -> dict[str, Array]:
        """{operand: gradient of <dy, output>} for every real operand, or for those of `wrt`.

        Where there are several real outputs, `dy` is a dict by output; missing ones are zero.
        """
        self._differentiable()
        wanted = self._wanted(wrt)
        call = self._call(inputs)
        arguments = (*self._cotangents(call, dy), *call.arrays)
        return self._gradients(call, "vjp", arguments, {
            name: name for name in self._real_inputs}, wanted)

    def jvp(self, tangents: Mapping[str, object], /,
            **inputs: object) -> Array | tuple[Array, ...]:
        """The derivative along {operand: tangent}, in the order of the real outputs."""
        self._differentiable()
        call = self._call(inputs)
        arguments = (*self._directions(call, "t", tangents, self._real_inputs), *call.arrays)
        results = self._run(call, "jvp", "jvp", arguments, self._real_outputs)
        return results[0] if len(results) == 1 else results

    def double_vjp(self, v: Mapping[str, object], /, dy: object,
                   **inputs: object) -> dict[str, Array]:
        """The gradients of sum_i <vjp_i, v_i>: for "dy" (`d<output>`) and every real operand."""
        self._differentiable()
        call = self._call(inputs)
        arguments = (*self._directions(call, "v", v, self._real_inputs),
                     *self._cotangents(call, dy), *call.arrays)
        keys = {**{f"d{name}": name for name in self._real_outputs},
                **{name: name for name in self._real_inputs}}
        return self._gradients(call, "double", arguments, keys, tuple(keys))

    def pack(self, /, **operand: object) -> PackedOperand:
        """One operand for many calls, which take it in its place: what a pass copies of it in every
        call is made once. Results are the same to the bit; later changes of the array do not count.
        """
        if len(operand) != 1:
            raise ParameterError(f"pack: {len(operand)} operands given, one is needed, as in "
                                 "pack(w=w)")
        ((name, given),) = operand.items()
        if name not in self._packs:
            raise ParameterError(f"pack: {name} is not among the operands that this kernel packs "
                                 f"({', '.join(self._packs) or 'none'}); build it with "
                                 f"pack={name!r} and shapes")
        array = readable(name, given, self._types[name])
        expect_shape(name, array.shape, stored_shape(self.source.tensor(name), self._fixed or {}),
                     "that of the kernel")
        return PackedOperand(self, name, array)

    def prepare(self, *groups: Group) -> None:
        """Load groups of passes now rather than when they are first used."""
        for group in groups:
            self._load(group)

    # --- arguments ----------------------------------------------------------------------------

    def _call(self, inputs: Mapping[str, object]) -> _Call:
        listing = ", ".join(self._operands)
        for name in inputs:
            if name not in self._operands:
                raise ParameterError(f"{name}: no operand has this name; give {listing} by name")
        for name in self._operands:
            if name not in inputs:
                raise ParameterError(f"operand {name} is missing; give {listing} by name")
        arrays = {name: readable(name, inputs[name], self._types[name])
                  for name in self._operands}
        batched = [name for name in self._operands if name in self._batched]
        unbatched = bool(batched) and all(
            arrays[name].ndim == len(self.source.tensor(name).axes) - 1 for name in batched)
        if unbatched:
            arrays.update({name: arrays[name][np.newaxis] for name in batched})
        values, shapes = self._bind(tuple(arrays[name].shape for name in self._operands))
        for given in self.source.value_ranges:
            expect_values(given.tensor, arrays[given.tensor], evaluate(given.stop, values))
        packed = {name: value for name, value in inputs.items()
                  if isinstance(value, PackedOperand) and value.belongs(self, name)
                  } if self._packs else {}
        return _Call(tuple(arrays.values()), shapes, values, unbatched, packed)

    def _bound(self, given: tuple[Shape, ...]) -> tuple[dict[str, int], dict[str, Shape]]:
        """The values of all sizes, and the shapes of operands and outputs. Raises ShapeError."""
        shapes = dict(zip(self._operands, given, strict=True))
        if self._fixed is None:
            values = bind(self.source, shapes)
        else:
            values = self._fixed
            for tensor in self.source.inputs:
                expect_shape(tensor.name, shapes[tensor.name], stored_shape(tensor, values),
                             "this kernel was built for fixed shapes; build it without shapes, "
                             "or for these")
        return values, {**output_shapes(self.source, values), **shapes}

    def _wanted(self, wrt: object) -> tuple[str, ...]:
        if wrt is None:
            return self._real_inputs
        wanted: dict[str, None] = {}
        for name in wrt if isinstance(wrt, list | tuple | set | frozenset | Mapping) else (wrt,):
            if not isinstance(name, str) or name not in self._real_inputs:
                raise ParameterError(f"wrt: {shown(name)} is no operand with a gradient; those are "
                                     f"{', '.join(self._real_inputs) or 'none'}")
            wanted[name] = None
        return tuple(wanted)

    def _differentiable(self) -> None:
        if not self._real_outputs or not self._real_inputs:
            what = "outputs" if not self._real_outputs else "operands"
            raise ParameterError(f"all {what} are integers, so there is nothing to differentiate")

    def _cotangents(self, call: _Call, dy: object) -> list[Array]:
        if isinstance(dy, Mapping):
            return self._directions(call, "d", dy, self._real_outputs)
        if len(self._real_outputs) > 1:
            raise ParameterError("dy: there are several outputs, so give a dict with the keys "
                                 f"{', '.join(self._real_outputs)}")
        return self._directions(call, "d", {self._real_outputs[0]: dy}, self._real_outputs)

    def _directions(self, call: _Call, letter: str, given: object,
                    names: Sequence[str]) -> list[Array]:
        """One array per name, shaped like the tensor of that name; zeros for those not given."""
        if not isinstance(given, Mapping):
            raise ParameterError(f"{_MEANING[letter]}s: {type(given).__name__} given, a dict with "
                                 f"keys among {', '.join(names)} is needed")
        for key in given:
            if key not in names:
                raise ParameterError(f"{shown(key)} is none of {', '.join(names)}, which have a "
                                     f"{_MEANING[letter]}")
        found = []
        for name in names:
            if name not in given:
                found.append(zeros(f"{letter}{name}", call.shapes[name], self.dtype))
                continue
            label = f"{letter}{name}"
            array = readable(label, given[name], self.dtype)
            expect_shape(label, array.shape, self._outside(call, name), f"that of {name}")
            found.append(array.reshape(call.shapes[name]))
        return found

    # --- results ------------------------------------------------------------------------------

    def _outside(self, call: _Call, name: str) -> Shape:
        """The shape of an operand or output as the caller sees it."""
        shape = call.shapes[name]
        return shape[1:] if call.unbatched and name in self._batched else shape

    def _targets(self, call: _Call, out: Array | Sequence[Array]) -> list[Array]:
        names = self.source.outputs
        given = [out] if len(names) == 1 else list(out) if isinstance(out, tuple | list) else []
        if len(given) != len(names):
            raise ParameterError(f"out: a tuple of {len(names)} arrays is needed, "
                                 f"for {', '.join(names)}")
        targets = [writable(f"out for {name}", array, self._outside(call, name), self._types[name])
                   for name, array in zip(names, given, strict=True)]
        for place, target in enumerate(targets):
            if any(np.may_share_memory(target, other) for other in targets[:place]):
                raise ParameterError("out: the arrays of two outputs overlap; give separate ones")
        return targets

    def _empty(self, call: _Call, name: str) -> Array:
        return empty(name, call.shapes[name], self._types[name])

    def _gradients(self, call: _Call, group: Literal["vjp", "double"],
                   arguments: Sequence[Array], keys: Mapping[str, str],
                   wanted: Sequence[str]) -> dict[str, Array]:
        """{key: gradient} for the wanted keys; `keys` says of which tensor each has the shape."""
        name = "vjp" if group == "vjp" else "double_vjp"
        if not self._shared:
            return {key: self._run(call, group, f"{name}_{key}", arguments, (keys[key],))[0]
                    for key in wanted}
        results = {key: self._empty(call, keys[key]) for key in wanted}
        if wanted:
            self._perform(call, group, name, arguments, [results.get(key) for key in keys])
        return {key: result.reshape(self._outside(call, keys[key]))
                for key, result in results.items()}

    def _run(self, call: _Call, group: Group, pass_name: str, arguments: Sequence[Array],
             names: Sequence[str]) -> tuple[Array, ...]:
        """The results of a pass, which are shaped like the tensors of these names."""
        results = [self._empty(call, name) for name in names]
        self._perform(call, group, pass_name, arguments, results)
        return tuple(result.reshape(self._outside(call, name))
                     for name, result in zip(names, results, strict=True))

    def _perform(self, call: _Call, group: Group, pass_name: str, arguments: Sequence[Array],
                 results: Sequence[Array | None]) -> None:
        """Run a pass, with packed operands where it copies them."""
        backend = self._load(group)
        if call.packed:
            pass_name, arguments = packed_call(backend, pass_name, arguments, self._operands,
                                               self._packs, call.packed)
        backend.run(pass_name, arguments, results, call.values)


_MEANING = {"d": "cotangent", "t": "tangent", "v": "direction"}
