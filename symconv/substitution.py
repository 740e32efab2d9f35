"""Equalities of a term solved for single indices, so that only inequalities are left.

* a bound index with coefficient 1 or -1 is replaced by its value: a gather;
* a free index likewise, which makes the subscripts of the target affine: a scatter;
* two indices with other coefficients, b*u = c*i + r, are replaced by one: with g = gcd(b, c),
  i = i0 + (b/g)*t and u = u0 + (c/g)*t, where i0 = r' * (c/g)^-1 mod (b/g) and g must divide r.

An index that is replaced keeps its range as two rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from symconv.integers import Int, floor_div, parts
from symconv.ir import AtLeast, Definition, Divides, Equal, Index, Row, Scalar, Term
from symconv.names import fresh
from symconv.relation import solution
from symconv.rewrite import (
    accesses,
    row_expressions,
    row_names,
    substitute_row,
    substitute_scalar,
)

Key = Callable[[str], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Flat:
    """target[...] += sum of body over the box of `indices` (free ones first) with `rows`.

    The indices in `forced` occur inside quotients and must be looped over.
    """

    indices: tuple[Index, ...]
    rows: tuple[Row, ...]
    target: tuple[Int, ...]
    body: Scalar
    witness: Int | None
    forced: frozenset[str] = frozenset()


def flatten(definition: Definition, term: Term, ranked: Callable[[Sequence[Index]], Key]) -> Flat:
    """The term with its equalities solved as far as possible.

    `ranked` ranks indices; the first of three or more in an equality is never replaced (the tap
    of a window, which is looped over). The bound indices of an arg max are kept: their order
    counts.
    """
    free = {index.name for index in definition.free}
    fixed = frozenset(index.name for index in term.bound) if definition.reduction.startswith(
        "arg") else frozenset[str]()
    flat = Flat((*definition.free, *term.bound), term.rows,
                tuple(Int.of(index.name) for index in definition.free), term.body, term.witness)
    while True:
        key = ranked(flat.indices)
        for row in flat.rows:
            changed = (_replaced(flat, row, free, fixed, key)
                       or _progression(flat, row, fixed, key))
            if changed is not None:
                flat = changed
                break
        else:
            return flat


def without_single(flat: Flat, free: Sequence[Index]) -> Flat:
    """The term with 0 in place of each bound index that has no other value."""
    for index in flat.indices:
        if index.extent.constant == 1 and index not in free:
            flat = substituted(flat, flat.rows, {index.name: Int.of(0)}, None)
    return flat


def inside_atoms(expression: Int) -> frozenset[str]:
    """The names inside floors, extrema and elements."""
    return frozenset(name for monomial, _ in expression.terms for atom in monomial
                     for part in parts(atom) for name in part.names())


def _replaced(flat: Flat, row: Row, free: set[str], fixed: frozenset[str],
              key: Key) -> Flat | None:
    """One index with coefficient 1 or -1 replaced by its value."""
    if not isinstance(row, Equal):
        return None
    names = [index.name for index in flat.indices if index.name in row.expression.names()]
    candidates = [name for name in names if name not in fixed and _value(row, name, names)]
    if row.expression.elements():
        candidates = [name for name in candidates if not _is_tap(flat, row, name)]
    elif len(names) > 2:
        first = min(names, key=key)
        candidates = [name for name in candidates if name != first]
    scatter = len(names) > 2
    candidates.sort(key=lambda name: (name in free) != scatter)
    for name in candidates:
        value = solution(row, name)
        if value is not None:
            return _substitute(flat, row, {name: value}, ())
    return None


def _value(row: Row, name: str, names: list[str]) -> bool:
    """Whether a row gives the index; a row that reads integers must give it by those alone."""
    value = solution(row, name)
    if value is None:
        return False
    others = [other for other in names if other != name]
    if not value.elements():
        return True
    return not any(other in monomial for other in others for monomial, _ in value.terms)


def _is_tap(flat: Flat, row: Row, name: str) -> bool:
    """Whether the index shares another row or a subscript with a second index."""
    indices = {index.name for index in flat.indices}
    forms = [*flat.target, *(sub for access in accesses(flat.body) for sub in access.subscripts),
             *(e for other in flat.rows if other is not row for e in row_expressions(other))]
    return any(name in form.names() and len(form.names() & indices) > 1 for form in forms)


def _progression(flat: Flat, row: Row, fixed: frozenset[str], key: Key) -> Flat | None:
    """Two indices replaced by the parameter of the solutions of b*u + c*i + r = 0."""
    if not isinstance(row, Equal) or inside_atoms(row.expression) or row.expression.elements():
        return None
    names = [index.name for index in flat.indices if index.name in row.expression.names()]
    if len(names) < 2 or not row.expression.is_affine(names):
        return None
    factors = {name: row.expression.coefficient(name).constant for name in names}
    kept = sorted((name for name in names if name not in fixed), key=key)[-2:]
    if len(kept) < 2:
        return None
    (u, i), (b, c) = kept, (factors[name] for name in kept)
    if b is None or c is None:
        return None
    if b < 0:
        b, c, expression = -b, -c, -row.expression
    else:
        expression = row.expression
    common, rest = math.gcd(b, c), expression.without(kept)
    b, c, shrunk = b // common, c // common, floor_div(rest, common)
    start = -pow(c, -1, b) * shrunk if b > 1 else Int.of(0)
    start = start - floor_div(start, b) * b
    steps = Index(fresh("t", {*(index.name for index in flat.indices), *row_names(row)}),
                  floor_div(next(x.extent for x in flat.indices if x.name == i) - 1, b) + 1)
    t = Int.of(steps.name)
    values = {i: start + b * t, u: floor_div(-shrunk - c * start, b) - c * t}
    extra: tuple[Row, ...] = (Divides(Int.of(common), rest),) if common > 1 else ()
    changed = _substitute(flat, row, values, extra, steps)
    return replace(changed, forced=changed.forced | frozenset(names) - set(kept))


def _substitute(flat: Flat, row: Row, values: dict[str, Int], extra: tuple[Row, ...],
                added: Index | None = None) -> Flat:
    """Replace indices and drop the row that gives them."""
    place = flat.rows.index(row)
    early = tuple(r for r in flat.rows[:place] if not row_names(r) & values.keys())
    rest = tuple(r for r in flat.rows if r is not row and r not in early)
    return substituted(flat, rest, values, added, (*early, *extra))


def substituted(flat: Flat, rows: tuple[Row, ...], values: dict[str, Int], added: Index | None,
                before: tuple[Row, ...] = ()) -> Flat:
    """The term with indices replaced by values; their ranges come before the rows."""
    bounds = tuple(bound for index in flat.indices if index.name in values for bound in (
        AtLeast(values[index.name]), AtLeast(index.extent - 1 - values[index.name])))
    indices = tuple(index for index in flat.indices if index.name not in values)
    return Flat(indices if added is None else (*indices, added),
                (*before, *bounds, *(substitute_row(row, values) for row in rows)),
                tuple(sub.substitute(values) for sub in flat.target),
                substitute_scalar(flat.body, values),
                None if flat.witness is None else flat.witness.substitute(values), flat.forced)
