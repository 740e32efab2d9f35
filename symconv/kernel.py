"""A built operator: forward, gradients, tangents and double backward on NumPy arrays.

Everything about the arguments is checked here, before any compiled code runs; a `Backend` only
ever sees arrays that fit. The passes are those of `passes.py`; a group of them is loaded (derived,
emitted, compiled) when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np

from symconv.arrays import Array, DType
from symconv.backends import Backend
from symconv.binding import Binding, Job, bound, done, expect_own_memory
from symconv.errors import ParameterError, shown
from symconv.fitting import Operands
from symconv.ir import Program
from symconv.jobs import Group, Jobs
from symconv.packed import PackedOperand
from symconv.shortcut import shortcut

Method: TypeAlias = Literal["forward", "vjp", "jvp", "double_vjp"]

# what each takes before its operands
_LEADING: Mapping[Method, tuple[str, ...]] = {
    "forward": (), "vjp": ("dy", "wrt"), "jvp": ("tangents",), "double_vjp": ("v", "dy")}
_RESERVED = ("out", "dy", "wrt")
_FORWARD = object()     # the key of a short way, which no `wrt` is


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
        self._packs = tuple(packs)
        self._operands = Operands(source, self.dtype, dict(fixed) if fixed is not None else None,
                                  frozenset(batch_operands), packs)
        self._jobs = Jobs(source, self._load, self.dtype, self._operands, shared, packs)

    def forward(self, /, *, out: Array | Sequence[Array] | None = None,
                **inputs: object) -> Array | tuple[Array, ...]:
        """The outputs, a tuple where there are several. With `out` they are written there.

        `out` may have any strides and overlap the operands.
        """
        if out is not None:
            written: Array | tuple[Array, ...] = done(self._jobs.forward(inputs, out))
            return written
        result: Array | tuple[Array, ...] | None = None
        way = self._operands.last.shortcuts.get(_FORWARD)
        if way is not None:
            result = way.run(inputs)
        return self._learned(_FORWARD, self._jobs.forward(inputs)) if result is None else result

    def vjp(self, /, dy: object, wrt: str | Iterable[str] | None = None,
            **inputs: object) -> dict[str, Array]:
        """{operand: gradient of <dy, output>} for every real operand, or for those of `wrt`.

        Where there are several real outputs, `dy` is a dict by output; missing ones are zero.
        """
        result: dict[str, Array] | None = None
        key = tuple(wrt) if type(wrt) is list else wrt
        try:
            way = self._operands.last.shortcuts.get(key)
        except (TypeError, ValueError):                 # what has no hash: no names, or a set
            way = None
        if way is not None:
            result = way.run({"dy": dy, **inputs})
        return self._learned(key, self._jobs.vjp(inputs, dy, wrt)) if result is None else result

    def jvp(self, tangents: Mapping[str, object], /,
            **inputs: object) -> Array | tuple[Array, ...]:
        """The derivative along {operand: tangent}, in the order of the real outputs."""
        result: Array | tuple[Array, ...] = done(self._jobs.jvp(inputs, tangents))
        return result

    def double_vjp(self, v: Mapping[str, object], /, dy: object,
                   **inputs: object) -> dict[str, Array]:
        """The gradients of sum_i <vjp_i, v_i>: for "dy" (`d<output>`) and every real operand."""
        result: dict[str, Array] = done(self._jobs.double_vjp(inputs, v, dy))
        return result

    def bind(self, method: Method, /, *arguments: Any, **named: Any) -> Binding[Any]:
        """A call of a method with these arguments, checked now and run as often as it is called.

        For loops that have no time to spare: `call = kernel.bind("forward", x=x, w=w)` holds x, w
        and the result, and `call()` is `kernel.forward(x=x, w=w)` of what x and w hold by then,
        written to `call.result`, the same array each time. Change the operands in place; they
        must be contiguous and aligned.
        """
        if method not in _LEADING:
            raise ParameterError(f"bind: {shown(method)} given, a method is needed: "
                                 f"{', '.join(_LEADING)}")
        options = {name: named[name] for name in _RESERVED if name in named}
        inputs = {name: array for name, array in named.items() if name not in options}
        leading = zip(_LEADING[method], arguments, strict=False)
        expect_own_memory(given for given in (*leading, *named.items())
                          if given[0] not in ("out", "wrt"))
        match method:
            case "forward":
                return bound(self._jobs.forward(inputs, *arguments, **options))
            case "vjp":
                return bound(self._jobs.vjp(inputs, *arguments, **options))
            case "jvp":
                return bound(self._jobs.jvp(inputs, *arguments, **options))
            case "double_vjp":
                return bound(self._jobs.double_vjp(inputs, *arguments, **options))

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
        return self._operands.pack(name, given)

    def prepare(self, *groups: Group) -> None:
        """Load groups of passes now rather than when they are first used."""
        for group in groups:
            self._load(group)

    def _learned(self, key: object, job: Job) -> Any:
        """The result of a job, which is run; calls like it have a short way from then on.

        The keys are _FORWARD and, for gradients, `wrt` where it is one of few.
        """
        call, passes, result = job
        done(job)
        ways, takes = call.fit.shortcuts, call.fit.direct
        few = key is None or key is _FORWARD or type(key) is str or (
            type(key) is tuple and key == tuple(result))
        if few and key not in ways and not call.packed:
            if key is not _FORWARD:
                takes = (("dy", self.dtype, call.fit.shapes[self._jobs.real_outputs[0]]), *takes)
            ways[key] = shortcut(takes, result, passes)
        return result
