"""Stride, dilation, and what is left over."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes import gallery
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
from symconv.notes.pictures.canvas import Drawing

_WINDOWS = ((7, 3, 1, 1, 0), (7, 3, 2, 1, 0), (7, 3, 1, 2, 0), (5, 3, 2, 1, 1))


def blocks() -> tuple[Block, ...]:
    """Steps between windows, and gaps between taps."""
    return (*_strides(), *_dilations(), *_pictures())


def _strides() -> tuple[Block, ...]:
    return (
        Heading(Words("Stride: skipping windows", "步幅：跳过一些窗口")),
        Prose(Words(
            "A layer of stride $s$ computes every $s$-th output of the layer of stride $1$ and "
            "skips the others. It is cheaper by the factor $s$ per axis, and the picture becomes "
            "smaller by the same factor:",
            "步幅为 $s$ 的层只计算步幅为 $1$ 的层的输出中每隔 $s$ 个的一个，跳过其余。每个轴上的计"
            "算量减少到 $1/s$，图像也按同样的比例变小：")),
        Formula(r"y^{(s)}_i = y^{(1)}_{s\,i}", _stride_skips, key="stride-skips"),
        Example(Words(
            "$x = <<x>>$, $w = <<w>>$, padding $1$ on each side, stride $3$ down and $2$ across: "
            "$y = <<y>>$.",
            "$x = <<x>>$，$w = <<w>>$，每侧填充 $1$，纵向步幅 $3$，横向步幅 $2$：$y = <<y>>$。"),
            _two_strides, {"y": [[0, 8], [6, 8]]}),
        Prose(Words(
            "If $s$ does not divide $H + P - d(k-1) - 1$, the remainder counts positions at the "
            "end that **no window reaches**. They are inputs like all others, only without "
            "influence; their gradient exists and is zero, and a backward pass that forgets to "
            "write these zeros leaves rubbish in memory. The same happens between windows when "
            "$s > d(k-1)+1$.",
            "若 $s$ 不整除 $H + P - d(k-1) - 1$，则余数就是末尾**任何窗口都触及不到**的位置数。它们"
            "与其他输入一样，只是没有影响；它们的梯度存在且为零，而忘记写入这些零的反向传播会在内存"
            "中留下垃圾数据。当 $s > d(k-1)+1$ 时，窗口之间也会如此。")),
        Example(Words(
            "$H = 6$, $k = 3$, $s = 2$: there are $<<outputs>>$ outputs and one position left "
            "over. With $\\mathrm{d}y = (1,1)$ and $w = (1,2,4)$ the gradient is $\\mathrm{d}x = "
            "<<left>>$. With $k = 1$, $s = 3$ and $w = (5)$: $\\mathrm{d}x = <<gaps>>$.",
            "$H = 6$，$k = 3$，$s = 2$：有 $<<outputs>>$ 个输出，剩余一个位置。取 "
            "$\\mathrm{d}y = (1,1)$，$w = (1,2,4)$，梯度为 $\\mathrm{d}x = <<left>>$。取 $k = 1$，"
            "$s = 3$，$w = (5)$：$\\mathrm{d}x = <<gaps>>$。"), _leftovers,
            {"outputs": 2, "left": [1, 2, 5, 2, 4, 0], "gaps": [5, 0, 0, 5, 0, 0]}),
    )


def _dilations() -> tuple[Block, ...]:
    return (
        Heading(Words("Dilation: spreading the taps", "膨胀：拉开抽头")),
        Prose(Words(
            "A layer of dilation $d$ reads inputs at distance $d$. It equals a layer of dilation "
            "$1$ whose kernel has $d-1$ zeros between neighbouring taps, but does not multiply by "
            "those zeros:",
            "膨胀为 $d$ 的层以间距 $d$ 读取输入。它等于膨胀为 $1$、卷积核相邻抽头之间插入 $d-1$ 个"
            "零的层，只是并不与这些零相乘：")),
        Formula(r"\sum_{a=0}^{k-1} x_{i+da}\, w_a = \sum_{e=0}^{d(k-1)} x_{i+e}\, w^{(d)}_e, "
                r"\qquad w^{(d)}_e = \begin{cases} w_{e/d} & d \mid e \\ 0 & d \nmid e \end{cases}",
                _dilation_is_zeros, key="dilation"),
        Table(("$d$", Words("kernel", "卷积核"), Words("zeros between taps", "抽头之间的零"),
               Words("positions spanned", "覆盖的位置数")),
              _spreads, _spreads_hold,
              Words("A kernel of three taps. The factor $1$ inserts nothing, the factor $2$ one "
                    "zero, the factor $3$ two.",
                    "三个抽头的卷积核。因子 $1$ 不插入任何零，因子 $2$ 插入一个，因子 $3$ 插入两"
                    "个。"),
              key="spreads"),
        Example(Words(
            "The number of weights stays $k$; the span $d(k-1)+1$ grows. Stacked layers with "
            "$d = 1, 2, 4, 8$ see a field that about doubles with every layer: for three taps "
            "$<<fields>>$ positions.",
            "权重仍是 $k$ 个；覆盖的位置 $d(k-1)+1$ 增多。$d = 1, 2, 4, 8$ 的层堆叠起来，感受野逐层"
            "约增大一倍：三个抽头的卷积核依次覆盖 $<<fields>>$ 个位置。"),
            lambda: {"fields": [_field(depth) for depth in (1, 2, 3, 4)]},
            {"fields": [3, 7, 15, 31]}),
    )


def _pictures() -> tuple[Block, ...]:
    return (
        Figure("ch06-windows", _sheet,
               Words("Which inputs feed an output (left) and to which outputs an input flows "
                     "back (right), drawn from the relation: stride $1$, stride $2$, dilation "
                     "$2$, and stride $2$ with a padding of $1$.",
                     "哪些输入汇入一个输出（左），一个输入又流回哪些输出（右），由关系画出：步幅 "
                     "$1$，步幅 $2$，膨胀 $2$，以及步幅 $2$ 且填充 $1$。"),
               _links_hold, key="windows"),
        Figure("ch06-stride-plane", _plane,
               Words("A $3 \\times 3$ kernel with stride $2$ and padding $1$ on a $5 \\times 5$ "
                     "input; the picture on the page of the HTML form moves.",
                     "$3 \\times 3$ 卷积核，步幅 $2$，填充 $1$，输入为 $5 \\times 5$；在 HTML 形式"
                     "中此图是动画。"),
               _plane_holds, moving=_stepping, key="stride-plane"),
        gallery.dilated(),
    )


def _stride_skips() -> bool:
    draw = random.Random("stride")
    for s in (1, 2, 3, 4):
        x, w = ([draw.randint(-9, 9) for _ in range(n)] for n in (9, 2))
        every = ch.run(ops.conv1d(padding=1, bias=False), x=[[x]], w=[[w]])[0][0]
        some = ch.run(ops.conv1d(padding=1, stride=s, bias=False), x=[[x]], w=[[w]])[0][0]
        if not ch.same(some, every[::s]):
            return False
    return True


def _two_strides() -> dict[str, object]:
    x, w = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
    layer = ops.conv2d(stride=(3, 2), padding=1, bias=False)
    return {"x": x, "w": w, "y": ch.run(layer, x=[[x]], w=[[w]])[0][0]}


def _leftovers() -> dict[str, object]:
    w, x = [[[1, 2, 4]]], [[[9, 8, 7, 6, 5, 4]]]
    short, sparse = ops.conv1d(stride=2, bias=False), ops.conv1d(stride=3, bias=False)
    return {"outputs": len(ch.run(short, x=x, w=w)[0][0]),
            "left": ch.gradient(short, "x", [[[1, 1]]], x=x, w=w)[0][0],
            "gaps": ch.gradient(sparse, "x", [[[1, 1]]], x=x, w=[[[5]]])[0][0]}


def _spread(taps: Sequence[Any], dilation: int) -> list[Any]:
    """The taps with dilation - 1 zeros between neighbours."""
    span = dilation * (len(taps) - 1) + 1
    return [taps[e // dilation] if e % dilation == 0 else 0 for e in range(span)]


def _dilation_is_zeros() -> bool:
    draw = random.Random("dilation")
    for d, k in itertools.product((1, 2, 3), (1, 2, 3)):
        x, w = ([draw.randint(1, 9) for _ in range(n)] for n in (10, k))
        wide = ch.run(ops.conv1d(dilation=d, bias=False), x=[[x]], w=[[w]])
        filled = ch.run(ops.conv1d(bias=False), x=[[x]], w=[[_spread(w, d)]])
        if not ch.same(wide, filled):
            return False
    return True


def _gaps(dilation: int) -> tuple[int, int]:
    """Zeros between neighbouring taps and span, from the positions the layer really reads."""
    matrix = ch.jacobian(ops.conv1d(dilation=dilation, bias=False), "x",
                         x=[[[0] * 9]], w=[[[1, 1, 1]]])
    read = [place for place, entry in enumerate(matrix[0]) if entry]
    return read[1] - read[0] - 1, read[-1] - read[0] + 1


def _spreads() -> Sequence[Sequence[str]]:
    rows = []
    for d in (1, 2, 3):
        zeros, span = _gaps(d)
        taps = ",\\ ".join(str(tap) for tap in _spread(["w_0", "w_1", "w_2"], d))
        rows.append([f"${d}$", f"${taps}$", f"${zeros}$", f"${span}$"])
    return rows


def _spreads_hold() -> bool:
    return [_gaps(d) for d in (1, 2, 3)] == [(0, 3), (1, 5), (2, 7)]


def _field(depth: int) -> int:
    """The extent of what one output depends on, found by following the relations back."""
    from symconv.notes.pictures.receptive import Layer, fields

    layers = [Layer("", 3, dilation=2 ** level) for level in range(depth)]
    places = fields(layers, 40, 4)[0]
    return max(places) - min(places) + 1


def _windows() -> list[Any]:
    from symconv.notes.pictures.axis import Window

    return [Window(*values) for values in _WINDOWS]


def _sheet(lang: Lang) -> Drawing:
    from symconv.notes.pictures.axis import sheet

    return sheet([(window, f"s={window.stride}, d={window.dilation}, p={window.padding}")
                  for window in _windows()], lang)


def _links_hold() -> bool:
    """The links drawn are the solutions of u + p = s i + d a."""
    return all(set(window.links()) == {
        (i, u, a) for i in range(window.outputs()) for u in range(window.size)
        for a in range(window.kernel)
        if u + window.padding == window.stride * i + window.dilation * a}
        for window in _windows())


def _square() -> Any:
    from symconv.notes.pictures.windows import Plane

    return Plane(size=5, kernel=3, stride=2, padding=1)


def _plane(lang: Lang) -> Drawing:
    from symconv.notes.pictures.windows import still

    return still(_square(), ((0, 0), (1, 1)))


def _stepping(lang: Lang) -> str:
    from symconv.notes.pictures.windows import stepping

    return stepping(_square(), {"en": "Stride 2, padding 1", "zh": "步幅 2，填充 1"}[lang])


def _plane_holds() -> bool:
    """Nine outputs; the one in the middle reads nine inputs, the one in the corner four."""
    plane = _square()
    counts = [sum(point.output[-2:] == place for point in plane.points())
              for place in ((1, 1), (0, 0))]
    return plane.outputs() == 3 and counts == [9, 4]
