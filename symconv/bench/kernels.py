"""The kernels under test: a case as an operator for fixed shapes, and the calls to time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from symconv.bench.layers import Array, Arrays, Case, Layer
from symconv.kernel import Group, Kernel
from symconv.operator import Operator

Run: TypeAlias = Callable[[], object]


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


def packs(case: Case, part: str) -> bool:
    """Whether a pass reads w."""
    return isinstance(case, Layer) and part != "grad_weight"


def kernel_calls(case: Case, part: str, arrays: Arrays, target: str) -> dict[str, Run]:
    """The calls that compute a part, by the name of the candidate.

    `symconv` and `symconv numpy` are what a user writes, k.forward(x=x, w=w) or k.vjp(dy, wrt=...,
    x=x, w=w); `symconv bound` is the same call of C bound to its arrays, and `symconv packed` is
    given w packed, where the pass copies it otherwise.
    """
    operands = {"x": arrays.x} | ({} if arrays.w is None else {"w": arrays.w})
    kernel = _built(case, part == "indices", target)
    plain = _call(kernel, part, arrays.dy, operands)
    if target != "c":
        return {"symconv numpy": plain}
    calls = {"symconv": plain, "symconv bound": _call(kernel, part, arrays.dy, operands, True)}
    if packs(case, part):
        kernel = _built(case, False, target, "w")
        packed = kernel.pack(w=arrays.w)
        call = _call(kernel, part, arrays.dy, operands | {"w": packed})
        call()
        if packed.passes:
            calls["symconv packed"] = call
    return calls


def compiled(cases: Sequence[Case]) -> Iterator[Case]:
    """Compile the kernels of all cases, on all processors; gives each case that is done."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        for case, _ in zip(cases, pool.map(_compile, cases), strict=True):
            yield case
    finally:
        pool.shutdown(cancel_futures=True)


def _compile(case: Case) -> None:
    for part in case.parts:
        _built(case, part == "indices", "c").prepare(_group(part))
        if packs(case, part):
            _built(case, False, "c", "w").prepare(_group(part))


@cache
def _built(case: Case, indices: bool, target: str, pack: str | tuple[()] = ()) -> Kernel:
    from symconv.make import build

    kernel = build(operator(case, indices), target, case.dtype, shapes(case), pack=pack)
    assert isinstance(kernel, Kernel)
    return kernel


def _group(part: str) -> Group:
    return "forward" if part in ("forward", "indices") else "vjp"


def _call(kernel: Kernel, part: str, dy: Array, operands: Mapping[str, Any],
          is_bound: bool = False) -> Run:
    if _group(part) == "forward":
        return (kernel.bind("forward", **operands) if is_bound
                else lambda: kernel.forward(**operands))
    wrt = "x" if part == "grad_input" else "w"
    return (kernel.bind("vjp", dy, wrt, **operands) if is_bound
            else lambda: kernel.vjp(dy, wrt, **operands))


def settled(result: object) -> Array:
    """The values of what a kernel gave: without indices, and the one gradient that was asked for.
    """
    match result:
        case tuple():
            return np.asarray(result[0])
        case dict():
            (gradient,) = result.values()
            return np.asarray(gradient)
        case _:
            return np.asarray(result)
