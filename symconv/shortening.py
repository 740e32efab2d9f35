"""A shorter index in place of a longer one, where a subscript runs along a short axis.

In y[i] = sum of a[k]*b[i-k] the places l = i - k of b are fewer than those of a: with i = k + l

    y[k + l] += a[k] * b[l]

is a loop over l alone. A read is in range at every point, so 0 <= l < extent adds no condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from symconv.integers import Int
from symconv.ir import Access, Index
from symconv.names import fresh
from symconv.rewrite import accesses
from symconv.substitution import Flat, substituted

LETTER = "l"
Rank = Callable[[Index], tuple[int, int]]


def shortened(flat: Flat, extents: Mapping[str, tuple[Int, ...]], taken: frozenset[str],
              rank: Rank) -> Flat:
    """The term with an index for each compound subscript of an axis that `rank` puts before all
    indices in it (short before long).

    `extents` are those of the tensors that are read, `taken` names that no index may have.
    """
    for number in range(len(accesses(flat.body))):
        for place in range(len(accesses(flat.body)[number].subscripts)):
            access = accesses(flat.body)[number]
            flat = _replaced(flat, access, place, extents[access.tensor][place], taken,
                             rank) or flat
    return flat


def _replaced(flat: Flat, access: Access, place: int, extent: Int, taken: frozenset[str],
              rank: Rank) -> Flat | None:
    subscript = access.subscripts[place]
    inside = [index for index in flat.indices if index.name in subscript.names()]
    if len(inside) < 2 or any(rank(index) <= rank(Index(LETTER, extent)) for index in inside):
        return None
    new = Index(fresh(LETTER, {*taken, *(i.name for i in flat.indices)}), extent)
    for index in sorted(inside, key=rank, reverse=True):
        factor = subscript.coefficient(index.name).constant
        if factor in (1, -1) and subscript.is_affine((index.name,)):
            value = (Int.of(new.name) - subscript.without((index.name,))) * factor
            return substituted(flat, flat.rows, {index.name: value}, new)
    return None
