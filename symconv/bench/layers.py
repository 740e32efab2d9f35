"""Convolution layers to measure, and how the kernels and PyTorch run them.

One thread, contiguous arrays in N, C, spatial order, forward and both gradients. Every timed
result is compared with one in float64, and the largest error stands in the table, relative to
the largest absolute value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from symconv.bench.timing import interleaved
from symconv.errors import ParameterError

Array = npt.NDArray[np.float32]
PASSES = ("forward", "grad_input", "grad_weight")


@dataclass(frozen=True, slots=True)
class Layer:
    """`name`: N,C,spatial -> outputs, kernel, stride, padding, dilation, groups."""

    name: str
    shape: tuple[int, ...]
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One pass of one layer: medians in seconds by candidate, and relative errors."""

    layer: Layer
    part: str
    seconds: dict[str, float]
    errors: dict[str, float]


PEERS = (
    Layer("a", (1, 3, 224, 224), 64, 7, 2, 3),
    Layer("b", (1, 64, 56, 56), 64, 3, 1, 1),
    Layer("c", (1, 128, 28, 28), 128, 3, 1, 1),
    Layer("d", (1, 256, 14, 14), 256, 3, 1, 1),
    Layer("e", (1, 512, 7, 7), 512, 3, 1, 1),
    Layer("f", (1, 128, 56, 56), 128, 3, 2, 1),
    Layer("g1", (1, 256, 56, 56), 64, 1),
    Layer("g2", (1, 1024, 14, 14), 256, 1),
    Layer("h1", (1, 96, 56, 56), 96, 3, 1, 1, 1, 96),
    Layer("h2", (1, 96, 56, 56), 96, 3, 2, 1, 1, 96),
    Layer("i1", (64, 1, 28, 28), 6, 5, 1, 2),
    Layer("i2", (64, 6, 14, 14), 16, 5),
    Layer("j", (1, 64, 56, 56), 64, 3, 1, 2, 2),
    Layer("k", (1, 1, 8, 8), 1, 3),
    Layer("l", (8, 64, 16000), 64, 9, 1, 4),
    Layer("m", (1, 16, 16, 56, 56), 32, 3, 1, 1),
)


def layer_named(name: str) -> Layer:
    for layer in PEERS:
        if layer.name == name:
            return layer
    raise ParameterError(f"layer {name!r}: choose among {', '.join(known.name for known in PEERS)}")


def measure(layer: Layer, against: tuple[str, ...], seconds: float = 1.0) -> Iterator[Row]:
    """The rows of one layer: symconv's fixed-shape C kernel beside each candidate."""
    rng = np.random.default_rng(0)
    x, w = _operands(layer, rng)
    dy = rng.standard_normal(_output_shape(layer), dtype=np.float32)
    for part in PASSES:
        runs = {"symconv": _symconv(layer, part, x, w, dy)}
        for name in against:
            if name != "torch":
                raise ParameterError(f"against {name!r}: choose among torch")
            runs[name] = _torch(layer, part, x, w, dy)
        exact = _torch(layer, part, *(a.astype(np.float64) for a in (x, w, dy)))() \
            if "torch" in against else None
        errors = {}
        if exact is not None:
            scale = float(np.abs(np.asarray(exact)).max())
            errors = {name: float(np.abs(np.asarray(run()) - np.asarray(exact)).max()) / scale
                      for name, run in runs.items()}
        yield Row(layer, part, interleaved(runs, seconds), errors)


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _operands(layer: Layer, rng: np.random.Generator) -> tuple[Array, Array]:
    weights = (layer.outputs, layer.shape[1] // layer.groups,
               *(layer.kernel,) * (len(layer.shape) - 2))
    return (rng.standard_normal(layer.shape, dtype=np.float32),
            rng.standard_normal(weights, dtype=np.float32))


def _output_shape(layer: Layer) -> tuple[int, ...]:
    reach = layer.dilation * (layer.kernel - 1) + 1
    return (layer.shape[0], layer.outputs,
            *((size + 2 * layer.padding - reach) // layer.stride + 1 for size in layer.shape[2:]))


def _symconv(layer: Layer, part: str, x: Array, w: Array, dy: Array) -> Callable[[], object]:
    from symconv import operators
    from symconv.make import build

    conv = (operators.conv1d, operators.conv2d, operators.conv3d)[len(layer.shape) - 3]
    op = conv(stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
              groups=layer.groups, bias=False)
    kernel = build(op, shapes={"x": x.shape, "w": w.shape})
    if part == "forward":
        out = np.empty_like(dy)
        return lambda: kernel.forward(out=out, x=x, w=w)
    operand = "x" if part == "grad_input" else "w"
    return lambda: kernel.vjp(dy, operand, x=x, w=w)[operand]


def _torch(layer: Layer, part: str, *arrays: npt.NDArray[np.floating]) -> Callable[[], object]:
    try:
        import torch
    except ImportError:
        raise ParameterError("--against torch needs PyTorch: pip install torch") from None
    torch.set_num_threads(1)
    x, w, dy = (torch.from_numpy(array) for array in arrays)
    axes = len(layer.shape) - 2
    settings = ([layer.stride] * axes, [layer.padding] * axes, [layer.dilation] * axes)
    if part == "forward":
        conv = getattr(torch.nn.functional, f"conv{axes}d")
        return lambda: conv(x, w, None, *settings, layer.groups).numpy()
    mask = [part == "grad_input", part == "grad_weight", False]

    def backward() -> object:
        found = torch.ops.aten.convolution_backward(
            dy, x, w, None, *settings, False, [0] * axes, layer.groups, mask)
        return found[0 if mask[0] else 1].numpy()

    return backward
