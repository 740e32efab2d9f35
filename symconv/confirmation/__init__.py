"""Derivations confirmed by evaluation: what the interpreter does not confirm is not printed.

    trials.py        parameters, shapes and operands to try a derivation on
    places.py        which elements of a gradient are looked at
    differences.py   slopes of the source along a direction, by the interpreter alone

A rewriting step must leave the value of every output as it is. The derivative itself is held
against differences of the *source* along random directions t:

    vjp        sum of dx * t over the operand   =   d/dh of <dy, y(x + h*t)> at h = 0
    jacobian   sum of J * t over the operand    =   d/dh of y(x + h*t)
    jvp        ty                               =   the sum over operands of d/dh of y(x + h*tx)

The entries of a direction are drawn from 2**17 integers, so a derivative that is wrong is
orthogonal to it with a chance of about 2**-17; at large sizes t is zero but for a few places,
and the gradient is looked at there. Operands that decide nothing, at a kink or outside
the domain of a function, are replaced by others. Nothing that derives takes part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from symconv.confirmation.differences import (
    Undecided,
    agree,
    along,
    frozen_values,
    inner,
    total,
    unmoved,
    values,
)
from symconv.confirmation.places import at_place, chosen_places, expect_affordable
from symconv.confirmation.trials import DRAWS, Draw, direction, operands, trial_sizes
from symconv.differentiate import Derived, Step, real_outputs
from symconv.errors import ConfirmationError, ParameterError
from symconv.rewrite import held
from symconv.shapes import Shape, bind, stored_shape

__all__ = ["confirm", "refuted_step"]

_DERIVED = ("chain", "tangent", "contract", "gather")         # rules after which it is a derivative
_LONGEST_SEED = 2 ** 8


@lru_cache(maxsize=256)
def confirm(derivation: Derived) -> None:
    """Try every step on small sizes and random operands.

    Raises ConfirmationError with the rule that does not hold; ShapeError or ParameterError where
    nothing can be tried.
    """
    params, shapes = trial_sizes(derivation.source)
    expect_affordable(derivation.source, bind(derivation.source, shapes, params))
    step = refuted_step(derivation, shapes, params)
    if step is not None:
        raise ConfirmationError(
            f"evaluation does not confirm the step {step.rule!r} of {', '.join(step.changed)}, so "
            "the derivation is not printed: this is a fault of symconv; please report it")


def refuted_step(derivation: Derived, shapes: Mapping[str, Shape],
                 params: Mapping[str, int] | None = None) -> Step | None:
    """The first step of a derivation that evaluation does not confirm; None where all hold.

    Raises ParameterError where no operands decide, and for a rule that is unknown here: what
    cannot be judged is not passed.
    """
    known = dict(params or {})
    reason = ""
    for seed, draw in enumerate(DRAWS):
        try:
            return _Trial.of(derivation, shapes, known, draw, seed).refuted()
        except Undecided as error:
            reason = str(error)
    raise ParameterError("no operands were found at which the derivative can be confirmed by "
                         f"evaluation ({reason}); keep the definition away from kinks and poles")


@dataclass(frozen=True, slots=True)
class _Trial:
    """A derivation with values for all its inputs: `given` those of the source and the cotangents
    or tangents (`seeds`, in order)."""

    derivation: Derived
    sizes: Mapping[str, int]
    given: Mapping[str, Any]
    seeds: tuple[str, ...]
    rational: bool

    @staticmethod
    def of(derivation: Derived, shapes: Mapping[str, Shape], params: Mapping[str, int],
           draw: Draw, seed: int) -> _Trial:
        """With operands that are drawn."""
        source = derivation.source
        sizes = bind(source, dict(shapes), dict(params))
        given = operands(source, shapes, params, draw, seed)
        seeds = [tensor for tensor in derivation.result.inputs if tensor.name not in given]
        given |= {tensor.name: direction(stored_shape(tensor, sizes), place, _LONGEST_SEED)
                  for place, tensor in enumerate(seeds)}
        return _Trial(derivation, sizes, given, tuple(tensor.name for tensor in seeds),
                      draw.rational)

    def refuted(self) -> Step | None:
        """The first step that does not hold."""
        source, previous = self.derivation.source, list[Any]()
        for step in self.derivation.steps:
            derived = step.rule in _DERIVED
            if step.rule not in (*_DERIVED, "definition", "selector"):
                raise ParameterError(f"no check is known for the rule {step.rule!r}")
            found = self._gradients(step) if derived and self.derivation.kind != "jvp" else \
                list(values(step.program, self.given, self.sizes, self.rational).values())
            if step.rule in ("chain", "tangent"):
                holds = self._is_derivative(found)
            else:
                holds = step.program == source or (
                    len(found) == len(previous) and all(map(agree, previous, found)))
            if not holds:
                return step
            previous = found
        return None

    def _gradients(self, step: Step) -> list[Any]:
        """The gradients, or the Jacobian, after a step at the places that are looked at; its last
        axis runs over them."""
        import numpy as np

        found = []
        for name, output in zip(self.derivation.wrt, step.program.outputs, strict=True):
            axes, places = len(self.derivation.source.tensor(name).logical), self._places(name)
            if len(places) == self.given[name].size:
                whole = values(replace(step.program, outputs=(output,)), self.given, self.sizes,
                               self.rational)[output]
                found.append(whole.reshape(-1, len(places)))
                continue
            parts = [values(at_place(step.program, output, axes, place, self.sizes), self.given,
                            self.sizes, self.rational)[output].ravel() for place in places]
            found.append(np.stack(parts, axis=-1))
        return found

    def _places(self, name: str) -> tuple[int, ...]:
        """The flat positions of an operand at which its gradient is looked at."""
        programs = tuple(step.program for step in self.derivation.steps if step.rule in _DERIVED)
        return chosen_places(programs, self.given[name].size, self.sizes)

    def _is_derivative(self, found: list[Any]) -> bool:
        """Whether these values are the derivative of the source."""
        wrt, outputs = self.derivation.wrt, real_outputs(self.derivation.source)
        if self.derivation.kind == "jvp":
            slopes = [self._along(name, self.given[seed])
                      for name, seed in zip(wrt, self.seeds, strict=True)]
            return all(agree(total(slope[output] for slope in slopes), value)
                       for output, value in zip(outputs, found, strict=True))
        for turn, (name, value) in enumerate(zip(wrt, found, strict=True)):
            places, turned = self._places(name), unmoved(self.given[name])
            entries = direction((len(places),), turn)
            turned.flat[list(places)] = entries
            slope = self._along(name, turned)
            wanted = slope[outputs[0]].ravel() if self.derivation.kind == "jacobian" else \
                total(inner(self.given[seed], slope[output], slope[output].ndim)
                      for seed, output in zip(self.seeds, outputs, strict=True)).reshape(1)
            if not agree(wanted, inner(value, entries, 1)):
                return False
        return True

    def _along(self, name: str, turned: Any) -> dict[str, Any]:
        """Output -> slope; frozen statements stay as they are."""
        source, given = held(self.derivation.source), dict(self.given)
        frozen = [tensor.name for tensor in source.inputs if tensor.name not in given]
        if frozen:
            given |= frozen_values(self.derivation.source, frozen, given, self.sizes,
                                   self.rational)
        slopes = along(source, name, turned, given, self.sizes, self.rational)
        return {output: slopes[output] if output in slopes else unmoved(given[output])
                for output in real_outputs(self.derivation.source)}
