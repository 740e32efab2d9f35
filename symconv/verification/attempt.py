"""Checks that survive a kernel which raises: that is a fault of the kernel, not of the check.

A kernel is compiled or imported code, and may raise anything; so anything is a failed check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from symconv.errors import SymconvError
from symconv.verification.verdict import Check


def attempt(name: str, check: Callable[[], Check]) -> Check:
    """The check, or a failed one where something else than an error of our own is raised."""
    try:
        return check()
    except SymconvError:
        raise
    except Exception as error:          # whatever the kernel under test raises
        return _failed(name, error)


def attempts(name: str, checks: Iterable[Check]) -> Iterator[Check]:
    """The checks; a failed one ends them where something is raised."""
    try:
        yield from checks
    except SymconvError:
        raise
    except Exception as error:          # whatever the kernel under test raises
        yield _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
    text = str(error).split("\n")[0]
    return Check(name, type(error).__name__, "no error", False, text[:90])
