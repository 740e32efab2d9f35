"""A claimed gradient held against the derived one, by the interpreter.

Both are programs over the same operands: the cotangents, and the operands of the operator. They
are evaluated at small sizes, some of which leave a remainder where the operator divides, on
distinct random numbers: exactly where both are rational functions, otherwise to 18 digits of 60.
Where they differ, the smallest sizes that show it are looked for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from symconv.confirmation.differences import Undecided, agree, values
from symconv.confirmation.places import points
from symconv.confirmation.trials import DRAWS, Draw, direction, operands
from symconv.errors import ParameterError, ShapeError
from symconv.integers import Int
from symconv.rewrite import substitute_program
from symconv.sampling import example_shapes, likely_shapes, smallest_shapes
from symconv.shapes import Shape, bind, stored_shape

if TYPE_CHECKING:
    from symconv.ir import Program
    from symconv.operator import Operator

_PARAMETERS = (2, 1, 3)         # values of symbolic parameters
_COMBINATIONS = 9               # of them
_TRIALS = 24                    # shared by the combinations
_SHAPES = (2, 8)                # for each combination, at least and at most
_APART = 17                     # of the likely shapes, one of so many is tried
_MOST_POINTS = 300_000          # of the interpreter for one trial
_SMALLEST = 300                 # sizes among which the smallest counterexample is looked for
_SIMPLE = Draw(9, 1, False, True)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found at some sizes; `difference` tells where and how the two differ, or is empty.

    `sizes` are the free sizes and the parameters, `shapes` those of the operands.
    """

    sizes: Mapping[str, int]
    shapes: Mapping[str, Shape]
    difference: str


def judgements(operator: Operator, wrt: str, claim: Program) -> Iterator[Judgement]:
    """The claim at several sizes; ends with the smallest counterexample found, where there is one.

    Raises ParameterError where the claim is no gradient of the operator with respect to `wrt`
    by its names and axes, or where nothing can be tried.
    """
    case = _Case(operator.definition, operator.vjp(wrt).derived.result, claim)
    case.expect_comparable()
    tried = False
    for params, shapes in case.trials():
        found = case.judged(params, shapes, DRAWS)
        tried = True
        if found.difference:
            yield case.smallest(params) or found
            return
        yield found
    if not tried:
        raise ShapeError("no small shapes fit this operator, so nothing can be compared; give "
                         "parameters that some do")


@dataclass(frozen=True, slots=True)
class _Case:
    """An operator, its gradient as derived, and as claimed."""

    source: Program
    derived: Program
    claim: Program

    @property
    def gradient(self) -> str:
        return self.derived.outputs[0]

    def expect_comparable(self) -> None:
        """ParameterError unless names, axes and parameters of the claim fit."""
        known = {tensor.name: tensor for tensor in self.derived.inputs}
        if self.claim.outputs != (self.gradient,):
            raise ParameterError(
                f"the claim defines {', '.join(self.claim.outputs)}, but the gradient is called "
                f"{self.gradient}; end with a statement {self.gradient}[...] = ...")
        for tensor in self.claim.inputs:
            if tensor.name not in known:
                raise ParameterError(f"the claim reads {tensor.name}, but the gradient follows "
                                     f"from {', '.join(known)}; read these alone")
        result = self.derived.tensor(self.gradient)
        for tensor, other in ((self.claim.tensor(self.gradient), result),
                              *((tensor, known[tensor.name]) for tensor in self.claim.inputs)):
            if (len(tensor.axes), tensor.kind) != (len(other.axes), other.kind):
                raise ParameterError(
                    f"{tensor.name} has {len(tensor.axes)} axes of {tensor.kind} numbers in the "
                    f"claim, but {len(other.axes)} of {other.kind} numbers in the operator; "
                    "declare it so")
        unknown = sorted(set(self.claim.parameters) - set(self.source.parameters))
        if unknown:
            raise ParameterError(f"{unknown[0]} has no value in the claim; give it one, as in "
                                 f"--set {unknown[0]}=2, or keep a parameter of the operator "
                                 f"symbolic under this name")

    def trials(self) -> Iterator[tuple[dict[str, int], dict[str, Shape]]]:
        """Parameters and shapes: first those that leave a remainder."""
        combinations = list(self._parameters())
        least, most = _SHAPES
        count = min(most, max(least, _TRIALS // len(combinations)))
        for params in combinations:
            fixed = self._fixed(params)
            try:
                first = example_shapes(fixed)
            except ShapeError:
                continue
            chosen = [first]
            for shapes in itertools.islice(likely_shapes(fixed), _APART, None, _APART):
                if len(chosen) < count and shapes not in chosen \
                        and self._points(fixed, shapes) <= _MOST_POINTS:
                    chosen.append(shapes)
            for shapes in chosen:
                yield params, shapes

    def smallest(self, params: Mapping[str, int]) -> Judgement | None:
        """The claim at the smallest sizes that refute it, if a search finds them."""
        for shapes in itertools.islice(smallest_shapes(self._fixed(params)), _SMALLEST):
            found = self.judged(params, shapes, (_SIMPLE, *DRAWS))
            if found.difference:
                return found
        return None

    def judged(self, params: Mapping[str, int], shapes: Mapping[str, Shape],
               draws: Sequence[Draw]) -> Judgement:
        """Both gradients for the first operands that decide."""
        sizes = bind(self.source, dict(shapes), dict(params))
        free = {size.name for size in self.source.sizes if size.value is None}
        named = {name: value for name, value in sizes.items()
                 if name in free or name in self.source.parameters}
        reason, nothing = "", ""
        for seed, draw in enumerate(draws):
            given = operands(self.source, shapes, params, draw, seed)
            given |= {tensor.name: direction(stored_shape(tensor, sizes), place, 9)
                      for place, tensor in enumerate(self.derived.inputs)
                      if tensor.name not in given}
            try:
                expected = values(self.derived, given, sizes, draw.rational)[self.gradient]
            except Undecided as error:
                reason = str(error)
                continue
            try:
                difference = self._difference(expected, given, params, draw.rational)
            except Undecided as error:
                nothing = f"{self.gradient} has no value: {error}"
                continue
            return Judgement(named, shapes, difference)
        if nothing:
            return Judgement(named, shapes, nothing)
        raise ParameterError("no operands were found at which the gradient has a certain value "
                             f"({reason}); keep the definition away from kinks and poles")

    def _difference(self, expected: Any, given: Mapping[str, Any], params: Mapping[str, int],
                    rational: bool) -> str:
        """Where the claim differs from the values expected; empty where it does not."""
        operand = {tensor.name: given[tensor.name] for tensor in self.claim.inputs}
        own = {name: params[name] for name in self.claim.parameters}
        try:
            sizes = bind(self.claim, {name: array.shape for name, array in operand.items()}, own)
            found = values(self.claim, operand, sizes, rational)[self.gradient]
        except (ShapeError, ZeroDivisionError) as error:
            return f"{self.gradient} is refused: {str(error).splitlines()[0]}"
        if found.shape != expected.shape:
            return f"{self.gradient} has shape {expected.shape}, claimed {found.shape}"
        for place in itertools.product(*map(range, expected.shape)):
            if not agree(expected[place], found[place]):
                shown = ",".join(map(str, place))
                return (f"{self.gradient}{f'[{shown}]' if place else ''} is "
                        f"{_written(expected[place])}, claimed {_written(found[place])}")
        return ""

    def _parameters(self) -> Iterator[dict[str, int]]:
        names = self.source.parameters
        for chosen in itertools.islice(itertools.product(_PARAMETERS, repeat=len(names)),
                                       _COMBINATIONS):
            yield dict(zip(names, chosen, strict=True))

    def _fixed(self, params: Mapping[str, int]) -> Program:
        return substitute_program(self.source, {name: Int.of(value)
                                                for name, value in params.items()})

    def _points(self, fixed: Program, shapes: Mapping[str, Shape]) -> int:
        """About the cost of a trial, as the gradient costs the forward pass for each element."""
        elements = max((math.prod(shape) for shape in shapes.values()), default=1)
        return points(fixed, bind(fixed, dict(shapes))) * elements


def _written(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, Decimal) else str(value)
