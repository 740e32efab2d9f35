"""What a verification says: one line per check, with its figure and its derived bound."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = ("", "check", "figure", "bound", "what was compared")


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what came out (`figure`), what was allowed (`bound`), and of what."""

    name: str
    figure: str
    bound: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every check that was made. `notes` tell which checks do not apply, and why.

    True where all checks passed; a verdict without checks is not.
    """

    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    def __str__(self) -> str:
        rows = [_HEAD, *(("ok" if check.passed else "FAILED", check.name, check.figure,
                          check.bound, check.detail) for check in self.checks)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
                 .rstrip() for row in rows]
        return "\n".join([*lines, *(f"not applicable: {note}" for note in self.notes)])
