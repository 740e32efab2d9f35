"""Names: which are taken, fresh ones beside them, and definitions under other names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from symconv.integers import Element, Int
from symconv.ir import Access, Definition, Index, Program, Scalar, Term
from symconv.rewrite import map_integers, map_row, map_scalar, substitute_term

LETTERS = ("u", "v", "z", "q", "r", "l", "m")


def global_names(program: Program) -> set[str]:
    """Tensors, sizes and parameters: no index may have one of these names."""
    return {*(tensor.name for tensor in program.inputs),
            *(definition.target.name for definition in program.definitions),
            *(size.name for size in program.sizes), *program.parameters}


def names_of(program: Program) -> set[str]:
    """Every name in use, indices included."""
    return global_names(program) | {
        index.name for definition in program.definitions
        for indices in (definition.free, *(term.bound for term in definition.terms))
        for index in indices}


def fresh(stem: str, used: set[str]) -> str:
    """The stem, or the stem with the first number that makes it new; marks it as used."""
    name, number = stem, 0
    while name in used:
        number += 1
        name = f"{stem}{number}"
    used.add(name)
    return name


def fresh_letter(used: set[str]) -> str:
    """A new single-letter index name (u, v, z, ...), numbered once the letters run out."""
    for letter in LETTERS:
        if letter not in used:
            used.add(letter)
            return letter
    return fresh(LETTERS[0], used)


def rename_bound(term: Term, taken: Collection[str], beside: Collection[str]) -> Term:
    """The same term with every bound index that has a taken name renamed apart, to a name that
    is neither taken nor in use `beside` it."""
    clashes = [index for index in term.bound if index.name in taken]
    if not clashes:
        return term
    used = {*taken, *beside, *(index.name for index in term.bound)}
    return _rename(term, {index.name: fresh(index.name, used) for index in clashes})


def rename_free(definition: Definition, wishes: tuple[str, ...],
                taken: Collection[str]) -> Definition:
    """Give the free indices the names they wish for, as far as no name is used twice.

    `wishes` has one name per free index; `taken` are the global names.
    """
    used = {*taken, *(index.name for term in definition.terms for index in term.bound)}
    chosen = {}
    for index, wish in zip(definition.free, wishes, strict=True):
        chosen[index.name] = fresh(wish, used)
    # two steps, so that a permutation of names goes through
    aside = {old: f"_{place}" for place, old in enumerate(chosen)}
    final = {aside[old]: new for old, new in chosen.items()}
    free = tuple(Index(chosen[index.name], index.extent) for index in definition.free)
    return replace(definition, free=free, terms=tuple(
        substitute_term(substitute_term(term, _as_ints(aside)), _as_ints(final))
        for term in definition.terms))


def rename_apart(definition: Definition, names: set[str]) -> Definition:
    """The definition with no index named like a tensor, a size or a parameter."""
    own = {index.name for index in definition.free}
    definition = replace(definition, terms=tuple(
        rename_bound(term, names, own) for term in definition.terms))
    return rename_free(definition, tuple(index.name for index in definition.free), names) \
        if own & names else definition


def rename_tensors(definition: Definition, names: Mapping[str, str]) -> Definition:
    """The definition with other names of tensors."""

    def integer(expression: Int) -> Int:
        if not expression.elements():
            return expression
        return expression.rebuild(lambda atom: Int.atom(
            Element(names.get(atom.tensor, atom.tensor), tuple(map(integer, atom.subscripts)))
            if isinstance(atom, Element) else atom))

    def leaf(body: Scalar) -> Scalar | None:
        if isinstance(body, Access):
            return Access(names.get(body.tensor, body.tensor), body.subscripts)
        return None

    target = definition.target
    return replace(definition, target=replace(target, name=names.get(target.name, target.name)),
                   terms=tuple(Term(
                       term.bound, tuple(map_row(row, integer) for row in term.rows),
                       map_scalar(map_integers(term.body, integer), leaf),
                       None if term.witness is None else integer(term.witness))
                       for term in definition.terms))


def _rename(term: Term, names: dict[str, str]) -> Term:
    bound = tuple(Index(names.get(index.name, index.name), index.extent) for index in term.bound)
    inside = substitute_term(replace(term, bound=()), _as_ints(names))
    return replace(inside, bound=bound)


def _as_ints(names: dict[str, str]) -> dict[str, Int]:
    return {old: Int.of(new) for old, new in names.items()}
