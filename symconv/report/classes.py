"""Which terms of a sum are the residue classes of the same expressions, to be shown as cases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from symconv.integers import Int
from symconv.ir import Definition, Divides, Index, Row, Term
from symconv.rewrite import row_names

Key: TypeAlias = tuple[int, Int]          # modulus, expression without its constant


@dataclass(frozen=True, slots=True)
class Classes:
    """Terms by the residues of the keys; each comes with the rows that the case states.

    `complete` tells that every combination of residues occurs.
    """

    keys: tuple[Key, ...]
    cases: tuple[tuple[tuple[int, ...], tuple[tuple[Term, tuple[Row, ...]], ...]], ...]
    complete: bool


def classes(definition: Definition) -> tuple[list[Term], Classes | None]:
    """The terms that are shown as they are, and the others as residue classes, if any.

    There are classes only where two or more residues of one and the same set of keys occur.
    """
    plain: list[Term] = []
    keys: set[tuple[Key, ...]] = set()
    cases: dict[tuple[int, ...], list[tuple[Term, tuple[Row, ...]]]] = {}
    for term in definition.terms:
        found = _residues(term, definition.free)
        if not found:
            plain.append(term)
            continue
        keys.add(tuple(key for key, _, _ in found))
        cases.setdefault(tuple(residue for _, residue, _ in found), []).append(
            (term, tuple(row for _, _, row in found)))
    if len(keys) != 1 or len(cases) < 2:
        return list(definition.terms), None
    (shared,) = keys
    complete = len(cases) == math.prod(modulus for modulus, _ in shared)
    return plain, Classes(shared, tuple((residues, tuple(members)) for residues, members
                                        in sorted(cases.items())), complete)


def _residues(term: Term, free: tuple[Index, ...]) -> list[tuple[Key, int, Row]]:
    """The divisibilities of a term among free indices, as expression = residue (modulus)."""
    outer, local = {i.name for i in free}, {index.name for index in term.bound}
    found: list[tuple[Key, int, Row]] = []
    for row in term.rows:
        if not isinstance(row, Divides) or row_names(row) & local or not row_names(row) & outer:
            continue
        modulus = row.modulus.constant
        if modulus is not None and not row.expression.elements():
            constant = dict(row.expression.terms).get((), 0)
            found.append(((modulus, row.expression - constant), -constant % modulus, row))
    found.sort(key=lambda item: (str(item[0][1]), item[0][0]))
    return found
