"""Verification: an emitted kernel is built and checked in steps, each by other means.

    interpreter   every pass, on random numbers, within the running error bound
    exact         every pass, on integers, equal to rational arithmetic
    differences   gradients, tangents and double gradients against differences of the kernel
    adjoint       <dy, J t> = <J'dy, t>, and the double gradient against the tangent
    fixed shapes  kernels for fixed sizes against those above
    transforms    passes of the default kernel that transform, within a worst-case bound
    kinks         maxima, |x|, relu: weights, tie rules, one-sided derivatives, NaN

The interpreter and the kernels share the definition alone. Comparing with the interpreter checks
lowering and emission; what was derived is checked by differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from symconv.arrays import Array
from symconv.errors import ParameterError, expect
from symconv.operator import OpenRank, Operator, named, shape_of
from symconv.passes import all_passes
from symconv.sampling import example_shapes
from symconv.shapes import bind, specialise
from symconv.verification.adjoint import fixed_check
from symconv.verification.attempt import attempt, attempts
from symconv.verification.bounds import interpret, interpreter_checks, numeric_point
from symconv.verification.derivatives import Derivatives, Say
from symconv.verification.exact import exact_checks, integer_certificates
from symconv.verification.slopes import slope_checks
from symconv.verification.structure import work
from symconv.verification.subject import Subject, make_subject
from symconv.verification.ties import tie_checks
from symconv.verification.transforms import default_transforms, transform_checks
from symconv.verification.verdict import Check, Verdict

_MOST_WORK = 3 * 10**8
_MOST_STATEMENTS = 150


def verify(op: Operator, target: str = "c", dtype: str = "float32",
           shapes: Mapping[str, Sequence[int]] | None = None, *,
           progress: Say | None = None, **operand_shapes: Sequence[int]) -> Verdict:
    """Build the kernels of an operator and check them at some shapes.

    Shapes are given by operand, as `x=(2, 3, 9, 8)` or in `shapes`; one that follows from the
    others may be left out, and without any small ones are chosen. `progress` is called with the
    name of each check as it begins. Raises ShapeError or ParameterError for a request that makes
    no sense, BuildError where no compiler is found; a kernel that is wrong gives a false verdict.
    """
    expect("op", op, Operator, "an operator; make one with symconv.ops or symconv.parse")
    say = progress or _silent
    given = {name: shape_of(name, shape)
             for name, shape in {**named("shapes", shapes, "{\"x\": (1, 3, 8, 8)}"),
                                 **operand_shapes}.items()}
    if given:
        ready = op.for_shapes(given)
    else:
        ready = op.with_rank(max(2, op.source.least)) if isinstance(op.source, OpenRank) else op
        given = example_shapes(ready.definition)
    complete, _ = ready.batched(given)
    values = bind(ready.definition, complete)
    say("derivation")
    subject = make_subject(ready, target, dtype, values, all_passes(ready.definition))
    _check_work(subject)
    found = list(_checks(subject, say))
    return Verdict(tuple(item for item in found if isinstance(item, Check)),
                   tuple(item for item in found if isinstance(item, str)))


def _silent(_: str) -> None:
    """No progress is wanted."""


def _check_work(subject: Subject) -> None:
    needed = sum(work(specialise(item.program, subject.values)) for item in subject.passes)
    if needed > _MOST_WORK:
        raise ParameterError(f"{subject.operator.name}: these shapes take the reference "
                             f"interpreter {needed:.1e} steps, at most {_MOST_WORK:.0e} are "
                             "sensible; choose smaller shapes")


def _checks(subject: Subject, say: Say) -> Iterator[Check | str]:
    """All checks in order; strings are notes on checks that do not apply."""
    references: dict[str, tuple[Array, ...]] = {}
    point = numeric_point(subject)
    fixed = make_subject(subject.operator, subject.target, subject.dtype, subject.values,
                         subject.passes, fixed=True)
    kernels = [subject, fixed] if _is_small(subject) else [subject]
    transforms = default_transforms(subject)
    if transforms is not None:
        kernels.append(transforms.subject)
    with ThreadPoolExecutor(max_workers=1) as pool:      # compilers run beside the interpreter
        compiled = [pool.submit(kernel.prepare) for kernel in kernels]
        found = interpret(subject, point, references, say)
        builds = [attempt("build", partial(_built, result)) for result in compiled]
    yield from found
    if any(isinstance(item, Check) for item in found):
        yield "all other checks: a derived pass reads outside its operands"
        return
    if not all(build.passed for build in builds):
        yield from builds
        return
    say("kernels")
    yield from interpreter_checks(subject, point, references)
    integers = integer_certificates(subject)
    yield from exact_checks(integers, say)
    if subject.operands:
        derivatives = Derivatives(subject, point, references, integers, say)
        yield from derivatives.differences()
        yield from derivatives.adjoints()
    if fixed in kernels:
        say("fixed shapes")
        yield attempt("fixed shapes", partial(fixed_check, fixed, integers, point, references))
    else:
        yield "fixed shapes: the program has many statements, a second build would take long"
    if transforms is not None:
        say("transforms")
        yield from transform_checks(transforms, point, references)
    if subject.operands:
        say("kinks")
        yield from attempts("kink: ties", tie_checks(subject))
        yield from attempts("kink: slopes", slope_checks(subject))


def _is_small(subject: Subject) -> bool:
    """Whether compiling all passes once more is cheap."""
    return sum(len(item.program.definitions) for item in subject.passes) <= _MOST_STATEMENTS


def _built(result: Future[None]) -> Check:
    result.result()
    return Check("build", "built", "built", True, "kernels derived, emitted and compiled")
