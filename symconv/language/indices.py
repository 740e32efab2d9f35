"""The indices of a statement: which are bound where, and how they are told apart.

One statement may use a name in several reductions: sum[a](..) * sum[a](..). Each of them binds a
variable of its own, under a key that no name of a text equals.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symconv.language.environment import Environment, Scope
from symconv.language.names import RESERVED
from symconv.language.scalars import is_reduction
from symconv.language.syntax import elements


class Indices:
    """The variables of one statement in the order of the text: `names` gives the name of each in
    the text, `places` where it is bound."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.names: dict[str, str] = {}
        self.places: dict[str, ast.AST] = {}

    def bind(self, nodes: Sequence[ast.expr], scope: Scope) -> tuple[tuple[str, ...], Scope]:
        """New variables, on the left or in a reduction, and the scope in which they are known."""
        keys: list[str] = []
        for node in nodes:
            keys.append(self._bound(node, scope))
            scope = Scope({**scope.indices, self.names[keys[-1]]: keys[-1]}, scope.statement)
        return tuple(keys), scope

    def unbound(self, node: ast.expr, scope: Scope) -> list[ast.Name]:
        """What a reduction without [ ] binds: names alone on an axis, or with an extent."""
        env = self._env
        known = {*scope.indices, *env.given, *env.tensors, *env.targets, *RESERVED}
        found: dict[str, ast.Name] = {}

        def visit(part: ast.AST, hidden: frozenset[str], alone: bool) -> None:
            match part:
                case ast.Name(id=name):
                    if (alone or name in env.ranged) and name not in hidden | known \
                            and not name[0].isupper():
                        found.setdefault(name, part)
                case ast.Subscript(slice=inside):
                    for place in elements(inside):
                        for element in elements(place):
                            visit(element, hidden, True)
                case ast.Call(func=func, args=arguments):
                    if isinstance(func, ast.Subscript):
                        hidden |= {n.id for n in elements(func.slice) if isinstance(n, ast.Name)}
                    elif is_reduction(part):
                        return
                    for argument in arguments:
                        visit(argument, hidden, False)
                case _:
                    for child in ast.iter_child_nodes(part):
                        visit(child, hidden, False)

        visit(node, frozenset(), False)
        return list(found.values())

    def _bound(self, node: ast.expr, scope: Scope) -> str:
        """A new index, at its place on the left or in a reduction."""
        error = self._env.error
        if not isinstance(node, ast.Name):
            raise error(node, "an index is a plain name here", "the left side and the brackets of "
                        "a reduction list index names", "put the expression into a subscript on "
                        "the right: y[i] = ... x[2*i] ...")
        name = node.id
        if name[0].isupper() or name in RESERVED:
            raise error(node, f"{name} cannot be an index", "indices are lower-case; upper-case "
                        "names are sizes, and functions keep their names", "rename the index")
        if name in self._env.tensors or name in self._env.targets:
            raise error(node, f"{name} is an index and an array",
                        "all names of a program are distinct", "rename the index")
        if name in scope.indices:
            raise error(node, f"index {name} stands here twice", "every index is bound once: on "
                        "the left, or by one reduction around its uses", f"rename one of them; "
                        f"for a diagonal write y[{name}] = x[{name},{name}]")
        count = 1
        while (key := f"{name}#{count}") in self.names:     # no symbol has such a name
            count += 1
        self.names[key] = name
        self._env.indices.add(name)
        self.places[key] = node
        return key
