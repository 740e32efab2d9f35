"""The gradient of the input with stride 1: where the rotation comes from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes import gallery
from symconv.notes.model import (
    Block,
    DerivationBlock,
    Example,
    Figure,
    Formula,
    Heading,
    Lang,
    Prose,
    Words,
)
from symconv.notes.pictures.canvas import Drawing


def blocks() -> tuple[Block, ...]:
    """The Jacobian written out, and the flipped kernel."""
    return (*_matrix(), *_rotation())


def _matrix() -> tuple[Block, ...]:
    return (
        Heading(Words("The Jacobian, written out", "写出雅可比矩阵")),
        Prose(Words(
            "For a $3 \\times 3$ input and a $2 \\times 2$ kernel the Jacobian is a matrix of $4$ "
            "rows and $9$ columns. Each row is the kernel, laid on the flattened input; the gap "
            "in its middle is the step to the next line. $\\mathrm{d}x = J^{\\top}\\mathrm{d}y$ "
            "adds up along the *columns*, where the taps of the kernel stand in the opposite "
            "order.",
            "对 $3 \\times 3$ 的输入与 $2 \\times 2$ 的卷积核，雅可比矩阵有 $4$ 行 $9$ 列。每一行都"
            "是放在展平的输入上的卷积核；中间的空隙是换到下一行的跨越。$\\mathrm{d}x = "
            "J^{\\top}\\mathrm{d}y$ 沿*列*求和，而在列中抽头以相反的次序出现。")),
        Formula(r"J = <<matrix>>", _matrix_holds, key="jacobian-4-9",
                values=lambda: {"matrix": _symbols()}),
        Figure("ch06-jacobian", _pattern,
               Words("The same Jacobian as a pattern; equal taps have equal colours.",
                     "同一个雅可比矩阵的非零结构；相同的抽头颜色相同。"), _pattern_holds,
               key="jacobian-pattern"),
        gallery.pattern(),
    )


def _rotation() -> tuple[Block, ...]:
    return (
        Heading(Words("Where “rotate by 180 degrees” comes from", "“旋转 180 度”从何而来")),
        Prose(Words(
            "With stride and dilation $1$ the delta $[u = i+a-p]$ has the coefficient $1$ at $i$. "
            "It is solved by $i = u+p-a$, and the sum over $i$ disappears:",
            "步幅与膨胀均为 $1$ 时，δ 因子 $[u = i+a-p]$ 中 $i$ 的系数为 $1$。解为 $i = u+p-a$，对 "
            "$i$ 的求和随之消失：")),
        DerivationBlock(lambda: ops.conv1d(padding="p", bias=False),
                        {"x": (1, 2, 5), "w": (2, 2, 3)}, wrt=("x",), params={"p": 1},
                        depth="steps", key="unit-stride"),
        Prose(Words(
            "In $\\mathrm{d}y_{u+p-a}\\, w_a$ the indices *add up* to $u+p$: the gradient is a "
            "true convolution. By the flip lemma [[flip-lemma]] it is the cross-correlation with "
            "the reversed kernel. Nothing else is behind the famous rotation: reversing both axes "
            "of a picture *is* a rotation by $180$ degrees. Substituting $a \\to K-1-a$ shows the "
            "padding as well:",
            "在 $\\mathrm{d}y_{u+p-a}\\, w_a$ 中两个下标*之和*为 $u+p$：梯度是真正的卷积。由翻转引"
            "理 [[flip-lemma]]，它就是与翻转后的卷积核的互相关。著名的“旋转”背后别无他物：把图像的"
            "两个轴都翻转，*就是*旋转 $180$ 度。代入 $a \\to K-1-a$ 还可看出填充：")),
        Formula(r"\mathrm{d}x_u = \sum_{a=0}^{K-1} \mathrm{d}y_{u+p-a}\, w_a = "
                r"\sum_{a=0}^{K-1} \mathrm{d}y_{u + a - (K-1-p)}\, w_{K-1-a}",
                _rotation_holds, key="rotation"),
        Prose(Words(
            "a layer of padding $K-1-p$ on $\\mathrm{d}y$ with the rotated kernel, input and "
            "output channels exchanged.",
            "即对 $\\mathrm{d}y$ 作用一个填充为 $K-1-p$、卷积核旋转、输入通道与输出通道互换的"
            "层。")),
        Example(Words(
            "With $w = <<w>>$ and $\\mathrm{d}y$ of ones at the four outputs, "
            "$\\mathrm{d}x = <<dx>>$: the middle input is read through all four taps.",
            "取 $w = <<w>>$，四个输出处的 $\\mathrm{d}y$ 均为一，则 $\\mathrm{d}x = <<dx>>$：中间的"
            "输入通过全部四个抽头被读取。"), _ones,
            {"dx": [[0, 1, 1], [2, 6, 4], [2, 5, 3]]}),
    )


def _symbols() -> Any:
    import sympy

    matrix = ops.conv2d(bias=False).jacobian("x").matrix(x=(1, 1, 3, 3), w=(1, 1, 2, 2))
    base = sympy.IndexedBase("w")
    return matrix.subs({base[0, 0, a, e]: sympy.Symbol(f"w_{{{a}{e}}}")
                        for a in (0, 1) for e in (0, 1)})


def _matrix_holds() -> bool:
    """Four by nine; with numbers for the taps it maps inputs to the outputs of the layer."""
    import sympy

    matrix = _symbols()
    taps = {sympy.Symbol(f"w_{{{a}{e}}}"): 2 * a + e for a in (0, 1) for e in (0, 1)}
    applied = matrix.subs(taps) * sympy.Matrix(range(9))
    layer = ch.run(ops.conv2d(bias=False), x=[[[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]],
                   w=[[[[0, 1], [2, 3]]]])[0][0]
    return matrix.shape == (4, 9) and list(applied) == [*layer[0], *layer[1]] == [19, 25, 37, 43]


def _pattern(lang: Lang) -> Drawing:
    from symconv.notes.pictures.matrices import pattern

    names = {"en": ("outputs", "inputs"), "zh": ("输出", "输入")}[lang]
    return pattern(ops.conv2d(bias=False).jacobian("x").matrix(x=(1, 1, 3, 3), w=(1, 1, 2, 2)),
                   *names)


def _pattern_holds() -> bool:
    """Four taps in each row; the middle input has four entries, the corners one."""
    matrix = _symbols()
    rows = [sum(entry != 0 for entry in matrix.row(i)) for i in range(4)]
    columns = [sum(entry != 0 for entry in matrix.col(k)) for k in range(9)]
    return rows == [4] * 4 and columns == [1, 2, 1, 2, 4, 2, 1, 2, 1]


def drawn_layer(taps: int, s: int, d: int, p: int, size: int) -> tuple[Any, list[int], list[int]]:
    """A layer, its kernel and an output gradient."""
    draw = random.Random(f"inputs {taps} {s} {d} {p} {size}")
    layer = ops.conv1d(stride=s, dilation=d, padding=p, bias=False)
    outputs = layer.output_shape(x=(1, 1, size), w=(1, 1, taps))["y"][2]
    return (layer, [draw.randint(1, 9) for _ in range(taps)],
            [draw.randint(1, 9) for _ in range(outputs)])


def input_gradient(layer: Any, w: list[int], dy: list[int], size: int) -> list[Any]:
    found: list[Any] = ch.gradient(layer, "x", [[dy]], x=[[[0] * size]], w=[[w]])[0][0]
    return found


def element(values: Sequence[Any], place: int) -> Any:
    return values[place] if 0 <= place < len(values) else 0


def _rotation_holds() -> bool:
    """Both printed sums on one axis; and in the plane, with channels, the layer that is told of."""
    import numpy as np

    for taps, p in ((2, 0), (3, 1), (4, 2), (3, 2)):
        layer, w, dy = drawn_layer(taps, 1, 1, p, 6)
        first = [sum(element(dy, u + p - a) * w[a] for a in range(taps)) for u in range(6)]
        other = [sum(element(dy, u + a - (taps - 1 - p)) * w[taps - 1 - a] for a in range(taps))
                 for u in range(6)]
        if not first == other == input_gradient(layer, w, dy, 6):
            return False
    flat = ops.conv2d(padding=1, bias=False)
    inputs = ch.sample(flat.definition, {"x": (1, 2, 4, 3), "w": (3, 2, 3, 3)}, 0)
    dy = ch.sample(flat.definition, {"x": (1, 3, 4, 3), "w": (1, 3, 3, 3)}, 1)["x"]
    turned = np.rot90(inputs["w"], 2, axes=(2, 3)).swapaxes(0, 1)
    return ch.same(ch.gradient(flat, "x", dy, **inputs),
                   ch.run(ops.conv2d(padding=1, bias=False), x=dy, w=turned))


def _ones() -> dict[str, object]:
    w = [[0, 1], [2, 3]]
    return {"w": w, "dx": ch.gradient(ops.conv2d(bias=False), "x", [[[[1, 1], [1, 1]]]],
                                      x=[[[[0] * 3] * 3]], w=[[w]])[0][0]}
