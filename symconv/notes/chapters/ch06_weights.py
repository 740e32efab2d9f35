"""One relation behind all gradients; the gradients of the weights and of the bias."""

from __future__ import annotations

import itertools
import random
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
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
    """Relation, weights, bias."""
    return (*_relation(), *_weights())


def _relation() -> tuple[Block, ...]:
    return (
        Heading(Words("One relation, three gradients", "一个关系，三个梯度")),
        Prose(Words(
            "Along one axis, input $u$, output $i$ and tap $a$ meet in a product exactly when",
            "沿一个轴，输入 $u$、输出 $i$ 与抽头 $a$ 恰在下列条件成立时相遇并构成一个乘积：")),
        Formula(r"R = \bigl\{\, (u,i,a) : u + p = s\,i + d\,a,\ 0 \le u < H,\ 0 \le i < H_o,\ "
                r"0 \le a < K \,\bigr\}", _relation_holds, key="relation"),
        Prose(Words(
            "The forward pass and all gradients are sums over this one set; what differs is only "
            "which of the three indices is held fast:",
            "前向传播与所有梯度都是对这同一个集合的求和；不同之处仅在于固定三个下标中的哪一个：")),
        Formula(r"y_i = \sum_{(u,i,a) \in R} x_u w_a, \qquad "
                r"\mathrm{d}x_u = \sum_{(u,i,a) \in R} \mathrm{d}y_i\, w_a, \qquad "
                r"\mathrm{d}w_a = \sum_{(u,i,a) \in R} \mathrm{d}y_i\, x_u",
                _sums_over_relation, key="sums-over-relation"),
        Prose(Words(
            "Read as a program, such a sum has two forms. In **scatter form** one walks over all "
            "$(i,a)$, computes $u = si+da-p$, and adds $\\mathrm{d}y_i\\,w_a$ to "
            "$\\mathrm{d}x_u$: easy to write, but several $(i,a)$ write to the same place. In "
            "**gather form** one walks over $u$ and collects what belongs there; every element is "
            "written once, and the equation must be solved for $(i,a)$. Both enumerate $R$, each "
            "triple once, so they are equal. The engine derives the gather form for all three "
            "operands, with stride, padding and dilation as symbols:",
            "把这样的和当作程序来读，有两种形式。**散布形式**遍历所有 $(i,a)$，算出 $u = si+da-p$，"
            "把 $\\mathrm{d}y_i\\,w_a$ 加到 $\\mathrm{d}x_u$ 上：容易写，但多个 $(i,a)$ 会写同一"
            "处。**汇集形式**遍历 $u$，收集属于它的各项；每个元素只写一次，但必须对 $(i,a)$ 求解方"
            "程。二者都枚举 $R$，每个三元组恰好一次，因此相等。引擎在步幅、填充与膨胀均为符号时，对"
            "三个操作数推导汇集形式：")),
        DerivationBlock(lambda: ops.conv1d(stride="s", padding="p", dilation="d"),
                        {"x": (2, 2, 6), "w": (2, 2, 2), "b": (2,)}, wrt=("x", "w", "b"),
                        params={"s": 2, "p": 1, "d": 2}, key="layer-gradients"),
        Prose(Words(
            "Examples cannot exhaust all sizes. `symconv prove conv1d` has a solver for integer "
            "arithmetic decide for *every* $H$, $K$, $s$, $d$ and $p$ at once that the gather form "
            "and the definition have the same points, each once.",
            "例子不能穷尽一切大小。`symconv prove conv1d` 让整数算术的求解器对*一切* $H$、$K$、"
            "$s$、$d$、$p$ 同时判定：汇集形式与定义具有相同的点，且每个点恰好一次。")),
    )


def _weights() -> tuple[Block, ...]:
    return (
        Heading(Words("The gradient of the weights and of the bias", "权重与偏置的梯度")),
        Prose(Words(
            "The gradient of $w$ needs no solving, since $u$ follows from $i$ and $a$. It is a "
            "cross-correlation again, of the input with the output gradient as kernel, in which "
            "**stride and dilation have changed places**: the tap $a$ steps by $d$, the summed "
            "index $i$ by $s$.",
            "$w$ 的梯度无须求解，因为 $u$ 由 $i$ 与 $a$ 确定。它又是一个互相关，以输出的梯度为卷积"
            "核作用于输入，其中**步幅与膨胀互换了位置**：抽头 $a$ 以 $d$ 前进，求和下标 $i$ 以 "
            "$s$ 前进。")),
        Formula(r"\mathrm{d}w_a = \sum_{i} x_{d\,a + s\,i - p}\; \mathrm{d}y_i = "
                r"\operatorname{conv}_{\mathrm{stride}\,d,\ \mathrm{dilation}\,s,\ "
                r"\mathrm{padding}\,p}(x,\, \mathrm{d}y)_a",
                _stride_becomes_dilation, key="weight-gradient"),
        Prose(Words(
            "taken for $0 \\le a < K$: if the stride leaves inputs over, the right-hand side has "
            "more elements than there are taps, and the surplus is dropped. The bias is added to "
            "every output of its channel, so its gradient is the **sum** over batch and positions; "
            "a mean would be wrong by their number.",
            "其中取 $0 \\le a < K$：若步幅使输入有剩余，则右边的元素多于抽头，多出的部分舍去。偏"
            "置加到该通道的每个输出上，所以它的梯度是对批量与位置的**求和**；若取平均，就差了个数那"
            "么多倍。")),
        Formula(r"\mathrm{d}b_o = \sum_{n} \sum_{i,j} \mathrm{d}y_{n,o,i,j}", _bias_is_sum,
                key="bias-gradient"),
        Example(Words(
            "For $x = <<x>>$, $w = <<w>>$ and $\\mathrm{d}y$ all ones: $\\mathrm{d}w = <<dw>>$, "
            "the sums of the four windows' inputs under each tap, and $\\mathrm{d}b = <<db>>$.",
            "取 $x = <<x>>$，$w = <<w>>$，$\\mathrm{d}y$ 全为一：$\\mathrm{d}w = <<dw>>$，即四个窗"
            "口中落在各抽头下的输入之和，而 $\\mathrm{d}b = <<db>>$。"), _ones,
            {"dw": [[8, 12], [20, 24]], "db": 4}),
        Prose(Words(
            "With this gradient a kernel is learned instead of designed. Shown a picture of bars "
            "and its edges, and starting from $w = (0,0)$, descent along $-\\mathrm{d}w$ of the "
            "mean squared error finds the edge detector $(1,-1)$ by itself:",
            "有了这个梯度，卷积核便可以学习得到，而不必人工设计。给出一幅带条纹的图像及其边缘，从 "
            "$w = (0,0)$ 出发，沿均方误差的 $-\\mathrm{d}w$ 下降，就会自行找到边缘检测卷积核 "
            "$(1,-1)$：")),
        Figure("ch06-learning", _learning,
               Words("Learning the edge kernel: image and edges, the two weights, and the loss.",
                     "学习边缘检测卷积核：图像与边缘，两个权重，以及损失。"), _is_learned,
               key="edge-learning"),
    )


_CASES = tuple(itertools.product((1, 2, 3), (1, 2, 3), (0, 1, 2)))       # stride, dilation, padding


def _triples(s: int, d: int, p: int, size: int, taps: int) -> list[tuple[int, int, int]]:
    outputs = (size + 2 * p - d * (taps - 1) - 1) // s + 1
    return [(u, i, a) for u in range(size) for i in range(outputs) for a in range(taps)
            if u + p == s * i + d * a]


def _relation_holds() -> bool:
    """R is where the layer's Jacobian has an entry, and the entry is the tap."""
    size, taps = 7, 3
    w = [11, 13, 17]
    for s, d, p in _CASES:
        layer = ops.conv1d(stride=s, dilation=d, padding=p, bias=False)
        matrix = ch.jacobian(layer, "x", x=[[[0] * size]], w=[[w]])
        wanted = [[0] * size for _ in matrix]
        for u, i, a in _triples(s, d, p, size, taps):
            wanted[i][u] += w[a]
        if not ch.same(matrix, wanted):
            return False
    return True


def _numbers(s: int, d: int, p: int) -> tuple[Any, list[int], list[int], list[int]]:
    draw = random.Random(f"relation {s} {d} {p}")
    layer = ops.conv1d(stride=s, dilation=d, padding=p, bias=False)
    x, w = ([draw.randint(1, 9) for _ in range(count)] for count in (7, 3))
    outputs = layer.output_shape(x=(1, 1, 7), w=(1, 1, 3))["y"][2]
    return layer, x, w, [draw.randint(1, 9) for _ in range(outputs)]


def _sums_over_relation() -> bool:
    for s, d, p in _CASES[::2]:
        layer, x, w, dy = _numbers(s, d, p)
        y, dx, dw = [0] * len(dy), [0] * len(x), [0] * len(w)
        for u, i, a in _triples(s, d, p, len(x), len(w)):
            y[i] += x[u] * w[a]
            dx[u] += dy[i] * w[a]
            dw[a] += dy[i] * x[u]
        given = {"x": [[x]], "w": [[w]]}
        if not (ch.same(ch.run(layer, **given), [[y]])
                and ch.same(ch.gradient(layer, "x", [[dy]], **given), [[dx]])
                and ch.same(ch.gradient(layer, "w", [[dy]], **given), [[dw]])):
            return False
    return True


def _stride_becomes_dilation() -> bool:
    for s, d, p in _CASES:
        layer, x, w, dy = _numbers(s, d, p)
        derived = ch.gradient(layer, "w", [[dy]], x=[[x]], w=[[w]])[0][0]
        turned = ops.conv1d(stride=d, dilation=s, padding=p, bias=False)
        found = ch.run(turned, x=[[x]], w=[[dy]])[0][0]
        if len(found) < len(w) or not ch.same(derived, found[:len(w)]):
            return False
    return True


def _bias_is_sum() -> bool:
    import numpy as np

    layer = ops.conv2d()
    shapes = {"x": (2, 1, 3, 4), "w": (2, 1, 2, 2), "b": (2,)}
    inputs = ch.sample(layer.definition, shapes, 1)
    draw = random.Random("bias")
    dy = np.array([draw.randint(-9, 9) for _ in range(2 * 2 * 2 * 3)],
                  dtype=object).reshape(2, 2, 2, 3)
    return (ch.same(ch.gradient(layer, "b", dy, **inputs), dy.sum(axis=(0, 2, 3)))
            and ch.derivative_holds(layer, "b", shapes))


def _ones() -> dict[str, object]:
    x, w = [[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]
    given = {"x": [[x]], "w": [[w]], "b": [0]}
    dy = [[[[1, 1], [1, 1]]]]
    return {"x": x, "w": w, "dw": ch.gradient(ops.conv2d(), "w", dy, **given)[0][0],
            "db": ch.gradient(ops.conv2d(), "b", dy, **given)[0]}


def _learning(lang: Lang) -> Drawing:
    from symconv.notes.pictures.learning import chart, learn

    return chart(learn(), lang)


def _is_learned() -> bool:
    """The loss falls at every step, the kernel arrives, and the first step is the derived one."""
    from fractions import Fraction

    from symconv.notes.pictures.learning import EDGE, RATE, learn

    course = learn()
    image, target = ([[int(value) for value in row] for row in values]
                     for values in (course.image, course.target))
    scale = Fraction(2, len(target) * len(target[0]))
    dy = [[-scale * value for value in row] for row in target]       # the first output is zero
    slope = ch.gradient(ops.conv2d(bias=False), "w", [[dy]], x=[[image]], w=[[[[0, 0]]]])[0][0][0]
    first = [-RATE * float(value) for value in slope]
    near = all(abs(a - b) < 1e-12 for a, b in zip(course.kernels[1], first, strict=True))
    arrived = all(abs(a - b) < 0.05 for a, b in zip(course.kernels[-1], EDGE, strict=True))
    return near and arrived and all(
        after < before for before, after in itertools.pairwise(course.losses))
