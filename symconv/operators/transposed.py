"""Transposed convolution: the relation of conv{n}d, with the roles of its ends exchanged.

Position u of the output meets position i of the input under tap a where u + p = s*i + d*a.
"""

from __future__ import annotations

from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Padding, PerAxis, Size, refuse
from symconv.operators.ranks import per_rank
from symconv.operators.text import catalogued, defined
from symconv.operators.window import GAPS, OUTPUTS, SPATIAL, TAPS, fresh, kernel_names


def conv_transpose(ndim: int, stride: PerAxis = 1, padding: Padding = 0,
                   output_padding: PerAxis = 0, dilation: PerAxis = 1, groups: Size = 1,
                   bias: bool = True, padding_mode: str = "zeros",
                   kernel_size: PerAxis | None = None, name: str | None = None) -> Operator:
    """Transposed convolution of {inputs}: x (N,C,{sizes}), w (C,O/groups,{taps}), b (O)."""
    kind, sizes = f"conv_transpose{ndim}d", SPATIAL[ndim]
    strides = arguments.per_axis(kind, "stride", stride, sizes)
    dilations = arguments.per_axis(kind, "dilation", dilation, sizes)
    extra = arguments.per_axis(kind, "output_padding", output_padding, sizes, least=0)
    pads = arguments.pads(kind, padding, sizes)
    arguments.choice(kind, "padding_mode", padding_mode, ("zeros",))
    kernel = (tuple(map(Int.of, kernel_names(ndim))) if kernel_size is None
              else arguments.per_axis(kind, "kernel_size", kernel_size, sizes))
    count = arguments.integer(kind, "groups", groups)
    biased = arguments.flag(kind, "bias", bias)
    for size, s, d, more in zip(sizes, strides, dilations, extra, strict=True):
        if s.constant and d.constant and more.constant and (
                more.constant >= max(s.constant, d.constant)):
            raise refuse(kind, "output_padding", output_padding,
                         f"below {max(s.constant, d.constant)}, the larger of stride and "
                         "dilation", "reduce it or raise the stride", size)
    values = (*strides, *dilations, *extra, *kernel, count, *(p for pair in pads for p in pair))
    taken = {value.name for value in values if value.name is not None}
    n, o, g, c = (fresh(letter, taken) for letter in "nogc")
    split = count.constant != 1
    groups_text = int_text(count)
    outer = (f"({g},{o})", f"({g},{c})") if split else (o, c)
    channels = f"C == ({groups_text}, Cg)" if split else "C"
    lines = [f"x: [N, {channels}, {', '.join(sizes)}]",
             f"w: [{channels}, {'Og' if split else 'O'}, {', '.join(map(int_text, kernel))}]"]
    if biased:
        lines.append(f"b: [O == ({groups_text}, Og)]" if split else "b: [O]")
    rows, outputs, inputs, taps = [], [], [], []
    requirements = []
    for place, size in enumerate(sizes):
        u, i, a = (fresh(table[ndim][place], taken) for table in (GAPS, OUTPUTS, TAPS))
        low, high = pads[place]
        extent = (strides[place] * (Int.of(size) - 1) + dilations[place] * (kernel[place] - 1)
                  - low - high + extra[place] + 1)
        lines += [f"{size}o = {int_text(extent)}", f"{u} < {size}o"]
        landing = strides[place] * Int.of(i) + dilations[place] * Int.of(a)
        rows.append(f"[{int_text(Int.of(u) + low, (u,))} == {int_text(landing, (i, a))}]")
        outputs.append(u)
        inputs.append(i)
        taps.append(a)
        requirements.append(Requirement(
            AtLeast(Int.of(f"{size}o") - 1), f"{kind}: axis {size} gives no output "
            f"({size}o is below 1); reduce the padding or enlarge the input"))
    start = f"b[{outer[0]}] + " if biased else ""
    lines.append(
        f"y[{','.join((n, outer[0], *outputs))}] = {start}sum[{','.join((c, *inputs, *taps))}]"
        f"({' * '.join(rows)} * x[{','.join((n, outer[1], *inputs))}]"
        f" * w[{','.join((outer[1], o, *taps))}])")
    return catalogued(kind, name, defined(lines, requirements), ("x",))


conv_transpose1d, conv_transpose2d, conv_transpose3d = per_rank(conv_transpose)
