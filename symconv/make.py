"""From an operator to a kernel that runs: derive, emit, compile, load.

    build(op) -> Kernel;  on first use of a pass:  passes -> emission -> build -> backend
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from symconv.arrays import Array
from symconv.backends import Backend
from symconv.binding import Binding
from symconv.c_backend import CBackend
from symconv.emission import (
    DTYPES,
    TARGETS,
    Order,
    expect_fixed,
    one_of,
    ordered,
    sources,
    specialised,
)
from symconv.errors import DTypeError, ParameterError, expect
from symconv.ir import Program
from symconv.jobs import Group
from symconv.kernel import Kernel, Method
from symconv.libraries import compile_library, load_module
from symconv.numpy_backend import NumpyBackend
from symconv.operator import OpenRank, Operator, named, shape_of
from symconv.passes import (
    Pass,
    emitted_double,
    emitted_vjp,
    forward_passes,
    jvp_passes,
    shares,
)
from symconv.schedule import SCHEDULES
from symconv.transforming import ACCURACIES

_PASSES: Mapping[Group, Callable[[Program], tuple[Pass, ...]]] = {
    "forward": forward_passes, "vjp": emitted_vjp, "jvp": jvp_passes, "double": emitted_double}


def build(op: Operator, target: str = "c", dtype: str = "float32",
          shapes: Mapping[str, Sequence[int]] | None = None,
          schedule: str = "auto", *, accuracy: str = "default",
          pack: str | Sequence[str] = (),
          tuning: str | Path | None = None) -> Kernel | OpenKernel:
    """A kernel for the operator: target "c" (compiled) or "numpy", dtype "float32" or "float64".

    `shapes` (operand -> shape) specialises it; a shape that follows from the others may be left
    out. Without it sizes are read from the arrays of each call. `accuracy` "strict" keeps
    to direct sums where "default" may transform those of float32. `pack` names operands of a
    specialised kernel that `Kernel.pack` shall pack; `tuning` is a file of plans that
    `symconv tune` wrote. Passes are derived and compiled when they are first used. Raises
    ParameterError for a wrong target, dtype, schedule, accuracy, operand to pack or file and for
    parameters left symbolic, ShapeError for shapes that do not fit, BuildError where no compiler is
    found.
    """
    expect("op", op, Operator, "an operator; make one with symconv.ops or symconv.parse")
    one_of("target", target, TARGETS)
    one_of("dtype", dtype, DTYPES)
    if shapes is not None:
        shapes = {name: shape_of(name, shape)
                  for name, shape in named("shapes", shapes, "{\"x\": (1, 3, 8, 8)}").items()}
    if shapes is None and isinstance(op.source, OpenRank):
        one_of("schedule", schedule, SCHEDULES)
        one_of("accuracy", accuracy, ACCURACIES)
        expect_fixed(pack, fixed=False)
        if tuning is None:
            return OpenKernel(op, target, dtype)
    order = ordered(op, None, dtype, shapes, schedule, accuracy, pack, tuning)
    if shapes is not None:
        op = op.for_shapes(shapes)

    def load(group: Group) -> Backend:
        return _load(order, target, group)

    return Kernel(order.program, load, dtype, fixed=order.fixed,
                  batch_operands=(*op.batch_operands, *op.batch_outputs),
                  shared=shares(order.program), packs=order.packed)


class OpenKernel:
    """A kernel whose number of axes, and of operands, is read off the arrays of each call."""

    def __init__(self, op: Operator, target: str, dtype: str) -> None:
        self._op, self._target, self._dtype = op, target, dtype
        self._kernels: dict[tuple[int, int], Kernel] = {}

    def forward(self, /, *, out: Array | Sequence[Array] | None = None,
                **inputs: object) -> Array | tuple[Array, ...]:
        """See `Kernel.forward`."""
        return self._kernel(inputs).forward(out=out, **inputs)

    def vjp(self, /, dy: object, wrt: str | Iterable[str] | None = None,
            **inputs: object) -> dict[str, Array]:
        """See `Kernel.vjp`."""
        return self._kernel(inputs).vjp(dy, wrt, **inputs)

    def jvp(self, tangents: Mapping[str, object], /,
            **inputs: object) -> Array | tuple[Array, ...]:
        """See `Kernel.jvp`."""
        return self._kernel(inputs).jvp(tangents, **inputs)

    def double_vjp(self, v: Mapping[str, object], /, dy: object,
                   **inputs: object) -> dict[str, Array]:
        """See `Kernel.double_vjp`."""
        return self._kernel(inputs).double_vjp(v, dy, **inputs)

    def bind(self, method: Method, /, *arguments: Any, **named: Any) -> Binding[Any]:
        """See `Kernel.bind`."""
        operands = {name: array for name, array in named.items() if name in self._op.inputs}
        return self._kernel(operands).bind(method, *arguments, **named)

    def _kernel(self, inputs: Mapping[str, object]) -> Kernel:
        import numpy as np

        for name in self._op.inputs:
            if name not in inputs:
                raise ParameterError(f"{self._op.name}: operand {name} is missing; give "
                                     f"{', '.join(self._op.inputs)}")
        try:
            shapes = {name: np.asarray(given).shape for name, given in inputs.items()}
        except (TypeError, ValueError, RuntimeError) as error:
            raise DTypeError(f"{self._op.name}: the operands must be arrays ({error})") from None
        ready = self._op.for_shapes(shapes)
        key = (len(ready.inputs), len(shapes[ready.inputs[0]]))
        if key not in self._kernels:
            made = build(ready, self._target, self._dtype)
            if isinstance(made, OpenKernel):
                raise ParameterError(f"{self._op.name}: the number of axes is still open")
            self._kernels[key] = made
        return self._kernels[key]


def _load(order: Order, target: str, group: Group) -> Backend:
    passes = specialised(_PASSES[group](order.program), order.fixed)
    files = sources(target, order, passes)
    if target == "numpy":
        return NumpyBackend(load_module(files[f"{order.name}.py"]))
    free = [size.name for size in order.program.sizes if size.value is None]
    return CBackend(compile_library(files), order.name, free if order.fixed is None else ())
