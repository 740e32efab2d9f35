"""Running the checks of blocks: what does not hold is not printed."""

from __future__ import annotations

from symconv.differentiate import Derived
from symconv.errors import SymconvError
from symconv.glossary import misused
from symconv.notes import checking
from symconv.notes.model import (
    Block,
    Chapter,
    Computed,
    DerivationBlock,
    Example,
    Identity,
    Words,
    once,
)


class NotesError(SymconvError):
    """A line of the notes does not hold, or cannot be printed; the message names it."""


def examine(chapter: Chapter, place: int) -> None:
    """Run the check of a block. NotesError names chapter, line and statement if it fails."""
    block = chapter.blocks[place]
    where = f"chapter {chapter.number}, block {place + 1} ({summary(block)})"
    for words in _words(block):
        for wrong, right in misused(words.zh):
            raise NotesError(f"{where}: the Chinese text says {wrong}; the glossary has {right}")
    try:
        problem = _problem(block)
    except Exception as error:      # a check is any function: however it stops, the line is named
        raise NotesError(f"{where}: its check stopped with {type(error).__name__}: {error}"
                         ) from error
    if problem:
        raise NotesError(f"{where}: {problem}")


def summary(block: Block) -> str:
    """A block in a few words."""
    for name in ("words", "latex", "caption", "asked", "said", "text"):
        found = getattr(block, name, None)
        if isinstance(found, Words):
            found = found.en
        if isinstance(found, str):
            return f"{type(block).__name__}: {found[:60]}"
    return type(block).__name__


def derived(block: DerivationBlock) -> Derived:
    """The derivation that a block shows, unsolved; `report` solves it in its last step."""
    operator = block.operator().for_shapes(block.shapes)
    match block.kind:
        case "vjp":
            return operator.vjp(*block.wrt).derived
        case "jvp":
            return operator.jvp().derived
        case "jacobian":
            (wrt,) = block.wrt
            return operator.jacobian(wrt).derived


def _problem(block: Block) -> str:
    """Why a block does not hold; empty where it does."""
    match block:
        case DerivationBlock():
            return _derivation_problem(block)
        case Computed():
            return "" if _is_computed(block) else "the interpreter does not agree with `against`"
        case Identity():
            sides = once(block.sides)
            if len(sides) < 2:
                return "" if block.check is not None and block.check() is True else \
                    "one side alone needs a check that holds"
            if not checking.identity(*sides):
                return "the sides are not the same"
            return "" if block.check is None or block.check() is True else "its check failed"
        case Example():
            return _example_problem(block)
    check = getattr(block, "check", None)
    if check is None:
        return ""
    outcome = check()
    return "" if outcome is True else f"its check returned {outcome!r}, not True"


def _derivation_problem(block: DerivationBlock) -> str:
    from symconv.confirmation import refuted_step
    from symconv.gather import solved

    found = refuted_step(solved(derived(block)), block.shapes, block.params)
    return "" if found is None else (f"evaluation does not confirm the step {found.rule!r} of "
                                     f"{', '.join(found.changed)}")


def _is_computed(block: Computed) -> bool:
    operator = block.operator().for_shapes(block.shapes)
    for seed in range(checking.TRIALS):
        inputs = checking.sample(operator.definition, block.shapes, seed, block.params)
        value = checking.run(operator, block.params, **inputs)
        if not checking.same(value, block.against(**inputs)):
            return False
    return True


def _example_problem(block: Example) -> str:
    values = once(block.values)
    for name, wanted in block.expected.items():
        if name not in values:
            return f"<<{name}>> is expected but not computed"
        if not checking.same(values[name], wanted):
            return f"<<{name}>> is {values[name]!r}, but {wanted!r} is expected"
    return "" if block.expected else "an example without an expected value proves nothing"


def _words(block: Block) -> tuple[Words, ...]:
    found: list[Words] = []
    for name in ("words", "caption", "asked", "answer", "said", "refuted", "latex"):
        value = getattr(block, name, None)
        found += [value] if isinstance(value, Words) else \
            [item for item in value if isinstance(item, Words)] if isinstance(value, tuple) else []
    return tuple(found)
