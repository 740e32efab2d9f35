"""LeNet, AlexNet, VGG and NiN, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from symconv.notes.chapters.ch11_tables import (
    HEADER,
    followed_back,
    line,
    percent,
    total_line,
)
from symconv.notes.model import (
    Block,
    Example,
    Figure,
    Formula,
    Heading,
    Lang,
    Prose,
    Table,
    Words,
)

if TYPE_CHECKING:
    from symconv.notes.networks import Layer, Row
    from symconv.notes.pictures.canvas import Drawing

_INPUTS = {"LENET": (1, 1, 28, 28), "ALEXNET": (1, 3, 227, 227), "VGG16": (1, 3, 224, 224),
           "NIN": (1, 3, 224, 224)}


def blocks() -> tuple[Block, ...]:
    """How to read the tables, and four networks."""
    return (*_reading(), *_lenet(), *_alexnet(), *_vgg(), *_nin())


def _reading() -> tuple[Block, ...]:
    return (
        Heading(Words("How the tables are computed", "各表如何算得")),
        Prose(Words(
            "Each line of a table is an operator of the engine with its shapes. *Parameters* are "
            "the elements of weights and biases, *multiply-adds* the points at which a sum "
            "multiplies two operands, for one picture. The *receptive field* $r$ is the extent of "
            "the input that one element depends on. It grows by the recursion",
            "表中每一行是引擎的一个算子及其形状。*参数*是权重与偏置的元素个数，*乘加次数*是求和中两个操作数"
            "相乘的点数，按一张图像计。*感受野* $r$ 是一个元素所依赖的输入范围，按递推式增长：")),
        Formula(r"r_l = r_{l-1} + (k_l - 1)\, d_l\, j_{l-1}, \qquad j_l = j_{l-1}\, s_l, \qquad "
                r"r_0 = j_0 = 1,", _recursion_holds, key="receptive-field"),
        Prose(Words(
            "where the jump $j_l$ is the distance in the input between neighbours of level $l$. "
            "The check follows the relation of every layer backwards and counts the inputs "
            "reached.",
            "其中跳距 $j_l$ 是第 $l$ 层相邻元素在输入中的距离。检验沿每一层的关系往回追踪，并数出所到达的"
            "输入。")),
        Figure("receptive-lenet", _draw, Words(
            "The first four layers of LeNet along one axis: the inputs that one element of the "
            "last level depends on.",
            "LeNet 前四层沿一个轴的情形：最后一层的一个元素所依赖的输入。"),
            lambda: _followed("LENET", 4) == 16, key="receptive-lenet"),
    )


def _lenet() -> tuple[Block, ...]:
    return (
        Heading(Words("LeNet", "LeNet")),
        _table("LENET", "lenet", 61_706, 416_520, Words(
            "LeNet on $28 \\times 28$ pixels, with average pooling and full connections in c3.",
            "作用于 $28 \\times 28$ 像素的 LeNet，采用平均池化，c3 为完全连接。")),
        Prose(Words(
            "Most of the work is in the two convolutions, and most of the parameters are in the "
            "fully connected layers. That imbalance was typical for two decades.",
            "大部分运算在两个卷积层中，大部分参数在全连接层中。这种不平衡在此后二十年间十分典型。")),
        Example(Words(
            "The convolutions hold $<<convolutions>>$ of all parameters and do $<<work>>$ of the "
            "multiply-adds.",
            "卷积层占全部参数的 $<<convolutions>>$，占乘加次数的 $<<work>>$。"),
            _lenet_shares, {"convolutions": r"4.2\,\%", "work": r"85.9\,\%"}),
    )


def _alexnet() -> tuple[Block, ...]:
    return (
        Heading(Words("AlexNet", "AlexNet")),
        _table("ALEXNET", "alexnet", 60_965_224, 724_406_816, Words(
            "AlexNet with its two groups, on $227 \\times 227$ pixels (the $224$ of the paper does "
            "not give $55$ without further padding).",
            "带两个分组的 AlexNet，输入 $227 \\times 227$ 像素（论文所写的 $224$ 若不另加填充得不到 "
            "$55$）。")),
        Prose(Words(
            "Pooling windows of $3$ with stride $2$ overlap, so gradients accumulate in them "
            "([[9]]).",
            "大小为 $3$、步幅为 $2$ 的池化窗口相互重叠，因此梯度在其中累加（[[9]]）。")),
        Example(Words(
            "A single layer, f6, holds $<<share>>$ of all parameters.",
            "仅 f6 一层就占全部参数的 $<<share>>$。"), _alexnet_share, {"share": r"61.9\,\%"}),
    )


def _vgg() -> tuple[Block, ...]:
    return (
        Heading(Words("VGG", "VGG")),
        _table("VGG16", "vgg", 138_357_544, 15_470_264_320, Words(
            "VGG-16: only $3 \\times 3$ kernels with padding $1$; five times the size is halved.",
            "VGG-16：只用填充为 $1$ 的 $3 \\times 3$ 卷积核；大小五次减半。")),
        Prose(Words(
            "Within a stage, two layers of $3 \\times 3$ reach as far as one of $5 \\times 5$ and "
            "three as far as one of $7 \\times 7$ ([[6]]), with fewer weights and an activation in "
            "between:",
            "在一级之内，两层 $3 \\times 3$ 的作用范围等于一层 $5 \\times 5$，三层等于一层 $7 \\times 7$"
            "（[[6]]），权重更少，而且中间有激活函数：")),
        Formula(r"2 \cdot 9\, c^2 = 18\, c^2 < 25\, c^2, \qquad 3 \cdot 9\, c^2 = 27\, c^2 < "
                r"49\, c^2.", _stacks_hold, key="vgg-stacks"),
    )


def _nin() -> tuple[Block, ...]:
    return (
        Heading(Words("Network in network", "NiN")),
        _table("NIN", "nin", 7_595_176, 969_460_864, Words(
            "NiN on $224 \\times 224$ pixels: after each convolution two $1 \\times 1$ layers (m), "
            "at the end the mean over the picture.",
            "作用于 $224 \\times 224$ 像素的 NiN：每个卷积之后有两个 $1 \\times 1$ 层（m），末端对整幅图像取"
            "平均。")),
        Prose(Words(
            "There is no fully connected layer at all: the last $1 \\times 1$ layer makes a map "
            "for every class and global average pooling ([[9]]) reads it out.",
            "完全没有全连接层：最后的 $1 \\times 1$ 层为每个类别产生一幅图，由全局平均池化（[[9]]）读出。")),
        Example(Words(
            "The network has $<<share>>$ of AlexNet's parameters.",
            "整个网络的参数是 AlexNet 的 $<<share>>$。"), _nin_share, {"share": r"12.5\,\%"}),
    )


def _layers(name: str) -> Sequence[Layer]:
    from symconv.notes import networks

    found: Sequence[Layer] = getattr(networks, name)
    return found


def _walk(name: str) -> list[Row]:
    from symconv.notes.networks import walk

    return walk(_layers(name), _INPUTS[name])


def _table(name: str, key: str, parameters: int, operations: int,
           caption: Words) -> Table:
    """The table of a network; its totals must be the ones given, and its rows those by hand."""
    return Table(HEADER, _rows(name), _holds(name, parameters, operations), caption, key=key)


def _rows(name: str) -> Callable[[], list[tuple[Words | str, ...]]]:
    return lambda: [*map(line, _walk(name)), total_line(_walk(name))]


def _holds(name: str, parameters: int, operations: int) -> Callable[[], bool]:
    def check() -> bool:
        from symconv.notes.networks import by_hand, total

        walked = _walk(name)
        found = total(walked)
        return ([row.count for row in walked] == by_hand(_layers(name), _INPUTS[name])
                and found == (parameters, operations))
    return check


def _followed(name: str, depth: int) -> int:
    """How many inputs of one axis an element in the middle depends on after some layers."""
    return followed_back(_layers(name)[:depth], _INPUTS[name][-1])


def _recursion_holds() -> bool:
    """LeNet whole, AlexNet's first seven layers, VGG's first seven: fields inside the picture."""
    for name, depths in (("LENET", (1, 2, 3, 4)), ("ALEXNET", (1, 2, 4, 7)), ("VGG16", (2, 7))):
        walked = _walk(name)
        for depth in depths:
            if _followed(name, depth) != walked[depth - 1].field:
                return False
    return True


def _draw(lang: Lang) -> Drawing:
    from symconv.notes.pictures.receptive import Layer, stack

    return stack([Layer("c1", 5, 1, 2), Layer("s2", 2, 2), Layer("c3", 5), Layer("s4", 2, 2)], 28)


def _lenet_shares() -> dict[str, object]:
    from symconv.notes.networks import total

    walked = _walk("LENET")
    part = total([row for row in walked if row.layer.kind == "conv"])
    whole = total(walked)
    names = ("convolutions", "work")
    return {name: percent(a, b) for name, a, b in zip(names, part, whole, strict=True)}


def _alexnet_share() -> dict[str, object]:
    from symconv.notes.networks import total

    walked = _walk("ALEXNET")
    (first,) = (row for row in walked if row.layer.name == "f6")
    return {"share": percent(first.count.parameters, total(walked)[0])}


def _nin_share() -> dict[str, object]:
    from symconv.notes.networks import total

    return {"share": percent(total(_walk("NIN"))[0], total(_walk("ALEXNET"))[0])}


def _stacks_hold() -> bool:
    """Weights from shapes for c channels, and equal receptive fields."""
    from symconv.notes.networks import conv, total, walk

    for channels in (2, 5):
        for times, kernel, coefficients in ((2, 5, (18, 25)), (3, 7, (27, 49))):
            small = walk([conv("c", channels, 3, 1, 1, bias=False)] * times, (1, channels, 9, 9))
            large = walk([conv("c", channels, kernel, 1, kernel // 2, bias=False)],
                         (1, channels, 9, 9))
            found = (total(small)[0], total(large)[0])
            if found != tuple(c * channels ** 2 for c in coefficients):
                return False
            if small[-1].field != large[-1].field:
                return False
    return True
