"""Pooling: the last window of ceil mode, the divisor at the border, global pooling."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import Block, Example, Formula, Heading, Items, Prose, Table, Words


def blocks() -> tuple[Block, ...]:
    """Borders, and windows as large as the picture."""
    return (*_ceil(), *_divisor(), *_global())


def _ceil() -> tuple[Block, ...]:
    return (
        Heading(Words("Ceil mode and its last window", "向上取整模式与最后一个窗口")),
        Prose(Words(
            "Where the stride does not divide evenly, the plain rule drops the rest of the input. "
            "*Ceil mode* rounds up instead and lets the last window hang over the end:",
            "当步幅不能整除时，普通规则丢弃输入的剩余部分。*向上取整模式*改为向上取整，让最后一个窗口伸出"
            "末端：")),
        Formula(Words(
                    r"O = \left\lceil \frac{H + 2p - d(k-1) - 1}{s} \right\rceil + 1, \qquad "
                    r"O \mapsto O - 1 \ \text{if}\ (O-1)\,s \ge H + p",
                    r"O = \left\lceil \frac{H + 2p - d(k-1) - 1}{s} \right\rceil + 1, \qquad "
                    r"\text{若}\ (O-1)\,s \ge H + p\ \text{则}\ O \mapsto O - 1"),
                _ceil_sizes, key="ceil-size"),
        Prose(Words(
            "The correction is needed because a window must start inside the input or in the "
            "padding before it. One that started in the padding behind the input would see nothing "
            "at all.",
            "需要这一修正，是因为窗口必须从输入内部或输入之前的填充处开始。若从输入之后的填充处开始，它"
            "将什么也看不到。")),
        Table(("$H$", "$k$", "$s$", "$p$", Words("floor", "向下取整"), Words("ceil", "向上取整"),
               Words("corrected", "修正后")), _ceil_rows, _ceil_rows_hold,
              Words("Output sizes in both modes. In the last two rows the correction drops a "
                    "window.",
                    "两种模式下的输出大小。在最后两行中，修正去掉了一个窗口。"), key="ceil-table"),
        Example(Words(
            "The maxima of $(1,2,3,4,5,9)$ with windows of $3$ and stride $2$ are $<<floor>>$; in "
            "ceil mode $<<ceil>>$. Without the last window the $9$ is never seen, and its "
            "gradient is $0$.",
            "$(1,2,3,4,5,9)$ 用窗口 $3$、步幅 $2$ 的最大值为 $<<floor>>$；向上取整模式下为 $<<ceil>>$。没有"
            "最后一个窗口，$9$ 就从未被看到，其梯度为 $0$。"), _hanging,
            {"floor": [3, 5], "ceil": [3, 5, 9]}),
    )


def _divisor() -> tuple[Block, ...]:
    return (
        Heading(Words("The divisor at the border", "边界处的除数")),
        Prose(Words(
            "Should an average count the padding? Both answers are in use. With padding counted, "
            "the divisor is $k$ and border values shrink; with it left out, the divisor $n_i$ "
            "is the number of real inputs in window $i$. The overhang of ceil mode counts in "
            "*neither* case.",
            "平均时是否计入填充？两种做法都有人用。计入填充时，除数为 $k$，边界的值变小；不计入时，除数 "
            "$n_i$ 是窗口 $i$ 中真实输入的个数。向上取整模式伸出的部分在*两种*情形下都不计入。")),
        Example(Words(
            "Five ones, windows of $3$, stride $2$, padding $1$: with padding counted "
            "$<<counted>>$, without $<<left>>$. Six ones in ceil mode with no padding: $<<ceil>>$ "
            "either way; the last window holds two inputs and is divided by $2$.",
            "五个一，窗口 $3$，步幅 $2$，填充 $1$：计入填充得 $<<counted>>$，不计入得 $<<left>>$。六个一，"
            "向上取整模式，无填充：两种做法都得 $<<ceil>>$；最后一个窗口含两个输入，除以 $2$。"),
            _divided, {"counted": [Fraction(2, 3), 1, Fraction(2, 3)], "left": [1, 1, 1],
                       "ceil": [1, 1, 1]}),
        Prose(Words(
            "The divisor belongs to the *output*. In the gradient it must stay with "
            "$\\mathrm{d}y_i$; dividing the collected sum by a number for each input would be "
            "another function.",
            "除数属于*输出*。在梯度中它必须与 $\\mathrm{d}y_i$ 在一起；若把收集到的和除以每个输入各自的"
            "某个数，那就是另一个函数了。")),
        Formula(r"\mathrm{d}x_u = \sum_{i,a:\ u = si+da-p} \frac{\mathrm{d}y_i}{n_i}, \qquad "
                r"n_i = \#\{\, a : 0 \le si+da-p < H \,\}", _divisor_inside,
                key="divisor-gradient"),
        Example(Words(
            "For $H = 5$, $k = 3$, $s = 2$, $p = 1$ the divisors are $n = <<n>>$, and "
            "$\\mathrm{d}y = (2,3,4)$ gives $<<dx>>$.",
            "对 $H = 5$、$k = 3$、$s = 2$、$p = 1$，除数为 $n = <<n>>$，$\\mathrm{d}y = (2,3,4)$ 给出 "
            "$<<dx>>$。"), _divisors, {"n": [2, 3, 2], "dx": [1, 2, 1, 3, 2]}),
    )


def _global() -> tuple[Block, ...]:
    return (
        Heading(Words("Global average pooling", "全局平均池化")),
        Prose(Words(
            "A window as large as the picture leaves one number per channel. Every pixel receives "
            "the same share of the gradient:",
            "窗口与图像一样大时，每个通道只剩一个数。每个像素得到相同份额的梯度：")),
        Formula(r"y_{nc} = \frac1{HW} \sum_{i,j} x_{ncij}, \qquad "
                r"\mathrm{d}x_{ncij} = \frac{\mathrm{d}y_{nc}}{HW}", _global_holds,
                key="global-average"),
        Prose(Words(
            "It replaced the large fully connected layers at the end of early networks, accepts "
            "pictures of every size, and has no weights to overfit. [[global-table]] compares the "
            r"layers behind $512$ channels of $7 \times 7$ features.",
            "它取代了早期网络末端的大型全连接层，接受任意大小的图像，并且没有可过拟合的权重。"
            r"[[global-table]]比较接在 $512$ 个通道、$7 \times 7$ 特征之后的层。")),
        Table((Words("head", "末端"), Words("weights and biases", "权重与偏置")), _head_rows,
              _heads_hold,
              Words("Parameters between the last features and $1000$ classes.",
                    "从最后的特征到 $1000$ 个类别之间的参数。"), key="global-table"),
        Items((
            Words("Mean first and classes after, or classes at every pixel and then the mean: the "
                  "two are the same, because both steps are linear. The second order shows *where* "
                  "a class was seen.",
                  "先平均后分类，或先在每个像素上分类再平均：二者相同，因为两步都是线性的。后一种次序还显示"
                  "某一类是在*哪里*被看到的。"),)),
        Formula(r"W \Big( \frac1{HW} \sum_{i,j} x_{ij} \Big) = "
                r"\frac1{HW} \sum_{i,j} W x_{ij}", _maps_commute, key="class-maps"),
    )


_CASES = ((6, 3, 2, 0), (7, 3, 2, 0), (5, 2, 2, 0), (4, 2, 3, 1), (2, 2, 3, 1))


def _extents(size: int, kernel: int, stride: int, padding: int) -> tuple[int, int, int]:
    """floor mode by the engine, ceil by arithmetic, ceil mode by the engine."""
    floor, ceil = (ops.max_pool1d(kernel, stride=stride, padding=padding, ceil_mode=mode)
                   .output_shape(x=(1, 1, size))["y"][2] for mode in (False, True))
    return floor, -(-(size + 2 * padding - kernel) // stride) + 1, ceil


def _ceil_sizes() -> bool:
    """The display against the engine, and its reason: every window starts before H + p."""
    for size in range(3, 12):
        for kernel, stride, padding in ((2, 2, 0), (3, 2, 1), (2, 3, 1), (3, 4, 1), (3, 3, 0)):
            _, rounded, found = _extents(size, kernel, stride, padding)
            dropped = rounded - 1 if (rounded - 1) * stride >= size + padding else rounded
            starts = [i for i in range(rounded) if i * stride < size + padding]
            if found != dropped or found != len(starts):
                return False
    return True


def _ceil_rows() -> Sequence[Sequence[str]]:
    return [tuple(f"${number}$" for number in (*case, *_extents(*case))) for case in _CASES]


def _ceil_rows_hold() -> bool:
    return [_extents(*case) for case in _CASES] == [
        (2, 3, 3), (3, 3, 3), (2, 3, 3), (2, 3, 2), (1, 2, 1)]


def _hanging() -> dict[str, object]:
    x = [[[1, 2, 3, 4, 5, 9]]]
    found: dict[str, object] = {
        name: ch.run(ops.max_pool1d(3, stride=2, ceil_mode=mode), x=x)[0][0]
        for name, mode in (("floor", False), ("ceil", True))}
    slope = ch.gradient(ops.max_pool1d(3, stride=2), "x", [[[1, 1]]], x=x)[0][0]
    return found if slope[5] == 0 else {}


def _divided() -> dict[str, object]:
    found: dict[str, object] = {
        name: ch.run(ops.avg_pool1d(3, stride=2, padding=1, count_include_pad=mode),
                     x=[[[1] * 5]])[0][0] for name, mode in (("counted", True), ("left", False))}
    hanging = [ch.run(ops.avg_pool1d(3, stride=2, ceil_mode=True, count_include_pad=mode),
                      x=[[[1] * 6]])[0][0] for mode in (True, False)]
    return {**found, "ceil": hanging[0] if hanging[0] == hanging[1] else hanging}


def _inside(size: int, kernel: int, stride: int, padding: int, dilation: int,
            out: int) -> list[list[int]]:
    """The inputs of every window."""
    return [[stride * i + dilation * a - padding for a in range(kernel)
             if 0 <= stride * i + dilation * a - padding < size] for i in range(out)]


def _divisor_inside() -> bool:
    for size, kernel, stride, padding, dilation in ((5, 3, 2, 1, 1), (8, 3, 1, 1, 2),
                                                    (7, 4, 3, 2, 1)):
        pool = ops.avg_pool1d(kernel, stride=stride, padding=padding, dilation=dilation,
                              count_include_pad=False)
        out = pool.output_shape(x=(1, 1, size))["y"][2]
        dy = [3 * i * i + 2 * i - 4 for i in range(out)]
        windows = _inside(size, kernel, stride, padding, dilation, out)
        by_hand = [sum(Fraction(dy[i], len(window)) for i, window in enumerate(windows)
                       if u in window) for u in range(size)]
        if not ch.same(ch.gradient(pool, "x", [[dy]], x=[[[1] * size]])[0][0], by_hand):
            return False
    return True


def _divisors() -> dict[str, object]:
    pool = ops.avg_pool1d(3, stride=2, padding=1, count_include_pad=False)
    counts = ch.run(ops.sum_pool1d(3, stride=2, padding=1), x=[[[1] * 5]])[0][0]
    return {"n": counts, "dx": ch.gradient(pool, "x", [[[2, 3, 4]]], x=[[[1] * 5]])[0][0]}


def _global_holds() -> bool:
    import numpy as np

    x = np.arange(24, dtype=object).reshape(1, 2, 3, 4) ** 2
    found = ch.run(ops.global_avg_pool(), x=x)
    slope = ch.gradient(ops.global_avg_pool(), "x", [[[[12]], [[24]]]], x=x)
    return (ch.same(found, [[[[Fraction(int(plane.sum()), 12)]] for plane in x[0]]])
            and ch.same(slope, [[np.full((3, 4), 1), np.full((3, 4), 2)]]))


def _heads() -> list[int]:
    from symconv.notes.counting import counted

    sizes = (512 * 7 * 7, 4096, 4096, 1000)
    dense = sum(counted(ops.linear(), x=(1, inputs), w=(outputs, inputs),
                        b=(outputs,)).parameters
                for inputs, outputs in itertools.pairwise(sizes))
    pooled = counted(ops.linear(), x=(1, 512), w=(1000, 512), b=(1000,)).parameters
    return [dense, pooled]


def _head_rows() -> Sequence[Sequence[Words | str]]:
    from symconv.notes.numbers import integer

    names = [Words(r"three fully connected layers, $4096$ units each and $1000$ outputs",
                   r"三个全连接层，各 $4096$ 个单元与 $1000$ 个输出"),
             Words("global average pooling, then $512 \\to 1000$",
                   "全局平均池化，再 $512 \\to 1000$")]
    return [(name, f"${integer(number)}$") for name, number in zip(names, _heads(), strict=True)]


def _heads_hold() -> bool:
    return _heads() == [25088 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000,
                        512 * 1000 + 1000]


def _maps_commute() -> bool:
    import random

    import numpy as np

    draw = random.Random("maps")
    x = np.array([draw.randint(-9, 9) for _ in range(24)], dtype=object).reshape(1, 4, 2, 3)
    w = np.array([draw.randint(-9, 9) for _ in range(12)], dtype=object).reshape(3, 4)
    before = ch.run(ops.global_avg_pool() >> ops.conv1x1(bias=False), x=x, w=w)
    return ch.same(before, ch.run(ops.conv1x1(bias=False) >> ops.global_avg_pool(), x=x, w=w))
