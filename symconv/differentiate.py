"""Jacobian, JVP and VJP of programs, by one rule.

The derivative of an access is a Kronecker delta, d x[f(r)] / d x[q] = [f(r) = q], which adds
rows to the relation; the derivative of a scalar body is SymPy's (`calculus`). Reverse mode walks
the definitions backwards and adds up (`reverse`), forward mode walks them forwards. The result
is a program again and can be differentiated again.

    vjp        dx[q]    = sum over F and the relation of  dy[F] * (d body / d x[f]) * [q = f]
    jvp        ty[F]    = sum over the relation of        tx[f] * (d body / d x[f])
    jacobian   J[F; q]  = sum over the relation of        (d body / d x[f]) * [q = f]

Maxima enter as sums with a frozen selector (`selectors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from symconv.calculus import derivative
from symconv.errors import ParameterError
from symconv.ir import Access, Definition, Program, Tensor, Term
from symconv.names import fresh, global_names, names_of, rename_free
from symconv.relation import contract
from symconv.reverse import Adjoints, backward, backward_rows
from symconv.rewrite import accesses
from symconv.selectors import select
from symconv.tidy import live, times

Kind: TypeAlias = Literal["vjp", "jvp", "jacobian"]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation: `rule` wrote the definitions named in `changed`.

    `program` is the whole program after the rule. Rules: "definition" (the source), "selector"
    (a maximum as a sum), "chain" (the derivative, deltas written out), "contract" (deltas of
    plain indices removed), "tangent". Only "chain" and "tangent" change what is computed.
    """

    rule: str
    program: Program
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived:
    """A derivative of `source`, and the steps by which it follows; the last step's program is the
    `result`."""

    source: Program
    kind: Kind
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Program


def differentiable(program: Program) -> tuple[str, ...]:
    """The inputs that have a gradient: the real ones, in order."""
    return tuple(tensor.name for tensor in program.inputs if tensor.kind == "real")


def real_outputs(program: Program) -> tuple[str, ...]:
    """The outputs that have a cotangent: the real ones, in order."""
    return tuple(name for name in program.outputs if program.tensor(name).kind == "real")


def vjp(program: Program, wrt: Iterable[str] | None = None,
        cotangents: Mapping[str, str] | None = None,
        gradients: Mapping[str, str] | None = None) -> Derived:
    """The gradients of sum over outputs of <d<output>, output> with respect to `wrt`.

    The result has the inputs d<output>..., then those of the program, and the outputs
    d<operand>. `cotangents` and `gradients` choose other names; a name that is taken gets a
    number. Raises ParameterError where a name in `wrt` is no real input.
    """
    names = differentiable(program) if wrt is None else tuple(wrt)
    _check(program, names)
    source = select(program)
    used = names_of(source)
    seeds = {name: (cotangents or {}).get(name) or fresh(f"d{name}", used)
             for name in real_outputs(source)}
    wanted = {name: (gradients or {}).get(name) or f"d{name}" for name in names}
    inputs = tuple(Tensor(seed, source.tensor(name).axes) for name, seed in seeds.items())
    return _contracted("vjp", program, source, names, inputs,
                       backward(source, names, seeds, wanted))


def jacobian(program: Program, wrt: str) -> Derived:
    """J[output axes, operand axes] of the only real output, as the output "J".

    Raises ParameterError where there are several real outputs or `wrt` is no real input.
    """
    _check(program, (wrt,))
    outputs = real_outputs(program)
    if len(outputs) != 1:
        raise ParameterError(f"a Jacobian is of one real output, and this program has "
                             f"{len(outputs)} ({', '.join(outputs)}): `return` one of them")
    source = select(program)
    return _contracted("jacobian", program, source, (wrt,), (),
                       backward_rows(source, wrt, outputs[0], "J"))


def jvp(program: Program) -> Derived:
    """The tangents t<output> of the outputs for tangents t<operand> of every real input.

    The result has the inputs t<operand>..., then those of the program.
    """
    source = select(program)
    used = names_of(source)
    tangents = {name: fresh(f"t{name}", used) for name in differentiable(program)}
    inputs = tuple(replace(tensor, name=tangents[tensor.name])
                   for tensor in program.inputs if tensor.kind == "real")
    definitions = list(source.definitions)
    for definition in source.definitions:
        name = definition.target.name
        if definition.target.kind != "real":
            continue
        terms = () if definition.frozen else _tangents(definition, tangents)
        if terms or name in source.outputs:
            tangents[name] = fresh(f"t{name}", used)
            target = replace(definition.target, name=tangents[name])
            definitions.append(replace(definition, target=target, terms=terms, frozen=False))
    result = live(replace(source, inputs=inputs + program.inputs, definitions=tuple(definitions),
                          outputs=tuple(tangents[name] for name in real_outputs(source))))
    steps = (*_opening(program, source), Step("tangent", result, _new(source, result)))
    return Derived(program, "jvp", differentiable(program), steps, result)


def _tangents(definition: Definition, tangents: Mapping[str, str]) -> tuple[Term, ...]:
    """sum over every read x[f] of tx[f] * d body / d x[f], over the same relation."""
    terms = []
    for term in definition.terms:
        for access in accesses(term.body):
            slope = derivative(term.body, access) if access.tensor in tangents else None
            if slope is not None:
                tangent = Access(tangents[access.tensor], access.subscripts)
                terms.append(replace(term, body=times(tangent, slope)))
    return tuple(terms)


def _contracted(kind: Kind, program: Program, source: Program, wrt: tuple[str, ...],
                inputs: tuple[Tensor, ...], adjoints: Adjoints) -> Derived:
    """Record the adjoints as they came, then with the deltas of plain indices contracted."""
    chain = live(replace(source, inputs=inputs + program.inputs, outputs=adjoints.gradients,
                         definitions=adjoints.definitions))
    taken = global_names(chain)
    definitions = []
    for definition in chain.definitions:
        if definition.target.name in adjoints.wishes:
            terms = tuple(contract(term, definition.free, lambda name: chain.tensor(name).logical)
                          for term in definition.terms)
            definition = rename_free(replace(definition, terms=terms),
                                     adjoints.wishes[definition.target.name], taken)
        definitions.append(definition)
    result = replace(chain, definitions=tuple(definitions))
    new = _new(source, chain)
    steps = (*_opening(program, source), Step("chain", chain, new), Step("contract", result, new))
    return Derived(program, kind, wrt, steps, result)


def _opening(program: Program, source: Program) -> tuple[Step, ...]:
    first = Step("definition", program, tuple(d.target.name for d in program.definitions))
    if source == program:
        return (first,)
    rewritten = tuple(d.target.name for d in source.definitions if d not in program.definitions)
    return first, Step("selector", source, rewritten)


def _new(source: Program, derived: Program) -> tuple[str, ...]:
    known = {definition.target.name for definition in source.definitions}
    return tuple(d.target.name for d in derived.definitions if d.target.name not in known)


def _check(program: Program, wrt: tuple[str, ...]) -> None:
    known = differentiable(program)
    for name in wrt:
        if name not in known:
            raise ParameterError(f"wrt={name!r} is not a differentiable operand; "
                                 f"choose among: {', '.join(known) or 'none'}")
