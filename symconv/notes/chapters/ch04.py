"""Chapter 4: continuous and discrete convolution."""

from __future__ import annotations

from typing import Any

from symconv.notes import checking as ch
from symconv.notes.chapters import ch04_correlation, ch04_discrete
from symconv.notes.model import Block, Chapter, Example, Formula, Heading, Prose, Words


def chapter() -> Chapter:
    """From an integral to a sliding sum."""
    return Chapter(4, Words("Convolution, continuous and discrete", "连续卷积与离散卷积"),
                   (*_integral(), *_rules(), *_fourier(), *ch04_discrete.blocks(),
                    *ch04_correlation.blocks()))


def _integral() -> tuple[Block, ...]:
    return (
        Heading(Words("What was eaten, and what is left", "吃下了什么，还剩多少")),
        Prose(Words(
            r"Somebody eats at the rate $f(\tau)$ at time $\tau$. Of what is in the stomach, a "
            "fraction $g(s)$ is still there after the time $s$. How much is in the stomach at time "
            r"$t$? What was eaten during the short time $\mathrm{d}\tau$ around $\tau$ amounts to "
            r"$f(\tau)\,\mathrm{d}\tau$; it is $t-\tau$ old by now, so "
            r"$f(\tau)\,g(t-\tau)\,\mathrm{d}\tau$ of it is left. Adding up over all $\tau$ gives "
            r"the **convolution** of "
            "$f$ and $g$:",
            r"某人在时刻 $\tau$ 以速率 $f(\tau)$ 进食。胃里的食物经过时间 $s$ 后还剩下比例 $g(s)$。"
            r"问时刻 $t$ 胃里有多少食物？在 $\tau$ 附近的一小段时间 $\mathrm{d}\tau$ 内吃下的量为 "
            r"$f(\tau)\,\mathrm{d}\tau$；到现在已经过了 $t-\tau$，因此还剩 "
            r"$f(\tau)\,g(t-\tau)\,\mathrm{d}\tau$。对一切 $\tau$ 求和，便得到 $f$ 与 $g$ 的**卷积"
            r"**：")),
        Formula(r"(f * g)(t) = \int_{-\infty}^{\infty} f(\tau)\, g(t-\tau)\, \mathrm{d}\tau",
                _integral_is_limit, key="convolution-integral"),
        Prose(Words(
            "The two arguments add up to $t$: that is the mark of every convolution. Whoever eats "
            "steadily from time $0$ on, $f = 1$, and digests with $g(s) = e^{-s}$ (both $0$ for "
            "negative arguments), approaches a full stomach of $1$:",
            "两个自变量之和为 $t$：这是一切卷积的标志。若某人从时刻 $0$ 起匀速进食，$f = 1$，并按 "
            "$g(s) = e^{-s}$ 消化（自变量为负时二者均为 $0$），则胃中的量趋近于 $1$：")),
        Formula(r"\int_{0}^{t} 1 \cdot e^{-(t-\tau)}\, \mathrm{d}\tau = 1 - e^{-t} \qquad (t \ge "
                r"0)",
                lambda: _same(_causal("1", "exp(-s)"), "1 - exp(-t)"), key="stomach"),
        Example(Words(
            "Half of the final amount is reached at $t = \\ln 2 \\approx <<half>>$, and at $t = 3$ "
            "the stomach is $<<three>>$ full.",
            "在 $t = \\ln 2 \\approx <<half>>$ 时达到最终量的一半；在 $t = 3$ 时胃中的量为 "
            "$<<three>>$。"), _stomach, {"half": "0.6931", "three": "0.9502"}),
    )


def _rules() -> tuple[Block, ...]:
    return (
        Heading(Words("Order does not matter; derivatives move", "次序无关；导数可以移动")),
        Prose(Words(
            r"Substituting $\sigma = t-\tau$ exchanges the roles of the two functions. Convolution "
            "is commutative:",
            r"作代换 $\sigma = t-\tau$，两个函数的角色互换。卷积满足交换律：")),
        Formula(r"(f * g)(t) = \int f(\tau)\, g(t-\tau)\, \mathrm{d}\tau = "
                r"\int f(t-\sigma)\, g(\sigma)\, \mathrm{d}\sigma = (g * f)(t)",
                _commutes, key="commutative-integral"),
        Prose(Words(
            "The variable $t$ occurs in $g(t-\\tau)$ only, so differentiating under the integral "
            "differentiates $g$; by commutativity it may as well be $f$. For functions on the "
            "whole line that decay fast enough,",
            "变量 $t$ 只出现在 $g(t-\\tau)$ 中，所以在积分号下求导就是对 $g$ 求导；由交换律，也可以"
            "改为对 $f$ 求导。对整条实轴上衰减足够快的函数，有")),
        Formula(r"(f * g)' = f * g' = f' * g", _derivative_moves, key="convolution-derivative"),
        Prose(Words(
            "A convolution is as smooth as the smoother of the two: blurring removes kinks. If $f$ "
            "and $g$ start at $0$, as above, the moving end of the integral adds what has just "
            "been eaten:",
            "卷积的光滑程度与二者中较光滑者相同：模糊能去掉折点。若 $f$ 与 $g$ 如上从 $0$ 开始，则"
            "积分的动端还要加上刚刚吃下的部分：")),
        Formula(r"\frac{\mathrm{d}}{\mathrm{d}t}\int_0^t f(\tau)\, g(t-\tau)\, \mathrm{d}\tau = "
                r"f(t)\, g(0) + \int_0^t f(\tau)\, g'(t-\tau)\, \mathrm{d}\tau",
                _moving_end, key="moving-end"),
    )


def _fourier() -> tuple[Block, ...]:
    return (
        Heading(Words("The Fourier transform turns it into a product", "傅里叶变换把它变成乘积")),
        Prose(Words(
            "An exponential that is shifted is merely multiplied: "
            r"$e^{i\omega(t-\tau)} = e^{i\omega t} e^{-i\omega\tau}$. Convolution is a sum of "
            "shifts, so exponentials pass through it with a factor, and a function decomposed into "
            r"exponentials is convolved by multiplying. With $\hat f(\omega) = \int f(t)\, "
            r"e^{-i\omega t}\, \mathrm{d}t$:",
            r"指数函数平移后只是乘上一个常数：$e^{i\omega(t-\tau)} = e^{i\omega t} "
            r"e^{-i\omega\tau}$。"
            "卷积是平移之和，所以指数函数通过卷积只多一个因子；把函数分解为指数函数，卷积就成了乘"
            "法。记 "
            r"$\hat f(\omega) = \int f(t)\, e^{-i\omega t}\, \mathrm{d}t$，则")),
        Formula(r"\widehat{f * g}(\omega) = \hat f(\omega)\, \hat g(\omega)", _fourier_product,
                key="fourier-product"),
        Example(Words(
            "For $f(t) = e^{-t}$, $t \\ge 0$, the transform is $<<one>>$. The convolution of $f$ "
            "with itself is $<<twice>>$, and the transform of that is $<<square>>$, the square.",
            "对 $f(t) = e^{-t}$（$t \\ge 0$），变换为 $<<one>>$。$f$ 与自身的卷积为 $<<twice>>$，其"
            "变换为 $<<square>>$，正是前者的平方。"), _decay_transform,
            {"one": r"\frac{1}{i \omega + 1}", "twice": "t e^{- t}",
             "square": r"\frac{1}{\left(i \omega + 1\right)^{2}}"}),
    )


def _same(left: Any, right: str) -> bool:
    import sympy

    t = sympy.Symbol("t", positive=True)
    forms = {"1 - exp(-t)": 1 - sympy.exp(-t)}
    return ch.identity(left(t), forms[right])


def _functions() -> dict[str, Any]:
    import sympy

    return {"1": lambda s: sympy.Integer(1), "exp(-s)": lambda s: sympy.exp(-s),
            "s": lambda s: s, "s^2": lambda s: s ** 2,
            "exp(-2s)": lambda s: sympy.exp(-2 * s), "gauss": lambda s: sympy.exp(-s ** 2)}


def _causal(f: str, g: str) -> Any:
    """The convolution of two functions that are 0 for negative arguments."""
    import sympy

    left, right, tau = _functions()[f], _functions()[g], sympy.Symbol("tau", positive=True)
    return lambda t: sympy.integrate(sympy.expand(left(tau) * right(t - tau)), (tau, 0, t))


def _integral_is_limit() -> bool:
    """Meals in n equal helpings: their sum tends to the integral, here with n kept symbolic."""
    import sympy

    t, k = sympy.Symbol("t", positive=True), sympy.Symbol("k", integer=True)
    n = sympy.Symbol("n", integer=True, positive=True)
    f, g = _functions()["s"], _functions()["s^2"]
    step = t / n
    helpings = sympy.summation(sympy.expand(f(k * step) * g(t - k * step) * step), (k, 1, n))
    return ch.identity(sympy.limit(sympy.expand(helpings), n, sympy.oo), _causal("s", "s^2")(t))


def _stomach() -> dict[str, object]:
    import sympy

    t = sympy.Symbol("t", positive=True)
    amount = _causal("1", "exp(-s)")(t)
    (half,) = sympy.solve(amount - sympy.Rational(1, 2), t)
    return {"half": str(sympy.N(half, 4)), "three": str(sympy.N(amount.subs(t, 3), 4))}


def _commutes() -> bool:
    import sympy

    t, x = sympy.Symbol("t", positive=True), sympy.Symbol("x", real=True)
    both = [(_causal(f, g)(t), _causal(g, f)(t))
            for f, g in (("s", "exp(-s)"), ("s", "s^2"))]
    gauss, square = _functions()["gauss"], _functions()["s^2"]
    line, turned = (sympy.integrate(body, (x, -sympy.oo, sympy.oo)) for body in (
        sympy.expand(gauss(x) * square(t - x)), gauss(t - x) * square(x)))
    return all(ch.identity(*pair) for pair in both) and ch.identity(line, turned)


def _derivative_moves() -> bool:
    import sympy

    t, x = sympy.Symbol("t", real=True), sympy.Symbol("x", real=True)
    f, g = sympy.exp(-x ** 2), x ** 3 + x

    def convolved(left: Any, right: Any) -> Any:
        body = sympy.expand(left * right.subs(x, t - x))
        return sympy.integrate(body, (x, -sympy.oo, sympy.oo))

    whole = convolved(f, g)
    step = sympy.Symbol("e")
    by_limit = sympy.cancel((whole.subs(t, t + step) - whole) / step).subs(step, 0)
    return ch.identity(by_limit, convolved(f, g.diff(x)), convolved(f.diff(x), g))


def _moving_end() -> bool:
    import sympy

    t, tau = sympy.symbols("t tau", positive=True)
    for f, g in (("s", "exp(-s)"), ("exp(-2s)", "s")):
        left, right = _functions()[f], _functions()[g]
        inside = sympy.expand(left(tau) * right(t).diff(t).subs(t, t - tau))
        if not ch.identity(_causal(f, g)(t).diff(t),
                           left(t) * right(sympy.Integer(0))
                           + sympy.integrate(inside, (tau, 0, t))):
            return False
    return True


def _transform(function: Any) -> Any:
    """The transform of a function of t that is 0 for negative t."""
    import sympy

    t, omega = sympy.Symbol("t", positive=True), sympy.Symbol("omega", positive=True)
    s = sympy.Symbol("s", positive=True)
    found = sympy.laplace_transform(function, t, s, noconds=True)
    return found.subs(s, sympy.I * omega)


def _fourier_product() -> bool:
    import sympy

    t = sympy.Symbol("t", positive=True)
    for f, g in (("exp(-s)", "exp(-2s)"), ("exp(-s)", "exp(-s)")):
        left, right = (_transform(_functions()[name](t)) for name in (f, g))
        if not ch.identity(_transform(_causal(f, g)(t)), left * right):
            return False
    return True


def _decay_transform() -> dict[str, object]:
    import sympy

    t = sympy.Symbol("t", positive=True)
    decay = sympy.exp(-t)
    twice = _causal("exp(-s)", "exp(-s)")(t)
    return {"one": sympy.latex(_transform(decay)), "twice": sympy.latex(twice),
            "square": sympy.latex(_transform(twice))}
