"""Long passes in C: a function for each definition.

A compiler's time grows with the square of the length of a function, and its care falls. So a pass
of more than MOST definitions calls a function for each, which must not be inlined. There the
intermediates are arguments, which `restrict` keeps apart, as it does those of the pass.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from symconv.loops import Node, Routine, Stenciled

MOST = 8
_WIDTH = 92


@dataclass(slots=True)
class Parts:
    """The functions of one pass.

    `spell` gives the lines of nodes, `tokens` the words of lines. What they use becomes arguments:
    `integers`, and `arrays`, which are tensors and buffers with the type that they point to.
    `lines` are the functions, of which there are `count`.
    """

    kernel: str
    routine: Routine
    spell: Callable[[Sequence[Node]], Iterator[str]]
    tokens: Callable[[Sequence[str]], set[str]]
    integers: Sequence[str]
    arrays: Mapping[str, str]
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def body(self) -> Iterator[str]:
        """The lines of the pass, under a test where results that nobody wants need them."""
        routine = self.routine
        apart = len(routine.program.definitions) > MOST
        guards = routine.guards or (None,) * len(routine.body)
        items = list(zip(guards, routine.owners or ("",) * len(routine.body), routine.body,
                         strict=True))
        for guard, group in groupby(items, lambda item: item[0]):
            inside: list[str] = []
            for owner, owned in groupby(group, lambda item: item[1] if apart else ""):
                nodes = [node for _, _, node in owned]
                inside += self._call(owner, nodes) if apart else self.spell(nodes)
            yield from inside if guard is None else (
                f"if ({guard}) {{", *(f"    {line}" for line in inside), "}")

    def _call(self, owner: str, nodes: Sequence[Node]) -> list[str]:
        """The call of the function of a definition, which is added to the lines."""
        self.count += 1
        name = f"{self.kernel}_part_{self.routine.name}_{self.count}"
        lines = list(self.spell(nodes))
        refuses = any(line.lstrip().startswith("return ") for line in lines)
        used = self.tokens(lines)
        written = {owner, *(node.plan.places for node in nodes if isinstance(node, Stenciled)),
                   *(node.plan.value for node in nodes if isinstance(node, Stenciled))}
        tensors = {t.name for t in (*self.routine.program.inputs,
                                    *(d.target for d in self.routine.program.definitions))}
        arguments = {one: f"ptrdiff_t {one}" for one in self.integers if one in used}
        for one, kind in self.arrays.items():
            if one in used:
                constant = "const " if one in tensors and one not in written else ""
                arguments[one] = f"{constant}{kind} *restrict {one}"
        head = f"static {self.kernel}_APART {'int' if refuses else 'void'} {name}"
        self.lines += ["", f"/* {owner} of {self.kernel}_{self.routine.name} */",
                       *_wrapped(head, arguments.values(), ""), "{",
                       *(f"    {line}" for line in lines),
                       *(["    return 0;"] if refuses else []), "}"]
        if not refuses:
            return _wrapped(name, arguments, ";")
        return ["{", *(f"    {line}" for line in (
            *_wrapped(f"const int code = {name}", arguments, ";"), "if (code) {",
            "    return code;", "}")), "}"]


def _wrapped(head: str, arguments: Iterable[str], end: str) -> list[str]:
    """A call or a declaration, broken between arguments."""
    whole = f"{head}({', '.join(arguments)}){end}".replace(", ", ",\0").replace(" ", "\1")
    return [line.replace("\1", " ") for line in textwrap.wrap(
        whole.replace("\0", " "), _WIDTH, subsequent_indent="    ", break_long_words=False,
        break_on_hyphens=False)]
