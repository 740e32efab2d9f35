"""Windows that reduce one axis after the other: K + K taps in place of K*K.

    y[i,j] = max over a, e of x[2*i + a, 2*j + e]   becomes   t[i,v] = max over a of x[2*i + a, v]
                                                              y[i,j] = max over e of t[i, 2*j + e]

for sums, maxima and minima of one array, and for their scatters (u = 2*i + a, dy[i,j]) alike.
"""

from __future__ import annotations

from dataclasses import replace

from symconv.emit.numpy_scalars import split
from symconv.emit.numpy_sheets import are_sheets
from symconv.integers import Int
from symconv.ir import Access, Axis, Definition, Index, Number, Program, Tensor, Term
from symconv.names import fresh, global_names, names_of
from symconv.rewrite import row_expressions, row_names
from symconv.tidy import times


def separated(program: Program) -> Program:
    """The same program, its windows reduced along one axis at a time."""
    for definition in program.definitions:
        place = program.definitions.index(definition)
        program = replace(program, definitions=(
            *program.definitions[:place], *separate(definition, program),
            *program.definitions[place + 1:]))
    return program


def separate(definition: Definition, program: Program) -> list[Definition]:
    """Definitions of which the last one is the given one; each reads what `program` has and the
    target of the one before, whose name is new to it."""
    used = {*global_names(program), *names_of(program), *names_of(
        replace(program, definitions=(definition,)))}
    found: list[Definition] = []
    while (pair := _split(definition, program, used)) is not None:
        found.append(pair[0])
        program, definition = replace(program, definitions=(pair[0], *program.definitions)), pair[1]
    return [*found, definition]


def _split(definition: Definition, program: Program,
           used: set[str]) -> tuple[Definition, Definition] | None:
    """What its first window axis gives, and the definition in terms of that."""
    if definition.reduction not in ("sum", "max", "min") or len(definition.terms) != 1 or (
            are_sheets(definition, program)):
        return None
    (term,) = definition.terms
    factor, read = _read(definition, term)
    if read is None or any(e.elements() for row in term.rows for e in row_expressions(row)):
        return None
    places = {name for sub in read.subscripts if sub.names() & {i.name for i in term.bound}
              for name in sub.names()}
    extents = [index.extent.constant for index in definition.free if index.name in places]
    if extents and {*extents} == {1}:
        return None                             # each window is a whole axis, read once
    group = _linked(term, read)
    bound = {index.name for index in term.bound}
    free = {index.name: index for index in definition.free}
    own = [row for row in term.rows if row_names(row) & group]
    moved = [axis for axis, sub in enumerate(read.subscripts) if sub.names() & group]
    near = {name for row in own for name in row_names(row)} | {
        name for axis in moved for name in read.subscripts[axis].names()}
    kept = near & free.keys()
    if group == bound or len(kept) != 1 or len(moved) != 1 or near & (bound - group):
        return None
    (name,), (place,) = kept, moved
    axes, inside, outside = list[Index](), list[Int](), list[Int]()
    for axis, (sub, extent) in enumerate(zip(read.subscripts, program.tensor(read.tensor).logical,
                                             strict=True)):
        if axis == place:
            axes.append(free[name])
            inside.append(sub)
            outside.append(Int.of(name))
        elif name in sub.names() or not _is_affine(sub):
            return None
        elif sub.name in free and free[sub.name].extent == extent:
            axes.append(free[sub.name])
            inside.append(sub)
            outside.append(sub)
        elif sub.names() & bound:
            axes.append(Index(fresh("v", used), extent))
            inside.append(Int.of(axes[-1].name))
            outside.append(sub)
        else:
            return None
    # a number stands where the smallest array is: behind what is gathered, before what is scattered
    before, after = ([], factor) if name in read.subscripts[place].names() else (factor, [])
    rows = Tensor(fresh("rows", used), tuple(Axis(i.extent, (i.extent,)) for i in axes))
    first = Term(tuple(index for index in term.bound if index.name in group), tuple(own),
                 times(*before, Access(read.tensor, tuple(inside))))
    second = Term(tuple(index for index in term.bound if index.name not in group),
                  tuple(row for row in term.rows if row not in own),
                  times(*after, Access(rows.name, tuple(outside))))
    return (replace(definition, target=rows, free=tuple(axes), terms=(first,)),
            replace(definition, terms=(second,)))


def _read(definition: Definition, term: Term) -> tuple[list[Number], Access | None]:
    """The array that a body reads, times numbers where the bodies are added."""
    match term.body:
        case Access() as read:
            return [], read
    number, over, under = split((term.body,))
    match over, under:
        case [Access() as read], [] if definition.reduction == "sum":
            return [Number(number)], read
    return [], None


def _linked(term: Term, read: Access) -> set[str]:
    """The first bound index, and those that share rows or subscripts with it or each other."""
    bound = [index.name for index in term.bound]
    forms = [row_names(row).intersection(bound) for row in term.rows]
    forms += [sub.names().intersection(bound) for sub in read.subscripts]
    group = set(bound[:1])
    while any(form & group and not form <= group for form in forms):
        group |= next(form for form in forms if form & group and not form <= group)
    return group


def _is_affine(subscript: Int) -> bool:
    return all(isinstance(atom, str) for monomial, _ in subscript.terms for atom in monomial)
