"""Chapter 9: pooling."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.chapters import ch09_border, ch09_norms
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Figure,
    Formula,
    Heading,
    Lang,
    Prose,
    Words,
)

if TYPE_CHECKING:
    from symconv.notes.pictures.canvas import Drawing


def chapter() -> Chapter:
    """Windows that summarise."""
    return Chapter(9, Words("Pooling", "池化"),
                   (*_kinds(), *_maximum(), *ch09_norms.blocks(), *ch09_border.blocks()))


def _kinds() -> tuple[Block, ...]:
    return (
        Heading(Words("One window, one number", "一个窗口，一个数")),
        Prose(Words(
            "Pooling slides a window as convolution does, through the same relation "
            "$u = si + da - p$, but replaces the weighted sum by a fixed summary: the largest, the "
            "smallest, the mean, a norm. It has no parameters and works on every channel by "
            "itself, so the number of channels stays. The stride is usually the window's size.",
            "池化与卷积一样滑动窗口，关系同为 $u = si + da - p$，但把加权和换成固定的概括：最大值、最小值、"
            "平均值、范数。它没有参数，对每个通道单独进行，因此通道数不变。步幅通常等于窗口大小。")),
        Computed(lambda: ops.max_pool1d(3, stride=2), {"x": (2, 3, 7)}, _largest,
                 key="max-pool"),
        Computed(lambda: ops.avg_pool1d(3, stride=2), {"x": (2, 3, 7)}, _means, key="avg-pool"),
        Example(Words(
            r"On $x = <<x>>$ with windows of $2 \times 2$ and stride $1$ the maximum gives "
            "$<<max>>$, the minimum $<<min>>$, the mean $<<avg>>$.",
            r"对 $x = <<x>>$，窗口 $2 \times 2$，步幅 $1$，最大值给出 $<<max>>$，最小值 $<<min>>$，平均值 "
            "$<<avg>>$。"), _three_kinds,
            {"max": [[4, 5], [7, 8]], "min": [[0, 1], [3, 4]], "avg": [[2, 3], [5, 6]]}),
        Prose(Words(
            "Minimum pooling needs no theory of its own:",
            "最小池化不需要单独的理论：")),
        Formula(r"\min_a x_{si+a} = -\max_a\,(-x_{si+a})", _mirror, key="min-by-max"),
    )


def _maximum() -> tuple[Block, ...]:
    return (
        Heading(Words("Maximum: one winner takes the gradient", "最大值：胜者得全部梯度")),
        Prose(Words(
            "The engine first writes the maximum as a sum with a selector, as in [[2]], then "
            "differentiates that sum:",
            "引擎先像[[2]]那样，把最大值写成带选择因子的和，再对这个和求导：")),
        DerivationBlock(lambda: ops.max_pool1d(3, stride=2), {"x": (1, 2, 7)},
                        key="max-pool-vjp"),
        Prose(Words(
            "Overlapping windows can choose the same input. Its gradient is then the **sum** of "
            "what the windows send; an implementation that assigns instead of adding is wrong as "
            "soon as the stride is smaller than the window.",
            "重叠的窗口可能选中同一个输入。此时它的梯度是各窗口送来的**和**；若实现中用赋值代替累加，"
            "只要步幅小于窗口就会出错。")),
        Example(Words(
            "$x = (1,5,2,3,0)$ with windows of $3$ and stride $1$ has the maxima $<<y>>$. With "
            "$\\mathrm{d}y = (1,10,100)$ the gradient is $<<dx>>$: the $5$ won twice and collects "
            "$1 + 10$.",
            "$x = (1,5,2,3,0)$，窗口 $3$，步幅 $1$，最大值为 $<<y>>$。当 $\\mathrm{d}y = (1,10,100)$ 时"
            "梯度为 $<<dx>>$：$5$ 胜出两次，得到 $1 + 10$。"), _collected,
            {"y": [5, 5, 3], "dx": [0, 11, 0, 100, 0]}),
        Example(Words(
            "A tie goes to the first. For $x = (2,2,1,2)$, one window of $4$, the gradient is "
            "$<<first>>$; with the rule *last* it is $<<last>>$, with *even* $<<even>>$. Each is a "
            "subgradient.",
            "并列时归第一个。对 $x = (2,2,1,2)$，一个大小为 $4$ 的窗口，梯度为 $<<first>>$；按*最后一个*"
            "的规则为 $<<last>>$，按*均分*为 $<<even>>$。三者都是次梯度。"), _ties,
            {"first": [1, 0, 0, 0], "last": [0, 0, 0, 1],
             "even": [Fraction(1, 3), Fraction(1, 3), 0, Fraction(1, 3)]}),
        Figure("pool-windows", _draw, Words(
            "Windows of three with stride $2$: the even inputs in the middle belong to two "
            "windows, the odd ones to one. (The $w_a$ number the taps; pooling has no weights.)",
            "大小为三、步幅为 $2$ 的窗口：中间的偶数号输入属于两个窗口，奇数号的属于一个。（$w_a$ 只是"
            "抽头的编号；池化没有权重。）"), _windows_hold, key="pool-windows"),
        Prose(Words(
            "Maximum pooling is *not* a convolution with some clever kernel: a convolution is "
            "additive and the maximum is not,",
            "最大池化*不是*用某个巧妙的卷积核做的卷积：卷积是可加的，而最大值不是，")),
        Formula(r"\max(1,0) + \max(0,1) = 2 \;\ne\; 1 = \max(1+0,\;0+1),", _not_additive,
                key="max-not-additive"),
        Prose(Words(
            "but only subadditive. Nor does it sharpen: where the input is constant it returns the "
            "constant, and it widens bright spots by the size of the window. What it buys is a "
            "little tolerance of shifts:",
            "而只是次可加。它也不锐化：输入为常数处它返回该常数，并把亮点扩大到窗口的大小。它换来的是对"
            "平移的少许容忍：")),
        Example(Words(
            "A single $9$ at place $2$ or at place $3$ of six gives, with windows of $2$ and "
            "stride $2$, the same $<<two>>$; at place $4$ it gives $<<four>>$. The tolerance ends "
            "at the window's edge.",
            "六个位置中，单独的 $9$ 放在位置 $2$ 或位置 $3$，用窗口 $2$、步幅 $2$ 得到相同的 $<<two>>$；"
            "放在位置 $4$ 则得 $<<four>>$。容忍度止于窗口的边缘。"), _tolerance,
            {"two": [0, 9, 0], "four": [0, 0, 9]}),
    )


def _pooled(x: Any, summary: Any) -> Any:
    import numpy as np

    out = (x.shape[2] - 3) // 2 + 1
    found = np.empty((*x.shape[:2], out), dtype=object)
    for n, c, i in np.ndindex(*found.shape):
        found[n, c, i] = summary(x[n, c, 2 * i:2 * i + 3].tolist())
    return found


def _largest(x: Any) -> Any:
    return _pooled(x, max)


def _means(x: Any) -> Any:
    return _pooled(x, lambda window: Fraction(sum(window), 3))


def _three_kinds() -> dict[str, object]:
    x = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    pools = {"max": ops.max_pool2d(2, stride=1), "min": ops.min_pool2d(2, stride=1),
             "avg": ops.avg_pool2d(2, stride=1)}
    return {"x": x, **{name: ch.run(pool, x=[[x]])[0][0] for name, pool in pools.items()}}


def _mirror() -> bool:
    """Values and gradients, with ties among the inputs."""
    draw = random.Random("mirror")
    for _ in range(5):
        x = [draw.randint(-2, 2) for _ in range(9)]
        low = ch.run(ops.min_pool1d(3, stride=2), x=[[x]])[0][0]
        high = ch.run(ops.max_pool1d(3, stride=2), x=[[[-value for value in x]]])[0][0]
        slopes = [ch.gradient(pool, "x", [[[1, 2, 3, 4]]], x=[[[sign * value for value in x]]])
                  for sign, pool in ((1, ops.min_pool1d(3, stride=2)),
                                     (-1, ops.max_pool1d(3, stride=2)))]
        if low != [-value for value in high] or slopes[0] != slopes[1]:
            return False
    return True


def _collected() -> dict[str, object]:
    pool, x = ops.max_pool1d(3, stride=1), [[[1, 5, 2, 3, 0]]]
    return {"y": ch.run(pool, x=x)[0][0],
            "dx": ch.gradient(pool, "x", [[[1, 10, 100]]], x=x)[0][0]}


def _ties() -> dict[str, object]:
    return {rule: ch.gradient(ops.max_pool1d(4, ties=rule), "x", [[[1]]],
                              x=[[[2, 2, 1, 2]]])[0][0] for rule in ("first", "last", "even")}


def _draw(lang: Lang) -> Drawing:
    from symconv.notes.pictures.axis import Window, sheet

    return sheet([(Window(7, 3, stride=2), "k = 3, s = 2")], lang)


def _windows_hold() -> bool:
    """How many windows each input belongs to, by the pool's own relation."""
    counts = ch.gradient(ops.sum_pool1d(3, stride=2), "x", [[[1, 1, 1]]], x=[[[0] * 7]])[0][0]
    return bool(counts == [1, 1, 2, 1, 2, 1, 1])


def _not_additive() -> bool:
    def top(window: list[int]) -> int:
        found: int = ch.run(ops.max_pool1d(2), x=[[window]])[0][0][0]
        return found

    draw = random.Random("subadditive")
    for _ in range(20):
        left, right = ([draw.randint(-9, 9) for _ in range(2)] for _ in range(2))
        if top([a + b for a, b in zip(left, right, strict=True)]) > top(left) + top(right):
            return False
    return (top([1, 0]) + top([0, 1]), top([1, 1])) == (2, 1)


def _tolerance() -> dict[str, object]:
    def at(place: int) -> list[int]:
        found: list[int] = ch.run(ops.max_pool1d(2), x=[[[9 * (k == place) for k in range(6)]]])[0][0]
        return found

    return {"two": at(2) if at(2) == at(3) else [at(2), at(3)], "four": at(4)}
