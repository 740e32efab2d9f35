"""Winograd in two dimensions, in tiles, and the table of schemes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from symconv import ops
from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Formula,
    Heading,
    Items,
    Prose,
    Table,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """Planes, and what each scheme saves."""
    return _plane()


def _plane() -> tuple[Block, ...]:
    return (
        Heading(Words("Two dimensions, tiles", "二维与分块")),
        Prose(Words(
            "In two dimensions the scheme is applied to the rows and to the columns:",
            "二维情形把方案分别用于行与列：")),
        Formula(r"Y = A^{\mathsf T} \big( (G\, g\, G^{\mathsf T}) \odot "
                r"(B^{\mathsf T} d\, B) \big)\, A", _plane_holds, key="winograd-2d"),
        Table((Words("scheme", "方案"), Words("points besides $\\infty$", "除 $\\infty$ 外的点"),
               Words("products", "乘法次数"), Words("directly", "直接计算"),
               Words("ratio", "比值"), Words("ratio in 2-D", "二维比值")), _scheme_rows,
              _schemes_hold,
              Words("Products per tile. Every scheme is verified symbolically.",
                    "每块的乘法次数。每个方案都经过符号验证。"), key="winograd-table"),
        Prose(Words(
            "A picture is cut into tiles of $n \\times n$ inputs that overlap by $r-1$ and give "
            "$m \\times m$ outputs each. The transforms of a tile are shared by all output "
            "channels, those of a kernel by all tiles, and the sum over input channels can be "
            "taken *before* $A^{\\mathsf T}$ is applied, since that map is linear. So for many "
            "channels nearly all the work is in the products.",
            "图像被切成 $n \\times n$ 个输入的块，相邻的块重叠 $r-1$，每块给出 $m \\times m$ 个输出。一块的"
            "变换由全部输出通道共用，一个卷积核的变换由全部块共用，而对输入通道的求和可以在应用 "
            "$A^{\\mathsf T}$ *之前*进行，因为该映射是线性的。因此通道很多时，几乎全部工作都在这些乘法上。")),
        Formula(r"Y_o = A^{\mathsf T} \Big( \sum_c (G\, g_{oc}\, G^{\mathsf T}) \odot "
                r"(B^{\mathsf T} d_c\, B) \Big)\, A", _tiles_hold, key="winograd-tiles"),
        Items((
            Words("It needs stride $1$. The gradient of a strided layer falls into residue classes "
                  "of stride $1$ ([[6]]), and each class can use it.",
                  "它要求步幅为 $1$。步幅层的梯度按同余类分解为步幅为 $1$ 的部分（[[6]]），每一类都可以"
                  "使用它。"),
            Words("The result is the same polynomial in $d$ and $g$, hence so are all gradients: "
                  "nothing about differentiation changes.",
                  "结果是 $d$ 与 $g$ 的同一个多项式，因此全部梯度也相同：求导方面没有任何变化。"),
            Words("The gradient by the kernel is a correlation as well, with $r$ outputs and $m$ "
                  "taps, and $F(r,m)$ has just as many products.",
                  "对卷积核的梯度也是互相关，有 $r$ 个输出、$m$ 个抽头，而 $F(r,m)$ 的乘法次数恰好相同。"))),
    )


def _plane_holds() -> bool:
    """F(2x2, 3x3) with a symbol for each input and weight."""
    import sympy

    from symconv.notes.winograd import scheme

    d = sympy.Matrix(4, 4, _symbols(16, "d"))
    g = sympy.Matrix(3, 3, _symbols(9, "g"))
    wanted = sympy.Matrix(2, 2, lambda i, j: sum(d[i + a, j + e] * g[a, e] for a in range(3)
                                                 for e in range(3)))
    return bool((scheme(2, 3).apply2(d, g) - wanted).expand() == sympy.zeros(2, 2))


def _scheme_numbers() -> list[tuple[int, int, int, int]]:
    from symconv.notes.winograd import STANDARD

    return [(m, r, m + r - 1, m * r) for m, r in STANDARD]


def _scheme_rows() -> Sequence[Sequence[str]]:
    from fractions import Fraction

    from symconv.notes.numbers import shown
    from symconv.notes.winograd import STANDARD

    rows = []
    for m, r, fast, direct in _scheme_numbers():
        ratio = Fraction(direct, fast)
        points = ", ".join(map(shown, STANDARD[m, r]))
        rows.append((f"$F({m},{r})$", f"${points}$", f"${fast}$", f"${direct}$",
                     f"${float(ratio):.2f}$", f"${float(ratio ** 2):.2f}$"))
    return rows


def _schemes_hold() -> bool:
    """Each scheme is an identity in all its symbols, with as many products as stated."""
    import sympy

    from symconv.notes.winograd import correlation, scheme

    for m, r, fast, direct in _scheme_numbers():
        found = scheme(m, r)
        d, g = _symbols(fast, "d"), _symbols(r, "g")
        if found.g.shape != (fast, r) or found.a.shape != (m, fast) or m * r != direct:
            return False
        if any(sympy.expand(value - wanted) != 0 for value, wanted
               in zip(found.apply(d, g), correlation(d, g), strict=True)):
            return False
    return True


def _tiles_hold() -> bool:
    """Two input and two output channels on a padded picture: tiles against the engine."""
    import numpy as np
    import sympy

    from symconv.notes.winograd import scheme

    draw = random.Random("tiles")

    found, x, w = scheme(2, 3), ch.drawn(draw, 1, 2, 4, 6), ch.drawn(draw, 2, 2, 3, 3)
    padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1)))
    wanted = np.array(ch.run(ops.conv2d(padding=1, bias=False), x=x, w=w), dtype=object)[0]
    for o, i, j in np.ndindex(2, 2, 3):
        total = sympy.zeros(4, 4)
        for c in range(2):
            tile = sympy.Matrix(padded[c, 2 * i:2 * i + 4, 2 * j:2 * j + 4].tolist())
            kernel = found.g * sympy.Matrix(w[o, c].tolist()) * found.g.T
            total += kernel.multiply_elementwise(found.b * tile * found.b.T)
        result = found.a * total * found.a.T
        if not ch.same(result.tolist(), wanted[o, 2 * i:2 * i + 2, 2 * j:2 * j + 2]):
            return False
    return True


def _symbols(count: int, name: str) -> list[Any]:
    import sympy

    return list(sympy.symbols(f"{name}0:{count}"))
