"""Receptive fields: which inputs an element depends on through several layers.

The field is found by following the relation of every layer backwards; nothing is computed from
the formula for its size, which a check may hold against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.notes.pictures.axis import Window
from symconv.notes.pictures.canvas import Drawing, Label, Line, Rect, Role, Shape

_CELL, _DROP = 26.0, 72.0


@dataclass(frozen=True, slots=True)
class Layer:
    """A window of one axis in a stack."""

    name: str
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def window(self, size: int) -> Window:
        """The window for an input of that size."""
        return Window(size, self.kernel, self.stride, self.dilation, self.padding)


def sizes(layers: Sequence[Layer], size: int) -> tuple[int, ...]:
    """The extents from the input to the last output."""
    found = [size]
    for layer in layers:
        found.append(layer.window(found[-1]).outputs())
    return tuple(found)


def fields(layers: Sequence[Layer], size: int, chosen: int) -> tuple[tuple[int, ...], ...]:
    """The elements of every level that the chosen element of the last level depends on."""
    extents = sizes(layers, size)
    found: list[tuple[int, ...]] = [(chosen,)]
    for layer, extent in zip(reversed(layers), reversed(extents[:-1]), strict=True):
        links = layer.window(extent).links()
        found.append(tuple(sorted({source for output, source, _ in links if output in found[-1]})))
    return tuple(reversed(found))


def width(layers: Sequence[Layer]) -> int:
    """The size of the receptive field away from the border: 1 + sum of (k-1) d times strides."""
    total, jump = 1, 1
    for layer in layers:
        total += (layer.kernel - 1) * layer.dilation * jump
        jump *= layer.stride
    return total


def stack(layers: Sequence[Layer], size: int, chosen: int | None = None) -> Drawing:
    """The levels below each other, input first, with the field of one last element in colour."""
    extents = sizes(layers, size)
    element = extents[-1] // 2 if chosen is None else chosen
    active = fields(layers, size, element)
    centres = [[float(place) for place in range(size)]]
    shapes: list[Shape] = []
    left, top = 118.0, 12.0
    for level, layer in enumerate(layers):
        window = layer.window(extents[level])
        links, above = window.links(), centres[-1]
        spread = above[1] - above[0] if len(above) > 1 else 1.0
        middle = layer.dilation * (layer.kernel - 1) / 2 - layer.padding
        here = [above[0] + spread * (place * layer.stride + middle)
                for place in range(extents[level + 1])]
        for live in (False, True):
            for output, source, _ in links:
                if (output in active[level + 1]) is live:
                    shapes.append(Line(
                        left + (above[source] + .5) * _CELL, top + level * _DROP + _CELL,
                        left + (here[output] + .5) * _CELL, top + (level + 1) * _DROP,
                        "kernel" if live else "faint", 1.4 if live else 0.8))
        centres.append(here)
    for level, places in enumerate(centres):
        name = "x" if level == 0 else layers[level - 1].name
        shapes.append(Label(8, top + level * _DROP + 18, name, 13, "start"))
        role: Role = "input" if level == 0 else "output"
        soft: Role = "input-soft" if level == 0 else "output-soft"
        for place, centre in enumerate(places):
            live = place in active[level]
            shapes.append(Rect(left + centre * _CELL + 2, top + level * _DROP, _CELL - 4, _CELL,
                               soft if live else "paper", role, 1.8 if live else 0.9, 3))
        shapes.append(Label(left + size * _CELL + 12, top + level * _DROP + 18,
                            str(len(active[level])), 13, "start", "kernel"))
    return Drawing(left + size * _CELL + 44, top + len(layers) * _DROP + _CELL + 10,
                   tuple(shapes))
