"""PyTorch in both of its layouts: N,C,spatial contiguous, and channels_last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from symconv.bench.layers import Array, Arrays, Case, Layer, Pool

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def prepare(case: Case, part: str, arrays: Arrays) -> dict[str, Callable[[], object]]:
    """One call for each layout; channels_last exists for two and three axes."""
    given = [torch.from_numpy(array) for array in (arrays.x, arrays.dy)]
    weights = None if arrays.w is None else torch.from_numpy(arrays.w)
    layouts = {"torch": torch.contiguous_format, "torch channels_last": {
        4: torch.channels_last, 5: torch.channels_last_3d}.get(arrays.x.ndim)}
    runs: dict[str, Callable[[], object]] = {}
    for name, layout in layouts.items():
        if layout is None:
            continue
        x, dy = (tensor.to(memory_format=layout) for tensor in given)
        w = None if weights is None else weights.to(memory_format=layout)
        runs[name] = (_layer(case, part, x, w, dy) if isinstance(case, Layer)
                      else _pool(case, part, x, dy))
    return runs


def settled(result: object) -> Array:
    """The values, without indices."""
    tensor: Any = result[0] if isinstance(result, tuple) else result
    return np.ascontiguousarray(tensor.numpy())


def _layer(case: Layer, part: str, x: Any, w: Any, dy: Any) -> Callable[[], object]:
    axes = case.axes
    settings = ([case.stride] * axes, [case.padding] * axes, [case.dilation] * axes)
    if part == "forward":
        convolution = getattr(torch.nn.functional, f"conv{axes}d")
        return lambda: convolution(x, w, None, *settings, case.groups)
    mask = [part == "grad_input", part == "grad_weight", False]
    backward = torch.ops.aten.convolution_backward.default
    return lambda: backward(dy, x, w, None, *settings, False, [0] * axes, case.groups,
                            mask)[0 if mask[0] else 1]


def _pool(case: Pool, part: str, x: Any, dy: Any) -> Callable[[], object]:
    window = ([case.kernel] * 2, [case.stride] * 2, [case.padding] * 2)
    if case.kind == "average":
        if part == "forward":
            return lambda: torch.nn.functional.avg_pool2d(x, *window)
        backward = torch.ops.aten.avg_pool2d_backward.default
        return lambda: backward(dy, x, *window, False, True, None)
    if part != "grad_input":
        pool: Any = torch.nn.functional.max_pool2d
        return lambda: pool(x, *window, return_indices=part == "indices")
    places = torch.nn.functional.max_pool2d_with_indices(x, *window)[1]
    scatter = torch.ops.aten.max_pool2d_with_indices_backward.default
    return lambda: scatter(dy, x, *window, [1, 1], False, places)
