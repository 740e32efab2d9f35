"""Slices of arrays: one strided view per access, its axes labelled by the plan's indices.

Over low <= i < high the subscript c*i + r reads x[c*low + r : c*high + r : c]; where low = high
both ends agree, so the slice is empty whatever their signs. A negative c reads the same places
from the other end and flips the axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_integers import ATOM, Code, plain
from symconv.integers import Element, Int
from symconv.ir import Access, Tensor
from symconv.slicing import Span

_SPARE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class View:
    """An array with one item per axis; labels are index names, None where an integer stands."""

    name: str
    items: tuple[str, ...]
    labels: tuple[str | None, ...]
    flipped: tuple[bool, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        """The labels of the axes that are left, each once."""
        return tuple(dict.fromkeys(label for label in self.labels if label is not None))

    @property
    def whole(self) -> bool:
        """Whether this is the array itself."""
        return all(item == ":" for item in self.items) and self._distinct()

    def raw(self) -> str:
        """The view with the axes `axes`."""
        if self.whole:
            return self.name
        kept = [flip for flip, label in zip(self.flipped, self.labels, strict=True)
                if label is not None]
        text = self._bracketed(self.items) + (
            f"[{', '.join('::-1' if flip else ':' for flip in kept)}]" if any(kept) else "")
        if self._distinct():
            return text
        named = letters(self.axes)
        before = "".join(named[label] for label in self.labels if label is not None)
        return f'np.einsum("{before}->{"".join(named[a] for a in self.axes)}", {text})'

    def aligned(self, order: Sequence[str]) -> str:
        """The view, broadcastable against arrays with the axes `order`."""
        wanted = [label for label in order if label in self.axes]
        if list(self.axes) != wanted or not self._distinct() or any(self.flipped):
            return align(self.raw(), self.axes, order)
        missing = [label for label in order[order.index(wanted[0]):]
                   if label not in wanted] if wanted else []
        if not missing:
            return self.raw()
        items: list[str] = []
        rest = list(order[order.index(wanted[0]):])
        for item, label in zip(self.items, self.labels, strict=True):
            while label is not None and rest[0] != label:
                items.append("None")
                rest.pop(0)
            if label is not None:
                rest.pop(0)
            items.append(item)
        return self._bracketed((*items, *("None" for _ in rest)))

    def _bracketed(self, items: Sequence[str]) -> str:
        if all(item == ":" for item in items):
            return self.name
        return f"{self.name}[{', '.join(items)}]"

    def _distinct(self) -> bool:
        return len(self.axes) == sum(label is not None for label in self.labels)


def view(tensor: Tensor, subscripts: Sequence[Int], spans: Mapping[str, Span],
         lead: Sequence[str]) -> View:
    """The places that an access reads or writes; each subscript holds one index at most.

    The names in `lead` come first in what is printed.
    """
    items: list[str] = []
    labels: list[str | None] = []
    flipped: list[bool] = []
    for subscript, extent in zip(subscripts, tensor.logical, strict=True):
        span = next((span for name, span in spans.items() if name in subscript.names()), None)
        if span is None:
            items.append(plain(subscript, lead))
            labels.append(None)
            flipped.append(False)
            continue
        factor = subscript.coefficient(span.name).constant or 1
        start = subscript.without((span.name,))
        low, high = span.low, span.high
        step = abs(factor)
        if factor < 0:
            low, high = Int.of(1) - high, Int.of(1) - low
        first, stop = start + low * step, start + high * step
        whole = step == 1 and not first and stop == extent
        items.append(_slice(first, stop, step, extent, lead) if not whole
                     else ":" if factor > 0 else "::-1")
        labels.append(span.name)
        flipped.append(factor < 0 and not whole)
    return View(tensor.name, tuple(items), tuple(labels), tuple(flipped))


def _slice(first: Int, stop: Int, step: int, extent: Int, lead: Sequence[str]) -> str:
    shown = plain(first, lead), plain(stop, lead) if stop != extent else ""
    gap = " " if any(len(side.split()) > 1 for side in shown) else ""
    text = f"{shown[0] if first else ''}{gap}:{gap}{shown[1]}".strip()
    return f"{text}{gap}:{gap}{step}" if step != 1 else text


def align(array: str | Code, axes: Sequence[str], order: Sequence[str]) -> str:
    """An array with the axes `axes`, moved and spread so that it broadcasts against `order`."""
    code = Code(array) if isinstance(array, str) else array
    wanted = [label for label in order if label in axes]
    spread = order[order.index(wanted[0]):] if wanted else ()
    items = [":" if label in axes else "None" for label in spread]
    if list(axes) == wanted and "None" not in items:
        return code.text
    text = code.at(ATOM)
    if list(axes) != wanted:
        text += f".transpose({', '.join(str(axes.index(label)) for label in wanted)})"
    return f"{text}[{', '.join(items)}]" if "None" in items else text


def letters(names: Sequence[str]) -> dict[str, str]:
    """A letter for each name: itself where it is one, for the subscripts of einsum."""
    taken = {name for name in names if name in _SPARE}
    spare = iter(letter for letter in _SPARE if letter not in taken)
    return {name: name if name in taken else next(spare) for name in names}


@dataclass(frozen=True, slots=True)
class SliceReader:
    """Leaves as views that broadcast against arrays with the axes `order`."""

    tensors: Mapping[str, Tensor]
    spans: Mapping[str, Span]
    order: tuple[str, ...]
    dtype: str
    first: tuple[str, ...]

    def varies(self, expression: Int) -> bool:
        return bool(expression.names() & self.spans.keys())

    def index(self, name: str) -> str:
        if name not in self.spans:
            return name
        span = self.spans[name]
        start = f"{plain(span.low, self.first)}, " if span.low else ""
        return align(f"np.arange({start}{plain(span.high, self.first)})", (name,), self.order)

    def element(self, element: Element) -> str:
        return self._read(element.tensor, element.subscripts)

    def access(self, access: Access) -> str:
        return self._read(access.tensor, access.subscripts)

    def _read(self, name: str, subscripts: Sequence[Int]) -> str:
        return self.view(Access(name, tuple(subscripts))).aligned(self.order)

    def view(self, access: Access) -> View:
        """The view that an access reads, its axes as they lie in memory."""
        return view(self.tensors[access.tensor], access.subscripts, self.spans, self.first)

    def axes(self, names: frozenset[str]) -> tuple[str, ...]:
        """The vector indices among the names, in the order of the plan."""
        return tuple(name for name in self.spans if name in names)
