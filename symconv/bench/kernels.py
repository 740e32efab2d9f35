"""The kernels under test: a case as an operator for fixed shapes, and the calls to time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from symconv.bench.layers import Array, Arrays, Case, Layer
from symconv.jobs import Group
from symconv.kernel import Kernel
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


@dataclass(frozen=True, slots=True)
class Compilation:
    """A group of passes that has to be compiled before calls of a case can be timed."""

    case: Case
    kernel: Kernel
    group: Group


def compilations(cases: Sequence[Case]) -> list[Compilation]:
    """What `kernel_calls` runs in C for these cases, each once."""
    return list(dict.fromkeys(
        Compilation(case, _built(case, part == "indices", "c", pack), _group(part))
        for case in cases for part in case.parts
        for pack in (((), "w") if packs(case, part) else ((),))))


def compiled(wanted: Sequence[Compilation]) -> Iterator[Compilation]:
    """Compile on all processors; gives what is done."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        done = pool.map(lambda one: one.kernel.prepare(one.group), wanted)
        for one, _ in zip(wanted, done, strict=True):
            yield one
    finally:
        pool.shutdown(cancel_futures=True)


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
