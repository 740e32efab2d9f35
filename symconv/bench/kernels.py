"""The kernels under test: a case as an operator for fixed shapes, and the calls to time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symconv.bench.layers import Array, Arrays, Case, Layer
from symconv.operator import Operator


def operator(case: Case, indices: bool = False) -> Operator:
    """The operator of a case; with `indices` a maximum tells its places as well."""
    from symconv import operators

    if isinstance(case, Layer):
        make = (operators.conv1d, operators.conv2d, operators.conv3d)[case.axes - 1]
        made: Operator = make(stride=case.stride, padding=case.padding, dilation=case.dilation,
                              groups=case.groups, bias=False)
    elif case.kind == "max":
        made = operators.max_pool2d(case.kernel, case.stride, case.padding,
                                    return_indices=indices)
    else:
        made = operators.avg_pool2d(case.kernel, case.stride, case.padding)
    return made


def shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """The shapes of the operands."""
    return {"x": case.shape} | ({"w": case.weight_shape} if isinstance(case, Layer) else {})


def kernel_calls(case: Case, part: str, arrays: Arrays, target: str) -> Callable[[], object]:
    """The call that computes a part; forward writes to an array that is there."""
    from symconv.make import build

    kernel = build(operator(case, part == "indices"), target, case.dtype, shapes(case))
    operands = {"x": arrays.x} | ({} if arrays.w is None else {"w": arrays.w})
    if part == "forward" and target == "c":
        out = np.empty_like(arrays.dy)
        return lambda: kernel.forward(out=out, **operands)
    if part in ("forward", "indices"):
        return lambda: kernel.forward(**operands)
    name = "x" if part == "grad_input" else "w"
    return lambda: kernel.vjp(arrays.dy, wrt=(name,), **operands)[name]


def packed_calls(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    """The call that takes w packed, where the pass copies it otherwise."""
    from symconv.make import OpenKernel, build

    if arrays.w is None or part not in ("forward", "grad_input"):
        return {}
    kernel = build(operator(case), "c", case.dtype, shapes(case), pack="w")
    if isinstance(kernel, OpenKernel):
        return {}
    packed, out = kernel.pack(w=arrays.w), np.empty_like(arrays.dy)

    def run() -> object:
        if part == "forward":
            return kernel.forward(out=out, x=arrays.x, w=packed)
        return kernel.vjp(arrays.dy, wrt=("x",), x=arrays.x, w=packed)["x"]

    run()
    return {"symconv packed": run} if packed.passes else {}


def settled(result: object) -> Array:
    """The values of what a kernel gave, without indices."""
    return np.asarray(result[0] if isinstance(result, tuple) else result)
