"""max_unpool: a scatter whose places are data.

The element x[n,c,i,j] goes to the place indices[n,c,i,j] = u*Wo + v of its output plane. Places
that occur twice add, as the adjoint of a gather must.
"""

from __future__ import annotations

from symconv.errors import ParameterError
from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Padding, PerAxis
from symconv.operators.text import catalogued, defined
from symconv.operators.window import GAPS, OUTPUTS, SPATIAL, fresh


def max_unpool1d(kernel_size: PerAxis | None = None, stride: PerAxis | None = None,
                 padding: Padding = 0, output_size: PerAxis | None = None,
                 name: str | None = None) -> Operator:
    """x (N,C,H) at the places that indices (N,C,H) name; zeros elsewhere, equal places add."""
    return _unpool(1, kernel_size, stride, padding, output_size, name)


def max_unpool2d(kernel_size: PerAxis | None = None, stride: PerAxis | None = None,
                 padding: Padding = 0, output_size: PerAxis | None = None,
                 name: str | None = None) -> Operator:
    """x (N,C,H,W) at the places that indices (N,C,H,W) name; zeros elsewhere, equal places add."""
    return _unpool(2, kernel_size, stride, padding, output_size, name)


def max_unpool3d(kernel_size: PerAxis | None = None, stride: PerAxis | None = None,
                 padding: Padding = 0, output_size: PerAxis | None = None,
                 name: str | None = None) -> Operator:
    """x (N,C,D,H,W) at the places that indices of its shape name; zeros elsewhere, equal add."""
    return _unpool(3, kernel_size, stride, padding, output_size, name)


def _unpool(ndim: int, kernel_size: PerAxis | None, stride: PerAxis | None, padding: Padding,
            output_size: PerAxis | None, name: str | None) -> Operator:
    kind, sizes = f"max_unpool{ndim}d", SPATIAL[ndim]
    if kernel_size is None and output_size is None:
        raise ParameterError(f"{kind}: kernel_size and output_size are None, but one of them must "
                             "be given; give the kernel_size of the pool, or the output_size")
    values: list[Int] = []
    if kernel_size is not None:
        kernel = arguments.per_axis(kind, "kernel_size", kernel_size, sizes)
        strides = kernel if stride is None else arguments.per_axis(kind, "stride", stride, sizes)
        pads = arguments.pads(kind, padding, sizes)
        values = [*kernel, *strides, *(side for pair in pads for side in pair)]
        extents = [s * (Int.of(size) - 1) + k - low - high for size, k, s, (low, high)
                   in zip(sizes, kernel, strides, pads, strict=True)]
    if output_size is not None:
        extents = list(arguments.per_axis(kind, "output_size", output_size, sizes))
        values += extents
    taken = {value.name for value in values if value.name is not None}
    outer = [fresh("n", taken), fresh("c", taken)]
    inputs = [fresh(letter, taken) for letter in OUTPUTS[ndim]]
    outputs = [fresh(letter, taken) for letter in GAPS[ndim]]
    plane = ", ".join(sizes)
    named = [f"{size}o" for size in sizes]
    lines = [f"x: [N, C, {plane}]", f"indices: int[N, C, {plane}]",
             *(f"{out} = {int_text(extent)}" for out, extent in zip(named, extents, strict=True)),
             *(f"{index} < {out}" for index, out in zip(outputs, named, strict=True)),
             f"indices < {'*'.join(named)}"]
    source = ",".join((*outer, *inputs))
    rows = [f"[{index} == {place}]" for index, place
            in zip(outputs, _places(f"indices[{source}]", named), strict=True)]
    lines.append(f"y[{','.join((*outer, *outputs))}] = sum[{','.join(inputs)}]"
                 f"({' * '.join(rows)} * x[{source}])")
    needs = [Requirement(AtLeast(Int.of(out) - 1), f"{kind}: axis {size} gives no output ({out} "
                         "is below 1); reduce the padding or give output_size")
             for size, out in zip(sizes, named, strict=True)]
    return catalogued(kind, name, defined(lines, needs), ("x", "indices"))


def _places(flat: str, sizes: list[str]) -> list[str]:
    """The position that a flat number has along every axis of a plane."""
    places: list[str] = []
    for number in range(len(sizes)):
        below = sizes[number + 1:]
        place = f"({flat} // ({'*'.join(below)}))" if below else flat
        places.append(f"{place} % {sizes[number]}" if number else place)
    return places
