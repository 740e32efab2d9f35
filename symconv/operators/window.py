"""One spatial axis of a sliding window, shared by convolution and pooling.

Output i and tap a of an axis of extent H meet at the position

    u = s*i + d*a - low

of the input. The class builds the integer expressions of that relation (subscript, output
extent, the requirements that make every window meaningful) and prints them in the definition
language; the relation itself is never solved here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symconv.integers import Int, ceil_div, floor_div, largest, smallest
from symconv.integers import text as int_text
from symconv.ir import AtLeast, Requirement

SPATIAL = {1: ("H",), 2: ("H", "W"), 3: ("D", "H", "W")}
OUTPUTS = {1: ("i",), 2: ("i", "j"), 3: ("i", "j", "k")}
TAPS = {1: ("a",), 2: ("a", "e"), 3: ("a", "e", "f")}
GAPS = {1: ("u",), 2: ("u", "v"), 3: ("u", "v", "z")}


def kernel_names(ndim: int) -> tuple[str, ...]:
    """The extents of a kernel that is read from the weights: K, or KH, KW, or KD, KH, KW."""
    return ("K",) if ndim == 1 else tuple(f"K{axis}" for axis in SPATIAL[ndim])


def fresh(name: str, taken: Iterable[str]) -> str:
    """The name, or the name with the first free number."""
    occupied, candidate, count = set(taken), name, 0
    while candidate in occupied:
        count += 1
        candidate = f"{name}{count}"
    return candidate


@dataclass(frozen=True, slots=True)
class Axis:
    """A window along one axis: names of its extents and indices, and its parameters.

    `gap` is the input dilation: gap - 1 zeros stand between neighbouring inputs, so that input
    u lies at position gap*u. `source` is the index u that such a relation needs. `ruled` holds
    the statements of the extents where a rule ("same") fixes the output, not the padding.
    """

    size: str
    out: str
    index: str
    tap: str
    kernel: Int
    stride: Int
    low: Int
    high: Int
    dilation: Int
    gap: Int
    source: str
    ceil_mode: bool = False
    ruled: tuple[str, ...] | None = None

    @property
    def reach(self) -> Int:
        """d*(K-1) + 1, the positions that a window spans."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def spread(self) -> Int:
        """The extent of the input with its gaps: (H-1)*gap + 1."""
        return (Int.of(self.size) - 1) * self.gap + 1

    @property
    def position(self) -> Int:
        """Where tap a of output i falls: s*i + d*a - low."""
        return self.stride * Int.of(self.index) + self.dilation * Int.of(self.tap) - self.low

    @property
    def mirrored(self) -> Int:
        """The position for a reversed kernel, tap K-1-a in place of a."""
        return self.position.substitute({self.tap: self.kernel - 1 - Int.of(self.tap)})

    def show(self, expression: Int) -> str:
        return int_text(expression, (self.index, self.tap))

    def extent(self) -> tuple[str, ...]:
        """The statements that define the output extent.

        Ho = floor((H + low + high - d*(K-1) - 1)/s) + 1. In ceil mode the quotient is rounded
        up, and one window is dropped where the last would start behind H + low.
        """
        if self.ruled is not None:
            return self.ruled
        room = self.spread + self.low + self.high - self.reach
        if not self.ceil_mode:
            return (f"{self.out} = {int_text(floor_div(room, self.stride) + 1)}",)
        wide = f"{self.out}r"
        limit = ceil_div(self.spread + self.low, self.stride)
        late = smallest(1, largest(0, Int.of(wide) - limit))
        return (f"{wide} = {int_text(ceil_div(room, self.stride) + 1)}",
                f"{self.out} = {int_text(Int.of(wide) - late)}")

    def crop(self) -> tuple[str, ...]:
        """Brackets that keep the overhang of ceil mode out of what negative padding crops."""
        cut = self.high.constant
        if not self.ceil_mode or cut is None or cut >= 0:
            return ()
        return (f"[{self.show(self.position)} < {int_text(self.spread + self.high)}]",)

    def not_empty(self, name: str) -> Requirement:
        """The output extent is at least 1: the padded input holds a window."""
        padded = self.spread + self.low + self.high
        plain = not self.ceil_mode and self.ruled is None
        return Requirement(
            AtLeast(padded - self.reach if plain else Int.of(self.out) - 1),
            f"{name}: axis {self.size} gives no output, because the kernel spans "
            f"{int_text(self.reach)} positions and the padded input has {int_text(padded)}; "
            "enlarge the input or its padding, or take a smaller kernel or dilation")

    def tapped(self, name: str) -> tuple[Requirement, ...]:
        """Every window holds at least one tap inside the input, so its extremum exists.

        The first window must reach the input, the last must start before its end, and windows
        that start in the low padding must not jump over it. With symbols for stride, padding
        or dilation only what does not depend on them is stated.
        """
        message = (f"{name}: axis {self.size}: some window has no tap inside the input; reduce "
                   "padding or dilation, or enlarge the input or the kernel")
        inside = Int.of(self.size) + smallest(self.high, 0)
        last = self.stride * (Int.of(self.out) - 1) - self.low
        rows = [inside - 1, inside - 1 - last, self.reach - 1 - self.low]
        low, stride, dilation = self.low.constant, self.stride.constant, self.dilation.constant
        if low is not None and stride is not None and dilation is not None:
            best = 1
            for start in range(-(-low // stride)):
                needed = (stride * start - low) % dilation + 1
                if needed > best:
                    rows.append(largest(start - Int.of(self.out), inside - needed))
                    best = needed
                if best == dilation:
                    break
        return tuple(Requirement(AtLeast(row), message) for row in rows
                     if row.constant is None or row.constant < 0)

