"""Names and integer expressions in LaTeX.

Single letters stay as they are, Ho becomes H_{o}, y_at becomes y^{\\mathrm{at}}, other long names
are set upright. A quotient that is known to be exact is printed as one, without the floor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from symconv.gather import is_exact
from symconv.integers import Atom, Element, Extremum, Floor, Int, Monomial
from symconv.ir import Divides, Index, Program, Tensor
from symconv.report.style import PLAIN, Style

_GREEK = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
    "nu", "xi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"))
_PREFIXES = {"d": r"\mathrm{d}%s", "t": r"\dot{%s}", "v": r"\mathrm{v}%s", "g": r"\mathrm{g}%s"}
_NUMBERED = re.compile(r"([A-Za-z])(\d+)")
_CAPITAL = re.compile(r"([A-Z])([A-Za-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Notation:
    """What a reader has seen before: the tensors, and the indices in the order of the source; how
    formulas are written; and how many axes of a Jacobian are those of the output, by its name."""

    tensors: Mapping[str, Tensor]
    reading: tuple[str, ...] = ()
    style: Style = PLAIN
    splits: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def of(program: Program, source: Program | None = None, style: Style = PLAIN,
           splits: Mapping[str, int] | None = None) -> Notation:
        """The notation of a program that was derived from `source`."""
        known: dict[str, Tensor] = {}
        reading: dict[str, None] = {}
        for origin in (program, *(() if source is None else (source,))):
            tensors = (*origin.inputs, *(d.target for d in origin.definitions))
            known.update({tensor.name: tensor for tensor in tensors})
        for definition in (source or program).definitions:
            for indices in (definition.free, *(term.bound for term in definition.terms)):
                reading.update(dict.fromkeys(index.name for index in indices))
        return Notation(known, tuple(reading), style, splits or {})

    def scope(self, indices: Sequence[str], exact: tuple[Divides, ...] = ()) -> Scope:
        """The scope of a formula: indices that the source does not have come first."""
        new = tuple(name for name in indices if name not in self.reading)
        old = tuple(name for name in self.reading if name in indices)
        return Scope(self.tensors, new + old, exact, base=self.style.base)


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean while one formula is printed.

    `order` lists the indices in the order in which monomials show them; `exact` are the
    divisibilities that hold where the formula is read; `display` sets quotients as fractions;
    `base` is what a subscript 0 is printed as.
    """

    tensors: Mapping[str, Tensor]
    order: tuple[str, ...] = ()
    exact: tuple[Divides, ...] = ()
    display: bool = False
    base: int = 0


def name_tex(name: str) -> str:
    """An index, a size or a parameter."""
    if len(name) == 1:
        return name
    if name in _GREEK:
        return f"\\{name}"
    if matched := _NUMBERED.fullmatch(name) or _CAPITAL.fullmatch(name):
        return f"{matched[1]}_{{{matched[2]}}}"
    return upright(name)


def tensor_tex(name: str, tensors: Mapping[str, Tensor]) -> str:
    """A tensor without subscripts; what belongs to its name stands above, not below."""
    if len(name) == 1:
        return name
    prefix, rest = name[0], name[1:]
    if prefix in _PREFIXES and (rest in tensors or (prefix == "d" and len(rest) == 1)):
        return _PREFIXES[prefix] % tensor_tex(rest, tensors)
    if matched := _NUMBERED.fullmatch(name):
        return f"{matched[1]}^{{({matched[2]})}}"
    head, _, tail = name.rpartition("_")
    if len(head) == 1 and tail:
        return f"{head}^{{({tail})}}" if tail.isdigit() else f"{head}^{{{upright(tail)}}}"
    if head and len(tail) == 1:
        return f"{tail}^{{{upright(head)}}}"
    return name_tex(name) if name in _GREEK else upright(name)


def upright(word: str) -> str:
    return r"\mathrm{" + word.replace("_", r"\_") + "}"


def access_tex(tensor: str, subscripts: tuple[Int, ...], scope: Scope) -> str:
    """One element of a tensor."""
    head = tensor_tex(tensor, scope.tensors)
    inline = Scope(scope.tensors, scope.order, scope.exact, base=scope.base)
    places = ",".join(integer_tex(subscript + scope.base, inline) for subscript in subscripts)
    return f"{head}_{{{places}}}" if places else head


def integer_tex(expression: Int, scope: Scope) -> str:
    """An integer expression: positive terms first, those with indices in their order."""
    expression = _folded(expression)
    ranks = {name: rank for rank, name in enumerate(scope.order)}

    def rank(term: tuple[Monomial, int]) -> tuple[bool, int, bool]:
        indices = [ranks[name] for atom in term[0] for name in _leading(atom) if name in ranks]
        return term[1] < 0, min(indices, default=len(ranks)), not term[0]

    ordered = sorted((_ceiled(term, scope) for term in expression.terms),
                     key=lambda item: rank(item[0]))
    shown = ""
    for (monomial, coefficient), ceiling in ordered:
        factors = sorted(monomial, key=lambda atom: ranks.get(atom, -1)
                         if isinstance(atom, str) else len(ranks))
        size = abs(coefficient)
        texts = [_atom_tex(atom, scope, ceiling) for atom in factors]
        product = _juxtaposed(([str(size)] if size != 1 or not texts else []) + texts)
        sign = "-" if coefficient < 0 else "+" if shown else ""
        shown += sign + product
    return shown or "0"


def range_tex(index: Index, scope: Scope) -> str:
    """Which values an index takes."""
    name, extent = name_tex(index.name), integer_tex(index.extent, scope)
    return rf"{scope.base} \le {name} {'<' if scope.base == 0 else chr(92) + 'le'} {extent}"


def factor_tex(expression: Int, scope: Scope) -> str:
    """The expression as a factor of a product: in parentheses where it is a sum."""
    shown = integer_tex(expression, scope)
    return f"({shown})" if len(expression.terms) > 1 or shown.startswith("-") else shown


def _juxtaposed(factors: list[str]) -> str:
    """2, d, a -> 2da; a command name is kept apart from the letter that follows it."""
    shown = ""
    for factor in factors:
        command = re.search(r"\\[A-Za-z]+$", shown) is not None
        shown += f" {factor}" if command else factor
    return shown


def _leading(atom: Atom) -> frozenset[str]:
    """The names by which a monomial finds its place in a sum."""
    match atom:
        case str():
            return frozenset((atom,))
        case Floor(numerator, _):
            return numerator.names()
    return frozenset()


def _folded(expression: Int) -> Int:
    """(u+1)/2 - 1 as (u-1)/2, rounded down or exact, where the constant gets no larger."""
    whole = dict(expression.terms).get((), 0)
    for monomial, coefficient in expression.terms:
        match monomial:
            case (Floor(numerator, denominator) as atom,) if whole and abs(coefficient) == 1:
                step = whole * coefficient * (denominator.constant or 0)
                before = dict(numerator.terms).get((), 0)
                if step and abs(before + step) <= abs(before):
                    folded = Int.atom(Floor(numerator + step, denominator))
                    return expression - whole - coefficient * Int.atom(atom) + coefficient * folded
    return expression


def _ceiled(term: tuple[Monomial, int], scope: Scope) -> tuple[tuple[Monomial, int], bool]:
    """-floor(-K/2) as ceil(K/2): the term with the floor's numerator negated, and True."""
    monomial, coefficient = term
    match monomial:
        case (Floor(numerator, denominator) as atom,) if coefficient < 0:
            named = [c for m, c in numerator.terms if m] or [c for _, c in numerator.terms]
            falling = sum(1 if c < 0 else -1 for c in named)
            if falling > 0 and not is_exact(atom, scope.exact):
                return (((Floor(-numerator, denominator),), -coefficient)), True
    return term, False


def _atom_tex(atom: Atom, scope: Scope, ceiling: bool) -> str:
    match atom:
        case str():
            return name_tex(atom)
        case Floor():
            return _floor_tex(atom, scope, "ceil" if ceiling else "floor")
        case Extremum(kind, arguments):
            return rf"\{kind}({', '.join(integer_tex(part, scope) for part in arguments)})"
        case Element(tensor, subscripts):
            return access_tex(tensor, subscripts, scope)


def _floor_tex(atom: Floor, scope: Scope, kind: str) -> str:
    top, bottom = integer_tex(atom.numerator, scope), integer_tex(atom.denominator, scope)
    exact = kind == "floor" and is_exact(atom, scope.exact)
    if scope.display:
        quotient = rf"\frac{{{top}}}{{{bottom}}}"
        return quotient if exact else rf"\left\l{kind} {quotient} \right\r{kind}"
    quotient = (f"{top if len(atom.numerator.terms) == 1 else f'({top})'}/"
                f"{factor_tex(atom.denominator, scope)}")
    return quotient if exact else rf"\l{kind} {quotient} \r{kind}"
