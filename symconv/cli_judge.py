"""`symconv judge`: does a claimed gradient equal the derived one?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from symconv import cli_options as options
from symconv.errors import ParameterError

_RANK = 2               # of an operator for any number of axes, where the claim has none of its own


@click.command("judge", cls=options.Words, context_settings=options.OPEN)
@click.argument("file", metavar="FILE.sym")
@click.argument("words", nargs=-1, metavar="[PARAMETERS]", type=click.UNPROCESSED)
@click.option("--against", required=True, metavar="OP", help="The operator that is differentiated.")
@click.option("--wrt", required=True, metavar="OPERAND",
              help="The operand whose gradient is claimed.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="A parameter of FILE.sym, or of OP where that is a .sym file.")
def judge_command(file: str, words: Sequence[str], against: str, wrt: str,
                  settings: Sequence[str]) -> int:
    """Hold the gradient that FILE.sym claims against the derived one.

    FILE.sym defines dx (d<operand>) from dy (d<output>) and the operands of OP. Both are evaluated
    exactly at several sizes; a line is printed for each, with the smallest counterexample found
    where they differ.
    """
    from symconv.invocation import definition_text, operator_for, parameters
    from symconv.judging import judgements
    from symconv.language.reader import parse
    from symconv.terminal import working

    given = parameters(settings)
    claimed = definition_text(Path(file))
    texts = [claimed]
    if against.endswith(".sym"):
        texts.append(definition_text(Path(against)))
    for name in given:
        if not any(_names(text, name) for text in texts):
            raise ParameterError(f"--set {name}: neither definition has this name; leave it out")
    own = [setting for setting in settings
           if len(texts) > 1 and _names(texts[1], setting.partition("=")[0])]
    operator = operator_for(against, words, own)
    claim = parse(claimed, {name: value for name, value in given.items()
                            if _names(claimed, name)}, allow_derived_names=True)
    ranks = {tensor.name: (1,) * len(tensor.axes) for tensor in claim.inputs
             if tensor.name in operator.inputs}
    operator = operator.for_shapes(ranks) if ranks else operator.with_rank(_RANK)
    count = 0
    with working(f"judging d{wrt} of {operator.name}"):
        found = list(judgements(operator, wrt, claim))
    for item in found:
        sizes = ", ".join(f"{name}={value}" for name, value in item.sizes.items()) or "no sizes"
        options.say(f"{'equal':<10}  {sizes}\n" if not item.difference
                    else f"{'NOT EQUAL':<10}  {sizes}: {item.difference}\n")
        count += not item.difference
    if count < len(found):
        shapes = ", ".join(f"{name} {shape}" for name, shape in found[-1].shapes.items())
        options.say(f"the claimed d{wrt} is not the gradient of {operator.name}; smallest "
                    f"counterexample: {found[-1].difference}, for {shapes}\n")
        return 1
    options.say(f"the claimed d{wrt} equals the derived one of {operator.name} "
                f"at all {count} sizes\n")
    return 0


def _names(text: str, name: str) -> bool:
    """Whether a name occurs in a text."""
    return re.search(rf"\b{re.escape(name)}\b", text) is not None
