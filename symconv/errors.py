"""The errors that symconv raises on purpose.

Every message tells three things: what was given, what was expected, and the remedy.
The command line turns any of them into one message on standard error and exit status 2, or 1
where a check failed.
"""

from __future__ import annotations

_LONGEST = 80


def shown(value: object) -> str:
    """What was given, for a message: its repr, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:                          # an integer of more digits than Python prints
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 20]}...{text[-10:]}"


class SymconvError(Exception):
    """Base of all errors that a user of symconv can cause."""


class ParseError(SymconvError, ValueError):
    """A definition in text form is not in the language; shows the line and a caret."""


class ParameterError(SymconvError, ValueError):
    """A parameter of an operator or command has a value outside its range."""


class ShapeError(SymconvError, ValueError):
    """Shapes contradict each other or leave an operator without a meaning."""


class DTypeError(SymconvError, ValueError):
    """An array has another element type than the kernel."""


class BuildError(SymconvError):
    """No compiler, a compiler that failed, or a kernel that could not be loaded."""


class ConfirmationError(SymconvError):
    """Evaluation does not confirm a derived line, which is a fault of symconv: a failed check."""


def expect(label: str, given: object, kind: type, needed: str) -> None:
    """Raise ParameterError unless an argument is of a kind; `needed` says of which, and how."""
    if not isinstance(given, kind):
        raise ParameterError(f"{label} is {shown(given)}, but must be {needed}")
