"""Networks as lists of layers, and what each layer makes: shapes, parameters, multiply-adds.

Shapes and counts come from the engine's operators. `by_hand` computes the same from the usual
formulas, for checks to hold one against the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from symconv import ops
from symconv.notes.counting import Count, counted
from symconv.operator import Operator

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. `kind` is conv, up (transposed), max, avg, mean (over the picture) or dense;
    `outputs` are its channels or units, where it has weights."""

    name: str
    kind: str
    outputs: int = 0
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    ceil: bool = False
    bias: bool = True

    def operator(self) -> Operator:
        """The operator of the catalogue."""
        match self.kind:
            case "conv":
                return ops.conv2d(self.stride, self.padding, groups=self.groups, bias=self.bias)
            case "up":
                return ops.conv_transpose2d(self.stride, self.padding, bias=self.bias)
            case "max":
                return ops.max_pool2d(self.kernel, self.stride, self.padding, ceil_mode=self.ceil)
            case "avg":
                return ops.avg_pool2d(self.kernel, self.stride, self.padding)
            case "mean":
                return ops.global_avg_pool()
        return ops.linear()

    def weights(self, shape: Shape) -> Shape:
        """The shape of the weights for an input; empty where there are none."""
        square = (self.kernel, self.kernel)
        match self.kind:
            case "conv":
                return (self.outputs, shape[1] // self.groups, *square)
            case "up":
                return (shape[1], self.outputs, *square)
            case "dense":
                return (self.outputs, math.prod(shape[1:]))
        return ()


@dataclass(frozen=True, slots=True)
class Row:
    """A layer with its count, the receptive field of an element and the distance in the input
    between neighbours (0 where an element sees the whole picture)."""

    layer: Layer
    count: Count
    field: int
    jump: int


def count(layer: Layer, shape: Shape) -> Count:
    """What a layer makes of an input, by the engine. A dense layer flattens its input."""
    given = (shape[0], math.prod(shape[1:])) if layer.kind == "dense" else shape
    shapes = {"x": given}
    if weights := layer.weights(shape):
        shapes["w"] = weights
        if layer.bias:
            shapes["b"] = (layer.outputs,)
    return counted(layer.operator(), **shapes)


def walk(layers: Sequence[Layer], shape: Shape, field: int = 1, jump: int = 1) -> list[Row]:
    """The layers in turn, on an input whose elements see `field` inputs at distances of `jump`."""
    rows = []
    for layer in layers:
        found = count(layer, shape)
        if layer.kind in ("mean", "dense"):
            field = jump = 0
        elif layer.kind != "up" and jump:
            field += (layer.kernel - 1) * jump
            jump *= layer.stride
        rows.append(Row(layer, found, field, jump))
        shape = found.shape
    return rows


def total(rows: Sequence[Row]) -> tuple[int, int]:
    """Parameters and multiply-adds."""
    return (sum(row.count.parameters for row in rows), sum(row.count.operations for row in rows))


def by_hand(layers: Sequence[Layer], shape: Shape) -> list[Count]:
    """The same counts from the formulas for one axis, for square pictures."""
    _, channels, *plane = shape
    size = plane[0] if plane else 1
    found = []
    for layer in layers:
        k, s, p = layer.kernel, layer.stride, layer.padding
        extra = layer.outputs if layer.bias else 0
        match layer.kind:
            case "conv":
                size = (size + 2 * p - k) // s + 1
                weights = k * k * (channels // layer.groups) * layer.outputs
                made = Count((1, layer.outputs, size, size), weights + extra,
                             weights * size * size)
            case "up":
                weights = k * k * channels * layer.outputs
                made = Count((1, layer.outputs, s * (size - 1) + k - 2 * p,
                              s * (size - 1) + k - 2 * p), weights + extra, weights * size * size)
                size = s * (size - 1) + k - 2 * p
            case "dense":
                inputs = channels * size * size
                made = Count((1, layer.outputs), inputs * layer.outputs + extra,
                             inputs * layer.outputs)
                size = 1
            case "mean":
                size = 1
                made = Count((1, channels, 1, 1), 0, 0)
            case _:
                room = size + 2 * p - k
                size = (-(-room // s) if layer.ceil else room // s) + 1
                made = Count((1, channels, size, size), 0, 0)
        channels = layer.outputs or channels
        found.append(made)
    return found


def conv(name: str, outputs: int, kernel: int, stride: int = 1, padding: int = 0,
         groups: int = 1, bias: bool = True) -> Layer:
    """A convolution."""
    return Layer(name, "conv", outputs, kernel, stride, padding, groups, bias=bias)


def pool(name: str, kernel: int, stride: int, kind: str = "max", ceil: bool = False,
         padding: int = 0) -> Layer:
    """A pooling layer."""
    return Layer(name, kind, 0, kernel, stride, padding, ceil=ceil)


def dense(name: str, outputs: int) -> Layer:
    """A fully connected layer."""
    return Layer(name, "dense", outputs)


LENET = (conv("c1", 6, 5, padding=2), pool("s2", 2, 2, "avg"), conv("c3", 16, 5),
         pool("s4", 2, 2, "avg"), dense("f5", 120), dense("f6", 84), dense("f7", 10))
ALEXNET = (conv("c1", 96, 11, 4), pool("p1", 3, 2), conv("c2", 256, 5, 1, 2, groups=2),
           pool("p2", 3, 2), conv("c3", 384, 3, 1, 1), conv("c4", 384, 3, 1, 1, groups=2),
           conv("c5", 256, 3, 1, 1, groups=2), pool("p5", 3, 2), dense("f6", 4096),
           dense("f7", 4096), dense("f8", 1000))
_VGG = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
VGG16 = (*(layer for stage, (channels, times) in enumerate(_VGG, 1)
           for layer in (*(conv(f"c{stage}.{number}", channels, 3, 1, 1)
                           for number in range(1, times + 1)), pool(f"p{stage}", 2, 2))),
         dense("f6", 4096), dense("f7", 4096), dense("f8", 1000))
NIN = (conv("c1", 96, 11, 4), conv("m1.1", 96, 1), conv("m1.2", 96, 1), pool("p1", 3, 2),
       conv("c2", 256, 5, 1, 2), conv("m2.1", 256, 1), conv("m2.2", 256, 1), pool("p2", 3, 2),
       conv("c3", 384, 3, 1, 1), conv("m3.1", 384, 1), conv("m3.2", 384, 1), pool("p3", 3, 2),
       conv("c4", 1024, 3, 1, 1), conv("m4.1", 1024, 1), conv("m4.2", 1000, 1),
       Layer("g", "mean"))
# name, 1x1, 3x3 reduced and full, 5x5 reduced and full, after pooling; and the size of the picture
INCEPTION = (("3a", 192, 28, 64, 96, 128, 16, 32, 32), ("3b", 256, 28, 128, 128, 192, 32, 96, 64),
             ("4a", 480, 14, 192, 96, 208, 16, 48, 64), ("4b", 512, 14, 160, 112, 224, 24, 64, 64),
             ("4c", 512, 14, 128, 128, 256, 24, 64, 64), ("4d", 512, 14, 112, 144, 288, 32, 64, 64),
             ("4e", 528, 14, 256, 160, 320, 32, 128, 128),
             ("5a", 832, 7, 256, 160, 320, 32, 128, 128),
             ("5b", 832, 7, 384, 192, 384, 48, 128, 128))


def branches(one: int, three: int, wide: int, five: int, broad: int,
             pooled: int) -> tuple[tuple[Layer, ...], ...]:
    """The four branches of an Inception module."""
    return ((conv("1x1", one, 1),),
            (conv("1x1", three, 1), conv("3x3", wide, 3, 1, 1)),
            (conv("1x1", five, 1), conv("5x5", broad, 5, 1, 2)),
            (pool("max", 3, 1, padding=1), conv("1x1", pooled, 1)))


STEM = (conv("c1", 64, 7, 2, 3), pool("p1", 3, 2, ceil=True), conv("m2", 64, 1),
        conv("c2", 192, 3, 1, 1), pool("p2", 3, 2, ceil=True))
