"""Differentiable everywhere, and yet slow to learn: saturation."""

from __future__ import annotations

from fractions import Fraction

from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Formula,
    Heading,
    Prose,
    Words,
)


def blocks() -> tuple[Block, ...]:
    """Sigmoid against relu."""
    return (
        Heading(Words("Differentiable is not enough: saturation", "可微还不够：饱和")),
        Prose(Words(
            r"The sigmoid $\sigma(x) = 1/(1+e^{-x})$ is differentiable everywhere, yet it learns "
            "worse than the kinked relu. Its derivative is",
            r"函数 $\sigma(x) = 1/(1+e^{-x})$ 处处可微，学习效果却不如带折点的 relu。其导数为")),
        Formula(r"\sigma'(x) = \sigma(x)\,\bigl(1-\sigma(x)\bigr) = "
                r"\tfrac14 - \bigl(\sigma(x)-\tfrac12\bigr)^2 \le \tfrac14",
                _sigmoid_slope, key="sigmoid-slope"),
        Prose(Words(
            "and the maximum $\\tfrac14$ is reached at $0$ only. A chain of ten sigmoids "
            "multiplies ten such factors. Far from $0$ each factor is close to nothing: the unit "
            "is *saturated*. The slope of relu is exactly $1$ for every positive input, however "
            "large, and exactly $0$ for every negative one; a unit that is negative on all data "
            "does not learn at all.",
            "最大值 $\\tfrac14$ 只在 $0$ 处达到。十个 sigmoid 相复合，就要连乘十个这样的因子。远离 "
            "$0$ 时每个因子都近乎零：该单元*饱和*了。relu 对任何正的输入，无论多大，斜率恰为 $1$；"
            "对任何负的输入恰为 $0$；若一个单元在全部数据上都为负，则它完全不再学习。")),
        Formula(r"\sigma'(10) \approx <<ten>>, \qquad \bigl(\tfrac14\bigr)^{10} = <<chain>>, "
                r"\qquad \operatorname{relu}'(10) = <<relu>>", _saturation_numbers_hold,
                key="saturation", values=_saturation_numbers),
    )


def _sigmoid_slope() -> bool:
    import sympy

    x = sympy.Symbol("x", real=True)
    sigma = 1 / (1 + sympy.exp(-x))
    return (ch.identity(sigma.diff(x), sigma * (1 - sigma),
                        sympy.Rational(1, 4) - (sigma - sympy.Rational(1, 2)) ** 2)
            and ch.derivative_holds("x: [N]; y[i] = sigmoid(x[i])", "x", {"x": (3,)}))


def _saturation_numbers() -> dict[str, object]:
    import sympy

    at = sympy.exp(-10) / (1 + sympy.exp(-10)) ** 2
    power, tail = -5, sympy.N(at * 10 ** 5, 4)
    return {"ten": rf"{tail} \cdot 10^{{{power}}}", "chain": Fraction(1, 4) ** 10,
            "relu": ch.gradient("x: [N]; y[i] = relu(x[i])", "x", [1], x=[10])[0]}


def _saturation_numbers_hold() -> bool:
    from decimal import Decimal

    ten = Decimal(10)
    rate = (-ten).exp()
    found = _saturation_numbers()
    return (round(rate / (1 + rate) ** 2, 9) == Decimal("0.000045396")
            and found["ten"] == r"4.540 \cdot 10^{-5}"
            and found["chain"] == Fraction(1, 1_048_576) and found["relu"] == 1)
