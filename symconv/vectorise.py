"""Array plans: every term of a definition as slices of whole arrays, or as a list of points.

    term --substitute (`substitution`)--> target[f] += sum of body over a box with rows
         --choose loops (`slicing`)---> `Slices`: with the looped indices fixed, every subscript
                                and every inequality holds at most one index, of a range
         --or, where a subscript is no such form--> `Points`: all points as flat index arrays

Both are exact: a point outside the relation is never read, so nothing has to be padded, and
a NaN beside the relation cannot leak in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from symconv.integers import Int
from symconv.ir import AtLeast, Definition, Divides, Index, Program, Row, Scalar, Size, Term
from symconv.names import global_names
from symconv.ranges import Facts
from symconv.relation import ranges
from symconv.rewrite import accesses, substitute_row, substitute_scalar
from symconv.shortening import LETTER, shortened
from symconv.slicing import Preference, Slicer, Slices
from symconv.substitution import Flat, flatten, without_single
from symconv.tidy import tensors_read


@dataclass(frozen=True, slots=True)
class Points:
    """target[...] = reduction over the points of a box at which all rows hold, one by one."""

    indices: tuple[Index, ...]
    rows: tuple[Row, ...]
    target: tuple[Int, ...]
    body: Scalar
    witness: Int | None


def arrange(definition: Definition, program: Program) -> tuple[Slices | Points, ...]:
    """The array plan of each term of a definition.

    The passes of a program share many definitions: plans are kept for what they depend on.
    """
    taken = frozenset(name for name in global_names(program) if name.startswith(LETTER))
    axes = tuple((tensor, program.tensor(tensor).logical) for tensor in tensors_read(definition))
    return tuple(_plan(definition, term, program.sizes, axes, taken)
                 for term in definition.terms)


@lru_cache(maxsize=4096)
def _plan(definition: Definition, term: Term, sizes: tuple[Size, ...],
          axes: tuple[tuple[str, tuple[Int, ...]], ...], taken: frozenset[str]) -> Slices | Points:
    extents = dict(axes)
    flat = flatten(definition, term, lambda indices: Preference.of(indices, sizes).key)
    if not definition.reduction.startswith("arg"):
        flat = _at_one_place(without_single(flat, definition.free), definition.free)
        flat = shortened(flat, extents, taken, lambda index: Preference.of((index,), sizes).key(
            index.name)[:2])
    facts = Facts({size.name: size.value for size in sizes if size.value is not None})
    rows = tuple(row for row in flat.rows if not _certain(row, flat.indices, facts))
    planner = Slicer(flat, rows, facts, Preference.of(flat.indices, sizes))
    subscripts = planner.subscripts()
    if subscripts is None:
        return Points(flat.indices, flat.rows, flat.target, flat.body, flat.witness)
    planner.choose(subscripts)
    if definition.reduction.startswith("arg"):
        planner.order_points(definition.free)
    planner.guard(extents)
    return planner.slices()


def _at_one_place(flat: Flat, free: Sequence[Index]) -> Flat:
    """The term with a window's only place along an axis as 0 where it is read: x[i+a] as x[a], so
    that taps are whole axes. Places that are read by themselves stay axes."""
    for index in free:
        read = [sub for access in accesses(flat.body) for sub in access.subscripts
                if index.name in sub.names()]
        if index.extent.constant == 1 and read and all(sub.name is None for sub in read):
            here = {index.name: Int.of(0)}
            flat = replace(flat, body=substitute_scalar(flat.body, here),
                           rows=tuple(substitute_row(row, here) for row in flat.rows))
    return flat


def _certain(row: Row, indices: Sequence[Index], facts: Facts) -> bool:
    """Whether a row holds on the whole box."""
    match row:
        case AtLeast(expression):
            return facts.holds(expression, ranges(indices))
        case Divides(modulus, expression):
            divisor = modulus.constant
            return divisor is not None and all(c % divisor == 0 for _, c in expression.terms)
    return False
