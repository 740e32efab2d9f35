"""Winograd's algorithm in floating point: the bound, and what is seen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from symconv.notes.model import Block, Example, Formula, Heading, Items, Prose, Table, Words

if TYPE_CHECKING:
    from symconv.notes.winograd import Scheme

_SCHEMES = ((2, 3), (4, 3), (6, 3))
_UNIT = Fraction(1, 2 ** 24)
_TRIALS = 100


def blocks() -> tuple[Block, ...]:
    """The error bound."""
    return (
        Heading(Words("What it costs in accuracy", "精度上的代价")),
        Prose(Words(
            "In exact arithmetic the scheme and the definition are equal. In floating point each "
            "operation rounds: $\\mathrm{fl}(x \\circ y) = (x \\circ y)(1+\\delta)$ with "
            "$|\\delta| \\le u$, where $u = 2^{-24}$ for single precision (overflow and underflow "
            "aside). Multiply out $y = A^{\\mathsf T}((Gg) \\odot (B^{\\mathsf T}d))$: each term "
            "is a product of one entry each of $A$, $G$, $g$, $B$ and $d$, and on its way to the "
            "output it picks up at most $K$ factors $1+\\delta$. As $|\\prod (1+\\delta_k) - 1| "
            "\\le \\gamma_K$, the computed $\\hat y$ obeys",
            "在精确算术中，方案与定义相等。在浮点运算中，每次运算都有舍入："
            "$\\mathrm{fl}(x \\circ y) = (x \\circ y)(1+\\delta)$，$|\\delta| \\le u$，单精度时 "
            "$u = 2^{-24}$（不计上溢与下溢）。把 $y = A^{\\mathsf T}((Gg) \\odot (B^{\\mathsf T}d))$ 展开："
            "每一项都是 $A$、$G$、$g$、$B$、$d$ 各一个元素之积，在到达输出的途中至多带上 $K$ 个因子 "
            "$1+\\delta$。由于 $|\\prod (1+\\delta_k) - 1| \\le \\gamma_K$，算得的 $\\hat y$ 满足")),
        Formula(r"|\hat y - y| \le \gamma_K\; |A^{\mathsf T}| \big( (|G|\,|g|) \odot "
                r"(|B^{\mathsf T}|\,|d|) \big), \qquad \gamma_K = \frac{K u}{1 - K u},",
                _bound_holds, key="winograd-bound"),
        Prose(Words(
            "where bars are taken entry by entry. $K$ is counted from the matrices: a row with "
            "$\\nu$ nonzeros costs one product and $\\nu - 1$ sums, so $\\nu$ factors; one more "
            "for a matrix whose constants are not binary fractions and are rounded beforehand; and "
            "one for the product in the middle.",
            "其中绝对值逐元素取。$K$ 由矩阵数出：有 $\\nu$ 个非零元的行需要一次乘法与 $\\nu - 1$ 次加法，"
            "即 $\\nu$ 个因子；若矩阵中的常数不是二进分数，事先要舍入，再加一个；中间的乘积再加一个。")),
        Example(Words(
            "For $F(2,3)$ the rows have at most $3$, $3$ and $2$ nonzeros, all constants are "
            "binary fractions, and $K = 3+3+2+1 = <<K>>$. With $|d_j| \\le 1$ and $|g_a| \\le 1$ "
            "the bound is $\\gamma_K$ times $<<sizes>>$. The direct sum of three products has "
            "$\\gamma_3 \\cdot 3$.",
            "对 $F(2,3)$，各矩阵的行分别至多有 $3$、$3$、$2$ 个非零元，常数都是二进分数，"
            "$K = 3+3+2+1 = <<K>>$。当 $|d_j| \\le 1$、$|g_a| \\le 1$ 时，误差界为 $\\gamma_K$ 乘以 "
            "$<<sizes>>$。三个乘积直接求和的误差界是 $\\gamma_3 \\cdot 3$。"),
            lambda: {"K": _path((2, 3)), "sizes": _sizes((2, 3))}, {"K": 9, "sizes": [8, 8]}),
        Table((Words("scheme", "方案"), "$K$",
               Words("$\\max |A^{\\mathsf T}|(\\ldots)$", "$\\max |A^{\\mathsf T}|(\\ldots)$"),
               Words("bound$/u$", "误差界$/u$"), Words("largest error seen$/u$",
                                                  "所见最大误差$/u$")),
              _rows, _rows_hold,
              Words("One dimension, single precision, $|d_j|, |g_a| \\le 1$; the largest error of "
                    "$100$ random tiles, computed against exact fractions.",
                    "一维，单精度，$|d_j|, |g_a| \\le 1$；最后一列是 $100$ 个随机块中的最大误差，与精确"
                    "分数比较而得。"), key="winograd-errors"),
        Prose(Words(
            "Larger tiles save more products and lose more digits: the points must be distinct, so "
            "they grow, and their powers grow faster. In two dimensions the factor from the "
            "matrices is squared. That is why libraries use $F(4,3)$ and rarely more, and are "
            "careful in half precision.",
            "块越大，省下的乘法越多，损失的位数也越多：各点必须互异，于是越来越大，其幂增长得更快。在二维中，"
            "来自矩阵的因子要平方。因此各框架使用 $F(4,3)$，很少更大，并且在半精度下十分谨慎。")),
        Items((
            Words("The bound is proved for each input; the seen errors are far below it because "
                  "roundings rarely all point the same way.",
                  "误差界对每个输入都成立；所见误差远低于它，因为各次舍入很少都朝同一方向。"),
            Words("Points $\\pm 1, \\pm 2, \\pm \\tfrac12$ come in pairs whose powers share their "
                  "absolute values, so that parts of the transforms are common.",
                  "点 $\\pm 1, \\pm 2, \\pm \\tfrac12$ 成对出现，其幂的绝对值相同，因此变换中有公共的部分。"),
            Words("With complex roots of unity as points, evaluation is a Fourier transform: the "
                  "FFT and this scheme are one idea.",
                  "若取单位根（复数）为点，求值就是傅里叶变换：FFT 与本方案是同一个思想。"))),
    )


@cache
def _made(pair: tuple[int, int]) -> Scheme:
    from symconv.notes.winograd import scheme

    return scheme(*pair)


def _path(pair: tuple[int, int]) -> int:
    from symconv.notes.winograd import roundings

    return roundings(_made(pair))


def _sizes(pair: tuple[int, int]) -> list[Fraction]:
    """The bound's matrix factor for operands of absolute value 1."""
    from symconv.notes.winograd import magnitude

    found = _made(pair)
    return [Fraction(int(value.p), int(value.q))
            for value in magnitude(found, [1] * found.n, [1] * found.r)]


def _single(matrix: Any, vector: Sequence[Any]) -> list[Any]:
    """A matrix times a vector, every operation rounded to single precision."""
    import numpy as np

    found = []
    for row in range(matrix.rows):
        total = None
        for column, value in enumerate(vector):
            if matrix[row, column] != 0:
                entry = matrix[row, column]
                part = np.float32(int(entry.p) / int(entry.q)) * value
                total = part if total is None else total + part
        found.append(np.float32(0) if total is None else total)
    return found


def _error(found: Scheme, d: Sequence[Any], g: Sequence[Any]) -> list[Fraction]:
    """|computed - exact| of every output."""
    left, right = _single(found.g, g), _single(found.b, d)
    middle = [a * b for a, b in zip(left, right, strict=True)]
    exact_d, exact_g = ([Fraction(float(v)) for v in side] for side in (d, g))
    return [abs(Fraction(float(value)) - sum(exact_d[i + a] * exact_g[a]
                                             for a in range(found.r)))
            for i, value in enumerate(_single(found.a, middle))]


def _tiles(found: Scheme) -> list[tuple[list[Any], list[Any]]]:
    """Random tiles and kernels with entries of absolute value at most 1."""
    import numpy as np

    draw = random.Random(f"tile {found.m} {found.r}")
    return [([np.float32(draw.randint(-2 ** 20, 2 ** 20) / 2 ** 20) for _ in range(found.n)],
             [np.float32(draw.randint(-2 ** 20, 2 ** 20) / 2 ** 20) for _ in range(found.r)])
            for _ in range(_TRIALS)]


@cache
def _seen(pair: tuple[int, int]) -> Fraction:
    """The largest error of the random tiles."""
    found = _made(pair)
    return max(error for d, g in _tiles(found) for error in _error(found, d, g))


def _limits(pair: tuple[int, int], d: Sequence[Any], g: Sequence[Any]) -> list[Fraction]:
    """The bound for one tile, from absolute values in exact fractions."""
    from symconv.notes.winograd import gamma

    found = _made(pair)

    def by(matrix: Any, vector: Sequence[Fraction]) -> list[Fraction]:
        return [sum((abs(Fraction(int(matrix[row, column].p), int(matrix[row, column].q)))
                     * value for column, value in enumerate(vector)), Fraction(0))
                for row in range(matrix.rows)]

    left = by(found.g, [abs(Fraction(float(v))) for v in g])
    right = by(found.b, [abs(Fraction(float(v))) for v in d])
    factor = gamma(_path(pair))
    return [factor * value for value in
            by(found.a, [a * b for a, b in zip(left, right, strict=True)])]


def _bound_holds() -> bool:
    """Every output of every random tile is within its own bound; and there are errors at all."""
    for pair in _SCHEMES:
        found = _made(pair)
        for d, g in _tiles(found):
            pairs = zip(_error(found, d, g), _limits(pair, d, g), strict=True)
            if any(error > limit for error, limit in pairs):
                return False
        if _seen(pair) == 0:
            return False
    return True


def _bound(pair: tuple[int, int]) -> Fraction:
    from symconv.notes.winograd import gamma

    return gamma(_path(pair)) * max(_sizes(pair)) / _UNIT


def _rows() -> Sequence[Sequence[str]]:
    return [(f"$F({m},{r})$", f"${_path((m, r))}$", f"${float(max(_sizes((m, r)))):.4g}$",
             f"${float(_bound((m, r))):.0f}$", f"${float(_seen((m, r)) / _UNIT):.1f}$")
            for m, r in _SCHEMES]


def _rows_hold() -> bool:
    """Bounds grow with the tile, errors stay below them, and K is what counting by hand gives."""
    bounds = [_bound(pair) for pair in _SCHEMES]
    return (bounds == sorted(bounds) and [_path(pair) for pair in _SCHEMES] == [9, 14, 18]
            and all(_seen(pair) / _UNIT <= _bound(pair) for pair in _SCHEMES)
            and _seen((2, 3)) < _seen((4, 3)) < _seen((6, 3)))
