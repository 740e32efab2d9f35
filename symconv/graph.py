"""Programs from operators: graphs of operators applied to symbolic tensors.

    x = tensor("x", ndim=4)
    h = sc.ops.conv2d(padding=1, name="c1")(x)
    block = program(inputs=[x], outputs=[sc.ops.add()(h, x)])

An operator that is applied to fewer tensors than it has operands brings the others along as
parameters: w and b become inputs of the program, as c1_w and c1_b where the operator has a name,
else under their own names, with a number where that is taken (w_2). Every application has its own
parameters; a symbolic tensor given for an operand shares one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from symconv.compose import Composition
from symconv.errors import ParameterError
from symconv.language.names import is_name
from symconv.operands import Names, check_names, output_names
from symconv.operator import OpenRank, Operator

_ORDER = itertools.count()              # of applications, as they are made


@dataclass(frozen=True, slots=True, eq=False)
class SymbolicTensor:
    """An input of a program to be (`made` is None), or an output of an applied operator."""

    name: str
    ndim: int
    made: Application | None = None

    def __repr__(self) -> str:
        return f"<symbolic tensor {self.name}, {self.ndim} axes>"


@dataclass(frozen=True, slots=True, eq=False)
class Application:
    """An operator with tensors for some of its operands; `number` counts applications."""

    operator: Operator
    operands: Mapping[str, SymbolicTensor]
    number: int = field(default_factory=_ORDER.__next__)


def tensor(name: str, ndim: int) -> SymbolicTensor:
    """A symbolic tensor with that number of axes; its extents follow from the operators."""
    if not isinstance(name, str) or not is_name(name):
        raise ParameterError(f"tensor: name is {name!r}, but must be an identifier that is no "
                             "keyword or function; use letters, digits and single underscores")
    if isinstance(ndim, bool) or not isinstance(ndim, int) or ndim < 0:
        raise ParameterError(f"tensor {name}: ndim is {ndim!r}, but must be an integer of at "
                             "least 0; give the number of axes, the batch included")
    return SymbolicTensor(name, ndim)


def apply(operator: Operator, given: Sequence[object],
          named: Mapping[str, object]) -> SymbolicTensor | tuple[SymbolicTensor, ...]:
    """The outputs of an operator for symbolic tensors; a tuple where there are several."""
    for value in (*given, *named.values()):
        if not isinstance(value, SymbolicTensor):
            raise ParameterError(
                f"{operator.name}: {type(value).__name__} given, but an operator is applied to "
                'symbolic tensors such as sc.tensor("x", ndim=4); to compute with arrays, call '
                "sc.build(op).forward(...)")
    count = len(given) + len(named)
    if isinstance(operator.source, OpenRank) and operator.source.joining is not None \
            and count != len(operator.inputs):
        operator = replace(operator, source=operator.source.joining(count))
    if len(given) > len(operator.inputs) or not count:
        raise ParameterError(f"{operator.name}: {count} tensors given, but its operands are "
                             f"{', '.join(operator.inputs)}; give one to {len(operator.inputs)}")
    operands: dict[str, SymbolicTensor] = {}
    for name, value in (*zip(operator.inputs, given, strict=False), *named.items()):
        if name not in operator.inputs or name in operands:
            raise ParameterError(f"{operator.name}: operand {name} "
                                 f"{'is given twice' if name in operands else 'does not exist'}; "
                                 f"its operands are {', '.join(operator.inputs)}")
        if isinstance(value, SymbolicTensor):
            operands[name] = value
    ready = operator.for_shapes({name: (1,) * value.ndim for name, value in operands.items()})
    made = Application(ready, operands)
    results = tuple(SymbolicTensor(name, len(ready.definition.tensor(name).axes), made)
                    for name in ready.outputs)
    for name, value in operands.items():
        _check_rank(ready, name, value)
    return results[0] if len(results) == 1 else results


def program(inputs: Iterable[SymbolicTensor], outputs: Iterable[SymbolicTensor],
            name: str | None = None) -> Operator:
    """The operator that computes symbolic outputs from symbolic inputs.

    Its operands are the inputs, then the parameters of the applied operators in order of use.
    Raises ParameterError where the inputs do not suffice, ShapeError where extents contradict.
    """
    sources, results = tuple(inputs), tuple(outputs)
    if name is not None and not (isinstance(name, str) and is_name(name)):
        raise ParameterError(f"program: name is {name!r}, but must be an identifier; use letters, "
                             "digits and single underscores")
    _check_ends(sources, results)
    applications = _reached(results)
    for application in applications:
        for value in application.operands.values():
            if value.made is None and value not in sources:
                raise ParameterError(f"program: the outputs depend on {value.name}, which is not "
                                     "among the inputs; add it")
    used = {value for application in applications for value in application.operands.values()}
    for value in sources:
        if value not in used:
            raise ParameterError(f"program: no output depends on the input {value.name}; "
                                 "leave it out")
    return composed(tuple(value.name for value in sources), applications, results, name, None)


def leading(whole: Composition, inputs: Sequence[str],
             batch: Mapping[str, None]) -> tuple[str, ...]:
    """The inputs whose first axis is a batch."""
    return tuple(one for one in inputs if whole.inputs[one].axes
                 and str(whole.inputs[one].axes[0].stored) in batch)


def composed(sources: tuple[str, ...], applications: Sequence[Application],
              results: Sequence[SymbolicTensor], name: str | None,
              bare: Application | None) -> Operator:
    """The applications as one program; `bare` is the one whose first operand keeps its name."""
    names = Names({*sources})
    operands: list[dict[str, str]] = []
    parameters: list[str] = []
    for item in applications:
        missing = tuple(one for one in item.operator.inputs if one not in item.operands)
        new = names.parameters(item.operator, missing, bare=item is bare)
        operands.append(dict(zip(missing, new, strict=True)))
        parameters += new
    finals = output_names(produced(results), names)
    symbols = {one for item in applications for one in item.operator.definition.parameters}
    inputs = (*sources, *parameters)
    check_names(inputs, finals)
    whole = Composition({*inputs, *finals, *symbols})
    values: dict[tuple[Application | None, str], str] = {(None, one): one for one in sources}
    final = {(value.made, value.name): new for value, new in zip(results, finals, strict=True)}
    batch: dict[str, None] = {}
    hidden = itertools.count(1)
    for item, own in zip(applications, operands, strict=True):
        for operand, value in item.operands.items():
            own[operand] = values[value.made, value.name]
        outputs: dict[str, str] = {}
        for output in item.operator.outputs:
            if (item, output) in final:
                outputs[output] = final[item, output]
            else:
                stem = item.operator.name if item.operator.named else f"h{next(hidden)}"
                outputs[output] = names.new(stem)
                whole.taken.add(outputs[output])
            values[item, output] = outputs[output]
        whole.add(item.operator.name, item.operator.definition, own, outputs)
        for operand in item.operator.batch_operands:
            batch[str(whole.tensor(own[operand]).axes[0].stored)] = None
    return Operator(whole.finish(inputs, tuple(finals)), name or ("chain" if bare else "program"),
                    leading(whole, inputs, batch), named=name is not None)


def produced(results: Sequence[SymbolicTensor]) -> list[tuple[Operator, str]]:
    """Which operator made each result, and what it calls it."""
    return [(value.made.operator, value.name) for value in results if value.made is not None]


def _reached(results: Sequence[SymbolicTensor]) -> tuple[Application, ...]:
    """Every application that the results need, in the order in which they were made."""
    found: dict[Application, None] = {}
    waiting = [value.made for value in results]
    while waiting:
        item = waiting.pop()
        if item is not None and item not in found:
            found[item] = None
            waiting += [value.made for value in item.operands.values()]
    return tuple(sorted(found, key=lambda item: item.number))


def _check_rank(operator: Operator, name: str, value: SymbolicTensor) -> None:
    needed = len(operator.definition.tensor(name).axes)
    if value.ndim != needed:
        raise ParameterError(f"{operator.name}: operand {name} needs {needed} axes, but "
                             f"{value.name} has {value.ndim}; give a tensor with {needed}")


def _check_ends(sources: Sequence[object], results: Sequence[object]) -> None:
    for what, given in (("inputs", sources), ("outputs", results)):
        if not given:
            raise ParameterError(f"program: {what} is empty; give at least one symbolic tensor")
        for place, value in enumerate(given):
            if not isinstance(value, SymbolicTensor):
                raise ParameterError(f"program: {what} holds a {type(value).__name__}, but must "
                                     'hold symbolic tensors such as sc.tensor("x", ndim=4)')
            if (value.made is None) != (what == "inputs"):
                raise ParameterError(f"program: {value.name} among the {what} is "
                                     + ("no input made by sc.tensor; give one" if value.made else
                                        "an input itself; apply an operator to it"))
            if value in given[:place]:
                raise ParameterError(f"program: {value.name} stands twice among the {what}; "
                                     "name it once")
    names = [value.name for value in sources if isinstance(value, SymbolicTensor)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise ParameterError(f"program: two inputs have the name {name}; rename one of them")
