"""Pools with a given output: adaptive windows, and one window over everything.

Window i of an axis that is pooled from H to O elements runs from floor(i*H/O) up to, but not
including, ceil((i+1)*H/O). As two inequalities: O*(u+1) > i*H and O*u < (i+1)*H.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symconv.integers import Int
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Requirement
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import refuse
from symconv.operators.pooling import TIES
from symconv.operators.text import catalogued, defined
from symconv.operators.window import GAPS, OUTPUTS, SPATIAL, fresh

OutputSize = int | str | None | Sequence[int | str | None]


def adaptive_avg_pool1d(output_size: OutputSize, name: str | None = None) -> Operator:
    """The mean over each of output_size windows of sequences: x (N,C,H)."""
    return _average("adaptive_avg_pool1d", 1, output_size, name)


def adaptive_avg_pool2d(output_size: OutputSize, name: str | None = None) -> Operator:
    """The mean over each of output_size windows of images: x (N,C,H,W)."""
    return _average("adaptive_avg_pool2d", 2, output_size, name)


def adaptive_avg_pool3d(output_size: OutputSize, name: str | None = None) -> Operator:
    """The mean over each of output_size windows of volumes: x (N,C,D,H,W)."""
    return _average("adaptive_avg_pool3d", 3, output_size, name)


def adaptive_max_pool1d(output_size: OutputSize, ties: str = "first",
                        return_indices: bool = False, name: str | None = None) -> Operator:
    """The maximum over each of output_size windows of sequences: x (N,C,H)."""
    return _maximum("adaptive_max_pool1d", 1, output_size, ties, return_indices, name)


def adaptive_max_pool2d(output_size: OutputSize, ties: str = "first",
                        return_indices: bool = False, name: str | None = None) -> Operator:
    """The maximum over each of output_size windows of images: x (N,C,H,W)."""
    return _maximum("adaptive_max_pool2d", 2, output_size, ties, return_indices, name)


def adaptive_max_pool3d(output_size: OutputSize, ties: str = "first",
                        return_indices: bool = False, name: str | None = None) -> Operator:
    """The maximum over each of output_size windows of volumes: x (N,C,D,H,W)."""
    return _maximum("adaptive_max_pool3d", 3, output_size, ties, return_indices, name)


def global_avg_pool(ndim: int = 2, name: str | None = None) -> Operator:
    """The mean over all ndim spatial axes, which stay with extent 1: x (N,C,H,W)."""
    return _global("global_avg_pool", "mean", ndim, name)


def global_max_pool(ndim: int = 2, ties: str = "first", name: str | None = None) -> Operator:
    """The maximum over all ndim spatial axes, which stay with extent 1: x (N,C,H,W)."""
    rule = arguments.choice("global_max_pool", "ties", ties, TIES)
    return _global("global_max_pool", "max" if rule == "first" else f"max_{rule}", ndim, name)


@dataclass(frozen=True, slots=True)
class _Axis:
    """An axis of extent `size`, pooled to `out` elements (None: kept as it is)."""

    size: str
    out: Int | None
    index: str
    source: str

    @property
    def place(self) -> str:
        return self.index if self.out is None else self.source

    def rows(self) -> list[str]:
        if self.out is None:
            return []
        out, u, i = int_text(self.out), self.source, self.index
        return [f"[{out}*({u}+1) > {i}*{self.size}]", f"[{out}*{u} < ({i}+1)*{self.size}]"]

    def lines(self) -> list[str]:
        if self.out is None:
            return [f"{self.index} < {self.size}"]
        return [f"{self.index} < {int_text(self.out)}", f"{self.source} < {self.size}"]


@dataclass(frozen=True, slots=True)
class _Form:
    kind: str
    axes: tuple[_Axis, ...]
    letters: tuple[str, str]
    name: str | None

    @classmethod
    def of(cls, kind: str, ndim: int, output_size: OutputSize, name: str | None) -> _Form:
        sizes = SPATIAL[ndim]
        items = (tuple(output_size) if isinstance(output_size, Sequence)
                 and not isinstance(output_size, str) else (output_size,) * ndim)
        if len(items) != ndim:
            raise refuse(kind, "output_size", output_size,
                         f"one value or one per axis ({', '.join(sizes)})", f"give {ndim} of them")
        outs = [None if item is None else arguments.integer(kind, "output_size", item, 1, size)
                for item, size in zip(items, sizes, strict=True)]
        taken = {out.name for out in outs if out is not None and out.name is not None}
        axes = tuple(_Axis(size, outs[place], fresh(OUTPUTS[ndim][place], taken),
                           fresh(GAPS[ndim][place], taken)) for place, size in enumerate(sizes))
        return cls(kind, axes, (fresh("n", taken), fresh("c", taken)), name)

    def target(self, name: str = "y") -> str:
        return f"{name}[{','.join((*self.letters, *(axis.index for axis in self.axes)))}]"

    def reduced(self, reduction: str, divisor: str = "", witness: str = "") -> str:
        """reduction[u,v](rows * x / divisor, witness)."""
        rows = [row for axis in self.axes for row in axis.rows()]
        bound = ",".join(axis.source for axis in self.axes if axis.out is not None)
        read = f"x[{','.join((*self.letters, *(axis.place for axis in self.axes)))}]"
        if not bound:
            return read
        return f"{reduction}[{bound}]({' * '.join((*rows, read))}{divisor}{witness})"

    def operator(self, lines: list[str]) -> Operator:
        head = [f"x: [N, C, {', '.join(axis.size for axis in self.axes)}]"]
        head += [line for axis in self.axes for line in axis.lines()]
        needs = [Requirement(AtLeast(Int.of(axis.size) - 1), f"{self.kind}: axis {axis.size} of x "
                             "is empty; give at least one element") for axis in self.axes]
        return catalogued(self.kind, self.name, defined([*head, *lines], needs), ("x",))


def _average(kind: str, ndim: int, output_size: OutputSize, name: str | None) -> Operator:
    form = _Form.of(kind, ndim, output_size, name)
    lines, counts = [], []
    for axis in form.axes:
        if axis.out is not None:
            counts.append(f"count_{axis.size.lower()}[{axis.index}]")
            lines.append(f"{counts[-1]} = sum[{axis.source}]({' * '.join(axis.rows())})")
    divisor = f" / ({'*'.join(counts)})"
    return form.operator([*lines, f"{form.target()} = {form.reduced('sum', divisor)}"])


def _maximum(kind: str, ndim: int, output_size: OutputSize, ties: str, return_indices: bool,
             name: str | None) -> Operator:
    form = _Form.of(kind, ndim, output_size, name)
    rule = arguments.choice(kind, "ties", ties, TIES)
    indexed = arguments.flag(kind, "return_indices", return_indices)
    lines = [f"{form.target()} = {form.reduced('max' if rule == 'first' else f'max_{rule}')}"]
    if indexed:
        flat = form.axes[0].place
        for axis in form.axes[1:]:
            flat = f"({flat}*{axis.size} + {axis.place})"
        if all(axis.out is None for axis in form.axes):
            lines += [f"indices: int[N, C, {', '.join(axis.size for axis in form.axes)}]",
                      f"{form.target('indices')} = {flat}"]
        else:
            which = "argmax_last" if rule == "last" else "argmax"
            lines.append(f"{form.target('indices')} = {form.reduced(which, witness=f', {flat}')}")
        lines.append("return y, indices")
    return form.operator(lines)


def _global(kind: str, reduction: str, ndim: int, name: str | None) -> Operator:
    rank = arguments.spatial_rank(kind, ndim)
    sizes, ones, places = SPATIAL[rank], OUTPUTS[rank], GAPS[rank]
    lines = [f"x: [N, C, {', '.join(sizes)}]", *(f"{one} < 1" for one in ones),
             f"y[n,c,{','.join(ones)}] = {reduction}[{','.join(places)}]"
             f"(x[n,c,{','.join(places)}])"]
    needs = [Requirement(AtLeast(Int.of(size) - 1), f"{kind}: axis {size} of x is empty; give at "
                         "least one element") for size in sizes]
    return catalogued(kind, name, defined(lines, needs), ("x",))
