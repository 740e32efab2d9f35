"""What stands above an emitted function: formula, shapes, proof status, tie and NaN rules.

The formula is the derived definition itself, in the definition language; both targets print it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from symconv.absence import refusal
from symconv.integers import text
from symconv.ir import Definition, Program, Tensor
from symconv.prove import proof_status
from symconv.text import definition_text

_WIDTH = 92
_TIES = {"first": "the first of equal values wins; the first NaN counts as the extremum",
         "last": "the last of equal values wins; the first NaN counts as the extremum",
         "even": "equal values share the derivative evenly; "
                 "NaNs count as the extremum, and as equal"}


def shape_text(tensor: Tensor) -> str:
    """x (N, C, H, W): the stored axes of an operand or result."""
    return f"{tensor.name} ({', '.join(text(axis.stored) for axis in tensor.axes)})"


def size_comment(program: Program) -> list[str]:
    """Ho = (H + 2)//2: one line per derived size, with Python's flooring division."""
    return [f"{size.name} = {text(size.value)}" for size in program.sizes if size.value is not None]


def pass_comment(program: Program) -> list[str]:
    """The definitions that a pass computes, wrapped, and the rules at kinks where it has any.

    Nothing in the lines ends a C comment.
    """
    lines: list[str] = []
    for definition in program.definitions:
        lines += _formula(definition)
    arguments = ", ".join(shape_text(tensor) for tensor in program.inputs)
    results = ", ".join(shape_text(program.tensor(name)) for name in program.outputs)
    lines += textwrap.wrap(f"Shapes: {arguments} -> {results}", _WIDTH, subsequent_indent="    ")
    return [*map(_harmless, lines), *rule_comment(program)]


def rule_comment(program: Program) -> list[str]:
    """The proof status of a pass, what it refuses, and its rules at kinks."""
    lines = textwrap.wrap(f"Proof: {proof_status(program)}", _WIDTH, subsequent_indent="    ")
    for lacking in filter(None, map(refusal, program.definitions)):
        lines += textwrap.wrap(f"Refused: {lacking}.", _WIDTH, subsequent_indent="    ")
    rules = {d.ties for d in program.definitions if d.reduction != "sum"}
    lines += [f"Ties: {said}." for rule, said in _TIES.items() if rule in rules]
    return [_harmless(line) for line in lines]


def shared_comment(absent: str) -> list[str]:
    """What a function does whose results may be `absent`, and what it keeps."""
    return [f"A result {absent} is left out, with all that it alone needs. What a wanted",
            "result reads of the forward pass is computed once and kept until the call ends (of a",
            'maximum with ties "first" or "last" that is its place); nothing is computed again.']


def entry_comment(program: Program, output: str, called: str, rules: Sequence[str]) -> list[str]:
    """The definition of one result of a pass, its shapes, which function computes it, and the
    `rule_comment` of that."""
    arguments = ", ".join(shape_text(tensor) for tensor in program.inputs)
    lines = [f"{output} alone, by {called}, where its other names are defined:",
             *_formula(program.definition(output))]
    lines += textwrap.wrap(f"Shapes: {arguments} -> {shape_text(program.tensor(output))}", _WIDTH,
                           subsequent_indent="    ")
    return [*map(_harmless, lines), *rules]


def _formula(definition: Definition) -> list[str]:
    return textwrap.wrap(definition_text(definition), _WIDTH, subsequent_indent="    ",
                         break_long_words=False, break_on_hyphens=False)


def _harmless(line: str) -> str:
    return line.replace("*/", "* /").replace("??/", "? ?/")
