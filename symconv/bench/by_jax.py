"""JAX (XLA) on the processor, one thread, compiled before it is timed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = (os.environ.get("XLA_FLAGS", "")
                           + " --xla_cpu_multi_thread_eigen=false"
                           " intra_op_parallelism_threads=1")

import jax
import numpy as np

from symconv.bench.layers import Array, Arrays, Case, Layer, Pool

jax.config.update("jax_enable_x64", True)


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    if part == "indices":
        return {}
    x, dy = jax.numpy.asarray(arrays.x), jax.numpy.asarray(arrays.dy)
    if isinstance(case, Pool):
        pool = _pool(case)
        if part == "forward":
            return {"jax": _ready(jax.jit(pool), x)}
        return {"jax": _ready(jax.jit(lambda v, g: jax.vjp(pool, v)[1](g)[0]), x, dy)}
    w = jax.numpy.asarray(arrays.weights)

    def convolution(value: Any, weights: Any) -> Any:
        return _convolution(case, value, weights)

    if part == "forward":
        return {"jax": _ready(jax.jit(convolution), x, w)}
    if part == "grad_input":
        return {"jax": _ready(jax.jit(
            lambda k, g: jax.linear_transpose(lambda v: convolution(v, k), x)(g)[0]), w, dy)}
    return {"jax": _ready(jax.jit(
        lambda v, g: jax.linear_transpose(lambda k: convolution(v, k), w)(g)[0]), x, dy)}


def settled(result: object) -> Array:
    return np.asarray(result)


def _ready(function: Any, *arguments: Any) -> Callable[[], object]:
    return lambda: function(*arguments).block_until_ready()


def _convolution(case: Layer, x: Any, w: Any) -> Any:
    return jax.lax.conv_general_dilated(
        x, w, (case.stride,) * case.axes, ((case.padding,) * 2,) * case.axes,
        rhs_dilation=(case.dilation,) * case.axes, feature_group_count=case.groups)


def _pool(case: Pool) -> Callable[[Any], Any]:
    window, strides = (1, 1, case.kernel, case.kernel), (1, 1, case.stride, case.stride)
    sides = ((0, 0), (0, 0), (case.padding,) * 2, (case.padding,) * 2)

    def maximum(x: Any) -> Any:
        return jax.lax.reduce_window(x, -np.inf, jax.lax.max, window, strides, sides)

    def average(x: Any) -> Any:
        summed = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, strides, sides)
        return summed / case.kernel ** 2

    return maximum if case.kind == "max" else average
