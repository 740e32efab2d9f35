"""The gradient of the input for every stride and dilation: where zeros are inserted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from symconv import ops
from symconv.notes.chapters.ch06_inputs import drawn_layer, element, input_gradient
from symconv.notes.model import (
    Block,
    DerivationBlock,
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

_PAIRS = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (4, 3))


def blocks() -> tuple[Block, ...]:
    """Stride 2, and every stride and dilation."""
    return (*_zeros(), *_classes())


def _zeros() -> tuple[Block, ...]:
    return (
        Heading(Words("Where “insert zeros” comes from", "“插入零”从何而来")),
        Prose(Words(
            "With stride $2$ the equation $u = 2i+a$ ties the parity of $u$ to that of $a$. Solved "
            "over the integers it falls into two residue classes:",
            "步幅为 $2$ 时，方程 $u = 2i+a$ 把 $u$ 的奇偶性与 $a$ 的奇偶性联系在一起。在整数范围内"
            "求解，它分为两个同余类：")),
        DerivationBlock(lambda: ops.conv1d(stride=2, kernel_size=3, bias=False),
                        {"x": (1, 2, 8), "w": (2, 2, 3)}, wrt=("x",), key="stride-two"),
        Prose(Words(
            "Even inputs are met by the taps $w_0, w_2$, odd ones by $w_1$ alone: two convolutions "
            "of stride $1$, whose results interleave. The two cases fit into one formula if "
            "$\\mathrm{d}y$ is first spread out, with $s-1$ zeros between its elements; the taps "
            "of the wrong residue then meet zeros:",
            "偶数位置的输入与抽头 $w_0, w_2$ 相遇，奇数位置的只与 $w_1$ 相遇：这是两个步幅为 $1$ "
            "的卷积，其结果交错排列。若先把 $\\mathrm{d}y$ 拉开，在元素之间插入 $s-1$ 个零，则两种"
            "情形可合为一个公式；余数不符的抽头遇到的都是零：")),
        Formula(r"\mathrm{d}x_u = \sum_{a=0}^{K-1} z_{u+p-da}\, w_a, \qquad "
                r"z_m = \begin{cases} \mathrm{d}y_{m/s} & s \mid m \\ 0 & s \nmid m \end{cases}",
                _zeros_hold, key="insert-zeros"),
        Prose(Words(
            "So *insert zeros, then convolve with the rotated kernel* is a theorem, and a wasteful "
            "program: of every $s$ products $s-1$ are with a zero. The residue classes compute "
            "the same without the zeros.",
            "因此“*先插入零，再与旋转后的卷积核作卷积*”是一个定理，却是一个浪费的程序：每 $s$ 个乘"
            "积中有 $s-1$ 个是与零相乘。同余类不引入零就算出同样的结果。")),
        Example(Words(
            "$K = 3$, $s = 2$, $H = 8$, $w = (1,2,4)$ and $\\mathrm{d}y = (1,10,100)$: the even "
            "places give $<<even>>$, the odd ones $<<odd>>$, and together "
            "$\\mathrm{d}x = <<dx>>$. The last input is reached by no window.",
            "$K = 3$，$s = 2$，$H = 8$，$w = (1,2,4)$，$\\mathrm{d}y = (1,10,100)$：偶数位置给出 "
            "$<<even>>$，奇数位置给出 $<<odd>>$，合起来 $\\mathrm{d}x = <<dx>>$。最后一个输入没有任"
            "何窗口触及。"), _interleaved,
            {"even": [1, 14, 140, 400], "odd": [2, 20, 200, 0],
             "dx": [1, 2, 14, 20, 140, 200, 400, 0]}),
    )


def _classes() -> tuple[Block, ...]:
    return (
        Heading(Words("Every stride and every dilation", "任意步幅与任意膨胀")),
        Prose(Words(
            "In general $u + p = si + da$ is a linear Diophantine equation. Let $g = \\gcd(s,d)$ "
            "and $u + p = sM + \\rho$ with $0 \\le \\rho < s$. It has solutions only if "
            "$g \\mid \\rho$, and then, for integers $t$,",
            "一般地，$u + p = si + da$ 是线性丢番图方程。设 $g = \\gcd(s,d)$，$u + p = sM + "
            "\\rho$，$0 \\le \\rho < s$。仅当 $g \\mid \\rho$ 时有解，此时对整数 $t$ 有")),
        Formula(r"\begin{aligned} a &= a_0 + \tfrac{s}{g}\, t, & a_0 &= \tfrac{\rho}{g} "
                r"\left(\tfrac{d}{g}\right)^{-1} \bmod \tfrac{s}{g}, \\ "
                r"i &= M + c - \tfrac{d}{g}\, t, & c &= \tfrac{1}{s}\,(\rho - d\,a_0). "
                r"\end{aligned}", _solutions_are_relation, key="residue-classes"),
        Prose(Words(
            "The number $c$ is an integer, so nothing is divided when the program runs. Per axis "
            "the gradient of a strided, dilated convolution is thus $s/g$ convolutions of stride "
            "$1$ and dilation $d/g$. Classes with $g \\nmid \\rho$, or with $a_0 \\ge K$, are "
            "empty, and their inputs have gradient zero, which must still be *written*.",
            "数 $c$ 是整数，所以程序运行时不作任何除法。于是在每个轴上，带步幅与膨胀的卷积的梯度就"
            "是 $s/g$ 个步幅为 $1$、膨胀为 $d/g$ 的卷积。$g \\nmid \\rho$ 或 $a_0 \\ge K$ 的类是空"
            "的，其输入的梯度为零，但仍须*写入*。")),
        Table(("$s$", "$d$", "$g$", Words("classes with solutions", "有解的类"),
               Words("dilation in each", "每类的膨胀"), Words("residues left empty", "空的余数")),
              _class_rows, _class_rows_hold,
              Words("Residue classes of $u + p$ modulo $s$ for three taps.",
                    "三个抽头时 $u + p$ 模 $s$ 的同余类。"), key="classes-table"),
        DerivationBlock(lambda: ops.conv1d(stride=2, dilation=2, kernel_size=3, bias=False),
                        {"x": (1, 1, 8), "w": (1, 1, 3)}, wrt=("x",), depth="result",
                        key="stride-and-dilation"),
        Prose(Words(
            "With stride and dilation both $2$ the odd inputs are never read: the bracket "
            r"$[2 \mid u]$ gives them the gradient zero.",
            "步幅与膨胀均为 $2$ 时，奇数位置的输入从不被读取：方括号 "
            r"$[2 \mid u]$ 使它们的梯度为零。")),
        Figure("ch06-controls", _dialled,
               Words("Stride $2$, dilation $1$, padding $1$. On the HTML page kernel, stride, "
                     "dilation and padding can be changed, and relation, classes and formula "
                     "follow.",
                     "步幅 $2$，膨胀 $1$，填充 $1$。在 HTML 页面上可以改变卷积核、步幅、膨胀与填"
                     "充，关系、"
                     "同余类与公式随之变化。"), _dialled_holds, moving=_controls, key="controls"),
    )


def _zeros_hold() -> bool:
    for taps, s, d, p in itertools.product((1, 3), (1, 2, 3), (1, 2), (0, 1)):
        layer, w, dy = drawn_layer(taps, s, d, p, 7)
        spread = [dy[m // s] if m % s == 0 else 0 for m in range(s * (len(dy) - 1) + 1)]
        wanted = [sum(element(spread, u + p - d * a) * w[a] for a in range(taps))
                  for u in range(7)]
        if wanted != input_gradient(layer, w, dy, 7):
            return False
    return True


def _interleaved() -> dict[str, object]:
    found = input_gradient(ops.conv1d(stride=2, bias=False), [1, 2, 4], [1, 10, 100], 8)
    return {"even": found[::2], "odd": found[1::2], "dx": found}


def _solutions(s: int, d: int, u: int, p: int, taps: int) -> Iterator[tuple[int, int]]:
    """The pairs (i, a) of the printed formula, for every t that keeps a among the taps."""
    g = math.gcd(s, d)
    m, rho = divmod(u + p, s)
    if rho % g:
        return
    step = s // g
    first = rho // g * pow(d // g, -1, step) % step if step > 1 else 0
    shift, rest = divmod(rho - d * first, s)
    if rest:
        raise ArithmeticError("c is no integer")
    for t in range(max(0, -(-(taps - first) // step))):
        yield m + shift - d // g * t, first + step * t


def _solutions_are_relation() -> bool:
    """The formula gives every point of R and no other, for all small s, d, K, p and H."""
    for s, d, taps, p, size in itertools.product((1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3),
                                                 (0, 1, 2), (5, 8)):
        outputs = (size + 2 * p - d * (taps - 1) - 1) // s + 1
        relation = [(u, i, a) for u in range(size) for i in range(outputs) for a in range(taps)
                    if u + p == s * i + d * a]
        solved = [(u, i, a) for u in range(size) for i, a in _solutions(s, d, u, p, taps)
                  if 0 <= i < outputs]
        if sorted(relation) != sorted(solved):
            return False
    return True


def _class_facts(s: int, d: int) -> tuple[int, int, int, list[int]]:
    """g, classes with solutions, dilation, empty residues: from the engine's residue classes."""
    from symconv.integers import Int
    from symconv.solve import Classes

    found = Classes("i", "a", s, d, Int.of("u"))
    full = [rho for rho in range(0, s, found.gcd)
            if (found.first(Int.of(rho)).constant or 0) < 3]
    return found.gcd, len(full), found.back, [rho for rho in range(s) if rho not in full]


def _dialled(lang: Lang) -> Drawing:
    from symconv.notes.pictures.axis import Window, sheet

    return sheet([(Window(8, 3, 2, 1, 1), "s=2, d=1, p=1")], lang)


def _controls(lang: Lang) -> str:
    from symconv.notes.pictures.controls import controls

    return controls(lang)


def _dialled_holds() -> bool:
    """What is drawn is what the residue classes give."""
    from symconv.notes.pictures.axis import Window

    window = Window(8, 3, 2, 1, 1)
    solved = [(i, u, a) for u in range(8) for i, a in _solutions(2, 1, u, 1, 3)
              if 0 <= i < window.outputs()]
    return sorted(window.links()) == sorted(solved)


def _class_rows() -> Sequence[Sequence[str]]:
    rows = []
    for s, d in _PAIRS:
        g, count, dilation, empty = _class_facts(s, d)
        rows.append([f"${value}$" for value in (s, d, g, count, dilation)]
                    + [f"${', '.join(map(str, empty))}$" if empty else ""])
    return rows


def _class_rows_hold() -> bool:
    """A residue is empty exactly where no tap solves the congruence s | rho - d a."""
    for s, d in _PAIRS:
        g, count, dilation, empty = _class_facts(s, d)
        wanted = [rho for rho in range(s) if all((rho - d * a) % s for a in range(3))]
        if (g, dilation) != (math.gcd(s, d), d // math.gcd(s, d)):
            return False
        if empty != wanted or count != s - len(wanted):
            return False
    return True
