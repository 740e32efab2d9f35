"""Chains of operators: the output of each is the first operand of the next.

An operator for any number of axes (`OpenRank`) stays open in a chain; the chain is composed once
that number is known. A chain that grows is not composed again: the next operator is added to it.
"""

from __future__ import annotations

from dataclasses import replace

from symconv.compose import Composition
from symconv.errors import ParameterError
from symconv.graph import Application, SymbolicTensor, apply, composed, leading, produced
from symconv.ir import Program
from symconv.names import global_names
from symconv.operands import Names, check_names, output_names
from symconv.operator import OpenRank, Operator


def chain(first: Operator, second: Operator) -> Operator:
    """second(first(...)): the output of the one is the first operand of the other."""
    if len(first.outputs) > 1:
        raise ParameterError(f"{first.name} >> {second.name}: {first.name} has the outputs "
                             f"{', '.join(first.outputs)}, but a chain takes one; apply the "
                             "operators to symbolic tensors")
    if isinstance(first.source, Program):
        whole = first if first.links else _alone(first)
        for link in second.links or (second,):
            whole = _extended(whole, link)
        return whole
    links = (*(first.links or (first,)), *(second.links or (second,)))
    names = Names(set())
    operands = names.parameters(links[0], links[0].inputs, bare=True)
    for link in links[1:]:
        operands += names.parameters(link, link.inputs[1:])
    ranked = first.source.ranked or first.source.inputs
    leading = ranked if first.links else tuple(
        new for old, new in zip(first.inputs, operands, strict=False) if old in ranked)

    def make(rank: int) -> Program:
        return chain(links[0].with_rank(rank), replace(second, links=links[1:])).definition

    return Operator(OpenRank(make, operands, ("y",), first.source.least, leading), name="chain",
                    links=links)


def _alone(operator: Operator) -> Operator:
    """A chain of one operator."""
    made = Application(operator, {})
    (name,) = operator.outputs
    value = SymbolicTensor(name, len(operator.definition.tensor(name).axes), made)
    return replace(composed((), (made,), (value,), None, made), links=(operator,))


def _extended(first: Operator, link: Operator) -> Operator:
    """A chain with one operator more; what is there already is not composed again."""
    program = first.definition
    last = first.links[-1]
    made = Application(first, {})
    value = SymbolicTensor("y", len(program.tensor("y").axes), made)
    result = apply(link, (value,), {})
    results = result if isinstance(result, tuple) else (result,)
    ready = results[0].made.operator if results[0].made is not None else link
    names = Names(global_names(program))
    middle = names.new(last.name if last.named else f"h{len(first.links)}")
    new = names.parameters(ready, ready.inputs[1:])
    names.taken.discard("y")
    finals = output_names(produced(results), names)
    inputs = (*first.inputs, *new)
    check_names(inputs, finals)
    whole = Composition.of(program, {"y": middle}, {*new, *finals, *ready.definition.parameters})
    own = dict(zip(ready.inputs, (middle, *new), strict=True))
    whole.add(ready.name, ready.definition, own,
              dict(zip(ready.outputs, finals, strict=True)))
    leads = [whole.tensor(one).axes[0].stored for one in
             (*first.batch_operands, *(own[one] for one in ready.batch_operands))]
    return Operator(whole.finish(inputs, tuple(finals)), "chain", leading(
        whole, inputs, {str(stored): None for stored in leads}), links=(*first.links, link))
