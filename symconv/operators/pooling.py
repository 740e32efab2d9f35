"""Sliding reductions of each channel: max, min, avg, sum and lp pools, 1 to 3 axes.

Padding and the gaps of input dilation never take part in a maximum or minimum: such a point is
outside the relation. The divisor of an average counts taps on padding with count_include_pad,
and never the overhang of ceil mode; it depends on the output index and stays inside the adjoint
as dy[i]/n[i].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Padding, PerAxis, Real, refuse
from symconv.operators.text import catalogued, defined
from symconv.operators.window import GAPS, OUTPUTS, SPATIAL, TAPS, Axis, fresh

TIES = ("first", "last", "even")
_LARGEST_NORM = 1000


@dataclass(frozen=True, slots=True)
class _Pool:
    """The parameters that every pool has, checked and turned into axes."""

    kind: str
    axes: tuple[Axis, ...]
    letters: tuple[str, str]
    name: str | None

    @property
    def kernel(self) -> str:
        return "*".join(int_text(axis.kernel) for axis in self.axes)

    def lines(self) -> list[str]:
        """Operand, output extents and the extents of outputs, taps and gapped inputs."""
        found = [f"x: [N, C, {', '.join(axis.size for axis in self.axes)}]"]
        for axis in self.axes:
            found += [*axis.extent(), f"{axis.index} < {axis.out}",
                      f"{axis.tap} < {int_text(axis.kernel)}"]
            if axis.gap.constant != 1:
                found.append(f"{axis.source} < {axis.size}")
        return found

    def target(self, name: str = "y") -> str:
        return f"{name}[{','.join((*self.letters, *(axis.index for axis in self.axes)))}]"

    def bound(self) -> str:
        gaps = (axis.source for axis in self.axes if axis.gap.constant != 1)
        return ",".join((*(axis.tap for axis in self.axes), *gaps))

    def read(self) -> str:
        """The input under a tap, with the rows that input dilation and cropping add."""
        return " * ".join((*self.rows(), self.access()))

    def rows(self) -> list[str]:
        """The rows that input dilation and cropping add."""
        rows: list[str] = []
        for axis in self.axes:
            rows += axis.crop()
            if axis.gap.constant != 1:
                spot = int_text(axis.gap * Int.of(axis.source))
                rows.append(f"[{spot} == {axis.show(axis.position)}]")
        return rows

    def places(self) -> list[str]:
        """The input position under a tap, axis by axis."""
        return [axis.show(axis.position) if axis.gap.constant == 1 else axis.source
                for axis in self.axes]

    def access(self) -> str:
        return f"x[{','.join(self.letters)}, {', '.join(self.places())}]"

    def flat(self) -> str:
        """The number of the input position in its plane, row by row."""
        number, *rest = (f"({place})" for place in self.places())
        for axis, place in zip(self.axes[1:], rest, strict=True):
            number = f"({number}*{axis.size} + {place})"
        return number

    def operator(self, lines: list[str], tapped: bool) -> Operator:
        requirements: list[Requirement] = [axis.not_empty(self.kind) for axis in self.axes]
        if tapped and not any(axis.gap.constant != 1 for axis in self.axes):
            requirements += [row for axis in self.axes for row in axis.tapped(self.kind)]
        return catalogued(self.kind, self.name, defined([*self.lines(), *lines], requirements),
                          ("x",))


def pool(kind: str, ndim: int, kernel_size: PerAxis, stride: PerAxis | None, padding: Padding,
         dilation: PerAxis, ceil_mode: bool, input_dilation: PerAxis,
         name: str | None) -> _Pool:
    """The checked windows of a pool; stride None is the kernel size."""
    names = SPATIAL[ndim]
    kernel = arguments.per_axis(kind, "kernel_size", kernel_size, names)
    strides = kernel if stride is None else arguments.per_axis(kind, "stride", stride, names)
    dilations = arguments.per_axis(kind, "dilation", dilation, names)
    gaps = arguments.per_axis(kind, "input_dilation", input_dilation, names)
    pads = arguments.pads(kind, padding, names)
    rounded = arguments.flag(kind, "ceil_mode", ceil_mode)
    values = (*kernel, *strides, *dilations, *gaps, *(side for pair in pads for side in pair))
    taken = {value.name for value in values if value.name is not None}
    axes = []
    for place, size in enumerate(names):
        index, tap, source = (fresh(table[ndim][place], taken)
                              for table in (OUTPUTS, TAPS, GAPS))
        axes.append(Axis(size, f"{size}o", index, tap, kernel[place], strides[place],
                         *pads[place], dilations[place], gaps[place], source, rounded))
    used = taken | {axis.index for axis in axes} | {axis.tap for axis in axes}
    return _Pool(kind, tuple(axes), (fresh("n", used), fresh("c", used)),
                 name)


def extremum(form: _Pool, which: str, ties: str, return_indices: bool) -> Operator:
    """y[i] = max or min over the taps inside the input; the indices are the first such taps,
    or the last with ties="last"."""
    rule = arguments.choice(form.kind, "ties", ties, TIES)
    indexed = arguments.flag(form.kind, "return_indices", return_indices)
    reduction = which if rule == "first" else f"{which}_{rule}"
    lines = [f"{form.target()} = {reduction}[{form.bound()}]({form.read()})"]
    if indexed:
        first = f"arg{which}" if rule != "last" else f"arg{which}_last"
        lines += [f"{form.target('indices')} = {first}[{form.bound()}]({form.read()}, "
                  f"{form.flat()})", "return y, indices"]
    return form.operator(lines, tapped=True)


def norm(form: _Pool, norm_type: Real) -> Operator:
    """y[i] = (sum of |x|**p over the taps inside the input)**(1/p), for p = inf the largest |x|.

    Where the sum is 0 the gradient is 0.
    """
    if isinstance(norm_type, float | int) and norm_type == math.inf:
        return form.operator([f"{form.target()} = max[{form.bound()}]("
                              f"{' * '.join((*form.rows(), f'abs({form.access()})'))})"],
                             tapped=True)
    p = arguments.real(form.kind, "norm_type", norm_type)
    if not 0 < p <= _LARGEST_NORM or (1 / p).numerator > _LARGEST_NORM:
        raise refuse(form.kind, "norm_type", norm_type, f"positive, up to {_LARGEST_NORM}, or inf",
                     "give 1 for sums of |x|, 2 for the Euclidean norm, inf for the largest |x|")
    inner = "abs({x})" if p == 1 else f"abs_power({{x}}, exponent={p})"
    terms = " * ".join((*form.rows(), inner.format(x=form.access())))
    total = f"sum[{form.bound()}]({terms})"
    if p == 1:
        return form.operator([f"{form.target()} = {total}"], tapped=False)
    return form.operator([form.target("powers") + f" = {total}",
                          f"{form.target()} = abs_power({form.target('powers')}, "
                          f"exponent={1 / p})"], tapped=False)


def total(form: _Pool) -> Operator:
    """y[i] = sum over the taps inside the input."""
    return form.operator([f"{form.target()} = sum[{form.bound()}]({form.read()})"],
                         tapped=False)


def average(form: _Pool, count_include_pad: bool, divisor_override: Real | None) -> Operator:
    """y[i] = sum over the taps inside the input, over the count of taps or a given divisor."""
    padded = arguments.flag(form.kind, "count_include_pad", count_include_pad)
    if divisor_override is not None:
        divisor = arguments.real(form.kind, "divisor_override", divisor_override)
        if divisor == 0:
            raise refuse(form.kind, "divisor_override", divisor_override, "a number but 0",
                         "use sum_pool for no division at all")
        return form.operator([f"{form.target()} = sum[{form.bound()}]({form.read()} / "
                              f"({divisor}))"], tapped=False)
    if not padded:
        return form.operator([f"{form.target()} = mean[{form.bound()}]({form.read()})"],
                             tapped=True)
    if not any(axis.ceil_mode for axis in form.axes):
        return form.operator([f"{form.target()} = sum[{form.bound()}]({form.read()} / "
                              f"({form.kernel}))"], tapped=False)
    lines, counts = [], []
    for axis in form.axes:                   # taps up to the end of the padding
        count = f"count_{axis.size.lower()}"
        end = int_text(axis.spread + axis.high)
        lines.append(f"{count}[{axis.index}] = sum[{axis.tap}]"
                     f"([{axis.show(axis.position)} < {end}])")
        counts.append(f"{count}[{axis.index}]")
    lines.append(f"{form.target()} = sum[{form.bound()}]({form.read()} / "
                 f"({'*'.join(counts)}))")
    return form.operator(lines, tapped=False)

