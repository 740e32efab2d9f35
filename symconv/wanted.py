"""Which definitions of a pass are needed for the results that a caller asks for.

A result needs its own definition and whatever that reads, directly or not. So every definition
has a set of results, known without the data, and runs if one of them is wanted. Sets that hold
several results are tested by a flag, which is composed of flags and results found before:

    dw  needs  h, dh, dw        h, dh: always        flag1 = dw or db
    db  needs  h, dh, db        dw: where dw is wanted
    dx  needs  h, dh, dg, dx    dg, dx: where dx is wanted

Along a chain each flag has one flag more than the results of its layer to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from symconv.ir import Program
from symconv.names import fresh, names_of
from symconv.tidy import tensors_read


@dataclass(frozen=True, slots=True)
class Flag:
    """A name that is true if one of the others, results or flags, is wanted."""

    name: str
    any_of: tuple[str, ...]


def readers(program: Program) -> Mapping[str, frozenset[str]]:
    """Target -> the results of the program that need it; all of them, where nothing reads it."""
    found: dict[str, frozenset[str]] = {
        name: frozenset((name,)) for name in program.outputs}
    for definition in reversed(program.definitions):
        results = found.setdefault(definition.target.name, frozenset(program.outputs))
        for name in tensors_read(definition):
            found[name] = found.get(name, frozenset()) | results
    return found


def guards(program: Program,
           needed: Sequence[frozenset[str]]) -> tuple[tuple[Flag, ...], tuple[str | None, ...]]:
    """Flags, and the name of what to test for each of the sets; None where nothing needs a test,
    as every result needs it."""
    used = names_of(program)
    names: dict[frozenset[str], str | None] = {
        frozenset((name,)): name for name in program.outputs}
    names[frozenset(program.outputs)] = None
    flags: list[Flag] = []
    for results in sorted(dict.fromkeys(reversed(needed)), key=len):
        if results not in names:
            parts = _cover(results, [one for one, name in names.items() if name is not None])
            flag = Flag(fresh(f"wanted{len(flags) + 1}", used),
                        tuple(str(names[part]) for part in parts))
            flags.append(flag)
            names[results] = flag.name
    return tuple(flags), tuple(names[results] for results in needed)


def _cover(whole: frozenset[str], parts: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Sets, the largest first, that together are the whole."""
    found: list[frozenset[str]] = []
    rest = whole
    for part in sorted(parts, key=len, reverse=True):
        if part <= whole and part & rest:
            found.append(part)
            rest -= part
    return found
