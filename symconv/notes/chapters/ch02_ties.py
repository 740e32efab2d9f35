"""Tie rules, what frameworks do at kinks, and what no rule can give."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.notes import checking as ch
from symconv.notes.model import (
    Block,
    Example,
    Formula,
    Heading,
    Items,
    Prose,
    Table,
    Words,
)

_DIFFERENCE = "x: [N]; y[i] = relu(x[i], at_zero={0}) - relu(-x[i], at_zero={0})"


def blocks() -> tuple[Block, ...]:
    """Rules, libraries, and their limits."""
    return (*_rules(), *_limits())


def _rules() -> tuple[Block, ...]:
    return (
        Heading(Words("Tie rules, and what libraries do", "并列规则与各框架的做法")),
        Prose(Words(
            "A program must return one gradient, so it picks one element of the set. Three rules "
            "for a tie are in use: the *first* maximum takes all, the *last* takes all, or all "
            "share *evenly*. Each picks an element of [[max-subdifferential]]. The libraries "
            "have chosen differently, sometimes within one library:",
            "程序必须返回一个梯度，因此要从集合中取一个元素。常用的并列规则有三种：*第一个*最大值全"
            "得，*最后一个*全得，或全体*均分*。每一种都取自 [[max-subdifferential]] 中的集合。各框"
            "架的选择并不相同，有时同一个框架内部也不一致：")),
        Table((Words("derivative", "导数"), "PyTorch", "JAX", "TensorFlow"), _libraries,
              _libraries_hold,
              Words("What three libraries return at a kink. Each entry is what the engine gives "
                    "with the tie rule or the slope named, and lies in the generalised gradient.",
                    "三个框架在折点处的返回值。表中每一项都等于引擎按所示并列规则或斜率给出的结果，"
                    "并且属于广义梯度。"), key="libraries"),
        Prose(Words(
            "In TensorFlow the $1$ for $\\max(x,0)$ goes to the first operand, because the rule is "
            "*first if $a \\ge b$*: for $\\max(0,x)$ the derivative by $x$ is $0$. In PyTorch "
            "`x.max(dim)`, which also returns the index, gives all to that one index, whereas "
            "`x.amax(dim)` and `x.max()` share evenly. Two formulas for one function may thus "
            "have different gradients at a tie. For the overall behaviour of training this "
            "matters little, because ties of real data are rare; they are frequent where values "
            "are exactly zero, as behind a relu.",
            "在 TensorFlow 中，$\\max(x,0)$ 的 $1$ 归于第一个操作数，因为规则是*当 $a \\ge b$ 时归"
            "第一个*：对 $\\max(0,x)$，关于 $x$ 的导数为 $0$。在 PyTorch 中，`x.max(dim)` 同时返回"
            "下标，梯度全部归于该下标；而 `x.amax(dim)` 与 `x.max()` 则均分。因此，同一函数的两种写"
            "法在并列处可能有不同的梯度。对训练的整体而言这影响不大，因为实际数据很少并列；但在数值"
            "恰为零的地方，例如 relu 之后，并列十分常见。")),
        Heading(Words("Full gradient to both is no subgradient", "“两者全得”不是次梯度")),
        Prose(Words(
            "Some older systems, and TensorFlow's three-dimensional max pooling on the CPU, give "
            "the *full* gradient to every maximum, $s = (1,1)$ for $\\max(x_1,x_2)$ at a tie. The "
            "weights sum to $2$, and the subgradient inequality fails in the first direction one "
            "tries:",
            "一些较早的系统，以及 TensorFlow 在 CPU 上的三维最大池化，把*全部*梯度给予每一个最大"
            "值，即对 $\\max(x_1,x_2)$ 在并列处取 $s = (1,1)$。权重之和为 $2$，而次梯度不等式在首先"
            "尝试的方向上就不成立：")),
        Formula(r"\max(1+t,\,1+t) = 1 + t \;<\; 1 + 2t = \max(1,1) + "
                r"\langle (1,1), (t,t)\rangle \qquad (t > 0)", _full_fails, key="full-fails"),
        Example(Words(
            "For a window of three equal values the rules give, in order *first*, *last*, *even*: "
            "$<<first>>$, $<<last>>$, $<<even>>$. Full gradient would give $(1,1,1)$, three times "
            "the change that the maximum can make. Half for each argument of the nested maximum "
            r"$\max(\max(x_1,x_2),x_3)$ gives $<<nested>>$: a subgradient, but not the even share. "
            r"And SymPy, which differentiates $\max(x_1,x_2,x_3)$ by $x_1$ to a step function of "
            r"$x_1 - \max(x_2,x_3)$ with value $\tfrac12$ at $0$, gives $\tfrac12$ to each of the "
            "three, in all $<<steps>>$: no subgradient.",
            "对三个相等值的窗口，依次按*第一个*、*最后一个*、*均分*得 $<<first>>$、$<<last>>$、"
            "$<<even>>$。“全得”则给出 $(1,1,1)$，是最大值实际变化的三倍。对嵌套的最大值 "
            r"$\max(\max(x_1,x_2),x_3)$ 每个变元各取一半，则得 $<<nested>>$：这是次梯度，但不是均"
            r"分。而 SymPy 把 $\max(x_1,x_2,x_3)$ 对 $x_1$ 的导数写成 $x_1 - \max(x_2,x_3)$ 的阶跃"
            r"函数，其在 $0$ 处的值为 $\tfrac12$，于是三者各得 $\tfrac12$，合计 $<<steps>>$：不是次"
            r"梯度。"),
            _three_equal,
            {"first": [1, 0, 0], "last": [0, 0, 1], "even": [Fraction(1, 3)] * 3,
             "nested": [Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)],
             "steps": Fraction(3, 2)}),
    )


def _limits() -> tuple[Block, ...]:
    return (
        Heading(Words("No rule is right through a program", "没有一种规则对整个程序都正确")),
        Prose(Words(
            "Choosing an element at every kink does not make the chain rule true. The function",
            "在每个折点各取一个元素，并不能使链式法则成立。函数")),
        Formula(r"\operatorname{relu}(x) - \operatorname{relu}(-x) = x",
                lambda: ch.agree(_DIFFERENCE.format("0"), "x: [N]; y[i] = x[i]", {"x": (9,)})
                and ch.run(_DIFFERENCE.format("0"), x=[0]) == [0], key="relu-difference"),
        Prose(Words(
            "is the identity, with derivative $1$ everywhere. The chain rule with the slope "
            "$\\alpha$ for relu at $0$ gives $\\alpha + \\alpha = 2\\alpha$ there:",
            "就是恒等函数，导数处处为 $1$。而链式法则若在 $0$ 处取 relu 的斜率为 $\\alpha$，则在那"
            "里给出 $\\alpha + \\alpha = 2\\alpha$：")),
        Example(Words(
            "At $x = 0$ the derivative that automatic differentiation returns is $<<zero>>$ with "
            "$\\alpha = 0$, the usual choice; $<<half>>$ with $\\alpha = \\tfrac12$; $<<one>>$ "
            "with $\\alpha = 1$. At $x = 3$ it is $<<away>>$ for each of them.",
            "在 $x = 0$ 处，自动微分返回的导数为：$\\alpha = 0$（通常的选择）时 $<<zero>>$；"
            "$\\alpha = \\tfrac12$ 时 $<<half>>$；$\\alpha = 1$ 时 $<<one>>$。在 $x = 3$ 处三者都得"
            " $<<away>>$。"),
            lambda: {**{name: _slope(at, 0) for name, at in
                        (("zero", "0"), ("half", "1/2"), ("one", "1"))},
                     "away": {_slope(at, 3) for at in ("0", "1/2", "1")}.pop()},
            {"zero": 0, "half": 1, "one": 2, "away": 1}),
        Prose(Words(
            "The calculus of generalised gradients explains it: for a sum it promises an "
            "inclusion only,",
            "广义梯度的演算法则说明了原因：对和只保证包含关系，")),
        Formula(r"\partial (f+g)(x) \subseteq \partial f(x) + \partial g(x), \qquad "
                r"\{1\} \subseteq [0,1] + [0,1] = [0,2]", _inclusion, key="inclusion"),
        Prose(Words(
            "and the point that the program picks from the right-hand side need not lie in the "
            "left. The same happens with windows that share inputs. Let "
            "$y_1 = y_2 = \\max(x_1,x_2)$ at a tie; the rows $(1,0)$ for $y_1$ and $(0,1)$ for "
            "$y_2$ are each a subgradient, but no Jacobian near the tie looks so: there both rows "
            "are equal. A rule that orders all inputs once, such as *first* or *last*, picks "
            "limits of true Jacobians; *even* picks the mean of such limits.",
            "而程序从右边取出的点未必属于左边。共用输入的窗口也有同样的问题。设在并列处 "
            "$y_1 = y_2 = \\max(x_1,x_2)$；$y_1$ 取行 $(1,0)$、$y_2$ 取行 $(0,1)$，各自都是次梯度，"
            "但并列点附近没有这样的雅可比矩阵：那里两行总相等。若规则对全部输入只排一次序，如"
            "*第一个*或*最后一个*，则取到真实雅可比矩阵的极限；*均分*取到这些极限的平均。")),
        Items((
            Words("Kinks form a set of measure zero: random data rarely meet them.",
                  "折点构成零测集：随机数据很少落在上面。"),
            Words("Where a kink is met, a chosen gradient is a convention, not a truth; a library "
                  "should state it, and a test must keep finite differences away from it.",
                  "落在折点上时，所取的梯度是约定而非真理；框架应当说明这一约定，而测试应使有限差分"
                  "避开折点。"))),
    )


def _libraries() -> Sequence[Sequence[Words | str]]:
    return [
        (Words("2-D max pooling, a tie of $3$", "二维最大池化，三者并列"),
         *([f"$({', '.join(map(str, _pool()))})$"] * 3)),
        (Words("`amax`, `max`, `reduce_max`, a tie of $3$", "`amax`、`max`、`reduce_max`，三者并"
                                                            "列"),
         *([r"$(\tfrac13, \tfrac13, \tfrac13)$"] * 3)),
        (Words("$|x|$ at $0$", "$|x|$ 在 $0$ 处"), *(f"${_abs(at)}$" for at in ("0", "1", "0"))),
        (Words(r"$\operatorname{relu}(x)$ at $0$", r"$\operatorname{relu}(x)$ 在 $0$ 处"),
         *(f"${_relu(at)}$" for at in ("0", "0", "0"))),
        (Words(r"$\max(x,0)$ at $0$", r"$\max(x,0)$ 在 $0$ 处"),
         *(f"${_shown(_maximum(share))}$" for share in ("1/2", "1/2", "1"))),
    ]


def _libraries_hold() -> bool:
    """The engine under each library's rule gives the printed number, and it lies in the set."""
    third = Fraction(1, 3)
    even = ch.gradient("x: [N]; y = max_even[i](x[i])", "x", 1, x=[2, 2, 2])
    slopes = [_abs("0"), _abs("1"), _relu("0"), _maximum("1/2"), _maximum("1")]
    return (_pool() == [1, 0, 0] and even == [third] * 3
            and slopes == [0, 1, 0, Fraction(1, 2), 1]
            and all(abs(z) >= slope * z for slope in slopes[:2] for z in range(-5, 6))
            and all(max(z, 0) >= slope * z for slope in slopes[2:] for z in range(-5, 6)))


def _pool() -> list[int]:
    from symconv import ops

    found: list[list[list[list[int]]]] = ch.gradient(
        ops.max_pool2d((1, 3)), "x", [[[[1]]]], x=[[[[2, 2, 2]]]])
    return found[0][0][0]


def _abs(at_zero: str) -> Any:
    return ch.gradient(f"x: [N]; y[i] = abs(x[i], at_zero={at_zero})", "x", [1], x=[0])[0]


def _relu(at_zero: str) -> Any:
    return ch.gradient(f"x: [N]; y[i] = relu(x[i], at_zero={at_zero})", "x", [1], x=[0])[0]


def _maximum(share: str) -> Any:
    text = f"a: [N]; b: [N]; y[i] = maximum(a[i], b[i], share={share})"
    return ch.gradient(text, "a", [1], a=[0], b=[0])[0]


def _shown(value: object) -> str:
    return r"\tfrac12" if value == Fraction(1, 2) else str(value)


def _three_equal() -> dict[str, object]:
    import sympy

    found: dict[str, object] = {
        rule: ch.gradient(f"x: [N]; y = {word}[i](x[i])", "x", 1, x=[5, 5, 5])
        for rule, word in (("first", "max"), ("last", "max_last"), ("even", "max_even"))}
    nested = "x: [3]; y = maximum(maximum(x[0], x[1]), x[2])"
    names = sympy.symbols("x1:4", real=True)
    slopes = [sympy.Max(*names).diff(name).subs(dict.fromkeys(names, 5)) for name in names]
    total = sum(slopes)
    return {**found, "nested": ch.gradient(nested, "x", 1, x=[5, 5, 5]),
            "steps": Fraction(int(total.p), int(total.q))}


def _full_fails() -> bool:
    """Both sides of the display, and the strict inequality, for random positive t."""
    import random

    draw = random.Random("full")
    text = "x: [N]; y = max[i](x[i])"
    for _ in range(ch.TRIALS):
        t = Fraction(draw.randint(1, 99), 100)
        left, base = ch.run(text, x=[1 + t, 1 + t]), ch.run(text, x=[1, 1])
        if not (left == 1 + t and base + 1 * t + 1 * t == 1 + 2 * t and left < base + 2 * t):
            return False
    return True


def _slope(at_zero: str, x: int) -> object:
    return ch.gradient(_DIFFERENCE.format(at_zero), "x", [1], x=[x])[0]


def _inclusion() -> bool:
    """The derivative 1 is one of the sums of the slopes in [0, 1], and 0 and 2 are others."""
    grid = [Fraction(n, 10) for n in range(-5, 16)]
    slopes = [g for g in grid if all(max(z, 0) >= g * z for z in range(-5, 6))]
    # x -> -relu(-x) is concave: its generalised gradient is that of relu at 0, mirrored twice
    sums = {a + b for a in slopes for b in slopes}
    return (slopes == [g for g in grid if 0 <= g <= 1] and Fraction(1) in sums
            and min(sums) == 0 and max(sums) == 2)
