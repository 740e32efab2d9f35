"""Sliding products over batches and channels: conv1d, conv2d, conv3d and conv1x1.

One relation per spatial axis, u = s*i + d*a - p: input position u, output i, tap a.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symconv.errors import ParameterError
from symconv.integers import Int, ceil_div, floor_div, largest
from symconv.integers import text as int_text
from symconv.ir import Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Padding, PerAxis, Size
from symconv.operators.padding import MODES, Pad
from symconv.operators.ranks import per_rank
from symconv.operators.text import catalogued, defined
from symconv.operators.window import (
    GAPS,
    OUTPUTS,
    SPATIAL,
    TAPS,
    Axis,
    fresh,
    kernel_names,
)

_RULES = ("valid", "same", "same_upper", "same_lower")


def conv(ndim: int, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1,
         groups: Size = 1, bias: bool = True, padding_mode: str = "zeros", flip: bool = False,
         input_dilation: PerAxis = 1, kernel_size: PerAxis | None = None,
         name: str | None = None) -> Operator:
    """Cross-correlation of {inputs}: x (N,C,{sizes}) with w (O,C/groups,{taps}), plus b (O)."""
    return _convolution(_Options(f"conv{ndim}d", ndim, stride, padding, dilation, groups, bias,
                                 padding_mode, flip, input_dilation, kernel_size, name))


conv1d, conv2d, conv3d = per_rank(conv)


def conv1x1(bias: bool = True, name: str | None = None) -> Operator:
    """A linear map of the channels at every pixel: x (N,C,H,W), w (O,C), b (O)."""
    biased = arguments.flag("conv1x1", "bias", bias)
    lines = ["x: [N, C, H, W]", "w: [O, C]", *(["b: [O]"] if biased else []),
             f"y[n,o,i,j] = {'b[o] + ' if biased else ''}sum[c](x[n,c,i,j] * w[o,c])"]
    return catalogued("conv1x1", name, defined(lines), ("x",))


@dataclass(frozen=True, slots=True)
class _Options:
    kind: str
    ndim: int
    stride: PerAxis
    padding: Padding
    dilation: PerAxis
    groups: Size
    bias: bool
    padding_mode: str
    flip: bool
    input_dilation: PerAxis
    kernel_size: PerAxis | None
    name: str | None


def _convolution(options: _Options) -> Operator:
    kind = options.kind
    axes = _axes(options)
    groups = arguments.integer(kind, "groups", options.groups)
    biased = arguments.flag(kind, "bias", options.bias)
    flipped = arguments.flag(kind, "flip", options.flip)
    mode = arguments.choice(kind, "padding_mode", options.padding_mode, ("zeros", *MODES))
    taken = _symbols(axes, groups)
    n, o, g, c = (fresh(letter, taken) for letter in "nogc")
    outer = (f"({g},{o})", f"({g},{c})") if groups.constant != 1 else (o, c)
    kernel = ", ".join(int_text(axis.kernel) for axis in axes)
    lines = _operands(axes, groups, kernel, biased)
    lines += [statement for axis in axes for statement in axis.extent()]
    requirements = [axis.not_empty(kind) for axis in axes]
    operand = "x"
    if mode != "zeros":
        operand, axes = _padded(options, axes, mode, (n, outer[1]), taken, lines, requirements)
    lines += [f"{axis.index} < {axis.out}" for axis in axes]
    gaps = [axis for axis in axes if axis.gap.constant != 1]
    lines += [f"{axis.source} < {axis.size}" for axis in gaps]
    positions = [axis.mirrored if flipped else axis.position for axis in axes]
    rows = [f"[{int_text(axis.gap * Int.of(axis.source))} == {axis.show(position)}]"
            for axis, position in zip(axes, positions, strict=True) if axis in gaps]
    places = [axis.source if axis in gaps else axis.show(position)
              for axis, position in zip(axes, positions, strict=True)]
    taps = [axis.tap for axis in axes]
    bound = ",".join((c, *taps, *(axis.source for axis in gaps)))
    body = " * ".join((*rows, f"{operand}[{n},{outer[1]}, {', '.join(places)}]",
                       f"w[{','.join((outer[0], c, *taps))}]"))
    target = ",".join((n, outer[0], *(axis.index for axis in axes)))
    start = f"b[{outer[0]}] + " if biased else ""
    lines.append(f"y[{target}] = {start}sum[{bound}]({body})")
    return catalogued(kind, options.name, defined(lines, requirements), ("x",))


def _operands(axes: Sequence[Axis], groups: Int, kernel: str, biased: bool) -> list[str]:
    plane = ", ".join(axis.size for axis in axes)
    if groups.constant == 1:
        lines = [f"x: [N, C, {plane}]", f"w: [O, C, {kernel}]", "b: [O]"]
    else:
        count = int_text(groups)
        split = f"O == ({count}, Og)"
        lines = [f"x: [N, C == ({count}, Cg), {plane}]", f"w: [{split}, Cg, {kernel}]",
                 f"b: [{split}]"]
    return lines if biased else lines[:2]


def _padded(options: _Options, axes: list[Axis], mode: str, outer: tuple[str, str],
            taken: set[str], lines: list[str],
            requirements: list[Requirement]) -> tuple[str, list[Axis]]:
    """Statements that spread and pad x axis by axis; returns that operand and its axes."""
    turn = fresh("q", taken)
    operand, axes = _spread(axes, outer, lines)
    pads = [Pad.of(axis, fresh(letter, taken), turn)
            for axis, letter in zip(axes, "hrt", strict=False)]
    for place, pad in enumerate(pads):
        if not pad.trivial:
            target = f"x{pad.padded.lower()}"
            lines += pad.extent()
            lines += pad.statement(mode, target, operand,
                                   (*outer, *(done.index for done in pads[:place])),
                                   tuple(rest.source for rest in pads[place + 1:]))
            requirements += pad.requirements(options.kind, mode)
            operand = target
    return operand, [replace(axis, size=pad.padded, low=Int.of(0), high=Int.of(0))
                     for axis, pad in zip(axes, pads, strict=True)]


def _spread(axes: list[Axis], outer: tuple[str, str],
            lines: list[str]) -> tuple[str, list[Axis]]:
    """A statement that puts zeros between the inputs where an axis has gaps."""
    if all(axis.gap.constant == 1 for axis in axes):
        return "x", axes
    places, rows, bound, spread = [], [], [], []
    for axis in axes:
        if axis.gap.constant == 1:
            places.append(axis.source)
            spread.append(axis)
            continue
        size, source = f"{axis.size}s", f"{axis.source}s"
        lines += [f"{size} = {int_text(axis.spread)}", f"{axis.source} < {size}",
                  f"{source} < {axis.size}"]
        rows.append(f"[{int_text(axis.gap * Int.of(source))} == {axis.source}]")
        bound.append(source)
        places.append(source)
        spread.append(replace(axis, size=size, gap=Int.of(1)))
    lines.append(f"xs[{','.join((*outer, *(axis.source for axis in axes)))}] = "
                 f"sum[{','.join(bound)}]({' * '.join(rows)} * x[{','.join((*outer, *places))}])")
    return "xs", spread


def _axes(options: _Options) -> list[Axis]:
    """The spatial axes with their parameters checked."""
    kind, ndim = options.kind, options.ndim
    names = SPATIAL[ndim]
    stride = arguments.per_axis(kind, "stride", options.stride, names)
    dilation = arguments.per_axis(kind, "dilation", options.dilation, names)
    gap = arguments.per_axis(kind, "input_dilation", options.input_dilation, names)
    kernel = (tuple(map(Int.of, kernel_names(ndim))) if options.kernel_size is None else
              arguments.per_axis(kind, "kernel_size", options.kernel_size, names))
    rule = options.padding if isinstance(options.padding, str) else None
    rule = rule if rule in _RULES else None
    pads = ([(Int.of(0), Int.of(0))] * ndim if rule is not None
            else arguments.pads(kind, options.padding, names))
    values = (*stride, *dilation, *gap, *kernel, *(side for pair in pads for side in pair))
    taken = {value.name for value in values if value.name is not None}
    axes = []
    for place, size in enumerate(names):
        letters = [fresh(table[ndim][place], taken) for table in (OUTPUTS, TAPS, GAPS)]
        axes.append(Axis(size, f"{size}o", letters[0], letters[1], kernel[place], stride[place],
                         *pads[place], dilation[place], gap[place], letters[2]))
    if rule is None or rule == "valid":
        return axes
    return [_same(options, axis, rule) for axis in axes]


def _same(options: _Options, axis: Axis, rule: str) -> Axis:
    """ceil(H/s) outputs; the padding that this needs is halved, the odd one at the end
    ("same", "same_upper") or at the start ("same_lower")."""
    if rule == "same" and axis.stride.constant != 1:
        raise ParameterError(
            f'{options.kind}: padding="same" needs stride 1, but stride is {options.stride!r}; '
            'use padding="same_upper" (TensorFlow, ONNX) or "same_lower", or give numbers')
    out, start = f"{axis.size}o", f"P{axis.size}"
    ruled = [f"{out} = {int_text(ceil_div(axis.spread, axis.stride))}"]
    if axis.stride.constant == 1:
        total = axis.reach - 1
        if axis.gap.constant == 1:
            out, ruled = axis.size, []
    else:
        total = largest(axis.stride * (Int.of(out) - 1) + axis.reach - axis.spread, 0)
    low = ceil_div(total, 2) if rule == "same_lower" else floor_div(total, 2)
    if low.constant is None:
        ruled.append(f"{start} = {int_text(low)}")
        low = Int.of(start)
    return replace(axis, out=out, low=low, high=total - low, ruled=tuple(ruled))


def _symbols(axes: Sequence[Axis], groups: Int) -> set[str]:
    used = {groups.name} if groups.name else set()
    for axis in axes:
        for value in (axis.kernel, axis.stride, axis.low, axis.high, axis.dilation, axis.gap):
            used |= {name for name in value.names() if name.islower()}
        used |= {axis.index, axis.tap, axis.source}
    return used
