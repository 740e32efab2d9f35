"""Rules are broken on purpose, one at a time; the verdict must be false, and the check that
objects must be one that is there for this kind of fault."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

import symconv as sc
from symconv.calculus import _slopes, derivative
from symconv.differentiate import vjp
from symconv.integers import Int
from symconv.ir import AtLeast, Number, Power, Program, Times, Whole
from symconv.loops import Fold
from symconv.nesting import _bound
from symconv.relation import drop_implied
from symconv.selectors import select
from symconv.solve import Classes
from symconv.verification import verify

Patch = Callable[[pytest.MonkeyPatch], None]

CONV = (sc.ops.conv1d(stride=2, dilation=3, padding=2),
        {"x": (1, 2, 9), "w": (2, 2, 3), "b": (2,)})
COMMON = (sc.ops.conv1d(stride=4, dilation=2, padding=1),
          {"x": (1, 2, 11), "w": (2, 2, 3), "b": (2,)})
MAX = (sc.ops.max_pool1d(3, stride=2, padding=1), {"x": (1, 2, 9)})
TANH = (sc.ops.tanh(), {"x": (5,)})
PAIR = (sc.parse("y[i] = x[i] * w[i]"), {"x": (5,), "w": (5,)})
BOTH = (sc.ops.maximum(), {"a": (40,), "b": (40,)})


@dataclass(frozen=True)
class Sabotage:
    """`objects` begins the name of a check that must fail; `silent` are such that cannot see it."""

    name: str
    patch: Patch
    case: tuple[sc.Operator, dict[str, tuple[int, ...]]]
    objects: str
    silent: tuple[str, ...] = ()


def module(name: str) -> object:
    """A module by its full name; loaded before."""
    return sys.modules[name]


def swapped(ties: str) -> str:
    return {"first": "last", "last": "first"}.get(ties, ties)


def swapped_program(program: Program) -> Program:
    return replace(program, definitions=tuple(
        replace(definition, ties=swapped(definition.ties))
        if definition.reduction in ("max", "min") else definition
        for definition in program.definitions))


# --- solving and lowering: the interpreter objects ------------------------------------------


def wrong_first(patch: pytest.MonkeyPatch) -> None:
    """a0 = 0 in every residue class."""
    patch.setattr(Classes, "first", lambda self, rho: Int.of(0))


def wrong_shift(patch: pytest.MonkeyPatch) -> None:
    """c one too large."""
    right = Classes.shift
    patch.setattr(Classes, "shift", lambda self, rho, first: right(self, rho, first) + 1)


def no_divisibility(patch: pytest.MonkeyPatch) -> None:
    """The row g | rho is dropped: classes that are empty get terms."""
    patch.setattr(module("symconv.elimination"), "Divides",
                  lambda modulus, expression: AtLeast(Int.of(0)))


def late_start(patch: pytest.MonkeyPatch) -> None:
    """Lower bounds of loops one too high."""
    shifted(patch, 1, 0)


def early_stop(patch: pytest.MonkeyPatch) -> None:
    """Upper bounds of loops one too low."""
    shifted(patch, 0, -1)


def shifted(patch: pytest.MonkeyPatch, low: int, stop: int) -> None:
    def bound(expression: Int, name: str) -> tuple[bool, Int] | None:
        found = _bound(expression, name)
        return found and (found[0], found[1] + (low if found[0] else stop))
    patch.setattr(module("symconv.nesting"), "_bound", bound)


def swapped_folds(patch: pytest.MonkeyPatch) -> None:
    """The loops take the last extremum for the first."""
    patch.setattr(module("symconv.looped"), "Fold",
                  lambda kind, ties, *rest: Fold(kind, swapped(ties), *rest))


# --- the derivation: differences and kink rules object ----------------------------------------


def swapped_selectors(patch: pytest.MonkeyPatch) -> None:
    """The selector marks the last maximum where the definition says the first."""
    patch.setattr(module("symconv.differentiate"), "select",
                  lambda program: select(swapped_program(program)))


def dropped_range(patch: pytest.MonkeyPatch) -> None:
    """Contraction forgets the last inequality that it should keep."""
    def drop(rows: object, *rest: object) -> object:
        kept = drop_implied(rows, *rest)
        places = [place for place, row in enumerate(kept) if isinstance(row, AtLeast)]
        return tuple(row for place, row in enumerate(kept) if place not in places[-1:])
    patch.setattr(module("symconv.relation"), "drop_implied", drop)


def bias_as_mean(patch: pytest.MonkeyPatch) -> None:
    """The gradient of b is divided by the batch and the output extent."""
    def wrong(program: Program, wrt: tuple[str, ...], *rest: object) -> object:
        found = vjp(program, wrt, *rest)
        if wrt != ("b",):
            return found
        (*others, last) = found.result.definitions
        share = Power(Whole(Int.of("Ho")), Fraction(-1))
        terms = tuple(replace(term, body=Times((term.body, share))) for term in last.terms)
        return replace(found, result=replace(
            found.result, definitions=(*others, replace(last, terms=terms))))
    patch.setattr(module("symconv.passes"), "vjp", wrong)


def negated(*modules: str) -> Patch:
    """Scalar derivatives with the wrong sign, in reverse mode, forward mode or both."""
    def patching(patch: pytest.MonkeyPatch) -> None:
        def wrong(body: object, access: object) -> object:
            found = derivative(body, access)
            return found and Times((Number(Fraction(-1)), found))
        for name in modules:
            patch.setattr(module(name), "derivative", wrong)
    return patching


def wrong_slope(name: str, slope: Callable[..., object]) -> Patch:
    """Another derivative for one scalar function."""
    def patching(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(module("symconv.calculus"), "_slopes", lambda: {**_slopes(), name: slope})
    return patching


def full_gradient_to_both(f: object, argument: int) -> object:
    """maximum: what a gets, for both arguments (half of the faults of this kind on record)."""
    return _slopes()["maximum"](f, 1)


def tanh_with_the_wrong_sign(f: object, _: int) -> object:
    return 1 + f ** 2


SABOTAGE = (
    Sabotage("wrong first member of a class", wrong_first, CONV, "interpreter: vjp_x"),
    Sabotage("wrong shift of a class", wrong_shift, CONV, "exact: vjp_x"),
    Sabotage("divisibility dropped", no_divisibility, COMMON, "exact: vjp_x"),
    Sabotage("loops start late", late_start, CONV, "exact: vjp_x"),
    Sabotage("loops stop early", early_stop, CONV, "exact: vjp_x"),
    Sabotage("last for first in loops", swapped_folds, MAX, "exact: vjp_x"),
    Sabotage("last for first in selectors", swapped_selectors, MAX, "kink: y ties first",
             ("interpreter", "exact", "differences", "adjoint")),
    Sabotage("range row dropped", dropped_range, CONV, "interpreter: vjp_"),
    Sabotage("bias gradient as a mean", bias_as_mean, CONV, "differences: vjp_b",
             ("interpreter", "exact")),
    Sabotage("wrong sign in reverse", negated("symconv.reverse"), PAIR, "adjoint: x",
             ("interpreter", "exact", "differences: jvp")),
    Sabotage("wrong sign everywhere", negated("symconv.reverse", "symconv.differentiate"), PAIR,
             "differences: vjp_w", ("interpreter", "exact", "adjoint: x")),
    Sabotage("wrong sign in tanh", wrong_slope("tanh", tanh_with_the_wrong_sign), TANH,
             "differences: vjp_x", ("interpreter", "adjoint")),
    Sabotage("full gradient to both at a tie", wrong_slope("maximum", full_gradient_to_both),
             BOTH, "kink: maximum slopes", ("interpreter", "exact")),
)


@pytest.fixture
def clean_caches() -> Iterator[None]:
    """SymPy and `calculus` remember derivatives; nothing wrong may be remembered."""
    from sympy.core.cache import clear_cache

    derivative.cache_clear()
    clear_cache()
    yield
    derivative.cache_clear()
    clear_cache()


@pytest.mark.parametrize("sabotage", SABOTAGE, ids=lambda sabotage: sabotage.name)
def test_a_broken_rule_is_seen(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch,
                               clean_caches: None) -> None:
    sabotage.patch(monkeypatch)
    op, shapes = sabotage.case
    verdict = verify(op, "c", **shapes)
    assert not verdict
    failed = [check.name for check in verdict.failed]
    assert [name for name in failed if name.startswith(sabotage.objects)], str(verdict)
    assert not [name for name in failed if name.startswith(sabotage.silent)], str(verdict)


@pytest.mark.parametrize("sabotage", [item for item in SABOTAGE if item.name in (
    "last for first in selectors", "range row dropped", "bias gradient as a mean",
    "wrong sign in tanh")], ids=lambda sabotage: sabotage.name)
def test_the_other_target_is_no_safer(sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch,
                                      clean_caches: None) -> None:
    sabotage.patch(monkeypatch)
    op, shapes = sabotage.case
    assert not verify(op, "numpy", **shapes)


@pytest.mark.parametrize("case", [CONV, COMMON, MAX, TANH, PAIR, BOTH],
                         ids=lambda case: case[0].name)
def test_the_same_cases_pass_unharmed(case: tuple[sc.Operator, dict[str, tuple[int, ...]]]) -> None:
    verdict = verify(case[0], "c", **case[1])
    assert verdict, str(verdict)
