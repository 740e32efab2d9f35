"""The size of the output, and padding in both conventions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import Block, Example, Formula, Heading, Prose, Table, Words


def blocks() -> tuple[Block, ...]:
    """Windows are counted; everything else follows."""
    return (
        Heading(Words("The size of the output", "输出的大小")),
        Prose(Words(
            "A window of $k$ taps at distance $d$ spans $d(k-1)+1$ positions. With $p_0$ positions "
            "of padding before and $p_1$ behind, a line of $H$ inputs has $H+p_0+p_1$ positions, "
            "and windows start at $0, s, 2s, \\dots$ as long as they end inside. Counting them "
            "gives",
            "$k$ 个抽头、间距为 $d$ 的窗口跨越 $d(k-1)+1$ 个位置。前面填充 $p_0$ 个、后面填充 "
            "$p_1$ 个位置后，$H$ 个输入排成的一行共有 $H+p_0+p_1$ 个位置；窗口从 $0, s, 2s, "
            "\\dots$ 处开始，只要其末端仍在内部。计数即得")),
        Formula(r"H_o = \left\lfloor \frac{H + p_0 + p_1 - d\,(k-1) - 1}{s} \right\rfloor + 1",
                _sizes_hold, key="output-size"),
        Prose(Words(
            "Two conventions for padding are in use, and formulas from one text must not meet "
            "numbers from the other. Some give the **total** $P = p_0 + p_1$ of an axis, others "
            "$p$ **per side**, $P = 2p$. For $d = 1$:",
            "填充有两种约定，一本书的公式不可配上另一本书的数。一种给出一个轴上的**总数** "
            "$P = p_0 + p_1$，另一种给出**每侧** $p$，$P = 2p$。当 $d = 1$ 时：")),
        Formula(r"H_o = \left\lfloor \frac{H - k + P + s}{s} \right\rfloor = "
                r"\left\lfloor \frac{H - k + 2p}{s} \right\rfloor + 1", _conventions_agree,
                key="padding-conventions"),
        Heading(Words("What a kernel takes away", "卷积核减去多少")),
        Prose(Words(
            "Without padding and with stride $1$ the output has $H-k+1$ elements: each axis loses "
            "$k-1$. A $3 \\times 3$ kernel shrinks each axis by $2$, a $5 \\times 5$ kernel by "
            "$4$. This holds for odd and even kernels alike. What the picture loses is a frame, "
            "$HW - (H-k+1)(W-k+1)$ elements, which is far more than $(k-1)^2$:",
            "不填充且步幅为 $1$ 时，输出有 $H-k+1$ 个元素：每个轴减少 $k-1$。$3 \\times 3$ 的卷积核"
            "使每个轴缩小 $2$，$5 \\times 5$ 的缩小 $4$。奇数与偶数大小的卷积核都是如此。图像失去的"
            "是一圈边框，共 $HW - (H-k+1)(W-k+1)$ 个元素，远多于 $(k-1)^2$：")),
        Table(("$k$", Words("loss per axis", "每轴减少"), Words("$32 \\times 32$ becomes",
                                                            "$32 \\times 32$ 变为"),
               Words("elements lost", "失去的元素"), "$(k-1)^2$"), _losses, _losses_hold,
              Words("What one kernel of size $k$ takes from a picture of $32 \\times 32$.",
                    "一个大小为 $k$ 的卷积核从 $32 \\times 32$ 的图像上减去多少。"), key="losses"),
        Example(Words(
            "Seven $5 \\times 5$ layers without padding in a row: $<<sizes>>$. A picture of $32$ "
            "by $32$ has become one of $<<last>>$ by $<<last>>$, and an eighth such layer could "
            "still not be applied: $4 < 5$.",
            "连续七个不填充的 $5 \\times 5$ 层：$<<sizes>>$。$32 \\times 32$ 的图像变成了 "
            "$<<last>> \\times <<last>>$，而第八个这样的层已无法应用：$4 < 5$。"),
            lambda: {"sizes": _seven(), "last": _seven()[-1]},
            {"sizes": [32, 28, 24, 20, 16, 12, 8, 4], "last": 4}),
        Heading(Words("Padding that keeps the size", "保持大小的填充")),
        Prose(Words(
            "A total padding of $P = k-1$ gives back what the kernel takes away. For an odd kernel "
            "it is $(k-1)/2$ on each side. For an even kernel it is odd in total, so one side gets "
            "one more; most libraries choose the end. That $k$ should be odd is a convenience, "
            "not a law. With dilation the kernel takes $d(k-1)$, and $P = d(k-1)$ gives it back.",
            "总填充 $P = k-1$ 补回卷积核减去的部分。对奇数大小的卷积核，每侧为 $(k-1)/2$。对偶数大"
            "小的卷积核，总数为奇数，于是有一侧多一个；多数框架放在末尾。$k$ 取奇数是为了方便，不是"
            "定律。有膨胀时卷积核减去 $d(k-1)$，由 $P = d(k-1)$ 补回。")),
        Formula(r"P = k-1,\ d = 1: \qquad H_o = \left\lfloor \frac{H-1}{s} \right\rfloor + 1 = "
                r"\left\lceil \frac{H}{s} \right\rceil", _same_padding_holds, key="same-padding"),
        Prose(Words(
            "So this padding depends on the kernel and **not on the stride**: the stride then "
            "divides the size by itself, rounded up. What is put there is *zeros*; a constant "
            "other than zero would be a choice of its own, and copies of the border are the "
            "boundary modes below.",
            "可见这个填充取决于卷积核而**与步幅无关**：步幅随后把大小除以自身并向上取整。填充的内容"
            "是*零*；若填充其他常数则是另外的选择，而复制边界的值属于下文的边界模式。")),
        Example(Words(
            "$H = 7$, $k = 3$, $p = 1$: strides $1, 2, 3$ give $<<sizes>>$ outputs. An even "
            "kernel, $k = 4$, on $H = 7$ with $(p_0,p_1) = (1,2)$ gives $<<even>>$; with $(1,1)$ "
            "it gives $<<less>>$ and with $(2,2)$ $<<more>>$.",
            "$H = 7$，$k = 3$，$p = 1$：步幅 $1, 2, 3$ 分别给出 $<<sizes>>$ 个输出。偶数大小的卷积"
            "核 $k = 4$，$H = 7$：取 $(p_0,p_1) = (1,2)$ 得 $<<even>>$ 个；取 $(1,1)$ 得 "
            "$<<less>>$ 个，取 $(2,2)$ 得 $<<more>>$ 个。"),
            lambda: {"sizes": [_size(7, 3, s, 1, (1, 1)) for s in (1, 2, 3)],
                     "even": _size(7, 4, 1, 1, (1, 2)), "less": _size(7, 4, 1, 1, (1, 1)),
                     "more": _size(7, 4, 1, 1, (2, 2))},
            {"sizes": [7, 4, 3], "even": 7, "less": 6, "more": 8}),
    )


def _size(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """The extent of the output, asked of the layer."""
    layer = ops.conv1d(stride=stride, dilation=dilation, padding=(pads,), bias=False)
    return layer.output_shape(x=(1, 1, size), w=(1, 1, kernel))["y"][2]


def _counted(size: int, kernel: int, stride: int, dilation: int, pads: tuple[int, int]) -> int:
    """Windows found one by one."""
    ends = range(dilation * (kernel - 1), size + sum(pads), stride)
    return len(ends)


def _grid() -> list[tuple[int, int, int, int, tuple[int, int]]]:
    return [point for point in itertools.product((5, 6, 9), (1, 2, 3, 4), (1, 2, 3), (1, 2),
                                                 ((0, 0), (1, 1), (0, 2)))
            if point[3] * (point[1] - 1) < point[0] + sum(point[4])]


def _sizes_hold() -> bool:
    return all(_size(*point) == _counted(*point)
               == (point[0] + sum(point[4]) - point[3] * (point[1] - 1) - 1) // point[2] + 1
               for point in _grid())


def _conventions_agree() -> bool:
    points = [point for point in _grid() if point[3] == 1 and point[4][0] == point[4][1]]
    return bool(points) and all(
        (h - k + 2 * pads[0] + s) // s == (h - k + 2 * pads[0]) // s + 1
        == _counted(h, k, s, 1, pads) for h, k, s, _, pads in points)


def _lost(kernel: int) -> tuple[int, int, int, int]:
    left = _size(32, kernel, 1, 1, (0, 0))
    return 32 - left, left, 32 ** 2 - left ** 2, (kernel - 1) ** 2


def _losses() -> Sequence[Sequence[str]]:
    rows = []
    for kernel in (1, 2, 3, 4, 5, 7):
        axis, left, lost, square = _lost(kernel)
        rows.append([f"${kernel}$", f"${axis}$", rf"${left} \times {left}$", f"${lost}$",
                     f"${square}$"])
    return rows


def _losses_hold() -> bool:
    """Two for 3, four for 5, k - 1 for all; the frame by counting the places that are left."""
    places = {k: sum(1 for i in range(32) for j in range(32) if i + k > 32 or j + k > 32)
              for k in (1, 2, 3, 4, 5, 7)}
    return (_lost(3)[0], _lost(5)[0]) == (2, 4) and all(
        _lost(k)[0] == k - 1 and _lost(k)[2] == places[k] for k in places)


def _seven() -> list[int]:
    sizes = [32]
    while len(sizes) < 8:
        sizes.append(_size(sizes[-1], 5, 1, 1, (0, 0)))
    return sizes


def _same_padding_holds() -> bool:
    return all(_size(h, k, s, 1, ((k - 1) // 2, k // 2)) == (h - 1) // s + 1 == -(-h // s)
               for h, k, s in itertools.product((4, 7, 10), (1, 2, 3, 4, 5), (1, 2, 3))) and \
        ch.same([_size(9, k, 1, 2, (k - 1, k - 1)) for k in (2, 3, 4)], [9, 9, 9])
