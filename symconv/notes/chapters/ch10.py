"""Chapter 10: Winograd's algorithm, derived from interpolation points."""

from __future__ import annotations

from typing import Any

from symconv.notes.chapters import ch10_bound, ch10_plane, ch10_smallest
from symconv.notes.model import (
    Block,
    Chapter,
    Formula,
    Heading,
    Prose,
    Words,
)


def chapter() -> Chapter:
    """Fewer products, from polynomials; what it costs in accuracy."""
    return Chapter(10, Words("Winograd's algorithm", "Winograd 算法"),
                   (*_idea(), *_transposed(), *ch10_smallest.blocks(), *ch10_plane.blocks(),
                    *ch10_bound.blocks()))


def _idea() -> tuple[Block, ...]:
    return (
        Heading(Words("Products of polynomials", "多项式的乘积")),
        Prose(Words(
            "Two outputs of a correlation with three taps take six products. Winograd's scheme "
            "takes four. It is often shown as three matrices that fall from the sky; they follow "
            "from school algebra and one transposition.",
            "三个抽头的互相关，两个输出需要六次乘法。Winograd 的方案只需四次。它常以三个从天而降的矩阵"
            "给出；其实它们由中学代数加一次转置得到。")),
        Prose(Words(
            "A polynomial with $k$ coefficients is known from $k$ values. Let $a$ have $m$ and $g$ "
            "have $r$ coefficients; their product $s$ has $n = m + r - 1$. Choose $n-1$ distinct "
            "points $t_0, \\dots, t_{n-2}$ and, as the last one, $\\infty$, where the *value* of a "
            "polynomial is its leading coefficient. Let $E_k$ be the matrix that takes $k$ "
            "coefficients to the $n$ values, with rows $(1, t, \\dots, t^{k-1})$ and last "
            "$(0, \\dots, 0, 1)$. Values of a product are products of values:",
            "有 $k$ 个系数的多项式由 $k$ 个值确定。设 $a$ 有 $m$ 个系数，$g$ 有 $r$ 个系数，乘积 $s$ 有 "
            "$n = m + r - 1$ 个系数。取 $n-1$ 个互异的点 $t_0, \\dots, t_{n-2}$，最后再取 $\\infty$，多项式在"
            "该处的*值*规定为最高次项系数。设 $E_k$ 是把 $k$ 个系数变为 $n$ 个值的矩阵，其行为 "
            "$(1, t, \\dots, t^{k-1})$，最后一行为 $(0, \\dots, 0, 1)$。乘积的值等于值的乘积：")),
        Formula(r"E_n\, s = (E_m\, a) \odot (E_r\, g) \quad\Longrightarrow\quad "
                r"s = E_n^{-1} \big( (E_m\, a) \odot (E_r\, g) \big)", _interpolates,
                key="toom-cook"),
        Prose(Words(
            r"Here $\odot$ multiplies entry by entry: $n$ products in place of $mr$. The points are "
            "fixed numbers, so multiplying by them is not counted; $E_n$ is invertible because the "
            "points are distinct:",
            r"其中 $\odot$ 为逐元素相乘：用 $n$ 次乘法代替 $mr$ 次。这些点是固定的数，与它们相乘不计在内；"
            "因为各点互异，$E_n$ 可逆：")),
        Formula(r"\det E_n = \prod_{0 \le j < k \le n-2} (t_k - t_j).", _vandermonde,
                key="vandermonde"),
    )


def _transposed() -> tuple[Block, ...]:
    return (
        Heading(Words("From convolution to correlation", "从卷积到互相关")),
        Prose(Words(
            "The product of polynomials is the convolution of [[4]], and a layer computes a "
            "correlation. The two are transposes of each other, as in [[8]]. For a fixed $g$ the "
            "map $a \\mapsto s$ is linear, with a matrix $T_g$ whose entries are "
            "$(T_g)_{ui} = g_{u-i}$; its transpose takes $d$ of length $n$ to "
            "$y_i = \\sum_u g_{u-i} d_u = \\sum_a g_a d_{i+a}$, which are the $m$ outputs of a layer. "
            "From [[toom-cook]]:",
            "多项式的乘积是[[4]]的卷积，而层计算的是互相关。二者互为转置，如[[8]]所述。固定 $g$，映射 "
            "$a \\mapsto s$ 是线性的，其矩阵 $T_g$ 的元素为 $(T_g)_{ui} = g_{u-i}$；它的转置把长度为 $n$ 的 "
            "$d$ 变为 $y_i = \\sum_u g_{u-i} d_u = \\sum_a g_a d_{i+a}$，正是层的 $m$ 个输出。由 "
            "[[toom-cook]]：")),
        Formula(r"\begin{aligned} T_g &= E_n^{-1} \operatorname{diag}(E_r\, g)\, E_m, \\ "
                r"y = T_g^{\mathsf T} d &= E_m^{\mathsf T} \operatorname{diag}(E_r\, g)\, "
                r"E_n^{-\mathsf T} d = A^{\mathsf T} \big( (G g) \odot (B^{\mathsf T} d) \big) "
                r"\end{aligned}", _transposes, key="winograd-form"),
        Prose(Words(
            r"with $A^{\mathsf T} = E_m^{\mathsf T}$, $G = E_r$ and "
            r"$B^{\mathsf T} = E_n^{-\mathsf T}$. A row of $B^{\mathsf T}$ may be multiplied by a "
            "number if the same row of $G$ is divided by it. Taking the denominators of the "
            "Lagrange polynomials moves all fractions into $G$, where they are cheap: the kernel "
            "is transformed once.",
            r"其中 $A^{\mathsf T} = E_m^{\mathsf T}$，$G = E_r$，$B^{\mathsf T} = E_n^{-\mathsf T}$。"
            r"$B^{\mathsf T}$ 的某一行可以乘以一个数，只要 $G$ 的同一行除以它。取拉格朗日插值多项式的分母，"
            "就把所有分数移入 $G$，在那里代价很小：卷积核只需变换一次。")),
    )


def _symbols(count: int, name: str) -> list[Any]:
    import sympy

    return list(sympy.symbols(f"{name}0:{count}"))


def _interpolates() -> bool:
    """Symbolic coefficients; the product is computed by SymPy's own polynomials."""
    import sympy

    from symconv.notes.winograd import STANDARD, evaluation

    t = sympy.Symbol("t")
    for (m, r), points in STANDARD.items():
        a, g = _symbols(m, "a"), _symbols(r, "g")
        whole = sympy.expand(sum(v * t ** k for k, v in enumerate(a))
                             * sum(v * t ** k for k, v in enumerate(g)))
        s = sympy.Matrix([whole.coeff(t, k) for k in range(m + r - 1)])
        values = (evaluation(points, m) * sympy.Matrix(a)).multiply_elementwise(
            evaluation(points, r) * sympy.Matrix(g))
        inverse = evaluation(points, m + r - 1).inv()
        if (evaluation(points, m + r - 1) * s - values).expand() != sympy.zeros(m + r - 1, 1):
            return False
        if (inverse * values - s).expand() != sympy.zeros(m + r - 1, 1):
            return False
    return True


def _vandermonde() -> bool:
    """With symbols for the points, for n = 2 to 5."""
    import itertools

    import sympy

    for n in range(2, 6):
        t = _symbols(n - 1, "t")
        matrix = sympy.Matrix([*[[point ** k for k in range(n)] for point in t],
                               [0] * (n - 1) + [1]])
        product = sympy.Mul(*(t[k] - t[j] for j, k in itertools.combinations(range(n - 1), 2)))
        if sympy.expand(matrix.det() - product) != 0:
            return False
    return True


def _transposes() -> bool:
    """T_g with symbols, its transpose against the layer's sum, and the form with A, G and B."""
    import sympy

    from symconv.notes.winograd import STANDARD, correlation, evaluation, scheme

    for (m, r), points in STANDARD.items():
        n, g, d = m + r - 1, _symbols(r, "g"), _symbols(m + r - 1, "d")
        toeplitz = sympy.Matrix(n, m, lambda u, i, g=g, r=r: g[u - i] if 0 <= u - i < r else 0)
        middle = sympy.diag(*(evaluation(points, r) * sympy.Matrix(g)))
        factored = evaluation(points, n).inv() * middle * evaluation(points, m)
        wanted = sympy.Matrix(correlation(d, g))
        if (factored - toeplitz).expand() != sympy.zeros(n, m):
            return False
        if (toeplitz.T * sympy.Matrix(d) - wanted).expand() != sympy.zeros(m, 1):
            return False
        if (sympy.Matrix(scheme(m, r).apply(d, g)) - wanted).expand() != sympy.zeros(m, 1):
            return False
    return True
