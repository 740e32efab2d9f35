"""SciPy's convolve and correlate: two arrays of the same rank, no batch and no channels."""

from __future__ import annotations

from collections.abc import Sequence

from symconv.integers import Int, largest, smallest
from symconv.ir import AtLeast, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.text import catalogued, defined
from symconv.operators.window import SPATIAL


def convolve(ndim: int = 1, mode: str = "full", name: str | None = None) -> Operator:
    """True convolution of a with b, as scipy.signal.convolve: y[i] = sum of a[k]*b[i-k]."""
    return _full("convolve", ndim, mode, name)


def correlate(ndim: int = 1, mode: str = "full", name: str | None = None) -> Operator:
    """Correlation of a with b, as scipy.signal.correlate: lags from -(B-1) to A-1."""
    return _full("correlate", ndim, mode, name)


_PAIRS = {1: (("A",), ("B",)), 2: (("AH", "AW"), ("BH", "BW")),
          3: (("AD", "AH", "AW"), ("BD", "BH", "BW"))}


def _full(kind: str, ndim: int, mode: str, name: str | None) -> Operator:
    """y[i] = sum of a[k] * b[i + shift - k], or b[k - i - shift + B - 1] for a correlation.

    Both have A + B - 1 values in full; "same" keeps the A central ones, "valid" those where
    the smaller operand lies inside the larger.
    """
    rank = arguments.spatial_rank(kind, ndim)
    arguments.choice(kind, "mode", mode, ("full", "same", "valid"))
    left, right = _PAIRS[rank]
    outputs, taps = ("i", "j", "h")[:rank], ("k", "l", "m")[:rank]
    lines, places = [f"a: [{', '.join(left)}]", f"b: [{', '.join(right)}]"], []
    requirements: list[Requirement] = []
    for long, short, i, k, axis in zip(left, right, outputs, taps, SPATIAL[rank], strict=True):
        shift, extent = {"full": ("0", f"{long} + {short} - 1"),
                         "same": (f"({short}-1)//2", long),
                         "valid": (f"min({long}, {short}) - 1",
                                   f"max({long}, {short}) - min({long}, {short}) + 1")}[mode]
        out, at = long, f"{i}-{k}"
        if mode != "same":
            out = f"{axis}o"
            lines.append(f"{out} = {extent}")
        if mode != "full":
            lines.append(f"S{axis} = {shift}")
            at = f"{i}+S{axis}-{k}"
        lines.append(f"{i} < {out}")
        places.append(at if kind == "convolve" else f"{short}-1-({at})")
        requirements += [Requirement(AtLeast(Int.of(size) - 1), f"{kind}: axis {size} of "
                                     f"{operand} is empty; give at least one element")
                         for size, operand in ((long, "a"), (short, "b"))]
    lines.append(f"y[{','.join(outputs)}] = sum[{','.join(taps)}](a[{','.join(taps)}] * "
                 f"b[{', '.join(places)}])")
    if mode == "valid" and ndim > 1:
        requirements.append(_nested(kind, left, right))
    return catalogued(kind, name, defined(lines, requirements))


def _nested(kind: str, left: Sequence[str], right: Sequence[str]) -> Requirement:
    """One operand is at least as large as the other along every axis."""
    gaps = [Int.of(long) - short for long, short in zip(left, right, strict=True)]
    return Requirement(AtLeast(largest(smallest(*gaps), smallest(*(-gap for gap in gaps)))),
                       f"{kind}: mode='valid' needs one of a and b to be at least as large as "
                       "the other along every axis; use mode='full' or mode='same'")
