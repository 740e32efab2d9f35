"""The reads of taps as sheets (`stencil`): which rows are copied, and what stands around them.

A guard of a tap is a range of a subscript. Where a lane breaks it, the tap must add nothing:

* sum      a factor of the body reads 0 there, or is the comparison of a NaN, and every other
           factor is finite: it moves with no lane (and is looked at before), or the same guard
           holds for it and a 1 is read instead below the fraction line, or the sum is computed
           once more where it is not finite; or a mark, an integer to be equalled, is nowhere
* max, min the body reads an infinity that wins against nothing
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symconv.contraction import Span, bounds, is_affine
from symconv.integers import Int
from symconv.ir import Access, Apply, Number, Plus, Power, Scalar, Tensor, Times, Whole
from symconv.rewrite import accesses
from symconv.stencil import Pad, Read, Sheet
from symconv.stencil_guards import Mark
from symconv.stencil_reads import Reading, placed


@dataclass(frozen=True, slots=True)
class DraftRead:
    """A read before its sheet is known: the sheet that it would need alone."""

    sheet: Sheet
    row: int
    column: int

    def names(self) -> set[str]:
        return {name for place in self.sheet.places for name in place.names()}


@dataclass(frozen=True, slots=True)
class Draft:
    """A tap before its sheets are known; `guarded`: some lane does not have it."""

    body: Scalar
    reads: tuple[tuple[Access, DraftRead], ...]
    marks: tuple[tuple[DraftRead, int], ...]
    place: Int
    guarded: bool


@dataclass(frozen=True, slots=True)
class Sheets:
    """The sheets of a plan: `find` gives the read of a draft in them."""

    every: tuple[Sheet, ...]
    keys: tuple[Sheet, ...]

    def find(self, draft: DraftRead) -> Read:
        number = self.keys.index(draft.sheet)
        return Read(number, draft.row, draft.column)


def arithmetic(body: Scalar, fold: str) -> bool:
    """Whether compilers make vector code of a body; of an extremum it must be a mere read, so
    that no NaN arises in it."""
    match body:
        case Access():
            return True
        case _ if fold != "sum":
            return False
        case Number():
            return True
        case Whole(value):
            return value.constant is not None
        case Plus(arguments) | Times(arguments):
            return all(arithmetic(argument, fold) for argument in arguments)
        case Power(base, exponent):
            return exponent.denominator == 1 and abs(exponent) <= 3 and arithmetic(base, fold)
        case Apply("same" | "abs", arguments, _):
            return all(arithmetic(argument, fold) for argument in arguments)
    return False


@dataclass(slots=True)
class Drafts:
    """The reads of all taps, as they come. `doubted`: a zero may be multiplied by anything, so
    that sums that are not finite are to be computed once more."""

    tensors: Mapping[str, Tensor]
    fold: str
    doubted: bool = False
    found: dict[Sheet, list[DraftRead]] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)

    def tap(self, body: Scalar, guards: Sequence[Int], marks: Sequence[Mark],
            spans: Mapping[str, Span], moving: tuple[str, str], place: Int | None) -> Draft | None:
        """A tap with its reads; None where a guard has nothing to stand for it."""
        self.spans = spans
        compared = {access for factor in _factors(body) if (access := _compared(factor))
                    and sum(access in accesses(other) for other in _factors(body)) == 1}
        reads: list[tuple[Access, Reading]] = []
        for access in accesses(body):
            if any(not is_affine(sub) for sub in access.subscripts):
                return None
            if not any(name in sub.names() for name in moving for sub in access.subscripts):
                continue
            pad: Pad = "zero" if self.fold == "sum" else "low" if self.fold == "max" else "high"
            if self.fold == "sum" and _is_below(body, access):
                pad = "one"
            elif access in compared:
                pad = "unequal"
            made = placed(self.tensors[access.tensor], access.subscripts, pad, moving)
            if made is None:
                return None
            reads.append((access, made))
        marked: list[tuple[Reading, int]] = []
        for element, value in marks:
            if any(not is_affine(sub) for sub in element.subscripts):
                return None
            made = placed(self.tensors[element.tensor], element.subscripts, "never", moving)
            if made is None:
                return None
            marked.append((made, value))
        factors = _factors(body)
        for guard in guards:
            if marked and any(access == body and read.keeps(guard) for access, read in reads):
                continue            # nothing but that read, which is 0 there: the mark may hold
            held = [read.narrow(guard) for read, _ in marked]
            if not any(held) and not self._absorbed(guard, reads, factors):
                return None
        drafts = [(access, self._draft(read)) for access, read in reads]
        tails = [(self._draft(read), value) for read, value in marked]
        return Draft(body, tuple(drafts), tuple(tails), place or Int.of(0), bool(guards))

    def _absorbed(self, guard: Int, reads: Sequence[tuple[Access, Reading]],
                  factors: Sequence[Scalar]) -> bool:
        """Whether something that is read outside makes the body count for nothing: best the read
        whose own range the guard is, so that no other one changes."""
        if self.fold == "sum":
            own = {access: read.sheet.pad for access, read in reads if read.keeps(guard)}
            if any(own.get(factor) == "zero" for factor in factors if isinstance(factor, Access)
                   ) or "unequal" in own.values():
                finite = {*own, *(Power(access, Fraction(-1)) for access in own)}
                moving = {access for access, _ in reads}
                self.doubted |= any(moving & {*accesses(factor)} for factor in factors
                                    if factor not in finite and _compared(factor) is None)
                return True
        held = [read.narrow(guard) for _, read in reads]
        if self.fold != "sum":
            return len(held) == 1 and held[0]
        zeros = any(done and access in factors for (access, _), done in
                    zip(reads, held, strict=True))
        return zeros and all(held) and all(
            isinstance(factor, Access | Number | Whole) or (
                isinstance(factor, Power) and isinstance(factor.base, Access | Number | Whole))
            for factor in factors)

    def _draft(self, read: Reading) -> DraftRead:
        draft = DraftRead(read.sheet, read.row, read.column)
        self.found.setdefault(read.sheet, []).append(draft)
        return draft

    def sheets(self, steps: tuple[int, int], extent: tuple[int, int], guarded: bool) -> Sheets:
        """The sheets with the offsets of all their reads. All in place if no tap is ever missing
        and no element is read twice along a row, or lies side by side with its neighbours;
        otherwise those of a sum that lie side by side and are never left."""
        made: list[Sheet] = []
        for key, reads in self.found.items():
            columns = [read.column for read in reads]
            offsets = [read.row for read in reads]
            ends = tuple(bounds(place, self.spans) or (0, 0) for place in key.places)
            made.append(replace(key, rows=(min(offsets), max(offsets)),
                                columns=(min(columns), max(columns)), ends=ends))
        direct = not guarded and extent[1] % steps[1] == 0 and extent[0] % steps[0] == 0 and all(
            (s.step == 1 and self.fold == "sum") or (
                s.step <= 2 and s.columns[1] - s.columns[0] < s.step
                and s.rows[1] - s.rows[0] < max(1, s.row_step)) for s in made)
        return Sheets(tuple(replace(sheet, direct=direct or (
            self.fold == "sum" and sheet.step == 1 and _is_never_left(sheet, steps, extent)))
            for sheet in made), tuple(self.found))


def _is_never_left(sheet: Sheet, steps: tuple[int, int], extent: tuple[int, int]) -> bool:
    """Whether all rows and lanes of all cells read within what is valid."""
    rows, lanes = (-(-whole // step) for whole, step in zip(extent, steps, strict=True))
    ends = [*sheet.ends[:-1], (sheet.columns[0], lanes - 1 + sheet.columns[1])]
    if sheet.axis is not None:
        ends[sheet.axis] = (sheet.rows[0], sheet.row_step * (rows - 1) + sheet.rows[1])
    return all(low >= valid[0] and high < valid[1]
               for (low, high), valid in zip(ends, sheet.valid, strict=True))


def _factors(body: Scalar) -> tuple[Scalar, ...]:
    return body.arguments if isinstance(body, Times) else (body,)


def _compared(factor: Scalar) -> Access | None:
    """The read that a factor compares with something: it is 0 where that read is NaN and the
    other side is not."""
    match factor:
        case Apply("same", (Access() as read, _), _):
            return read
    return None


def _is_below(body: Scalar, access: Access) -> bool:
    """Whether a body divides by a read."""
    return any(isinstance(factor, Power) and factor.exponent < 0 and factor.base == access
               for factor in _factors(body))
