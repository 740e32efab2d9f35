"""What the names of a program mean: operands and targets, sizes, parameters, indices."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from symconv.errors import ParseError
from symconv.integers import Int
from symconv.ir import Kind
from symconv.language.names import RESERVED
from symconv.language.source import Source

Value: TypeAlias = int | Fraction | str


@dataclass(slots=True)
class Shape:
    """A tensor while its extents are being found: None is an extent not known yet.

    `groups` has the number of logical axes of each stored axis; None in `stored` means the
    product of the logical extents.
    """

    name: str
    kind: Kind
    groups: tuple[int, ...]
    logical: list[Int | None]
    stored: list[Int | None]
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Scope:
    """The indices that may be used at a place: name in the text -> variable of the statement.

    `statement` holds every index name of the statement, bound elsewhere or not.
    """

    indices: Mapping[str, str]
    statement: frozenset[str] = frozenset()


OUTSIDE = Scope({})


@dataclass(slots=True)
class Environment:
    """The names of one program, filled while its statements are read in order."""

    source: Source
    given: Mapping[str, Value]
    integers: frozenset[str]                 # undeclared operands read as integers
    targets: frozenset[str]                  # everything that some statement defines
    size_nodes: Mapping[str, ast.AST]        # names of Ho = ... statements
    indices: set[str]                        # every name that some statement binds
    ranged: frozenset[str]                   # names with a line i < ...
    tensors: dict[str, Shape] = field(default_factory=dict)
    parameters: dict[str, None] = field(default_factory=dict)    # names used as parameters
    symbols: dict[str, ast.AST] = field(default_factory=dict)    # those left symbolic
    used_sizes: dict[str, ast.AST] = field(default_factory=dict)
    where: dict[tuple[str, tuple[Int, ...]], ast.AST] = field(default_factory=dict)
    # where the reads of the current statement stand

    def error(self, node: ast.AST, what: str, rule: str, remedy: str) -> ParseError:
        return self.source.error(node, what, rule, remedy)

    def lookup(self, node: ast.Name, scope: Scope) -> Int | Fraction | Shape:
        """The meaning of a name: an index, a tensor, a size, or a parameter and its value."""
        name = node.id
        if name in scope.indices:
            return Int.of(scope.indices[name])
        if name in self.tensors:
            return self.tensors[name]
        if name in self.targets:
            raise self.undefined(node, name)
        if name in RESERVED:
            raise self.error(node, f"'{name}' is a function and needs its argument",
                             "functions are called, reductions bind indices",
                             f"write {name}(...) or choose another name")
        if name in scope.statement:
            raise self.error(node, f"index {name} is used outside its reduction",
                             "an index on the left is known in the whole statement, a bound one "
                             "inside its reduction", f"move it inside, or put {name} on the "
                             "left")
        if name in self.size_nodes:
            return self._size(node)
        self.parameters[name] = None
        value = self.given.get(name)
        if isinstance(value, str):
            self.symbols.setdefault(value, node)
            return Int.of(value)
        if value is not None:
            return Int.of(value) if isinstance(value, int) else value
        del self.parameters[name]
        if name[0].isupper():
            return self._size(node)
        if name in self.ranged:
            raise self.unbound(node, name)
        self.parameters[name] = None
        self.symbols.setdefault(name, node)
        return Int.of(name)

    def undefined(self, node: ast.AST, name: str) -> ParseError:
        """A target is read before the statement that defines it, or by itself."""
        return self.error(node, f"{name} is used before it is defined",
                          "statements define their targets in order, and none reads itself",
                          f"move the statement {name}... = ... above this one")

    def unbound(self, node: ast.AST, name: str) -> ParseError:
        """An index that is neither on the left nor bound."""
        return self.error(node, f"index {name} is neither on the left nor bound by a reduction",
                          "every index stands on the left or in sum[...], max[...], min[...] or "
                          "mean[...]; other lower-case names are parameters",
                          f"add {name} on the left, write sum[{name}](...), or give {name} a "
                          f"value as a parameter (in the text: +{name})")

    def _size(self, node: ast.Name) -> Int:
        self.used_sizes.setdefault(node.id, node)
        return Int.of(node.id)
