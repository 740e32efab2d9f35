"""unfold and fold: windows as columns, and columns added up into an image.

Both are one relation, u = s*i + d*a - p, between an image and an array whose rows are (c, a, e)
and whose columns are (i, j), row-major as in PyTorch; each is the other's adjoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Padding, PerAxis, refuse
from symconv.operators.text import catalogued, defined
from symconv.operators.window import GAPS, OUTPUTS, SPATIAL, TAPS, Axis, fresh


def unfold(kernel_size: PerAxis, stride: PerAxis = 1, padding: Padding = 0,
           dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The windows of x (N,C,H,W) as columns: y (N, C*KH*KW, Ho*Wo)."""
    form = _Form.of("unfold", kernel_size, stride, padding, dilation, None)
    sizes = ", ".join(axis.size for axis in form.axes)
    lines = [f"x: [N, C, {sizes}]", *(line for axis in form.axes for line in axis.extent()),
             *(f"{axis.index} < {axis.out}" for axis in form.axes), *form.taps(),
             f"y[{form.column()}] = [{form.inside()}] * x[{form.n},{form.c}, {form.position()}]"]
    return catalogued("unfold", name, defined(lines, form.needs()), ("x",))


def fold(kernel_size: PerAxis, output_size: PerAxis, stride: PerAxis = 1, padding: Padding = 0,
         dilation: PerAxis = 1, name: str | None = None) -> Operator:
    """The columns of x (N, C*KH*KW, Ho*Wo) added up where they came from: y (N,C,H,W)."""
    if output_size is None:
        raise refuse("fold", "output_size", output_size, "an integer or one per axis",
                     "give the extents of the image")
    form = _Form.of("fold", kernel_size, stride, padding, dilation, output_size)
    kernel = ", ".join(int_text(axis.kernel) for axis in form.axes)
    outs = ", ".join(axis.out for axis in form.axes)
    lines = [f"x: [N, R == (C, {kernel}), L == ({outs},)]",
             *(f"{axis.size} = {int_text(size)}" for axis, size
               in zip(form.axes, form.sizes, strict=True)),
             *(line for axis in form.axes for line in axis.extent()),
             *(f"{axis.source} < {axis.size}" for axis in form.axes)]
    rows = [f"[{axis.source} == {axis.show(axis.position)}]" for axis in form.axes]
    bound = ",".join((*(axis.tap for axis in form.axes), *(axis.index for axis in form.axes)))
    image = ",".join((form.n, form.c, *(axis.source for axis in form.axes)))
    lines.append(f"y[{image}] = sum[{bound}]({' * '.join(rows)} * x[{form.column()}])")
    return catalogued("fold", name, defined(lines, form.needs()), ("x",))


@dataclass(frozen=True, slots=True)
class _Form:
    """The windows of both operators; `sizes` are the extents of the image that fold makes."""

    kind: str
    axes: tuple[Axis, ...]
    sizes: tuple[Int, ...]
    n: str
    c: str

    @classmethod
    def of(cls, kind: str, kernel_size: PerAxis, stride: PerAxis, padding: Padding,
           dilation: PerAxis, output_size: PerAxis | None) -> _Form:
        several = isinstance(kernel_size, Sequence) and not isinstance(kernel_size, str)
        ndim = len(kernel_size) if several and isinstance(kernel_size, Sequence) else 2
        if ndim not in SPATIAL:
            raise refuse(kind, "kernel_size", kernel_size, "of length 1, 2 or 3",
                         "give one extent per spatial axis")
        names = SPATIAL[ndim]
        kernel = arguments.per_axis(kind, "kernel_size", kernel_size, names)
        strides = arguments.per_axis(kind, "stride", stride, names)
        dilations = arguments.per_axis(kind, "dilation", dilation, names)
        pads = arguments.pads(kind, padding, names)
        sizes = () if output_size is None else arguments.per_axis(
            kind, "output_size", output_size, names)
        values = (*kernel, *strides, *dilations, *sizes, *(p for pair in pads for p in pair))
        taken = {value.name for value in values if value.name is not None}
        axes = tuple(Axis(size, f"{size}o", fresh(OUTPUTS[ndim][place], taken),
                          fresh(TAPS[ndim][place], taken), kernel[place], strides[place],
                          *pads[place], dilations[place], Int.of(1),
                          fresh(GAPS[ndim][place], taken))
                     for place, size in enumerate(names))
        return cls(kind, axes, sizes, fresh("n", taken), fresh("c", taken))

    def taps(self) -> list[str]:
        return [f"{axis.tap} < {int_text(axis.kernel)}" for axis in self.axes]

    def column(self) -> str:
        """n, (c, taps), (outputs): a place in the array of columns."""
        taps = ",".join((self.c, *(axis.tap for axis in self.axes)))
        outs = ",".join(axis.index for axis in self.axes)
        return f"{self.n},({taps}),{f'({outs})' if len(self.axes) > 1 else outs}"

    def position(self) -> str:
        return ", ".join(axis.show(axis.position) for axis in self.axes)

    def inside(self) -> str:
        return ", ".join(f"0 <= {axis.show(axis.position)} < {axis.size}" for axis in self.axes)

    def needs(self) -> list[Requirement]:
        return [axis.not_empty(self.kind) for axis in self.axes]
