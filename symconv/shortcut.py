"""The short way of a call that has been made before: arrays go to the passes where they lie, and
what passes make themselves is returned as it is.

A call of a small kernel takes longer to look at its arguments than to compute. What the general way
of a call (`jobs.py`, `fitting.py`) finds out about shapes and passes is kept here; a later call
only asks whether its arrays are those that passes read as they are. Whatever is not, is left to
the general way, which alone converts and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from numpy import empty, ndarray

from symconv.arrays import Array, DType, Shape
from symconv.backends import Direct, Entry, Fresh, Pointer
from symconv.c_backend import place, pointers

Passes: TypeAlias = Sequence[tuple[Entry, Sequence[Array], Sequence[Array | None]]]
"""What a call runs: entries, with their inputs and outputs."""

Returned: TypeAlias = Array | tuple[Array, ...] | dict[str, Array]
Chosen: TypeAlias = Callable[[Sequence[Pointer]], Sequence[Pointer]]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A call with arguments by name, all of them plain: arrays of exactly these element types and
    shapes, contiguous and aligned.

    `takes` are the arguments, (name, element type, shape), and `makes` the results, (shape, element
    type); of their places, and None behind them, each pass is given those that it chooses. Results
    are returned by the `keys`, or one alone or a tuple where there are none. No call changes it.
    """

    takes: tuple[tuple[str, DType, Shape], ...]
    makes: tuple[tuple[Shape, DType], ...]
    passes: tuple[tuple[Direct, Chosen], ...]
    keys: tuple[str, ...] | None

    def run(self, given: Mapping[str, object]) -> Any:
        """What the call returns, in new arrays; None, with nothing run, for other arguments."""
        takes = self.takes
        if len(given) != len(takes):
            return None
        places: list[Pointer] = []
        for name, dtype, shape in takes:
            array = given.get(name)
            if type(array) is not ndarray or array.dtype is not dtype or array.shape != shape:
                return None
            flags = array.flags
            if flags.carray:                            # contiguous, aligned and writable
                places.append(place(array))
            elif flags.c_contiguous and flags.aligned:
                places += pointers((array,))
            else:
                return None
        results = []
        try:
            for shape, dtype in self.makes:
                array = empty(shape, dtype)
                results.append(array)
                places.append(place(array))
        except MemoryError:
            return None
        places.append(None)
        for run, chosen in self.passes:
            run(chosen(places))
        if self.keys is not None:
            return dict(zip(self.keys, results, strict=True))
        return results[0] if len(results) == 1 else tuple(results)


@dataclass(frozen=True, slots=True)
class Made:
    """The same where passes return new arrays, in the order of the results."""

    takes: tuple[tuple[str, DType, Shape], ...]
    passes: tuple[Fresh, ...]
    keys: tuple[str, ...] | None

    def run(self, given: Mapping[str, object]) -> Any:
        """What the call returns; None, with nothing run, for other arguments."""
        if len(given) != len(self.takes):
            return None
        arrays: list[Array] = []
        for name, dtype, shape in self.takes:
            array = given.get(name)
            if type(array) is not ndarray or array.dtype is not dtype or array.shape != shape or (
                    not array.flags.c_contiguous or not array.flags.aligned):
                return None
            arrays.append(array)
        results = [result for run in self.passes for result in run(arrays)]
        if self.keys is not None:
            return dict(zip(self.keys, results, strict=True))
        return results[0] if len(results) == 1 else tuple(results)


def shortcut(takes: Sequence[tuple[str, DType, Shape]], returned: Returned,
             passes: Passes) -> Shortcut | Made | None:
    """The short way of a call that has run these passes, for later ones with such arguments.

    None where there is none: a pass takes no places and returns no new arrays, or takes not just
    these arguments, or has other results than what is returned.
    """
    results = (tuple(returned.values()) if isinstance(returned, dict) else
               returned if isinstance(returned, tuple) else (returned,))
    count, found = len(takes), list[tuple[Direct, Chosen]]()
    keys = tuple(returned) if isinstance(returned, dict) else None
    fresh = [run for entry, _, _ in passes if (run := entry.fresh()) is not None]
    made = [id(output) for _, _, some in passes for output in some]
    if takes and fresh and len(fresh) == len(passes) and made == [*map(id, results)] and all(
            len(inputs) == count for _, inputs, _ in passes):
        return Made(tuple(takes), tuple(fresh), keys)
    behind = {id(array): count + number for number, array in enumerate((*results, None))}
    for entry, inputs, outputs in passes:
        direct = entry.direct()
        if (direct is None or len(inputs) != count
                or any(id(output) not in behind for output in outputs)):
            return None
        found.append((direct, itemgetter(*range(count), *[behind[id(one)] for one in outputs])))
    if not takes or not found:
        return None
    return Shortcut(tuple(takes), tuple((array.shape, array.dtype) for array in results),
                    tuple(found), keys)
