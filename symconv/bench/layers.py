"""What is measured: a convolution or a pooling of one shape, with its operands and its cost.

A case knows its parts (forward and gradients), random operands for them, the multiply-adds and
the bytes of each part, and how it is written in one line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.floating]

COLUMNS = 1 << 28
"""Elements of im2col that a candidate may have: 1 GiB in float32."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """The operands of a case; a pooling has no w."""

    x: Array
    w: Array | None
    dy: Array

    @property
    def weights(self) -> Array:
        """w of a case that has one."""
        assert self.w is not None
        return self.w

    def doubled(self) -> Arrays:
        """The same numbers in float64."""
        return Arrays(self.x.astype(np.float64),
                      None if self.w is None else self.w.astype(np.float64),
                      self.dy.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution without bias, `shape` (N,C,spatial), its window alike along all axes."""

    name: str
    shape: tuple[int, ...]
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    dtype: str = "float32"

    @property
    def parts(self) -> tuple[str, ...]:
        return ("forward", "grad_input", "grad_weight")

    @property
    def axes(self) -> int:
        return len(self.shape) - 2

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.outputs, self.shape[1] // self.groups, *(self.kernel,) * self.axes)

    @property
    def output_shape(self) -> tuple[int, ...]:
        reach = self.dilation * (self.kernel - 1) + 1
        return (self.shape[0], self.outputs, *(
            (size + 2 * self.padding - reach) // self.stride + 1 for size in self.shape[2:]))

    @property
    def columns(self) -> int:
        """The elements of im2col: what every output reads of every channel."""
        return math.prod((*self.shape[:2], *(self.kernel,) * self.axes, *self.output_shape[2:]))

    @property
    def text(self) -> str:
        given = ",".join(map(str, self.shape[:2])) + "," + "x".join(map(str, self.shape[2:]))
        return (f"{given} -> {self.outputs}, k{self.kernel} s{self.stride} p{self.padding} "
                f"d{self.dilation} g{self.groups}")

    def operations(self, part: str) -> float:
        """Additions and multiplications of the direct form, the same for all parts."""
        return 2.0 * math.prod(self.output_shape) * math.prod(self.weight_shape[1:])

    def transfer(self, part: str) -> float:
        """Bytes of all operands and results, each once."""
        count = sum(map(math.prod, (self.shape, self.weight_shape, self.output_shape)))
        return float(count) * np.dtype(self.dtype).itemsize

    def arrays(self) -> Arrays:
        rng = np.random.default_rng(0)
        x, w, dy = (rng.standard_normal(shape, dtype=np.dtype(self.dtype).type) for shape in (
            self.shape, self.weight_shape, self.output_shape))
        return Arrays(x, w, dy)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pooling of two axes; `kind` is "max" or "average"."""

    name: str
    kind: str
    shape: tuple[int, ...]
    kernel: int
    stride: int
    padding: int = 0
    dtype: str = "float32"

    @property
    def parts(self) -> tuple[str, ...]:
        return ("forward", "grad_input", *(("indices",) if self.kind == "max" else ()))

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (*self.shape[:2], *((size + 2 * self.padding - self.kernel) // self.stride + 1
                                   for size in self.shape[2:]))

    @property
    def text(self) -> str:
        given = ",".join(map(str, self.shape[:2])) + "," + "x".join(map(str, self.shape[2:]))
        return f"{given}, {self.kind} pooling, k{self.kernel} s{self.stride} p{self.padding}"

    def operations(self, part: str) -> float:
        """Poolings are bounded by memory."""
        return 0.0

    def transfer(self, part: str) -> float:
        """Bytes of operands and results: x and y, and for indices int64 places; a gradient of a
        maximum reads x as well."""
        size = np.dtype(self.dtype).itemsize
        x, y = math.prod(self.shape) * size, math.prod(self.output_shape) * size
        if part == "indices":
            return float(x + y + math.prod(self.output_shape) * 8)
        return float(x + y + (x if part == "grad_input" and self.kind == "max" else 0))

    def arrays(self) -> Arrays:
        rng = np.random.default_rng(0)
        x, dy = (rng.standard_normal(shape, dtype=np.dtype(self.dtype).type)
                 for shape in (self.shape, self.output_shape))
        return Arrays(x, None, dy)


Case: TypeAlias = Layer | Pool
