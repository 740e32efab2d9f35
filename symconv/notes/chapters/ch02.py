"""Chapter 2: what is not differentiable, and what to do there."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from symconv.notes import checking as ch
from symconv.notes.chapters import ch02_saturation, ch02_ties
from symconv.notes.model import (
    Block,
    Chapter,
    DerivationBlock,
    Example,
    Formula,
    Heading,
    Prose,
    Words,
)
from symconv.operator import parse

_TENTHS = [Fraction(n, 10) for n in range(-30, 31)]


def chapter() -> Chapter:
    """Kinks, tie rules, and what frameworks do."""
    return Chapter(2, Words("What is not differentiable", "不可微之处"),
                   (*_absolute(), *_extrema(), *_linear(), *ch02_ties.blocks(),
                    *ch02_saturation.blocks()))


def _absolute() -> tuple[Block, ...]:
    return (
        Heading(Words("The absolute value", "绝对值")),
        Prose(Words(
            "The slope of $|x|$ is $-1$ to the left of $0$ and $+1$ to the right. At $0$ the two "
            "one-sided derivatives differ, so no linear map approximates the function there: "
            "$|x|$ is not differentiable at $0$. It is still convex, and a convex function has "
            "supporting lines at every point. Their slopes are the **subgradients**; the set of "
            "all of them is the **subdifferential**:",
            "$|x|$ 的斜率在 $0$ 的左边是 $-1$，右边是 $+1$。在 $0$ 处两个单侧导数不等，所以那里没有"
            "线性映射能够近似它：$|x|$ 在 $0$ 处不可微。但它是凸函数，而凸函数在每一点都有支撑直"
            "线。支撑直线的斜率称为**次梯度**；全体次梯度的集合称为**次微分**：")),
        Formula(Words(
                    r"\partial f(x) = \{\, g : f(z) \ge f(x) + g\,(z-x) \ \text{for all } z \,\}",
                    r"\partial f(x) = \{\, g : f(z) \ge f(x) + g\,(z-x) \ \text{对一切 } z \,\}"),
                _definition_fits_slopes, key="subdifferential"),
        Formula(r"\partial |x| = \begin{cases} \{-1\} & x < 0 \\ [-1,1] & x = 0 \\ "
                r"\{1\} & x > 0 \end{cases}",
                _absolute_subdifferential, key="abs-subdifferential"),
        Prose(Words(
            "The interval is **closed**. At $0$ the condition reads $|z| \\ge gz$ for all $z$; the "
            "slopes $g = 1$ and $g = -1$ satisfy it, with equality on a half-line. Any "
            "larger slope fails at one point, and one point is enough:",
            "这个区间是**闭**的。在 $0$ 处条件成为：对一切 $z$ 有 $|z| \\ge gz$；斜率 $g = 1$ 与 "
            "$g = -1$ 都满足，并在一条半直线上取等号。任何更大的斜率都在某一点失败，而一点就够"
            "了：")),
        Example(Words(
            "For $g = 1$ the smallest value of $|z| - gz$ over $z = -3, -2.9, \\dots, 3$ is "
            "$<<end>>$; for $g = -1$ it is $<<other>>$. For $g = \\tfrac{11}{10}$ and $z = 1$ it "
            "is $<<beyond>>$, which is negative.",
            "取 $z = -3, -2.9, \\dots, 3$：当 $g = 1$ 时 $|z| - gz$ 的最小值为 $<<end>>$；当 $g = "
            "-1$ 时为 $<<other>>$。而当 $g = \\tfrac{11}{10}$、$z = 1$ 时它等于 $<<beyond>>$，为负"
            "数。"),
            lambda: {"end": min(abs(z) - z for z in _TENTHS),
                     "other": min(abs(z) + z for z in _TENTHS),
                     "beyond": ch.run("x: [N]; y[i] = abs(x[i])", x=[1])[0] - Fraction(11, 10)},
            {"end": 0, "other": 0, "beyond": Fraction(-1, 10)}),
        Prose(Words(
            "For functions that are not convex one takes **Clarke's generalised gradient**: all "
            "limits of gradients at nearby points of differentiability, and the convex hull of "
            "these. For $|x|$ at $0$ the limits are $-1$ and $1$, the hull is $[-1,1]$ again. For "
            "$-|x|$, which has no supporting line from below at $0$, it is $[-1,1]$ as well. For "
            "$\\operatorname{relu}(x) = \\max(x,0)$ at $0$ it is $[0,1]$.",
            "对非凸函数，则取 **Clarke 广义梯度**：取附近可微点处梯度的一切极限，再取它们的凸包。对"
            " $|x|$ 在 $0$ 处，极限为 $-1$ 与 $1$，凸包仍是 $[-1,1]$。对 $-|x|$，它在 $0$ 处没有下"
            "方的支撑直线，结果同样是 $[-1,1]$。对 $\\operatorname{relu}(x) = \\max(x,0)$，在 $0$ "
            "处是 $[0,1]$。")),
    )


def _extrema() -> tuple[Block, ...]:
    return (
        Heading(Words("Maximum and minimum", "最大值与最小值")),
        Prose(Words(
            "Where one argument alone is the largest, $\\max$ is that argument, and its gradient "
            "is the corresponding unit vector. At a tie, when the largest value is reached by "
            "several arguments, every weighting of these arguments is a subgradient:",
            "若最大值只在一个变元处达到，则 $\\max$ 就是这个变元，其梯度是相应的单位向量。出现并"
            "列，即最大值由多个变元达到时，这些变元的每一种加权都是次梯度：")),
        Formula(Words(
                    r"\partial \max(x_1,\dots,x_n) = \Bigl\{\, s : s_i \ge 0,\ \sum_i s_i = 1,\ "
                    r"s_i = 0 \ \text{if}\ x_i < \max_j x_j \,\Bigr\}",
                    r"\partial \max(x_1,\dots,x_n) = \Bigl\{\, s : s_i \ge 0,\ \sum_i s_i = 1,\ "
                    r"\text{当}\ x_i < \max_j x_j\ \text{时}\ s_i = 0 \,\Bigr\}"),
                _max_subdifferential, key="max-subdifferential"),
        Prose(Words(
            "Since $\\min(x) = -\\max(-x)$, the minimum is concave, and the same set, with $<$ "
            "turned round, is its generalised gradient. The engine writes an extremum as a sum "
            "with a **selector** $S$, a frozen array of weights; which $s$ of the set it holds is "
            "the tie rule. For windows of two, with the first maximum selected:",
            "由 $\\min(x) = -\\max(-x)$ 知最小值是凹函数，把 $<$ 反向后，同一个集合就是它的广义梯"
            "度。引擎把极值写成带**选择因子** $S$ 的和，$S$ 是一组不参与求导的权重；它取集合中的哪"
            "个 $s$，就是并列规则。对长为二的窗口，选取第一个最大值：")),
        DerivationBlock(lambda: parse("x: [H]; i < H - 1; a < 2; y[i] = max[a](x[i+a])"),
                        {"x": (5,)}, wrt=("x",), key="max-derivation"),
        Example(Words(
            "For $x = (1,3,3,2)$ the windows give $y = <<y>>$, and $\\mathrm{d}y = (1,1,1)$ leads "
            "to $\\mathrm{d}x = <<first>>$ with the first maximum, $<<last>>$ with the last, and "
            "$<<even>>$ with an even share. Each sums to the sum of $\\mathrm{d}y$.",
            "对 $x = (1,3,3,2)$，各窗口给出 $y = <<y>>$。由 $\\mathrm{d}y = (1,1,1)$，取第一个最大"
            "值得 $\\mathrm{d}x = <<first>>$，取最后一个得 $<<last>>$，平均分配得 $<<even>>$。三者"
            "之和都等于 $\\mathrm{d}y$ 之和。"), _windows,
            {"y": [3, 3, 3], "first": [0, 2, 1, 0], "last": [0, 1, 2, 0],
             "even": [0, Fraction(3, 2), Fraction(3, 2), 0]}),
    )


def _linear() -> tuple[Block, ...]:
    return (
        Heading(Words("Sum and mean are linear", "求和与平均是线性的")),
        Prose(Words(
            "It is sometimes said that an average has no derivative because no element is "
            "selected. The opposite holds: sum and mean are linear maps, and a linear map is "
            "differentiable everywhere, with itself as derivative. The weights are $1$ and "
            "$\\tfrac1n$:",
            "有人说平均没有导数，因为没有哪个元素被选中。事实恰恰相反：求和与平均是线性映射，而线性"
            "映射处处可微，其导数就是它自己。权重分别为 $1$ 与 $\\tfrac1n$：")),
        Formula(r"\frac{\partial}{\partial x_j} \sum_{i=1}^{n} x_i = 1, \qquad "
                r"\frac{\partial}{\partial x_j}\, \frac1n \sum_{i=1}^{n} x_i = \frac1n",
                _sum_and_mean, key="mean-is-linear"),
        Example(Words(
            "For four elements, the gradient of the mean is $<<mean>>$ and that of the sum "
            "$<<sum>>$, whatever the elements are.",
            "对四个元素，平均的梯度为 $<<mean>>$，求和的梯度为 $<<sum>>$，与元素的取值无关。"),
            lambda: {"mean": ch.gradient("x: [N]; y = mean[i](x[i])", "x", 1, x=[7, 7, -2, 0]),
                     "sum": ch.gradient("x: [N]; y = sum[i](x[i])", "x", 1, x=[7, 7, -2, 0])},
            {"mean": [Fraction(1, 4)] * 4, "sum": [1] * 4}),
    )


def _subgradient(function: Callable[[Fraction], Fraction], x: Fraction, g: Fraction) -> bool:
    return all(function(z) >= function(x) + g * (z - x) for z in _TENTHS)


def _definition_fits_slopes() -> bool:
    """For a differentiable convex function the set holds the derivative alone."""
    draw = random.Random("subdifferential")
    for _ in range(ch.TRIALS):
        # a square with its vertex elsewhere, at a point inside the sampled range
        top, x = Fraction(draw.randint(-9, 9), 10), Fraction(draw.randint(-20, 20), 10)

        def square(z: Fraction, top: Fraction = top) -> Fraction:
            return (z - top) ** 2

        slope = 2 * (x - top)
        if not _subgradient(square, x, slope):
            return False
        if _subgradient(square, x, slope + 1) or _subgradient(square, x, slope - 1):
            return False
    return True


def _absolute_subdifferential() -> bool:
    """Exactly the slopes of the closed interval pass, on a grid of slopes around it."""
    slopes = [Fraction(n, 20) for n in range(-30, 31)]
    expected = {-1: [Fraction(-1)], 0: [g for g in slopes if -1 <= g <= 1], 1: [Fraction(1)]}
    return all([g for g in slopes if _subgradient(abs, Fraction(x), g)] == wanted
               for x, wanted in expected.items())


def _max_subdifferential() -> bool:
    """On a grid of s, the subgradient inequality at sampled z holds exactly for the set."""
    import itertools

    grid = [Fraction(n, 2) for n in range(-1, 4)]
    around = list(itertools.product((-2, -1, 0, 1, 2), repeat=3))
    for x in ((1, 1, 0), (1, 1, 1), (2, 0, 1)):
        for s in itertools.product(grid, repeat=3):
            inside = (min(s) >= 0 and sum(s) == 1
                      and all(part == 0 for part, value in zip(s, x, strict=True)
                              if value < max(x)))
            holds = all(max(a + b for a, b in zip(x, h, strict=True))
                        >= max(x) + sum(a * b for a, b in zip(s, h, strict=True))
                        for h in around)
            if inside != holds:
                return False
    return True


def _windows() -> dict[str, object]:
    x, found = [1, 3, 3, 2], {}
    for rule, word in (("first", "max"), ("last", "max_last"), ("even", "max_even")):
        text = f"x: [H]; i < H - 1; a < 2; y[i] = {word}[a](x[i+a])"
        found[rule] = ch.gradient(text, "x", [1, 1, 1], x=x)
        found["y"] = ch.run(text, x=x)
    return found


def _sum_and_mean() -> bool:
    """The derived gradients, and the defining property of a linear map, on random inputs."""
    draw = random.Random("linear")
    for text, weight in (("x: [N]; y = sum[i](x[i])", Fraction(1)),
                         ("x: [N]; y = mean[i](x[i])", Fraction(1, 5))):
        x, z = ([draw.randint(-9, 9) for _ in range(5)] for _ in range(2))
        combined = [3 * a - 2 * b for a, b in zip(x, z, strict=True)]
        if ch.run(text, x=combined) != 3 * ch.run(text, x=x) - 2 * ch.run(text, x=z):
            return False
        if not ch.same(ch.gradient(text, "x", 1, x=x), [weight] * 5):
            return False
    return True
