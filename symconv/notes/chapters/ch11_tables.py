"""Lines of the tables of chapter 11: a layer, its output, what it costs and what it sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symconv.notes.model import Words
from symconv.notes.numbers import integer

if TYPE_CHECKING:
    from symconv.notes.networks import Layer, Row

HEADER = (Words("layer", "层"), Words("output", "输出"), Words("parameters", "参数"),
          Words("multiply-adds", "乘加次数"), Words("field", "感受野"))


def line(row: Row) -> tuple[Words | str, ...]:
    """A layer: name, output, parameters, multiply-adds, receptive field."""
    return (named(row), shape(row.count.shape),
            *amounts(row.count.parameters, row.count.operations, row.field))


def total_line(rows: Sequence[Row]) -> tuple[Words | str, ...]:
    """What all layers cost together."""
    from symconv.notes.networks import total

    return (Words("total", "合计"), "", *amounts(*total(rows)), "")


def shape(extents: Sequence[int]) -> str:
    """A shape without its batch axis, as 64 x 7 x 7."""
    inside = r" \times ".join(map(str, extents[1:]))
    return f"${inside}$"


def percent(part: int, whole: int) -> str:
    """A share, as 85.9 %."""
    return rf"{100 * part / whole:.1f}\,\%"


def amounts(*numbers: int) -> tuple[str, ...]:
    """Cells of numbers, empty where one is 0."""
    return tuple(f"${integer(number)}$" if number else "" for number in numbers)


def named(row: Row) -> Words:
    """The name of a layer and what it is."""
    layer = row.layer
    window = rf"${layer.kernel} \times {layer.kernel}$"
    stride = f", $s={layer.stride}$" if layer.stride > 1 else ""
    stride += f", $p={layer.padding}$" if layer.padding else ""
    stride += f", $g={layer.groups}$" if layer.groups > 1 else ""
    match layer.kind:
        case "conv":
            return Words(f"{layer.name}: {window}{stride}", f"{layer.name}：{window}{stride}")
        case "max":
            return Words(f"{layer.name}: max {window}{stride}",
                         f"{layer.name}：最大 {window}{stride}")
        case "avg":
            return Words(f"{layer.name}: mean {window}{stride}",
                         f"{layer.name}：平均 {window}{stride}")
        case "mean":
            return Words(f"{layer.name}: global mean", f"{layer.name}：全局平均")
    return Words(f"{layer.name}: fully connected", f"{layer.name}：全连接")


def followed_back(layers: Sequence[Layer], extent: int) -> int:
    """How many inputs of one axis an element in the middle depends on, by following the relation
    of every layer; the recursion for the field takes no part."""
    from symconv.notes.pictures.receptive import Layer as Seen
    from symconv.notes.pictures.receptive import fields, sizes

    seen = [Seen(layer.name, layer.kernel, layer.stride, layer.padding) for layer in layers]
    return len(fields(seen, extent, sizes(seen, extent)[-1] // 2)[0])
