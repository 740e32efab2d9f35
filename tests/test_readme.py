"""README.md shows what really happens: every example in it is run."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from symconv.cli import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tour_in_python_prints_what_it_shows():
    found = doctest.DocTestParser().get_doctest(README, {}, "README.md", "README.md", 0)
    assert len(found.examples) > 10
    told = []
    doctest.DocTestRunner().run(found, out=told.append)
    assert not told, "".join(told)


def commands():
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for example in block.split("$ ")[1:]:
            command, _, output = example.partition("\n")
            yield command, output


@pytest.mark.parametrize(("command", "output"), [*commands()], ids=lambda text: text.split("\n")[0])
def test_commands_print_what_is_shown(command, output, capsys):
    program, *arguments = shlex.split(command)
    assert program == "symconv"
    assert run(arguments) == 0
    assert capsys.readouterr().out == output


def test_files_named_in_contributing_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:symconv|tests|templates|generated)/[\w./]*)`", text):
        assert (ROOT / name).exists(), name
