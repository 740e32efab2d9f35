"""Emission: an operator becomes files.

    operator -> passes -> C (NAME.h, NAME.c) and NumPy (NAME.py), with a README that says how to
    compile and call them

The text depends on the operator, its parameters, the shapes and the element type alone: it is
the same to the byte on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path

from symconv.choice import Chosen
from symconv.errors import ParameterError, shown
from symconv.integers import Int
from symconv.ir import Program
from symconv.language.names import kernel_fault
from symconv.operator import Operator
from symconv.passes import Pass, emitted_passes
from symconv.render import render
from symconv.schedule import SCHEDULES
from symconv.shapes import bind, specialise
from symconv.transforming import ACCURACIES
from symconv.tuning import Tuning, read_tuning

DTYPES = ("float32", "float64")
TARGETS = ("c", "numpy")
_MOST_INTEGER = 2**31 - 1
_LARGEST = {"float32": (2 - 2.0**-23) * 2.0**127, "float64": (2 - 2.0**-52) * 2.0**1023}


@dataclass(frozen=True, slots=True)
class Order:
    """What to emit: checked parameters. `fixed` are the values of all sizes, or None; `schedule`,
    `accuracy`, `openmp`, the operands `packed` and `tuning` concern C alone."""

    name: str
    program: Program
    dtype: str
    fixed: Mapping[str, int] | None
    schedule: str = "auto"
    accuracy: str = "default"
    openmp: bool = False
    packed: tuple[str, ...] = ()
    tuning: Tuning | None = None


def emit(operator: Operator, *, targets: Sequence[str] = TARGETS, name: str | None = None,
         dtype: str = "float32",
         shapes: Mapping[str, Sequence[int]] | None = None,
         schedule: str = "auto", accuracy: str = "default",
         openmp: bool = False, pack: str | Sequence[str] = (),
         tuning: str | Path | None = None) -> dict[str, str]:
    """File name -> text, for every target: all passes of the operator.

    With `shapes` the kernels are for these shapes alone; in C, `schedule` "auto" then takes the
    fastest way known, "reference" plain loops; with `accuracy` "strict" it keeps to direct sums,
    with "default" sums of float32 may be transformed. With `openmp` a C function has a driver
    beside it that runs its tasks on several threads; forward and gradients, where they copy one of
    the operands `pack`, are emitted once more for copies that were made before. Plans that the file
    `tuning` names take the place of those of "auto". Raises ParameterError for an unknown target,
    dtype, schedule, accuracy or operand, for `openmp`, `pack` or `tuning` without the target "c",
    a name that is no C identifier, parameters left symbolic, and a file that is no tuning file, has
    no entry for any pass or names a plan that does not exist; ShapeError for shapes that do not
    fit.
    """
    for target in targets:
        one_of("target", target, TARGETS)
    for label, given in (("openmp", openmp), ("pack", pack), ("tuning", tuning)):
        if given and "c" not in targets:
            raise ParameterError(f"{label}: this is for C, which is not among the targets; emit C "
                                 f"too, or leave {label} out")
    order = replace(ordered(operator, name, dtype, shapes, schedule, accuracy, pack, tuning),
                    openmp=openmp)
    passes = specialised(emitted_passes(order.program), order.fixed)
    if order.tuning is not None and not _choices(order, passes):
        raise ParameterError(f"{order.tuning.path}: there is no entry for {order.name} with these "
                             f"shapes, {order.dtype} and accuracy {order.accuracy}; run symconv "
                             "tune for them, or leave tuning out")
    files: dict[str, str] = {}
    for target in TARGETS:
        if target in targets:
            files |= sources(target, order, passes)
    files["README.md"] = render("emitted.md.jinja", names=[order.name], targets=list(targets))
    return files


def emit_all() -> dict[str, str]:
    """The default set: every operator of the catalogue, with run-time sizes, in float32."""
    from symconv.operators.standard import standard

    files: dict[str, str] = {}
    names: list[str] = []
    for name, operator in standard():
        names.append(name)
        files |= emit(operator, name=name)
    files["README.md"] = render("emitted.md.jinja", names=names, targets=list(TARGETS))
    return dict(sorted(files.items()))


def one_of(label: str, value: object, choices: Sequence[str]) -> None:
    """Raise ParameterError unless an argument is one of some words."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{label}={shown(value)}: choose among {', '.join(choices)}")


def ordered(operator: Operator, name: str | None, dtype: str,
            shapes: Mapping[str, Sequence[int]] | None, schedule: str = "auto",
            accuracy: str = "default", pack: str | Sequence[str] = (),
            tuning: str | Path | None = None) -> Order:
    """Check what was asked for."""
    one_of("dtype", dtype, DTYPES)
    one_of("schedule", schedule, SCHEDULES)
    one_of("accuracy", accuracy, ACCURACIES)
    if tuning is not None and (shapes is None or schedule != "auto"):
        raise ParameterError(f"tuning={shown(str(tuning))}: plans are chosen for fixed shapes and "
                             "the schedule \"auto\"; give shapes, or leave tuning out")
    chosen = operator.name if name is None else name
    fault = kernel_fault(chosen)
    if fault is not None:
        raise ParameterError(f"name={shown(chosen)}: {fault}; give another name")
    fixed = None
    if shapes is not None:
        operator = operator.for_shapes(shapes)
    program = operator.definition
    if program.parameters:
        raise ParameterError(f"{operator.name}: {', '.join(program.parameters)} has no value; a "
                             "kernel needs numbers, symbols are for derivations")
    _expect_integers(program)
    _expect_reals(program, dtype)
    if shapes is not None:
        complete, _ = operator.batched(shapes)
        fixed = bind(program, complete)
    plans = None if tuning is None else read_tuning(tuning)
    return Order(chosen, program, dtype, fixed, schedule, accuracy,
                 packed=_packed(operator, pack, shapes is not None), tuning=plans)


def expect_fixed(pack: str | Sequence[str], fixed: bool) -> None:
    """Raise ParameterError where operands shall be packed for sizes that are not fixed."""
    if pack and not fixed:
        raise ParameterError("pack: kernels for run-time sizes copy no operand; give shapes")


def _packed(operator: Operator, pack: str | Sequence[str], fixed: bool) -> tuple[str, ...]:
    """The operands to pack, in their order; ParameterError for others."""
    real = [tensor.name for tensor in operator.definition.inputs if tensor.kind == "real"]
    names = (pack,) if isinstance(pack, str) else tuple(pack) if isinstance(
        pack, list | tuple) else (pack,)
    for name in names:
        if name not in real:
            raise ParameterError(f"pack={shown(name)}: no operand that can be packed; those are "
                                 f"{', '.join(real) or 'none'}")
    expect_fixed(names, fixed)
    return tuple(name for name in real if name in names)


def _expect_integers(program: Program) -> None:
    """Raise ParameterError for integers so large that a subscript made of them may overflow."""
    for part in _parts((program.definitions, program.sizes, program.inputs)):
        if isinstance(part, Int):
            for _, coefficient in part.terms:
                if abs(coefficient) > _MOST_INTEGER:
                    raise ParameterError(f"the integer {coefficient} is too large for a kernel: "
                                         f"give one of at most {_MOST_INTEGER}")


def _expect_reals(program: Program, dtype: str) -> None:
    """Raise ParameterError for constants that the element type would turn into infinity."""
    largest = Fraction(_LARGEST[dtype])
    for part in _parts(program.definitions):
        if isinstance(part, Fraction) and abs(part) > largest:
            raise ParameterError(f"a constant of about 1e{len(str(int(abs(part)))) - 1} has no "
                                 f"value in {dtype}: give a smaller one"
                                 f"{', or use float64' if dtype == 'float32' else ''}")


def _parts(value: object) -> Iterator[object]:
    """Everything that a program consists of, down to its numbers and names."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, tuple):
            waiting += part
        elif is_dataclass(part):
            waiting += [getattr(part, field.name) for field in fields(part)]


def specialised(passes: Sequence[Pass], fixed: Mapping[str, int] | None) -> tuple[Pass, ...]:
    """The passes with numbers for sizes, where sizes are fixed."""
    if fixed is None:
        return tuple(passes)
    return tuple(replace(item, program=specialise(item.program, fixed)) for item in passes)


def sources(target: str, order: Order, passes: Sequence[Pass]) -> dict[str, str]:
    """The files of one target for some passes (already specialised). ParameterError for constants
    that derivation made too large for the element type."""
    for item in passes:
        _expect_reals(item.program, order.dtype)
    program = order.program if order.fixed is None else specialise(order.program, order.fixed)
    if target == "c":
        from symconv.emit.c import emit_c

        return emit_c(order.name, program, passes, order.dtype, order.schedule,
                      order.accuracy, order.packed, openmp=order.openmp,
                      choices=_choices(order, passes))
    from symconv.emit.numpy import emit_numpy

    return {f"{order.name}.py": emit_numpy(order.name, passes, order.name)}


def _choices(order: Order, passes: Sequence[Pass]) -> dict[str, Chosen]:
    """The plans that a tuning file names, by pass."""
    if order.tuning is None:
        return {}
    found = {item.name: order.tuning.choice(item, order.dtype, order.accuracy) for item in passes}
    return {name: chosen for name, chosen in found.items() if chosen is not None}
