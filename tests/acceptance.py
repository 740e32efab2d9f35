"""The acceptance set of the intermediate representation: thirteen programs written in it.

Each case has shapes small enough for brute force in every direction. `exact` says that each
output is affine in each single input element near the inputs that `sample` makes, so that
rational differences give the Jacobian without error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from symconv.integers import Element, Int, IntLike, floor_div
from symconv.ir import (
    Access,
    Apply,
    AtLeast,
    Axis,
    Bracket,
    Definition,
    Equal,
    Index,
    Kind,
    Number,
    Plus,
    Power,
    Program,
    Requirement,
    Row,
    Scalar,
    Size,
    Tensor,
    Term,
    Times,
    Whole,
)

Extent: TypeAlias = "IntLike | tuple[IntLike, tuple[IntLike, ...]]"
ONE = Number(Fraction(1))


@dataclass(frozen=True)
class Case:
    name: str
    program: Program
    shapes: dict[str, tuple[int, ...]]
    exact: bool
    labels: int = 0                     # integer inputs run from 0 up to this

    def sample(self, seed: int = 0) -> dict[str, np.ndarray]:
        """Distinct multiples of 1/16, none of them 0: no ties, no kinks, exact in every sense."""
        rng = np.random.default_rng(seed)
        inputs: dict[str, np.ndarray] = {}
        for tensor in self.program.inputs:
            shape = self.shapes[tensor.name]
            if tensor.kind == "integer":
                inputs[tensor.name] = rng.integers(0, self.labels, shape)
                continue
            count = int(np.prod(shape))
            numbers = (rng.permutation(2 * count)[:count] - count + 0.5) / 16
            inputs[tensor.name] = numbers.reshape(shape)
        return inputs


def tensor(name: str, *extents: Extent, kind: Kind = "real") -> Tensor:
    axes = []
    for extent in extents:
        stored, logical = extent if isinstance(extent, tuple) else (extent, (extent,))
        axes.append(Axis(Int.of(stored), tuple(Int.of(part) for part in logical)))
    return Tensor(name, tuple(axes), kind)


def at(name: str, *subscripts: IntLike) -> Access:
    return Access(name, tuple(Int.of(subscript) for subscript in subscripts))


def element(name: str, *subscripts: IntLike) -> Int:
    return Int.atom(Element(name, tuple(Int.of(subscript) for subscript in subscripts)))


def indices(**extents: IntLike) -> tuple[Index, ...]:
    return tuple(Index(name, Int.of(extent)) for name, extent in extents.items())


def within(subscript: IntLike, extent: IntLike) -> tuple[Row, Row]:
    return AtLeast(Int.of(subscript)), AtLeast(Int.of(extent) - 1 - Int.of(subscript))


def term(body: Scalar, bound: tuple[Index, ...] = (), *rows: Row) -> Term:
    return Term(bound, rows, body)


def times(*factors: Scalar) -> Times:
    return Times(factors)


def sizes(free: str, **derived: IntLike) -> tuple[Size, ...]:
    return (*(Size(name) for name in free.split()),
            *(Size(name, Int.of(value)) for name, value in derived.items()))


i, j, u, v, a, e, c, o, n, h, t = map(Int.of, "ijuvaeconht")
N, C, H, W, O, K = map(Int.of, "NCHWOK")        # noqa: E741 - the letter of the field


def output_extent(extent: Int, s: int, d: int, p: int, kernel: Int) -> Int:
    return floor_div(extent + 2 * p - d * (kernel - 1) - 1, s) + 1


def grouped_convolution() -> Case:
    """Stride 2, dilation 3, padding 2, two groups."""
    s, d, p, g = 2, 3, 2, 2
    x, w = tensor("x", "N", ("C", (g, "Cg")), "H"), tensor("w", ("O", (g, "Og")), "Cg", "K")
    b = tensor("b", ("O", (g, "Og")))
    place = s * i + d * a - p
    y = Definition(
        tensor("y", "N", ("O", (g, "Og")), "Ho"), indices(n="N", g=g, o="Og", i="Ho"),
        (term(at("b", "g", o)),
         term(times(at("x", n, "g", c, place), at("w", "g", o, c, a)),
              indices(c="Cg", a="K"), *within(place, H))))
    return Case("grouped convolution", Program(
        (x, w, b), (y,), ("y",), sizes(
            "N C H O K", Cg=floor_div(C, g), Og=floor_div(O, g),
            Ho=output_extent(H, s, d, p, K))),
        {"x": (2, 4, 9), "w": (6, 2, 3), "b": (6,)}, exact=True)


def reflect_convolution() -> Case:
    """Padding 2 and 3 by reflection, as three disjoint affine pieces, then a convolution."""
    low, high = 2, 3
    x, w = tensor("x", "N", "C", "H"), tensor("w", "O", "C", "K")
    bound = indices(h="H")
    padded = Definition(
        tensor("xp", "N", "C", "Hp"), indices(n="N", c="C", u="Hp"),
        (term(at("x", n, c, h), bound, Equal(u - low - h)),
         term(at("x", n, c, h), bound, Equal(u - low + h), AtLeast(h - 1)),
         term(at("x", n, c, h), bound, Equal(u - low - 2 * (H - 1) + h), AtLeast(H - 2 - h))))
    y = Definition(
        tensor("y", "N", "O", "Ho"), indices(n="N", o="O", i="Ho"),
        (term(times(at("xp", n, c, i + a), at("w", o, c, a)), indices(c="C", a="K")),))
    return Case("reflect-padded convolution", Program(
        (x, w), (padded, y), ("y",),
        sizes("N C H O K", Hp=H + low + high, Ho=Int.of("Hp") - K + 1),
        requirements=(Requirement(AtLeast(H - 1 - high), "reflect needs a padding below H"),)),
        {"x": (1, 2, 4), "w": (2, 2, 3)}, exact=True)


def max_pooling() -> Case:
    """Kernel 3x2, stride 2, padding 1, ties first."""
    kernel, s, p = (3, 2), 2, 1
    rows = (*within(s * i + a - p, H), *within(s * j + e - p, W))
    y = Definition(
        tensor("y", "N", "C", "Ho", "Wo"), indices(n="N", c="C", i="Ho", j="Wo"),
        (term(at("x", n, c, s * i + a - p, s * j + e - p),
              indices(a=kernel[0], e=kernel[1]), *rows),), "max", "first")
    return Case("max pooling", Program(
        (tensor("x", "N", "C", "H", "W"),), (y,), ("y",),
        sizes("N C H W", Ho=output_extent(H, s, 1, p, Int.of(kernel[0])),
              Wo=output_extent(W, s, 1, p, Int.of(kernel[1])))),
        {"x": (1, 2, 5, 4)}, exact=True)


def adaptive_average() -> Case:
    """Three windows [floor(i*H/3), ceil((i+1)*H/3)) as two inequalities; the count is a tensor."""
    count = 3
    rows = (AtLeast(count * (u + 1) - i * H - 1), AtLeast((i + 1) * H - count * u - 1))
    divisor = Definition(tensor("m", count), indices(i=count),
                         (term(ONE, indices(u="H"), *rows),))
    y = Definition(
        tensor("y", "N", "C", count), indices(n="N", c="C", i=count),
        (term(times(at("x", n, c, u), Power(at("m", i), Fraction(-1))), indices(u="H"), *rows),))
    return Case("adaptive average pooling", Program(
        (tensor("x", "N", "C", "H"),), (divisor, y), ("y",), sizes("N C H")),
        {"x": (2, 2, 7)}, exact=True)


def max_unpool() -> Case:
    """y[k[h]] = x[h]; places that occur twice add."""
    y = Definition(
        tensor("y", "N", "C", "U"), indices(n="N", c="C", u="U"),
        (term(at("x", n, c, h), indices(h="H"), Equal(u - element("k", n, c, h))),))
    return Case("max unpooling", Program(
        (tensor("x", "N", "C", "H"), tensor("k", "N", "C", "H", kind="integer")), (y,), ("y",),
        sizes("N C H", U=2 * H)), {"x": (2, 2, 3), "k": (2, 2, 3)}, exact=True, labels=6)


def unfold() -> Case:
    """2-D windows as columns: [N, C*3*2, Ho*Wo], padding 1, stride 2 and 1."""
    rows = (*within(2 * i + a - 1, H), *within(j + e - 1, W))
    y = Definition(
        tensor("y", "N", (6 * C, ("C", 3, 2)), ("L", ("Ho", "Wo"))),
        indices(n="N", c="C", a=3, e=2, i="Ho", j="Wo"),
        (term(at("x", n, c, 2 * i + a - 1, j + e - 1), (), *rows),))
    return Case("unfold", Program(
        (tensor("x", "N", "C", "H", "W"),), (y,), ("y",),
        sizes("N C H W", Ho=output_extent(H, 2, 1, 1, Int.of(3)),
              Wo=output_extent(W, 1, 1, 1, Int.of(2)), L=Int.of("Ho") * Int.of("Wo"))),
        {"x": (1, 2, 4, 3)}, exact=True)


def cross_entropy() -> Case:
    """The mean of log(sum exp(x - m)) + m - x[label], with the frozen shift m = max x."""
    shift = Definition(tensor("m", "N"), indices(n="N"),
                       (term(at("x", n, c), indices(c="C")),), "max", frozen=True)
    total = Definition(tensor("z", "N"), indices(n="N"), (term(
        Apply("exp", (Plus((at("x", n, c), times(Number(Fraction(-1)), at("m", n)))),)),
        indices(c="C")),))
    mean = Power(Whole(N), Fraction(-1))
    y = Definition(tensor("y"), (), (
        term(times(mean, Plus((Apply("log", (at("z", n),)), at("m", n)))), indices(n="N")),
        term(times(Number(Fraction(-1)), mean, at("x", n, c)), indices(n="N", c="C"),
             Equal(c - element("k", n)))))
    return Case("cross-entropy", Program(
        (tensor("x", "N", "C"), tensor("k", "N", kind="integer")), (shift, total, y), ("y",),
        sizes("N C")), {"x": (3, 4), "k": (3,)}, exact=False, labels=4)


def batch_norm() -> Case:
    """Training statistics over the batch and space, biased variance, eps = 1/1000."""
    bound, share = indices(n="N", h="H"), Power(Whole(N * H), Fraction(-1))
    centred = Plus((at("x", n, c, h), times(Number(Fraction(-1)), at("mu", c))))
    mean = Definition(tensor("mu", "C"), indices(c="C"),
                      (term(times(share, at("x", n, c, h)), bound),))
    variance = Definition(tensor("var", "C"), indices(c="C"),
                          (term(times(share, Power(centred, Fraction(2))), bound),))
    scale = Power(Plus((at("var", c), Number(Fraction(1, 1000)))), Fraction(-1, 2))
    y = Definition(tensor("y", "N", "C", "H"), indices(n="N", c="C", h="H"), (
        term(times(centred, scale, at("gamma", c))), term(at("beta", c))))
    return Case("batch normalisation", Program(
        (tensor("x", "N", "C", "H"), tensor("gamma", "C"), tensor("beta", "C")),
        (mean, variance, y), ("y",), sizes("N C H")),
        {"x": (2, 2, 3), "gamma": (2,), "beta": (2,)}, exact=False)


def lp_pooling() -> Case:
    """(sum |x|**3) ** (1/3), kernel 3, stride 2."""
    powers = Definition(tensor("t", "N", "C", "Ho"), indices(n="N", c="C", i="Ho"), (
        term(Power(Apply("abs", (at("x", n, c, 2 * i + a),), (Fraction(0),)), Fraction(3)),
             indices(a=3)),))
    y = Definition(tensor("y", "N", "C", "Ho"), indices(n="N", c="C", i="Ho"),
                   (term(Power(at("t", n, c, i), Fraction(1, 3))),))
    return Case("Lp pooling", Program(
        (tensor("x", "N", "C", "H"),), (powers, y), ("y",),
        sizes("N C H", Ho=output_extent(H, 2, 1, 0, Int.of(3)))), {"x": (1, 2, 8)}, exact=False)


def transposed_convolution() -> Case:
    """Stride 2, dilation 3, padding 1 and output_padding 2, which no floor of a size gives."""
    s, d, p, extra = 2, 3, 1, 2
    y = Definition(tensor("y", "N", "O", "U"), indices(n="N", o="O", u="U"), (
        term(at("b", o)),
        term(times(at("x", n, c, i), at("w", c, o, a)), indices(c="C", i="H", a="K"),
             Equal(u + p - s * i - d * a))))
    return Case("transposed convolution", Program(
        (tensor("x", "N", "C", "H"), tensor("w", "C", "O", "K"), tensor("b", "O")), (y,), ("y",),
        sizes("N C H O K", U=(H - 1) * s - 2 * p + d * (K - 1) + extra + 1)),
        {"x": (1, 2, 4), "w": (2, 2, 3), "b": (2,)}, exact=True)


def diagonal() -> Case:
    y = Definition(tensor("y", "H"), indices(i="H"), (term(at("x", i, i)),))
    return Case("diagonal", Program((tensor("x", "H", "H"),), (y,), ("y",), sizes("H")),
                {"x": (4, 4)}, exact=True)


def neighbours() -> Case:
    y = Definition(tensor("y", "M"), indices(i="M"), (term(times(at("x", i), at("x", i + 1))),))
    return Case("neighbours", Program((tensor("x", "H"),), (y,), ("y",), sizes("H", M=H - 1)),
                {"x": (6,)}, exact=True)


def lenet() -> Case:
    """Convolution, sigmoid, average pooling, twice; flattened into two linear layers."""
    P, Q, Hq, Wq = map(Int.of, ("P", "Q", "Hq", "Wq"))
    F, G = Int.of("F"), Int.of("G")
    place = (i + a - 1, j + e - 1)
    taps = indices(a=2, e=2)
    quarter = Number(Fraction(1, 4))

    def image(name: str, channels: Int, *extents: IntLike) -> Tensor:
        return tensor(name, "N", channels, *extents)

    def free(channels: Int, rows: IntLike, columns: IntLike) -> tuple[Index, ...]:
        return indices(n=N, o=channels, i=rows, j=columns)

    first = Definition(image("c1", P, H, W), free(P, H, W), (
        term(at("b1", o)),
        term(times(at("x", n, c, *place), at("w1", o, c, a, e)), indices(c=C, a=3, e=3),
             *within(place[0], H), *within(place[1], W))))
    second = Definition(image("c2", Q, "Hc", "Wc"), free(Q, "Hc", "Wc"), (
        term(at("b2", o)),
        term(times(at("p1", n, c, i + a, j + e), at("w2", o, c, a, e)),
             indices(c=P, a=2, e=2))))

    def active(name: str, of: str, channels: Int, rows: IntLike, columns: IntLike) -> Definition:
        return Definition(image(name, channels, rows, columns), free(channels, rows, columns),
                          (term(Apply("sigmoid", (at(of, n, o, i, j),))),))

    def pooled(name: str, of: str, channels: Int, rows: IntLike, columns: IntLike) -> Definition:
        return Definition(
            image(name, channels, rows, columns), free(channels, rows, columns),
            (term(times(quarter, at(of, n, o, 2 * i + a, 2 * j + e)), taps),))

    hidden = Definition(tensor("l1", "N", F), indices(n=N, o=F), (
        term(at("b3", o)),
        term(times(at("p2", n, c, i, j), at("w3", o, c, i, j)), indices(c=Q, i=Hq, j=Wq))))
    bent = Definition(tensor("s3", "N", F), indices(n=N, o=F),
                      (term(Apply("sigmoid", (at("l1", n, o),))),))
    y = Definition(tensor("y", "N", G), indices(n=N, o=G), (
        term(at("b4", o)), term(times(at("s3", n, c), at("w4", o, c)), indices(c=F))))
    flat = (Q * Hq * Wq, (Q, Hq, Wq))
    return Case("LeNet", Program(
        (tensor("x", "N", "C", "H", "W"), tensor("w1", P, C, 3, 3), tensor("b1", P),
         tensor("w2", Q, P, 2, 2), tensor("b2", Q), tensor("w3", F, flat), tensor("b3", F),
         tensor("w4", G, F), tensor("b4", G)),
        (first, active("s1", "c1", P, H, W), pooled("p1", "s1", P, "Hp", "Wp"), second,
         active("s2", "c2", Q, "Hc", "Wc"), pooled("p2", "s2", Q, Hq, Wq), hidden, bent, y),
        ("y",), sizes(
            "N C H W P Q F G", Hp=floor_div(H, 2), Wp=floor_div(W, 2), Hc=Int.of("Hp") - 1,
            Wc=Int.of("Wp") - 1, Hq=floor_div(Int.of("Hc"), 2), Wq=floor_div(Int.of("Wc"), 2))),
        {"x": (1, 1, 6, 7), "w1": (2, 1, 3, 3), "b1": (2,), "w2": (2, 2, 2, 2), "b2": (2,),
         "w3": (3, 2), "b3": (3,), "w4": (2, 3), "b4": (2,)}, exact=False)


def bracketed_diagonal() -> Program:
    """The matrix of y = x with an Iverson bracket as a body: [i = j] * x[i]."""
    y = Definition(tensor("y", "H", "H"), indices(i="H", j="H"),
                   (term(times(Bracket((Equal(i - j),)), at("x", i))),))
    return Program((tensor("x", "H"),), (y,), ("y",), sizes("H"))


BUILDERS: tuple[Callable[[], Case], ...] = (
    grouped_convolution, reflect_convolution, max_pooling, adaptive_average, max_unpool, unfold,
    cross_entropy, batch_norm, lp_pooling, transposed_convolution, diagonal, neighbours, lenet)
ACCEPTANCE = tuple(build() for build in BUILDERS)
