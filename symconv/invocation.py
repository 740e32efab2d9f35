"""Operators as they are named on the command line.

OP is a name of the catalogue or a `.sym` file. What follows it are the operator's parameters,
spelled as in Python with dashes:

    conv2d --stride 2,1 --padding 1:2,0:0 --padding-mode reflect --no-bias --kernel-size 3

A comma separates axes, a colon the low and the high side of one axis, `none` is None, and a word
is a word of the operator or a name that stays symbolic. For a `.sym` file, `--set s=2` gives a
parameter its value.
"""

from __future__ import annotations

import inspect
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias

from symconv.errors import ParameterError, ParseError
from symconv.language.names import kernel_fault
from symconv.operator import Operator

Symbols: TypeAlias = Literal["all", "needed", "none"]

_MOST_BYTES = 400_000       # of a .sym file: a definition of the greatest length in any alphabet


def operator_for(op: str, words: Sequence[str], settings: Sequence[str] = (),
                 symbols: Symbols = "none") -> Operator:
    """The operator that a command names.

    `words` are the parameters as typed, `settings` the texts of --set. What is not given takes
    its default; with `symbols` "needed" a parameter without one becomes a symbol, with "all" so
    do stride, padding and dilation, where the operator takes symbols there.
    """
    if op.endswith(".sym"):
        if words:
            raise ParameterError(f"{words[0]}: a .sym file takes its parameters as --set s=2")
        return _from_file(Path(op), settings)
    from symconv.operators.catalogue import entry, symbolic_defaults

    found = entry(op)
    if settings:
        raise ParameterError(f"--set {settings[0]}: this is for .sym files; the parameters of "
                             f"{op} are {_options(found.signature)}")
    given = arguments(op, found.signature, words)
    general = {} if symbols == "none" else symbolic_defaults(op)
    defaults = found.signature.parameters
    needed = {name: value for name, value in general.items()
              if name == "ndim" or defaults[name].default is inspect.Parameter.empty}
    if symbols == "all":
        with suppress(ParameterError):          # such as a stride beside padding "same"
            return _make(op, found.make, {**general, **given})
    return _make(op, found.make, {**needed, **given})


def arguments(op: str, signature: inspect.Signature, words: Sequence[str]) -> dict[str, Any]:
    """The keyword arguments that words such as --stride 2 --no-bias stand for."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        option, equals, text = word.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or not name:
            raise ParameterError(f"{word!r}: an option such as --stride is expected here; "
                                 f"{op} has {_options(signature)}")
        negated = name not in signature.parameters and name.startswith("no_")
        name = name.removeprefix("no_") if negated else name
        parameter = signature.parameters.get(name)
        if parameter is None:
            raise ParameterError(f"{op} has no parameter {option}; it has {_options(signature)}")
        if name in found:
            raise ParameterError(f"{option} is given twice; give it once")
        if isinstance(parameter.default, bool) and not equals:
            found[name] = not negated
        elif negated:
            raise ParameterError(f"{option}: {name} is no switch; give it a value, as in "
                                 f"--{name.replace('_', '-')} 1")
        else:
            if not equals:
                if not rest or rest[0].startswith("--"):
                    raise ParameterError(f"{option} needs a value, as in {option} 1")
                text = rest.pop(0)
            found[name] = value(text)
    return found


def value(text: str) -> Any:
    """A parameter's value: a number, a word, a tuple of them, or a tuple of (low, high) pairs."""
    plain = text.strip()
    if "," not in plain and ":" not in plain:
        return _atom(plain)
    items = [item.strip() for item in plain.removesuffix(",").split(",")]
    if not any(":" in item for item in items):
        return tuple(_atom(item) for item in items)
    pairs = [item.split(":") for item in items]
    if any(len(pair) != 2 for pair in pairs):
        raise ParameterError(f"{text!r}: low:high is needed for every axis, as in 1:2,0:0")
    return tuple((_atom(low), _atom(high)) for low, high in pairs)


def shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Operand -> shape, from texts such as x=1,3,8,8; a scalar is x= alone."""
    found: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, equals, extents = text.partition("=")
        try:
            shape = tuple(int(extent) for extent in extents.split(",") if extents.strip())
        except ValueError:
            equals = ""
        if not equals or not name.isidentifier():
            raise ParameterError(f"--shape {text}: write the operand and its extents, as in "
                                 "--shape x=1,3,8,8")
        if name in found:
            raise ParameterError(f"--shape gives {name} twice; give it once")
        found[name] = shape
    return found


def _atom(text: str) -> Any:
    for read in (int, float):
        with suppress(ValueError):
            return read(text)
    with suppress(ValueError, ZeroDivisionError):
        return Fraction(text)
    words: Mapping[str, Any] = {"none": None, "true": True, "false": False}
    return words.get(text.lower(), text)


def _make(op: str, make: Callable[..., Operator], given: Mapping[str, Any]) -> Operator:
    signature = inspect.signature(make)
    missing = [name for name, parameter in signature.parameters.items()
               if parameter.default is inspect.Parameter.empty and name not in given]
    if missing:
        flag = f"--{missing[0].replace('_', '-')}"
        raise ParameterError(f"{op} needs {flag}; give it, as in {flag} 2")
    return make(**given)


def _options(signature: inspect.Signature) -> str:
    shown = []
    for name, parameter in signature.parameters.items():
        flag = name.replace("_", "-")
        shown.append(f"--no-{flag}" if parameter.default is True else f"--{flag}")
    return ", ".join(shown) or "no parameters"


def _from_file(path: Path, settings: Sequence[str]) -> Operator:
    from symconv.operator import parse

    return parse(definition_text(path), parameters(settings), name=path.stem
                 if kernel_fault(path.stem) is None else "definition")


def parameters(settings: Sequence[str]) -> dict[str, int | float | Fraction | str]:
    """Name -> value, from the texts of --set."""
    params: dict[str, int | float | Fraction | str] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.isidentifier():
            raise ParameterError(f"--set {setting}: write a name and its value, as in --set s=2")
        params[name] = _number(name, text)
    return params


def definition_text(path: Path) -> str:
    """The text of a .sym file. Raises OSError, ParseError or ParameterError where it is none."""
    content = _content(path)
    if len(content) > _MOST_BYTES:
        raise ParseError(f"{path}: this is longer than {_MOST_BYTES} bytes, too long for a "
                         "definition; split the program")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ParseError(f"{path}: this is no UTF-8 text; a definition is plain text") from None


def _content(path: Path) -> bytes:
    """What a file holds, up to one byte more than allowed. Only regular files are read.

    The file is opened without waiting, for a pipe may never have a writer, and looked at when it
    is open, so that nothing is put in its place in between. Raises OSError, ParameterError.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        kind = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(kind):
            raise ParameterError(f"{path} is {_described(kind)}, but a definition is read from a "
                                 "regular file; save the text in one and give its name")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(_MOST_BYTES + 1)
    finally:
        os.close(descriptor)


def _described(mode: int) -> str:
    return ("a directory" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode)
            else "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "no regular file")


def _number(name: str, text: str) -> Fraction | str:
    from symconv.operators.arguments import rational

    number = rational(text)
    if number is not None:
        return number
    if text.isidentifier():
        return text
    raise ParameterError(f"--set {name}={text[:40]}: the value must be a number such as 2, 0.5 or "
                         "1/3, or a name to keep it symbolic")
