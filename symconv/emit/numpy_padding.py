"""An affine access as a strided view: windows[n,a,i] = x[n, 2*i + a - 1] over whole ranges.

Each index moves by its own stride, so that no element is copied. Where a subscript leaves the
array, the view is of a copy with zeros around it. `np.ndarray` checks that a view stays inside of
its buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symconv.emit.numpy_frame import Frame, shape_text
from symconv.emit.numpy_integers import plain
from symconv.integers import Int, largest
from symconv.ir import Access


def strided(frame: Frame, access: Access, order: Sequence[str], extents: Mapping[str, Int],
            filled: bool) -> tuple[list[str], str] | None:
    """Statements that make the view with the axes `order`, and its name; None where an index has
    no number as its factor. With `filled` the access stays inside."""
    tensor = frame.scope.tensors[access.tensor]
    lows, sizes, lines = list[Int](), list[Int](), list[str]()
    for subscript, extent in zip(access.subscripts, tensor.logical, strict=True):
        low = high = subscript.without(tuple(extents))
        for name in extents:
            stride = subscript.coefficient(name).constant
            if stride is None:
                return None
            reach = (extents[name] - 1) * stride
            low, high = (low, high + reach) if stride > 0 else (low + reach, high)
        low = Int.of(0) if filled else -largest(0, -low)
        if len(low.terms) > 1 or (low and low.constant is None):
            before = frame.name("before")
            lines.append(f"{before} = {plain(-low)}")
            low = -Int.of(before)
        lows.append(low)
        sizes.append(extent if filled or (not low and high == extent - 1)
                     else largest(extent - low, high + 1 - low))
    source, windows = tensor.name, frame.name("windows")
    if not filled:
        source = frame.name("padded")
        inner = [":" if not low and size == extent
                 else f"{plain(-low)} : {plain(extent - low)}" if low else f":{plain(extent)}"
                 for low, size, extent in zip(lows, sizes, tensor.logical, strict=True)]
        lines += [f"{source} = np.zeros({shape_text(sizes)}, dtype={tensor.name}.dtype)",
                  f"{source}[{', '.join(inner)}] = {tensor.name}"]
    subscripts = [subscript - low
                  for subscript, low in zip(access.subscripts, lows, strict=True)]
    shown = ", ".join(plain(subscript, tuple(extents)) for subscript in subscripts)
    step, terms = frame.name("step"), {name: list[str]() for name in order}
    start = []
    for axis, subscript in enumerate(subscripts):
        for name in order:
            factor = subscript.coefficient(name)
            if factor:
                terms[name].append(_times(plain(factor), f"{step}[{axis}]"))
        rest = subscript.without(tuple(extents))
        if rest:
            start.append(_times(plain(rest) if rest.constant or rest.name
                                else f"({plain(rest)})", f"{step}[{axis}]"))
    begin = " + ".join(start) or "0"
    counts = [extents[name].constant for name in order]
    if 0 in counts:                             # an empty buffer has no place to begin at
        begin = "0"
    elif start and None in counts:
        begin = f"{source}.size and {begin}"
    steps = ", ".join(" + ".join(terms[name]).replace("+ -", "- ") for name in order)
    shape = shape_text([extents[name] for name in order])
    if filled:
        lines.append(f"{source} = np.ascontiguousarray({source})")
    return [*lines, f"{step} = {source}.strides",
            f"# {windows}[{','.join(order)}] = {source}[{shown}]",
            f"{windows} = np.ndarray({shape}, {source}.dtype, {source}, "
            f"{begin}, ({steps}{',' if len(order) == 1 else ''}))"], windows


def _times(factor: str, text: str) -> str:
    return {"1": text, "-1": f"-{text}"}.get(factor, f"{factor}*{text}")
