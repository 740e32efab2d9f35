"""Several programs as one: the outputs of some are operands of others.

Every program keeps its definitions. Its sizes become sizes of the whole: an axis that is bound to
a tensor takes that tensor's extent by name, all other sizes get names of their own, and what two
programs say of one axis becomes a requirement. No extent is ever substituted into another, so the
text of a deep program grows with its depth alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from symconv.errors import ParameterError, ShapeError
from symconv.integers import Int, floor_div, product
from symconv.ir import (
    Axis,
    Definition,
    Equal,
    Program,
    Requirement,
    Size,
    Tensor,
    ValueRange,
)
from symconv.language.names import fresh
from symconv.names import global_names, rename_apart, rename_tensors
from symconv.regroup import copied, refined
from symconv.rewrite import substitute_program
from symconv.tidy import live


@dataclass(slots=True)
class Composition:
    """A program under construction; `taken` are names that nothing made here may have."""

    taken: set[str]
    inputs: dict[str, Tensor] = field(default_factory=dict)
    definitions: list[Definition] = field(default_factory=list)
    sizes: dict[str, Int | None] = field(default_factory=dict)
    parameters: dict[str, None] = field(default_factory=dict)
    requirements: dict[Requirement, None] = field(default_factory=dict)
    ranges: dict[ValueRange, None] = field(default_factory=dict)
    known: dict[Int, Int] = field(default_factory=dict)      # value of a derived size -> its name

    @classmethod
    def of(cls, program: Program, names: Mapping[str, str], taken: set[str]) -> Composition:
        """A composition that starts with a whole program, some of its tensors renamed."""
        whole = cls(global_names(program) | {*names.values()} | taken)
        whole.inputs = {tensor.name: tensor for tensor in program.inputs}
        whole.definitions = [rename_tensors(definition, names)
                             for definition in program.definitions]
        whole.sizes = {size.name: size.value for size in program.sizes}
        whole.parameters = dict.fromkeys(program.parameters)
        whole.requirements = dict.fromkeys(program.requirements)
        whole.ranges = dict.fromkeys(program.value_ranges)
        whole.known = {size.value: Int.of(size.name) for size in program.sizes
                       if size.value is not None}
        whole._note(program.inputs)
        return whole

    def add(self, label: str, program: Program, operands: Mapping[str, str],
            outputs: Mapping[str, str]) -> None:
        """Append a program. `operands` names the tensor that each of its operands is (one that is
        new becomes an input), `outputs` the tensors that its outputs become.

        Raises ParameterError or ShapeError where a tensor cannot be that operand.
        """
        bound = {tensor.name: self.tensor(operands[tensor.name]) for tensor in program.inputs
                 if self._has(operands[tensor.name])}
        mapping = self._sizes(label, program, bound)
        placed = substitute_program(program, mapping)
        self.parameters.update(dict.fromkeys(program.parameters))
        self.requirements.update(dict.fromkeys(placed.requirements))
        names = {tensor.name: operands[tensor.name] for tensor in program.inputs}
        for definition in program.definitions:
            name = definition.target.name
            names[name] = outputs[name] if name in outputs else self._fresh(name)
        for tensor in placed.inputs:
            if tensor.name in bound:
                self._check_kind(label, tensor, bound[tensor.name])
                names[tensor.name] = self._fresh(f"{operands[tensor.name]}_as")
        self.ranges.update(dict.fromkeys(
            ValueRange(operands[item.tensor], item.stop) for item in placed.value_ranges))
        start = len(self.definitions)
        self.definitions += [rename_tensors(definition, names) for definition in placed.definitions]
        for tensor in placed.inputs:
            self.inputs[names[tensor.name]] = replace(tensor, name=names[tensor.name])
        for operand in bound:
            self._join(names[operand], operands[operand], start)
        self._note(placed.inputs)

    def finish(self, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Program:
        """The program, with its inputs in the given order."""
        sizes = tuple(Size(name, value) for name, value in self.sizes.items())
        program = live(Program(
            tuple(self.inputs[name] for name in inputs), tuple(self.definitions), outputs, sizes,
            tuple(sorted(self.parameters)), tuple(self.requirements),
            tuple(item for item in self.ranges if item.tensor in inputs)))
        names = {*self.inputs, *self.sizes, *self.parameters,
                 *(definition.target.name for definition in program.definitions)}
        return replace(program, definitions=tuple(
            rename_apart(definition, names) for definition in program.definitions))

    def tensor(self, name: str) -> Tensor:
        """The input or target of that name."""
        if name in self.inputs:
            return self.inputs[name]
        return next(d.target for d in self.definitions if d.target.name == name)

    def _has(self, name: str) -> bool:
        return name in self.inputs or any(d.target.name == name for d in self.definitions)

    def _note(self, tensors: Iterable[Tensor]) -> None:
        """Remember what product of extents a split axis is."""
        for tensor in tensors:
            for axis in tensor.axes:
                if axis.stored.name is not None and len(axis.logical) > 1:
                    self.known.setdefault(product(axis.logical), axis.stored)

    def _fresh(self, stem: str) -> str:
        name = fresh(stem, self.taken | self.sizes.keys())
        self.taken.add(name)
        return name

    # --- sizes --------------------------------------------------------------------------------

    def _sizes(self, label: str, program: Program,
               bound: Mapping[str, Tensor]) -> dict[str, Int]:
        """The meaning, in the whole, of every size of a program."""
        free = [size.name for size in program.sizes if size.value is None]
        mapping: dict[str, Int] = {}
        equal: list[tuple[Int, Int, str]] = []
        for tensor in program.inputs:
            if tensor.name not in bound:
                continue
            given = bound[tensor.name]
            if len(given.axes) != len(tensor.axes):
                raise ParameterError(
                    f"{label}: operand {tensor.name} has {len(tensor.axes)} axes, but the tensor "
                    f"given for it has {len(given.axes)}; give one with {len(tensor.axes)}")
            for place, (axis, own) in enumerate(zip(tensor.axes, given.axes, strict=True)):
                if axis.stored.name in free and axis.stored.name not in mapping:
                    mapping[axis.stored.name] = self._named(axis.stored.name, own.stored)
                else:
                    equal.append((axis.stored, own.stored, f"axis {place} of {tensor.name}"))
        for stored, extent, _ in equal:
            unknown = [name for name in stored.names() if name in free and name not in mapping]
            factor = stored.coefficient(unknown[0]).constant if len(unknown) == 1 else None
            if factor and factor > 0 and stored.is_affine(unknown):
                rest = stored.without(unknown).substitute(mapping)
                mapping[unknown[0]] = self._named(unknown[0], floor_div(extent - rest, factor))
        for size in program.sizes:
            if size.value is not None:
                mapping[size.name] = self._named(size.name, size.value.substitute(mapping))
            elif size.name not in mapping:
                mapping[size.name] = Int.of(self._fresh(size.name))
                self.sizes[str(mapping[size.name])] = None
        for stored, extent, where in equal:
            self._require(label, stored.substitute(mapping), extent, where)
        return mapping

    def _named(self, stem: str, value: Int) -> Int:
        """A number or a name as it is; for anything else the size that has this value."""
        if value.constant is not None or value.name is not None:
            return value
        if value not in self.known:
            name = self._fresh(stem)
            self.sizes[name] = value
            self.known[value] = Int.of(name)
        return self.known[value]

    def _require(self, label: str, needed: Int, extent: Int, where: str) -> None:
        difference = needed - extent
        if difference.constant is not None and difference.constant != 0:
            raise ShapeError(f"{label}: {where} is {extent}, but must be {needed}; change the "
                             "operator before it")
        if difference:
            self.requirements[Requirement(Equal(difference), (
                f"{label}: {where} is {extent} and must equal {needed}; give operands whose "
                "shapes agree"))] = None

    @staticmethod
    def _check_kind(label: str, operand: Tensor, given: Tensor) -> None:
        if operand.kind != given.kind:
            raise ParameterError(f"{label}: operand {operand.name} holds {operand.kind} numbers, "
                                 f"but {given.name} holds {given.kind} ones; give another tensor")

    # --- tensors ------------------------------------------------------------------------------

    def _join(self, operand: str, name: str, start: int) -> None:
        """Let the definitions read the tensor `name` where they read the input `operand`.

        Where one groups an axis that the other has whole, the whole one is grouped too; what
        cannot be grouped is copied by a statement before the one at `start`.
        """
        for number in range(len(self.tensor(name).axes)):
            theirs, own = (self.tensor(one).axes[number].logical for one in (name, operand))
            if len(theirs) == 1 < len(own):
                self._refine(name, number, own)
            elif len(own) == 1 < len(theirs):
                self._refine(operand, number, theirs)
        tensor = self.inputs.pop(operand)
        given = self.tensor(name)
        if all(map(_alike, tensor.axes, given.axes)):
            renamed = {operand: name}
            self.definitions[start:] = [rename_tensors(definition, renamed)
                                        for definition in self.definitions[start:]]
        else:
            self.definitions.insert(start, copied(operand, given, tensor.axes, {*self.taken}))

    def _refine(self, name: str, number: int, parts: tuple[Int, ...]) -> None:
        """Split a stored axis of a tensor, with all that follows from it, where possible."""
        place = sum(len(axis.logical) for axis in self.tensor(name).axes[:number])
        found = refined(list(self.inputs.values()), self.definitions, (name, place), parts)
        if found is not None:
            self.inputs = {tensor.name: tensor for tensor in found[0]}
            self.definitions = found[1]


def _alike(one: Axis, other: Axis) -> bool:
    """Whether two equal stored extents are split alike: then at most one part is named apart."""
    return len(one.logical) == len(other.logical) and sum(
        a != b for a, b in zip(one.logical, other.logical, strict=True)) <= 1
